"""The drawer that a click on an order opens, and the files of its timeline."""

from __future__ import annotations

from nicegui import ui
from starlette.requests import Request
from starlette.responses import Response

from components.order_drawer import OrderDrawer, drawer_view
from components.timeline_file import MEDIA, TimelineFormat, timeline_file, timeline_headers
from engine.desk import Desk
from engine.domain.order import Order
from engine.domain.timeline import timeline_lines
from engine.domain.values import NotFound, Refusal
from pages.guard import PageContext, asker_of
from pages.session import Session


def register(context: PageContext) -> None:
    """Serve the files that the drawer links to."""

    async def timeline(request: Request, order_id: str, form: str) -> Response:
        if form not in set(TimelineFormat):
            raise NotFound("no_such_format", "A timeline comes as json or csv.")
        wanted = TimelineFormat(form)
        order, _, entries = await context.desk.order_with_history(asker_of(request).user.id, order_id)
        text = timeline_file(order, timeline_lines(entries), wanted)
        return Response(text, headers=timeline_headers(order, wanted), media_type=MEDIA[wanted])

    context.router.add_api_route("/orders/{order_id}/timeline.{form}", timeline, include_in_schema=False)


class Drawer:
    """At most one is open in a tab."""

    def __init__(self, session: Session, desk: Desk) -> None:
        self._session, self._desk = session, desk
        self._shown: str | None = None
        self._dialog: ui.dialog | None = None
        self._widget: OrderDrawer | None = None

    async def open(self, order_id: str) -> None:
        """Show this order of the user's; the id is the browser's word."""
        try:
            view = await self._view(order_id)
        except Refusal as refusal:
            self._session.say_refusal(refusal)
            return
        self._shut()
        self._shown = order_id
        with self._session.client, ui.dialog() as self._dialog:
            self._dialog.props('position="right" full-height')
            with ui.element("div").classes("q-card drawer"):
                self._widget = OrderDrawer(view, on_leave=self._dialog.close)
        self._dialog.on("hide", self._shut)
        self._dialog.open()

    async def changed(self, order: Order) -> None:
        """An order has changed: the one that is shown is drawn anew."""
        if self._shown == order.id and self._widget is not None:
            view = await self._view(order.id)
            if self._shown == order.id:
                self._widget.show(view)

    async def _view(self, order_id: str) -> dict[str, object]:
        order, _, entries = await self._desk.order_with_history(self._session.user_id, order_id)
        try:
            account = (await self._desk.account(self._session.user_id, order.account_id)).label
        except NotFound:
            account = "removed"
        exports = [(form.upper(), f"/orders/{order.id}/timeline.{form}") for form in TimelineFormat]
        return drawer_view(order, timeline_lines(entries), account, exports)

    def _shut(self) -> None:
        if self._dialog is not None:
            self._dialog.delete()
        self._dialog, self._widget, self._shown = None, None, None
