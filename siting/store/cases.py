"""Problem points: one row per case, the chain of its events, and who has to do with it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, or_, select, update

from siting.access import Actor
from siting.errors import Conflict, NotFound, Word
from siting.ledger import chain
from siting.ledger.model import Case, Event
from siting.store import case_rows, journal, rows
from siting.store.database import Database
from siting.store.tables import CASE_EVENT, CASE_PARTY, PROBLEM

#: Stream of the journal in which every new case is announced, so that one taken away whole is missed.
STREAM = "cases"
OPENED = "case.opened"
# Who did something, for those who may not know.
SOMEBODY = "case.somebody"
_NAMED = (PROBLEM.c.id, PROBLEM.c.revision, PROBLEM.c.snapshot)


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A command that was carried out: digest of what it asked for, the case, the revision that it made."""

    digest: str
    case_id: str
    revision: int


def new_id() -> str:
    """Number of a new case."""
    return uuid.uuid4().hex


def get(db: Database, key: str, *, viewer: Actor | None = None) -> Case:
    """A case by its id or its pp_no.

    Raises
    ------
    NotFound
        If there is none that the viewer sees; the message does not tell which.
    """
    with db.read() as connection:
        return find(connection, key, viewer=viewer)


def find(connection: Connection, key: str, *, viewer: Actor | None = None) -> Case:
    """As `get`, inside a transaction."""
    chosen = _seen(select(*_NAMED).where(or_(PROBLEM.c.id == key, PROBLEM.c.pp_no == key)), viewer)
    row = connection.execute(chosen).first()
    if row is None:
        raise NotFound("case.none", case=key)
    return case_rows.case_of(*row)


def listing(db: Database, *, viewer: Actor | None = None, **equal: str | Sequence[str] | None) -> list[Case]:
    """The cases that the viewer sees, by number.

    Parameters
    ----------
    db : Database
        The store.
    viewer : Actor, optional
        Whose rows; without one all of them.
    **equal
        Columns of the row and the value, or the values one of which, they must have; None asks for nothing.
    """
    query = _seen(select(*_NAMED).order_by(PROBLEM.c.pp_no), viewer)
    for name, wanted in equal.items():
        if wanted is not None:
            query = query.where(PROBLEM.c[name].in_([wanted] if isinstance(wanted, str) else list(wanted)))
    with db.read() as connection:
        return [case_rows.case_of(*row) for row in connection.execute(query)]


def events(connection: Connection, case_id: str, *, until: int | None = None) -> tuple[Event, ...]:
    """The events of a case in order, up to and with revision ``until``."""
    query = select(CASE_EVENT).where(CASE_EVENT.c.case_id == case_id).order_by(CASE_EVENT.c.revision)
    if until is not None:
        query = query.where(CASE_EVENT.c.revision <= until)
    return tuple(case_rows.event_of(dict(row)) for row in connection.execute(query).mappings())


def answered(connection: Connection, command_id: str) -> Answered | None:
    """What a command of this id has done, if it was carried out."""
    query = select(CASE_EVENT.c.digest, CASE_EVENT.c.case_id, CASE_EVENT.c.revision)
    row = connection.execute(query.where(CASE_EVENT.c.command_id == command_id)).first()
    return None if row is None else Answered(digest=row.digest, case_id=row.case_id, revision=row.revision)


def next_number(connection: Connection, *, prefix: str, year: int) -> str:
    """The next pp_no of a year, without gaps; only inside the transaction that uses it."""
    head = f"{prefix}-{year:04d}-"
    query = select(PROBLEM.c.pp_no).where(PROBLEM.c.pp_no.startswith(head, autoescape=True))
    taken = [int(number.removeprefix(head)) for number in connection.execute(query).scalars()]
    return f"{head}{max(taken, default=0) + 1:04d}"


def save(connection: Connection, case: Case, event: Event, *, digest: str, actor: Actor, key: bytes) -> Case:
    """Write a case after a move together with the event of the move, inside the caller's transaction.

    Parameters
    ----------
    connection : Connection
        A write transaction (`Database.write`).
    case, event : Case, Event
        The case after the move; its event, whose revision is the case's.
    digest : str
        Of what the command asked for.
    actor : Actor
        Who moved it.
    key : bytes
        The district's key.

    Returns
    -------
    Case
        As it is stored.

    Raises
    ------
    Conflict
        If the case is not at the revision before the event's any more; nothing is written.
    """
    row = {**case_rows.columns(case), "updated_at": event.at.isoformat(timespec="seconds")}
    if event.revision == 1:
        connection.execute(insert(PROBLEM).values(**row))
        _announce(connection, case, actor=actor, key=key, now=event.at)
    else:
        _replace(connection, row, seen=event.revision - 1)
    _append(connection, case_rows.entry(event, digest=digest), key=key)
    connection.execute(delete(CASE_PARTY).where(CASE_PARTY.c.case_id == case.id))
    involved = [{"case_id": case.id, "side": side, "party": name} for side, name in sorted(case_rows.parties(case))]
    if involved:
        connection.execute(insert(CASE_PARTY), involved)
    return case_rows.case_of(case.id, case.revision, row["snapshot"])


def changed(connection: Connection, case_id: str, *, seen: int, who: object) -> Conflict:
    """The conflict of who saw an older revision: who changed what, when; ``who`` as the reader may know it."""
    query = select(CASE_EVENT).where(CASE_EVENT.c.case_id == case_id).order_by(CASE_EVENT.c.revision.desc()).limit(1)
    last = connection.execute(query).mappings().one()
    what, at = Word(f"move.{last['kind']}"), last["at"][:16].replace("T", " ")
    return Conflict("case.changed", who=who, what=what, at=at, seen=seen, found=last["revision"])


def _seen(query: Select[Any], viewer: Actor | None) -> Select[Any]:
    return query if viewer is None else query.where(rows.problems(viewer))


def _replace(connection: Connection, row: Mapping[str, Any], *, seen: int) -> None:
    chosen = update(PROBLEM).where(PROBLEM.c.id == row["id"], PROBLEM.c.revision == seen)
    if connection.execute(chosen.values(**row)).rowcount != 1:
        raise changed(connection, row["id"], seen=seen, who=Word(SOMEBODY))


def _append(connection: Connection, entry: Mapping[str, Any], *, key: bytes) -> None:
    query = select(CASE_EVENT.c.mac).where(CASE_EVENT.c.case_id == entry["case_id"])
    prev = connection.execute(query.order_by(CASE_EVENT.c.revision.desc()).limit(1)).scalar() or chain.START
    mac = chain.link(prev, entry, key=key, hash_name=journal.hash_of(connection))
    connection.execute(insert(CASE_EVENT).values(**entry, prev=prev, mac=mac))


def _announce(connection: Connection, case: Case, *, actor: Actor, key: bytes, now: datetime) -> None:
    payload = {"case_id": case.id, "pp_no": case.record["pp_no"]}
    journal.append(connection, key=key, stream=STREAM, actor=actor, kind=OPENED, payload=payload, now=now)
