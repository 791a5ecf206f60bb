"""The recorded day played through the exchange: its book at every diff, its trades, and ours among them."""

from __future__ import annotations

import gzip
from bisect import bisect_right
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from engine.runtime import Supervisor
from engine.simulator.capture import CaptureError, RecordedDiff, RecordedTop, RecordedTrade, read_capture
from engine.simulator.exchange import Exchange
from engine.simulator.flow import build_flow
from engine.simulator.model import DepthChanged, NewOrder, OrderType, Side, SimEvent, Status, TradePrinted
from engine.simulator.replay import LARGEST_BACKLOG, ReplayFlow
from tests.simulator.flow.conftest import OpenExchange, until

DIFFS = 3_449
SNAPSHOT_ID = 50093239218

Tops = Callable[[int], tuple[int, int]]


@pytest.fixture
def recorded_top(recorded_day: Path) -> Tops:
    """Best bid and ask, in ticks, of the last recorded bookTicker whose u is not above the given one."""
    tops = [recorded.event for recorded in read_capture(recorded_day) if isinstance(recorded.event, RecordedTop)]
    ids = [top.update_id for top in tops]

    def at(update_id: int) -> tuple[int, int]:
        top = tops[bisect_right(ids, update_id) - 1]
        return int(Decimal(top.bid[0]) * 100), int(Decimal(top.ask[0]) * 100)

    return at


def prepared(exchange: Exchange, path: Path, speed: str = "0") -> ReplayFlow:
    flow = build_flow(f"replay:{path}@{speed}", exchange, 1)
    assert isinstance(flow, ReplayFlow)
    flow.prepare()
    return flow


def test_at_every_diff_the_book_shows_the_recorded_best_prices(
    open_exchange: OpenExchange, recorded_day: Path, recorded_top: Tops
) -> None:
    exchange = open_exchange()
    flow = prepared(exchange, recorded_day)
    assert exchange.depth("BTCUSDT").last_update_id == SNAPSHOT_ID
    compared = 0
    before = SNAPSHOT_ID
    while not flow.controller.ended:
        last = flow.controller.step(1)
        if last == before:
            break
        before = last
        book = exchange.depth("BTCUSDT", 1)
        assert book.last_update_id == last
        assert (book.bids[0][0], book.asks[0][0]) == recorded_top(last), f"diff {compared} with u {last}"
        compared += 1
    assert compared == DIFFS
    status = flow.status()
    assert status["state"] == "ended"
    assert status["diffs"] == DIFFS


def test_each_recorded_diff_is_one_event_of_an_unbroken_chain(open_exchange: OpenExchange, recorded_day: Path) -> None:
    exchange = open_exchange()
    flow = prepared(exchange, recorded_day)
    seen: list[DepthChanged] = []
    exchange.listen(lambda event: seen.append(event) if isinstance(event, DepthChanged) else None)
    last = flow.controller.step(500)
    recorded = [
        event.event
        for event in read_capture(recorded_day)
        if isinstance(event.event, RecordedDiff) and SNAPSHOT_ID < event.event.last_update_id <= last
    ]
    assert [event.last_update_id for event in seen] == [diff.last_update_id for diff in recorded]
    assert seen[0].first_update_id == SNAPSHOT_ID + 1
    assert all(b.first_update_id == a.last_update_id + 1 for a, b in pairwise(seen))


def test_the_recorded_trades_are_printed_as_they_were(open_exchange: OpenExchange, recorded_day: Path) -> None:
    exchange = open_exchange()
    flow = prepared(exchange, recorded_day)
    printed: list[TradePrinted] = []
    exchange.listen(lambda event: printed.append(event) if isinstance(event, TradePrinted) else None)
    flow.controller.step(DIFFS + 10)
    recorded: list[RecordedTrade] = []
    after_snapshot = False
    for event in read_capture(recorded_day):
        after_snapshot = after_snapshot or event.line > 8
        if after_snapshot and isinstance(event.event, RecordedTrade):
            recorded.append(event.event)
    assert [event.trade.trade_id for event in printed] == [trade.trade_id for trade in recorded]
    assert [event.trade.price_ticks for event in printed] == [int(Decimal(trade.price) * 100) for trade in recorded]
    assert sum(event.trade.lots for event in printed) == sum(int(Decimal(t.quantity) * 100_000) for t in recorded)
    candle = exchange.current_kline("BTCUSDT", "1d")
    assert candle is not None
    assert candle.trades == len(recorded)
    assert candle.close == printed[-1].trade.price_ticks


def test_our_market_order_takes_the_recorded_book(open_exchange: OpenExchange, recorded_day: Path) -> None:
    exchange = open_exchange()
    flow = prepared(exchange, recorded_day)
    flow.controller.step(10)
    mine = exchange.create_account("mine", "secret", {"USDT": Decimal(1_000_000)}).account_id
    best = exchange.depth("BTCUSDT", 1).asks[0]
    order, fills = exchange.place(mine, NewOrder("BTCUSDT", Side.BUY, OrderType.MARKET, "mine-1", lots=100))
    assert order.status is Status.FILLED
    assert fills[0].price_ticks == best[0]
    flow.controller.step(100)
    assert not flow.controller.ended


