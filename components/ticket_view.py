"""What the ticket shows, worked out anew from the form: figures, the preview, the button's words and the reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from components.format import asset_quantity, grouped
from components.ticket_form import TicketForm
from engine.domain.draft import OrderDraft
from engine.domain.values import OrderType, Refusal, Side, decimal_text

FIELD_OF = {"quote_quantity": "total", "time_in_force": ""}
NEUTRAL = {"missing_field"}
LONG_FIGURE = re.compile(r"(?<![\d.,])\d{4,}", re.ASCII)
"""The whole part of a figure that wants its thousands grouped."""
SIDE_VERBS = {Side.BUY: "Buy", Side.SELL: "Sell"}


@dataclass(frozen=True, slots=True)
class Note:
    """A word to the user that stands until they touch the ticket again."""

    words: str
    tone: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the ticket can be sent as it stands, and if not, why and by which field."""

    draft: OrderDraft | None
    reason: str
    tone: str
    wrong: str


def judge(form: TicketForm, lock: str | None) -> Verdict:
    """The same checks as the HTTP interface's, on the same raw text."""
    draft = None
    try:
        draft = form.draft()
        if lock is not None:
            return Verdict(draft, lock, "doubt", "")
        form.check(draft)
    except Refusal as refusal:
        field = FIELD_OF.get(refusal.field or "", refusal.field or "")
        if refusal.code in NEUTRAL:
            return Verdict(None, lock or f"{refusal.message}{_free_words(form)}", "doubt" if lock else "", "")
        return Verdict(draft, lock or _in_ticket_words(refusal), "doubt" if lock else "bad", "" if lock else field)
    return Verdict(draft, "", "", "")


def ticket_view(form: TicketForm, *, note: Note | None, lock: str | None, draft_id: str, seq: int) -> dict[str, Any]:
    """All that the browser shows of the ticket, as one message."""
    verdict = judge(form, lock)
    can_send = verdict.draft is not None and not verdict.reason
    shown = note if note is not None and lock is None else Note(verdict.reason, verdict.tone)
    return {
        "side": form.side,
        "type": "market" if form.type is OrderType.MARKET else "limit",
        "force": form.force,
        "master": form.master,
        "manual": form.manual,
        "price": form.price,
        "quantity": form.quantity,
        "total": form.total,
        "percent": form.percent,
        "versions": dict(form.versions),
        "preview": _preview_rows(form, verdict.draft),
        "button": button_words(form, verdict.draft),
        "can_send": can_send,
        "reason": shown.words,
        "tone": shown.tone,
        "wrong": verdict.wrong,
        "draft": draft_id,
        "seq": seq,
    }


def button_words(form: TicketForm, draft: OrderDraft | None) -> str:
    """What pressing will do: Buy 0.0389 BTC, Sell BTC for 100.00 USDT, or just Buy BTC while nothing is entered."""
    verb, of = SIDE_VERBS[form.side], form.instrument
    if draft is not None and draft.quantity:
        return f"{verb} {decimal_text(draft.quantity)} {of.base}"
    if draft is not None and draft.quote_quantity:
        return f"{verb} {of.base} for {asset_quantity(draft.quote_quantity, of.quote)} {of.quote}"
    return f"{verb} {of.base}"


def _preview_rows(form: TicketForm, draft: OrderDraft | None) -> list[tuple[str, str]]:
    asset, free = form.free()
    rows = [("Free", f"{asset_quantity(free, asset)} {asset}" if free is not None else "–")]
    if draft is None or not (draft.quantity or draft.quote_quantity):
        return [*rows, ("Average price", "–"), ("Slippage", "–")]
    met = form.preview(draft)
    average = grouped(met.average, form.instrument.price_decimals) if met.average is not None else "–"
    if met.rests:
        slippage = "rests in the book"
    elif met.slippage is None:
        slippage = "–"
    else:
        slippage = f"{met.slippage * 100:.3f} %{' or more' if met.short else ''}"
    return [*rows, ("Average price", average), ("Slippage", slippage)]


def _free_words(form: TicketForm) -> str:
    asset, free = form.free()
    return "" if free is None or free > Decimal(0) else f" There is no free {asset} in this account."


def _in_ticket_words(refusal: Refusal) -> str:
    words = LONG_FIGURE.sub(lambda figure: f"{int(figure[0]):,}", refusal.message.replace("quote_quantity", "total"))
    return words[:1].upper() + words[1:]
