"""Who may open a socket, and how many."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

import structlog
from fastapi import APIRouter
from starlette.websockets import WebSocket

from engine.desk import Desk
from engine.domain.values import Refusal, Unauthenticated, Unavailable
from engine.identity import Identity, Proof
from engine.identity.limits import REQUESTS, network_of
from engine.runtime import Clock, Supervisor
from numatix.api.problems import refusal_problem
from numatix.api.stream import words
from numatix.api.stream.endings import ENDED, NO_TOKEN, Ending, crowded, unproven
from numatix.api.stream.fans import Fans
from numatix.api.stream.operations import Auth, Misread, read_operation
from numatix.api.stream.socket import BotSocket, Surroundings, close, receive_text
from numatix.api.stream.times import MOST_SOCKETS, MOST_UNPROVEN, StreamTimes

log = structlog.get_logger(__name__)

ENDING_WORDS = "The desk is ending: what is on its way is finished. Connect again in a moment, and resume."


class StreamDoor:
    """Every socket of this process, by its user."""

    def __init__(self, desk: Desk, identity: Identity, clock: Clock, times: StreamTimes | None = None) -> None:
        self._identity = identity
        self._times = times or StreamTimes()
        self._supervisor = Supervisor("bots", clock)
        self._around = Surroundings(desk, identity, Fans(desk.feeds, self._supervisor, clock), clock, self._times)
        self._sockets: dict[str, set[BotSocket]] = {}
        self._unproven: Counter[str] = Counter()
        self._ending = False

    @property
    def sockets(self) -> int:
        """Open now."""
        return len(self._all())

    def warn(self) -> None:
        """The desk is about to end: every socket is told, and no other is let in."""
        self._ending = True
        for socket in self._all():
            socket.warn(words.ending(ENDING_WORDS))

    async def shut(self) -> None:
        """Every socket is closed once it has sent what is known, or soon after."""
        await asyncio.gather(*(socket.finish(ENDED) for socket in self._all()))

    async def close(self) -> None:
        await self._supervisor.close()

    async def enter(self, websocket: WebSocket) -> None:
        """From the handshake to the end of the socket."""
        if self._ending:
            await websocket.send_denial_response(refusal_problem(Unavailable("ending", ENDING_WORDS)))
            return
        network = network_of(websocket.state.ip)
        header = websocket.headers.get("authorization")
        if header is not None:
            try:
                await self._identity.limits.hit(REQUESTS, network)
                token = _bearer(header)
                proof = await self._identity.proof_by_bearer(token)
            except Refusal as refusal:
                await websocket.send_denial_response(refusal_problem(refusal))
                return
            await websocket.accept()
        else:
            await websocket.accept()
            proven = await self._first_message(websocket, network)
            if isinstance(proven, Ending):
                await close(websocket, proven)
                return
            proof, token = proven
        await self._live(websocket, proof, token)

    async def _first_message(self, websocket: WebSocket, network: str) -> tuple[Proof, str] | Ending:
        """Who it says it is, within some seconds."""
        if self._unproven[network] >= MOST_UNPROVEN:
            return crowded("Too many sockets of this address have not said who they are.")
        with self._counted(network):
            try:
                async with asyncio.timeout(self._times.auth_s):
                    text = await receive_text(websocket)
            except TimeoutError:
                return NO_TOKEN
            if isinstance(text, Ending):
                return text
            try:
                await self._identity.limits.hit(REQUESTS, network)
                _, _, operation = read_operation(text)
                if not isinstance(operation, Auth):
                    return NO_TOKEN
                return await self._identity.proof_by_bearer(operation.token), operation.token
            except Misread as misread:
                return unproven(misread.refusal)
            except Refusal as refusal:
                return unproven(refusal)

    def _all(self) -> list[BotSocket]:
        return [socket for sockets in self._sockets.values() for socket in sockets]

    @contextmanager
    def _counted(self, network: str) -> Generator[None]:
        self._unproven[network] += 1
        try:
            yield
        finally:
            self._unproven[network] -= 1
            if not self._unproven[network]:
                del self._unproven[network]

    async def _live(self, websocket: WebSocket, proof: Proof, token: str) -> None:
        user_id = proof.asker.user.id
        mine = self._sockets.setdefault(user_id, set())
        if len(mine) >= MOST_SOCKETS:
            await close(websocket, crowded(f"A user may have {MOST_SOCKETS} sockets open: close another first."))
            return
        if self._ending:
            await close(websocket, ENDED)
            return
        socket = BotSocket(websocket, proof, token, self._around)
        mine.add(socket)
        log.info("a bot's socket is open", user_id=user_id, sockets=len(mine))
        try:
            ending = await socket.live()
            log.info("a bot's socket is closed", user_id=user_id, code=ending.code, reason=ending.reason)
        finally:
            mine.discard(socket)
            if not mine:
                self._sockets.pop(user_id, None)


def stream_routes(door: StreamDoor) -> APIRouter:
    router = APIRouter()
    router.add_api_websocket_route("/stream", door.enter)
    return router


def _bearer(header: str) -> str:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("login_needed", "Send the access token: Authorization: Bearer …")
    return token.strip()
