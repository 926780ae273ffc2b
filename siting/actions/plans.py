"""Choose the best set of sites with a proven bound, look at the plan, and hand it out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from siting import words
from siting.access import Actor
from siting.actions import calibrations, effects, planfiles, question, radiotables, runs, scene
from siting.actions import candidates as candidate_actions
from siting.actions.candidates import Base
from siting.actions.doors import require
from siting.actions.question import Question
from siting.actions.runs import Reporter
from siting.errors import BadInput
from siting.plan import Plan, options, solve
from siting.radio import coverage as radio
from siting.radio import demand, update
from siting.settings import Settings
from siting.store import artefacts
from siting.store.database import Database
from siting.store.runs import Run

DEFAULT_COUNT = 30
KINDS = ("gpkg", "geojson", "xlsx", "html")


def candidates(db: Database, actor: Actor, run_id: str) -> gpd.GeoDataFrame:
    """Candidates of a score run; see `siting.actions.candidates`."""
    return candidate_actions.candidates(db, actor, run_id)


def execute_score(db: Database, actor: Actor, run: Run, report: Reporter) -> dict[str, Any]:
    """Do a score run; see `siting.actions.candidates`."""
    return candidate_actions.execute(db, actor, run, report)


def params(settings: Settings, given: Mapping[str, Any]) -> dict[str, Any]:
    """What to solve: count or budget, which candidates, which of them are fixed, gap and time.

    Raises
    ------
    BadInput
        If both or neither of count and budget are given, or one is not above 0.
    """
    count, budget = given.get("count"), given.get("budget_yuan")
    if (count is None) == (budget is None):
        raise BadInput("plans.one_limit")
    limit = {"count": int(count)} if count is not None else {"budget_yuan": float(budget or 0)}
    if not next(iter(limit.values())) > 0:
        raise BadInput("plans.limit", value=next(iter(limit.values())))
    chosen = {"coverage": given["coverage"], "admit": list(given.get("admit", [])), "lock": list(given.get("lock", []))}
    effort = {"gap": settings.number("plan.gap"), "time_limit_s": settings.number("plan.time_limit_s"), "seed": 0}
    return {**chosen, **limit, **effort}


def execute_plan(db: Database, actor: Actor, run: Run, report: Reporter) -> dict[str, Any]:
    """Do a plan run: score unless that stands, build the problem, solve it with a bound, keep the plan.

    Raises
    ------
    BadInput
        If a fixed candidate is not among the usable ones, or fixed ones alone break the limit.
    NotSolved
        If the rules clash.
    """
    require(db, actor, runs.PERMISSION)
    asked = params(db.settings, run.params)
    report.step("run.stage.candidates", 0.0, 0.5)
    scored_run = _score(db, actor, asked, report)
    report.step("run.stage.problem", 0.5, 0.55)
    asks = question.posed(db, actor, asked, scored_run.id, held=effects.current(db, actor))
    report.step("run.stage.solve", 0.55, 0.9)
    found = solve(
        asks.problem,
        gap=asked["gap"],
        time_limit_s=asked["time_limit_s"],
        seed=asked["seed"],
        progress=_teller(report),
        cancelled=report.cancelled,
    )
    report.step_on("run.stage.check", 0.9, 1.0)
    chosen = _chosen(asks.offered, found)
    after = asks.with_options(chosen.index.to_numpy())
    checked = _checked(db, asks.base, chosen, report)
    _save(db, run.id, asks, chosen.reset_index(drop=True), after)
    return {**_summary(found, chosen, asks, scored_run), "checked_added": checked, "limit": _limit_words(asked)}


def _score(db: Database, actor: Actor, asked: Mapping[str, Any], report: Reporter) -> Run:
    wanted = {"coverage": asked["coverage"], "admit": asked["admit"]}
    standing = candidate_actions.standing(db, actor, wanted)
    if standing is not None:
        return standing
    run_id = runs.start(db, actor, "score", wanted, now=report.clock(), status="running")
    run = runs.get(db, actor, run_id)
    own = Reporter(db, run_id, report.clock, parent=report)
    return runs.perform(db, actor, run, candidate_actions.execute, own)


def _limit_words(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {k: asked[k] for k in ("count", "budget_yuan") if k in asked}


def _teller(report: Reporter) -> Any:
    """Pass the solver's state on to whoever follows the run."""

    def tell(step: str, value: float, bound: float, done: float) -> None:
        report.note = words.say("run.live", step=step, value=f"{value:,.1f}", bound=f"{bound:,.1f}")
        report.progress(done)

    return tell


def _chosen(offered: pd.DataFrame, found: Plan) -> pd.DataFrame:
    """Points of the plan with what each adds when its turn comes; index = row in offered.

    Agreed ones come first and have no turn (order 0), then those picked by hand, then the chosen ones in build order.
    """
    standing, own = offered.index[offered["standing"]], offered.index[offered["locked"] & ~offered["standing"]]
    place = pd.Series(offered.index, index=offered["option_id"])
    order = [*standing, *own, *(int(place[name]) for name in found.chosen)]
    added = found.marginals.set_index("option_id") if len(found.marginals) else None
    chosen = offered.loc[order].copy()
    chosen["order"] = np.maximum(0, np.arange(1, len(chosen) + 1) - len(standing))
    turn = None if added is None else added["added_persons"].reindex(chosen["option_id"]).to_numpy(float)
    chosen["marginal_in_plan"] = np.full(len(chosen), np.nan) if turn is None else turn
    return chosen


