"""A mirror shows the venue's book and trades, and our orders stand among them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterable

import pytest

from engine.simulator.model import NewOrder, OrderType, Side, Status
from tests.simulator.mirror.conftest import Crowd, OpenMirror, asked
from tests.simulator.process import ROOT, SimulatorProcess, start_simulator, until

P = 6_000_000


def price(ticks: int) -> str:
    return f"{ticks / 100:.2f}"


def written(levels: Iterable[tuple[int, int]]) -> list[list[str]]:
    return [[f"{ticks / 100:.8f}", f"{lots / 100_000:.8f}"] for ticks, lots in levels]


async def test_the_book_and_the_trades_are_the_venues(
    venue: SimulatorProcess, crowd: Crowd, open_mirror: OpenMirror
) -> None:
    for step in range(5):
        await crowd.maker.place("BUY", "LIMIT", quantity=f"0.{step + 1}", price=price(P - step))
        await crowd.maker.place("SELL", "LIMIT", quantity=f"0.{step + 1}", price=price(P + 10 + step))
    await crowd.maker.place("BUY", "LIMIT", "DOGEUSDT", quantity="1000", price="0.20000")
    async with open_mirror("BTCUSDT,DOGEUSDT") as mirror:
        await mirror.live()
        assert mirror.bids() == {P - step: 10_000 * (step + 1) for step in range(5)}
        assert mirror.asks() == {P + 10 + step: 10_000 * (step + 1) for step in range(5)}
        assert mirror.bids("DOGEUSDT") == {20_000: 1_000}
        await crowd.taker.place("BUY", "MARKET", quantity="0.35")
        await crowd.taker.place("SELL", "LIMIT", quantity="0.05", price=price(P))
        await mirror.shows(
            {P: 5_000, **{P - step: 10_000 * (step + 1) for step in range(1, 5)}},
            {P + 12: 25_000, P + 13: 40_000, P + 14: 50_000},
        )
        theirs = [
            (row["id"], round(float(row["price"]) * 100), round(float(row["qty"]) * 100_000), row["isBuyerMaker"])
            for row in await asked(venue, "trades", symbol="BTCUSDT")
        ]
        await until(lambda: mirror.trades() == theirs[-4:], f"{theirs[-4:]} instead of {mirror.trades()}")
        assert len(mirror.trades()) == 4
        assert (
            mirror.exchange.depth("BTCUSDT").last_update_id
            == (await asked(venue, "depth", symbol="BTCUSDT"))["lastUpdateId"]
        )


async def test_a_lively_venue_is_followed_trade_by_trade(open_mirror: OpenMirror) -> None:
    lively = start_simulator("--flow", "synthetic", "--seed", "2", "--limits", "none")
    try:
        async with open_mirror("BTCUSDT,ETHUSDT", url=lively.http) as mirror:
            await mirror.live()
            await until(lambda: len(mirror.trades()) > 4, "five trades", 30)
            compared = 0
            for _ in range(200):
                book = await asked(lively, "depth", symbol="BTCUSDT", limit=20)
                await until(
                    lambda book=book: mirror.exchange.depth("BTCUSDT", 1).last_update_id >= book["lastUpdateId"],
                    "the update",
                )
                ours = mirror.exchange.depth("BTCUSDT", 20)
                if ours.last_update_id == book["lastUpdateId"]:
                    compared += 1
                    assert [[f"{ticks / 100:.8f}", f"{lots / 100_000:.8f}"] for ticks, lots in ours.bids] == book[
                        "bids"
                    ]
                    assert [[f"{ticks / 100:.8f}", f"{lots / 100_000:.8f}"] for ticks, lots in ours.asks] == book[
                        "asks"
                    ]
                if compared == 2:
                    break
            assert compared == 2
            mine = mirror.trades()
            rows = await asked(lively, "trades", symbol="BTCUSDT", limit=1000)
            theirs = {row["id"]: (round(float(row["price"]) * 100), round(float(row["qty"]) * 100_000)) for row in rows}
            assert [trade_id for trade_id, *_ in mine] == list(range(mine[0][0], mine[0][0] + len(mine)))
            assert all(theirs[trade_id] == (ticks, lots) for trade_id, ticks, lots, _ in mine)
    finally:
        lively.stop()


async def test_our_order_waits_behind_what_was_there_and_is_filled_by_their_trades(
    crowd: Crowd, open_mirror: OpenMirror
) -> None:
    await crowd.maker.place("BUY", "LIMIT", quantity="0.5", price=price(P))
    async with open_mirror() as mirror:
        await mirror.live()
        mine = mirror.customer()
        order = mirror.limit(mine, Side.BUY, P, 30_000)
        assert mirror.bids() == {P: 80_000}
        for quantity, expected in (("0.3", 0), ("0.25", 5_000), ("0.1", 15_000)):
            await crowd.maker.place("BUY", "LIMIT", quantity="0.3", price=price(P))
            seen = len(mirror.trades())
            await crowd.taker.place("SELL", "LIMIT", quantity=quantity, price=price(P))
            await until(lambda seen=seen: len(mirror.trades()) > seen, "their trade")
            await asyncio.sleep(0)
            assert mirror.filled(mine, order) == expected, "0.5 stood before us"


async def test_an_order_better_than_theirs_is_filled_first(crowd: Crowd, open_mirror: OpenMirror) -> None:
    await crowd.maker.place("BUY", "LIMIT", quantity="0.5", price=price(P))
    async with open_mirror() as mirror:
        await mirror.live()
        mine = mirror.customer()
        order = mirror.limit(mine, Side.BUY, P + 1, 30_000)
        await crowd.taker.place("SELL", "LIMIT", quantity="0.1", price=price(P))
        await until(lambda: mirror.filled(mine, order) == 10_000, "a part of our order")
        assert mirror.exchange.fills(mine, "BTCUSDT")[0].price_ticks == P + 1


async def test_our_order_takes_from_their_book_and_they_do_not_notice(
    venue: SimulatorProcess, crowd: Crowd, open_mirror: OpenMirror
) -> None:
    for step in range(3):
        await crowd.maker.place("SELL", "LIMIT", quantity="0.1", price=price(P + step))
    async with open_mirror() as mirror:
        await mirror.live()
        mine = mirror.customer()
        order, fills = mirror.exchange.place(mine, NewOrder("BTCUSDT", Side.BUY, OrderType.MARKET, "mine", lots=25_000))
        assert order.status is Status.FILLED
        assert [(fill.price_ticks, fill.lots) for fill in fills] == [(P, 10_000), (P + 1, 10_000), (P + 2, 5_000)]
        assert mirror.asks() == {P + 2: 5_000}
        assert len((await asked(venue, "depth", symbol="BTCUSDT"))["asks"]) == 3
        await crowd.maker.place("SELL", "LIMIT", quantity="0.2", price=price(P))
        await mirror.shows({}, {P: 30_000, P + 2: 5_000})
        balances = {balance.asset: balance.free for balance in mirror.exchange.balances(mine)}
        assert balances["BTC"] == 1_024_975_000, "0.25 less the fee"


async def test_no_task_and_no_socket_outlives_it(crowd: Crowd, open_mirror: OpenMirror) -> None:
    del crowd
    before = asyncio.all_tasks()
    async with open_mirror() as mirror:
        await mirror.live()
        assert len(asyncio.all_tasks()) > len(before)
    assert asyncio.all_tasks() == before


def test_a_simulator_without_a_mirror_does_not_import_ccxt() -> None:
    code = "import sys, engine.simulator.__main__; sys.exit('ccxt' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("symbols", ["BTC/USDT", "BTCUSDT,BTC/USDT"])
async def test_a_symbol_may_be_named_as_ccxt_does(crowd: Crowd, open_mirror: OpenMirror, symbols: str) -> None:
    await crowd.maker.place("BUY", "LIMIT", quantity="0.5", price=price(P))
    async with open_mirror(symbols) as mirror:
        await mirror.live()
        assert mirror.bids() == {P: 50_000}
        assert list(mirror.flow.source.symbols) == ["BTCUSDT"]
