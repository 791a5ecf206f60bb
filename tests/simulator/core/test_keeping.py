"""In a server many orders share a sync: nobody outside hears of one before it is on the disk, or while it cannot be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from resource import RLIMIT_FSIZE, getrlimit, setrlimit
from shutil import copytree

import pytest

from engine.simulator.journal import JournalError
from engine.simulator.model import OrderReported, Side, SimEvent, SimOrder
from tests.simulator.core.venue import Clock, Venue
from tests.simulator.process import until

P = 6_000_000


@asynccontextmanager
async def together(venue: Venue) -> AsyncGenerator[None]:
    """The venue's exchange as a server runs it."""
    keeping = asyncio.create_task(venue.exchange.keep_together())
    await asyncio.sleep(0)
    try:
        yield
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping


def outside_of(venue: Venue) -> list[SimEvent]:
    """What those hear who tell the world."""
    heard: list[SimEvent] = []
    venue.exchange.listen(heard.append, kept=True)
    return heard


def orders_in(events: list[SimEvent]) -> list[int]:
    return [event.order.order_id for event in events if isinstance(event, OrderReported)]


def files(venue: Venue) -> bytes:
    """All that a restart would find."""
    assert venue.journal is not None
    return b"".join(path.read_bytes() for path in sorted(venue.journal.iterdir()))


async def test_who_tells_the_world_hears_of_an_order_when_it_is_kept(tmp_path: Path) -> None:
    venue = Venue(tmp_path / "j")
    account, heard = venue.account("a"), outside_of(venue)
    async with together(venue):
        order = venue.limit(account, Side.BUY, P, 100)
        assert orders_in(venue.events) == [order.order_id]
        assert heard == []
        assert order.request.client_order_id.encode() not in files(venue)
        await venue.exchange.kept()
        assert heard == venue.events[-len(heard) :]
        assert orders_in(heard) == [order.order_id]
        assert order.request.client_order_id.encode() in files(venue)


async def test_orders_that_come_during_a_sync_are_kept_after_it_in_their_order(tmp_path: Path) -> None:
    venue = Venue(tmp_path / "j")
    account, heard = venue.account("a"), outside_of(venue)
    told: list[int] = []

    async def customer(price: int) -> None:
        for _ in range(20):
            order = venue.limit(account, Side.BUY, price, 100)
            await venue.exchange.kept()
            assert order.order_id in orders_in(heard)
            told.append(order.order_id)

    async with together(venue):
        await asyncio.gather(*(customer(P - number) for number in range(8)))
    assert sorted(told) == list(range(1, 161))
    assert orders_in(heard) == list(range(1, 161))


async def test_what_nobody_waits_for_any_more_is_kept_all_the_same(tmp_path: Path) -> None:
    venue = Venue(tmp_path / "j")
    account, heard = venue.account("a"), outside_of(venue)
    async with together(venue):
        venue.limit(account, Side.BUY, P, 100)
        waiting = asyncio.create_task(venue.exchange.kept())
        await asyncio.sleep(0)
        waiting.cancel()
        second = venue.limit(account, Side.BUY, P, 100)
    assert orders_in(heard)[-1] == second.order_id
    copytree(tmp_path / "j", tmp_path / "copy")
    assert Venue(tmp_path / "copy", Clock()).exchange.state_digest() == venue.exchange.state_digest()


async def test_an_exchange_that_ends_during_a_sync_keeps_and_tells_what_it_did(tmp_path: Path) -> None:
    venue = Venue(tmp_path / "j")
    account, heard = venue.account("a"), outside_of(venue)
    async with together(venue):
        first = venue.limit(account, Side.BUY, P, 100)
        await asyncio.sleep(0)  # the sync begins
        second = venue.limit(account, Side.BUY, P, 100)
    assert orders_in(heard) == [first.order_id, second.order_id]
    assert second.request.client_order_id.encode() in files(venue)


async def test_without_a_journal_everything_is_kept_at_once() -> None:
    venue = Venue()
    account, heard = venue.account("a"), outside_of(venue)
    async with together(venue):
        venue.limit(account, Side.BUY, P, 100)
        assert heard == venue.events
        await venue.exchange.kept()


