"""Stops, lists, amendments and orders from elsewhere; hash chains; drift; several processes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = ("processes", "leases", "drifts", "writers", "orderlists")


def upgrade() -> None:
    for column in _of_orders():
        op.add_column("orders", column)
    for column in _of_audit():
        op.add_column("audit", column)
    op.create_index("ix_audit_writer_writer_number", "audit", ["writer", "writer_number"])
    op.create_index("ix_orders_list_id", "orders", ["list_id"])
    _orderlists()
    _writers()
    _drifts()
    _processes()


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    op.drop_index("ix_orders_list_id", "orders")
    op.drop_index("ix_audit_writer_writer_number", "audit")
    for column in reversed(_of_audit()):
        op.drop_column("audit", column.name)
    for column in reversed(_of_orders()):
        op.drop_column("orders", column.name)


def _of_orders() -> list[sa.Column[object]]:
    return [
        sa.Column("stop_price", sa.Text(), nullable=True),
        sa.Column("trailing_delta", sa.Integer(), nullable=True),
        sa.Column("held", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("origin", sa.Text(), nullable=False, server_default="desk"),
        sa.Column("list_id", sa.Text(), nullable=True),
        sa.Column("leg", sa.Text(), nullable=True),
        sa.Column("replaces", sa.Text(), nullable=True),
        sa.Column("replaced_by", sa.Text(), nullable=True),
        sa.Column("amend_quantity", sa.Text(), nullable=True),
        sa.Column("amend_price", sa.Text(), nullable=True),
        sa.Column("amend_requested_at", sa.BigInteger(), nullable=True),
        sa.Column("trail_price", sa.Text(), nullable=True),
        sa.Column("triggered_at", sa.BigInteger(), nullable=True),
        sa.Column("draft_digest", sa.Text(), nullable=False, server_default=""),
        sa.Column("chain", sa.Text(), nullable=False, server_default=""),
    ]


def _of_audit() -> list[sa.Column[object]]:
    return [
        sa.Column("order_hash", sa.Text(), nullable=False, server_default=""),
        sa.Column("writer", sa.Text(), nullable=False, server_default=""),
        sa.Column("writer_number", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("writer_hash", sa.Text(), nullable=False, server_default=""),
    ]


def _orderlists() -> None:
    op.create_table(
        "orderlists",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("venue_list_id", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_orderlists"),
    )
    op.create_index("ix_orderlists_user_id_created_at_id", "orderlists", ["user_id", "created_at", "id"])


def _writers() -> None:
    op.create_table(
        "writers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_writers"),
    )


def _drifts() -> None:
    op.create_table(
        "drifts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=True),
        sa.Column("desk_says", sa.Text(), nullable=False),
        sa.Column("venue_says", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_drifts"),
    )
    op.create_index("ix_drifts_user_id_found_at_id", "drifts", ["user_id", "found_at", "id"])
    op.create_index(
        "uq_drifts_open",
        "drifts",
        ["account_id", "kind", "subject"],
        unique=True,
        sqlite_where=sa.text("resolved_at IS NULL"),
        postgresql_where=sa.text("resolved_at IS NULL"),
    )


def _processes() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "processes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("ready", sa.Boolean(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_processes"),
    )
