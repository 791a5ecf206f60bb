"""/api/v1/auth: tokens for programs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from engine.identity import Identity
from engine.ports import User
from numatix.api.bodies import LoginBody, RefreshBody, RegisterBody
from numatix.api.reading import ExactRoute
from numatix.api.shapes import TokensView, UserView
from numatix.api.views import tokens_view, user_view

NO_STORE = {"Cache-Control": "no-store"}


def auth_routes(identity: Identity, welcome: Callable[[User], Awaitable[None]]) -> APIRouter:
    """`welcome` is told of each user that registers."""
    router = APIRouter(prefix="/auth", tags=["auth"], route_class=ExactRoute)

    @router.post("/register", status_code=201)
    async def register(request: Request, body: RegisterBody) -> UserView:
        """Make a user, where registration is open."""
        await identity.admit(request.state.ip)
        user = await identity.register(body.email, body.password)
        await welcome(user)
        return user_view(user)

    @router.post("/login")
    async def login(request: Request, response: Response, body: LoginBody) -> TokensView:
        """An access token for a quarter of an hour and a refresh token for thirty days."""
        user = await identity.authenticate(body.email, body.password, request.state.ip)
        response.headers.update(NO_STORE)
        return tokens_view(await identity.open_tokens(user))

    @router.post("/refresh")
    async def refresh(request: Request, response: Response, body: RefreshBody) -> TokensView:
        """A new pair; a refresh token counts once, and used twice it ends its whole family."""
        await identity.admit(request.state.ip)
        response.headers.update(NO_STORE)
        return tokens_view(await identity.refresh(body.refresh_token))

    @router.post("/logout", status_code=204)
    async def logout(request: Request, body: RefreshBody) -> None:
        """End the refresh token's family; access tokens run out by themselves."""
        await identity.admit(request.state.ip)
        await identity.revoke(body.refresh_token)

    return router