async def test_a_disk_that_is_full_holds_answers_back_and_refuses_orders_until_it_has_room(tmp_path: Path) -> None:
    venue = Venue(tmp_path / "j")
    account, heard = venue.account("a"), outside_of(venue)
    soft, hard = getrlimit(RLIMIT_FSIZE)
    async with together(venue):
        setrlimit(RLIMIT_FSIZE, (venue.exchange.journal_bytes + 20, hard))
        try:
            held = venue.limit(account, Side.BUY, P, 100)
            waiting = asyncio.create_task(venue.exchange.kept())
            refusal = await refused(venue, account)
            assert "cannot be written: File too large" in str(refusal)
            assert heard == []
            assert not waiting.done()
        finally:
            setrlimit(RLIMIT_FSIZE, (soft, hard))
        await waiting
        assert orders_in(heard)[0] == held.order_id
        after = venue.limit(account, Side.BUY, P, 100)
        await venue.exchange.kept()
    assert after.order_id == venue.exchange.open_orders(account)[-1].order_id
    copytree(tmp_path / "j", tmp_path / "copy")
    assert Venue(tmp_path / "copy", Clock()).exchange.state_digest() == venue.exchange.state_digest()


async def refused(venue: Venue, account: int) -> JournalError:
    """The refusal of the first order after the exchange has seen that the disk is full."""
    for _ in range(100):
        await asyncio.sleep(0)
        try:
            venue.limit(account, Side.BUY, P, 100)
        except JournalError as refusal:
            return refusal
    raise AssertionError("a full disk goes unnoticed")


async def test_a_full_journal_is_cut_by_a_fork_while_the_exchange_goes_on(tmp_path: Path) -> None:
    venue = Venue(tmp_path / "j", snapshot_every=40)
    account = venue.account("a")
    orders: list[SimOrder] = []
    async with together(venue):
        for _ in range(100):
            orders.append(venue.limit(account, Side.BUY, P, 100))
            await venue.exchange.kept()
        await until((tmp_path / "j" / "snapshot").exists, "a snapshot")
        await until(lambda: not (tmp_path / "j" / "journal.0").exists(), "the end of the old file")
        copytree(tmp_path / "j", tmp_path / "copy")
        again = Venue(tmp_path / "copy", Clock())
        assert again.exchange.state_digest() == venue.exchange.state_digest()
        assert [order.order_id for order in again.exchange.open_orders(account)] == [each.order_id for each in orders]
    again.exchange.close()
    assert venue.reopened().exchange.state_digest() == again.exchange.state_digest()


async def test_a_snapshot_that_cannot_be_written_loses_nothing(tmp_path: Path) -> None:
    venue = Venue(tmp_path / "j", snapshot_every=10)
    account = venue.account("a")
    (tmp_path / "j" / "snapshot.new").mkdir()  # in the way of the fork
    async with together(venue):
        for _ in range(40):
            venue.limit(account, Side.BUY, P, 100)
            await venue.exchange.kept()
        async with asyncio.timeout(60):
            while not (tmp_path / "j" / "journal.2").exists():  # a second try comes with more to keep
                venue.limit(account, Side.BUY, P, 100)
                await venue.exchange.kept()
    assert not (tmp_path / "j" / "snapshot").exists()
    (tmp_path / "j" / "snapshot.new").rmdir()
    copytree(tmp_path / "j", tmp_path / "copy")
    again = Venue(tmp_path / "copy", Clock(), orders=venue.orders, snapshot_every=10)
    assert again.exchange.state_digest() == venue.exchange.state_digest()
    again.limit(account, Side.BUY, P, 100)
    assert (tmp_path / "copy" / "snapshot").exists()


@pytest.mark.parametrize("lost", ["journal.0", "journal.1"])
def test_a_file_that_is_missing_between_others_stops_the_start(tmp_path: Path, lost: str) -> None:
    venue = Venue(tmp_path / "j", snapshot_every=10)
    account = venue.account("a")
    (tmp_path / "j" / "snapshot.new").mkdir()
    for _ in range(40):
        with suppress(JournalError):
            venue.limit(account, Side.BUY, P, 100)
    (tmp_path / "j" / "snapshot.new").rmdir()
    copytree(tmp_path / "j", tmp_path / "copy")
    assert (tmp_path / "copy" / "journal.2").exists()
    (tmp_path / "copy" / lost).unlink()
    with pytest.raises(JournalError, match=r"is missing though|restore"):
        Venue(tmp_path / "copy", Clock())
