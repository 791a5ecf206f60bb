"""Several processes on one database: a relay takes commands for a while, a writer leaves a receipt of each commit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OPEN_ORDERS = {"ix_orders_open": "user_id", "ix_orders_unfinished": "account_id"}


def upgrade() -> None:
    op.create_table(
        "receipts",
        sa.Column("writer", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("writer", name="pk_receipts"),
    )
    op.add_column("outbox", sa.Column("taken_until", sa.BigInteger(), nullable=True))
    _index_open_orders("finished = FALSE")


def downgrade() -> None:
    _index_open_orders("finished = 0" if op.get_context().dialect.name == "sqlite" else "finished = FALSE")
    op.drop_column("outbox", "taken_until")
    op.drop_table("receipts")


def _index_open_orders(condition: str) -> None:
    """SQLite uses such an index only for a statement that says the condition in the same words, and PostgreSQL knows
    no flag that is equal to 0."""
    for name, owner in OPEN_ORDERS.items():
        op.drop_index(name, "orders")
        where = sa.text(condition)
        op.create_index(name, "orders", [owner, "created_at", "id"], sqlite_where=where, postgresql_where=where)
