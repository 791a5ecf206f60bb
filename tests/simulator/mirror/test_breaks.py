"""What a mirror does when its venue breaks off, falls silent, dies, or when it is killed itself."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.simulator.listings import default_listings
from engine.simulator.mirror_flow import State
from engine.simulator.model import Listing, Side, Status
from tests.simulator.mirror.conftest import QUICK, Crowd, Mirror, OpenMirror, strike
from tests.simulator.process import SimulatorProcess, Trader, plain_client, start_simulator, until

P = 6_000_000
PRICE, BELOW = "60000.00", "59999.00"


def reconnects(mirror: Mirror) -> int:
    told: Any = mirror.flow.status()["reconnects"]
    return told


async def reconnected(mirror: Mirror, times: int = 1) -> None:
    await until(lambda: reconnects(mirror) >= times, "a new connection")
    await mirror.live()


def changed(symbol: str, **fields: Any) -> tuple[Listing, ...]:
    """The usual listings, one of them with other steps."""
    return tuple(
        dataclasses.replace(listing, **fields) if listing.symbol == symbol else listing
        for listing in default_listings()
    )


async def test_after_a_disconnect_the_book_is_whole_again(
    venue: SimulatorProcess, crowd: Crowd, open_mirror: OpenMirror
) -> None:
    await crowd.maker.place("BUY", "LIMIT", quantity="0.5", price=PRICE)
    await crowd.maker.place("BUY", "LIMIT", quantity="0.5", price=BELOW)
    await crowd.trade("BUY", "60010.00", "0.1")
    patient = dataclasses.replace(QUICK, backoff_s=(0.6,))
    async with open_mirror(patience=patient) as mirror:
        await mirror.live()
        await crowd.trade("BUY", "60010.00", "0.2")
        await until(lambda: len(mirror.trades()) == 1, "their trade")
        strike(venue, what="disconnect", door="streams")
        await until(lambda: mirror.flow.state is State.BROKEN, "a broken mirror")
        assert mirror.flow.reason
        await crowd.maker.cancel_everything()
        await crowd.maker.place("SELL", "LIMIT", quantity="0.7", price="60050.00")
        await reconnected(mirror)
        assert (mirror.bids(), mirror.asks()) == ({}, {6_005_000: 70_000}), "no level of before is left"
        await crowd.trade("BUY", "60020.00", "0.3")
        await until(lambda: len(mirror.trades()) == 2, "the next trade")
        assert [lots for _, _, lots, _ in mirror.trades()] == [20_000, 30_000]
        assert reconnects(mirror) == 1


async def test_our_order_survives_a_disconnect_and_is_filled_afterwards(
    venue: SimulatorProcess, crowd: Crowd, open_mirror: OpenMirror
) -> None:
    await crowd.maker.place("BUY", "LIMIT", quantity="0.5", price=PRICE)
    async with open_mirror() as mirror:
        await mirror.live()
        mine = mirror.customer()
        order = mirror.limit(mine, Side.BUY, P, 10_000)
        strike(venue, what="disconnect", door="streams")
        await reconnected(mirror)
        assert mirror.bids() == {P: 60_000}
        await crowd.taker.place("SELL", "LIMIT", quantity="0.45", price=PRICE)
        await asyncio.sleep(0)
        await crowd.taker.place("SELL", "LIMIT", quantity="0.05", price=PRICE)
        await crowd.trade("SELL", PRICE, "0.1")
        await until(lambda: mirror.filled(mine, order) == 10_000, "our order's fill")


async def test_a_venue_that_died_is_found_again_at_its_return(open_mirror: OpenMirror, tmp_path: Path) -> None:
    options = ("--flow", "none", "--seed", "1", "--limits", "none", "--journal", str(tmp_path / "venue"))
    first = start_simulator(*options)
    keys = first.open_account()
    async with open_mirror(url=first.http) as mirror:
        async with plain_client(first) as http:
            await Trader(http, keys).place("BUY", "LIMIT", quantity="0.5", price=PRICE)
            await mirror.live()
        first.process.kill()
        first.stop()
        await until(lambda: reconnects(mirror) >= 2, "several attempts")
        assert mirror.flow.state is not State.LIVE
        assert mirror.bids() == {P: 50_000}, "it is not taken down at once"
        second = start_simulator(*options, "--port", str(first.port))
        try:
            await mirror.live()
            async with plain_client(second) as http:
                await Trader(http, keys).place("BUY", "LIMIT", quantity="0.1", price=BELOW)
                await mirror.shows({P: 50_000, P - 100: 10_000}, {})
        finally:
            second.stop()


async def test_a_silent_link_is_found_out_and_given_up(
    venue: SimulatorProcess, crowd: Crowd, open_mirror: OpenMirror
) -> None:
    await crowd.maker.place("BUY", "LIMIT", quantity="0.5", price=PRICE)
    async with open_mirror() as mirror:
        await mirror.live()
        strike(venue, what="silence", door="streams")
        await until(lambda: venue_silenced(venue), "the silence")
        await crowd.maker.cancel_everything()
        await crowd.maker.place("BUY", "LIMIT", quantity="0.2", price=BELOW)
        await reconnected(mirror)
        assert "was silent for 0.6 s while its book moved" in str(mirror.flow.reason)
        assert mirror.bids() == {P - 100: 20_000}


async def test_a_quiet_market_is_not_taken_for_a_dead_link(crowd: Crowd, open_mirror: OpenMirror) -> None:
    await crowd.maker.place("BUY", "LIMIT", quantity="0.5", price=PRICE)
    async with open_mirror(patience=dataclasses.replace(QUICK, silence_s=0.1)) as mirror:
        await mirror.live()
        books = mirror.symbol()["books"]
        confirmed = itertools.count()
        await until(lambda: mirror.symbol()["age_s"] < 0.05 and next(confirmed) == 3, "to be asked about often")
        assert (mirror.symbol()["books"], reconnects(mirror)) == (books, 0)
        await crowd.maker.place("BUY", "LIMIT", quantity="0.1", price=BELOW)
        await mirror.shows({P: 50_000, P - 100: 10_000}, {})


async def test_a_book_that_is_asked_about_is_stale(
    venue: SimulatorProcess, crowd: Crowd, open_mirror: OpenMirror
) -> None:
    await crowd.maker.place("BUY", "LIMIT", quantity="0.5", price=PRICE)
    async with open_mirror(patience=dataclasses.replace(QUICK, silence_s=0.2)) as mirror:
        await mirror.live()
        strike(venue, what="latency", latency_ms=3_000, request="GET /api/v3/depth", count=1)
        await until(lambda: mirror.flow.state is State.STALE, "a stale mirror")
        assert mirror.symbol()["state"] == "stale"
        assert mirror.symbol()["age_s"] > 0.2
        await mirror.live()
        assert reconnects(mirror) == 0


async def test_a_book_that_nobody_confirms_is_taken_down_and_ours_stays(open_mirror: OpenMirror) -> None:
    dying = start_simulator("--flow", "none", "--seed", "1", "--limits", "none")
    keys = dying.open_account()
    async with open_mirror(url=dying.http, patience=dataclasses.replace(QUICK, withdraw_s=1.0)) as mirror:
        async with plain_client(dying) as http:
            await Trader(http, keys).place("BUY", "LIMIT", quantity="0.5", price=PRICE)
            await mirror.live()
        mine = mirror.customer()
        order = mirror.limit(mine, Side.BUY, P - 100, 10_000)
        dying.process.kill()
        dying.stop()
        await mirror.shows({P - 100: 10_000}, {})
        assert mirror.symbol()["shown"] is False
        assert mirror.flow.state is not State.LIVE
        assert mirror.exchange.order(mine, "BTCUSDT", order_id=order.order_id).status is Status.NEW


@pytest.mark.parametrize(
    "fault",
    [
        {"what": "truncated", "request": "GET /api/v3/exchangeInfo"},
        {"what": "empty", "request": "GET /api/v3/exchangeInfo"},
        {"what": "html", "request": "GET /api/v3/depth", "count": 3},
        {"what": "http_error", "status": 503, "request": "GET /api/v3/depth", "count": 3},
        {"what": "drop_after", "request": "GET /api/v3/depth", "count": 6},
        {"what": "banned", "retry_after_s": 1, "request": "GET /api/v3/exchangeInfo"},
    ],
    ids=lambda fault: f"{fault['what']} {fault['request'].rpartition('/')[2]}",
)
async def test_a_bad_answer_ends_the_connection_and_the_next_is_good(
    venue: SimulatorProcess, crowd: Crowd, open_mirror: OpenMirror, fault: dict[str, Any]
) -> None:
    await crowd.maker.place("BUY", "LIMIT", quantity="0.5", price=PRICE)
    strike(venue, **{"count": 1, **fault})  # ccxt asks three times for a book, and aiohttp twice each
    async with open_mirror() as mirror:
        await reconnected(mirror)
        assert mirror.bids() == {P: 50_000}


# --- what does not fit -------------------------------------------------------------------------------


async def test_what_the_venue_does_not_list_is_told_and_the_rest_goes_on(crowd: Crowd, open_mirror: OpenMirror) -> None:
    await crowd.maker.place("BUY", "LIMIT", quantity="0.5", price=PRICE)
    listings = (*default_listings(), dataclasses.replace(default_listings()[0], symbol="XYZUSDT", base="XYZ"))
    async with open_mirror("BTCUSDT,XYZUSDT", listings=listings) as mirror:
        await mirror.live()
        assert mirror.symbol("XYZUSDT")["state"] == "broken"
        assert mirror.symbol("XYZUSDT")["reason"] == "binance does not list XYZ/USDT"
        assert mirror.bids() == {P: 50_000}
    async with open_mirror("XYZUSDT", listings=listings) as mirror:
        await until(lambda: mirror.flow.reason is not None, "a reason")
        assert mirror.flow.state is State.BROKEN
        assert mirror.flow.reason == "none of the symbols can be mirrored"


async def test_finer_ticks_than_ours_cannot_be_mirrored(crowd: Crowd, open_mirror: OpenMirror) -> None:
    await crowd.maker.place("BUY", "LIMIT", "XRPUSDT", quantity="100", price="2.5001")
    coarse = changed("XRPUSDT", tick=Decimal("0.01"), min_price=Decimal("0.01"))
    async with open_mirror("XRPUSDT", listings=coarse) as mirror:
        await until(lambda: mirror.symbol("XRPUSDT")["reason"], "a reason")
        assert mirror.symbol("XRPUSDT")["reason"] == "XRP/USDT has ticks of 0.0001 there and of 0.01 here"
        assert mirror.bids("XRPUSDT") == {}


async def test_finer_quantities_than_ours_are_cut_and_nothing_is_cut_to_nothing(
    crowd: Crowd, open_mirror: OpenMirror
) -> None:
    await crowd.maker.place("BUY", "LIMIT", quantity="0.12345", price=PRICE)
    await crowd.maker.place("BUY", "LIMIT", quantity="0.00099", price=BELOW)
    coarse = changed("BTCUSDT", lot=Decimal("0.01"), min_quantity=Decimal("0.01"))
    async with open_mirror(listings=coarse) as mirror:
        await mirror.live()
        assert mirror.bids() == {P: 12, P - 100: 1}


# --- the mirror's own end ----------------------------------------------------------------------------


async def test_a_mirror_goes_on_after_a_restart_and_doubles_nothing(
    venue: SimulatorProcess, crowd: Crowd, open_mirror: OpenMirror, tmp_path: Path
) -> None:
    await crowd.maker.place("BUY", "LIMIT", quantity="0.5", price=PRICE)
    await crowd.maker.place("BUY", "LIMIT", quantity="0.5", price=BELOW)
    async with open_mirror(journal=tmp_path) as first:
        await first.live()
        mine = first.customer()
        order = first.limit(mine, Side.BUY, P, 10_000)
        await crowd.trade("BUY", "60010.00", "0.2")
        await until(lambda: len(first.trades()) == 1, "their trade")
        known = first.trades()
    await crowd.maker.cancel_everything()
    await crowd.maker.place("BUY", "LIMIT", quantity="0.3", price=PRICE)
    async with open_mirror(journal=tmp_path) as second:
        assert second.exchange.recovered
        await second.live()
        assert second.bids() == {P: 40_000}, "ours and what is there now"
        assert second.exchange.order(mine, "BTCUSDT", order_id=order.order_id).status is Status.NEW
        await crowd.trade("BUY", "60010.00", "0.3")
        await until(lambda: len(second.trades()) > len(known), "a trade after the restart")
        assert second.trades()[0] == known[0]
        assert second.trades()[1][0] == known[0][0] + 1


async def test_a_journal_of_something_else_is_refused(open_mirror: OpenMirror, tmp_path: Path) -> None:
    async with open_mirror(journal=tmp_path) as mirror:
        mirror.exchange.note("flow", {"flow": "synthetic"})
    with pytest.raises(ValueError, match="the journal holds a market of flow 'synthetic'"):
        async with open_mirror(journal=tmp_path):
            pass


async def test_as_a_process_it_tells_its_state_and_ends_cleanly(venue: SimulatorProcess, crowd: Crowd) -> None:
    await crowd.maker.place("BUY", "LIMIT", quantity="0.5", price=PRICE)
    mirror = start_simulator("--flow", f"mirror:binance:BTCUSDT@{venue.http}", "--seed", "1")

    def status() -> Any:
        with mirror.operator() as operator:
            return operator.get("/sim/status").json()["flow_status"]

    try:
        await until(lambda: status()["state"] == "live", "a live mirror")
        assert status()["symbols"]["BTCUSDT"]["age_s"] >= 0
        with mirror.operator() as operator:
            book = operator.get("/api/v3/depth?symbol=BTCUSDT").json()
            refused = operator.post("/sim/replay/pause")
        assert book["bids"] == [["60000.00000000", "0.50000000"]]
        assert refused.status_code == 409
        strike(venue, what="disconnect", door="streams")
        await until(lambda: status()["reconnects"] == 1, "a new connection")
        await until(lambda: status()["state"] == "live", "a live mirror again")
        assert status()["reason"] is None
    finally:
        assert mirror.stop() == 0


def venue_silenced(venue: SimulatorProcess) -> bool:
    with venue.operator() as operator:
        faults: list[dict[str, Any]] = operator.get("/sim/faults").json()["faults"]
    return all(fault["struck"] for fault in faults)
