"""Named scenarios: keep what a plan is asked under a name, ask it again, hold plans against it."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from siting.access import Actor, scope
from siting.actions import coverage, planasked, planprices, plans, runs
from siting.actions.doors import require
from siting.errors import BadInput, Conflict
from siting.store import journal, scenarios
from siting.store.database import Connection, Database
from siting.store.scenarios import Scenario

STREAM = "plan.scenarios"
LONGEST_NAME = 60
LONGEST_REASON = 500
#: Dearer or cheaper by more than this is a mistake in typing.
DEAREST = 100.0


def record(db: Database, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a scenario holds, complete and checked.

    Parameters
    ----------
    given : mapping
        Parameters of a plan run (limits, ``admit``, ``lock``, ``forbid``, ``rules``, …), ``coverage_params`` (networks, profile,
        mix, cell; the settings stand for what is not given), ``prices`` (own prices by ``class.equipment`` [yuan], the
        district's where it says nothing), ``price_factor`` (all costs are multiplied by it; default 1) and ``draw_seed`` (the model is off as in the first draw of this seed; None: it is not).

    Returns
    -------
    dict
        ``params`` of a plan run without its coverage, ``coverage_params, price_factor, draw_seed``.

    Raises
    ------
    BadInput
        If anything in it is not usable.
    """
    asked = {
        name: value for name, value in given.items() if name not in {"coverage", "coverage_params", "scenario", "start"}
    }
    asked["prices"] = planprices.checked(db, given.get("prices") or {})
    params = plans.params(db.settings, {**asked, "coverage": ""})
    factor, seed = given.get("price_factor", 1.0), given.get("draw_seed")
    if not (isinstance(factor, int | float) and math.isfinite(factor) and 1 / DEAREST <= factor <= DEAREST):
        raise BadInput("scenario.price", value=factor, least=1 / DEAREST, most=DEAREST)
    if seed is not None and not (isinstance(seed, int) and seed >= 0):
        raise BadInput("scenario.seed", value=seed)
    own = {name: value for name, value in params.items() if name not in {"coverage", "scenario", "start"}}
    return {
        "params": own,
        "coverage_params": coverage.params(db, given.get("coverage_params") or {}),
        "price_factor": float(factor),
        "draw_seed": seed,
    }


def save(db: Database, actor: Actor, name: str, *, given: Mapping[str, Any], reason: str, now: datetime) -> Scenario:
    """Keep a scenario under a name.

    Parameters
    ----------
    name : str
        Of at most `LONGEST_NAME` characters; an organisation has each name once.
    given : mapping
        See `record`.
    reason : str
        What it is for.

    Raises
    ------
    BadInput
        If the name, the reason or what is asked is not usable.
    Conflict
        If the organisation has a scenario of this name.
    """
    require(db, actor, runs.PERMISSION)
    asked = record(db, given)
    planasked.params(db, actor, {**asked["params"], "coverage": "", "coverage_params": asked["coverage_params"]})
    made = Scenario(
        id=uuid.uuid4().hex[:12],
        name=_name(name),
        record=asked,
        reason=_reason(reason),
        audience="district" if scope(actor, runs.PERMISSION) == "all" else "org",
        org=actor.org,
        at=now.isoformat(timespec="milliseconds"),
        actor=actor.id,
        person=actor.name,
    )
    with db.write() as connection:
        _free(connection, made.name, org=actor.org)
        scenarios.add(connection, made)
        _tell(connection, db, actor, "scenario.saved", made, now=now)
    return made


def listing(db: Database, actor: Actor) -> list[Scenario]:
    """Scenarios that the actor sees, newest first."""
    require(db, actor, runs.READING)
    return scenarios.listing(db, viewer=actor)


