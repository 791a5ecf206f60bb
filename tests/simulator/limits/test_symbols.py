"""Listings from a file: all symbols of a recorded day, and what is said of a file that will not do."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.simulator.exchange import Exchange
from engine.simulator.filters import Rules
from engine.simulator.listings import default_listings
from engine.simulator.model import NewOrder, OrderType, Side, Status, TimeInForce
from engine.simulator.symbol_files import read_listings
from tests.simulator.process import SimulatorProcess, Trader, plain_client, start_simulator
from tests.simulator.protocol.test_process import run_to_its_end
from tests.simulator.recorded import recorded

SYMBOLS = 1_695


@pytest.fixture(scope="module")
def recorded_symbols() -> Path:
    """Binance's exchangeInfo of October 2021."""
    return recorded("binance_exchangeInfo_2021.txt.gz")


@pytest.fixture(scope="module")
def wide(recorded_symbols: Path) -> Iterator[SimulatorProcess]:
    """A market of every symbol there was."""
    running = start_simulator("--flow", "none", "--symbols", str(recorded_symbols))
    yield running
    assert running.stop() == 0


def symbol(name: str = "AAABBB", **change: object) -> dict[str, object]:
    """A symbol as an exchangeInfo lists it."""
    filters: list[dict[str, object]] = [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000.00", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "minQty": "0.1", "maxQty": "900.0", "stepSize": "0.1"},
        {"filterType": "NOTIONAL", "minNotional": "5", "maxNotional": "500"},
        {"filterType": "MAX_POSITION", "maxPosition": "77.5"},
    ]
    return {"symbol": name, "baseAsset": "AAA", "quoteAsset": "BBB", "filters": filters, **change}


def test_every_recorded_symbol_can_be_listed(recorded_symbols: Path) -> None:
    listings = read_listings(recorded_symbols)
    assert len({listing.symbol for listing in listings}) == SYMBOLS
    rules = [Rules(listing) for listing in listings]
    assert all(rule.min_ticks <= rule.max_ticks and rule.min_lots <= rule.max_lots for rule in rules)
    first = listings[0]
    assert (first.symbol, first.tick, first.lot) == ("ETHBTC", Decimal("0.000001"), Decimal("0.0001"))
    assert (first.min_notional, first.bid_multiplier_up) == (Decimal("0.0001"), Decimal(5))
    assert first.max_market_quantity == Decimal("873.9072")


async def test_they_are_told_fast_and_traded(wide: SimulatorProcess) -> None:
    async with plain_client(wide) as http:
        answer = await http.get("/api/v3/exchangeInfo")
        first = answer.json()
        took: list[float] = []
        for _ in range(5):
            began = time.perf_counter()
            answer = await http.get("/api/v3/exchangeInfo")
            took.append(time.perf_counter() - began)
        assert len(first["symbols"]) == SYMBOLS
        assert answer.json()["symbols"] == first["symbols"]
        assert min(took) < 0.25, "a few milliseconds; the bound is wide for a loaded machine"
        balances = {"BTC": "10", "ETH": "10"}
        one, other = (Trader(http, wide.open_account(balances=balances)) for _ in range(2))
        await one.place("SELL", "LIMIT", "ETHBTC", quantity="1", price="0.06")
        bought = await other.place("BUY", "MARKET", "ETHBTC", quantity="1")
        assert (bought["status"], bought["cummulativeQuoteQty"]) == ("FILLED", "0.06000000")
        tickers = (await http.get("/api/v3/ticker/24hr")).json()
    assert len(tickers) == SYMBOLS


def resident_mb(running: SimulatorProcess) -> float:
    """Memory of the process."""
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def test_they_take_little_memory_and_a_moment(wide: SimulatorProcess, recorded_symbols: Path) -> None:
    assert resident_mb(wide) < 160, "63 MB at the start, 82 once everything was asked for"
    began = time.process_time()
    Exchange(read_listings(recorded_symbols), 1, lambda: 1, None)
    assert time.process_time() - began < 5, "half a second of it is reading the file"


