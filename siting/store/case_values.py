"""What unblocking a case would bring, beside the case: a valuation never raises the revision under somebody's hands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from siting.access import Actor
from siting.store import journal, rows
from siting.store.database import Database
from siting.store.tables import CASE_VALUE, PROBLEM

STREAM = "case.value"


def save(
    connection: Connection,
    case_id: str,
    record: Mapping[str, Any],
    *,
    key: bytes,
    actor: Actor,
    plan_run: str,
    now: datetime,
) -> None:
    """Replace the valuation of a case and journal it, inside the caller's transaction.

    Parameters
    ----------
    record : mapping
        What was found; amounts are text.
    plan_run : str
        The plan it was measured in, empty for none.
    """
    stamp = now.isoformat(timespec="seconds")
    connection.execute(delete(CASE_VALUE).where(CASE_VALUE.c.case_id == case_id))
    values = {"case_id": case_id, "computed_at": stamp, "plan_run": plan_run}
    connection.execute(insert(CASE_VALUE).values(**values, record=json.dumps(record, ensure_ascii=False)))
    payload = {**record, "case": case_id, "plan": plan_run}
    journal.append(connection, key=key, stream=STREAM, actor=actor, kind=STREAM, payload=payload, now=now)


def listing(db: Database, *, viewer: Actor, case_id: str | None = None) -> list[dict[str, Any]]:
    """Cases that the viewer sees with their valuation: ``case_id, pp_no, site_ref, computed_at, plan_run, record``.

    A case that was never valued has an empty record.
    """
    query = (
        select(PROBLEM.c.id.label("case_id"), PROBLEM.c.pp_no, PROBLEM.c.site_ref, CASE_VALUE.c.computed_at)
        .add_columns(CASE_VALUE.c.plan_run, CASE_VALUE.c.record)
        .join_from(PROBLEM, CASE_VALUE, CASE_VALUE.c.case_id == PROBLEM.c.id, isouter=True)
        .where(rows.problems(viewer))
        .order_by(PROBLEM.c.pp_no)
    )
    if case_id is not None:
        query = query.where(PROBLEM.c.id == case_id)
    with db.read() as connection:
        found = connection.execute(query).mappings().all()
    return [{**row, "record": json.loads(row["record"] or "{}")} for row in found]
