"""Journal, layer revisions, imports and runs."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None
# Text has one order everywhere, that of its code points.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    _journal()
    _layers()
    _runs()


def _journal() -> None:
    op.create_table(
        "journal",
        sa.Column("seq", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("stream", TEXT, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("org", TEXT, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("payload", TEXT, nullable=False),
        sa.Column("mac", TEXT, nullable=False),
        sa.UniqueConstraint("stream", "number"),
    )
    _append_only("journal", "the journal is append-only")


def _layers() -> None:
    op.create_table(
        "layer_revision",
        sa.Column("layer", TEXT, primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("changed_at", TEXT, nullable=False),
    )
    op.create_table(
        "import_plan",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("layer", TEXT, nullable=False),
        sa.Column("sha256", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("committed_at", TEXT),
        sa.Column("record", TEXT, nullable=False),
    )


def _runs() -> None:
    op.create_table(
        "run",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("kind", TEXT, nullable=False, index=True),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("progress", sa.Float, nullable=False),
        sa.Column("stage", TEXT, nullable=False),
        sa.Column("message", TEXT, nullable=False),
        sa.Column("params", TEXT, nullable=False),
        sa.Column("result", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("started_at", TEXT),
        sa.Column("heartbeat_at", TEXT),
        sa.Column("finished_at", TEXT),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
    )


def _append_only(table: str, told: str) -> None:
    verbs = ["UPDATE", "DELETE"]
    action = f"BEGIN SELECT RAISE(ABORT, '{told}'); END"
    if op.get_bind().dialect.name == "postgresql":
        verbs.append("TRUNCATE")
        raising = f"BEGIN RAISE EXCEPTION '{told}'; END"
        op.execute(f"CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ {raising} $$")
        action = f"EXECUTE FUNCTION {table}_refuse()"
    for verb in verbs:
        op.execute(f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} {action}")
