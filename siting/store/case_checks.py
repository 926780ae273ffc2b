"""Whether the stored cases are what their events say: edited, dropped, swapped or missing, each is named."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, select

from siting.ledger import chain, rules
from siting.ledger.model import Rules
from siting.store import attachments, case_rows, cases
from siting.store.database import Database
from siting.store.tables import CASE_EVENT, CASE_PARTY, JOURNAL, PROBLEM

_CHAINED = (
    "case_id", "revision", "command_id", "digest", "actor", "org", "role", "source", "at", "kind", "payload",
)  # fmt: skip
ATTACHED = "attached"


@dataclass(frozen=True, kw_only=True)
class Flaw:
    """Something that is not as it was written.

    Parameters
    ----------
    case : str
        pp_no of the case, its id where the number is lost.
    what : str
        ``event_changed``, ``event_missing``, ``row_changed``, ``parties_changed``, ``case_missing``,
        ``case_unannounced``, ``attachment_missing`` or ``attachment_changed``.
    event : int or None
        Number of the event in the case.
    detail : str
        Which columns, or which file.
    """

    case: str
    what: str
    event: int | None = None
    detail: str = ""


@dataclass(frozen=True)
class _Told:
    """All that is stored about one case."""

    number: str
    row: Mapping[str, Any] | None
    events: Sequence[Mapping[str, Any]]
    parties: frozenset[tuple[str, str]]
    announced: bool


def verify(db: Database, *, given: Rules) -> tuple[Flaw, ...]:
    """Every flaw of every case, by number of the case.

    Parameters
    ----------
    db : Database
        The store.
    given : Rules
        The tables that events are replayed by.
    """
    key = db.key()
    with db.read() as connection:
        told = list(_told(connection))
    found = [flaw for one in told for flaw in _case(one, key=key, given=given)]
    found += [flaw for one in told for flaw in _files(db, one)]
    return tuple(sorted(found, key=lambda flaw: (flaw.case, flaw.event or 0, flaw.what)))


def sizes(db: Database) -> tuple[int, int]:
    """Number of cases and of their events."""
    with db.read() as connection:
        counts = [
            connection.execute(select(func.count()).select_from(made)).scalar_one() for made in (PROBLEM, CASE_EVENT)
        ]
    return int(counts[0]), int(counts[1])


def _told(connection: Connection) -> Iterator[_Told]:
    rows = {row["id"]: row for row in _rows(connection, select(PROBLEM))}
    events = _grouped(_rows(connection, select(CASE_EVENT).order_by(CASE_EVENT.c.revision)))
    parties = _grouped(_rows(connection, select(CASE_PARTY)))
    journal = select(JOURNAL.c.payload).where(JOURNAL.c.stream == cases.STREAM, JOURNAL.c.kind == cases.OPENED)
    announced = {one["case_id"]: one["pp_no"] for one in map(json.loads, connection.execute(journal).scalars())}
    for case_id in dict.fromkeys((*announced, *rows, *events)):
        row = rows.get(case_id)
        yield _Told(
            number=announced.get(case_id) or (row["pp_no"] if row else case_id),
            row=row,
            events=events.get(case_id, []),
            parties=frozenset((p["side"], p["party"]) for p in parties.get(case_id, [])),
            announced=case_id in announced,
        )


def _rows(connection: Connection, query: Select[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(query).mappings()]


def _grouped(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    by_case: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_case.setdefault(row["case_id"], []).append(row)
    return by_case


def _case(told: _Told, *, key: bytes, given: Rules) -> list[Flaw]:
    if told.row is None:
        return [Flaw(case=told.number, what="case_missing")]
    broken = _chain(told, told.row["revision"], key=key)
    if not told.announced:
        broken.append(Flaw(case=told.number, what="case_unannounced"))
    return broken if any(flaw.event for flaw in broken) else [*broken, *_row(told, given)]


def _chain(told: _Told, revision: object, *, key: bytes) -> list[Flaw]:
    """Each event by its own value, each gap by its number."""
    last = revision if isinstance(revision, int) else 0
    there = {int(event["revision"]): event for event in told.events}
    found = []
    for number in range(1, max([1, last, *there]) + 1):
        event, before = there.get(number), there.get(number - 1)
        if event is None:
            found.append(Flaw(case=told.number, what="event_missing", event=number))
        elif not _whole(event, before["mac"] if before else None, key=key):
            found.append(Flaw(case=told.number, what="event_changed", event=number))
    return found


def _whole(event: Mapping[str, Any], mac_before: str | None, *, key: bytes) -> bool:
    """Whether an event carries its own value and that of the event before, where this one is there."""
    before = chain.START if event["revision"] == 1 else mac_before
    if before is not None and event["prev"] != before:
        return False
    fields = {name: event[name] for name in _CHAINED}
    return chain.holds(event["prev"], fields, event["mac"], key=key)


def _row(told: _Told, given: Rules) -> list[Flaw]:
    """Where the row, or who is involved, differs from what the events add up to."""
    row = told.row or {}
    case = rules.replay(tuple(case_rows.event_of(event) for event in told.events), rules=given)
    due = {**case_rows.columns(case), "updated_at": told.events[-1]["at"]}
    differing = [name for name, value in due.items() if row[name] != value]
    found = []
    if differing:
        found.append(Flaw(case=told.number, what="row_changed", event=case.revision, detail=", ".join(differing)))
    if case_rows.parties(case) != told.parties:
        found.append(Flaw(case=told.number, what="parties_changed", event=case.revision))
    return found


def _files(db: Database, told: _Told) -> Iterator[Flaw]:
    """Files that events speak of and that are gone or changed."""
    for event in told.events:
        for fact in _facts(event["payload"]):
            sha256 = str(fact.get("data", {}).get("sha256", ""))
            why = attachments.flaw(db, sha256) if fact.get("kind") == ATTACHED and sha256 else ""
            if why:
                yield Flaw(case=told.number, what=why, event=int(event["revision"]), detail=sha256)


def _facts(payload: str) -> list[dict[str, Any]]:
    """Facts in a stored payload; none where somebody broke it, which its chain tells already."""
    try:
        parts = json.loads(payload)
    except ValueError:
        return []
    facts = parts.get("facts", []) if isinstance(parts, dict) else []
    return [fact for fact in facts if isinstance(fact, dict) and isinstance(fact.get("data", {}), dict)]
