"""A whole desk in a process of its own that kills itself (SIGKILL) at a named point of an order's way.

Reads one JSON object from stdin: `database`, `url`, `settle_s`, `point` (or null: live on), `orders` (drafts to submit
by client order id), `cancel` (client order ids to cancel), `wait_s`. Prints "ready" before the first draft, and one
JSON line once every order has either ended or is open without anything on its way.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from data.ledger import SqlLedger
from data.streams import MemoryStream
from engine.domain.fills import Fill
from engine.domain.instrument import Instrument
from engine.domain.messages import Note
from engine.domain.order import Order, OrderEvent, OrderStatus, Submitting
from engine.domain.order_list import OrderList
from engine.domain.position import Balance
from engine.domain.values import Quantity, Side
from engine.ports import (
    Advanced,
    AmendOutcome,
    CancelOutcome,
    Credentials,
    Delivery,
    ListOutcome,
    OrderFilter,
    PlaceOutcome,
    Recorded,
    Replaced,
    UserEvent,
    VenueAccount,
    VenueFill,
    VenueOrder,
)
from engine.reconcile import SettleTimes
from engine.venues.ccxt_venue import CcxtVenue
from tests.engine.desks import DeskUnderTest, draft, eventually_true, open_desk

POINTS = (
    "after the order is recorded",
    "before SUBMITTED is committed",
    "after SUBMITTED is committed",
    "after the exchange answered",
    "before the outcome is committed",
    "after the outcome is committed",
    "before the command is acknowledged",
    "before the cancel is sent",
    "after the cancel is answered",
)
AT_REST = frozenset(OrderStatus) - {
    OrderStatus.PENDING,
    OrderStatus.SUBMITTED,
    OrderStatus.UNKNOWN,
    OrderStatus.PENDING_CANCEL,
}


class Fate:
    """Where this process dies; not at all without a point."""

    def __init__(self, point: str | None) -> None:
        assert point is None or point in POINTS
        self.point = point

    def at(self, point: str) -> None:
        if point == self.point:
            os.kill(os.getpid(), signal.SIGKILL)


def fragile_ledger(fate: Fate) -> type[SqlLedger]:
    class FragileLedger(SqlLedger):
        async def record_order(self, order: Order) -> Recorded:
            recorded = await super().record_order(order)
            fate.at("after the order is recorded")
            return recorded

        async def advance(
            self,
            order_id: str,
            events: Sequence[OrderEvent],
            at: datetime,
            *,
            new_fills: Sequence[Fill] = (),
            source: str,
            detail: Mapping[str, str] | None = None,
            notes: Sequence[Note] = (),
        ) -> Advanced:
            sending = any(isinstance(event, Submitting) for event in events)
            outcome = source == "worker" and not sending
            fate.at(
                "before SUBMITTED is committed" if sending else "before the outcome is committed" if outcome else ""
            )
            advanced = await super().advance(
                order_id, events, at, new_fills=new_fills, source=source, detail=detail, notes=notes
            )
            fate.at("after SUBMITTED is committed" if sending else "after the outcome is committed" if outcome else "")
            return advanced

    return FragileLedger


def fragile_stream(fate: Fate) -> type[MemoryStream]:
    class FragileStream(MemoryStream):
        async def ack(self, delivery: Delivery) -> None:
            fate.at("before the command is acknowledged")
            await super().ack(delivery)

    return FragileStream


def fragile_venue(fate: Fate) -> type[CcxtVenue]:
    class FragileVenue(CcxtVenue):
        async def open_account(self, account_id: str, credentials: Credentials) -> VenueAccount:
            return FragileAccount(await super().open_account(account_id, credentials), fate)

    return FragileVenue


class FragileAccount:
    """The real account, with a fate before and after what it sends."""

    def __init__(self, real: VenueAccount, fate: Fate) -> None:
        self.account_id = real.account_id
        self._real = real
        self._fate = fate

    async def place(self, order: Order, instrument: Instrument, *, send_within_s: float) -> PlaceOutcome:
        outcome = await self._real.place(order, instrument, send_within_s=send_within_s)
        self._fate.at("after the exchange answered")
        return outcome

    async def cancel(self, order: Order, instrument: Instrument) -> CancelOutcome:
        self._fate.at("before the cancel is sent")
        outcome = await self._real.cancel(order, instrument)
        self._fate.at("after the cancel is answered")
        return outcome

    async def amend(self, order: Order, instrument: Instrument, quantity: Quantity) -> AmendOutcome:
        return await self._real.amend(order, instrument, quantity)

    async def replace(
        self, order: Order, replacement: Order, instrument: Instrument, *, send_within_s: float
    ) -> Replaced:
        outcome = await self._real.replace(order, replacement, instrument, send_within_s=send_within_s)
        self._fate.at("after the exchange answered")
        return outcome

    async def place_list(
        self, order_list: OrderList, orders: Sequence[Order], instrument: Instrument, *, send_within_s: float
    ) -> ListOutcome:
        outcome = await self._real.place_list(order_list, orders, instrument, send_within_s=send_within_s)
        self._fate.at("after the exchange answered")
        return outcome

    async def recent_fills(self, instrument: Instrument, since: datetime) -> tuple[VenueFill, ...]:
        return await self._real.recent_fills(instrument, since)

    async def order_by_venue_id(self, instrument: Instrument, venue_order_id: str) -> VenueOrder | None:
        return await self._real.order_by_venue_id(instrument, venue_order_id)

    async def find_order(self, order: Order, instrument: Instrument) -> VenueOrder | None:
        return await self._real.find_order(order, instrument)

    async def open_orders(self, instrument: Instrument | None = None) -> tuple[VenueOrder, ...]:
        return await self._real.open_orders(instrument)

    async def fills_of(self, instrument: Instrument, venue_order_id: str) -> tuple[VenueFill, ...]:
        return await self._real.fills_of(instrument, venue_order_id)

    async def balances(self) -> tuple[Balance, ...]:
        return await self._real.balances()

    def user_events(self) -> AsyncIterator[UserEvent]:
        return self._real.user_events()

    async def close(self) -> None:
        await self._real.close()


async def live(told: dict[str, Any]) -> None:
    fate = Fate(told["point"])
    async with open_desk(
        Path(told["database"]),
        told["url"],
        settle=SettleTimes(settle_s=told["settle_s"], send_within_s=min(3.0, told["settle_s"] / 3)),
        make_ledger=fragile_ledger(fate),
        make_stream=fragile_stream(fate),
        make_venue=fragile_venue(fate),
    ) as desk:
        await desk.ready()
        await desk.come_back_or_open_user()
        say("ready")
        for client_order_id, fields in told["orders"].items():
            side = Side(fields.pop("side"))
            await desk.desk.submit_order(desk.user_id, draft(side, client_order_id=client_order_id, **fields))
        for client_order_id in told["cancel"]:
            order = await desk.ledger.order_by_client_id(desk.account_id, client_order_id)
            assert order is not None
            await desk.becomes(order, OrderStatus.ACCEPTED)
            await desk.desk.cancel_order(desk.user_id, order.id)
        say(await at_rest(desk, told["wait_s"]))


async def at_rest(desk: DeskUnderTest, wait_s: float) -> list[dict[str, Any]]:
    """All orders once nothing is on its way any more."""

    async def look() -> bool:
        return all(order.status in AT_REST for order in await all_orders(desk))

    await eventually_true(look, "every order comes to rest", wait_s)
    return [
        {
            "client_order_id": order.client_order_id,
            "status": order.status,
            "reason": order.reason,
            "filled": str(order.filled_quantity),
            "fills": [fill.venue_trade_id for fill in await desk.ledger.fills_of(order.id)],
        }
        for order in await all_orders(desk)
    ]


async def all_orders(desk: DeskUnderTest) -> tuple[Order, ...]:
    return (await desk.desk.orders(desk.user_id, OrderFilter(), limit=500)).items


def say(result: object) -> None:
    sys.stdout.write(f"{json.dumps(result)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(live(json.loads(sys.stdin.readline())))
