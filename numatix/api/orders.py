"""/api/v1/orders and /api/v1/fills."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import fastapi
from fastapi import APIRouter
from starlette.responses import Response

from components.timeline_file import MEDIA, timeline_file, timeline_headers
from engine.desk import Desk, ListSubmitted
from engine.domain.fills import Fill
from engine.domain.order import Order
from engine.domain.timeline import timeline_lines
from engine.identity import Asker
from numatix.api.asking import Placing, Proven
from numatix.api.bodies import AmendBody, CancelQuery, FillsQuery, ListBody, OrderBody, OrdersQuery, TimelineQuery
from numatix.api.reading import ExactRoute
from numatix.api.shapes import (
    FillsView,
    OrderListView,
    OrdersView,
    OrderView,
    OrderWithTimelineView,
    TimelineFileView,
)
from numatix.api.views import fill_view, order_list_view, order_view, order_with_timeline_view


def order_routes(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["orders"], route_class=ExactRoute)

    @router.post(
        "/orders",
        status_code=202,
        responses={200: {"description": "Placed before: the same order", "model": OrderView}},
    )
    async def place(body: OrderBody, response: Response, who: Placing) -> OrderView:
        """Place an order; it is recorded and on its way. The same client_order_id and body again: 200, no new order."""
        submitted = await desk.submit_order(who.user.id, body.draft())
        response.status_code = 202 if submitted.created else 200
        return order_view(submitted.order, await _fills_of(desk, submitted.order))

    @router.get("/orders")
    async def orders(query: Annotated[OrdersQuery, fastapi.Query()], who: Proven) -> OrdersView:
        """Newest first."""
        asked = query.filter(await _symbol(who, query))
        await _check_account(who, query)
        page = await desk.orders(who.user.id, asked, cursor=query.cursor, limit=query.limit)
        return OrdersView(
            items=[order_view(order, await _fills_of(desk, order)) for order in page.items],
            next_cursor=page.next_cursor,
        )

    @router.get("/orders/{order_id}")
    async def order(order_id: str, who: Proven) -> OrderWithTimelineView:
        """With its fills and its timeline."""
        return order_with_timeline_view(*await desk.order_with_history(who.user.id, order_id))

    @router.get(
        "/orders/{order_id}/timeline",
        response_model=TimelineFileView,
        responses={200: {"description": "A file to keep, as JSON or CSV", "content": {"text/csv": {}}}},
    )
    async def timeline(order_id: str, query: Annotated[TimelineQuery, fastapi.Query()], who: Proven) -> Response:
        """Everything that happened to it, line by line, hashed in a chain."""
        found, _, entries = await desk.order_with_history(who.user.id, order_id)
        text = timeline_file(found, timeline_lines(entries), query.format)
        return Response(text, headers=timeline_headers(found, query.format), media_type=MEDIA[query.format])

    @router.patch("/orders/{order_id}", status_code=202)
    async def amend(order_id: str, body: AmendBody, who: Placing) -> OrderView:
        """Change an open order. A lower quantity keeps its place in the queue; anything else makes a new order that
        takes its place (`replaced_by`) once the old one is cancelled."""
        found = await desk.amend_order(who.user.id, order_id, body.wanted())
        return order_view(found, await _fills_of(desk, found))

    @router.post("/order-lists", status_code=202, responses={200: {"description": "Placed before: the same list"}})
    async def place_list(body: ListBody, response: Response, who: Placing) -> OrderListView:
        """Place an OCO, or an entry with its exits; refused whole when one of its orders is."""
        submitted = await desk.submit_list(who.user.id, body.draft())
        response.status_code = 202 if submitted.created else 200
        return order_list_view(submitted, await _fills_of_all(desk, submitted))

    @router.get("/order-lists/{list_id}")
    async def order_list(list_id: str, who: Proven) -> OrderListView:
        """With its orders. `note` says in a sentence what a person should know."""
        found = await desk.order_list(who.user.id, list_id)
        return order_list_view(found, await _fills_of_all(desk, found))

    @router.delete("/orders/{order_id}", status_code=202)
    async def cancel(order_id: str, who: Proven) -> OrderView:
        """Ask for its cancel; what becomes of it shows in the order."""
        found = await desk.cancel_order(who.user.id, order_id)
        return order_view(found, await _fills_of(desk, found))

    @router.delete("/orders", status_code=202)
    async def cancel_all(query: Annotated[CancelQuery, fastapi.Query()], who: Proven) -> OrdersView:
        """Cancel every unfinished order, of one symbol or account where named."""
        found = await desk.cancel_all(who.user.id, symbol=await _symbol(who, query), account_id=query.account_id)
        items = [order_view(order, await _fills_of(desk, order)) for order in found]
        return OrdersView(items=items, next_cursor=None)

    @router.get("/fills")
    async def fills(query: Annotated[FillsQuery, fastapi.Query()], who: Proven) -> FillsView:
        """Own executions, newest first."""
        symbol = await _symbol(who, query)
        await _check_account(who, query)
        page = await desk.fills(
            who.user.id,
            symbol=symbol,
            account_id=query.account_id,
            cursor=query.cursor,
            limit=query.limit,
        )
        return FillsView(items=[fill_view(fill) for fill in page.items], next_cursor=page.next_cursor)

    async def _symbol(who: Asker, query: CancelQuery | FillsQuery) -> str | None:
        return None if query.symbol is None else await desk.own_symbol(who.user.id, query.symbol)

    async def _check_account(who: Asker, query: FillsQuery) -> None:
        if query.account_id is not None:
            await desk.check_account_id(who.user.id, query.account_id)

    return router


async def _fills_of_all(desk: Desk, found: ListSubmitted) -> Mapping[str, tuple[Fill, ...]]:
    return {order.id: await _fills_of(desk, order) for order in found.orders}


async def _fills_of(desk: Desk, order: Order) -> tuple[Fill, ...]:
    """Orders without executions need no look-up."""
    if not order.filled_quantity:
        return ()
    _, fills, _ = await desk.order_with_history(order.user_id, order.id)
    return fills
