"""Choose the best set of sites with a proven bound, look at the plan, and hand it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from siting import words
from siting.access import Actor
from siting.actions import candidates as candidate_actions
from siting.actions import coverage, planfiles, runs, scene
from siting.actions.candidates import Base
from siting.actions.doors import require
from siting.actions.runs import Reporter
from siting.errors import BadInput
from siting.plan import Limits, Plan, Rule, build, options, rules, solve
from siting.radio import coverage as radio
from siting.radio import demand
from siting.settings import Settings
from siting.store import artefacts, layers
from siting.store.database import Database
from siting.store.runs import Run

DEFAULT_COUNT = 30
KINDS = ("gpkg", "geojson", "xlsx", "html")


@dataclass(frozen=True)
class Gains:
    """Coverage probability of each option alone, sparse [units, options]."""

    p: sp.csc_array


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
    base = candidate_actions.base_of(db, actor, asked["coverage"])
    folder = runs.folder(db, scored_run.id)
    offered, reach = artefacts.load_table(folder, "scored"), artefacts.load_matrix(folder, "reach")
    offered = offered.assign(locked=offered["option_id"].isin(asked["lock"]))
    problem = build.build(
        base.units,
        Gains(reach),
        offered,
        limits=_limits(asked, offered),
        rules=_rules(db, offered),
        base={op: base.units["present"].to_numpy() for op in coverage.networks()[base.run.params["network"]].operators},
        cell_probability=coverage.profiles()[base.run.params["profile"]].cell_probability,
        admit=asked["admit"],
    )
    report.step("run.stage.solve", 0.55, 0.9)
    found = solve(
        problem,
        gap=asked["gap"],
        time_limit_s=asked["time_limit_s"],
        seed=asked["seed"],
        progress=_teller(report),
        cancelled=report.cancelled,
    )
    report.step_on("run.stage.check", 0.9, 1.0)
    chosen = _chosen(offered, found)
    after = _after(base, reach, chosen.index.to_numpy())
    checked = _checked(db, base, chosen, report)
    _save(db, run.id, base, chosen.reset_index(drop=True), after)
    return {**_summary(found, chosen, base, scored_run), "checked_added": checked, "limit": _limit_words(asked)}


def _score(db: Database, actor: Actor, asked: Mapping[str, Any], report: Reporter) -> Run:
    wanted = {"coverage": asked["coverage"], "admit": asked["admit"]}
    standing = candidate_actions.standing(db, actor, wanted)
    if standing is not None:
        return standing
    run_id = runs.start(db, actor, "score", wanted, now=report.clock(), status="running")
    run = runs.get(db, actor, run_id)
    own = Reporter(db, run_id, report.clock, parent=report)
    return runs.perform(db, actor, run, candidate_actions.execute, own)


def _limits(asked: Mapping[str, Any], offered: pd.DataFrame) -> Limits:
    """What is left for the optimiser once the points picked by hand are counted."""
    missing = sorted(set(asked["lock"]) - set(offered["option_id"]))
    if missing:
        raise BadInput("plans.lock_unknown", names=", ".join(missing))
    own = offered[offered["locked"]]
    count, budget = asked.get("count"), asked.get("budget_yuan")
    if count is not None:
        left = count - len(own)
        if left < 0:
            raise BadInput("plans.lock_many", n=len(own), count=count)
        return Limits(count=left)
    left_yuan = float(budget or 0.0) - float(own["cost_yuan"].sum())
    if left_yuan < 0:
        raise BadInput("plans.lock_dear", cost=float(own["cost_yuan"].sum()), budget=budget)
    return Limits(budget_yuan=left_yuan)


def _limit_words(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {k: asked[k] for k in ("count", "budget_yuan") if k in asked}


def _rules(db: Database, offered: pd.DataFrame) -> list[Rule]:
    assets = layers.read(db, "assets")
    own = pd.DataFrame(assets[assets["asset_id"].isin(offered["candidate_id"])].drop(columns="geometry"))
    return [*rules.one_per_candidate(offered), *rules.slots(offered, own), *rules.loads(offered, own)]


def _teller(report: Reporter) -> Any:
    """Pass the solver's state on to whoever follows the run."""

    def tell(step: str, value: float, bound: float, done: float) -> None:
        report.note = words.say("run.live", step=step, value=f"{value:,.1f}", bound=f"{bound:,.1f}")
        report.progress(done)

    return tell


