"""What moves on the desk: a session's feeds pumped into the widgets, and the widgets' callbacks into the Desk."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from nicegui import ui

from components.account_summary import AccountSummary
from components.blotter import Blotter
from components.chart import Chart, OrderLine
from components.format import SIDE_WORDS
from components.market_widgets import BookPanel
from components.order_ticket import OrderTicket
from components.text import Text
from components.theme import Theme
from components.ticket_form import TicketForm, TicketMarket
from engine.domain.draft import OrderDraft
from engine.domain.instrument import Instrument
from engine.domain.market import OrderBook
from engine.domain.messages import OrderChanged
from engine.domain.order import Order, OrderStatus
from engine.domain.position import Balance
from engine.domain.risk import NOT_YET_LOCKED
from engine.domain.values import Refusal, decimal_text
from engine.feeds import MarketUpdate
from engine.hub import BalancesUpdate, Resync
from engine.ports import Account, OrderFilter
from pages.charting import Charting
from pages.guard import PageContext
from pages.market_rooms import Market
from pages.order_drawer import Drawer
from pages.session import Session

TICKET_PAUSE_S = 0.25
"""The ticket follows the market at most four times a second: it is read, not watched."""
LOOK_S = 1.0
WORTH_LOOKS = 3
KEPT_ROWS = 200


@dataclass(frozen=True, slots=True)
class Setup:
    """What a desk is built from."""

    theme: Theme
    account: Account | None
    accounts: tuple[Account, ...]
    market: Market
    venue_title: str
    instruments: Mapping[str, Instrument]
    timeframe: str
    splits: dict[str, int]


class Trading:
    """One desk in one tab."""

    def __init__(self, session: Session, context: PageContext, setup: Setup) -> None:
        self._session, self._desk, self._setup = session, context.desk, setup
        self._clock, self._ids = context.clock, context.ids
        self._market, self._instrument = setup.market, setup.market.instrument
        self._account = setup.account
        self._splits = dict(setup.splits)
        self._balances: Mapping[str, Balance] | None = None
        self._seen = TicketMarket()
        self._summaries: list[AccountSummary] = []
        self._looks = 0
        self._said: tuple[str, ...] = ()
        self._drawer = Drawer(session, context.desk)

    # --- placing the widgets

    def place_chart(self) -> None:
        self.charting = Charting(self._session, self._desk, self._market, self._setup.theme, self._setup.timeframe)
        self._chart: Chart = self.charting.chart

    def place_book(self) -> None:
        self._book = BookPanel(self._instrument, on_pick=self._pick_price)

    def place_ticket(self) -> None:
        accounts = [(account.id, account.label) for account in self._setup.accounts]
        self._ticket = OrderTicket(
            TicketForm(self._instrument),
            accounts,
            send=self._send,
            on_account=self._choose_account,
            new_id=self._ids.new,
            now_ms=lambda: int(self._clock.now().timestamp() * 1000),
        )
        if self._account is not None:
            self._ticket.set_accounts(accounts, self._account.id)

    def place_summary(self) -> None:
        self._summaries.append(AccountSummary(self._instrument))

    def place_blotter(self) -> None:
        drawer, cancel_all = self._drawer, self._ask_cancel_all
        self._blotter = Blotter(
            self._setup.instruments, on_cancel=self._cancel, on_cancel_all=cancel_all, on_open=drawer.open
        )

    def start(self) -> None:
        """Begin to pump; the ledger is read at once."""
        self.charting.start()
        self._session.keep("user", self._follow_user)
        self._session.keep("ticket", self._follow_market)
        self._session.keep("look", self._look)
        self._session.on_reconnect(self._resume)

    # --- pumps

    async def _follow_user(self) -> None:
        """The user's orders and balances: everything once, then each change; everything again after a gap."""
        newest = await self._desk.sequence(self._session.user_id)
        updates = self._desk.hub.subscribe(self._session.user_id, newest)
        await self._read_ledger()
        await self._read_balances()
        async for update in updates:
            match update:
                case OrderChanged(order=order, new_fills=new_fills):
                    self._blotter.change(order, new_fills)
                    self._orders_changed()
                    await self._drawer.changed(order)
                case BalancesUpdate(account_id=account_id, balances=balances):
                    if self._account is not None and account_id == self._account.id:
                        await self._show_balances({balance.asset: balance for balance in balances})
                case Resync():
                    await self._read_ledger()
                    await self._read_balances()

    async def _follow_market(self) -> None:
        """Last price and book for the ticket's price, preview and checks."""
        async for update in self._desk.feeds.watch(self._market.venue, self._instrument):
            # Every trade comes at once, the ticker once a second: it only serves before the first trade.
            last = update.trades[-1].price if update.trades else self._seen.last or _ticker_price(update)
            self._judge(last=last, book=update.book)
            await asyncio.sleep(TICKET_PAUSE_S)

    async def _look(self) -> None:
        """Once a second: can orders be taken; now and then: what is the account worth."""
        while True:
            self._ticket.lock(self._lock_words())
            self._looks += 1
            if self._session.connected and self._looks % WORTH_LOOKS == 0:
                await self._read_balances()
                await self._say_notices()
            await asyncio.sleep(LOOK_S)

    async def _say_notices(self) -> None:
        """What the user should know of their accounts, each said once."""
        notices = await self._desk.notices(self._session.user_id)
        for words in notices:
            if words not in self._said:
                self._session.say(words, "warning")
        self._said = notices

    def _resume(self) -> None:
        """The browser is back: whatever it missed is read again; what was typed stays as it is."""
        self.charting.resume()
        self._session.run("resume", self._read_ledger())

    def _lock_words(self) -> str | None:
        if self._account is None:
            return "Your paper account is being opened: it takes a moment."
        readiness = self._desk.readiness()
        if not readiness.ready:
            return f"Orders wait for {', '.join(readiness.waiting_for)}."
        return None

    # --- reading

    async def _read_ledger(self) -> None:
        user_id = self._session.user_id
        opened = await self._desk.orders(user_id, OrderFilter(open_only=True), limit=KEPT_ROWS)
        history = await self._desk.orders(user_id, OrderFilter(), limit=KEPT_ROWS)
        fills = await self._desk.fills(user_id, limit=KEPT_ROWS)
        self._blotter.show(opened.items, history.items, fills.items)
        self._orders_changed()

    async def _read_balances(self) -> None:
        if self._account is None:
            await self._find_account()
            return
        try:
            known = await self._desk.balances(self._session.user_id, self._account.id)
        except Refusal:
            return  # The venue is out of reach: the header and the ticket say so, the last figures stay.
        self._balances = {balance.asset: balance for balance in known.balances}
        self._blotter.show_balances(known.balances, self._prices(), known.quote)
        for summary in self._summaries:
            summary.show(self._balances, known.worth, known.quote, known.unpriced)
        self._judge()

    async def _find_account(self) -> None:
        """The paper account is made when the simulator is up: it may come after the page."""
        accounts = await self._desk.accounts(self._session.user_id)
        if accounts:
            self._account = accounts[0]
            self._ticket.set_accounts([(account.id, account.label) for account in accounts], accounts[0].id)
            await self._read_balances()

    async def _show_balances(self, balances: Mapping[str, Balance]) -> None:
        self._balances = balances
        await self._read_balances()

    def _prices(self) -> dict[str, Decimal]:
        quote = f"/{self._instrument.quote}"
        prices = self._desk.feeds.prices(self._market.venue)
        return {symbol.removesuffix(quote): price for symbol, price in prices.items() if symbol.endswith(quote)}

    # --- what follows from a change

    def _orders_changed(self) -> None:
        """Own orders get their dots in the book and their lines on the chart."""
        mine = [order for order in self._blotter.open_orders if self._is_here(order)]
        resting = [order for order in mine if not order.type.conditional and order.status is not OrderStatus.HELD]
        self._book.set_own([(order.side, order.price) for order in resting if order.price is not None])
        lines = [(order, order.stop_price or order.price) for order in mine]
        self._chart.set_orders([OrderLine(price, _line_words(order)) for order, price in lines if price is not None])
        self._judge()

    def _is_here(self, order: Order) -> bool:
        return order.symbol == self._instrument.symbol and order.account_id == self._account_id

    @property
    def _account_id(self) -> str | None:
        return self._account.id if self._account else None

    def _judge(self, last: Decimal | None = None, book: OrderBook | None = None) -> None:
        instruments = self._setup.instruments
        unsettled = tuple(
            (order, instruments[order.symbol])
            for order in self._blotter.open_orders
            if order.status in NOT_YET_LOCKED and order.account_id == self._account_id and order.symbol in instruments
        )
        seen = self._seen
        self._seen = TicketMarket(last or seen.last, book or seen.book, self._balances, unsettled)
        if (self._session.connected and not self._chart.hidden) or seen.last is None:
            self._ticket.see(self._seen)

    # --- what the user does

    def take_key(self, meaning: str) -> None:
        self._ticket.choose(meaning)

    def set_theme(self, theme: Theme) -> None:
        self._chart.set_theme(theme)

    def _pick_price(self, text: str) -> None:
        self._ticket.pick_price(text)

    async def keep_split(self, name: str, size: int | None) -> None:
        self._splits.pop(name, None)
        if size is not None:
            self._splits[name] = size
        await self._desk.set_preference(self._session.user_id, "splits", json.dumps(self._splits))

    async def _send(self, draft: OrderDraft) -> None:
        await self._desk.submit_order(self._session.user_id, draft)

    async def _choose_account(self, account_id: str) -> None:
        """Another account may be at another venue: the page is built anew for it."""
        account = await self._desk.account(self._session.user_id, account_id)
        await self._desk.set_preference(self._session.user_id, "account", account.id)
        with self._session.client:
            ui.navigate.to(f"/trade/{self._instrument.slug}")

    async def _cancel(self, order_id: str) -> None:
        try:
            await self._desk.cancel_order(self._session.user_id, order_id)
        except Refusal as refusal:
            self._session.say_refusal(refusal)

    async def _ask_cancel_all(self) -> None:
        count = len(self._blotter.open_orders)
        with self._session.client, ui.dialog() as dialog, ui.element("div").classes("q-card confirm"):
            Text(f"Cancel all {count} open orders?", tag="h2")
            Text("On every market and account. What is filled already stays filled.", "words", tag="p")
            with ui.element("div").classes("actions"):
                Text("Keep them", "small", tag="button").on("click", lambda: dialog.submit("keep"))
                Text("Cancel all", "small danger", tag="button").on("click", lambda: dialog.submit("cancel"))
        if await dialog == "cancel":
            try:
                await self._desk.cancel_all(self._session.user_id)
            except Refusal as refusal:
                self._session.say_refusal(refusal)
        dialog.delete()


def _ticker_price(update: MarketUpdate) -> Decimal | None:
    return update.ticker.last if update.ticker else None


def _line_words(order: Order) -> str:
    left = order.remaining
    return f"{SIDE_WORDS[order.side]} {decimal_text(left)}" if left is not None else SIDE_WORDS[order.side]