def test_every_one_of_them_can_be_traded_however_odd(recorded_symbols: Path) -> None:
    """The least that its filters allow, at a thousand ticks or its lowest price, from the finest tick to lots of 1."""
    listings = read_listings(recorded_symbols)
    exchange = Exchange(listings, 1, lambda: 1_700_000_000_000, None)
    held = {asset: Decimal(9_000_000) for listing in listings for asset in (listing.base, listing.quote)}
    seller, buyer = (exchange.create_account(name, "secret", held) for name in ("selling-key", "buying-key"))
    for listing in listings:
        rules = Rules(listing)
        ticks = min(max(rules.min_ticks, 1000), rules.max_ticks)
        lots = max(rules.min_lots, rules.lots_for(rules.min_notional, ticks) + 1)
        order = NewOrder(listing.symbol, Side.SELL, OrderType.LIMIT, "sold", price_ticks=ticks, lots=lots)
        if lots > rules.max_lots or rules.max_position is not None:
            continue  # forty have a MAX_POSITION that this buyer is beyond
        exchange.place(seller.account_id, order)
        bought, fills = exchange.place(
            buyer.account_id, replace(order, side=Side.BUY, client_order_id="bought", time_in_force=TimeInForce.IOC)
        )
        assert (bought.status, sum(fill.lots for fill in fills)) == (Status.FILLED, lots), listing
        assert bought.filled_quote_atoms == rules.quote_atoms(ticks, lots)
        exchange.cancel_all(seller.account_id, listing.symbol)
    traded = [listing for listing in listings if exchange.last_price(listing.symbol)]
    assert len(traded) > 1_500
    assert {listing.tick for listing in traded} >= {Decimal("0.00000001"), Decimal("0.01")}
    assert all(exchange.total(asset) == 2 * int(quantity * 10**8) for asset, quantity in held.items())


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_file_is_read_plain_or_packed_and_whatever_stands_around_the_json(tmp_path: Path, packed: bool) -> None:
    text = f"https://somewhere -> 5: {json.dumps({'symbols': [symbol()]})}\nmore: {{}}\n".encode()
    path = tmp_path / "symbols"
    path.write_bytes(gzip.compress(text) if packed else text)
    (listing,) = read_listings(path)
    assert (listing.symbol, listing.max_notional, listing.max_position) == ("AAABBB", Decimal(500), Decimal("77.5"))
    assert listing.max_market_quantity == Decimal(900)


def test_what_this_exchange_lists_can_be_read_back(simulator: SimulatorProcess, tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    with simulator.operator() as operator:
        path.write_bytes(operator.get("/api/v3/exchangeInfo").content)
    assert read_listings(path) == default_listings()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "no exchangeInfo"),
        (b"{}", "no exchangeInfo"),
        (b"[1]", "no exchangeInfo"),
        (b"\x1f\x8b broken", "no exchangeInfo"),
        (b"\xff{", "no exchangeInfo"),
        (b'{"symbols": []}', "lists no symbol"),
        (b'{"symbols": [5]}', "cannot be listed"),
        (json.dumps({"symbols": [symbol(filters=[])]}).encode(), "'AAABBB' .* cannot be listed"),
        (json.dumps({"symbols": [symbol(filters=None)]}).encode(), "'AAABBB' .* cannot be listed"),
    ],
)
def test_a_file_that_lists_nothing_is_refused_in_a_sentence(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "symbols.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=complaint):
        read_listings(path)


def test_a_start_with_a_bad_file_ends_in_one_line(tmp_path: Path) -> None:
    missing: Any = tmp_path / "nowhere.json"
    ended = run_to_its_end("--port", "0", "--flow", "none", "--symbols", str(missing))
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1), ended.stderr
    assert str(missing) in ended.stderr
