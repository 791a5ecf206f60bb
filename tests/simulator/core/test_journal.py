"""A journal brings the same market back, and says so plainly when it cannot."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random
from resource import RLIMIT_FSIZE, getrlimit, setrlimit
from shutil import copytree
from zlib import crc32

import orjson
import pytest

from engine.simulator.exchange import Exchange
from engine.simulator.journal import JournalError, journal_seed
from engine.simulator.model import ApiError, Kline, Side, SimEvent, TimeInForce
from tests.simulator.core.venue import BTC, COARSE, START_MS, Clock, Venue

P = 6_000_000


def trade_randomly(venue: Venue, accounts: list[int], seed: int, count: int) -> None:
    """Orders, cancels, notes and outsiders' doings, the same for the same seed."""
    draws = Random(seed)
    open_ids: list[tuple[int, int]] = []
    for _ in range(count):
        venue.clock.ms += draws.randrange(5_000)
        account, side = draws.choice(accounts), draws.choice(list(Side))
        price = P + draws.randrange(-20, 20)
        action = draws.random()
        if action < 0.25 and open_ids:
            owner, order_id = open_ids.pop(draws.randrange(len(open_ids)))
            with suppress(ApiError):
                venue.exchange.cancel(owner, "BTCUSDT", order_id=order_id)
        elif action < 0.8:
            time_in_force = draws.choice([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK])
            order = venue.limit(account, side, price, draws.randrange(10, 500), time_in_force)
            open_ids.append((account, order.order_id))
        elif action < 0.86:
            with suppress(ApiError):  # of an empty book
                venue.market(account, side, quote_atoms=draws.randrange(10, 500) * 10**8)
        elif action < 0.9:
            venue.exchange.print_external_trade("BTCUSDT", price, 100, buyer_is_maker=draws.random() < 0.5)
        elif action < 0.95:
            levels = [(P - 40, draws.randrange(9))], [(P + 40, draws.randrange(9))]
            venue.exchange.set_external_levels("BTCUSDT", *levels)
        else:
            venue.exchange.note("flow", {"step": draws.randrange(100)})


def a_lived_in_venue(journal: Path | None, count: int = 400, snapshot_every: int = 50_000) -> tuple[Venue, list[int]]:
    """A venue with history, accounts, open and finished orders."""
    venue = Venue(journal, snapshot_every=snapshot_every)
    minutes = [Kline(START_MS - at * 60_000, START_MS - at * 60_000 + 59_999, P, P, P, P) for at in range(30, 0, -1)]
    venue.exchange.load_history("BTCUSDT", minutes)
    accounts = [venue.account("a"), venue.account("b"), venue.account("", maker_bps=7)]
    trade_randomly(venue, accounts, 1, count)
    return venue, accounts


def crashed(venue: Venue, directory: Path) -> Venue:
    """What a restart finds that was given the files as they are now."""
    assert venue.journal is not None
    copytree(venue.journal, directory)
    return Venue(directory, Clock(venue.clock.ms))


def test_a_restart_continues_the_same_market(tmp_path: Path) -> None:
    venue, accounts = a_lived_in_venue(tmp_path / "j")
    again = crashed(venue, tmp_path / "copy")
    assert again.exchange.recovered
    assert again.exchange.state_digest() == venue.exchange.state_digest()
    assert again.exchange.noted("flow") == venue.exchange.noted("flow")
    again.orders = venue.orders
    venue.events.clear()
    for each in (venue, again):
        trade_randomly(each, accounts, 2, 200)
    assert again.exchange.state_digest() == venue.exchange.state_digest()
    assert again.events == venue.events


def test_a_snapshot_and_what_came_after_equal_the_whole_journal(tmp_path: Path) -> None:
    kept_whole, _ = a_lived_in_venue(None)
    venue, accounts = a_lived_in_venue(tmp_path / "j", 250)
    again = venue.reopened()
    again.orders = venue.orders
    assert (tmp_path / "j" / "snapshot").exists()
    assert again.exchange.state_digest() == venue.exchange.state_digest()
    trade_randomly(again, accounts, 3, 100)
    trade_randomly(venue_in_memory := a_lived_in_venue(None, 250)[0], accounts, 3, 100)
    assert again.exchange.state_digest() == venue_in_memory.exchange.state_digest()
    assert again.exchange.state_digest() == crashed(again, tmp_path / "copy").exchange.state_digest()
    assert again.exchange.state_digest() != kept_whole.exchange.state_digest()


