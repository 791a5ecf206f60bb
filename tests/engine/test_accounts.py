"""Opening accounts, and what they hold."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from engine.domain.order import OrderStatus
from engine.domain.values import Conflict, Forbidden, NotFound, Refusal, Unavailable
from engine.ports import Credentials
from tests.engine.desks import DeskUnderTest, eventually_true, open_desk
from tests.engine.saboteur import drop_after, sabotage
from tests.simulator.process import SimulatorProcess

TESTNET = "binance_testnet"


async def test_a_new_user_has_ten_thousand_to_play_with(desk: DeskUnderTest) -> None:
    balances = await desk.desk.balances(desk.user_id)
    assert {one.asset: one.total for one in balances.balances} == {
        "USDT": Decimal(10_000),
        "BTC": Decimal("0.1"),
        "ETH": Decimal(1),
    }
    assert balances.account.paper
    assert balances.quote == "USDT"


async def test_an_account_is_worth_what_its_assets_would_bring(
    tmp_path: Path, lively_exchange: SimulatorProcess
) -> None:
    async with open_desk(tmp_path / "numatix.db", lively_exchange.http) as desk:
        await desk.ready()
        await desk.open_user()
        tickers = await desk.desk.tickers("simulator")
        balances = await desk.desk.balances(desk.user_id)
        about = 10_000 + tickers["BTC/USDT"].last / 10 + tickers["ETH/USDT"].last
        assert abs(balances.worth - about) < about / 50
        assert balances.unpriced == ()


async def test_opening_the_paper_account_twice_is_one_account(desk: DeskUnderTest) -> None:
    again = await desk.desk.open_paper_account(desk.user_id)
    assert again.id == desk.account_id
    assert len(await desk.desk.accounts(desk.user_id)) == 1


async def test_a_paper_account_that_could_not_be_opened_is_opened_when_it_is_needed(
    tmp_path: Path, exchange: SimulatorProcess
) -> None:
    async with (
        sabotage((exchange.host, exchange.port)) as saboteur,
        open_desk(tmp_path / "numatix.db", saboteur.url) as desk,
    ):
        await desk.ready()
        saboteur.refusing = True
        await desk.open_user()
        with pytest.raises(Unavailable):
            await desk.desk.balances(desk.user_id)
        saboteur.heal()
        assert len((await desk.desk.balances(desk.user_id)).balances) == 3
        await desk.becomes(await desk.buy(quantity="0.01", price="30000"), OrderStatus.ACCEPTED)
        await desk.leave_nothing_open()


async def test_a_paper_account_whose_opening_was_not_answered_is_the_same_account(
    tmp_path: Path, exchange: SimulatorProcess
) -> None:
    async with (
        sabotage((exchange.host, exchange.port)) as saboteur,
        open_desk(tmp_path / "numatix.db", saboteur.url) as desk,
    ):
        await desk.ready()
        saboteur.spoil("POST", "/sim/accounts", drop_after)
        await desk.open_user()
        assert len((await desk.desk.balances(desk.user_id)).balances) == 3
        assert saboteur.count("POST", "/sim/accounts") == 2


async def test_a_key_of_ones_own_is_tested_stored_and_traded_with(
    desk: DeskUnderTest, exchange: SimulatorProcess
) -> None:
    keys = exchange.open_account()
    account = await desk.desk.add_account(
        desk.user_id, TESTNET, "  My testnet ", Credentials(keys.api_key, keys.secret)
    )
    assert (account.venue, account.label, account.paper) == (TESTNET, "My testnet", False)
    assert account.key_fingerprint == keys.api_key[-4:]
    assert [one.id for one in await desk.desk.accounts(desk.user_id)] == [desk.account_id, account.id]

    order = await desk.buy(quantity="0.01", price="30000", account_id=account.id)
    await desk.becomes(order, OrderStatus.ACCEPTED)
    held = await desk.desk.balances(desk.user_id, account.id)
    assert {one.asset: one.total for one in held.balances}["BTC"] == 100

    with pytest.raises(Conflict) as open_orders:
        await desk.desk.remove_account(desk.user_id, account.id)
    assert open_orders.value.code == "account_has_open_orders"
    await desk.leave_nothing_open()
    await desk.desk.remove_account(desk.user_id, account.id)
    with pytest.raises(NotFound):
        await desk.desk.account(desk.user_id, account.id)
    assert (await desk.desk.order(desk.user_id, order.id)).status is OrderStatus.CANCELED


@pytest.mark.parametrize(
    ("fields", "kind", "code"),
    [
        ({"can_trade": False}, Forbidden, "key_may_not_trade"),
        ({"can_withdraw": True}, Forbidden, "key_may_withdraw"),
    ],
)
async def test_a_key_that_may_too_much_or_too_little_is_refused(
    desk: DeskUnderTest, exchange: SimulatorProcess, fields: dict[str, object], kind: type[Refusal], code: str
) -> None:
    keys = exchange.open_account(**fields)
    with pytest.raises(kind) as caught:
        await desk.desk.add_account(desk.user_id, TESTNET, "key", Credentials(keys.api_key, keys.secret))
    assert caught.value.code == code
    assert len(await desk.desk.accounts(desk.user_id)) == 1


async def test_a_wrong_key_a_taken_label_and_an_unknown_venue_are_refused(
    desk: DeskUnderTest, exchange: SimulatorProcess
) -> None:
    keys = exchange.open_account()
    good = Credentials(keys.api_key, keys.secret)
    with pytest.raises(Refusal) as wrong:
        await desk.desk.add_account(desk.user_id, TESTNET, "key", Credentials(keys.api_key, "not its secret"))
    assert (wrong.value.code, wrong.value.field) == ("key_refused", "api_key")
    assert "not its secret" not in wrong.value.message
    for label in ("", " ", "x" * 41, "line\nbreak"):
        with pytest.raises(Refusal) as bad:
            await desk.desk.add_account(desk.user_id, TESTNET, label, good)
        assert bad.value.field == "label"
    await desk.desk.add_account(desk.user_id, TESTNET, "key", good)
    with pytest.raises(Conflict) as taken:
        await desk.desk.add_account(desk.user_id, TESTNET, "key", good)
    assert taken.value.code == "label_taken"
    for venue in ("simulator", "binance"):
        with pytest.raises(NotFound):
            await desk.desk.add_account(desk.user_id, venue, "key", good)


async def test_the_paper_account_stays(desk: DeskUnderTest) -> None:
    with pytest.raises(Forbidden):
        await desk.desk.remove_account(desk.user_id, desk.account_id)


async def test_what_happens_on_the_account_elsewhere_shows_in_its_balances(
    desk: DeskUnderTest, exchange: SimulatorProcess
) -> None:
    import httpx

    await desk.desk.balances(desk.user_id)
    async with httpx.AsyncClient(base_url=exchange.http, trust_env=False) as http:
        bot = await desk.trader(http)
        await bot.place("BUY", "LIMIT", price="20000", quantity="0.1")

        async def locked() -> bool:
            held = {one.asset: one for one in (await desk.desk.balances(desk.user_id)).balances}
            return held["USDT"].locked == 2_000

        await eventually_true(locked, "the bot's order locks balance")
        await bot.cancel_everything()

    async def ended() -> bool:
        return not await desk.ledger.unfinished(desk.account_id)

    await eventually_true(ended, "the bot's order, which the desk has adopted, ends here too")
