"""What a strike does to a request, at the REST door and at the WebSocket API's.

Latencies and skews of all faults that strike add up; of those that spoil the answer the first rule's counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from engine.simulator.faults import Asked, Door, Fault, Faults, Strike, What
from engine.simulator.lines import Line, Torn
from engine.simulator.operations import Call, Operation, Security, operation
from engine.simulator.outbox import Outbox
from engine.simulator.rest import LARGEST_BODY, METHODS, Rest, json_response
from engine.simulator.wire import Json

HTML: Final = "<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
BANNED_S: Final = 120
TOO_MANY_S: Final = 10
STATUS_REQUEST: Final = "GET /sapi/v1/system/status"
AFTERWARDS: Final = frozenset({What.DROP_AFTER, What.TRUNCATED, What.EMPTY, What.HTML})
WORDS: Final[Mapping[int, tuple[int, str]]] = {
    -1000: (500, "An unknown error occurred while processing the request."),
    -1001: (500, "Internal error; unable to process your request. Please try again."),
    -1003: (429, "Too many requests queued."),
    -1006: (500, "An unexpected response was received from the message bus. Execution status unknown."),
    -1007: (504, "Timeout waiting for response from backend server. Send status unknown; execution status unknown."),
    -1008: (503, "Server is currently overloaded with other requests. Please try again in a few minutes."),
    -1015: (429, "Too many new orders."),
    -1016: (503, "This service is no longer available."),
    -1021: (400, "Timestamp for this request is outside of the recvWindow."),
}
"""HTTP status and message of the codes that faults are usually about (Binance Spot API, "Error codes", 2026-07)."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What all the faults that strike one request come to."""

    latency_ms: int
    skew_ms: int
    spoils: Fault | None

    @classmethod
    def of(cls, strikes: Sequence[Strike], name: str) -> Trouble:
        """`name` is the request's: asking for the state of the system works during maintenance."""
        faults = [strike.fault for strike in strikes]
        spoiling = (
            fault
            for fault in faults
            if fault.what not in {What.LATENCY, What.CLOCK_SKEW}
            and not (fault.what is What.MAINTENANCE and name == STATUS_REQUEST)
        )
        return cls(
            sum(strike.latency_ms for strike in strikes), sum(fault.skew_ms for fault in faults), next(spoiling, None)
        )

    @property
    def carried_out(self) -> bool:
        """Whether the exchange does what was asked."""
        fault = self.spoils
        return fault is None or fault.accepted or fault.what in AFTERWARDS


class FaultyRest:
    """The REST door with the rules in front of it."""

    def __init__(self, rest: Rest, faults: Faults) -> None:
        self._rest = rest
        self._faults = faults
        self._hanging: set[Line] = set()

    async def answer(self, request: Request) -> Response:
        """The answer to one request, or what is left of it."""
        if not self._faults.rules:
            return await self._rest.answer(request)
        name = f"{request.method} {request.scope['path']}"
        strikes = self._faults.strike(Asked(Door.REST, name, request.headers.get("x-mbx-apikey")))
        trouble = Trouble.of(strikes, name)
        if trouble.latency_ms:
            if int(request.headers.get("content-length", LARGEST_BODY + 1)) <= LARGEST_BODY:
                await request.body()  # it has arrived by then, even if the client does not wait for the answer
            await asyncio.sleep(trouble.latency_ms / 1000)
        answered = await self._rest.answer(request, trouble.skew_ms) if trouble.carried_out else None
        fault = trouble.spoils
        if fault is None:
            return answered or Torn()
        if fault.what is What.HALF_OPEN:
            return await self._hang(request)
        return _spoiled(fault, b"" if answered is None else bytes(answered.body), self._faults.now_ms())

    async def describe(self, request: Request) -> Response:
        """What this door takes, in OpenAPI; public, and true whatever befalls."""
        return await self._rest.describe(request)

    def release(self) -> None:
        """Cut what hangs."""
        for line in tuple(self._hanging):
            line.cut()

    async def _hang(self, request: Request) -> Response:
        line = Line.of(request.scope)
        self._hanging.add(line)
        try:
            while (await request.receive())["type"] != "http.disconnect":
                continue
        finally:
            self._hanging.discard(line)
        return Torn()


