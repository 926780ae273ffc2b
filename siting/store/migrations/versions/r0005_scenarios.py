"""Named scenarios of planning."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
# Text has one order everywhere, that of its code points.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NAMES = (
    "name",
    "record",
    "reason",
    "audience",
    "org",
    "at",
    "actor",
    "person",
    "renamed_at",
    "removed_at",
    "removed_by",
)


def upgrade() -> None:
    op.create_table(
        "scenario",
        sa.Column("id", TEXT, primary_key=True),
        *(sa.Column(name, TEXT, nullable=False) for name in NAMES),
    )
