"""Other plans nearly as good as a finished one: look for them, read what each trades, adopt one as a plan of its own."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from siting.access import Actor
from siting.actions import effects, planfiles, planned, plans, question, runs
from siting.actions.doors import require
from siting.actions.question import Question
from siting.actions.runs import Reporter
from siting.errors import BadInput, NotFound
from siting.plan import Plan
from siting.plan.result import Watch
from siting.plan.twins import Alternative, Choice, as_plan, choose
from siting.reports import planjson
from siting.store import artefacts, layers
from siting.store import runs as run_rows
from siting.store.database import Database
from siting.store.runs import Run

KIND = "alternatives"
COUNT, WITHIN, MIN_CHANGES = 5, 0.02, 1
MOST = 20
LOOKED_AT = 200
ENTERS, LEAVES = "enters", "leaves"
#: What is told of every point that enters or leaves.
POINT = ("option_id", "candidate_id", "name", "class", "configuration", "street_office", "owner_org", "state", "codes", "message",
    "cost_yuan", "fibre_m", "permission", "easting_m", "northing_m")  # fmt: skip
#: What the core is told of an option beside the question.
KNOWN = ("state", "codes", "fibre_m", "permission")


@dataclass(frozen=True, eq=False)
class Posed:
    """A finished plan with its question as it stands now."""

    run: Run
    asks: Question
    asked: Mapping[str, Any]
    plan: Plan


def params(
    db: Database,
    actor: Actor,
    plan_run: str,
    *,
    count: int = COUNT,
    within: float = WITHIN,
    min_changes: int = MIN_CHANGES,
) -> dict[str, Any]:
    """What to look for: alternatives to a finished plan.

    Parameters
    ----------
    count : int
        Most alternatives.
    within : float
        Largest loss as a share of what the plan adds.
    min_changes : int
        Points in which any two differ at least.

    Raises
    ------
    BadInput
        If the plan is not finished, seeks the least cost for a number of people, or a number is out of range.
    """
    run = runs.finished(db, actor, "plan", plan_run)
    if run.params.get("target_persons") is not None:
        raise BadInput("alternatives.target")
    if not (1 <= count <= MOST and 0 <= within < 1 and min_changes >= 1):
        raise BadInput("alternatives.asked", count=count, within=within, min_changes=min_changes, most=MOST)
    wish = {"count": int(count), "within": float(within), "min_changes": int(min_changes)}
    return {"plan": run.id, "coverage": run.result["coverage"], **wish}


def request(
    db: Database,
    actor: Actor,
    plan_run: str,
    *,
    count: int = COUNT,
    within: float = WITHIN,
    min_changes: int = MIN_CHANGES,
    now: datetime,
) -> str:
    """Queue the search for alternatives to a plan, see `params`; the run's id."""
    require(db, actor, runs.PERMISSION)
    wanted = params(db, actor, plan_run, count=count, within=within, min_changes=min_changes)
    return runs.start(db, actor, KIND, wanted, now=now)


def adoption(db: Database, actor: Actor, run_id: str, number: int) -> dict[str, Any]:
    """What a run is asked that makes one alternative of a finished search a plan of its own.

    Raises
    ------
    NotFound
        If the search holds no alternative of this number.
    """
    run = runs.finished(db, actor, KIND, run_id)
    if number not in set(found(db, actor, run_id)["alternatives"]["number"]):
        raise NotFound("alternatives.number", number=number, count=run.result["count"])
    return {**_base(run), "adopt": {"run": run.id, "number": int(number)}}


def _base(run: Run) -> dict[str, Any]:
    return {name: run.params[name] for name in ("plan", "coverage")}


def adopt(db: Database, actor: Actor, run_id: str, number: int, *, now: datetime) -> str:
    """Queue making an alternative a plan of its own, with the plan's question and an honest status; the run's id."""
    require(db, actor, runs.PERMISSION)
    return runs.start(db, actor, KIND, adoption(db, actor, run_id, number), now=now)


