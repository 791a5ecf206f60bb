"""What every kind of failed call says of the order that it carried; each is injected on real sockets."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from engine.ports import (
    CancelDone,
    CancelUnclear,
    Credentials,
    Lost,
    NotSent,
    Placed,
    PlaceOutcome,
    Refused,
    VenueAccount,
    VenueError,
)
from engine.runtime import Supervisor, SystemClock
from engine.venues.ccxt_venue import CcxtVenue
from engine.venues.config import VenueConfig
from tests.engine.orders import BTC, an_order
from tests.engine.saboteur import (
    Fault,
    answer,
    drop_after,
    drop_before,
    hold,
    pass_on,
    sabotage,
    silence,
    truncate,
)
from tests.simulator.process import SimulatorProcess

SECRET = "this-secret-must-not-be-seen"
API_KEY = "this-key-must-not-be-seen"


def refusal(code: int, message: str, status: int = 400, *headers: str) -> Fault:
    return answer(status, json.dumps({"code": code, "msg": message}), *headers)


@asynccontextmanager
async def account_at(url: str, credentials: Credentials) -> AsyncGenerator[VenueAccount]:
    clock = SystemClock()
    supervisor = Supervisor("venue under test", clock)
    venue = CcxtVenue(VenueConfig.at("venue", "Venue", url, timeout_ms=400), supervisor, clock)
    account = await venue.open_account("account", credentials)
    try:
        yield account
    finally:
        await account.close()
        await venue.close()
        await supervisor.close()


async def place_with(fault: Fault) -> PlaceOutcome:
    async with sabotage() as saboteur, account_at(saboteur.url, Credentials(API_KEY, SECRET)) as account:
        saboteur.spoil("POST", "/order", fault)
        return await account.place(an_order(), BTC, send_within_s=2.0)


LOST = {
    "the connection is dropped after sending": drop_before,
    "nothing is answered in time": silence,
    "a gateway answers 504 with a page": answer(504, "<html>Gateway Time-out</html>"),
    "504 without a body": answer(504, ""),
    "500 without JSON": answer(500, "oops"),
    "502 without JSON": answer(502, "<html>Bad Gateway</html>"),
    "503 without JSON": answer(503, "Service Unavailable"),
    "403 of a firewall": answer(403, "<html>WAF</html>"),
    "404 without JSON": answer(404, "<html>Not here</html>"),
    "-1000": refusal(-1000, "An unknown error occurred while processing the request."),
    "-1001": refusal(-1001, "Internal error; unable to process your request. Please try again.", 500),
    "-1006": refusal(-1006, "An unexpected response was received from the message bus. Execution status unknown."),
    "-1007": refusal(-1007, "Timeout waiting for response from backend server. Execution status unknown.", 504),
    "-1008": refusal(-1008, "Server is currently overloaded with other requests.", 503),
    "200 with an empty body": answer(200, ""),
    "200 with a page": answer(200, "<html>Maintenance</html>"),
    "200 with JSON that is cut off": answer(200, '{"symbol":"BTCUSDT","orderId":12,"clientOr'),
    "200 with JSON of something else": answer(200, '{"hello":"world"}'),
    "200 with a list": answer(200, "[]"),
    "200 with half an order": answer(200, '{"symbol":"BTCUSDT","orderId":12,"clientOrderId":"order-1"}'),
    "200 with a status nobody knows": answer(
        200, '{"symbol":"BTCUSDT","orderId":1,"clientOrderId":"order-1","status":"ODD","executedQty":"0"}'
    ),
    "fewer bytes than announced": answer(200, "{}", "Content-Length: 500"),
}
REFUSED = {
    "429": (answer(429, "{}", "Retry-After: 7"), "HTTP_429", 7.0),
    "418": (answer(418, '{"code":-1003,"msg":"Way too much request weight used."}'), "HTTP_418", None),
    "-1003": (refusal(-1003, "Too many requests queued.", 400, "Retry-After: 3"), "-1003", 3.0),
    "-1015": (refusal(-1015, "Too many new orders."), "-1015", None),
    "-1022": (refusal(-1022, "Signature for this request is not valid."), "-1022", None),
    "-2014": (refusal(-2014, "API-key format invalid.", 401), "-2014", None),
    "-2015": (refusal(-2015, "Invalid API-key, IP, or permissions for action.", 401), "-2015", None),
    "-2010 balance": (
        refusal(-2010, "Account has insufficient balance for requested action."),
        "INSUFFICIENT_BALANCE",
        None,
    ),
    "-2010 would match": (refusal(-2010, "Order would immediately match and take."), "WOULD_MATCH", None),
    "-2010 duplicate": (refusal(-2010, "Duplicate order sent."), "DUPLICATE_CLIENT_ORDER_ID", None),
    "-2010 other": (refusal(-2010, "Market is closed."), "-2010", None),
    "LOT_SIZE": (refusal(-1013, "Filter failure: LOT_SIZE"), "FILTER_FAILURE:LOT_SIZE", None),
    "PRICE_FILTER": (refusal(-1013, "Filter failure: PRICE_FILTER"), "FILTER_FAILURE:PRICE_FILTER", None),
    "NOTIONAL": (refusal(-1013, "Filter failure: NOTIONAL"), "FILTER_FAILURE:NOTIONAL", None),
    "MAX_NUM_ORDERS": (refusal(-1013, "Filter failure: MAX_NUM_ORDERS"), "FILTER_FAILURE:MAX_NUM_ORDERS", None),
    "-1102": (
        refusal(-1102, "Mandatory parameter 'quantity' was not sent, was empty/null, or malformed."),
        "-1102",
        None,
    ),
    "-1121": (refusal(-1121, "Invalid symbol."), "-1121", None),
}


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST.keys())
async def test_an_order_whose_answer_proves_nothing_is_lost(fault: Fault) -> None:
    outcome = await place_with(fault)
    assert isinstance(outcome, Lost), outcome


@pytest.mark.parametrize(("fault", "code", "retry_after_s"), REFUSED.values(), ids=REFUSED.keys())
async def test_an_order_that_the_venue_would_not_take_is_refused(
    fault: Fault, code: str, retry_after_s: float | None
) -> None:
    outcome = await place_with(fault)
    assert isinstance(outcome, Refused), outcome
    assert (outcome.code, outcome.retry_after_s) == (code, retry_after_s)


async def test_an_order_without_a_connection_was_not_sent() -> None:
    async with sabotage() as saboteur:
        closed_port = saboteur.url
    async with account_at(closed_port, Credentials(API_KEY, SECRET)) as account:
        outcome = await account.place(an_order(), BTC, send_within_s=2.0)
    assert isinstance(outcome, NotSent), outcome


async def test_an_order_to_a_host_without_a_name_was_not_sent() -> None:
    async with account_at("http://no-such-host.invalid:80", Credentials(API_KEY, SECRET)) as account:
        outcome = await account.place(an_order(), BTC, send_within_s=2.0)
    assert isinstance(outcome, NotSent), outcome


async def test_an_order_that_was_held_back_too_long_is_not_sent_any_more(exchange: SimulatorProcess) -> None:
    keys = exchange.open_account()
    async with (
        sabotage((exchange.host, exchange.port)) as saboteur,
        account_at(saboteur.url, Credentials(keys.api_key, keys.secret)) as account,
    ):
        outcome = await account.place(an_order(), BTC, send_within_s=-1.0)
        assert isinstance(outcome, NotSent), outcome
        assert saboteur.requests == []


async def test_a_clock_that_is_off_is_set_right_and_the_refused_order_sent_again(exchange: SimulatorProcess) -> None:
    keys = exchange.open_account()
    async with (
        sabotage((exchange.host, exchange.port)) as saboteur,
        account_at(saboteur.url, Credentials(keys.api_key, keys.secret)) as account,
    ):
        saboteur.spoil("POST", "/order", refusal(-1021, "Timestamp for this request is outside of the recvWindow."))
        outcome = await account.place(an_order(client_order_id="late"), BTC, send_within_s=2.0)
        assert isinstance(outcome, Placed), outcome
        assert saboteur.count("POST", "/order") == 2
        assert saboteur.count("GET", "/time") == 1
        assert isinstance(await account.cancel(an_order(client_order_id="late"), BTC), CancelDone)


async def test_a_clock_that_stays_off_refuses_the_order() -> None:
    async with sabotage() as saboteur, account_at(saboteur.url, Credentials(API_KEY, SECRET)) as account:
        saboteur.spoil("POST", "/order", refusal(-1021, "Timestamp for this request was 1000ms ahead."), times=2)
        saboteur.spoil("GET", "/time", answer(200, '{"serverTime":1795361700000}'))
        outcome = await account.place(an_order(), BTC, send_within_s=2.0)
    assert isinstance(outcome, Refused), outcome
    assert outcome.code == "-1021"


@pytest.mark.parametrize("fault", [drop_after, truncate, hold(0.6, pass_on)], ids=["dropped", "cut off", "too late"])
async def test_an_order_whose_answer_was_lost_is_found_by_its_client_id(
    exchange: SimulatorProcess, fault: Fault
) -> None:
    keys = exchange.open_account()
    order = an_order(client_order_id=f"lost-{id(fault)}")
    async with (
        sabotage((exchange.host, exchange.port)) as saboteur,
        account_at(saboteur.url, Credentials(keys.api_key, keys.secret)) as account,
    ):
        assert await account.find_order(order, BTC) is None
        saboteur.spoil("POST", "/order", fault)
        assert isinstance(await account.place(order, BTC, send_within_s=2.0), Lost)
        found = await _found_soon(account, order.client_order_id)
        assert found
        assert [one.client_order_id for one in await account.open_orders()] == [order.client_order_id]


async def _found_soon(account: VenueAccount, client_order_id: str) -> bool:
    for _ in range(200):
        if await account.find_order(an_order(client_order_id=client_order_id), BTC) is not None:
            return True
    return False


async def test_a_cancel_that_failed_proves_nothing(exchange: SimulatorProcess) -> None:
    keys = exchange.open_account()
    order = an_order(client_order_id="to-cancel")
    async with (
        sabotage((exchange.host, exchange.port)) as saboteur,
        account_at(saboteur.url, Credentials(keys.api_key, keys.secret)) as account,
    ):
        assert isinstance(await account.place(order, BTC, send_within_s=2.0), Placed)
        saboteur.spoil("DELETE", "/order", drop_after, times=2)
        assert isinstance(await account.cancel(order, BTC), CancelUnclear)
        # It worked all the same: the venue no longer knows an order to cancel, which sounds like a refusal.
        assert isinstance(await account.cancel(order, BTC), CancelUnclear)
        found = await account.find_order(order, BTC)
        assert found is not None
        assert found.status == "CANCELED"
        assert found.client_order_id == "to-cancel"


@pytest.mark.parametrize(
    "fault",
    [
        refusal(-2015, "Invalid API-key, IP, or permissions for action."),
        answer(500, f"<html>signature=abcdef&apiKey={API_KEY}</html>"),
        drop_before,
        silence,
        answer(200, "{"),
    ],
    ids=["refused", "page", "dropped", "silence", "garbled"],
)
async def test_no_error_shows_a_key_or_a_signature(fault: Fault) -> None:
    async with sabotage() as saboteur, account_at(saboteur.url, Credentials(API_KEY, SECRET)) as account:
        saboteur.spoil("GET", "/account", fault)
        saboteur.spoil("GET", "/account", fault)
        with pytest.raises(VenueError) as caught:
            await account.balances()
    shown = f"{caught.value!s} {caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"
    for hidden in (API_KEY, SECRET, "abcdef", "signature=ab"):
        assert hidden not in shown


async def test_a_wrong_key_is_told_apart_from_a_venue_that_is_away() -> None:
    async with sabotage() as saboteur, account_at(saboteur.url, Credentials(API_KEY, SECRET)) as account:
        saboteur.spoil("GET", "/account", refusal(-2015, "Invalid API-key, IP, or permissions for action."))
        with pytest.raises(VenueError) as refused:
            await account.balances()
        saboteur.spoil("GET", "/account", drop_before, times=3)
        with pytest.raises(VenueError) as away:
            await account.balances()
    assert (refused.value.auth, away.value.auth) == (True, False)
