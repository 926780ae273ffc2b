"""The district's own rows of networks, radio units, thresholds and antenna patterns; rows are only ever added."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
# Text has one order everywhere, that of its code points.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TABLE = "radio_row"
TOLD = "the rows of radio tables are append-only"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("kind", "name", "record", "reason")),
        sa.Column("version", sa.Integer, nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("at", "actor", "person", "org")),
    )
    op.create_index("radio_row_name", TABLE, ["kind", "name", "seq"])
    _append_only()


def _append_only() -> None:
    verbs = ["UPDATE", "DELETE"]
    action = f"BEGIN SELECT RAISE(ABORT, '{TOLD}'); END"
    if op.get_bind().dialect.name == "postgresql":
        verbs.append("TRUNCATE")
        raising = f"BEGIN RAISE EXCEPTION '{TOLD}'; END"
        op.execute(f"CREATE FUNCTION {TABLE}_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ {raising} $$")
        action = f"EXECUTE FUNCTION {TABLE}_refuse()"
    for verb in verbs:
        op.execute(f"CREATE TRIGGER {TABLE}_no_{verb.lower()} BEFORE {verb} ON {TABLE} {action}")