def execute(db: Database, actor: Actor, run: Run, report: Reporter) -> dict[str, Any]:
    """Look for alternatives to a plan, or make one of them a plan.

    Raises
    ------
    BadInput
        If the plan's question has changed since: its bound says nothing of the question of today.
    """
    require(db, actor, runs.PERMISSION)
    report.step("run.stage.problem", 0.0, 0.3)
    posed = _posed(db, actor, run.params["plan"])
    if "adopt" in run.params:
        return _adopted(db, actor, posed, run, report)
    report.step("run.stage.alternatives", 0.3, 0.95)
    wish = {name: run.params[name] for name in ("count", "within", "min_changes")}
    watch = Watch(cancelled=report.cancelled, progress=lambda _step, _value, _bound, done: report.progress(done))
    choice = choose(posed.asks.problem, posed.plan, seed=posed.plan.seed, watch=watch, **wish)
    report.step_on("run.stage.save", 0.95, 1.0)
    _save(db, run.id, posed, choice)
    told = {"count": len(choice.alternatives), "asked": wish["count"], "within": wish["within"], "why": choice.why}
    measure = posed.run.result["measure"]
    return {"plan": posed.run.id, **told, "met": choice.met, "near": choice.near, "measure": measure}


def _posed(db: Database, actor: Actor, plan_run: str) -> Posed:
    """A plan's question as it stands; refused where it is another than the plan answered."""
    run = runs.finished(db, actor, "plan", plan_run)
    folder = runs.folder(db, run.id)
    asked = plans.params(db.settings, run.params)
    asks = question.posed(db, actor, asked, run.result["score"], held=effects.current(db, actor))
    kept = artefacts.has(folder, planfiles.KEPT)
    if not kept or asks.problem.digest() != run.result["problem_hash"]:
        raise BadInput("alternatives.changed", run=run.id)
    plan = planjson.load(artefacts.load_text(folder, planfiles.KEPT).encode()).plan
    known = asks.offered.reindex(columns=list(KNOWN)).reset_index(drop=True)
    return Posed(run, replace(asks, problem=replace(asks.problem, option_table=known)), asked, plan)


def _save(db: Database, run_id: str, posed: Posed, choice: Choice) -> None:
    folder = runs.folder(db, run_id)
    names = layers.read(db, "venues", columns=["name"]).set_index("venue_id")["name"].to_dict()
    numbered = list(enumerate(choice.alternatives, start=1))
    lines = [_line(number, one, names) for number, one in numbered]
    columns = list(_line(0, None, names))
    artefacts.save_table(folder, "alternatives", pd.DataFrame(lines, columns=columns))
    points = [_points(number, one, posed.asks.offered) for number, one in numbered]
    artefacts.save_table(
        folder, "points", pd.concat(points or [_points(0, None, posed.asks.offered)], ignore_index=True)
    )
    shifts = [row for number, one in numbered for row in _shifts(number, one, posed.asks.shares)]
    artefacts.save_table(folder, "shifts", pd.DataFrame(shifts, columns=["number", "by", "name", "change"]))


def _line(number: int, one: Alternative | None, names: Mapping[str, str]) -> dict[str, Any]:
    """One alternative in figures; of none, the names alone."""
    if one is None:
        named = (
            "number",
            "origin",
            "added",
            "value",
            "loss",
            "gap",
            "status",
            "cost_yuan",
            "cost_change_yuan",
            "fibre_change_m",
        )
        return dict.fromkeys((*named, "permission_change", "enters", "leaves", "venues_won", "venues_lost", "chosen"))
    return {
        "number": number,
        "origin": one.origin,
        "added": one.plan.added,
        **{name: getattr(one, name) for name in ("value", "loss", "gap")},
        "status": one.plan.status,
        "cost_yuan": one.plan.cost_yuan,
        "cost_change_yuan": one.cost_yuan,
        "fibre_change_m": _difference(one.options, "fibre_m"),
        "permission_change": _difference(one.options, "permission"),
        "enters": list(one.enters),
        "leaves": list(one.leaves),
        "venues_won": _named(one.venues_won, names),
        "venues_lost": _named(one.venues_lost, names),
        "chosen": list(one.plan.chosen),
    }


def _difference(options: pd.DataFrame, column: str) -> float:
    """Sum over what enters less sum over what leaves; unknown where one of them is."""
    signed = np.where(options["role"] == ENTERS, 1.0, -1.0) * options[column].to_numpy(float)
    return float(np.sum(signed))


