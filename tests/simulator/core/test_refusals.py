"""What the exchange refuses, in Binance's codes and words, and that nothing has changed afterwards."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.simulator.filters import Rules
from engine.simulator.model import ApiError, Listing, NewOrder, OrderType, Side, TimeInForce
from tests.simulator.core.venue import BTC, COARSE, Venue

P = 6_000_000
LIMIT, MARKET, GTC = OrderType.LIMIT, OrderType.MARKET, TimeInForce.GTC


@pytest.mark.parametrize(
    ("order", "refusal"),
    [
        (NewOrder("NOPE", Side.BUY, LIMIT, "c", GTC, P, 100), "-1121 Invalid symbol."),
        (NewOrder("BTCUSDT", Side.BUY, LIMIT, "c", GTC, 100_000_001, 1), "-1013 Filter failure: PRICE_FILTER"),
        (NewOrder("BTCUSDT", Side.BUY, LIMIT, "c", GTC, 0, 1), "-1013 Invalid price."),
        (NewOrder("BTCUSDT", Side.BUY, LIMIT, "c", GTC, P, 0), "-1013 Invalid quantity."),
        (NewOrder("BTCUSDT", Side.BUY, LIMIT, "c", GTC, P, 900_000_001), "-1013 Filter failure: LOT_SIZE"),
        (NewOrder("BTCUSDT", Side.BUY, MARKET, "c", GTC, 0, 10_000_001), "-1013 Filter failure: MARKET_LOT_SIZE"),
        (NewOrder("BTCUSDT", Side.BUY, LIMIT, "c", GTC, P, 8), "-1013 Filter failure: NOTIONAL"),
        (NewOrder("BTCUSDT", Side.BUY, MARKET, "c", GTC, 0, 8), "-1013 Filter failure: NOTIONAL"),
        (NewOrder("BTCUSDT", Side.BUY, MARKET, "c", GTC, 0, 0, 4 * 10**8), "-1013 Filter failure: NOTIONAL"),
        (NewOrder("BTCUSDT", Side.BUY, LIMIT, "c", GTC, 5 * P + 1, 100), "PERCENT_PRICE_BY_SIDE"),
        (NewOrder("BTCUSDT", Side.SELL, LIMIT, "c", GTC, P // 5 - 1, 100), "PERCENT_PRICE_BY_SIDE"),
        (NewOrder("BTCUSDT", Side.BUY, LIMIT, "c", GTC, P, 20_000), "-2010 Account has insufficient balance"),
        (NewOrder("BTCUSDT", Side.BUY, MARKET, "c", GTC, 0, 20_000), "-2010 Account has insufficient balance"),
        (NewOrder("BTCUSDT", Side.BUY, MARKET, "c", GTC, 0, 0, 10**13), "-2010 Account has insufficient balance"),
        (NewOrder("BTCUSDT", Side.SELL, LIMIT, "c", GTC, P, 100_001), "-2010 Account has insufficient balance"),
        (NewOrder("BTCUSDT", Side.BUY, LIMIT, "twice", GTC, P - 9, 100), "-2010 Duplicate order sent."),
        (NewOrder("BTCUSDT", Side.BUY, MARKET, "c", GTC, 0, 0), "-1102"),
        (NewOrder("BTCUSDT", Side.BUY, MARKET, "c", GTC, P, 10), "-1106 Parameter 'price' sent when not required."),
        (NewOrder("BTCUSDT", Side.BUY, LIMIT, "c", GTC, P, 10, 10**8), "-1106 Parameter 'quoteOrderQty' sent"),
        (NewOrder("BTCUSDT", Side.BUY, OrderType.STOP_LOSS, "c", GTC, 0, 100), "-1102 Param 'stopPrice' or"),
    ],
)
def test_an_order_that_breaks_a_rule_is_refused_and_changes_nothing(order: NewOrder, refusal: str) -> None:
    venue = Venue()
    maker, account = venue.account("maker"), venue.account("k", {"USDT": 10_000, "BTC": 1})
    venue.limit(maker, Side.SELL, P, 100_000)
    venue.limit(maker, Side.BUY, P, 100)
    venue.exchange.place(account, venue.request(Side.BUY, P - 10, 100, client_id="twice"))
    before = venue.exchange.state_digest()
    venue.events.clear()
    with pytest.raises(ApiError, match=refusal):
        venue.exchange.place(account, order)
    if order.symbol == "BTCUSDT":
        with pytest.raises(ApiError, match=refusal):
            venue.exchange.check(account, order)
    assert venue.exchange.state_digest() == before
    assert venue.events == []


def test_an_account_that_may_not_trade_is_told_so() -> None:
    venue = Venue()
    account = venue.exchange.create_account("k", "s", {"USDT": Decimal(1000)}, can_trade=False)
    with pytest.raises(ApiError, match=r"-2010 This account may not place or cancel orders\."):
        venue.limit(account.account_id, Side.BUY, P, 100)


def test_no_more_orders_may_rest_than_the_symbol_allows() -> None:
    venue = Venue()
    account = venue.account("k")
    for index in range(BTC.max_open_orders):
        venue.limit(account, Side.BUY, P - index, 10)
    with pytest.raises(ApiError, match="-1013 Filter failure: MAX_NUM_ORDERS"):
        venue.limit(account, Side.BUY, P, 10)
    venue.exchange.place(account, venue.request(Side.BUY, 100, 1000, symbol="XYZUSDT"))


def test_orders_that_do_not_exist_or_are_someone_elses_cannot_be_read_or_canceled() -> None:
    venue = Venue()
    one, other = venue.account("one"), venue.account("other")
    order = venue.limit(one, Side.BUY, P, 100)
    for account, symbol, order_id in ((other, "BTCUSDT", order.order_id), (one, "XYZUSDT", order.order_id)):
        with pytest.raises(ApiError, match=r"-2011 Unknown order sent\."):
            venue.exchange.cancel(account, symbol, order_id=order_id)
        with pytest.raises(ApiError, match=r"-2013 Order does not exist\."):
            venue.exchange.order(account, symbol, order_id=order_id)
    with pytest.raises(ApiError, match="-2011"):
        venue.exchange.cancel(one, "BTCUSDT", order_id=order.order_id, client_order_id="another")
    with pytest.raises(ApiError, match="-2011"):
        venue.exchange.cancel(one, "BTCUSDT")


def test_a_client_id_is_free_again_when_its_order_is_finished_and_then_names_the_newest() -> None:
    venue = Venue()
    account = venue.account("k")
    first, _ = venue.exchange.place(account, venue.request(Side.BUY, P, 100, client_id="same"))
    venue.exchange.cancel(account, "BTCUSDT", client_order_id="same")
    second, _ = venue.exchange.place(account, venue.request(Side.BUY, P, 100, client_id="same"))
    assert first.order_id != second.order_id
    assert venue.exchange.order(account, "BTCUSDT", client_order_id="same").order_id == second.order_id
    venue.exchange.cancel(account, "BTCUSDT", client_order_id="same")
    assert venue.exchange.order(account, "BTCUSDT", client_order_id="same").order_id == second.order_id


def test_a_key_names_one_account() -> None:
    venue = Venue()
    account = venue.account("k")
    with pytest.raises(ApiError, match="taken"):
        venue.account("k")
    found = venue.exchange.account_by_key("k")
    assert found is not None
    assert (found.account_id, found.secret) == (account, "secret of k")
    assert venue.exchange.account_by_key("") is None


@pytest.mark.parametrize("quantity", ["-1", "NaN", "Infinity", "0.000000001"])
def test_opening_balances_are_whole_atoms(quantity: str) -> None:
    with pytest.raises(ValueError, match="USDT"):
        Venue().exchange.create_account("k", "s", {"USDT": Decimal(quantity)})


def test_all_accounts_together_hold_no_more_of_an_asset_than_the_journal_can_write() -> None:
    venue = Venue()
    for number in range(9):
        venue.account(f"k{number}", {"BTC": 10_000_000_000})
    with pytest.raises(ValueError, match="more than the exchange can hold"):
        venue.account("one too many", {"BTC": 10_000_000_000})
    assert venue.exchange.account_by_key("one too many") is None


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("60000.001", "-1013 Filter failure: PRICE_FILTER"),
        ("60000.000000001", "-1111 Parameter 'price' has too much precision."),
        ("0", "-1013 Invalid price."),
        *((bad, "-1100") for bad in ("", "-1", "+1", "1e5", "NaN", "１２", "1_000", " 1", "1.", ".5", "9" * 5000)),
    ],
)
def test_a_price_that_is_none_is_refused(text: str, refusal: str) -> None:
    with pytest.raises(ApiError, match=refusal):
        Rules(BTC).parse_price(text)


def test_figures_become_ticks_lots_and_atoms_exactly() -> None:
    rules = Rules(BTC)
    assert rules.parse_price("60000.01") == 6_000_001
    assert rules.parse_price("60000.0100000000000000") == 6_000_001
    assert rules.parse_lots("0.00012") == 12
    assert rules.parse_quote_atoms("12.34567891") == 1_234_567_891
    assert rules.quote_atoms(6_000_001, 12) == 720_000_120
    with pytest.raises(ApiError, match="LOT_SIZE"):
        rules.parse_lots("0.000001")


@given(quote_atoms=st.integers(1, 10**15), price=st.integers(1, 10**8), listing=st.sampled_from([BTC, COARSE]))
def test_the_lots_for_some_money_are_the_most_that_it_pays(quote_atoms: int, price: int, listing: Listing) -> None:
    rules = Rules(listing)
    lots = rules.lots_for(quote_atoms, price)
    assert rules.quote_atoms(price, lots) <= quote_atoms < rules.quote_atoms(price, lots + 1)


def test_exchange_info_shows_the_filters_that_are_applied() -> None:
    filters = {str(entry["filterType"]): entry for entry in Rules(BTC).exchange_info_filters()}
    assert filters["PRICE_FILTER"]["tickSize"] == "0.01000000"
    assert filters["LOT_SIZE"] == {
        "filterType": "LOT_SIZE",
        "minQty": "0.00001000",
        "maxQty": "9000.00000000",
        "stepSize": "0.00001000",
    }
    assert filters["NOTIONAL"]["minNotional"] == "5.00000000"


def test_an_unknown_interval_or_symbol_has_no_candles() -> None:
    venue = Venue()
    with pytest.raises(ApiError, match=r"-1120 Invalid interval\."):
        venue.exchange.klines("BTCUSDT", "7m")
    with pytest.raises(ApiError, match="-1120"):
        venue.exchange.current_kline("BTCUSDT", "7m")
    queries: tuple[Callable[[str], object], ...] = (
        venue.exchange.depth,
        venue.exchange.trades,
        venue.exchange.ticker,
        venue.exchange.last_price,
    )
    for query in queries:
        with pytest.raises(ApiError, match=r"-1121 Invalid symbol\."):
            query("NOPE")
