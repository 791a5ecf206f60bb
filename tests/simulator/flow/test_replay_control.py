"""A replay is paused, hurried, slowed, wound on and wound back; every time is a virtual clock's."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from engine.runtime import Supervisor
from engine.simulator.capture import CaptureError, Recorded, read_capture
from engine.simulator.exchange import Exchange
from engine.simulator.flow import build_flow
from engine.simulator.model import DepthChanged, NewOrder, OrderType, Side, SimEvent, Status, TopChanged, TradePrinted
from engine.simulator.replay import ReplayBusy, ReplayController, ReplayFlow
from tests.simulator.flow.captures import ASK, BID, bids_after, write_capture
from tests.simulator.flow.conftest import OpenExchange
from tests.simulator.virtual import VirtualClock, run_virtually


@pytest.fixture
def day(tmp_path: Path) -> Path:
    """Twenty seconds, 200 diffs."""
    return write_capture(tmp_path / "day")


@asynccontextmanager
async def playing(exchange: Exchange, path: Path, speed: str) -> AsyncGenerator[ReplayController]:
    """A replay that runs on the virtual clock."""
    flow = build_flow(f"replay:{path}@{speed}", exchange, 1, VirtualClock())
    assert isinstance(flow, ReplayFlow)
    flow.prepare()
    supervisor = Supervisor("test", VirtualClock())
    supervisor.run("flow", flow.run())
    yield flow.controller
    await supervisor.close()
    assert supervisor.failures == ()


def standing(exchange: Exchange, path: Path) -> ReplayController:
    """A replay that moves only when told."""
    flow = build_flow(f"replay:{path}@0", exchange, 1)
    assert isinstance(flow, ReplayFlow)
    flow.prepare()
    return flow.controller


def bids(exchange: Exchange) -> dict[int, int]:
    return dict(exchange.depth("BTCUSDT", 1000).bids)


def customer(exchange: Exchange) -> int:
    return exchange.create_account("mine", "secret", {"USDT": Decimal(1_000_000), "BTC": Decimal(10)}).account_id


def limit(exchange: Exchange, account: int, side: Side, price: int, lots: int) -> int:
    order, _ = exchange.place(account, NewOrder("BTCUSDT", side, OrderType.LIMIT, "mine", price_ticks=price, lots=lots))
    return order.order_id


def heard(exchange: Exchange) -> list[SimEvent]:
    events: list[SimEvent] = []
    exchange.listen(events.append)
    return events


def offsets(path: Path) -> list[float]:
    """At which second after the snapshot each event was received."""
    events: list[Recorded] = list(read_capture(path))
    began = next(event.received_ns for event in events if type(event.event).__name__ == "RecordedSnapshot")
    return [(event.received_ns - began) / 1e9 for event in events]


def last_before(times: list[float], at_s: float) -> float:
    """The newest of the events that are due by then."""
    return max((time for time in times if 0 <= time <= at_s), default=0.0)


# --- speed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("speed", "for_s"), [("0.1", 60.0), ("1", 10.0), ("2.5", 4.0), ("100", 0.19)])
def test_the_position_is_speed_times_the_clock(
    open_exchange: OpenExchange, day: Path, speed: str, for_s: float
) -> None:
    times = offsets(day)

    async def watch() -> None:
        async with playing(open_exchange(), day, speed) as controller:
            await asyncio.sleep(0.007 / float(speed))
            for instant in range(1, 21):
                await asyncio.sleep(for_s / 20)
                due_s = float(speed) * for_s * instant / 20 + 0.007
                assert controller.position_s == pytest.approx(last_before(times, due_s)), due_s

    run_virtually(watch())


def test_a_recorded_minute_takes_a_hundredth_of_its_time(open_exchange: OpenExchange, recorded_day: Path) -> None:
    times = offsets(recorded_day)

    async def watch() -> None:
        loop = asyncio.get_running_loop()
        async with playing(open_exchange(), recorded_day, "100") as controller:
            while controller.position_s < 60:
                await asyncio.sleep(0.05)
                assert controller.position_s == pytest.approx(last_before(times, loop.time() * 100), abs=0.02)
            assert loop.time() == pytest.approx(0.6, abs=0.06)

    run_virtually(watch())


def test_no_recorded_time_passes_in_a_pause(open_exchange: OpenExchange, day: Path) -> None:
    async def watch() -> None:
        async with playing(open_exchange(), day, "1") as controller:
            await asyncio.sleep(2.07)
            controller.pause()
            assert controller.status()["state"] == "paused"
            await asyncio.sleep(500)
            assert controller.position_s == pytest.approx(2.05)
            controller.resume()
            assert controller.status()["state"] == "playing"
            await asyncio.sleep(0.02)
            assert controller.position_s == pytest.approx(2.05)
            await asyncio.sleep(0.015)
            assert controller.position_s == pytest.approx(2.1)

    run_virtually(watch())


def test_a_speed_holds_from_the_moment_it_is_set(open_exchange: OpenExchange, day: Path) -> None:
    async def watch() -> None:
        async with playing(open_exchange(), day, "1") as controller:
            await asyncio.sleep(2.07)
            controller.change_speed(10)
            await asyncio.sleep(1)
            assert controller.position_s == pytest.approx(12.05)
            controller.change_speed(0.1)
            await asyncio.sleep(10)
            assert controller.position_s == pytest.approx(13.05)
            controller.pause()
            controller.change_speed(100)
            await asyncio.sleep(10)
            assert controller.position_s == pytest.approx(13.05)
            controller.resume()
            await asyncio.sleep(0.04)
            assert controller.position_s == pytest.approx(17.05)

    run_virtually(watch())


def test_from_max_to_a_speed_and_back(open_exchange: OpenExchange, day: Path) -> None:
    async def watch() -> None:
        async with playing(open_exchange(), day, "0") as controller:
            assert controller.status()["state"] == "paused"
            controller.change_speed(float("inf"))
            controller.resume()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            reached = controller.position_s
            assert 1 < reached < 5
            controller.change_speed(1)
            await asyncio.sleep(3)
            assert controller.position_s == pytest.approx(reached + 3, abs=0.06)
            controller.change_speed(float("inf"))
            await asyncio.sleep(1)
            assert controller.status()["state"] == "ended"

    run_virtually(watch())


def test_a_replay_started_at_speed_0_resumes_at_the_recorded_speed(open_exchange: OpenExchange, day: Path) -> None:
    async def watch() -> None:
        async with playing(open_exchange(), day, "0") as controller:
            await asyncio.sleep(100)
            assert controller.position_s == 0
            controller.step(5)
            controller.resume()
            await asyncio.sleep(5.01)
            assert controller.position_s == pytest.approx(5.5)

    run_virtually(watch())


def test_a_step_while_it_plays_goes_on_from_there(open_exchange: OpenExchange, day: Path) -> None:
    async def watch() -> None:
        async with playing(open_exchange(), day, "1") as controller:
            await asyncio.sleep(1.02)
            controller.step(100)
            assert controller.position_s == pytest.approx(11)
            await asyncio.sleep(1.01)
            assert controller.position_s == pytest.approx(12)

    run_virtually(watch())


# --- forward ----------------------------------------------------------------------------------------


def test_seeking_on_plays_all_that_lies_between(open_exchange: OpenExchange, day: Path) -> None:
    exchange = open_exchange()
    controller = standing(exchange, day)
    mine = customer(exchange)
    order = limit(exchange, mine, Side.SELL, ASK, 30)
    asyncio.run(controller.seek_s(12.345))
    assert bids(exchange) == bids_after(123)
    assert controller.position_s == pytest.approx(12.34)
    assert len(exchange.trades("BTCUSDT", limit=1000)) == 123
    assert exchange.order(mine, "BTCUSDT", order_id=order).status is Status.NEW, "900 lots stood before it"
    assert controller.status()["state"] == "paused"
    asyncio.run(controller.seek_diff(150))
    assert controller.status()["diffs"] == 150
    assert bids(exchange) == bids_after(150)


def test_seeking_past_the_end_stops_at_the_end(open_exchange: OpenExchange, day: Path) -> None:
    exchange = open_exchange()
    controller = standing(exchange, day)
    last = asyncio.run(controller.seek_s(100_000))
    assert controller.status()["state"] == "ended"
    assert (controller.step(5), bids(exchange)) == (last, bids_after(200))


def test_a_seek_takes_no_time_and_the_replay_goes_on_from_there(open_exchange: OpenExchange, day: Path) -> None:
    async def watch() -> None:
        loop = asyncio.get_running_loop()
        async with playing(open_exchange(), day, "1") as controller:
            await asyncio.sleep(1)
            await controller.seek_s(10.02)
            assert loop.time() == pytest.approx(1)
            await asyncio.sleep(1)
            assert controller.position_s == pytest.approx(10.95, abs=0.11)
            await controller.seek_s(3.02)
            await asyncio.sleep(1)
            assert controller.position_s == pytest.approx(4)

    run_virtually(watch())


def test_while_it_seeks_nothing_else_can_be_asked_and_others_go_on(open_exchange: OpenExchange, day: Path) -> None:
    async def watch() -> None:
        async with playing(open_exchange(), day, "1") as controller, asyncio.TaskGroup() as group:
            seek = group.create_task(controller.seek_s(15))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert not seek.done()
            assert controller.status()["state"] == "seeking"
            asks: list[Callable[[], object]] = [controller.pause, controller.resume, lambda: controller.step(1)]
            for ask in asks:
                with pytest.raises(ReplayBusy):
                    ask()
            with pytest.raises(ReplayBusy):
                await controller.seek_diff(1)
            await seek
            assert controller.status()["state"] == "playing"

    run_virtually(watch())


def test_a_seek_waits_for_consumers_but_not_for_ever(open_exchange: OpenExchange, day: Path) -> None:
    async def watch() -> None:
        loop = asyncio.get_running_loop()
        async with playing(open_exchange(), day, "0") as controller:
            controller.backlog = lambda: 1_000_000
            await controller.seek_s(10)
            assert 4 < loop.time() < 10
            assert controller.position_s == pytest.approx(10)

    run_virtually(watch())


@pytest.mark.parametrize("position_s", [-1.0, float("nan"), float("inf")])
async def test_a_seek_to_nowhere_is_refused(open_exchange: OpenExchange, day: Path, position_s: float) -> None:
    controller = standing(open_exchange(), day)
    with pytest.raises(ValueError, match="position_s must be"):
        await controller.seek_s(position_s)
    with pytest.raises(ValueError, match="diff must be"):
        await controller.seek_diff(-1)
    with pytest.raises(ValueError, match="a step of 0 diffs"):
        controller.step(0)


# --- back -------------------------------------------------------------------------------------------


async def test_seeking_back_shows_the_book_as_it_stood(open_exchange: OpenExchange, day: Path) -> None:
    exchange = open_exchange()
    controller = standing(exchange, day)
    await controller.seek_diff(150)
    for position_s, diffs in ((7.5, 75), (7.49, 74), (0.0, 0), (7.5, 75)):
        await controller.seek_s(position_s)
        assert bids(exchange) == bids_after(diffs)
        assert dict(exchange.depth("BTCUSDT", 1000).asks) == {ASK: 900}
        assert controller.status()["diffs"] == diffs
    await controller.seek_diff(3)
    assert bids(exchange) == bids_after(3)


async def test_ids_go_on_growing_however_often_it_is_wound_back(open_exchange: OpenExchange, day: Path) -> None:
    exchange = open_exchange()
    controller = standing(exchange, day)
    events = heard(exchange)
    for there, back in ((150, 20), (60, 0), (199, 1)):
        await controller.seek_diff(there)
        await controller.seek_diff(back)
    await controller.seek_diff(200)
    depths = [event for event in events if isinstance(event, DepthChanged)]
    assert all(b.first_update_id == a.last_update_id + 1 for a, b in pairwise(depths))
    trades = [event.trade.trade_id for event in events if isinstance(event, TradePrinted)]
    assert all(b == a + 1 for a, b in pairwise(trades)), "as recorded: without gaps"
    tops = [event.update_id for event in events if isinstance(event, TopChanged)]
    assert tops == sorted(tops)


async def test_our_orders_and_fills_are_not_undone(open_exchange: OpenExchange, day: Path) -> None:
    exchange = open_exchange()
    controller = standing(exchange, day)
    await controller.seek_diff(100)
    mine = customer(exchange)
    exchange.place(mine, NewOrder("BTCUSDT", Side.BUY, OrderType.MARKET, "now", lots=300))
    resting = limit(exchange, mine, Side.BUY, BID - 50, 40)
    before = exchange.balances(mine)
    await controller.seek_diff(30)
    assert exchange.balances(mine) == before
    assert len(exchange.fills(mine, "BTCUSDT")) == 1
    assert exchange.order(mine, "BTCUSDT", order_id=resting).status is Status.NEW
    assert bids(exchange) == {**bids_after(30), BID - 50: 40}
    assert dict(exchange.depth("BTCUSDT").asks) == {ASK: 900}, "what we took stands there again"


async def test_an_order_that_the_earlier_book_crosses_is_filled_at_its_own_price(
    open_exchange: OpenExchange, tmp_path: Path
) -> None:
    day = write_capture(tmp_path / "day", diffs=5)
    exchange = open_exchange()
    controller = standing(exchange, day)
    mine = customer(exchange)
    await controller.seek_diff(5)
    exchange.place(mine, NewOrder("BTCUSDT", Side.BUY, OrderType.MARKET, "now", lots=900))
    resting = limit(exchange, mine, Side.BUY, ASK + 5, 100)
    assert exchange.order(mine, "BTCUSDT", order_id=resting).status is Status.NEW
    await controller.seek_diff(0)
    assert exchange.order(mine, "BTCUSDT", order_id=resting).status is Status.FILLED
    assert exchange.fills_of(resting)[0].price_ticks == ASK + 5


def test_a_replay_that_has_ended_plays_again_once_it_is_wound_back(open_exchange: OpenExchange, day: Path) -> None:
    async def watch() -> None:
        exchange = open_exchange()
        async with playing(exchange, day, "10") as controller:
            await asyncio.sleep(3)
            assert controller.status()["state"] == "ended"
            await controller.seek_s(10)
            assert controller.status()["state"] == "playing"
            await asyncio.sleep(0.501)
            assert controller.position_s == pytest.approx(15)
            assert bids(exchange) == bids_after(150)

    run_virtually(watch())


def test_a_bad_line_breaks_it_and_winding_back_mends_it_until_then(open_exchange: OpenExchange, tmp_path: Path) -> None:
    day = write_capture(tmp_path / "day", diffs=20, bad_after=10)

    async def watch() -> None:
        exchange = open_exchange()
        async with playing(exchange, day, "1") as controller:
            for _ in range(2):
                await asyncio.sleep(3)
                assert controller.status()["state"] == "broken"
                assert "day, line 32" in str(controller.status()["fault"])
                trades = len(exchange.trades("BTCUSDT", limit=1000))
                controller.step(3)
                assert len(exchange.trades("BTCUSDT", limit=1000)) == trades, "nothing is played twice"
                await controller.seek_s(0.2)
                assert controller.status()["state"] == "playing"
            with pytest.raises(CaptureError, match="line 32"):
                await controller.seek_s(5)

    run_virtually(watch())


def test_a_recording_that_is_gone_leaves_everything_as_it_is(open_exchange: OpenExchange, day: Path) -> None:
    exchange = open_exchange()
    controller = standing(exchange, day)
    asyncio.run(controller.seek_diff(50))
    day.unlink()
    with pytest.raises(FileNotFoundError):
        asyncio.run(controller.seek_diff(10))
    assert bids(exchange) == bids_after(50)
    controller.step(1)
    assert bids(exchange) == bids_after(51)


# --- and a restart ----------------------------------------------------------------------------------


async def test_a_replay_that_was_wound_back_goes_on_after_a_restart(
    open_exchange: OpenExchange, day: Path, tmp_path: Path
) -> None:
    first = open_exchange(1, tmp_path / "journal")
    controller = standing(first, day)
    await controller.seek_diff(150)
    await controller.seek_diff(20)
    controller.step(1)
    newest = first.depth("BTCUSDT").last_update_id, first.trades("BTCUSDT", limit=1)[-1].trade_id
    first.close()
    second = open_exchange(1, tmp_path / "journal")
    events = heard(second)
    controller = standing(second, day)
    assert bids(second) == bids_after(21)
    controller.step(2)
    assert bids(second) == bids_after(23)
    depths = [event.first_update_id for event in events if isinstance(event, DepthChanged)]
    trades = [event.trade.trade_id for event in events if isinstance(event, TradePrinted)]
    assert (depths[0], trades[0]) == (newest[0] + 1, newest[1] + 1)


async def test_a_kill_in_the_middle_of_winding_back_leaves_the_earlier_book(
    open_exchange: OpenExchange, day: Path, tmp_path: Path
) -> None:
    first = open_exchange(1, tmp_path / "journal")
    controller = standing(first, day)
    await controller.seek_diff(150)
    notes = itertools.count()
    set_levels = first.set_external_levels

    def killed(*arguments: object, **options: object) -> None:
        next(notes)
        raise KeyboardInterrupt

    first.set_external_levels = killed
    with pytest.raises(KeyboardInterrupt):
        await controller.seek_diff(20)
    assert next(notes) == 1
    first.set_external_levels = set_levels
    first.close()
    second = open_exchange(1, tmp_path / "journal")
    assert bids(second) == bids_after(150)
    controller = standing(second, day)
    assert bids(second) == bids_after(20)
    controller.step(1)
    assert bids(second) == bids_after(21)