def test_a_full_journal_is_cut_while_it_runs(tmp_path: Path) -> None:
    venue, _ = a_lived_in_venue(tmp_path / "j", snapshot_every=100)
    generation = int(next((tmp_path / "j").glob("journal.*")).suffix[1:])
    assert generation >= 2
    assert sorted(path.name for path in (tmp_path / "j").iterdir()) == [f"journal.{generation}", "lock", "snapshot"]
    again = crashed(venue, tmp_path / "copy")
    assert again.exchange.state_digest() == venue.exchange.state_digest()
    uncut, _ = a_lived_in_venue(None)
    assert again.exchange.state_digest() == uncut.exchange.state_digest()


def test_a_record_that_was_cut_off_at_any_byte_is_dropped_and_the_rest_stands(tmp_path: Path) -> None:
    venue = Venue(tmp_path / "j")
    account = venue.account("a")
    before = venue.exchange.state_digest()
    whole = (tmp_path / "j" / "journal.0").stat().st_size
    venue.limit(account, Side.BUY, P, 100)
    content = (tmp_path / "j" / "journal.0").read_bytes()
    for size in range(whole, len(content)):
        copy = tmp_path / f"copy{size}"
        copy.mkdir()
        (copy / "journal.0").write_bytes(content[:size])
        again = Venue(copy, Clock(venue.clock.ms))
        assert again.exchange.state_digest() == before
        assert (copy / "journal.0").read_bytes() == content[:whole]
        again.limit(account, Side.BUY, P, 100)
        assert (copy / "journal.0").read_bytes() == content
        again.exchange.close()


def test_a_journal_whose_first_record_was_cut_off_begins_anew(tmp_path: Path) -> None:
    Venue(tmp_path / "j").exchange.close()
    (tmp_path / "j" / "snapshot").unlink()
    (tmp_path / "j" / "journal.1").unlink()
    (tmp_path / "j" / "journal.0").write_bytes(b"0123")
    venue = Venue(tmp_path / "j")
    assert not venue.exchange.recovered
    venue.account("a")


@pytest.mark.parametrize("record", [0, 1, 5])
def test_damage_before_the_end_stops_the_start(tmp_path: Path, record: int) -> None:
    venue, _ = a_lived_in_venue(tmp_path / "j", 30)
    copytree(tmp_path / "j", tmp_path / "copy")
    path = tmp_path / "copy" / "journal.0"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[record] = lines[record].replace(b"[", b"{", 1)
    path.write_bytes(b"".join(lines))
    with pytest.raises(JournalError, match=f"damaged at record {record}.*move the directory away"):
        Venue(tmp_path / "copy", venue.clock)


@pytest.mark.parametrize("lost", [1, 5])
def test_a_record_that_is_missing_shows(tmp_path: Path, lost: int) -> None:
    venue, _ = a_lived_in_venue(tmp_path / "j", 30)
    copytree(tmp_path / "j", tmp_path / "copy")
    path = tmp_path / "copy" / "journal.0"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:lost], *lines[lost + 1 :]]))
    with pytest.raises(JournalError, match="damaged"):
        Venue(tmp_path / "copy", venue.clock)


def test_a_damaged_snapshot_stops_the_start(tmp_path: Path) -> None:
    a_lived_in_venue(tmp_path / "j", 30)[0].exchange.close()
    path = tmp_path / "j" / "snapshot"
    path.write_bytes(path.read_bytes().replace(b'"a"', b'"b"', 1))
    with pytest.raises(JournalError, match="snapshot is damaged"):
        Venue(tmp_path / "j")


def test_two_exchanges_cannot_share_a_journal(tmp_path: Path) -> None:
    venue = Venue(tmp_path / "j")
    with pytest.raises(JournalError, match="in use by another simulator"):
        Venue(tmp_path / "j")
    venue.reopened().exchange.close()


def test_a_journal_of_another_market_is_refused(tmp_path: Path) -> None:
    Venue(tmp_path / "snapshot").exchange.close()
    copytree(tmp_path / "snapshot", tmp_path / "other")
    fresh = Exchange([BTC, COARSE], 1, Clock(), tmp_path / "journal")
    copytree(tmp_path / "journal", tmp_path / "copy")
    for directory in (tmp_path / "snapshot", tmp_path / "copy"):
        with pytest.raises(JournalError, match="belongs to seed 1, not 2: start with seed 1"):
            Exchange([BTC, COARSE], 2, Clock(), directory)
        with pytest.raises(JournalError, match="other listings"):
            Exchange([replace(BTC, min_notional=Decimal(6)), COARSE], 1, Clock(), directory)
        with pytest.raises(JournalError, match="other listings"):
            Exchange([BTC], 1, Clock(), directory)
    fresh.close()


