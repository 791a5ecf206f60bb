"""What was placed elsewhere with the same key is adopted, and what desk and venue differ in stands on a board."""

from __future__ import annotations

from decimal import Decimal

import httpx
import pytest

from engine.domain.drift import Drift, DriftEnd, DriftKind
from engine.domain.order import Order, OrderStatus, Origin
from engine.domain.values import Conflict, NotFound
from engine.ports import OrderFilter
from tests.engine.desks import DeskUnderTest, eventually_true
from tests.simulator.process import TOKEN, SimulatorProcess, Trader

S = OrderStatus


async def adopted(desk: DeskUnderTest, client_order_id: str) -> Order:
    async def look() -> Order | None:
        return await desk.ledger.order_by_client_id(desk.account_id, client_order_id)

    await eventually_true(look, f"order {client_order_id} is adopted")
    order = await look()
    assert order is not None
    return order


async def drifts(desk: DeskUnderTest, *, open_only: bool = False) -> tuple[Drift, ...]:
    return (await desk.desk.drifts(desk.user_id, open_only=open_only)).items


async def test_an_order_from_elsewhere_is_adopted_marked_and_followed_to_its_end(
    desk: DeskUnderTest, peer: Trader, taker: Trader
) -> None:
    elsewhere = await desk.trader(peer.http)
    await desk.desk.balances(desk.user_id)
    placed = await elsewhere.place("BUY", "LIMIT", price="40000", quantity="0.02", newClientOrderId="bot-1")
    order = await adopted(desk, "bot-1")
    assert (order.origin, order.venue_order_id) == (Origin.EXTERNAL, str(placed["orderId"]))
    assert (order.price, order.quantity, order.status) == (Decimal(40000), Decimal("0.02"), S.ACCEPTED)
    await taker.place("SELL", "LIMIT", price="40000", quantity="0.005")
    order = await desk.becomes(order, S.PARTIALLY_FILLED)
    assert order.filled_quantity == Decimal("0.005")
    await desk.desk.cancel_order(desk.user_id, order.id)
    assert (await desk.becomes(order, S.CANCELED)).filled_quantity == Decimal("0.005")
    (drift,) = [one for one in await drifts(desk) if one.kind is DriftKind.ORDER_ELSEWHERE]
    assert (drift.subject, drift.resolution, drift.order_id) == ("bot-1", DriftEnd.ADOPTED, order.id)


async def test_what_traded_elsewhere_while_nobody_listened_is_found_by_its_fills(
    desk: DeskUnderTest, peer: Trader
) -> None:
    """A market order leaves nothing to list: only its fills tell of it."""
    await desk.becomes(await desk.buy(price="40000", quantity="0.001"), S.ACCEPTED)
    elsewhere = await desk.trader(peer.http)
    await peer.place("SELL", "LIMIT", price="50000", quantity="0.01")
    await elsewhere.place("BUY", "MARKET", quantity="0.01", newClientOrderId="bot-2")
    order = await adopted(desk, "bot-2")
    order = await desk.becomes(order, S.FILLED)
    assert (order.average_price, order.origin) == (Decimal(50000), Origin.EXTERNAL)
    fills = await desk.ledger.fills_of(order.id)
    assert sum((fill.quantity for fill in fills), Decimal(0)) == Decimal("0.01")
    (position,) = await desk.desk.positions(desk.user_id)
    assert position.position.quantity == Decimal("0.01") - order.fees["BTC"]


async def test_a_client_id_that_is_used_again_elsewhere_does_not_touch_our_order(
    desk: DeskUnderTest, peer: Trader
) -> None:
    ours = await desk.becomes(await desk.buy(price="40000", quantity="0.01", client_order_id="twice"), S.ACCEPTED)
    await desk.desk.cancel_order(desk.user_id, ours.id)
    ours = await desk.becomes(ours, S.CANCELED)
    elsewhere = await desk.trader(peer.http)
    placed = await elsewhere.place("BUY", "LIMIT", price="41000", quantity="0.01", newClientOrderId="twice")
    order = await adopted(desk, f"ext:{placed['orderId']}")
    assert (order.origin, order.status) == (Origin.EXTERNAL, S.ACCEPTED)
    assert (await desk.desk.order(desk.user_id, ours.id)).status is S.CANCELED


async def test_a_deposit_stands_on_the_board_until_somebody_deals_with_it(
    desk: DeskUnderTest, exchange: SimulatorProcess, peer: Trader
) -> None:
    await desk.desk.balances(desk.user_id)
    await eventually_true(lambda: compared(desk), "the first look at balances")
    trader = await desk.trader(peer.http)
    async with httpx.AsyncClient(base_url=exchange.http, trust_env=False) as http:
        answer = await http.post(
            f"/sim/accounts/{trader.keys.api_key}/deposit",
            json={"asset": "BTC", "quantity": "0.5"},
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        assert answer.status_code in {200, 201}, answer.text

    async def on_board() -> bool:
        return bool(await drifts(desk, open_only=True))

    await eventually_true(on_board, "the deposit is on the board")
    (drift,) = await drifts(desk, open_only=True)
    assert (drift.kind, drift.subject) == (DriftKind.BALANCE, "BTC")
    assert (drift.desk_says, drift.venue_says) == ("0.1 BTC", "0.6 BTC")
    with pytest.raises(Conflict, match="no order to ask"):
        await desk.desk.end_drift(desk.user_id, drift.id, DriftEnd.HEALED)
    with pytest.raises(NotFound):
        await desk.desk.end_drift("somebody else", drift.id, DriftEnd.ADOPTED)
    ended = await desk.desk.end_drift(desk.user_id, drift.id, DriftEnd.ADOPTED)
    assert (ended.resolution, ended.resolved_by) == (DriftEnd.ADOPTED, desk.user_id)
    with pytest.raises(Conflict, match="already"):
        await desk.desk.end_drift(desk.user_id, drift.id, DriftEnd.IGNORED)
    assert await drifts(desk, open_only=True) == ()
    assert len(await drifts(desk)) == 1


async def test_trading_makes_no_drift(desk: DeskUnderTest, peer: Trader) -> None:
    await desk.desk.balances(desk.user_id)
    await eventually_true(lambda: compared(desk), "the first look at balances")
    before = desk.chain.keeper.looks(desk.account_id)
    for number in range(4):
        await peer.place("SELL", "LIMIT", price=f"5000{number}", quantity="0.002")
        await desk.becomes(await desk.buy(quantity="0.002"), S.FILLED)
    await eventually_true(lambda: compared(desk, before + 4), "more looks at balances")
    assert await drifts(desk) == ()
    page = await desk.ledger.orders(desk.user_id, OrderFilter(), cursor=None, limit=10)
    assert {order.origin for order in page.items} == {Origin.DESK}


async def compared(desk: DeskUnderTest, times: int = 1) -> bool:
    return desk.chain.keeper.looks(desk.account_id) >= times
