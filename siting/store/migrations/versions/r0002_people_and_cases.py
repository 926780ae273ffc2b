"""Organisations, accounts, sign-ins; problem points with their chained events; whose a run is."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _people()
    _cases()
    _attachments()
    for name, default in (("org", "local"), ("role", "local"), ("audience", "district"), ("operators", "")):
        op.add_column("run", sa.Column(name, sa.Text, nullable=False, server_default=default))


def _text(*names: str, nullable: bool = False) -> list[sa.Column]:
    return [sa.Column(name, sa.Text, nullable=nullable) for name in names]


def _people() -> None:
    op.create_table("org", sa.Column("name", sa.Text, primary_key=True), *_text("kind", "operator", "streets", "created_at"))
    op.create_table(
        "account",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        *_text("org", "roles", "password", "created_at"),
        *_text("locked_until", nullable=True),
        sa.Column("must_change", sa.Boolean, nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("demonstration", sa.Boolean, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
    )
    op.create_table(
        "session",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, sa.ForeignKey("account.id"), nullable=False, index=True),
        *_text("role", "created_at", "seen_at"),
        *_text("ended_at", "ended_by", nullable=True),
    )


def _cases() -> None:
    op.create_table(
        "problem",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("pp_no", sa.Text, nullable=False, unique=True),
        *_text("kind", "state", "title", "reporter_org", "street_office", "site_ref", "asset_ref", "updated_at"),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("easting_m", sa.Float),
        sa.Column("northing_m", sa.Float),
        *_text("snapshot"),
    )
    op.create_table(
        "case_party",
        sa.Column("case_id", sa.Text, sa.ForeignKey("problem.id"), primary_key=True),
        sa.Column("side", sa.Text, primary_key=True),
        sa.Column("party", sa.Text, primary_key=True, index=True),
    )
    op.create_table(
        "case_event",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("command_id", sa.Text, nullable=False, unique=True),
        *_text("digest", "actor", "org", "role", "source", "at", "kind", "payload", "prev", "mac"),
        sa.UniqueConstraint("case_id", "revision"),
    )
    op.create_table(
        "case_value",
        sa.Column("case_id", sa.Text, primary_key=True),
        *_text("computed_at", "plan_run", "record"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER case_event_no_{verb.lower()} BEFORE {verb} ON case_event "
                "BEGIN SELECT RAISE(ABORT, 'the events of a case are append-only'); END",
            )


def _attachments() -> None:
    op.create_table(
        "attachment",
        sa.Column("sha256", sa.Text, primary_key=True),
        *_text("name", "kind", "added_at", "added_by", "org"),
        sa.Column("size", sa.Integer, nullable=False),
    )
