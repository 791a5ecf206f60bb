"""The table's rows: what of an order, a fill and a balance is shown, and how."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from components.blotter_rows import TABS, balance_row, fill_row, history_row, open_row
from engine.domain.fills import Fill
from engine.domain.order import OrderStatus
from engine.domain.position import Balance
from engine.domain.values import Liquidity, OrderType, Price, Quantity, Side
from tests.components.makers import BTC, NOON, order

MARKETS = {"BTC/USDT": BTC}


def cells(row: dict[str, Any]) -> list[Any]:
    return row["cells"]


def test_every_table_has_as_many_cells_as_columns() -> None:
    fill = Fill(
        "f",
        "o1",
        "a1",
        "BTC/USDT",
        Side.BUY,
        "1",
        Price(Decimal(100)),
        Quantity(Decimal(1)),
        Decimal("0.001"),
        "BTC",
        Liquidity.MAKER,
        NOON,
    )
    rows = {
        "open": open_row(order(), MARKETS),
        "history": history_row(order(), MARKETS),
        "fills": fill_row(fill, Side.BUY, MARKETS),
        "balances": balance_row(Balance("BTC", Decimal(1), Decimal(0)), Decimal(100), "USDT", 1),
    }
    assert {tab.name: len(tab.columns) for tab in TABS} == {name: len(cells(row)) for name, row in rows.items()}


def test_an_open_order_can_be_cancelled_once() -> None:
    assert cells(open_row(order(), MARKETS))[-1] == {"cancel": "can", "id": "o1"}
    assert cells(open_row(order(cancel_requested_at=NOON), MARKETS))[-1]["cancel"] == "sent"


def test_rows_are_keyed_by_the_order_and_sorted_by_its_birth() -> None:
    older, newer = order(), order(id="o2", created_at=NOON + timedelta(seconds=1))
    assert [open_row(o, MARKETS)["key"] for o in (older, newer)] == ["o1", "o2"]
    assert open_row(newer, MARKETS)["order"] - open_row(older, MARKETS)["order"] == 1000


def test_an_order_in_doubt_counts_its_seconds_in_the_browser() -> None:
    pill = cells(open_row(order(status=OrderStatus.UNKNOWN, submitted_at=NOON), MARKETS))[6]
    assert (pill["text"], pill["kind"]) == ("Unknown · asking", "pill doubt")
    assert pill["since"] == NOON.timestamp() * 1000


def test_a_market_order_by_total_shows_its_total_until_it_is_filled() -> None:
    by_total = order(type=OrderType.MARKET, price=None, quantity=None, quote_quantity=Quantity(Decimal(250)))
    assert cells(history_row(by_total, MARKETS))[3] == "market"
    assert cells(history_row(by_total, MARKETS))[5] == "for 250.00 USDT"
    filled = order(
        type=OrderType.MARKET,
        price=None,
        quantity=None,
        quote_quantity=Quantity(Decimal(250)),
        status=OrderStatus.FILLED,
        filled_quantity=Quantity(Decimal("2.5")),
        average_price=Price(Decimal(100)),
    )
    assert cells(history_row(filled, MARKETS))[4:7] == ["100.00", "2.50000", "100 %"]


def test_an_asset_without_a_price_has_no_worth() -> None:
    assert cells(balance_row(Balance("XYZ", Decimal(3), Decimal(1)), None, "USDT", 1)) == ["XYZ", "3", "1", "4", "–"]


def test_a_conditional_order_says_where_it_triggers() -> None:
    def price_of(**fields: Any) -> str:
        return cells(open_row(order(**fields), MARKETS))[3]

    stop = {"stop_price": Price(Decimal(95_000))}
    assert price_of(type=OrderType.STOP_LOSS, price=None, **stop) == "stop 95,000.00"
    assert price_of(type=OrderType.STOP_LOSS_LIMIT, price=Price(Decimal(94_000)), **stop) == "94,000.00, stop 95,000.00"
    assert price_of(type=OrderType.STOP_LOSS, price=None, trailing_delta=150) == "trails 1.5 %"
    assert price_of(type=OrderType.MARKET, price=None) == "market"
