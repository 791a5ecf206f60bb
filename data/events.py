"""What a client of the user's events has missed, told from the orders as they are now."""

from __future__ import annotations

from data.connection import Connection
from data.rows import fill_of, order_of
from data.statements import EVENTS_BETWEEN, FILLS_OF, ORDER_BY_ID, SEQUENCE
from engine.domain.messages import OrderChanged
from engine.ports import ChangedSince


def changed_since(connection: Connection, user_id: str, after: int, limit: int) -> ChangedSince | None:
    """As `engine.ports.Ledger.changed_since`. What is committed between the reads makes an order newer, never older."""
    newest = connection.execute(SEQUENCE, (user_id,)).fetchone()
    sequence: int = newest[0] if newest else 0
    touched = connection.execute(EVENTS_BETWEEN, (user_id, after, sequence, limit + 1)).fetchall()
    if len(touched) > limit or sum(count for _, _, count in touched) != sequence - after:
        return None
    changes = tuple(_as_it_is(connection, order_id, number) for order_id, number, _ in touched)
    return ChangedSince(sequence, changes)


def _as_it_is(connection: Connection, order_id: str, number: int) -> OrderChanged:
    order = order_of(connection.execute(ORDER_BY_ID, (order_id,)).fetchone())
    fills = tuple(fill_of(row) for row in connection.execute(FILLS_OF, (order_id,)))
    return OrderChanged(number, order.user_id, order, fills)
