"""/api/v1/account, /accounts and /balances: the user, their keys at venues, and what these hold."""

from __future__ import annotations

from typing import Annotated

import fastapi
from fastapi import APIRouter
from pydantic import BaseModel

from engine.desk import Desk
from engine.ports import Credentials
from numatix.api.asking import Proven
from numatix.api.bodies import AccountBody, AccountQuery
from numatix.api.reading import ExactRoute
from numatix.api.shapes import AccountsView, AccountView, BalancesView, UserView
from numatix.api.views import account_view, balances_view, user_view


class MeView(BaseModel):
    user: UserView
    accounts: list[AccountView]


def account_routes(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["account"], route_class=ExactRoute)

    @router.get("/account")
    async def account(who: Proven) -> MeView:
        """Who asks, and their accounts; the first is the one that orders go to when they name none."""
        accounts = await desk.accounts(who.user.id)
        return MeView(user=user_view(who.user), accounts=[account_view(one) for one in accounts])

    @router.get("/accounts")
    async def accounts(who: Proven) -> AccountsView:
        """Oldest first."""
        found = await desk.accounts(who.user.id)
        return AccountsView(items=[account_view(one) for one in found], next_cursor=None)

    @router.post("/accounts", status_code=201)
    async def add_account(body: AccountBody, who: Proven) -> AccountView:
        """Add a key of one's own. It is tested with a call, then kept encrypted and never shown again."""
        credentials = Credentials(body.api_key, body.secret)
        return account_view(await desk.add_account(who.user.id, body.venue, body.label, credentials))

    @router.delete("/accounts/{account_id}", status_code=204)
    async def remove_account(account_id: str, who: Proven) -> None:
        """Forget the key; past orders stay."""
        await desk.remove_account(who.user.id, account_id)

    @router.get("/balances")
    async def balances(query: Annotated[AccountQuery, fastapi.Query()], who: Proven) -> BalancesView:
        """What an account holds."""
        return balances_view(await desk.balances(who.user.id, query.account_id))

    return router
