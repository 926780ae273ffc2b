"""The fixed tables as SQLAlchemy sees them; `migrations` makes them."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Integer, MetaData, Table, Text

METADATA = MetaData()


def _text(*names: str) -> list[Column[str]]:
    return [Column(name, Text) for name in names]


JOURNAL = Table(
    "journal",
    METADATA,
    Column("seq", Integer, primary_key=True),
    Column("number", Integer),
    *_text("stream", "at", "actor", "org", "role", "source", "kind", "payload", "mac"),
)
LAYER_REVISION = Table(
    "layer_revision",
    METADATA,
    Column("layer", Text, primary_key=True),
    Column("revision", Integer),
    *_text("changed_at"),
)
IMPORT_PLAN = Table(
    "import_plan",
    METADATA,
    Column("id", Text, primary_key=True),
    *_text("layer", "sha256", "created_at", "committed_at", "record"),
)
RUN = Table(
    "run",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("progress", Float),
    Column("cancel_requested", Boolean),
    *_text("kind", "status", "stage", "message", "params", "result", "actor"),
    *_text("created_at", "started_at", "heartbeat_at", "finished_at"),
)
