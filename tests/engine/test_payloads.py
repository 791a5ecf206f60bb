"""Binance's payloads in our words."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from engine.domain.order import OrderStatus
from engine.ports import OrderReport, VenueBalances, VenueError
from engine.venues import payloads
from engine.venues.trouble import redact, trouble_of_answer
from tests.engine.orders import BTC, an_order

REPORT = {
    "e": "executionReport", "s": "BTCUSDT", "c": "mine", "C": "", "x": "NEW", "X": "NEW", "r": "NONE", "i": 42,
    "l": "0.00000000", "z": "0.00000000", "L": "0.00000000", "n": "0", "N": None, "T": 1795361854107, "t": -1,
    "m": False,
}  # fmt: skip


def test_a_new_order_is_reported_as_accepted() -> None:
    report = payloads.user_event(REPORT)
    assert isinstance(report, OrderReport)
    assert (report.order.client_order_id, report.order.venue_order_id) == ("mine", "42")
    assert (report.order.status, report.order.reason, report.fill) == (OrderStatus.ACCEPTED, None, None)


def test_a_trade_carries_its_fill_exactly() -> None:
    trade = REPORT | {
        "x": "TRADE", "X": "PARTIALLY_FILLED", "l": "0.00100000", "z": "0.00300000", "L": "30000.01000000",
        "n": "0.00000100", "N": "BTC", "t": 7, "m": True,
    }  # fmt: skip
    report = payloads.user_event(trade)
    assert isinstance(report, OrderReport)
    assert report.fill is not None
    assert (report.fill.price, report.fill.quantity) == (Decimal("30000.01"), Decimal("0.001"))
    assert (report.fill.fee, report.fill.fee_asset, report.fill.maker) == (Decimal("0.000001"), "BTC", True)
    assert report.fill.time.isoformat() == "2026-11-22T15:37:34.107000+00:00"
    assert report.order.filled_quantity == Decimal("0.003")


def test_a_cancel_is_reported_under_the_orders_own_id() -> None:
    report = payloads.user_event(REPORT | {"x": "CANCELED", "X": "CANCELED", "c": "of-the-cancel", "C": "mine"})
    assert isinstance(report, OrderReport)
    assert (report.order.client_order_id, report.order.status) == ("mine", OrderStatus.CANCELED)


@pytest.mark.parametrize("word", ["EXPIRED", "EXPIRED_IN_MATCH"])
def test_what_the_venue_ends_by_itself_is_expired(word: str) -> None:
    report = payloads.user_event(REPORT | {"x": "EXPIRED", "X": word, "r": "STP"})
    assert isinstance(report, OrderReport)
    assert (report.order.status, report.order.reason) == (OrderStatus.EXPIRED, "STP")


def test_balances_that_went_to_zero_are_reported_too() -> None:
    event = payloads.user_event({"e": "outboundAccountPosition", "B": [{"a": "BTC", "f": "0.00000000", "l": "0.0"}]})
    assert isinstance(event, VenueBalances)
    assert event.balances[0].total == 0


def test_events_of_other_kinds_pass_by() -> None:
    assert payloads.user_event({"e": "balanceUpdate", "a": "BTC", "d": "1"}) is None


@pytest.mark.parametrize("figure", ["NaN", "Infinity", "", "abc", None])
def test_what_is_no_figure_is_never_taken_for_one(figure: object) -> None:
    with pytest.raises(VenueError):
        payloads.decimal(figure)


def test_a_status_nobody_knows_is_an_error() -> None:
    with pytest.raises(VenueError):
        payloads.user_event(REPORT | {"X": "SOMETHING_NEW"})


def test_a_limit_of_zero_means_none() -> None:
    info = {
        "symbol": "BTCUSDT",
        "status": "BREAK",
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": "0.00000000",
                "maxPrice": "0.00000000",
                "tickSize": "0.01000000",
            },
            {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"},
            {"filterType": "MARKET_LOT_SIZE", "minQty": "0.00000000", "maxQty": "0.00000000", "stepSize": "0.00000000"},
            {"filterType": "MIN_NOTIONAL", "minNotional": "10.00000000"},
        ],
    }
    instrument = payloads.instrument("BTC/USDT", "BTC", "USDT", info)
    assert (instrument.min_price, instrument.max_price, instrument.max_market_quantity) == (None, None, None)
    assert (str(instrument.max_quantity), instrument.min_notional) == ("9000", Decimal(10))
    assert (instrument.price_decimals, instrument.quantity_decimals, instrument.active) == (2, 5, False)


def test_an_order_goes_out_in_plain_decimals() -> None:
    request = payloads.order_request(an_order(quantity="0.00001", price="1000000"), BTC)
    assert request == {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "newClientOrderId": "order-1",
        "newOrderRespType": "FULL",
        "quantity": "0.00001",
        "price": "1000000",
    }
    by_quote = payloads.order_request(an_order(quantity=None, quote_quantity="1E+2", price=None), BTC)
    assert (by_quote["type"], by_quote["quoteOrderQty"]) == ("MARKET", "100")
    assert "timeInForce" not in by_quote


@pytest.mark.parametrize(
    "text",
    [
        "https://host/api/v3/account?timestamp=1&recvWindow=5000&signature=deadbeef",
        "headers {'X-MBX-APIKEY': 'deadbeef', 'Accept': '*/*'}",
        '{"apiKey":"deadbeef","signature":"deadbeef"}',
        "wss://host/ws?listenKey=deadbeef",
        "signature=deadbeef",
    ],
)
def test_keys_and_signatures_are_cut_out_of_every_text(text: str) -> None:
    assert "deadbeef" not in redact(text)
    assert re.search(r"(?i)signature|apikey|listenkey", redact(text))


def test_a_known_secret_is_cut_out_wherever_it_stands() -> None:
    assert redact("error near s3cr3t!", ["s3cr3t"]) == "error near …!"


def test_a_page_of_html_becomes_one_short_line() -> None:
    trouble = trouble_of_answer(502, {}, "<html>\n" + "x" * 10_000, None)
    assert trouble is not None
    assert "\n" not in trouble.detail
    assert len(trouble.detail) < 400


@pytest.mark.parametrize("answer", [{}, "", None, [{}], [{"symbol": "BTCUSDT"}], [None]])
def test_an_answer_that_lacks_a_part_is_garbled_and_never_taken_for_none(answer: object) -> None:
    for parse in (payloads.venue_order, payloads.my_trade, payloads.candle):
        with pytest.raises(VenueError, match="GARBLED"):
            payloads.each(parse, answer)
    with pytest.raises(VenueError, match="GARBLED"):
        payloads.day_tickers({"BTCUSDT": "BTC/USDT"}, answer)
    assert payloads.each(payloads.my_trade, []) == ()
