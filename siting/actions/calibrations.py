"""Which calibration is in force for a network, who decided so, and the deciding."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from siting.access import Actor
from siting.actions import learning, radiotables, runs
from siting.actions.doors import require
from siting.errors import BadInput, Conflict, NotAllowed, NotFound
from siting.radio import calibrate
from siting.radio.calibration import Calibration
from siting.radio.lessons import Record
from siting.store import accounts, artefacts, decisions, journal, samples
from siting.store.database import Database
from siting.store.decisions import ADOPTED, DECISIONS, REJECTED, WITHDRAWN, Decision

__all__ = [
    "DECISIONS",
    "Decision",
    "InForce",
    "adopt",
    "calibration",
    "history",
    "in_force",
    "reject",
    "version",
    "withdraw",
]
PERMISSION = "radio.edit"
READING = "report.read"
KIND = "calibrate"
FILE = "calibration.json"
#: Any of these words, typed by hand, adopts a calibration that is no better than a constant.
OVERRIDES = ("强制采用", "override")


@dataclass(frozen=True)
class InForce:
    """An adopted calibration: the run that made it, who adopted it and when, what it says, its learned stage if it has one."""

    run: str
    adopted_by: str
    adopted_at: str
    calibration: Calibration
    learned: Record | None = None


def in_force(db: Database, network: str) -> InForce | None:
    """The calibration adopted last for a network; None: the network is uncalibrated (未校准)."""
    found = decisions.in_force(db, network)
    if found is None:
        return None
    decision, text = found
    told = calibrate.from_json(text)
    return InForce(decision.run, decision.name, decision.at, told, learning.record_in(text))


def version(db: Database, network: str) -> str:
    """Changes whenever another calibration comes into force; empty while the network is uncalibrated."""
    found = decisions.in_force(db, network)
    return "" if found is None else f"{found[0].run}@{found[0].at}"


def history(db: Database, actor: Actor, network: str | None = None) -> list[Decision]:
    """What was decided about a network, or all of them, newest first; an operator reads of its own networks."""
    require(db, actor, READING)
    known = radiotables.networks(db)
    own = {name for name, row in known.items() if actor.operator in {"", *row.operators}}
    return [one for one in decisions.listing(db, network=network) if one.network in own or one.org == actor.org]


def calibration(db: Database, actor: Actor, run_id: str) -> Calibration:
    """What a finished calibration run has found; offsets of devices only for who sees all samples behind it.

    Raises
    ------
    NotFound
        If there is no such run that the actor sees, or its files are gone.
    """
    found = runs.finished(db, actor, KIND, run_id)
    told = calibrate.from_json(artefacts.load_text(runs.folder(db, found.id), FILE))
    seen = {one.id for one in samples.listing(db, viewer=actor, retired=True)}
    return told if seen.issuperset(found.params["sets"]) else replace(told, devices={})


def adopt(
    db: Database, actor: Actor, run_id: str, network: str, *, reason: str, now: datetime, override: str = ""
) -> Decision:
    """Bring the calibration of a run into force for a network; coverage computed before becomes stale.

    Parameters
    ----------
    db, actor
        The district; who decides, with ``radio.edit``.
    run_id, network : str
        A finished run of kind ``calibrate``, and one of its networks.
    reason : str
        Why.
    now : datetime
        Time of the act.
    override : str
        One of `OVERRIDES`, where the calibration is no better than a constant.

    Raises
    ------
    BadInput
        If there is no reason, the run says nothing of the network, or it is unusable and not overridden.
    NotAllowed
        If an unusable one is to be adopted by somebody without an account.
    Conflict
        If it is in force already.
    """
    found = _asked(db, actor, run_id, network, reason)
    _not_in_force(db, run_id, network)
    if not found.usable:
        _overridden(db, actor, run_id, override)
    text = learning.taken_along(db, run_id, artefacts.load_text(runs.folder(db, run_id), FILE))
    made = _decision(actor, run_id, network, ADOPTED, reason=reason, now=now, override=not found.usable)
    return _record(db, actor, made, now=now, calibration=text)


def reject(db: Database, actor: Actor, run_id: str, network: str, *, reason: str, now: datetime) -> Decision:
    """Put on record that the calibration of a run is not to be used for a network.

    Raises
    ------
    BadInput
        If there is no reason, or the run says nothing of the network.
    Conflict
        If it is in force: withdraw it.
    """
    _asked(db, actor, run_id, network, reason)
    _not_in_force(db, run_id, network)
    return _record(db, actor, _decision(actor, run_id, network, REJECTED, reason=reason, now=now), now=now)


def withdraw(db: Database, actor: Actor, network: str, *, reason: str, now: datetime) -> Decision:
    """Take the calibration in force for a network out of force: the network is uncalibrated again.

    Raises
    ------
    BadInput
        If there is no reason.
    NotFound
        If none is in force.
    """
    require(db, actor, PERMISSION)
    _reasoned(reason)
    found = decisions.in_force(db, network)
    if found is None:
        raise NotFound("calibration.none", network=network)
    made = _decision(actor, found[0].run, network, WITHDRAWN, reason=reason, now=now)
    return _record(db, actor, made, now=now)


def _asked(db: Database, actor: Actor, run_id: str, network: str, reason: str) -> Calibration:
    """The calibration that a decision is about."""
    require(db, actor, PERMISSION)
    _reasoned(reason)
    found = calibration(db, actor, run_id)
    if network not in found.networks():
        raise BadInput("calibration.network", network=network, known=", ".join(found.networks()))
    return found


def _reasoned(reason: str) -> None:
    if not reason.strip():
        raise BadInput("calibration.reason")


def _not_in_force(db: Database, run_id: str, network: str) -> None:
    found = decisions.in_force(db, network)
    if found is not None and found[0].run == run_id:
        raise Conflict("calibration.in_force", network=network, at=found[0].at, name=found[0].name)


def _overridden(db: Database, actor: Actor, run_id: str, override: str) -> None:
    """Whoever uses what is no better than a constant says so by name and word."""
    if override.strip() not in OVERRIDES:
        raise BadInput("calibration.unusable", run=run_id, words=" / ".join(OVERRIDES))
    if not _named(db, actor):
        raise NotAllowed("calibration.named_person")


def _named(db: Database, actor: Actor) -> bool:
    return any(account.id == actor.id for account in accounts.listing(db))


def _decision(
    actor: Actor,
    run_id: str,
    network: str,
    decision: str,
    *,
    reason: str,
    now: datetime,
    override: bool = False,
) -> Decision:
    return Decision(
        network=network,
        run=run_id,
        decision=decision,
        reason=reason.strip(),
        override=override,
        at=now.isoformat(timespec="seconds"),
        actor=actor.id,
        name=actor.name,
        org=actor.org,
    )


def _record(db: Database, actor: Actor, made: Decision, *, now: datetime, calibration: str = "") -> Decision:
    payload = {"run": made.run, "network": made.network, "reason": made.reason, "override": made.override}
    with db.write() as connection:
        decisions.add(connection, made, calibration=calibration)
        journal.append(
            connection,
            key=db.key(),
            stream="calibration",
            actor=actor,
            kind=f"calibration.{made.decision}",
            payload=payload,
            now=now,
        )
    return made
