"""Append to the journal; check it.  Streams are separate chains: one per layer, run or case."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, insert, select

from siting.access import Actor
from siting.ledger import chain
from siting.store.database import HASH_OPTION, Database
from siting.store.tables import JOURNAL

_FIELDS = ("stream", "number", "at", "actor", "org", "role", "source", "kind", "payload")


def append(
    connection: Connection,
    *,
    key: bytes,
    stream: str,
    actor: Actor,
    kind: str,
    payload: Mapping[str, object],
    now: datetime,
) -> int:
    """Write one event inside the caller's transaction; returns its number in the stream.

    Raises
    ------
    BadInput
        If the payload holds a binary floating-point number.
    """
    last = connection.execute(
        select(JOURNAL.c.number, JOURNAL.c.mac)
        .where(JOURNAL.c.stream == stream)
        .order_by(JOURNAL.c.number.desc())
        .limit(1),
    ).first()
    number, prev = (last.number + 1, last.mac) if last else (1, chain.START)
    entry = {
        "stream": stream,
        "number": number,
        "at": now.isoformat(timespec="seconds"),
        "actor": actor.id,
        "org": actor.org,
        "role": actor.role,
        "source": actor.source,
        "kind": kind,
        "payload": chain.canonical(payload).decode(),
    }
    connection.execute(
        insert(JOURNAL).values(**entry, mac=chain.link(prev, entry, key=key, hash_name=hash_of(connection)))
    )
    return number


def hash_of(connection: Connection) -> str:
    """The hash that the district's settings name for new events of a write transaction."""
    return str(connection.get_execution_options()[HASH_OPTION])


def verify(db: Database) -> dict[str, chain.ChainReport]:
    """Recompute every stream; the report by stream."""
    with db.read() as connection:
        rows = connection.execute(select(JOURNAL).order_by(JOURNAL.c.stream, JOURNAL.c.number)).mappings().all()
    streams: dict[str, list[tuple[dict[str, object], str]]] = {}
    for row in rows:
        streams.setdefault(row["stream"], []).append(({name: row[name] for name in _FIELDS}, row["mac"]))
    key = db.key()
    return {stream: chain.verify(entries, key=key) for stream, entries in streams.items()}


def recent(db: Database, *, kind: str | None = None, limit: int = 20) -> list[dict[str, object]]:
    """The latest events, newest first, payload decoded."""
    query = select(JOURNAL).order_by(JOURNAL.c.seq.desc()).limit(limit)
    if kind is not None:
        query = query.where(JOURNAL.c.kind == kind)
    with db.read() as connection:
        rows = connection.execute(query).mappings().all()
    return [{**row, "payload": json.loads(row["payload"])} for row in rows]
