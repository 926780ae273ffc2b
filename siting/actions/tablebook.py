"""Edited rows over shipped tables: one way for every family of tables, with version, reason and journal.

What is shipped holds until the district writes a row of its own over it; an edit never overwrites, it raises the version.
The permission is asked by the module that owns the family.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from siting.access import Actor
from siting.errors import BadInput, Conflict
from siting.findings import Findings
from siting.radio.tablecells import YES, Cells, Column
from siting.store import radiotables as stored
from siting.store.database import Database
from siting.store.radiotables import Change, Entry

SHIPPED, CHANGED, OWN = "shipped", "changed", "own"
ON, OFF = YES, "0"
LONGEST_REASON = 500
HISTORY = ("seq", "kind", "name", "version", "at", "person", "org", "reason")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of an edit: what was wrong, which rows changed (none while one finding is an error), the new revision."""

    findings: Findings
    changed: tuple[str, ...]
    revision: int


@dataclass(frozen=True, kw_only=True)
class Book:
    """A family of tables.

    Parameters
    ----------
    family : str
        Under which its changes are stored, see `siting.store.radiotables`.
    tables : tuple of str
        Names of its tables.
    shipped : callable
        Table -> rows as the program brings them, by name, in text cells.
    columns : callable
        Table -> its columns.
    tidy : callable
        Table and cells -> the row in one spelling.
    blank : callable
        Table -> cells of a new row that nobody need fill in.
    check : callable
        District, table, changed rows and all rows as they stood -> what is wrong.
    """

    family: str
    tables: tuple[str, ...]
    shipped: Callable[[str], Mapping[str, Cells]]
    columns: Callable[[str], Sequence[Column]]
    tidy: Callable[[str, Cells], dict[str, str]]
    blank: Callable[[str], Mapping[str, str]]
    check: Callable[[Database, str, Mapping[str, Cells], Mapping[str, Cells]], Findings]

    def kind(self, table: str) -> str:
        """Name under which a table's changes are stored."""
        return table if self.family == stored.RADIO else f"{self.family}.{table}"


def known(book: Book, table: str) -> str:
    """The table, if there is one of this name.

    Raises
    ------
    BadInput
        If there is none.
    """
    if table not in book.tables:
        raise BadInput("radiotable.unknown", kind=table, known=", ".join(book.tables))
    return table


def rows(db: Database, book: Book, table: str) -> dict[str, dict[str, str]]:
    """Rows that count, by name: the shipped ones, the district's own in their place and after them."""
    own = {
        name: {**book.blank(table), **entry.record, "name": name}
        for name, entry in stored.latest(db, book.kind(table)).items()
        if entry.record
    }
    return {**{name: dict(row) for name, row in book.shipped(table).items()}, **own}


def table_of(db: Database, book: Book, table: str) -> pd.DataFrame:
    """Rows of a table as they count, in text cells, with whose they are, see `about`."""
    latest, shipped = stored.latest(db, book.kind(known(book, table))), book.shipped(table)
    return pd.DataFrame(
        [{**row, **about(latest.get(name), shipped=name in shipped)} for name, row in rows(db, book, table).items()]
    )


def history(db: Database, book: Book) -> pd.DataFrame:
    """All changes of a family, newest first: columns `HISTORY`, ``kind`` is the table."""
    told = [{name: getattr(e, name) for name in HISTORY} for e in stored.history(db, family=book.family)]
    found = pd.DataFrame(told, columns=list(HISTORY))
    return found.assign(kind=[kind.removeprefix(f"{book.family}.") for kind in found["kind"]])


