"""The district's own rows over shipped tables: an edit is a new row, the last one of a name counts.

The radio tables are one family; the kinds of another begin with its name and a dot (``score.weights``).  Each family has
its own revision, so that a change of one leaves standing what rests on the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, func, insert, select

from siting.access import Actor
from siting.errors import Conflict
from siting.store import journal
from siting.store.database import Database
from siting.store.tables import RADIO_ROW

RADIO = "radio"


@dataclass(frozen=True, kw_only=True)
class Change:
    """What one row of a table shall say from now on.

    Parameters
    ----------
    kind, name : str
        Table and row.
    version : int
        Version of the row, 1 for what is shipped.
    record : mapping
        Cells; empty: as shipped.
    said : mapping
        What the journal keeps of it, without binary floating-point numbers.
    """

    kind: str
    name: str
    version: int
    record: Mapping[str, Any]
    said: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A change that was made: what, when, by whom and why.

    Parameters
    ----------
    seq : int
        Place in the order of all changes.
    kind, name, version, record
        See `Change`.
    at : str
        ISO time.
    actor, person, org : str
        Account, name and organisation.
    reason : str
        Why.
    """

    seq: int
    kind: str
    name: str
    version: int
    record: Mapping[str, Any]
    at: str
    actor: str
    person: str
    org: str
    reason: str


def latest(db: Database, kind: str) -> dict[str, Entry]:
    """The last change of every row of a table that was ever changed, by name in the order of the first changes."""
    return {entry.name: entry for entry in reversed(history(db, kind))}


def history(db: Database, kind: str | None = None, *, family: str = RADIO) -> list[Entry]:
    """All changes of one table, or of all of a family, newest first."""
    chosen = _of(family) if kind is None else RADIO_ROW.c.kind == kind
    query = select(RADIO_ROW).where(chosen).order_by(RADIO_ROW.c.seq.desc())
    with db.read() as connection:
        return [_entry(row) for row in connection.execute(query).mappings()]


def revision(db: Database, *, family: str = RADIO) -> int:
    """Place of the last change of a family; 0: the shipped tables."""
    with db.read() as connection:
        return _revision(connection, family)


def add(
    connection: Connection,
    changes: Sequence[Change],
    *,
    seen: int,
    reason: str,
    key: bytes,
    actor: Actor,
    now: datetime,
    family: str = RADIO,
) -> int:
    """Add changes of one family, each with its event, inside the caller's transaction; the new revision.

    Parameters
    ----------
    seen : int
        Revision of the tables that the person looked at.
    reason : str
        Why.
    key : bytes
        The district's secret key.
    family : str
        First part of the kinds of all changes; `RADIO` for kinds without a dot.

    Raises
    ------
    Conflict
        If the tables changed since.
    """
    found = _revision(connection, family)
    if found != seen:
        raise Conflict("radiotable.changed", seen=seen, found=found)
    last = _revision(connection)
    stamp = now.isoformat(timespec="seconds")
    by = {"at": stamp, "actor": actor.id, "person": actor.name, "org": actor.org, "reason": reason}
    for seq, change in enumerate(changes, start=last + 1):
        row = {"seq": seq, "kind": change.kind, "name": change.name, "version": change.version}
        record = json.dumps(dict(change.record), ensure_ascii=False)
        connection.execute(insert(RADIO_ROW).values(**row, **by, record=record))
        payload = {
            **change.said,
            "table": change.kind,
            "name": change.name,
            "version": change.version,
            "reason": reason,
        }
        stream, event = f"{family}.tables", f"{family}.changed"
        journal.append(connection, key=key, stream=stream, actor=actor, kind=event, payload=payload, now=now)
    return last + len(changes) if changes else found


def _revision(connection: Connection, family: str | None = None) -> int:
    """The last change of a family, or of all."""
    query = select(func.max(RADIO_ROW.c.seq))
    return int(connection.execute(query if family is None else query.where(_of(family))).scalar() or 0)


def _of(family: str) -> ColumnElement[bool]:
    """Rows of one family."""
    return ~RADIO_ROW.c.kind.contains(".") if family == RADIO else RADIO_ROW.c.kind.startswith(f"{family}.")


def _entry(row: RowMapping) -> Entry:
    return Entry(**{**row, "record": json.loads(row["record"])})