class FrontDoor:
    """Where everything comes in: what is asked of the exchange goes straight to the REST door, without a router."""

    def __init__(self, rest: FaultyRest, others: ASGIApp) -> None:
        """`others` takes sockets and what the operator asks."""
        self._rest = rest
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or socket."""
        if scope["type"] != "http" or scope["method"] not in METHODS or scope["path"].startswith("/sim/"):
            await self._others(scope, receive, send)
            return
        answer = await self._rest.answer(Request(scope, receive))
        await answer(scope, receive, send)


def _spoiled(fault: Fault, body: bytes, now_ms: int) -> Response:
    match fault.what:
        case What.TRUNCATED:
            return Response(body[: len(body) // 2], media_type="application/json;charset=UTF-8")
        case What.EMPTY:
            return Response(media_type="application/json;charset=UTF-8")
        case What.HTML:
            return HTMLResponse(HTML.format(status="200 OK"))
        case What.HTTP_ERROR:
            return HTMLResponse(HTML.format(status=fault.status), fault.status or 500)
        case What.DROP_BEFORE | What.DROP_AFTER:
            return Torn()
        case _:
            status, error = _error(fault, now_ms)
            retry_after_s = _retry_after_s(fault)
            headers = {} if retry_after_s is None else {"retry-after": str(retry_after_s)}
            return json_response(error, status, headers)


# --- the WebSocket API ------------------------------------------------------------------------------


async def befall(
    trouble: Trouble,
    request_id: object,
    line: Line,
    outbox: Outbox,
    now_ms: int,
    answer: Callable[[int], Json],
    kept: Callable[[], Awaitable[None]],
) -> None:
    """Answer a request of a WebSocket as far as its troubles let one; `answer` takes the skew of the clock.

    `kept` waits until what was done is kept.
    """
    if trouble.latency_ms:
        await asyncio.sleep(trouble.latency_ms / 1000)
    answered = orjson.dumps(answer(trouble.skew_ms)).decode() if trouble.carried_out else ""
    await kept()
    fault = trouble.spoils
    if fault is None:
        outbox.put(answered)
        return
    match fault.what:
        case What.TRUNCATED:
            outbox.put(answered[: len(answered) // 2])
        case What.EMPTY:
            outbox.put("")
        case What.HTML:
            outbox.put(HTML.format(status="200 OK"))
        case What.DROP_BEFORE | What.DROP_AFTER:
            line.cut()
        case What.HALF_OPEN:
            line.silence()
            outbox.silence()
        case _:
            status, error = _error(fault, now_ms)
            retry_after_s = _retry_after_s(fault)
            if retry_after_s is not None:
                error["data"] = {"serverTime": now_ms, "retryAfter": now_ms + retry_after_s * 1000}
            outbox.put(orjson.dumps({"id": request_id, "status": status, "error": error}).decode())


def system_status(faults: Faults) -> Operation:
    """`GET /sapi/v1/system/status`: 0 when all is well, 1 during maintenance."""

    def status(call: Call) -> Json:
        del call
        under = faults.maintenance
        return {"status": int(under), "msg": "system_maintenance" if under else "normal"}

    return operation(status, Security.NONE, "", 1, STATUS_REQUEST, None)


def _error(fault: Fault, now_ms: int) -> tuple[int, Json]:
    """The HTTP status and the error of a fault that answers with one."""
    match fault.what:
        case What.TOO_MANY:
            return 429, {"code": -1003, "msg": fault.message or WORDS[-1003][1]}
        case What.BANNED:
            until_ms = now_ms + (_retry_after_s(fault) or 0) * 1000
            message = (
                f"Way too much request weight used; IP banned until {until_ms}. "
                "Please use WebSocket Streams for live updates to avoid bans."
            )
            return 418, {"code": -1003, "msg": message}
        case What.MAINTENANCE:
            return 503, {"code": -1016, "msg": WORDS[-1016][1]}
        case _:
            usual, message = WORDS.get(fault.code, (400, WORDS[-1000][1]))
            return fault.status or usual, {"code": fault.code, "msg": fault.message or message}


def _retry_after_s(fault: Fault) -> int | None:
    usual = {What.TOO_MANY: TOO_MANY_S, What.BANNED: BANNED_S}.get(fault.what)
    return usual if fault.retry_after_s is None else fault.retry_after_s
