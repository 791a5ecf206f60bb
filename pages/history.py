"""/history: every order and fill of the user, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from urllib.parse import urlencode

from nicegui import ui
from starlette.requests import Request

from components.blotter_rows import FILL_COLUMNS, HISTORY_COLUMNS, Row, fill_row, history_row
from components.history_table import HistoryTable
from components.text import PlainLink, Text
from engine.domain.instrument import Instrument
from engine.domain.order import OrderStatus
from engine.domain.values import NotFound, Refusal, Side
from engine.ports import OrderFilter
from pages.frame import dress_for, reading_page
from pages.guard import PageContext, asker_of
from pages.order_drawer import Drawer
from pages.session import FIRST_VENUE, Session

PAGE_SIZE = 50
FILLS = "fills"
STATUS_WORDS = {
    "": "Any status",
    "FILLED": "Filled",
    "CANCELED": "Cancelled",
    "REJECTED": "Rejected",
    "DENIED": "Denied",
    "EXPIRED": "Expired",
    "ACCEPTED": "Open",
    "PARTIALLY_FILLED": "Part filled",
    "UNKNOWN": "Unknown",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page's address asks for; anything that makes no sense is left out."""

    show: str = "orders"
    symbol: str = ""
    status: str = ""
    cursor: str = ""

    @classmethod
    def of(cls, request: Request, symbols: Mapping[str, Instrument]) -> Asked:
        query = request.query_params
        symbol, status = query.get("symbol", ""), query.get("status", "")
        return cls(
            FILLS if query.get("show") == FILLS else "orders",
            symbol if symbol in symbols else "",
            status if status in STATUS_WORDS else "",
            query.get("cursor", "")[:200],
        )

    def address(self, **changes: str) -> str:
        """This page with something else; a changed filter starts at the first page again."""
        wanted = {**asdict(self), "cursor": "", **changes}
        return "/history?" + urlencode({name: value for name, value in wanted.items() if value})


def register(context: PageContext) -> None:
    """Serve /history."""

    @ui.page("/history")
    async def history(request: Request) -> None:
        asker = asker_of(request)
        instruments: Mapping[str, Instrument] = {}
        with suppress(Refusal):  # The past can be read while the venue is out of reach.
            instruments = await context.desk.instruments(FIRST_VENUE)
        asked = Asked.of(request, instruments)
        await dress_for(context, asker)
        with (
            reading_page(context, asker, "History", "/history"),
            ui.element("section").classes("card wide").style("flex: 1"),
        ):
            _tabs(asked)
            _filters(asked, instruments)
            try:
                rows, following = await _read(context, asker.user.id, asked, instruments)
            except Refusal as refusal:
                Text(refusal.message, "empty", tag="div")
                return
            _table(asked, rows, Drawer(Session(ui.context.client, asker, context), context.desk))
            _pager(asked, following)


async def _read(
    context: PageContext, user_id: str, asked: Asked, instruments: Mapping[str, Instrument]
) -> tuple[list[Row], str | None]:
    """One page of rows, and the cursor of the next."""
    symbol, cursor = asked.symbol or None, asked.cursor or None
    if asked.show == FILLS:
        fills = await context.desk.fills(user_id, symbol=symbol, cursor=cursor, limit=PAGE_SIZE)
        sides = {order_id: await _side(context, user_id, order_id) for order_id in {f.order_id for f in fills.items}}
        return [fill_row(fill, sides[fill.order_id], instruments) for fill in fills.items], fills.next_cursor
    statuses = frozenset({OrderStatus(asked.status)}) if asked.status else frozenset[OrderStatus]()
    query = OrderFilter(symbol=symbol, statuses=statuses)
    orders = await context.desk.orders(user_id, query, cursor=cursor, limit=PAGE_SIZE)
    return [history_row(order, instruments) for order in orders.items], orders.next_cursor


async def _side(context: PageContext, user_id: str, order_id: str) -> Side | None:
    try:
        return (await context.desk.order(user_id, order_id)).side
    except NotFound:
        return None


def _tabs(asked: Asked) -> None:
    with ui.element("div").classes("head"):
        for show, words in (("orders", "Orders"), (FILLS, "Fills")):
            tab = PlainLink(asked.address(show=show, status=""), words, "tab")
            tab.props(f'aria-selected="{"true" if asked.show == show else "false"}"')


def _filters(asked: Asked, instruments: Mapping[str, Instrument]) -> None:
    with ui.element("div").classes("filters body"):
        _choice(asked, "symbol", {"": "Any market", **{symbol: symbol for symbol in instruments}}, asked.symbol)
        if asked.show != FILLS:
            _choice(asked, "status", STATUS_WORDS, asked.status)


def _choice(asked: Asked, name: str, options: Mapping[str, str], chosen: str) -> None:
    """Chips that are links: a filter is an address that can be kept."""
    with ui.element("div").classes("filters").props(f'role="group" aria-label="{name}"'):
        for value, words in options.items():
            chip = PlainLink(asked.address(**{name: value}), words, "chip")
            chip.props(f'aria-pressed="{"true" if value == chosen else "false"}"')


def _table(asked: Asked, rows: list[Row], drawer: Drawer) -> None:
    columns = FILL_COLUMNS if asked.show == FILLS else HISTORY_COLUMNS
    filtered = bool(asked.symbol or asked.status or asked.cursor)
    words = "Nothing matches: choose another filter." if filtered else "Nothing yet: your first order will stand here."
    HistoryTable(columns, rows, words, on_open=drawer.open)


def _pager(asked: Asked, following: str | None) -> None:
    with ui.element("div").classes("pager"):
        if asked.cursor:
            PlainLink(asked.address(), "Newest", "small")
        if following is not None:
            PlainLink(asked.address(cursor=following), "Older", "small")
