"""The browser's login: a cookie cannot be set over a socket, so these are plain HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.domain.values import Unauthenticated
from engine.identity import Asker, Identity
from engine.ports import User
from numatix.api.bodies import LoginBody
from numatix.api.reading import ExactRoute
from numatix.settings import PublicAddress

NO_STORE = {"Cache-Control": "no-store"}


class SetupBody(LoginBody):
    code: str


def session_routes(identity: Identity, address: PublicAddress, welcome: Callable[[User], Awaitable[None]]) -> APIRouter:
    """`welcome` is told of each user that is made here."""
    router = APIRouter(include_in_schema=False, route_class=ExactRoute)

    @router.post("/session")
    async def log_in(request: Request, body: LoginBody) -> Response:
        user = await identity.authenticate(body.email, body.password, request.state.ip)
        return await _logged_in(request, user)

    @router.get("/session")
    async def who_is_it(request: Request) -> Response:
        """Nobody is an answer too: the login page asks."""
        asker: Asker | None = request.state.asker
        return JSONResponse({"email": asker.user.email if asker else None}, headers=NO_STORE)

    @router.delete("/session")
    async def log_out(request: Request) -> Response:
        asker = _asker(request)
        if asker.login_id is not None:
            await identity.close_login(asker.login_id)
        answer = Response(status_code=204, headers=NO_STORE)
        answer.delete_cookie(address.cookie, path="/", secure=address.secure, httponly=True, samesite="strict")
        return answer

    @router.post("/setup")
    async def make_owner(request: Request, body: SetupBody) -> Response:
        await identity.admit(request.state.ip)
        user = await identity.create_owner(body.code, body.email, body.password)
        await welcome(user)
        return await _logged_in(request, user)

    async def _logged_in(request: Request, user: User) -> Response:
        """A new session under a new token; the one that the browser had before ends."""
        former = getattr(request.state, "asker", None)
        if isinstance(former, Asker) and former.login_id is not None:
            await identity.close_login(former.login_id)
        token = await identity.open_login(user)
        answer = JSONResponse({"email": user.email}, headers=NO_STORE)
        # No lifetime: the browser forgets it when it closes, the server after eight hours without use.
        answer.set_cookie(address.cookie, token, path="/", secure=address.secure, httponly=True, samesite="strict")
        return answer

    return router


def _asker(request: Request) -> Asker:
    asker = getattr(request.state, "asker", None)
    if not isinstance(asker, Asker):
        raise Unauthenticated("login_needed", "Log in first.")
    return asker