def _chosen(offered: pd.DataFrame, found: Plan) -> pd.DataFrame:
    """Chosen options in build order, fixed ones first, with what each adds when its turn comes; index = row in offered."""
    own = offered.index[offered["locked"]]
    place = pd.Series(offered.index, index=offered["option_id"])
    order = [*own, *(int(place[name]) for name in found.chosen)]
    added = found.marginals.set_index("option_id") if len(found.marginals) else None
    chosen = offered.loc[order].copy()
    chosen["order"] = np.arange(1, len(chosen) + 1)
    turn = None if added is None else added["added_persons"].reindex(chosen["option_id"]).to_numpy(float)
    chosen["marginal_in_plan"] = np.full(len(chosen), np.nan) if turn is None else turn
    return chosen


def _after(base: Base, reach: sp.csc_array, columns: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Probability of every unit with the plan built: the best of the present network and the chosen points."""
    present = base.units["present"].to_numpy(np.float64)
    if len(columns) == 0:
        return present
    best = np.asarray(reach[:, columns].max(axis=1).todense(), np.float64).ravel()
    return np.maximum(present, best)


def _checked(db: Database, base: Base, chosen: pd.DataFrame, report: Reporter) -> float | None:
    """People added once the whole network, interference included, is computed anew; None where no rule of quality applies."""
    thresholds = coverage.profiles()[base.run.params["profile"]]
    if thresholds.sinr_db is None or chosen.empty or report.cancelled():
        return None
    carrier = coverage.networks()[base.run.params["network"]]
    ground = scene.build(db, cell_m=base.run.params["cell_m"], mix=base.run.params["mix"])
    new = options.sectors_of(chosen)
    sites = pd.concat([scene.sectors(db, carrier), new], ignore_index=True)
    found = radio.coverage(sites, ground.terrain, ground.units, carrier, map=report.mapper())
    return float(demand.gap(ground.units, found, thresholds=thresholds).total["covered"]) - float(
        base.run.result["covered"]
    )


def _save(db: Database, run_id: str, base: Base, chosen: pd.DataFrame, after: npt.NDArray[np.float64]) -> None:
    folder = runs.folder(db, run_id)
    artefacts.save_table(folder, "plan_sites", chosen)
    units = base.units
    gained = units["persons"].to_numpy(float) * (after - units["present"].to_numpy(float))
    offices = pd.DataFrame(
        {"street_office": units["street_office"], "persons": units["persons"], "added": gained}
    ).groupby("street_office", observed=True)
    artefacts.save_table(folder, "added_street_office", offices.sum().reset_index())
    artefacts.save_arrays(folder, "after", {"p": after.astype(np.float32)})


def _summary(found: Plan, chosen: pd.DataFrame, base: Base, scored: Run) -> dict[str, Any]:
    """Figures of a plan; what is added counts from the network of today, points picked by hand included."""
    today = float((base.units["persons"] * base.units["present"]).sum())
    return {
        "coverage": base.run.id,
        "score": scored.id,
        "measure": base.run.result["measure"],
        "calibrated": base.run.result["calibrated"],
        "count": len(chosen),
        "candidates": int(scored.result["scored"]),
        "base_value": today,
        "added": found.value - today,
        **{name: getattr(found, name) for name in ("value", "bound", "gap", "gap_of_total")},
        "status": found.status,
        "proven": found.status == "optimal",
        **{name: getattr(found, name) for name in ("seconds", "seed", "kicks", "repeatable", "method", "problem_hash")},
        "cost_yuan": float(chosen["cost_yuan"].sum()),
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