def test_our_resting_order_is_filled_by_the_recorded_market(open_exchange: OpenExchange, recorded_day: Path) -> None:
    exchange = open_exchange()
    flow = prepared(exchange, recorded_day)
    mine = exchange.create_account("mine", "secret", {"USDT": Decimal(1_000_000)}).account_id
    best = exchange.depth("BTCUSDT", 1).bids[0][0]
    resting, _ = exchange.place(
        mine, NewOrder("BTCUSDT", Side.BUY, OrderType.LIMIT, "mine-1", price_ticks=best - 1_000, lots=1_000)
    )
    assert resting.status is Status.NEW
    flow.controller.step(DIFFS)
    filled = exchange.order(mine, "BTCUSDT", order_id=resting.order_id)
    assert filled.status is Status.FILLED
    assert exchange.fills_of(resting.order_id)[0].price_ticks == best - 1_000


async def test_at_max_it_waits_for_the_slowest_consumer_and_stands_at_the_end(
    open_exchange: OpenExchange, recorded_day: Path
) -> None:
    exchange = open_exchange()
    flow = prepared(exchange, recorded_day, "max")
    waiting: list[SimEvent] = []
    most = 0
    exchange.listen(waiting.append)
    flow.controller.backlog = lambda: len(waiting)
    supervisor = Supervisor("test")
    supervisor.run("flow", flow.run())

    def take() -> bool:
        nonlocal most
        most = max(most, len(waiting))
        waiting.clear()
        return flow.controller.ended

    await until(take)
    assert LARGEST_BACKLOG < most <= LARGEST_BACKLOG + 10
    assert flow.status()["state"] == "ended"
    assert supervisor.running == ("flow",)
    await supervisor.close()
    assert supervisor.failures == ()


def test_a_replay_that_was_killed_goes_on_where_it_stood(
    open_exchange: OpenExchange, recorded_day: Path, recorded_top: Tops, tmp_path: Path
) -> None:
    first = open_exchange(1, tmp_path)
    last = prepared(first, recorded_day).controller.step(700)
    first.close()
    second = open_exchange(1, tmp_path)
    flow = prepared(second, recorded_day)
    assert flow.status()["diffs"] == 700
    assert second.depth("BTCUSDT").last_update_id == last
    for _ in range(300):
        last = flow.controller.step(1)
        book = second.depth("BTCUSDT", 1)
        assert (book.bids[0][0], book.asks[0][0]) == recorded_top(last)
    ids = [trade.trade_id for trade in second.trades("BTCUSDT", limit=1000)]
    assert ids == list(range(ids[0], ids[0] + len(ids)))


def test_a_journal_of_another_recording_is_refused(open_exchange: OpenExchange, recorded_day: Path) -> None:
    exchange = open_exchange()
    exchange.note("flow", {"flow": "replay", "file": "other.gz"})
    with pytest.raises(ValueError, match=r"the journal holds a market of flow 'replay' \(other.gz\)"):
        prepared(exchange, recorded_day)


async def test_a_running_replay_stops_at_a_bad_line_and_says_which(open_exchange: OpenExchange, tmp_path: Path) -> None:
    path = tmp_path / "day"
    diff = b'{"stream":"btcusdt@depth","data":{"s":"BTCUSDT","U":6,"u":7,"b":[],"a":[]}}'
    path.write_bytes(b'10 {"lastUpdateId":5,"bids":[],"asks":[]}\n20 ' + diff + b"\n30 nonsense\n")
    flow = prepared(open_exchange(), path, "max")
    supervisor = Supervisor("test")
    supervisor.run("flow", flow.run())
    await until(lambda: flow.status()["state"] == "broken")
    assert "day, line 3" in str(flow.status()["fault"])
    assert supervisor.running == ("flow",)
    await supervisor.close()
    assert supervisor.failures == ()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ((b'"lastUpdateId"', b'"stream":"x@trade","data":{},"id"'), "line 1: field 's' is missing"),
        ((b"BTCUSDT", b"PEPEUSDT"), "holds PEPEUSDT, which is not listed here"),
        (
            (b'"p":"61837.63"', b'"p":"61837.637"'),
            "line 3: level '61837.637' '0.02': 61837.637 is not a whole number of ticks",
        ),
        ((b'"t":8', b'"t":"8"'), "line 4: field 't' is '8', not a whole number"),
    ],
)
def test_a_capture_that_cannot_be_played_says_why(
    open_exchange: OpenExchange, tmp_path: Path, change: tuple[bytes, bytes], fault: str
) -> None:
    trade = b'{"stream":"btcusdt@trade","data":{"s":"BTCUSDT","t":%d,"p":"61837.63","q":"0.02","m":true}}'
    diff = b'{"stream":"btcusdt@depth@100ms","data":{"s":"BTCUSDT","U":6,"u":7,"b":[["61837.63","2.0"]],"a":[]}}'
    lines = [b'{"lastUpdateId":5,"bids":[],"asks":[["61837.64","1.5"]]}', diff, trade % 7, trade % 8]
    text = b"".join(b"%d %s\n" % (10 * number, line) for number, line in enumerate(lines, 1))
    path = tmp_path / "day.gz"
    path.write_bytes(gzip.compress(text.replace(*change)))
    with pytest.raises(CaptureError) as caught:
        prepared(open_exchange(), path).controller.step(2)
    assert fault in str(caught.value)
