"""Desks that lack a guard. Each is what a worker looks like that nobody has thought about twice."""

from __future__ import annotations

from functools import partial

from engine.domain.instrument import Instrument
from engine.domain.messages import Command
from engine.domain.order import IN_DOUBT, Order, OrderStatus
from engine.execution import Execution
from engine.ports import CancelDone, CancelOutcome, CancelUnclear, Lost, PlaceOutcome, Refused, VenueOrder
from engine.reconcile import SettleTimes
from engine.venues.ccxt_account import CcxtAccount
from numatix.chain import build_chain
from tests.virtual.surroundings import Make

SEND_WITHIN_S = 3.0


class SendsAgain(Execution):
    """A command that comes again is sent again: the client order id will see to it that it counts once."""

    async def _submit(self, order: Order, command: Command) -> None:
        if order.status in IN_DOUBT:
            road = await self._roads.road(order.account_id)
            instrument = await self._roads.instrument_of(order)
            outcome = await road.place(order, instrument, send_within_s=SEND_WITHIN_S)
            await self._sender.conclude(order, outcome)
            return
        await super()._submit(order, command)


class SendsFirst(Execution):
    """Sends, and writes down afterwards that it did."""

    async def _submit_alone(self, order: Order, command: Command) -> None:
        road = await self._roads.road(order.account_id)
        instrument = await self._roads.instrument_of(order)
        outcome = await road.place(order, instrument, send_within_s=SEND_WITHIN_S)
        sent = await self._sender.submitting(order)
        if sent is not None:
            await self._sender.conclude(sent, outcome)


class TakesSilenceForNo(CcxtAccount):
    """No answer, no order."""

    async def place(self, order: Order, instrument: Instrument, *, send_within_s: float) -> PlaceOutcome:
        outcome = await super().place(order, instrument, send_within_s=send_within_s)
        return Refused("NO_ANSWER", outcome.detail) if isinstance(outcome, Lost) else outcome


class TakesUnknownForCanceled(CcxtAccount):
    """What the exchange does not find any more must have been cancelled."""

    async def cancel(self, order: Order, instrument: Instrument) -> CancelOutcome:
        outcome = await super().cancel(order, instrument)
        if isinstance(outcome, CancelUnclear) and outcome.detail.startswith("-2011"):
            found = VenueOrder(
                order.client_order_id,
                order.venue_order_id or "",
                instrument.venue_symbol,
                OrderStatus.CANCELED,
                order.filled_quantity,
            )
            return CancelDone(found)
        return outcome


SENDS_AGAIN = Make(partial(build_chain, make_execution=SendsAgain))
SENDS_FIRST = Make(partial(build_chain, make_execution=SendsFirst))
TAKES_SILENCE_FOR_NO = Make(account=TakesSilenceForNo)
TAKES_UNKNOWN_FOR_CANCELED = Make(account=TakesUnknownForCanceled)


def settles_after(settle_s: float) -> Make:
    """Takes "no such order" for the truth after so many seconds."""
    return Make(partial(build_chain, settle_times=SettleTimes(settle_s, SEND_WITHIN_S)))
