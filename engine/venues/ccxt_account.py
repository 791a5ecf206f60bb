"""One account's signed road to its venue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import structlog

from engine.domain.instrument import Instrument
from engine.domain.order import Order
from engine.domain.order_list import OrderList
from engine.domain.position import Balance
from engine.domain.values import Quantity
from engine.ports import (
    AmendDone,
    AmendOutcome,
    AmendUnclear,
    CancelDone,
    CancelOutcome,
    CancelUnclear,
    ListOutcome,
    ListPlaced,
    Lost,
    Placed,
    PlaceOutcome,
    Refused,
    Replaced,
    StreamReady,
    UserEvent,
    VenueError,
    VenueFill,
    VenueOrder,
)
from engine.runtime import Supervisor
from engine.venues import payloads
from engine.venues.lists import list_request
from engine.venues.silence import SilenceWatch
from engine.venues.trouble import Trouble, TroubleKind, trouble_of_answer

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
        return _placed(answer)

    async def cancel(self, order: Order, instrument: Instrument) -> CancelOutcome:
        try:
            answer = await self._signed("privateDeleteOrder", _key(order, instrument))
            return CancelDone(payloads.venue_order(answer, order.client_order_id))
        except Trouble as trouble:
            return trouble.cancel_outcome()
        except (KeyError, TypeError, ValueError, VenueError):
            return CancelUnclear("the venue's answer makes no sense")

    async def amend(self, order: Order, instrument: Instrument, quantity: Quantity) -> AmendOutcome:
        request = payloads.amend_request(order, instrument, quantity)
        try:
            answer = await self._asked(lambda: self._road.request("order/amend/keepPriority", "PUT", request))
            return AmendDone(payloads.amended_order(answer))
        except Trouble as trouble:
            certain = trouble.kind is not TroubleKind.UNANSWERED
            return AmendUnclear(f"{trouble.code}: {trouble.detail}", certain)
        except (KeyError, TypeError, ValueError, VenueError):
            return AmendUnclear("the venue's answer makes no sense", certain=False)

    async def replace(
        self, order: Order, replacement: Order, instrument: Instrument, *, send_within_s: float
    ) -> Replaced:
        request = payloads.replace_request(order, replacement, instrument)
        try:
            with self._road.sending_within(send_within_s):
                answer = await self._signed("privatePostOrderCancelReplace", request)
        except Trouble as trouble:
            return _half_replaced(trouble, order)
        return _replaced(answer, order)

    async def place_list(
        self, order_list: OrderList, orders: Sequence[Order], instrument: Instrument, *, send_within_s: float
    ) -> ListOutcome:
        request = list_request(order_list, orders, instrument)
        try:
            with self._road.sending_within(send_within_s):
                answer = await self._signed(request.endpoint, request.params)
        except Trouble as trouble:
            return trouble.place_outcome()
        try:
            reports = tuple(payloads.venue_order(report) for report in answer["orderReports"])
            return ListPlaced(str(answer["orderListId"]), reports)
        except (KeyError, TypeError, ValueError, VenueError):
            return Lost("the venue's answer makes no sense")

    async def find_order(self, order: Order, instrument: Instrument) -> VenueOrder | None:
        try:
            answer = await self._signed("privateGetOrder", _key(order, instrument))
        except Trouble as trouble:
            if trouble.kind is TroubleKind.NOT_FOUND:
                return None
            raise trouble.read_error() from None
        return payloads.parsed(lambda: payloads.venue_order(answer, order.client_order_id))

    async def open_orders(self, instrument: Instrument | None = None) -> tuple[VenueOrder, ...]:
        params = {} if instrument is None else {"symbol": instrument.venue_symbol}
        return payloads.each(payloads.venue_order, await self._read("privateGetOpenOrders", params))

    async def fills_of(self, instrument: Instrument, venue_order_id: str) -> tuple[VenueFill, ...]:
        params: dict[str, str | int] = {"symbol": instrument.venue_symbol, "orderId": int(venue_order_id)}
        return payloads.each(payloads.my_trade, await self._read("privateGetMyTrades", params | {"limit": MOST_TRADES}))

    async def recent_fills(self, instrument: Instrument, since: datetime) -> tuple[VenueFill, ...]:
        params: dict[str, str | int] = {"symbol": instrument.venue_symbol, "limit": MOST_TRADES}
        params["startTime"] = int(since.timestamp() * 1000)
        return payloads.each(payloads.my_trade, await self._read("privateGetMyTrades", params))

    async def order_by_venue_id(self, instrument: Instrument, venue_order_id: str) -> VenueOrder | None:
        params: dict[str, str | int] = {"symbol": instrument.venue_symbol, "orderId": int(venue_order_id)}
        try:
            answer = await self._signed("privateGetOrder", params)
        except Trouble as trouble:
            if trouble.kind is TroubleKind.NOT_FOUND:
                return None
            raise trouble.read_error() from None
        return payloads.parsed(lambda: payloads.venue_order(answer))

    async def balances(self) -> tuple[Balance, ...]:
        rights = await self.rights()
        return payloads.parsed(lambda: payloads.balances(rights["balances"]))

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
        return await self._asked(lambda: self._road.call(endpoint, params))

    async def _asked(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """A signed call; one that was refused for its timestamp did nothing, and is made again with the right time."""
        try:
            return await call()
        except Trouble as trouble:
            if trouble.kind is not TroubleKind.CLOCK or not await self._sync_clock():
                raise
        return await call()

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


def _placed(answer: Any) -> PlaceOutcome:
    """A 200 whose body makes no sense proves nothing, least of all that nothing happened."""
    try:
        return Placed(payloads.venue_order(answer), payloads.answered_fills(answer))
    except (KeyError, TypeError, ValueError, VenueError):
        return Lost("the venue's answer makes no sense")


def _replaced(answer: Any, order: Order) -> Replaced:
    try:
        canceled = CancelDone(payloads.venue_order(answer["cancelResponse"], order.client_order_id))
        return Replaced(canceled, _placed(answer["newOrderResponse"]))
    except (KeyError, TypeError, ValueError, VenueError):
        return Replaced(CancelUnclear("the venue's answer makes no sense"), Lost("the venue's answer makes no sense"))


def _half_replaced(trouble: Trouble, order: Order) -> Replaced:
    """What a failed cancel-replace did after all: the answer tells of both halves, or it is lost like any other.

    Binance answers -2021 (409) when one half failed and -2022 (400) when both did.
    """
    told = cast("Mapping[str, Any]", trouble.answer).get("data") if isinstance(trouble.answer, dict) else None
    if not isinstance(told, dict):
        placed = trouble.place_outcome()
        return Replaced(trouble.cancel_outcome(), None if isinstance(placed, Refused) else placed)
    half = cast("Mapping[str, Any]", told)
    canceled: CancelOutcome = CancelUnclear(f"{trouble.code}: {trouble.detail}")
    if half.get("cancelResult") == "SUCCESS":
        canceled = CancelDone(payloads.venue_order(half["cancelResponse"], order.client_order_id))
    match half.get("newOrderResult"):
        case "SUCCESS":
            return Replaced(canceled, _placed(half["newOrderResponse"]))
        case "FAILURE":
            refusal = trouble_of_answer(400, {}, "", half["newOrderResponse"])
            return Replaced(canceled, refusal.place_outcome() if refusal is not None else Lost("no reason given"))
        case _:
            return Replaced(canceled, None)


def _sensible(answer: Any, field: str) -> Mapping[str, Any]:
    if not isinstance(answer, dict) or field not in answer:
        raise VenueError("GARBLED", f"the venue's answer has no {field}")
    return cast("Mapping[str, Any]", answer)
