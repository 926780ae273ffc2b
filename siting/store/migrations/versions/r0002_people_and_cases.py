"""Organisations, accounts, sign-ins; problem points with their chained events; whose a run is."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
# Text has one order everywhere, that of its code points.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    _people()
    _cases()
    _attachments()
    for name, default in (("org", "local"), ("role", "local"), ("audience", "district"), ("operators", "")):
        op.add_column("run", sa.Column(name, TEXT, nullable=False, server_default=default))


def _text(*names: str, nullable: bool = False) -> list[sa.Column]:
    return [sa.Column(name, TEXT, nullable=nullable) for name in names]


def _people() -> None:
    op.create_table(
        "org", sa.Column("name", TEXT, primary_key=True), *_text("kind", "operator", "streets", "created_at")
    )
    op.create_table(
        "account",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("name", TEXT, nullable=False, unique=True),
        *_text("org", "roles", "password", "created_at"),
        *_text("locked_until", nullable=True),
        sa.Column("must_change", sa.Boolean, nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("demonstration", sa.Boolean, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
    )
    op.create_table(
        "session",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account", TEXT, sa.ForeignKey("account.id"), nullable=False, index=True),
        *_text("role", "created_at", "seen_at"),
        *_text("ended_at", "ended_by", nullable=True),
    )


def _cases() -> None:
    op.create_table(
        "problem",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("pp_no", TEXT, nullable=False, unique=True),
        *_text("kind", "state", "title", "reporter_org", "street_office", "site_ref", "asset_ref", "updated_at"),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("easting_m", sa.Float),
        sa.Column("northing_m", sa.Float),
        *_text("snapshot"),
    )
    op.create_table(
        "case_party",
        sa.Column("case_id", TEXT, sa.ForeignKey("problem.id"), primary_key=True),
        sa.Column("side", TEXT, primary_key=True),
        sa.Column("party", TEXT, primary_key=True, index=True),
    )
    op.create_table(
        "case_event",
        sa.Column("seq", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("case_id", TEXT, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("command_id", TEXT, nullable=False, unique=True),
        *_text("digest", "actor", "org", "role", "source", "at", "kind", "payload", "prev", "mac"),
        sa.UniqueConstraint("case_id", "revision"),
    )
    op.create_table(
        "case_value",
        sa.Column("case_id", TEXT, primary_key=True),
        *_text("computed_at", "plan_run", "record"),
    )
    _append_only("case_event", "the events of a case are append-only")


def _attachments() -> None:
    op.create_table(
        "attachment",
        sa.Column("sha256", TEXT, primary_key=True),
        *_text("name", "kind", "added_at", "added_by", "org"),
        sa.Column("size", sa.Integer, nullable=False),
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
