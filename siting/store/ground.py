"""The ground in force: the elevation file that was brought in last, or none; kept as an import with its facts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from siting.access import Actor
from siting.store import imports, journal, layers
from siting.store.database import Database
from siting.store.tables import IMPORT_PLAN

LAYER = "ground"


def put(
    db: Database, *, ground_id: str, facts: Mapping[str, Any], payload: bytes, actor: Actor, kind: str, now: datetime
) -> int:
    """Put a ground in force: bytes first, then one transaction of row, revision and journal event; the new revision.

    Parameters
    ----------
    ground_id : str
        Number of the import.
    facts : mapping
        Text and whole numbers for the journal, all of it for the record; ``sha256`` and ``revision`` (the one seen).
    payload : bytes
        The file; empty: flat ground.
    actor : Actor
        Who brought it.
    kind : str
        Of the journal event.
    now : datetime
        Time of the act.

    Raises
    ------
    Conflict
        If somebody else changed the ground since ``facts["revision"]``.
    """
    imports.save(db, plan_id=ground_id, layer=LAYER, sha256=facts["sha256"], record=facts, payload=payload, now=now)
    told = {name: str(value) if isinstance(value, float) else value for name, value in facts.items()}
    with db.write() as connection:
        revision = layers.changed(connection, LAYER, expected_revision=int(facts["revision"]), now=now)
        imports.mark_committed(connection, ground_id, now=now)
        journal.append(connection, key=db.key(), stream=f"layer/{LAYER}", actor=actor, kind=kind, payload=told, now=now)
    return revision


def current(db: Database) -> tuple[dict[str, Any], bytes] | None:
    """Facts and bytes of the ground in force; None where the ground counts as flat."""
    query = select(IMPORT_PLAN.c.id, IMPORT_PLAN.c.record).where(
        IMPORT_PLAN.c.layer == LAYER, IMPORT_PLAN.c.committed_at.is_not(None)
    )
    with db.read() as connection:
        rows = connection.execute(query).all()
    if not rows:
        return None
    newest = max(rows, key=lambda row: int(json.loads(row.record)["revision"]))
    facts, payload = imports.load(db, newest.id)
    return (facts, payload) if payload else None
