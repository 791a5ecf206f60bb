"""One account's signed road to its venue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import structlog

from engine.domain.instrument import Instrument
from engine.domain.order import Order
from engine.domain.position import Balance
from engine.ports import (
    CancelDone,
    CancelOutcome,
    CancelUnclear,
    Lost,
    Placed,
    PlaceOutcome,
    StreamReady,
    UserEvent,
    VenueError,
    VenueFill,
    VenueOrder,
)
from engine.runtime import Supervisor
from engine.venues import payloads
from engine.venues.silence import SilenceWatch
from engine.venues.trouble import Trouble, TroubleKind

if TYPE_CHECKING:
    from engine.venues.ccxt_road import Road

log = structlog.get_logger(__name__)

BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)
MOST_TRADES = 1_000


class CcxtAccount:
    """Implements `engine.ports.VenueAccount`."""

    def __init__(self, account_id: str, road: Road, supervisor: Supervisor, silence: SilenceWatch) -> None:
        self.account_id = account_id
        self._road = road
        self._supervisor = supervisor
        self._silence = silence

    async def place(self, order: Order, instrument: Instrument, *, send_within_s: float) -> PlaceOutcome:
        request = payloads.order_request(order, instrument)
        try:
            with self._road.sending_within(send_within_s):
                answer = await self._signed("privatePostOrder", request)
        except Trouble as trouble:
            return trouble.place_outcome()
        try:
            return Placed(payloads.venue_order(answer), payloads.answered_fills(answer))
        except (KeyError, TypeError, ValueError, VenueError):
            # A 200 whose body makes no sense proves nothing, least of all that nothing happened.
            return Lost("the venue's answer makes no sense")

    async def cancel(self, order: Order, instrument: Instrument) -> CancelOutcome:
        try:
            answer = await self._signed("privateDeleteOrder", _key(order, instrument))
            return CancelDone(payloads.venue_order(answer, order.client_order_id))
        except Trouble as trouble:
            return trouble.cancel_outcome()
        except (KeyError, TypeError, ValueError, VenueError):
            return CancelUnclear("the venue's answer makes no sense")

    async def find_order(self, order: Order, instrument: Instrument) -> VenueOrder | None:
        try:
            answer = await self._signed("privateGetOrder", _key(order, instrument))
        except Trouble as trouble:
            if trouble.kind is TroubleKind.NOT_FOUND:
                return None
            raise trouble.read_error() from None
        return payloads.venue_order(_sensible(answer, "orderId"), order.client_order_id)

    async def open_orders(self, instrument: Instrument | None = None) -> tuple[VenueOrder, ...]:
        params = {} if instrument is None else {"symbol": instrument.venue_symbol}
        rows = await self._read("privateGetOpenOrders", params)
        return tuple(payloads.venue_order(row) for row in rows)

    async def fills_of(self, instrument: Instrument, venue_order_id: str) -> tuple[VenueFill, ...]:
        params: dict[str, str | int] = {"symbol": instrument.venue_symbol, "orderId": int(venue_order_id)}
        rows = await self._read("privateGetMyTrades", params | {"limit": MOST_TRADES})
        return tuple(payloads.my_trade(row) for row in rows)

    async def balances(self) -> tuple[Balance, ...]:
        return payloads.balances((await self.rights())["balances"])

    async def rights(self) -> Mapping[str, Any]:
        """The `account` answer: balances, canTrade, canWithdraw. VenueError."""
        return _sensible(await self._read("privateGetAccount", {}), "balances")

    def user_events(self) -> AsyncIterator[UserEvent]:
        return self._user_events()

    async def close(self) -> None:
        await self._road.close()

    async def _user_events(self) -> AsyncGenerator[UserEvent]:
        failures = 0
        guard = f"{self.account_id} stream watchdog"
        self._supervisor.keep(guard, lambda: self._silence.guard(self._road))
        try:
            while True:
                try:
                    async for event in self._one_connection():
                        failures = 0
                        yield event
                except (Trouble, VenueError) as error:
                    delay_s = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
                    log.info("user stream broke", account=self.account_id, error=str(error), retry_in_s=delay_s)
                    if isinstance(error, Trouble) and error.kind is TroubleKind.CLOCK:
                        await self._sync_clock()
                    failures += 1
                    await asyncio.sleep(delay_s)
        finally:
            self._supervisor.stop(guard)

    async def _one_connection(self) -> AsyncGenerator[UserEvent]:
        """From the subscription's confirmation until the socket breaks (Trouble)."""
        await self._road.open_user_stream()
        connection = self._road.connections
        yield StreamReady()
        while self._road.connections == connection:
            for raw in await self._road.next_user_events():
                event = payloads.user_event(raw)
                if event is not None:
                    yield event

    async def _read(self, endpoint: str, params: Mapping[str, str | int]) -> Any:
        try:
            return await self._signed(endpoint, params)
        except Trouble as trouble:
            raise trouble.read_error() from None

    async def _signed(self, endpoint: str, params: Mapping[str, str | int]) -> Any:
        """A signed call; one that was refused for its timestamp did nothing, and is made again with the right time."""
        try:
            return await self._road.call(endpoint, params)
        except Trouble as trouble:
            if trouble.kind is not TroubleKind.CLOCK or not await self._sync_clock():
                raise
        return await self._road.call(endpoint, params)

    async def _sync_clock(self) -> bool:
        try:
            await self._road.sync_clock()
        except Trouble as trouble:
            log.warning("the venue's clock could not be read", account=self.account_id, error=str(trouble))
            return False
        return True


def _key(order: Order, instrument: Instrument) -> dict[str, str | int]:
    """By the venue's id once it is known: a client id is unique among open orders only."""
    if order.venue_order_id is not None:
        return {"symbol": instrument.venue_symbol, "orderId": int(order.venue_order_id)}
    return {"symbol": instrument.venue_symbol, "origClientOrderId": order.client_order_id}


def _sensible(answer: Any, field: str) -> Mapping[str, Any]:
    if not isinstance(answer, dict) or field not in answer:
        raise VenueError("GARBLED", f"the venue's answer has no {field}")
    return cast("Mapping[str, Any]", answer)
