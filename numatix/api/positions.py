"""/api/v1/positions: what is held by one's fills, and the orders that close or turn it."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import fastapi
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from engine.desk import Desk, Submitted
from engine.desk import PositionView as Held
from engine.domain.values import decimal_text
from numatix.api.asking import Placing, Proven
from numatix.api.bodies import AccountQuery, TurnBody
from numatix.api.reading import ExactRoute
from numatix.api.shapes import OrderView
from numatix.api.views import order_view, time_text


class PositionView(BaseModel):
    """`quantity` is negative when more was sold than bought, and less the fees taken in base; `realised_pnl` is less
    the fees taken in quote."""

    account_id: str
    symbol: str
    quantity: str
    average_price: str | None
    last_price: str | None
    realised_pnl: str
    unrealised_pnl: str | None
    fees: dict[str, str]
    updated_at: str | None


class PositionsView(BaseModel):
    items: list[PositionView]
    next_cursor: str | None


def position_routes(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["positions"], route_class=ExactRoute)

    @router.get("/positions")
    async def positions(query: Annotated[AccountQuery, fastapi.Query()], who: Proven) -> PositionsView:
        """By average cost from the account's fills, flat ones included: they have earned something."""
        held = await desk.positions(who.user.id, query.account_id)
        return PositionsView(items=[_view(one) for one in held], next_cursor=None)

    @router.post("/positions/{symbol}/close", status_code=202)
    async def close(symbol: str, body: TurnBody, response: Response, who: Placing) -> OrderView:
        """Sell what is held, or buy back what was sold, at market."""
        return _answer(await desk.close_position(who.user.id, symbol, body.account_id, body.client_order_id), response)

    @router.post("/positions/{symbol}/reverse", status_code=202)
    async def reverse(symbol: str, body: TurnBody, response: Response, who: Placing) -> OrderView:
        """Close it and open as much the other way, in one market order."""
        return _answer(
            await desk.reverse_position(who.user.id, symbol, body.account_id, body.client_order_id), response
        )

    return router


def _answer(submitted: Submitted, response: Response) -> OrderView:
    response.status_code = 202 if submitted.created else 200
    return order_view(submitted.order, ())


def _view(held: Held) -> PositionView:
    position = held.position
    unrealised = held.unrealised
    return PositionView(
        account_id=position.account_id,
        symbol=position.symbol,
        quantity=_signed(position.quantity),
        average_price=None if position.average_price is None else decimal_text(position.average_price),
        last_price=None if held.last_price is None else decimal_text(held.last_price),
        realised_pnl=_signed(position.realised),
        unrealised_pnl=None if unrealised is None else _signed(unrealised),
        fees={asset: decimal_text(fee) for asset, fee in position.fees.items()},
        updated_at=None if position.updated_at is None else time_text(position.updated_at),
    )


def _signed(value: Decimal) -> str:
    text = decimal_text(abs(value))
    return f"-{text}" if value < 0 and text != "0" else text
