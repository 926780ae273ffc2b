"""The latest events for who audits: the journal's streams and the events of cases, with the names of accounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, literal, not_, or_, select

from siting.store.database import Database
from siting.store.tables import ACCOUNT, CASE_EVENT, JOURNAL, PROBLEM

PEOPLE, DISTRICT, CASES = "people", "district", "cases"
_COLUMNS = ("at", "actor", "org", "role", "kind")


def latest(db: Database, which: str, *, limit: int) -> list[dict[str, Any]]:
    """Events, newest first: stream, at, actor (name of the account), org, role, kind, payload.

    Parameters
    ----------
    db : Database
        The store.
    which : str
        ``people``, ``district`` (data, runs and everything else) or ``cases``; what a case's event says stays in the case.
    limit : int
        How many.
    """
    with db.read() as connection:
        names: Mapping[str, str] = {
            row.id: row.name for row in connection.execute(select(ACCOUNT.c.id, ACCOUNT.c.name))
        }
        rows = connection.execute((_cases() if which == CASES else _journal(which)).limit(limit)).mappings().all()
    return [{**row, "actor": names.get(row["actor"], row["actor"])} for row in rows]


def _journal(which: str) -> Any:
    own: ColumnElement[bool] = JOURNAL.c.stream == PEOPLE
    of_cases = or_(JOURNAL.c.stream == CASES, JOURNAL.c.stream.startswith("case."))
    chosen = own if which == PEOPLE else not_(or_(own, of_cases))
    columns = [JOURNAL.c[name] for name in ("stream", *_COLUMNS, "payload")]
    return select(*columns).where(chosen).order_by(JOURNAL.c.seq.desc())


def _cases() -> Any:
    columns = [CASE_EVENT.c[name] for name in _COLUMNS]
    made = select(PROBLEM.c.pp_no.label("stream"), *columns, literal("").label("payload"))
    return made.join(CASE_EVENT, CASE_EVENT.c.case_id == PROBLEM.c.id).order_by(CASE_EVENT.c.seq.desc())