def asked(db: Database, actor: Actor, plan_run: str) -> dict[str, Any]:
    """What a finished plan was asked, as `save` takes it: its parameters and those of the coverage it rests on.

    Raises
    ------
    NotFound, BadInput
        If there is no such finished run that the actor sees.
    """
    require(db, actor, runs.READING)
    run = runs.finished(db, actor, "plan", plan_run)
    base = runs.finished(db, actor, "coverage", str(run.result["coverage"]))
    return {**run.params, "lock": [], "coverage_params": dict(base.params)}


def rename(db: Database, actor: Actor, scenario_id: str, name: str, *, now: datetime) -> None:
    """Give a scenario another name.

    Raises
    ------
    NotFound
        If there is none that the actor sees.
    BadInput, Conflict
        If the name is not usable, or taken.
    """
    require(db, actor, runs.PERMISSION)
    one, wanted = scenarios.get(db, scenario_id, viewer=actor), _name(name)
    if wanted == one.name:
        return
    with db.write() as connection:
        _free(connection, wanted, org=one.org)
        scenarios.rename(connection, one.id, wanted, now=now)
        _tell(connection, db, actor, "scenario.renamed", one, now=now, to=wanted)


def remove(db: Database, actor: Actor, scenario_id: str, *, reason: str, now: datetime) -> None:
    """Take a scenario out of the lists; the journal keeps what it asked.

    Raises
    ------
    NotFound
        If there is none that the actor sees.
    BadInput
        If no reason is given.
    """
    require(db, actor, runs.PERMISSION)
    one, why = scenarios.get(db, scenario_id, viewer=actor), _reason(reason)
    with db.write() as connection:
        scenarios.remove(connection, one.id, actor=actor, now=now)
        _tell(connection, db, actor, "scenario.removed", one, now=now, why=why)


def _params(db: Database, actor: Actor, one: Scenario) -> dict[str, Any]:
    """Parameters of the plan run that answers a scenario.

    Coverage that stands is used, else the run computes it.  All prices times a factor buy what the budget divided by the
    factor buys, which is how the factor is asked.  A draw of the model's error counts when plans are compared; the plan itself is
    chosen by the model as it is.
    """
    asked = dict(one.record["params"])
    if asked.get("budget_yuan") is not None:
        asked["budget_yuan"] = asked["budget_yuan"] / one.record["price_factor"]
    base = coverage.standing(db, actor, one.record["coverage_params"])
    on = {"coverage": "" if base is None else base.id}
    own = {"coverage_params": dict(one.record["coverage_params"])} if base is None else {}
    return {**asked, **on, **own, "scenario": one.name}


def queue(db: Database, actor: Actor, scenario_id: str, *, now: datetime) -> str:
    """Queue the plan of a scenario; the run's id.

    Raises
    ------
    NotFound
        If there is no such scenario that the actor sees.
    NotAllowed
        If it is about networks of others.
    BadInput
        If it names what is not there any more.
    """
    require(db, actor, runs.PERMISSION)
    wanted = _params(db, actor, scenarios.get(db, scenario_id, viewer=actor))
    planasked.params(db, actor, wanted)
    return runs.start(db, actor, "plan", wanted, now=now)


def _name(text: str) -> str:
    told = " ".join(text.split())
    if not told or len(told) > LONGEST_NAME:
        raise BadInput("scenario.name", most=LONGEST_NAME)
    return told


def _reason(text: str) -> str:
    told = text.strip()
    if not told or len(told) > LONGEST_REASON:
        raise BadInput("scenario.reason", most=LONGEST_REASON)
    return told


def _free(connection: Connection, name: str, *, org: str) -> None:
    if scenarios.named(connection, name, org=org):
        raise Conflict("scenario.taken", name=name)


def _tell(
    connection: Connection, db: Database, actor: Actor, kind: str, one: Scenario, *, now: datetime, **more: str
) -> None:
    text = json.dumps(dict(one.record), ensure_ascii=False, sort_keys=True)
    payload = {"scenario": one.id, "name": one.name, "reason": one.reason, "asked": text, **more}
    journal.append(connection, key=db.key(), stream=STREAM, actor=actor, kind=kind, payload=payload, now=now)
