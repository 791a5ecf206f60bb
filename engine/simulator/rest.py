"""The REST door: `/api/v3/…`, with Binance's errors, rate limit headers and user stream keys."""

from __future__ import annotations

from typing import Final

import orjson
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from engine.simulator.model import ApiError
from engine.simulator.openapi import described
from engine.simulator.operations import Counter, Operation
from engine.simulator.params import Params, parse_form
from engine.simulator.signing import rest_payload
from engine.simulator.time_units import in_microseconds, wants_microseconds
from engine.simulator.usage import TooMuch

log = structlog.get_logger(__name__)

LARGEST_BODY: Final = 64 * 1024
METHODS: Final = ("GET", "POST", "PUT", "DELETE")


class Rest:
    """Answers every REST request of the Binance protocol from a table of operations."""

    def __init__(self, counter: Counter, operations: tuple[Operation, ...]) -> None:
        self._counter = counter
        self._usage = counter.usage
        self._operations = {door: asked for asked in operations if (door := asked.rest) is not None}
        self._methods: dict[str, list[str]] = {}
        for method, path in self._operations:
            self._methods.setdefault(path, []).append(method)
        self._described: bytes | None = None

    async def answer(self, request: Request, skew_ms: int = 0) -> Response:
        """The answer to one request; never raises for what a client sent. `skew_ms` is how far the clock is off."""
        asked = self._operations.get((request.method, request.scope["path"]))
        if asked is None:
            return self._unknown(request)
        client = request.client.host if request.client else ""
        headers: dict[bytes, bytes] = dict(request.scope["headers"])
        api_key = _text(headers.get(b"x-mbx-apikey"))
        told: dict[str, str] = {}
        try:
            micros = wants_microseconds(_text(headers.get(b"x-mbx-time-unit")))
            body = await _body(request)
            answer = self._answer(asked, request.scope["query_string"], body, api_key, client, skew_ms)
            answer = in_microseconds(answer) if micros else answer
            await self._counter.exchange.kept()
            status = 200
        except ApiError as refusal:
            answer = refusal.json()
            status = refusal.http_status
            if isinstance(refusal, TooMuch):
                told["retry-after"] = str(self._usage.retry_after_s(refusal))
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception:  # the door's last resort: logged, and answered as Binance does
            log.exception("request failed", path=request.scope["path"])
            answer = {"code": -1000, "msg": "An unknown error occurred while processing the request."}
            status = 500
        told |= self._usage.headers(client, self._counter.orderer(asked, api_key))
        return json_response(answer, status, told)

    async def describe(self, request: Request) -> Response:
        """The OpenAPI description of all that this door takes."""
        del request
        if self._described is None:
            self._described = orjson.dumps(described(self._operations.values()))
        return Response(self._described, media_type="application/json")

    def _answer(
        self, asked: Operation, query: bytes, body: bytes, api_key: str | None, client: str, skew_ms: int
    ) -> object:
        params = Params(parse_form(query, body))
        self._usage.spend(client, asked.cost(params))
        return self._counter.serve(asked, params, api_key, rest_payload(query, body), skew_ms)

    def _unknown(self, request: Request) -> Response:
        path: str = request.scope["path"]
        methods = self._methods.get(path)
        status, error = (404, "Not Found") if methods is None else (405, "Method Not Allowed")
        answer = {
            "timestamp": self._counter.now_ms(),
            "status": status,
            "error": error,
            "message": f"There is no {request.method} {path} at this exchange.",
            "path": path,
        }
        return json_response(answer, status, {} if methods is None else {"allow": ", ".join(sorted(methods))})


def json_response(answer: object, status: int, headers: dict[str, str]) -> Response:
    """A JSON answer; `content-type` as Binance sends it."""
    body = orjson.dumps(answer)
    response = Response(status_code=status)
    response.body = body
    response.raw_headers = [
        *((name.encode(), value.encode()) for name, value in headers.items()),
        (b"content-length", b"%d" % len(body)),
        (b"content-type", b"application/json;charset=UTF-8"),
    ]
    return response


def _text(header: bytes | None) -> str | None:
    return None if header is None else header.decode("latin-1")


async def _body(request: Request) -> bytes:
    if request.method == "GET":
        return b""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST_BODY:
            raise ApiError(-1101, "Request body is too large.", 413)
        chunks.append(chunk)
    return b"".join(chunks)
