"""What the ticket says: the button, the preview and the reason why it cannot be sent."""

from __future__ import annotations

from decimal import Decimal

from components.ticket_form import TicketForm, TicketMarket
from components.ticket_preview import preview
from components.ticket_view import Note, ticket_view
from engine.domain.draft import OrderDraft
from engine.domain.values import OrderType, Price, Quantity, Side
from tests.components.makers import BTC, balances, book


def form() -> TicketForm:
    ticket = TicketForm(BTC)
    ticket.see(TicketMarket(Decimal(100), book(), balances(USDT="1000", BTC="2")))
    return ticket


def view(ticket: TicketForm, note: Note | None = None, lock: str | None = None) -> dict[str, object]:
    return ticket_view(ticket, note=note, lock=lock, draft_id="d", seq=0)


def test_the_button_says_what_it_will_do() -> None:
    ticket = form()
    assert view(ticket)["button"] == "Buy BTC"
    ticket.edit("quantity", "0.0389")
    assert view(ticket)["button"] == "Buy 0.0389 BTC"
    ticket.choose_type(OrderType.MARKET)
    ticket.choose_side(Side.SELL)
    ticket.edit("total", "100")
    assert view(ticket)["button"] == "Sell BTC for 100.00 USDT"


def test_an_empty_ticket_asks_calmly() -> None:
    shown = view(form())
    assert (shown["can_send"], shown["reason"], shown["tone"]) == (False, "Enter a quantity or a total.", "")


def test_a_reason_names_the_fault_and_marks_the_field() -> None:
    ticket = form()
    ticket.edit("quantity", "0.000001")
    shown = view(ticket)
    assert shown["can_send"] is False
    assert shown["wrong"] == "quantity"
    assert "multiple of 0.00001" in str(shown["reason"])


def test_too_little_balance_is_said_in_figures() -> None:
    ticket = form()
    ticket.edit("quantity", "20")
    assert "needs 2,000 USDT, 1,000 USDT are free" in str(view(ticket)["reason"])


def test_a_lock_stands_above_everything_else() -> None:
    ticket = form()
    ticket.edit("quantity", "0.1")
    shown = view(ticket, note=Note("Sent", "good"), lock="Orders wait for the venue.")
    assert (shown["can_send"], shown["reason"], shown["tone"]) == (False, "Orders wait for the venue.", "doubt")


def test_a_note_does_not_stop_the_next_order() -> None:
    ticket = form()
    ticket.edit("quantity", "0.1")
    shown = view(ticket, note=Note("Sent", "good"))
    assert (shown["can_send"], shown["reason"], shown["tone"]) == (True, "Sent", "good")


def market(side: Side, quantity: str | None = None, total: str | None = None) -> OrderDraft:
    return OrderDraft(
        "BTC/USDT",
        side,
        OrderType.MARKET,
        quantity=None if quantity is None else Quantity(Decimal(quantity)),
        quote_quantity=None if total is None else Quantity(Decimal(total)),
    )


def test_the_preview_walks_the_book() -> None:
    met = preview(market(Side.BUY, "2"), book(asks="101x1 103x1"))
    assert met.average == Decimal(102)
    assert met.slippage == Decimal(1) / Decimal(101)
    assert met.short is False


def test_the_preview_by_total_buys_what_the_total_pays_for() -> None:
    met = preview(market(Side.BUY, total="151.5"), book(asks="101x1 101x1"))
    assert (met.average, met.short) == (Decimal(101), False)


def test_the_preview_says_when_the_book_does_not_suffice() -> None:
    assert preview(market(Side.SELL, "9"), book(bids="99x1 98x2")).short is True


def test_a_limit_away_from_the_market_rests() -> None:
    limit = OrderDraft("BTC/USDT", Side.BUY, OrderType.LIMIT, Quantity(Decimal(1)), price=Price(Decimal(90)))
    met = preview(limit, book())
    assert (met.average, met.rests, met.slippage) == (Decimal(90), True, None)
