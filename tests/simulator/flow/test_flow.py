"""The word that chooses who else trades, and what is said about a wrong one."""

from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path

import pytest

from engine.simulator.flow import EmptyFlow, build_flow
from engine.simulator.listings import default_listings, default_profiles
from engine.simulator.replay import ReplayFlow
from engine.simulator.synthetic import SyntheticFlow
from tests.simulator.flow.conftest import OpenExchange


def test_each_word_builds_its_flow(open_exchange: OpenExchange, tmp_path: Path) -> None:
    capture = tmp_path / "day@home.gz"
    capture.write_bytes(gzip.compress(b""))
    exchange = open_exchange()
    assert isinstance(build_flow("synthetic", exchange, 1), SyntheticFlow)
    assert isinstance(build_flow("none", exchange, 1), EmptyFlow)
    for speed in ("0", "0.1", "1", "10", "100", "max"):
        assert isinstance(build_flow(f"replay:{capture}@{speed}", exchange, 1), ReplayFlow)


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("", "flow '' is unknown: use synthetic, none, replay:FILE@SPEED or mirror:VENUE"),
        ("mirror", "flow 'mirror' lacks a venue: write mirror:VENUE[:SYMBOLS]"),
        ("synthetic:9", "flow 'synthetic:9' is unknown"),
        ("replay", "lacks a file or a speed: write replay:FILE@SPEED"),
        ("replay:day.gz", "lacks a file or a speed"),
        ("replay:@1", "lacks a file or a speed"),
        ("replay:/no/such/day.gz@1", "there is no file '/no/such/day.gz'"),
        ("replay:{file}@fast", "speed 'fast' is none: use 0 to step, a number from 0.1 to 100, or max"),
        ("replay:{file}@0.05", "speed '0.05' is none"),
        ("replay:{file}@101", "speed '101' is none"),
        ("replay:{file}@-1", "speed '-1' is none"),
        ("replay:{file}@nan", "speed 'nan' is none"),
        ("replay:{file}@inf", "speed 'inf' is none"),
        ("replay:{file}@", "speed '' is none"),
        ("replay:{file}@１", "speed '１' is none"),
    ],
)
def test_a_wrong_word_is_answered_with_one_sentence(
    open_exchange: OpenExchange, tmp_path: Path, spec: str, sentence: str
) -> None:
    capture = tmp_path / "day.gz"
    capture.write_bytes(b"")
    with pytest.raises(ValueError, match=r"^flow ") as caught:
        build_flow(spec.replace("{file}", str(capture)), open_exchange(), 1)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_market_stays_empty(open_exchange: OpenExchange) -> None:
    exchange = open_exchange()
    flow = build_flow("none", exchange, 1)
    flow.prepare()
    assert exchange.depth("BTCUSDT").bids == ()
    assert flow.controller is None
    assert flow.status() == {"flow": "none"}


def test_a_journal_of_another_flow_is_refused(open_exchange: OpenExchange) -> None:
    exchange = open_exchange()
    exchange.note("flow", {"flow": "replay", "file": "day.gz"})
    with pytest.raises(ValueError, match="the journal holds a market of flow 'replay'"):
        build_flow("synthetic", exchange, 1).prepare()


def test_every_listing_has_a_profile_and_steps_that_fit_eight_decimals() -> None:
    listings = default_listings()
    assert {listing.symbol for listing in listings} == set(default_profiles())
    assert {listing.base for listing in listings} >= {"BTC", "ETH", "SOL", "BNB", "XRP", "DOGE"}
    for listing in listings:
        assert (listing.tick * listing.lot * 10**8) % 1 == 0
        assert listing.quote == "USDT"
        assert listing.min_notional == Decimal(5)
        assert listing.min_quantity <= listing.max_market_quantity <= listing.max_quantity
