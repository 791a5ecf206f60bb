"""Which order each of a user's numbered events was about: what a client missed can be told from the ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "sequence", name="pk_events"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("events")
