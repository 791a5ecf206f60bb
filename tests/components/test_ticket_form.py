"""The ticket's form: what follows from what, and what it makes of raw text."""

from __future__ import annotations

from decimal import Decimal

import pytest

from components.ticket_form import Entry, Force, Master, TicketForm, TicketMarket
from engine.domain.values import OrderType, Refusal, Side, TimeInForce
from tests.components.makers import BTC, balances, book, order


def form(last: str = "100.00", **free: str) -> TicketForm:
    ticket = TicketForm(BTC)
    ticket.see(TicketMarket(Decimal(last), book(), balances(**(free or {"USDT": "1000", "BTC": "2"}))))
    return ticket


def test_the_price_follows_the_market_until_it_is_edited() -> None:
    ticket = form("100.00")
    ticket.see(TicketMarket(Decimal("101.5")))
    assert ticket.price == "101.50"
    ticket.edit("price", "90")
    ticket.see(TicketMarket(Decimal("102")))
    assert (ticket.price, ticket.manual) == ("90", True)
    ticket.reset_price()
    assert (ticket.price, ticket.manual) == ("102.00", False)


def test_the_total_follows_the_quantity_and_the_price() -> None:
    ticket = form("100.00")
    ticket.edit("quantity", "0.5")
    assert ticket.total == "50.00"
    ticket.see(TicketMarket(Decimal("110")))
    assert ticket.total == "55.00"


def test_the_quantity_follows_the_total_down_to_the_lot() -> None:
    ticket = form("30.00")
    ticket.edit("total", "100")
    assert ticket.quantity == "3.33333"


def test_typing_never_raises_the_version_of_the_field_that_is_typed_in() -> None:
    ticket = form()
    before = dict(ticket.versions)
    ticket.edit("quantity", "0.5")
    assert ticket.versions["quantity"] == before["quantity"]
    assert ticket.versions["total"] > before["total"]


def test_percent_spends_a_share_of_what_is_free_and_never_more() -> None:
    ticket = form("30.00", USDT="1000", BTC="0.123456789")
    ticket.set_percent(100)
    assert ticket.quantity == "33.33333"
    assert Decimal(ticket.quantity) * 30 <= 1000
    ticket.choose_side(Side.SELL)
    assert ticket.quantity == "0.12345"


def test_percent_holds_while_the_price_moves_and_ends_with_an_edit() -> None:
    ticket = form("100.00")
    ticket.set_percent(50)
    ticket.see(TicketMarket(Decimal(50), book(), balances(USDT="1000")))
    assert ticket.quantity == "10.00000"
    ticket.edit("quantity", "1")
    assert ticket.percent is None


def test_a_market_buy_by_percent_spends_an_exact_total() -> None:
    ticket = form("30.00")
    ticket.choose_type(OrderType.MARKET)
    ticket.set_percent(25)
    draft = ticket.draft()
    assert (draft.quote_quantity, draft.quantity, draft.price) == (Decimal("250.00"), None, None)


def test_a_limit_draft_carries_price_quantity_and_force() -> None:
    ticket = form()
    ticket.edit("price", "99.5")
    ticket.edit("quantity", "0.1")
    ticket.choose_force(Force.IOC)
    draft = ticket.draft()
    assert (draft.type, draft.price, draft.quantity) == (OrderType.LIMIT, Decimal("99.5"), Decimal("0.1"))
    assert draft.time_in_force is TimeInForce.IOC


def test_post_only_is_an_order_type_of_its_own() -> None:
    ticket = form()
    ticket.edit("quantity", "0.1")
    ticket.choose_force(Force.POST)
    assert ticket.draft().type is OrderType.LIMIT_MAKER


@pytest.mark.parametrize("text", ["NaN", "1e309", "-1", "１２", "0x1", "1,000", " 1", "9" * 5000])
def test_what_is_no_plain_decimal_is_refused_by_its_field(text: str) -> None:
    ticket = form()
    ticket.edit("quantity", text)
    with pytest.raises(Refusal) as caught:
        ticket.draft()
    assert (caught.value.code, caught.value.field) == ("not_a_decimal", "quantity")


def test_what_was_seen_at_the_press_is_what_is_sent() -> None:
    ticket = form()
    ticket.edit("quantity", "0.1")
    seen = Entry(Side.SELL, OrderType.LIMIT, Force.GTC, Master.QUANTITY, "120", "0.2", "24")
    ticket.choose_side(Side.BUY)
    draft = ticket.draft(seen)
    assert (draft.side, draft.price, draft.quantity) == (Side.SELL, Decimal(120), Decimal("0.2"))


def test_the_balance_is_judged_with_orders_that_are_still_on_their_way() -> None:
    ticket = form("100.00", USDT="60")
    ticket.edit("quantity", "0.5")
    ticket.check(ticket.draft())
    waiting = order(status="PENDING", quantity=Decimal("0.5"), price=Decimal(100))
    ticket.see(TicketMarket(Decimal(100), book(), balances(USDT="60"), ((waiting, BTC),)))
    with pytest.raises(Refusal, match="free"):
        ticket.check(ticket.draft())


def test_a_picked_price_is_a_manual_limit_price() -> None:
    ticket = form()
    ticket.choose_type(OrderType.MARKET)
    ticket.set_price("98.00")
    assert (ticket.type, ticket.price, ticket.manual) == (OrderType.LIMIT, "98.00", True)


def test_after_an_order_the_figures_are_empty_and_the_rest_stays() -> None:
    ticket = form()
    ticket.edit("price", "90")
    ticket.edit("quantity", "0.1")
    ticket.clear_figures()
    assert (ticket.price, ticket.manual, ticket.quantity, ticket.total) == ("90", True, "", "")
