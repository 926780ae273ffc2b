"""What a blocked point costs and what could stand in for it: values in people, with bounds, and substitutes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from siting import access
from siting.access import Actor
from siting.actions import cases, coverage, effects, plans, question, runs
from siting.actions.doors import require
from siting.actions.question import Question
from siting.actions.runs import Reporter
from siting.actions.substitutes import substitutes
from siting.errors import BadInput, NotAllowed, NotFound, NotSolved
from siting.ledger.effects import effect_of
from siting.ledger.model import Case, Value
from siting.plan import value_of_unblocking
from siting.plan.blocking import Unblocking
from siting.store import artefacts, case_values, layers
from siting.store import runs as run_rows
from siting.store.database import Database
from siting.store.runs import OPEN, Run

__all__ = ["ask", "execute", "params", "request", "substitutes", "value_of", "values"]
KIND = "unblock"
NEVER = "never"
FAILED = "failed"
# Coverage of a venue that changes by less is shown as none [persons].
LEAST_VENUE_PERSONS = 0.5
# Two plans and two local ones share the time.
SHARES = 4
COLUMNS = ("case_id", "value", "people_low", "people_high", "venues", "stale", "why", "computed_at")


def ask(db: Database, case: Case, *, now: datetime) -> str | None:
    """Queue the valuation of a case that blocks a candidate, by the program itself.

    Returns
    -------
    str or None
        The run's id; None where the case forbids nothing, or the same valuation waits already.
    """
    if not case.record.get("site_ref") or effect_of(case) != effects.FORBIDDEN:
        return None
    wanted = params(db, case)
    waiting = [r for status in OPEN for r in run_rows.listing(db, KIND, status=status, limit=1000)]
    if any(r.params == wanted for r in waiting):
        return None
    return runs.start(db, access.system(), KIND, wanted, now=now)


def request(db: Database, actor: Actor, case_id: str, *, now: datetime) -> str | None:
    """Have a case valued anew; None where it forbids nothing or waits already."""
    _whole_district(db, actor)
    return ask(db, cases.get(db, actor, case_id), now=now)


def params(db: Database, case: Case, *, plan_run: str | None = None) -> dict[str, str]:
    """What a valuation is about: the case and the plan it is measured in, by default the newest of the district."""
    newest = _standing_plan(db)
    return {"case": case.id, "plan": plan_run or (newest.id if newest else "")}


def _standing_plan(db: Database) -> Run | None:
    """The newest finished plan of who plans the whole district, under a limit: without one nothing has a substitute."""
    done = run_rows.listing(db, "plan", status="done", limit=200)
    whole = (run for run in done if run.audience == "district")
    return next((run for run in whole if run.params.get("target_persons") is None), None)


def _whole_district(db: Database, actor: Actor) -> None:
    """A valuation looks at every problem point; only who plans the whole district has one made."""
    require(db, actor, runs.PERMISSION)
    if access.scope(actor, runs.PERMISSION) != "all":
        raise NotAllowed("access.denied", permission=runs.PERMISSION, role=access.role_word(actor))


def execute(db: Database, actor: Actor, run: Run, report: Reporter) -> dict[str, Any]:
    """Do a valuation: the plan's own question with the point allowed and without it; keep what is found with the case.

    What cannot be computed is kept as such, with the reason; it is never 0.
    """
    _whole_district(db, actor)
    report.step("run.stage.problem", 0.0, 0.3)
    case = cases.get(db, actor, run.params["case"])
    record = _record(db, actor, case, run.params["plan"], report)
    report.step_on("run.stage.save", 0.95, 1.0)
    with db.write() as connection:
        case_values.save(
            connection,
            case.id,
            {**record, "site_ref": str(case.record.get("site_ref") or "")},
            key=db.key(),
            actor=actor,
            plan_run=run.params["plan"],
            now=report.clock(),
        )
    return {"case": str(case.record.get("pp_no") or case.id), "why": record["why"], **_amounts(record)}


def _record(db: Database, actor: Actor, case: Case, plan_run: str, report: Reporter) -> dict[str, Any]:
    """What is found, or the reason why nothing is."""
    why, plan = _obstacle(db, actor, case, plan_run)
    if why or plan is None:
        return {"why": why}
    candidate = effects.places(db, str(case.record["site_ref"]))
    others = effects.current(db, None, leave_out=str(case.record.get("pp_no") or ""))
    asked = plans.params(db.settings, plan.params)
    try:
        asks = question.posed(db, actor, asked, plan.result["score"], held=others)
    except (BadInput, NotFound):
        return {"why": "changed"}
    own = asks.offered[asks.offered["candidate_id"] == candidate]
    if own.empty or own["standing"].any():
        return {"why": "not_scored" if own.empty else "agreed_by_other"}
    report.step("run.stage.solve", 0.3, 0.95)
    try:
        found = _valued(db, asks, plan, asked, blocked=list(own["option_id"]))
    except NotSolved:
        return {"why": "clash"}
    return _as_text(db, found, plan, asks)


def _obstacle(db: Database, actor: Actor, case: Case, plan_run: str) -> tuple[str, Run | None]:
    """Why a case cannot be valued, as far as that shows without computing; the plan otherwise."""
    if not case.record.get("site_ref"):
        return "no_place", None
    if effect_of(case) != effects.FORBIDDEN:
        return "not_blocked", None
    if not plan_run:
        return "no_plan", None
    plan = runs.finished(db, actor, "plan", plan_run)
    base = runs.get(db, actor, plan.params["coverage"])
    return ("", plan) if coverage.current(db, base) else ("coverage_stale", None)


def _valued(db: Database, asks: Question, plan: Run, asked: Mapping[str, Any], *, blocked: list[str]) -> Unblocking:
    """The value in the terms of a plan; what its order left open is as the settings say."""
    sites = artefacts.load_table(runs.folder(db, plan.id), "plan_sites", columns=["option_id"])
    free = set(asks.offered.loc[~asks.offered["locked"], "option_id"])
    return value_of_unblocking(
        asks.problem,
        blocked,
        plan=[name for name in sites["option_id"] if name in free],
        bounds={str(plan.result["problem_hash"]): float(plan.result["bound"])},
        gap=float(asked["gap"]),
        time_limit_s=db.settings.number("plan.unblock_time_s") / SHARES,
        seed=int(asked["seed"]),
    )


def _as_text(db: Database, found: Unblocking, plan: Run, asks: Question) -> dict[str, Any]:
    """The record of a valuation; amounts are text, as the journal keeps them."""
    amounts = ("value", "people_low", "people_high", "local_value")
    lost = question.by_operator(found.by_operator, asks.shares)
    return {
        "why": "",
        **{name: repr(float(getattr(found, name))) for name in amounts},
        "local_proven": found.local_proven,
        "profile": asks.base.run.params["profile"],
        "coverage": plan.params["coverage"],
        "score": plan.result["score"],
        "measure": plan.result["measure"],
        "by_operator": {
            str(name): repr(float(people)) for name, people in zip(lost["operator"], lost["lost"], strict=True)
        },
        "venues": _venue_names(db, found.venues_lost),
        "substitutes": list(found.substitutes),
        "plan_free": list(found.plan_free.chosen),
        "plan_forbid": list(found.plan_forbid.chosen),
    }


def _venue_names(db: Database, lost: pd.DataFrame) -> list[str]:
    """Key venues that lose people, the largest loss first, by name."""
    known = layers.read(db, "venues", columns=["name"]).set_index("venue_id")["name"]
    worst = lost[lost["lost"] >= LEAST_VENUE_PERSONS].sort_values("lost", ascending=False, kind="stable")
    return [str(known.get(venue, venue)) for venue in worst["venue"]]


def _amounts(record: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(record[name]) for name in ("value", "people_low", "people_high") if name in record}


def value_of(db: Database, actor: Actor, case_id: str) -> Value | None:
    """What unblocking a case would bring, None where that is not computed.

    Raises
    ------
    NotFound
        If there is no such case that the actor sees.
    """
    case = cases.get(db, actor, case_id)
    line = case_values.listing(db, viewer=actor, case_id=case.id)[0]
    record = line["record"]
    if record.get("why", NEVER):
        return None
    return Value(
        **_amounts(record),
        venues=tuple(record["venues"]),
        computed_at=line["computed_at"],
        plan_run=line["plan_run"],
        profile=record["profile"],
        stale=_is_stale(line, **_standing(db)),
        local_value=float(record["local_value"]),
        local_proven=bool(record["local_proven"]),
    )


def values(db: Database, actor: Actor) -> pd.DataFrame:
    """The values of all cases that the actor sees and that block a candidate or did when they were valued.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, the largest value first; what is not computed comes last with a reason in ``why`` (a key of
        ``unblocking.why``) and no number.
    """
    require(db, actor, runs.READING)
    seen = cases.effects(db, actor)
    blocking = set(seen.loc[seen["effect"] == effects.FORBIDDEN, "case_no"])
    now_stands, broken = _standing(db), _broken(db)
    lines = [
        _line(line, now_stands, broken)
        for line in case_values.listing(db, viewer=actor)
        if line["record"] or line["pp_no"] in blocking
    ]
    frame = pd.DataFrame(lines, columns=list(COLUMNS))
    numbers = {name: pd.to_numeric(frame[name]).astype(float) for name in ("value", "people_low", "people_high")}
    return frame.assign(**numbers).sort_values("value", ascending=False, kind="stable", ignore_index=True)


def _broken(db: Database) -> set[str]:
    """Cases whose newest valuation ended without an answer."""
    newest: dict[str, str] = {}
    for run in run_rows.listing(db, KIND, limit=500):
        newest.setdefault(str(run.params["case"]), run.status)
    return {case for case, status in newest.items() if status in {"failed", "cancelled"}}


def _line(line: Mapping[str, Any], now_stands: Mapping[str, str], broken: Collection[str]) -> dict[str, Any]:
    record = line["record"] or ({"why": FAILED} if line["case_id"] in broken else {})
    return {
        "case_id": line["case_id"],
        **_amounts(record),
        "venues": tuple(record.get("venues", ())),
        "stale": bool(line["record"]) and _is_stale(line, **now_stands),
        "why": record.get("why", NEVER),
        "computed_at": line["computed_at"] or "",
    }


def _standing(db: Database) -> dict[str, str]:
    """The plan that a value must rest on to be fresh, and its coverage run while nothing has overtaken that."""
    plan = _standing_plan(db)
    if plan is None:
        return {"plan_run": "", "coverage_run": ""}
    base = run_rows.get(db, plan.params["coverage"])
    return {"plan_run": plan.id, "coverage_run": base.id if coverage.current(db, base) else ""}


def _is_stale(line: Mapping[str, Any], *, plan_run: str, coverage_run: str) -> bool:
    """Whether a newer plan or coverage stands, or the case's place was changed."""
    record = line["record"]
    moved = record.get("site_ref", "") != (line["site_ref"] or "")
    overtaken = "coverage" in record and record["coverage"] != coverage_run
    return bool(moved or overtaken or line["plan_run"] != plan_run)
