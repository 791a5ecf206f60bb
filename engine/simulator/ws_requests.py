"""A frame of the WebSocket API as a request: its id, its method, its parameters as text.

Source: Binance Spot API, "WebSocket API", Request format, 2026-07.
"""

from __future__ import annotations

from typing import cast

import orjson

from engine.simulator.faults import Asked, Door
from engine.simulator.model import ApiError
from engine.simulator.params import missing


def request_of(text: str) -> dict[str, object]:
    """The JSON object of a frame; -1135 when it is none."""
    try:
        parsed: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ApiError(-1135, "Invalid JSON Request") from None
    if not isinstance(parsed, dict):
        raise ApiError(-1135, "Invalid JSON Request")
    return cast("dict[str, object]", parsed)


def seen(text: str) -> tuple[object, Asked]:
    """Who asks for what, as far as the text tells."""
    try:
        request = request_of(text)
        values = values_of(request.get("params"))
        return id_of(request), Asked(Door.WS_API, method_of(request) or "", values.get("apiKey"))
    except ApiError:
        return None, Asked(Door.WS_API, "", None)


def id_of(request: dict[str, object]) -> object:
    """The request's id as it came: a number, a text or null; -1100 for anything else."""
    request_id = request.get("id")
    if request_id is None or (isinstance(request_id, int | str) and not isinstance(request_id, bool)):
        return request_id
    raise ApiError(-1100, "Invalid request: request ID must be an integer, a string or null.")


def values_of(params: object) -> dict[str, str]:
    """The parameters as text, as they are signed."""
    if params is None:
        return {}
    if not isinstance(params, dict):
        raise ApiError(-1100, "Invalid request: params must be an object.")
    given = cast("dict[str, object]", params)
    return {name: _text(name, value) for name, value in given.items()}


def _text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        return orjson.dumps(value).decode()
    raise missing(name)


def method_of(request: dict[str, object]) -> str | None:
    """The method without the version that may stand before it."""
    method = request.get("method")
    return method.removeprefix("v3/") if isinstance(method, str) else None
