"""Choose the best set of sites with a proven bound, look at the plan, and hand it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import floor
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from siting import words
from siting.access import Actor
from siting.actions import candidates as candidate_actions
from siting.actions import (
    coverage,
    curves,
    effects,
    modelerror,
    planchecks,
    planfiles,
    planned,
    planparams,
    planstarts,
    planwords,
    question,
    runs,
)
from siting.actions.doors import require
from siting.actions.question import Question
from siting.actions.runs import Reporter, Work
from siting.errors import BadInput, NotSolved, Word
from siting.plan import Plan, solve
from siting.plan.cost import minimise_cost
from siting.settings import Settings
from siting.store import runs as run_rows
from siting.store.database import Database
from siting.store.runs import Run

KINDS = tuple(planfiles.KINDS)


def candidates(db: Database, actor: Actor, run_id: str) -> gpd.GeoDataFrame:
    """Candidates of a score run; see `siting.actions.candidates`."""
    return candidate_actions.candidates(db, actor, run_id)


def execute_score(db: Database, actor: Actor, run: Run, report: Reporter) -> dict[str, Any]:
    """Do a score run; see `siting.actions.candidates`."""
    return candidate_actions.execute(db, actor, run, report)


def params(settings: Settings, given: Mapping[str, Any]) -> dict[str, Any]:
    """What to solve, complete; see `siting.actions.planparams.params`.

    Raises
    ------
    BadInput
        With everything that is wrong.
    """
    return planparams.params(settings, given)


def execute_plan(db: Database, actor: Actor, run: Run, report: Reporter) -> dict[str, Any]:
    """Do a plan run: coverage and score unless they stand, build the problem, solve it with a bound, keep the plan.

    A plan that somebody stops while it is solved keeps the best found so far.

    Raises
    ------
    BadInput
        If a fixed candidate is not among the usable ones, or fixed ones alone break the limit.
    NotSolved
        If the rules clash, in sentences, or nothing reaches the people asked for.
    """
    require(db, actor, runs.PERMISSION)
    asked = _resolved(db, actor, run, report)
    report.step("run.stage.candidates", report.reached, 0.5)
    scored_run = _score(db, actor, asked, report)
    report.step("run.stage.problem", 0.5, 0.55)
    asks = question.posed(db, actor, asked, scored_run.id, held=effects.current(db, actor))
    start, told = planstarts.best(db, actor, asks, asked, scored_run.id)
    report.step("run.stage.solve", 0.55, 0.85)
    found = _solved(db, asks, asked, start, report)
    made = planned.Made(asks, asked, found, chosen(asks.offered, found), (*asks.findings, *told))
    figures = finish(db, actor, run.id, made, scored_run, report)
    return {**figures, "start": "" if start is None else start[0]}


def finish(
    db: Database, actor: Actor, run_id: str, made: planned.Made, scored_run: Run, report: Reporter
) -> dict[str, Any]:
    """Check the fields and the network of a solved question, and keep it under a run; the figures for the run's row."""
    require(db, actor, runs.PERMISSION)
    report.step_on("run.stage.fields", 0.85, 0.9)
    sites, above = planchecks.fields(db, actor, made.chosen, report)
    made = replace(made, chosen=sites, findings=(*made.findings, *above))
    figures = planned.summary(db, made, scored_run)
    report.step_on("run.stage.check", 0.9, 1.0)
    checked = planchecks.network(db, made.asks.base, sites, report)
    value = None if checked is None else checked.value
    told = replace(made.found, radio=planned.radio(made.asks.base.run), checked_value=value)
    apart = planchecks.apart(checked, figures["expected_added"])
    made = replace(made, found=told, findings=(*made.findings, *apart))
    planned.save(db, run_id, made)
    return {
        **figures,
        **modelerror.ends(db, made.asks, made.asked, sites),
        "findings": planned.counts(made.findings),
        "checked_value": value,
        "checked_added": None if checked is None else checked.added,
    }


def _resolved(db: Database, actor: Actor, run: Run, report: Reporter) -> dict[str, Any]:
    """The run's parameters with the coverage run it rests on: the named one, or that of its own demand and networks.

    A coverage run that stands serves; else it is computed first, and written down in the run's parameters.
    """
    asked = params(db.settings, run.params)
    if asked["coverage"] or "coverage_params" not in asked:
        return asked
    wanted = coverage.params(db, asked["coverage_params"])
    base = coverage.standing(db, actor, wanted)
    if base is None:
        report.step("run.stage.coverage", 0.0, 0.25)
        base = _first(db, actor, "coverage", wanted, coverage.execute, report)
    run_rows.settle(db, run.id, {**run.params, "coverage": base.id})
    return {**asked, "coverage": base.id}