def _checked(db: Database, base: Base, chosen: pd.DataFrame, report: Reporter) -> float | None:
    """People added once the whole network, interference included, is computed anew; None where no rule of quality applies.

    The network with the agreed points and the one with the plan are computed alike, without measured samples: what was
    measured says nothing of a network that does not stand.
    """
    thresholds = radiotables.thresholds(db)[base.run.params["profile"]]
    standing = chosen[chosen["standing"]]
    if thresholds.sinr_db is None or len(standing) == len(chosen) or report.cancelled():
        return None
    carrier = radiotables.networks(db)[base.run.params["network"]]
    ground = scene.build(db, cell_m=base.run.params["cell_m"], mix=base.run.params["mix"])
    held = calibrations.in_force(db, carrier.name)
    today = scene.sectors(db, carrier)
    before = today if standing.empty else pd.concat([today, options.sectors_of(standing)], ignore_index=True)
    after = pd.concat([today, options.sectors_of(chosen)], ignore_index=True)
    present = radio.coverage(
        before,
        ground.terrain,
        ground.units,
        carrier,
        calibration=None if held is None else held.calibration,
        gear=radiotables.gear(db),
        levels_dbm=(thresholds.rsrp_dbm,),
        map=report.mapper(),
    )
    planned = update.update(present, after, ground.terrain, map=report.mapper())
    now, then = (float(demand.gap(ground.units, f, thresholds=thresholds).total["covered"]) for f in (present, planned))
    return then - now


def _save(db: Database, run_id: str, asks: Question, chosen: pd.DataFrame, after: npt.NDArray[np.float64]) -> None:
    folder = runs.folder(db, run_id)
    artefacts.save_table(folder, "plan_sites", chosen)
    units = asks.base.units
    gained = units["persons"].to_numpy(float) * (after - asks.today)
    offices = pd.DataFrame(
        {"street_office": units["street_office"], "persons": units["persons"], "added": gained}
    ).groupby("street_office", observed=True)
    artefacts.save_table(folder, "added_street_office", offices.sum().reset_index())
    artefacts.save_arrays(folder, "after", {"p": after.astype(np.float32)})


def _summary(found: Plan, chosen: pd.DataFrame, asks: Question, scored: Run) -> dict[str, Any]:
    """Figures of a plan.

    What is added counts from the network of today and the points agreed or being built; points picked by hand are
    part of what is added.
    """
    base = asks.base
    people = base.units["persons"].to_numpy(float)
    today = float(people @ asks.today)
    new = chosen[~chosen["standing"]]
    return {
        "coverage": base.run.id,
        "score": scored.id,
        "measure": base.run.result["measure"],
        "calibrated": base.run.result["calibrated"],
        "count": len(new),
        "agreed": len(chosen) - len(new),
        "agreed_added": today - float(people @ base.units["present"].to_numpy(float)),
        "candidates": int(scored.result["scored"]),
        "base_value": today,
        "added": found.value - today,
        **{name: getattr(found, name) for name in ("value", "bound", "gap", "gap_of_total")},
        "status": found.status,
        "proven": found.status == "optimal",
        **{name: getattr(found, name) for name in ("seconds", "seed", "kicks", "repeatable", "method", "problem_hash")},
        "cost_yuan": float(new["cost_yuan"].sum()),
        "steps": [[s.name, s.value, s.bound, s.seconds] for s in found.steps],
        "unknown_persons": float(base.run.result["unknown"]),
    }


def plan(db: Database, actor: Actor, run_id: str) -> dict[str, Any]:
    """A finished plan: its figures, ``sites`` in build order and ``street_offices``.

    Returns
    -------
    dict
        Summary of the run plus the frames ``sites`` (project CRS) and ``street_offices``.
    """
    run = runs.finished(db, actor, "plan", run_id)
    folder = runs.folder(db, run_id)
    table = artefacts.load_table(folder, "plan_sites")
    points = gpd.points_from_xy(table["easting_m"], table["northing_m"])
    sites = gpd.GeoDataFrame(table, geometry=points, crs=db.settings.crs)
    offices = artefacts.load_table(folder, "added_street_office")
    return {**run.result, "run": run_id, "sites": sites, "street_offices": offices}


def export(
    db: Database, actor: Actor, run_id: str, *, kind: str, lang: str = words.DEFAULT_LANGUAGE
) -> tuple[str, bytes]:
    """A plan as a file: name and bytes.

    Parameters
    ----------
    kind : str
        One of `KINDS`.

    Raises
    ------
    BadInput
        If the kind is unknown.
    """
    require(db, actor, "export.internal")
    if kind not in KINDS:
        raise BadInput("plans.kind", kind=kind, known=", ".join(KINDS))
    run = runs.finished(db, actor, "plan", run_id)
    found = plan(db, actor, run_id)
    base = runs.finished(db, actor, "coverage", found["coverage"])
    return f"{run_id}.{kind}", planfiles.render(db, actor, found, run=run, base=base, kind=kind, lang=lang)


def write(db: Database, actor: Actor, run_id: str, path: Path) -> list[Path]:
    """Write a plan to ``path`` and, beside it, as GeoPackage, GeoJSON and xlsx under the same name.

    Raises
    ------
    BadInput
        If the ending of the path is none of `KINDS`.
    """
    asked = require_kind(path)
    paths = [path, *(path.with_suffix(f".{k}") for k in ("gpkg", "geojson", "xlsx") if k != asked)]
    for place in paths:
        _, data = export(db, actor, run_id, kind=place.suffix.removeprefix(".").lower())
        place.write_bytes(data)
    return paths


def require_kind(path: Path) -> str:
    """The kind of file that the ending of a path asks for, to be settled before long work begins.

    Raises
    ------
    BadInput
        If it is none of `KINDS`.
    """
    asked = path.suffix.removeprefix(".").lower()
    if asked not in KINDS:
        raise BadInput("plans.kind", kind=asked, known=", ".join(KINDS))
    return asked