def _named(venues: Sequence[str], names: Mapping[str, str]) -> list[str]:
    return [str(names.get(venue, venue)) for venue in venues]


def _points(number: int, one: Alternative | None, offered: pd.DataFrame) -> pd.DataFrame:
    """Points that enter and leave, as they stand among the candidates."""
    roles = {} if one is None else dict(zip(one.options["option_id"], one.options["role"], strict=True))
    rows = offered[offered["option_id"].isin(list(roles))].reindex(columns=list(POINT))
    return rows.assign(number=number, role=rows["option_id"].map(roles).astype(object))


def _shifts(number: int, one: Alternative, shares: Mapping[str, float]) -> list[tuple[int, str, str, float]]:
    operators = question.by_operator(one.operators[["operator", "change"]], shares)
    tables = {"operator": operators, "street_office": one.street_offices}
    return [
        (number, by, str(name), float(change))
        for by, table in tables.items()
        for name, change in zip(table[by], table["change"], strict=True)
    ]


def _adopted(db: Database, actor: Actor, posed: Posed, run: Run, report: Reporter) -> dict[str, Any]:
    """A plan run of its own with the same question; its bound is the plan's, its status what that proves."""
    wanted = run.params["adopt"]
    lines = found(db, actor, wanted["run"])["alternatives"]
    line: Mapping[Hashable, Any] = next(row for row in lines.to_dict("records") if row["number"] == wanted["number"])
    plan = as_plan(
        posed.asks.problem, posed.plan, list(line["chosen"]), origin=str(line["origin"]), gap=float(posed.asked["gap"])
    )
    given = {**posed.run.params, "start": posed.run.id}
    own = runs.start(db, actor, "plan", given, now=report.clock(), status="running")

    def work(_db: Database, _actor: Actor, _run: Run, told: Reporter) -> dict[str, Any]:
        made = planned.Made(posed.asks, posed.asked, plan, plans.chosen(posed.asks.offered, plan), posed.asks.findings)
        scored = runs.get(db, actor, posed.run.result["score"])
        return {**plans.finish(db, actor, own, made, scored, told), "start": posed.run.id}

    runs.perform(db, actor, runs.get(db, actor, own), work, Reporter(db, own, report.clock, parent=report))
    return {"plan": posed.run.id, "adopted": own, "number": wanted["number"]}


def standing(db: Database, actor: Actor, plan_run: str) -> Run | None:
    """The newest finished search for alternatives to a plan, if any."""
    require(db, actor, runs.READING)
    listed = run_rows.listing(db, KIND, status="done", limit=LOOKED_AT, viewer=actor)
    return next((run for run in listed if run.params["plan"] == plan_run and "adopt" not in run.params), None)


def found(db: Database, actor: Actor, run_id: str) -> dict[str, Any]:
    """A finished search: its figures and frames.

    Returns
    -------
    dict
        ``plan, count, asked, within, why, met, near, measure`` of the run, and the frames ``alternatives`` (a line each:
        ``number, origin, added, value, loss`` [persons or m2, as coverage counts], ``gap`` to the plan's own bound,
        ``status, cost_yuan, cost_change_yuan, fibre_change_m`` and ``permission_change`` (sum over what enters less what
        leaves; NaN where unknown), lists ``enters, leaves, venues_won, venues_lost, chosen``), ``points`` (GeoDataFrame in
        the project CRS: what enters and leaves each, with ``number`` and ``role``) and ``shifts`` (``number, by`` operator
        or street_office, ``name, change``).

    Raises
    ------
    BadInput
        If there is no such finished search for the actor.
    """
    run = runs.finished(db, actor, KIND, run_id)
    if "adopt" in run.params:
        raise BadInput("run.none_finished", kind=KIND, id=run_id)
    folder = runs.folder(db, run.id)
    names = ("alternatives", "points", "shifts")
    frames = {name: artefacts.load_table(folder, name) for name in names}
    points = frames["points"]
    places = gpd.points_from_xy(points["easting_m"].astype(float), points["northing_m"].astype(float))
    return {**run.result, **frames, "points": gpd.GeoDataFrame(points, geometry=places, crs=db.settings.crs)}
