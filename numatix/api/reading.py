"""How requests are read: each thing is said once, and JSON is what RFC 8259 calls it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from engine.domain.values import Refusal

LONGEST_NUMBER = 40
"""Digits of a number that are read; the interface takes none that comes near it."""
LONGEST_NAME = 80


class ExactRoute(APIRoute):
    """A route that is asked once for each parameter and field.

    Of `side` given twice JSON's readers take the last and some a proxy may have checked the first: that is how an
    order gets past whoever looked at it.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def read_exactly(request: Request) -> Response:
            _refuse_repeated(
                "repeated_parameter", "in the address", (name for name, _ in request.query_params.multi_items())
            )
            exact = ExactRequest(request.scope, request.receive)
            if self.body_field is not None and await exact.body():
                await exact.json()  # before FastAPI, which would take a Refusal for broken JSON
            return await answer(exact)

        return read_exactly


class ExactRequest(Request):
    """Its body is UTF-8, each name of an object stands in it once, and nothing costs more than it is long."""

    async def json(self) -> Any:
        """Refusal for a name that is repeated or no text; HTTPException 400 for what is no JSON."""
        if not hasattr(self, "_exact"):
            body = await self.body()
            try:
                self._exact = read_json(body.decode())
            except (ValueError, RecursionError) as error:
                raise HTTPException(400) from error
        return self._exact


def read_json(text: str) -> Any:
    """Each name of an object once. Refusal for one that is repeated or no text; ValueError and RecursionError for what
    is no JSON."""
    return json.loads(text, object_pairs_hook=_object, parse_int=_whole)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        _refuse_repeated("repeated_field", "in the body", (name for name, _ in pairs))
    for name in found:
        if not is_text(name):
            shown = ascii(name)[1:-1][:LONGEST_NAME]
            raise Refusal("bad_text", "A field's name holds a character that is no text.", shown)
    return found


def _whole(digits: str) -> int | float:
    """Python refuses to read 5,000 digits, and then nobody could say which field they stood in."""
    return int(digits) if len(digits) <= LONGEST_NUMBER else float(digits)


def _refuse_repeated(code: str, where: str, names: Iterable[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            shown = ascii(name)[1:-1][:LONGEST_NAME]
            raise Refusal(code, f"{shown} stands {where} more than once: leave one.", shown)


def is_text(value: str) -> bool:
    """JSON can name half a character (\\ud800), which no store and no hash can take."""
    return not any("\ud800" <= character <= "\udfff" for character in value)