def _score(db: Database, actor: Actor, asked: Mapping[str, Any], report: Reporter) -> Run:
    wanted = candidate_actions.params(asked["coverage"], admit_unknown=candidate_actions.STUDY in asked["admit"])
    standing = candidate_actions.standing(db, actor, wanted)
    return standing or _first(db, actor, "score", wanted, candidate_actions.execute, report)


def _first(db: Database, actor: Actor, kind: str, wanted: Mapping[str, Any], work: Work, report: Reporter) -> Run:
    """Work that a plan waits for, as a run of its own."""
    run_id = runs.start(db, actor, kind, wanted, now=report.clock(), status="running")
    own = Reporter(db, run_id, report.clock, parent=report)
    return runs.perform(db, actor, runs.get(db, actor, run_id), work, own)


def _solved(
    db: Database, asks: Question, asked: Mapping[str, Any], start: planstarts.Start | None, report: Reporter
) -> Plan:
    """The plan of a question; a clash of rules is told in sentences."""
    today = asks.value(np.flatnonzero(asks.offered["standing"]))
    way = curves.Curve(runs.folder(db, report.run_id), report.clock, base_value=today)
    effort = {name: asked[name] for name in ("gap", "time_limit_s", "seed")}
    effort |= {"progress": _teller(report, way), "cancelled": report.cancelled}
    try:
        if "target_persons" in asked:
            return _cheapest(asks, float(asked["target_persons"]), today, effort)
        return solve(asks.problem, kicks=asked["kicks"], start=None if start is None else start[1], **effort)
    except NotSolved as error:
        raise planwords.clash(db, error, asks, asked) from error
    finally:
        way.save()


def _cheapest(asks: Question, target: float, today: float, effort: Mapping[str, Any]) -> Plan:
    """The least yuan for a number of people added to `today`; what the points picked by hand add counts towards it.

    Raises
    ------
    NotSolved
        If no plan reaches so many, with the most that one adds.
    """
    held = asks.value(np.flatnonzero(asks.offered["locked"])) - today
    try:
        return minimise_cost(asks.problem, target_persons=max(0.0, target - held), **effort)
    except NotSolved as error:
        if error.key != "plan.cost.unreached":
            raise
        most, unit = held + float(str(error.values["added"])), Word(f"ui.unit.{asks.base.run.result['measure']}")
        raise NotSolved("plans.unreached", target=f"{target:,.10g}", most=f"{floor(most):,}", unit=unit) from error


def _teller(report: Reporter, way: curves.Curve) -> Any:
    """Pass the solver's state on to whoever follows the run, and keep its way."""

    def tell(step: str, value: float, bound: float, done: float) -> None:
        way.tell(step, value, bound)
        report.progress(done)

    return tell


def chosen(offered: pd.DataFrame, found: Plan) -> pd.DataFrame:
    """Points of the plan with what each adds when its turn comes; index = row in offered.

    Agreed ones come first and have no turn (order 0), then those picked by hand, then the chosen ones in build order.
    """
    standing, own = offered.index[offered["standing"]], offered.index[offered["locked"] & ~offered["standing"]]
    place = pd.Series(offered.index, index=offered["option_id"])
    order = [*standing, *own, *(int(place[name]) for name in found.chosen)]
    added = found.marginals.set_index("option_id") if len(found.marginals) else None
    sites = offered.loc[order].copy()
    sites["order"] = np.maximum(0, np.arange(1, len(sites) + 1) - len(standing))
    turn = None if added is None else added["added_persons"].reindex(sites["option_id"]).to_numpy(float)
    sites["marginal_in_plan"] = np.full(len(sites), np.nan) if turn is None else turn
    return sites


def plan(db: Database, actor: Actor, run_id: str, *, lang: str = words.DEFAULT_LANGUAGE) -> dict[str, Any]:
    """A finished plan: its figures, and its frames.

    Returns
    -------
    dict
        Summary of the run plus ``sites`` in build order (project CRS), ``street_offices``, ``operators``, ``venues``
        (people before and with the plan), ``rules`` (what each uses, which bind, with a sentence), ``conditions`` of
        chosen points, ``excluded`` (options left out by reason), ``marginals`` (in build order), ``curve`` (value and
        bound by step) and ``told`` (findings), without numbers of problem points that the actor does not see; see
        `siting.actions.planned.frames`.
    """
    run = runs.finished(db, actor, "plan", run_id)
    return {**run.result, "run": run_id, **planned.frames(db, actor, run, lang=lang)}


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