def edit(
    db: Database,
    actor: Actor,
    book: Book,
    table: str,
    wanted: Mapping[str, Cells],
    *,
    reason: str,
    seen: int | None,
    now: datetime,
) -> Outcome:
    """Add rows to a table or change them; rows that say what they said before are passed over.

    Parameters
    ----------
    wanted : mapping
        Name of a row -> its cells; cells left out stay as they are.
    reason : str
        Why, for the journal.
    seen : int or None
        Revision that the person looked at; None for the present one.

    Raises
    ------
    BadInput
        If there is no such table or column, or no reason is given.
    Conflict
        If the tables changed since ``seen``.
    """
    told = reason_of(reason)
    at = looked_at(db, book.family, seen)
    held = rows(db, book, known(book, table))
    _known_columns(book, table, wanted)
    new = {
        name: book.tidy(table, {**held.get(name, book.blank(table)), **cells, "name": name})
        for name, cells in wanted.items()
    }
    changed = {name: row for name, row in new.items() if row != held.get(name)}
    found = book.check(db, table, changed, held)
    if not changed or found.of("error"):
        return Outcome(findings=found, changed=(), revision=at)
    edition = editions(db, book, table)
    changes = [_change(book.kind(table), name, row, edition.get(name, 0) + 1) for name, row in changed.items()]
    revision = keep(db, actor, changes, family=book.family, seen=at, reason=told, now=now)
    return Outcome(findings=found, changed=tuple(changed), revision=revision)


def restore(
    db: Database,
    actor: Actor,
    book: Book,
    table: str,
    names: Sequence[str],
    *,
    reason: str,
    seen: int | None,
    now: datetime,
) -> Outcome:
    """Let rows say again what is shipped.

    Raises
    ------
    BadInput
        If a row is the district's own: it can only be switched off.
    """
    told = reason_of(reason)
    at = looked_at(db, book.family, seen)
    shipped, latest = book.shipped(known(book, table)), stored.latest(db, book.kind(table))
    own = [name for name in names if name not in shipped]
    if own:
        raise BadInput("radiotable.own", names=", ".join(own))
    back = [name for name in names if name in latest and latest[name].record]
    if not back:
        return Outcome(findings=Findings(), changed=(), revision=at)
    kind = book.kind(table)
    changes = [Change(kind=kind, name=name, version=1, record={}, said={"restored": "1"}) for name in back]
    revision = keep(db, actor, changes, family=book.family, seen=at, reason=told, now=now)
    return Outcome(findings=Findings(), changed=tuple(back), revision=revision)


def about(entry: Entry | None, *, shipped: bool) -> dict[str, object]:
    """Whose a row is (``state``), in which version (``edition``), and who changed it when and why."""
    if entry is None or not entry.record:
        return {"state": SHIPPED, "edition": 1, "changed_at": "", "changed_by": "", "reason": ""}
    return {
        "state": CHANGED if shipped else OWN,
        "edition": entry.version,
        "changed_at": entry.at,
        "changed_by": entry.person,
        "reason": entry.reason,
    }


def editions(db: Database, book: Book, table: str) -> dict[str, int]:
    """The highest version that each row ever had."""
    found = dict.fromkeys(book.shipped(table) if table in book.tables else (), 1)
    for entry in stored.history(db, book.kind(table)):
        found[entry.name] = max(found.get(entry.name, 0), entry.version)
    return found


def keep(
    db: Database, actor: Actor, changes: Sequence[Change], *, family: str, seen: int, reason: str, now: datetime
) -> int:
    """Store changes in one transaction; the new revision."""
    with db.write() as connection:
        return stored.add(
            connection, changes, seen=seen, reason=reason, key=db.key(), actor=actor, now=now, family=family
        )


def looked_at(db: Database, family: str, seen: int | None) -> int:
    """The revision that a person looked at, still the present one; `keep` makes sure of it once more."""
    found = stored.revision(db, family=family)
    if seen is not None and seen != found:
        raise Conflict("radiotable.changed", seen=seen, found=found)
    return found


def reason_of(text: str) -> str:
    """Why something is changed.

    Raises
    ------
    BadInput
        If nothing is said, or too much.
    """
    told = text.strip()
    if not told or len(told) > LONGEST_REASON:
        raise BadInput("radiotable.reason", most=LONGEST_REASON)
    return told


def _known_columns(book: Book, table: str, wanted: Mapping[str, Cells]) -> None:
    columns = [column.name for column in book.columns(table)]
    strange = sorted({name for cells in wanted.values() for name in cells} - set(columns))
    if strange:
        raise BadInput("radiotable.no_column", names=", ".join(strange), kind=table, known=", ".join(columns))


def _change(kind: str, name: str, row: Cells, edition: int) -> Change:
    cells = {**row, "version": str(edition)} if "version" in row else dict(row)
    return Change(kind=kind, name=name, version=edition, record=cells, said={"cells": cells})
