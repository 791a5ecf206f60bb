"""What traders see of their orders, on a real exchange in another process."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from engine.domain.messages import OrderChanged
from engine.domain.order import Order, OrderStatus
from engine.domain.values import Conflict, Denied, NotFound, Refusal, Side, Unavailable
from engine.hub import BalancesUpdate, UserUpdate
from engine.ports import OrderFilter
from tests.engine.desks import DeskUnderTest, draft, eventually, eventually_true, open_desk
from tests.simulator.process import SimulatorProcess, Trader

S = OrderStatus


async def balance(desk: DeskUnderTest, asset: str) -> tuple[Decimal, Decimal]:
    held = {one.asset: one for one in (await desk.desk.balances(desk.user_id)).balances}
    return (held[asset].free, held[asset].locked) if asset in held else (Decimal(0), Decimal(0))


async def test_a_market_order_is_filled_at_the_exact_average_of_its_fills(desk: DeskUnderTest, peer: Trader) -> None:
    for price, quantity in (("50000.01", "0.00300"), ("50000.07", "0.00100"), ("50003.33", "0.00700")):
        await peer.place("SELL", "LIMIT", price=price, quantity=quantity)

    order = await desk.becomes(await desk.buy(quantity="0.01"), S.FILLED)

    order, fills, timeline = await desk.desk.order_with_history(desk.user_id, order.id)
    assert [(fill.price, fill.quantity) for fill in fills] == [
        (Decimal("50000.01"), Decimal("0.003")),
        (Decimal("50000.07"), Decimal("0.001")),
        (Decimal("50003.33"), Decimal("0.006")),
    ]
    notional = sum((fill.price * fill.quantity for fill in fills), Decimal(0))
    assert order.average_price == notional / Decimal("0.01")
    assert order.filled_quantity == Decimal("0.01")
    assert order.fees == {"BTC": sum((fill.fee for fill in fills), Decimal(0))}
    assert [entry.event for entry in timeline][:3] == ["Recorded", "TakenUp", "Submitting"]
    (answered,) = [entry for entry in timeline if entry.event == "Answered"]
    assert answered.detail["answer"].startswith(f"placed as {order.venue_order_id}, FILLED")
    assert 0 < float(answered.detail["duration_ms"]) < 60_000
    assert timeline[-1].status == "FILLED"


async def test_a_market_order_can_spend_a_sum_of_quote(desk: DeskUnderTest, peer: Trader) -> None:
    await peer.place("SELL", "LIMIT", price="40000", quantity="1")

    order = await desk.becomes(await desk.buy(quote_quantity="100"), S.FILLED)

    assert order.filled_quantity == Decimal("0.0025")
    assert order.average_price == Decimal(40_000)


async def test_a_limit_order_rests_on_the_book_until_it_is_cancelled(desk: DeskUnderTest, peer: Trader) -> None:
    order = await desk.becomes(await desk.buy(quantity="0.01", price="30000"), S.ACCEPTED)
    depth = (await peer.http.get("/api/v3/depth", params={"symbol": "BTCUSDT"})).json()
    assert ["30000.00000000", "0.01000000"] in depth["bids"]

    async def locked() -> bool:
        return (await balance(desk, "USDT"))[1] == Decimal(300)

    await eventually_true(locked, "300 USDT are locked")

    assert (await desk.desk.cancel_order(desk.user_id, order.id)).status is S.PENDING_CANCEL
    order = await desk.becomes(order, S.CANCELED)
    assert order.filled_quantity == 0

    async def free() -> bool:
        return await balance(desk, "USDT") == (Decimal(10_000), Decimal(0))

    await eventually_true(free, "all is free again")


async def test_every_fill_of_a_resting_order_is_kept(desk: DeskUnderTest, peer: Trader) -> None:
    order = await desk.becomes(await desk.buy(quantity="0.024", price="30000"), S.ACCEPTED)
    for _ in range(23):
        await peer.place("SELL", "MARKET", quantity="0.001")
    order = await desk.becomes(order, S.PARTIALLY_FILLED)
    await peer.place("SELL", "MARKET", quantity="0.001")

    order = await desk.becomes(order, S.FILLED)

    fills = await desk.ledger.fills_of(order.id)
    assert len(fills) == 24
    assert len({fill.venue_trade_id for fill in fills}) == 24
    assert {fill.liquidity for fill in fills} == {"maker"}
    assert order.filled_quantity == Decimal("0.024")


async def test_what_an_impatient_order_cannot_get_at_once_expires(desk: DeskUnderTest, peer: Trader) -> None:
    await peer.place("SELL", "LIMIT", price="30000", quantity="0.004")

    part = await desk.becomes(await desk.buy(quantity="0.01", price="30000", time_in_force="IOC"), S.EXPIRED)
    none = await desk.becomes(await desk.buy(quantity="0.01", price="30000", time_in_force="FOK"), S.EXPIRED)

    assert (part.filled_quantity, part.average_price) == (Decimal("0.004"), Decimal(30_000))
    assert (none.filled_quantity, none.average_price) == (Decimal(0), None)


async def test_an_order_that_the_venue_refuses_says_why(desk: DeskUnderTest, peer: Trader) -> None:
    await peer.place("SELL", "LIMIT", price="30000", quantity="0.01")

    order = await desk.becomes(await desk.buy(quantity="0.01", price="31000", type="limit_maker"), S.REJECTED)

    assert order.reason == "WOULD_MATCH: Order would immediately match and take."


async def test_the_same_client_order_id_and_body_is_the_same_order(desk: DeskUnderTest) -> None:
    same = draft(Side.BUY, quantity="0.01", price="30000", client_order_id="my-order")
    first = await desk.desk.submit_order(desk.user_id, same)
    again = await desk.desk.submit_order(desk.user_id, same)
    assert (first.created, again.created) == (True, False)
    assert again.order.id == first.order.id

    other = draft(Side.BUY, quantity="0.02", price="30000", client_order_id="my-order")
    with pytest.raises(Conflict) as caught:
        await desk.desk.submit_order(desk.user_id, other)
    assert (caught.value.code, caught.value.field) == ("client_order_id_reused", "client_order_id")


async def test_many_at_once_under_one_client_order_id_make_one_order(desk: DeskUnderTest, peer: Trader) -> None:
    # Nearly all that the account has: a second one could not be paid for.
    same = draft(Side.BUY, quantity="0.3", price="29000", client_order_id="once")

    answers = await asyncio.gather(*(desk.desk.submit_order(desk.user_id, same) for _ in range(10)))

    assert [answer.created for answer in answers].count(True) == 1
    await desk.becomes(answers[0].order, S.ACCEPTED)
    depth = (await peer.http.get("/api/v3/depth", params={"symbol": "BTCUSDT"})).json()
    assert ["29000.00000000", "0.30000000"] in depth["bids"]


async def test_what_cannot_be_paid_for_is_stored_as_denied_and_never_sent(desk: DeskUnderTest) -> None:
    with pytest.raises(Denied) as caught:
        await desk.buy(quantity="1", price="30000", client_order_id="too-much")
    assert caught.value.code == "insufficient_balance"
    order = await desk.desk.order(desk.user_id, caught.value.order_id)
    assert order.status is S.DENIED
    assert order.submitted_at is None

    with pytest.raises(Denied) as again:
        await desk.buy(quantity="1", price="30000", client_order_id="too-much")
    assert (again.value.order_id, again.value.code) == (caught.value.order_id, "insufficient_balance")


async def test_two_quick_orders_cannot_spend_the_same_balance(desk: DeskUnderTest) -> None:
    answers = await asyncio.gather(*(desk.buy(quantity="0.2", price="30000") for _ in range(4)), return_exceptions=True)
    [order] = [answer for answer in answers if isinstance(answer, Order)]
    assert [type(answer) for answer in answers].count(Denied) == 3
    await desk.becomes(order, S.ACCEPTED)


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"quantity": "0.01", "price": "30000.001"}, "off_tick", "price"),
        ({"quantity": "0.0000001", "price": "30000"}, "off_lot", "quantity"),
        ({"quantity": "0.0001", "price": "30000"}, "below_min_notional", "quantity"),
        ({"quantity": "0", "price": "30000"}, "quantity_not_positive", "quantity"),
        ({"quantity": "0.01", "price": "30000", "symbol": "NO/SUCH"}, "unknown_symbol", "symbol"),
        (
            {"quantity": "0.01", "price": "30000", "client_order_id": "no spaces"},
            "bad_client_order_id",
            "client_order_id",
        ),
        ({"quantity": "0.01", "price": "30000", "account_id": "somebody"}, "unknown_account", "account_id"),
    ],
)
async def test_a_malformed_order_is_refused_by_field_and_nothing_is_stored(
    desk: DeskUnderTest, fields: dict[str, object], code: str, field: str
) -> None:
    with pytest.raises(Refusal) as caught:
        await desk.buy(**fields)
    assert (caught.value.code, caught.value.field) == (code, field)
    assert (await desk.desk.orders(desk.user_id, OrderFilter())).items == ()


async def test_a_finished_order_cannot_be_cancelled(desk: DeskUnderTest) -> None:
    order = await desk.becomes(await desk.buy(quantity="0.01", price="30000"), S.ACCEPTED)
    await desk.desk.cancel_order(desk.user_id, order.id)
    await desk.becomes(order, S.CANCELED)
    with pytest.raises(Conflict) as caught:
        await desk.desk.cancel_order(desk.user_id, order.id)
    assert caught.value.code == "order_finished"


async def test_cancel_all_cancels_what_is_asked_for(desk: DeskUnderTest) -> None:
    bitcoin = [await desk.becomes(await desk.buy(quantity="0.01", price=f"{30000 + n}"), S.ACCEPTED) for n in range(3)]
    ether = await desk.becomes(await desk.buy(symbol="ETH/USDT", quantity="0.1", price="1000"), S.ACCEPTED)

    cancelled = await desk.desk.cancel_all(desk.user_id, symbol="BTC/USDT")

    assert {order.id for order in cancelled} == {order.id for order in bitcoin}
    for order in bitcoin:
        await desk.becomes(order, S.CANCELED)
    assert (await desk.desk.order(desk.user_id, ether.id)).status is S.ACCEPTED


async def test_one_user_sees_nothing_of_another(desk: DeskUnderTest) -> None:
    order = await desk.becomes(await desk.buy(quantity="0.01", price="30000"), S.ACCEPTED)
    mine = desk.user_id, desk.account_id
    await desk.open_user("other@example.org")
    other, (desk.user_id, desk.account_id) = desk.user_id, mine

    for ask in (
        lambda: desk.desk.order(other, order.id),
        lambda: desk.desk.cancel_order(other, order.id),
        lambda: desk.desk.order_with_history(other, order.id),
        lambda: desk.desk.account(other, desk.account_id),
        lambda: desk.desk.balances(other, desk.account_id),
        lambda: desk.desk.remove_account(other, desk.account_id),
        lambda: desk.desk.submit_order(other, draft(Side.BUY, quantity="0.01", price="30000", account_id=mine[1])),
        lambda: desk.desk.cancel_all(other, account_id=mine[1]),
    ):
        with pytest.raises(NotFound):
            await ask()
    assert (await desk.desk.orders(other, OrderFilter())).items == ()
    assert (await desk.desk.order(desk.user_id, order.id)).status is S.ACCEPTED


async def test_each_session_of_a_user_gets_every_change_in_its_order(desk: DeskUnderTest, peer: Trader) -> None:
    seen: dict[str, list[UserUpdate]] = {"one": [], "two": []}

    async def listen(name: str) -> None:
        async for update in desk.desk.hub.subscribe(desk.user_id):
            seen[name].append(update)

    for name in seen:
        desk.chain.supervisor.run(f"session {name}", listen(name))
    await eventually(lambda: desk.desk.hub.subscribers(desk.user_id) == 2, "both sessions listen")
    await peer.place("SELL", "LIMIT", price="30000", quantity="0.01")

    order = await desk.becomes(await desk.buy(quantity="0.01", price="30000"), S.FILLED)

    for updates in seen.values():

        def changes(updates: list[UserUpdate] = updates) -> list[OrderChanged]:
            return [update for update in updates if isinstance(update, OrderChanged)]

        await eventually(lambda told=changes: told() and told()[-1].order.finished, "the session hears the end")
        sequences = [change.sequence for change in changes()]
        assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
        assert [change.order.status for change in changes()][:2] == [S.PENDING, S.SUBMITTED]
        assert [fill.order_id for change in changes() for fill in change.new_fills] == [order.id]
        await eventually(
            lambda heard=updates: any(isinstance(update, BalancesUpdate) for update in heard), "balances are pushed"
        )


async def test_orders_wait_for_the_exchange_but_cancels_do_not(tmp_path: Path, exchange: SimulatorProcess) -> None:
    async with open_desk(tmp_path / "numatix.db", exchange.http) as desk:
        await desk.ready()
        await desk.open_user()
        order = await desk.becomes(await desk.buy(quantity="0.01", price="30000"), S.ACCEPTED)
        user_id = desk.user_id
    async with open_desk(tmp_path / "numatix.db", "http://127.0.0.1:1") as away:
        assert not away.desk.readiness().ready
        with pytest.raises(Unavailable) as caught:
            await away.desk.submit_order(user_id, draft(Side.BUY, quantity="0.01", price="30000"))
        assert caught.value.code == "not_ready"
        assert (await away.desk.cancel_order(user_id, order.id)).status is S.PENDING_CANCEL
    async with open_desk(tmp_path / "numatix.db", exchange.http) as back:
        back.user_id = user_id
        await back.becomes(order, S.CANCELED)
