"""The word that chooses what is mirrored."""

from __future__ import annotations

import pytest

from engine.simulator.listings import default_listings
from engine.simulator.mirror import check_venue
from engine.simulator.sources import MOST_SYMBOLS, Source, parse_source

LISTINGS = {listing.symbol: listing for listing in default_listings()}
SIX = tuple(LISTINGS)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("kraken", Source("kraken", None, SIX)),
        ("kraken:BTCUSDT", Source("kraken", None, ("BTCUSDT",))),
        ("okx:ETH/USDT,BTCUSDT", Source("okx", None, ("ETHUSDT", "BTCUSDT"))),
        ("binance@http://127.0.0.1:8090", Source("binance", "http://127.0.0.1:8090", SIX)),
        ("binance:BTCUSDT@https://host/", Source("binance", "https://host", ("BTCUSDT",))),
        ("binance@http://[::1]:8090", Source("binance", "http://[::1]:8090", SIX)),
    ],
)
def test_a_source_is_read(text: str, source: Source) -> None:
    assert parse_source(f"mirror:{text}", text, LISTINGS) == source


def test_an_own_address_speaks_as_binance_does() -> None:
    source = parse_source("mirror", "binance@https://host:1", LISTINGS)
    assert (source.rest_url, source.ws_url) == ("https://host:1/api/v3", "wss://host:1/stream/ws")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "lacks a venue"),
        (":BTCUSDT", "lacks a venue"),
        ("Kraken", "lacks a venue"),
        ("../ccxt", "lacks a venue"),
        ("kraken:PEPEUSDT", "'PEPEUSDT' is not listed here"),
        ("kraken:BTCUSDT,", "'' is not listed here"),
        ("kraken@http://127.0.0.1:1", "only binance can be found at another address"),
        ("binance@", "'' is no address"),
        ("binance@127.0.0.1:1", "is no address"),
        ("binance@ftp://host", "is no address"),
        ("binance@http://", "is no address"),
        ("binance@http://host:99999", "is no address"),
        ("binance@http://host/path", "is no address"),
        ("binance@http://user:secret@host", "is no address"),
        ("binance@http://host?x=1", "is no address"),
    ],
)
def test_a_wrong_source_is_answered_with_one_sentence(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=r"^flow 'mirror:") as caught:
        parse_source(f"mirror:{text}", text, LISTINGS)
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)


def test_symbols_have_a_bound_and_must_be_there() -> None:
    many = {f"X{number}USDT": LISTINGS["BTCUSDT"] for number in range(MOST_SYMBOLS + 1)}
    with pytest.raises(ValueError, match="must name 1 to 50 symbols"):
        parse_source("mirror", "kraken:" + ",".join(many), many)
    with pytest.raises(ValueError, match="must name 1 to 50 symbols"):
        parse_source("mirror", "kraken", many)


def test_a_venue_must_be_one_that_ccxt_can_stream() -> None:
    check_venue("binance")
    with pytest.raises(ValueError, match="there is no venue 'nasdaq'"):
        check_venue("nasdaq")
    with pytest.raises(ValueError, match="there is no venue 'exchanges'"):
        check_venue("exchanges")
