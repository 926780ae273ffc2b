"""Imports that were checked but perhaps not yet confirmed: the record and the file itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select, update

from siting.access import ROWS, Actor
from siting.assets.schema import LAYERS
from siting.errors import NotFound
from siting.store.database import Database
from siting.store.rows import NAMED
from siting.store.tables import IMPORT_PLAN


def save(
    db: Database, *, plan_id: str, layer: str, sha256: str, record: Mapping[str, object], payload: bytes, now: datetime
) -> None:
    """Keep a checked import: first the file's bytes, then the row that speaks of them."""
    path = _file(db, plan_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(payload)
    values = {
        "id": plan_id,
        "layer": layer,
        "sha256": sha256,
        "created_at": now.isoformat(timespec="seconds"),
        "record": json.dumps(record, ensure_ascii=False),
    }
    with db.write() as connection:
        connection.execute(insert(IMPORT_PLAN).values(**values))


def load(db: Database, plan_id: str) -> tuple[dict[str, Any], bytes]:
    """Record (with ``layer``, ``sha256``, ``created_at``, ``committed_at``) and payload of a checked import.

    Raises
    ------
    NotFound
        If there is none of this id.
    """
    with db.read() as connection:
        row = connection.execute(select(IMPORT_PLAN).where(IMPORT_PLAN.c.id == plan_id)).mappings().first()
    if row is None:
        raise NotFound("store.no_import", id=plan_id)
    meta = {name: row[name] for name in ("id", "layer", "sha256", "created_at", "committed_at")}
    return {**json.loads(row["record"]), **meta}, _file(db, plan_id).read_bytes()


def mark_committed(connection: Connection, plan_id: str, *, now: datetime) -> None:
    """Note, inside the commit's transaction, that the import has landed."""
    stamp = now.isoformat(timespec="seconds")
    connection.execute(update(IMPORT_PLAN).where(IMPORT_PLAN.c.id == plan_id).values(committed_at=stamp))


def recent(db: Database, *, limit: int = 10, viewer: Actor | None = None) -> list[dict[str, Any]]:
    """The latest committed imports into layers that the viewer may know of, newest first.

    Of a layer that the viewer sees in part, only what the viewer's own organisation brought.
    """
    landed = IMPORT_PLAN.c.committed_at.is_not(None), IMPORT_PLAN.c.layer.in_(LAYERS)
    query = select(IMPORT_PLAN).where(*landed).order_by(IMPORT_PLAN.c.committed_at.desc())
    with db.read() as connection:
        rows = connection.execute(query).mappings().all()
    found = (
        {**json.loads(r["record"]), "id": r["id"], "layer": r["layer"], "committed_at": r["committed_at"]} for r in rows
    )
    return list(islice((record for record in found if viewer is None or _known(record, viewer)), limit))


def _known(record: Mapping[str, Any], viewer: Actor) -> bool:
    layer = str(record["layer"])
    whole = ROWS.get((layer if layer in NAMED else "ground", viewer.role)) == "all"
    return whole or record.get("org") == viewer.org


def _file(db: Database, plan_id: str) -> Path:
    return db.settings.folder / "imports" / f"{plan_id}.bin"
