"""Sets of measured samples, and what people decided about calibrations."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
# Text has one order everywhere, that of its code points.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "sample_set",
        sa.Column("id", TEXT, primary_key=True),
        *_text("name", "sha256", "datum", "source", "networks", "first_day", "last_day"),
        sa.Column("rows", sa.Integer, nullable=False),
        *_text("imported_at", "actor", "org", "retired_at", "retired_by"),
    )
    op.create_table(
        "calibration",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        *_text("network", "run", "decision", "reason"),
        sa.Column("override", sa.Boolean, nullable=False),
        *_text("at", "actor", "name", "org", "calibration"),
    )
    op.create_index("calibration_network", "calibration", ["network", "seq"])


def _text(*names: str) -> list[sa.Column]:
    return [sa.Column(name, TEXT, nullable=False) for name in names]