def test_the_seed_of_a_journal_can_be_asked_before_it_is_opened(tmp_path: Path) -> None:
    assert journal_seed(tmp_path / "none") is None
    exchange = Exchange([BTC], 42, Clock(), tmp_path / "j")
    assert journal_seed(tmp_path / "j") == 42
    exchange.close()
    assert journal_seed(tmp_path / "j") == 42


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match=r"file/j cannot hold a journal: .*name a writable directory"):
        Venue(tmp_path / "file" / "j")


def test_only_its_owner_may_read_a_journal_since_it_holds_secrets(tmp_path: Path) -> None:
    venue = Venue(tmp_path / "j")
    venue.account("a")
    assert oct((tmp_path / "j").stat().st_mode)[-3:] == "700"
    venue.reopened()
    assert {oct(path.stat().st_mode)[-3:] for path in (tmp_path / "j").iterdir()} == {"600"}


def test_an_input_is_on_disk_before_anyone_is_told(tmp_path: Path) -> None:
    venue = Venue(tmp_path / "j")
    account = venue.account("a")
    seen: list[bool] = []

    def look(event: SimEvent) -> None:
        seen.append(b'"order-1"' in (tmp_path / "j" / "journal.0").read_bytes())

    venue.exchange.listen(look)
    venue.limit(account, Side.BUY, P, 100)
    assert seen
    assert all(seen)


def test_a_closed_exchange_takes_no_order_that_nobody_would_keep(tmp_path: Path) -> None:
    venue = Venue(tmp_path / "j")
    account = venue.account("a")
    venue.exchange.close()
    venue.exchange.close()
    with pytest.raises(JournalError, match="was closed"):
        venue.limit(account, Side.BUY, P, 100)
    assert venue.exchange.open_orders(account) == ()


def test_a_refused_order_is_not_in_the_journal(tmp_path: Path) -> None:
    venue = Venue(tmp_path / "j")
    account = venue.account("a", {"USDT": 1})
    before = venue.exchange.journal_bytes
    with pytest.raises(ApiError):
        venue.limit(account, Side.BUY, P, 100)
    assert venue.exchange.journal_bytes == before


@pytest.mark.parametrize("left", ["snapshot.new", "journal.1"])
def test_what_a_crash_leaves_of_a_cut_is_cleared_away(tmp_path: Path, left: str) -> None:
    venue, accounts = a_lived_in_venue(tmp_path / "j", 30)
    copytree(tmp_path / "j", tmp_path / "copy")
    (tmp_path / "copy" / left).write_bytes(b"half of it")
    again = Venue(tmp_path / "copy", venue.clock)
    again.orders = venue.orders
    assert again.exchange.state_digest() == venue.exchange.state_digest()
    assert b"half of it" not in b"".join(path.read_bytes() for path in (tmp_path / "copy").iterdir())
    again.limit(accounts[0], Side.BUY, P, 100)
    assert crashed(again, tmp_path / "later").exchange.state_digest() == again.exchange.state_digest()


def test_an_order_that_cannot_be_journalled_is_as_if_it_had_not_been_tried(tmp_path: Path) -> None:
    venue = Venue(tmp_path / "j")
    account = venue.account("a")
    before = venue.exchange.state_digest()
    soft, hard = getrlimit(RLIMIT_FSIZE)
    setrlimit(RLIMIT_FSIZE, (venue.exchange.journal_bytes + 20, hard))
    try:
        with pytest.raises(JournalError, match=r"journal\.0 cannot be written: File too large"):
            venue.limit(account, Side.BUY, P, 100)
    finally:
        setrlimit(RLIMIT_FSIZE, (soft, hard))
    assert venue.exchange.state_digest() == before
    assert crashed(venue, tmp_path / "copy").exchange.state_digest() == before
    venue.limit(account, Side.BUY, P, 100)
    assert crashed(venue, tmp_path / "later").exchange.state_digest() == venue.exchange.state_digest()


def test_a_journal_of_an_older_form_is_refused_in_one_line(tmp_path: Path) -> None:
    first = orjson.dumps(["numatix simulator 1", 1, [], 0])
    (tmp_path / "journal.0").write_bytes(b"%08x %s\n" % (crc32(first), first))
    with pytest.raises(JournalError, match="is not in the format 'numatix simulator 5': start with another directory"):
        Venue(tmp_path)
