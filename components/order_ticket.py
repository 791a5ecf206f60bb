"""The order ticket's widget: the browser's raw text goes into a `TicketForm`, its view comes back in one message."""

# pyright: reportUnknownMemberType=false
# NiceGUI's event arguments are untyped.

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from components.chart import LIBRARY
from components.ticket_form import Entry, Force, Master, TicketForm, TicketMarket
from components.ticket_view import Note, button_words, ticket_view
from engine.domain.draft import OrderDraft
from engine.domain.values import OrderType, Refusal, Side

OLDEST_PRESS_MS = 2_000
TOO_OLD = "That press came too late to be trusted and nothing was sent: press again."


class OrderTicket(Element, component="order_ticket.js", esm={"numatix": str(LIBRARY)}):
    """`send(draft)` records the order or raises a Refusal; `new_id()` makes a client order id; `now_ms()` is the
    server's clock; `on_account(id)` tells of another account."""

    def __init__(
        self,
        form: TicketForm,
        accounts: Sequence[tuple[str, str]],
        *,
        send: Callable[[OrderDraft], Awaitable[None]],
        on_account: Callable[[str], Awaitable[None]],
        new_id: Callable[[], str],
        now_ms: Callable[[], int],
    ) -> None:
        super().__init__()
        self.form = form
        self._accounts = list(accounts)
        self.account_id = accounts[0][0] if accounts else ""
        self._send, self._on_account, self._new_id, self._now_ms = send, on_account, new_id, now_ms
        self._draft_id = new_id()
        self._seq = 0
        self._note: Note | None = None
        self._lock: str | None = None
        self._shown = self._view()
        self._props["meta"] = {"base": form.instrument.base, "quote": form.instrument.quote}
        self._props["start"] = self._shown
        self.on("edit", self._edit)
        self.on("choose", self._choose)
        self.on("chip", self._chip)
        self.on("percent", self._percent)
        self.on("press", self._press)

    # --- what the page calls

    def see(self, market: TicketMarket) -> None:
        """The market or the balances moved."""
        self.form.see(market)
        self._show()

    def lock(self, words: str | None) -> None:
        """Say why nothing can be sent now; None when it can."""
        if words != self._lock:
            self._lock = words
            self._show()

    def pick_price(self, text: str) -> None:
        self.form.set_price(text)
        self._touched()

    def choose(self, meaning: str) -> None:
        """A key's or a button's word: buy, sell, limit or market."""
        if meaning in set(Side):
            self.form.choose_side(Side(meaning))
        elif meaning in {"limit", "market"}:
            self.form.choose_type(OrderType(meaning))
        self._touched()

    def set_accounts(self, accounts: Sequence[tuple[str, str]], chosen: str) -> None:
        self._accounts, self.account_id = list(accounts), chosen
        self._show()

    # --- what the browser says

    def _edit(self, event: GenericEventArguments) -> None:
        name, text, seq = _arguments(event, 3)
        if isinstance(name, str) and isinstance(text, str) and isinstance(seq, int):
            self._seq = seq
            self.form.edit(name, text)
            self._touched()

    async def _choose(self, event: GenericEventArguments) -> None:
        what, value = _arguments(event, 2)
        if what in {"side", "type"} and isinstance(value, str):
            self.choose(value)
        elif what == "force" and value in set(Force):
            self.form.choose_force(Force(value))
            self._touched()
        elif what == "account" and value in {key for key, _ in self._accounts}:
            self.account_id = value
            self._touched()
            await self._on_account(value)

    def _chip(self, event: GenericEventArguments) -> None:
        book = self.form.market.book
        if event.args == "market":
            self.form.reset_price()
        elif book is not None and book.bids and book.asks and event.args in {"bid", "mid", "ask"}:
            tick = self.form.instrument.tick
            price = {"bid": book.bids[0].price, "ask": book.asks[0].price}.get(event.args)
            middle = (book.bids[0].price + book.asks[0].price) / 2 // tick * tick
            self.form.set_price(self.form.instrument.price_text(middle if price is None else price))
        self._touched()

    def _percent(self, event: GenericEventArguments) -> None:
        if isinstance(event.args, int):
            self.form.set_percent(event.args)
            self._touched()

    async def _press(self, event: GenericEventArguments) -> None:
        """Send what the user saw when they pressed: once for each draft, and never an old press."""
        pressed = _pressed(event.args)
        if pressed is None or pressed[0] != self._draft_id:
            return
        draft_id, stamp_ms, entry = pressed
        self._draft_id = self._new_id()
        try:
            if not -OLDEST_PRESS_MS < self._now_ms() - stamp_ms < OLDEST_PRESS_MS:
                raise Refusal("stale_press", TOO_OLD)
            draft = self.form.draft(entry)
            self.form.check(draft)
            await self._send(replace(draft, client_order_id=draft_id, account_id=self.account_id or None))
        except Refusal as refusal:
            self._note = Note(refusal.message[:1].upper() + refusal.message[1:], "bad")
        except BaseException:
            # Whether it was recorded is not known: the same id again makes a second press harmless.
            self._draft_id = draft_id
            self._note = Note("The desk could not record the order: look at the table, then press again.", "doubt")
            raise
        else:
            self._note = Note(f"Sent: {button_words(self.form, draft)}.", "good")
            self.form.clear_figures()
        finally:
            self.run_method("release")
            self._show()

    # --- showing

    def _touched(self) -> None:
        self._note = None
        self._show()

    def _show(self) -> None:
        view = self._view()
        if view != self._shown:
            self._shown = view
            self._props["start"] = view
            self.run_method("show", view)

    def _view(self) -> dict[str, Any]:
        view = ticket_view(self.form, note=self._note, lock=self._lock, draft_id=self._draft_id, seq=self._seq)
        return {**view, "accounts": self._accounts, "account": self.account_id}


def _arguments(event: GenericEventArguments, count: int) -> tuple[Any, ...]:
    """Exactly so many arguments, whatever the browser sent."""
    given = cast("list[Any]", event.args) if isinstance(event.args, list) else [event.args]
    return tuple((given + [None] * count)[:count])


def _pressed(told: object) -> tuple[str, float, Entry] | None:
    """The draft's id, the press's time and what the fields showed; None when the message is not a press."""
    if not isinstance(told, Mapping):
        return None
    message = cast("Mapping[str, Any]", told)
    texts = [message.get(name) for name in ("price", "quantity", "total", "draft")]
    stamp = message.get("stamp")
    if (
        not all(isinstance(text, str) for text in texts)
        or isinstance(stamp, bool)
        or not isinstance(stamp, int | float)
    ):
        return None
    choices = (message.get("side"), message.get("type"), message.get("force"), message.get("master"))
    side, order_type, force, master = choices
    if side not in set(Side) or order_type not in {"limit", "market"} or force not in set(Force):
        return None
    price, quantity, total, draft_id = cast("list[str]", texts)
    kinds = (
        Side(side),
        OrderType(order_type),
        Force(force),
        Master(master) if master in set(Master) else Master.QUANTITY,
    )
    return draft_id, float(stamp), Entry(*kinds, price, quantity, total)
