"""Orders are found by the venue's id, too: reports of orders that were placed elsewhere carry no id of ours."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_orders_account_id_venue_order_id", "orders", ["account_id", "venue_order_id"])


def downgrade() -> None:
    op.drop_index("ix_orders_account_id_venue_order_id", "orders")
