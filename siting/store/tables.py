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
    *_text("org", "role", "audience", "operators"),
)
ORG = Table(
    "org", METADATA, Column("name", Text, primary_key=True), *_text("kind", "operator", "streets", "created_at")
)
ACCOUNT = Table(
    "account",
    METADATA,
    Column("id", Text, primary_key=True),
    *_text("name", "org", "roles", "password", "created_at", "locked_until"),
    Column("must_change", Boolean),
    Column("disabled", Boolean),
    Column("demonstration", Boolean),
    Column("failures", Integer),
)
SESSION = Table(
    "session",
    METADATA,
    Column("id", Text, primary_key=True),
    *_text("account", "role", "created_at", "seen_at", "ended_at", "ended_by"),
)
PROBLEM = Table(
    "problem",
    METADATA,
    Column("id", Text, primary_key=True),
    *_text("pp_no", "kind", "state", "title", "reporter_org", "street_office", "site_ref", "asset_ref", "updated_at"),
    Column("revision", Integer),
    Column("easting_m", Float),
    Column("northing_m", Float),
    *_text("snapshot"),
)
CASE_PARTY = Table(
    "case_party",
    METADATA,
    Column("case_id", Text, primary_key=True),
    Column("side", Text, primary_key=True),
    Column("party", Text, primary_key=True),
)
CASE_EVENT = Table(
    "case_event",
    METADATA,
    Column("seq", Integer, primary_key=True),
    Column("case_id", Text),
    Column("revision", Integer),
    *_text("command_id", "digest", "actor", "org", "role", "source", "at", "kind", "payload", "prev", "mac"),
)
CASE_VALUE = Table(
    "case_value",
    METADATA,
    Column("case_id", Text, primary_key=True),
    *_text("computed_at", "plan_run", "record"),
)
ATTACHMENT = Table(
    "attachment",
    METADATA,
    Column("sha256", Text, primary_key=True),
    *_text("name", "kind", "added_at", "added_by", "org"),
    Column("size", Integer),
)
SAMPLE_SET = Table(
    "sample_set",
    METADATA,
    Column("id", Text, primary_key=True),
    *_text("name", "sha256", "datum", "source", "networks", "first_day", "last_day"),
    Column("rows", Integer),
    *_text("imported_at", "actor", "org", "retired_at", "retired_by"),
)
CALIBRATION = Table(
    "calibration",
    METADATA,
    Column("seq", Integer, primary_key=True),
    *_text("network", "run", "decision", "reason"),
    Column("override", Boolean),
    *_text("at", "actor", "name", "org", "calibration"),
)
RADIO_ROW = Table(
    "radio_row",
    METADATA,
    Column("seq", Integer, primary_key=True),
    *_text("kind", "name", "record", "reason"),
    Column("version", Integer),
    *_text("at", "actor", "person", "org"),
)
SCENARIO = Table(
    "scenario",
    METADATA,
    Column("id", Text, primary_key=True),
    *_text("name", "record", "reason", "audience", "org", "at", "actor", "person"),
    *_text("renamed_at", "removed_at", "removed_by"),
)
