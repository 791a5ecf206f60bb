"""One mirrored market by itself: what is printed once, what is cut, and what the journal brings back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.runtime import SystemClock
from engine.simulator.exchange import Exchange
from engine.simulator.listings import default_listings
from engine.simulator.mirror import BookChange, UpstreamLost, UpstreamTrade
from engine.simulator.mirrored import KNOWN_IDS, OLDEST_TRADE_MS, CannotMirror, MirroredMarket

P = 6_000_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def trade(
    trade_id: str | None = "7",
    ago_ms: int = 0,
    price: str = "60000",
    quantity: str = "0.5",
    buyer_is_maker: bool | None = True,
) -> UpstreamTrade:
    return UpstreamTrade(trade_id, now_ms() - ago_ms, price, quantity, buyer_is_maker)


def book(*bids: tuple[str, str], whole: bool = True, update_id: int = 0) -> BookChange:
    return BookChange(whole, list(bids), [], update_id)


class Stage:
    """A mirrored BTCUSDT and what it has printed."""

    def __init__(self, journal: Path | None = None) -> None:
        self.exchange = Exchange(default_listings(), 1, now_ms, journal)
        self.market = MirroredMarket(self.exchange, self.exchange.listings["BTCUSDT"], SystemClock())
        self.market.begin()

    @property
    def lots(self) -> list[int]:
        return [row.lots for row in self.exchange.trades("BTCUSDT", limit=1000)]

    @property
    def bids(self) -> dict[int, int]:
        return dict(self.exchange.depth("BTCUSDT", 1000).bids)


@pytest.fixture
def stage() -> Iterator[Stage]:
    staged = Stage()
    yield staged
    staged.exchange.close()


def test_a_trade_is_printed_once_however_often_it_comes(stage: Stage) -> None:
    stage.market.print([trade("7"), trade("8", quantity="0.1")])
    stage.market.print([trade("7"), trade("8", quantity="0.1"), trade("9", quantity="0.2")])
    stage.market.begin()
    stage.market.print([trade("9", quantity="0.2"), trade("10", quantity="0.3")])
    assert stage.lots == [50_000, 10_000, 20_000, 30_000]
    assert stage.market.counts.repeated == 3


def test_what_was_traded_before_the_connection_is_history(stage: Stage) -> None:
    stage.market.print([trade("1", ago_ms=OLDEST_TRADE_MS + 2_000), trade("2", ago_ms=1_000, quantity="0.1")])
    assert stage.lots == [10_000]


def test_after_a_reconnect_nothing_older_than_the_newest_is_printed(stage: Stage) -> None:
    newest = now_ms()
    stage.market.print([UpstreamTrade("5", newest, "60000", "0.1", True)])
    stage.market.begin()
    stage.market.print([UpstreamTrade("4", newest - 1, "60000", "0.2", True)])
    stage.market.print([UpstreamTrade("6", newest, "60000", "0.3", True)])
    stage.market.print([UpstreamTrade(None, newest, "60000", "0.4", True)])
    stage.market.print([UpstreamTrade(None, newest + 1, "60000", "0.5", True)])
    assert stage.lots == [10_000, 30_000, 50_000]


def test_trades_without_ids_are_all_printed_while_the_connection_lasts(stage: Stage) -> None:
    stage.market.print([trade(None), trade(None)])
    assert stage.lots == [50_000, 50_000]


def test_the_ids_that_are_remembered_have_a_bound(stage: Stage) -> None:
    stage.market.print([trade(f"{number}", quantity="0.00001") for number in range(KNOWN_IDS + 10)])
    stage.market.print([trade("0", quantity="0.1"), trade(f"{KNOWN_IDS}", quantity="0.2")])
    assert stage.lots[-1] == 10_000


@pytest.mark.parametrize(
    ("trade_id", "expected"),
    [("12", 12), ("9007199254740992", 9007199254740992), ("9007199254740993", 1), ("a1-b2", 1), ("٣", 1), (None, 1)],
)
def test_an_id_that_clients_can_hold_is_kept(stage: Stage, trade_id: str | None, expected: int) -> None:
    stage.market.print([trade(trade_id)])
    assert stage.exchange.trades("BTCUSDT", limit=1)[0].trade_id == expected


@pytest.mark.parametrize(("price", "expected"), [("60000.00", True), ("59999.99", True), ("60000.01", False)])
def test_a_trade_of_unknown_side_is_a_sale_where_it_reaches_a_bid(stage: Stage, price: str, expected: bool) -> None:
    stage.market.apply(book(("60000", "1")))
    stage.market.print([trade(price=price, buyer_is_maker=None)])
    assert stage.exchange.trades("BTCUSDT", limit=1)[0].buyer_is_maker is expected


def test_figures_are_read_as_ccxt_gives_them(stage: Stage) -> None:
    stage.market.apply(book(("60000.1", "0.123456789"), ("60000", "0.00000001"), ("59999.99", "12")))
    assert stage.bids == {P + 10: 12_345, P: 1, P - 1: 1_200_000}


def test_what_is_larger_or_dearer_than_here_possible_is_cut_or_left_out(stage: Stage) -> None:
    stage.market.apply(book(("60000", "1"), ("1000000.01", "1")))
    stage.market.print([trade("1", quantity="9000.5"), trade("2", price="1000000.01"), trade("3", quantity="0")])
    assert stage.bids == {P: 100_000}
    assert stage.lots == [900_000_000]
    assert (stage.market.counts.cut, stage.market.counts.beyond) == (1, 3)


def test_a_price_between_two_ticks_cannot_be_mirrored(stage: Stage) -> None:
    with pytest.raises(CannotMirror, match=r"BTC/USDT at 60000.005: .* not a whole number of ticks of 0.01 here"):
        stage.market.apply(book(("60000.005", "1")))


def test_a_whole_book_replaces_what_was_there_and_a_change_does_not(stage: Stage) -> None:
    stage.market.apply(book(("60000", "1"), ("59999", "2"), update_id=500))
    stage.market.apply(book(("60000", "0"), ("59998", "3"), whole=False, update_id=510))
    assert stage.bids == {P - 100: 200_000, P - 200: 300_000}
    assert stage.exchange.depth("BTCUSDT").last_update_id == 510
    stage.market.apply(book(("59000", "4"), update_id=3))
    assert stage.bids == {P - 100_000: 400_000}
    assert stage.exchange.depth("BTCUSDT").last_update_id > 510, "ids go on growing when the venue's begin anew"


def test_a_change_of_a_book_that_was_taken_down_ends_the_connection(stage: Stage) -> None:
    stage.market.apply(book(("60000", "1")))
    stage.market.withdraw()
    assert stage.bids == {}
    with pytest.raises(UpstreamLost):
        stage.market.apply(book(("60000", "2"), whole=False))


def test_a_restart_knows_what_was_printed_and_how_old_the_book_is(tmp_path: Path) -> None:
    first = Stage(tmp_path)
    seen = trade("7")
    first.market.apply(book(("60000", "1")))
    first.market.print([seen])
    first.exchange.close()
    second = Stage(tmp_path)
    assert second.market.shown
    assert second.market.age_s < 30
    second.market.print([seen, replace(seen, trade_id="8")])
    assert second.lots == [50_000, 50_000]
    second.exchange.close()
