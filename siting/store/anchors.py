"""The last link of every chain, and whether one that was seen before still stands."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column, Table, func, select

from siting.ledger.anchor import Head
from siting.store.database import Database
from siting.store.tables import CASE_EVENT, JOURNAL

# Name in an anchor -> table, columns of the chain and of the number in it.
CHAINS: tuple[tuple[str, Table, Column[str], Column[int]], ...] = (
    ("journal", JOURNAL, JOURNAL.c.stream, JOURNAL.c.number),
    ("case", CASE_EVENT, CASE_EVENT.c.case_id, CASE_EVENT.c.revision),
)


def heads(db: Database) -> list[Head]:
    """Heads of all streams of the journal and of all cases."""
    found = []
    with db.read() as connection:
        for kind, made, name, number in CHAINS:
            last = select(name.label("name"), func.max(number).label("number")).group_by(name).subquery()
            query = select(name, number, made.c.mac).join(last, (last.c.name == name) & (last.c.number == number))
            found += [Head(chain=f"{kind}:{row[0]}", number=row[1], value=row[2]) for row in connection.execute(query)]
    return found


def lost(db: Database, seen: Iterable[Head]) -> list[Head]:
    """Heads seen before that no longer stand in their chain."""
    with db.read() as connection:
        standing = {
            (f"{kind}:{row[0]}", row[1], row[2])
            for kind, made, name, number in CHAINS
            for row in connection.execute(select(name, number, made.c.mac))
        }
    return [head for head in seen if (head.chain, head.number, head.value) not in standing]
