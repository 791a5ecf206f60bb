"""Errors as `application/problem+json` (RFC 9457) with a stable `code` and the `field` at fault."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from engine.domain.values import (
    Conflict,
    Denied,
    Forbidden,
    NotFound,
    Refusal,
    TooMany,
    Unauthenticated,
    Unavailable,
)

MEDIA_TYPE = "application/problem+json"
STATUS: tuple[tuple[type[Refusal], int], ...] = (
    (NotFound, 404),
    (Conflict, 409),
    (Forbidden, 403),
    (Unauthenticated, 401),
    (TooMany, 429),
    (Unavailable, 503),
    (Refusal, 422),
)
HTTP_CODES = {404: "no_such_route", 405: "method_not_allowed", 400: "bad_request", 413: "body_too_large"}
VALIDATION = {
    "missing": ("missing_field", "{field} is missing."),
    "extra_forbidden": ("unknown_field", "{field} is no field of this request: leave it out."),
    "json_invalid": ("malformed_json", "The body is no well-formed JSON."),
}
"""Pydantic's kinds of error in our words; every other kind is a wrong type or value."""
LONGEST_ECHO = 80


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    field: str | None = None,
    headers: Mapping[str, str] | None = None,
    **more: str,
) -> Response:
    """A problem document. `more` adds members, such as the id of a denied order."""
    body = problem_document(status, code, detail, field, **more)
    # ASCII escapes: what a request said may come back in the detail, even what is no valid text.
    return Response(json.dumps(body), status, {"Cache-Control": "no-store", **(headers or {})}, MEDIA_TYPE)


def problem_document(status: int, code: str, detail: str, field: str | None, **more: str) -> dict[str, object]:
    """The document itself, for where no response carries it."""
    return {
        "type": f"urn:numatix:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "field": field,
        **more,
    }


def refusal_problem(refusal: Refusal) -> Response:
    """The problem that a refusal of the engine becomes."""
    headers: dict[str, str] = {}
    more: dict[str, str] = {}
    if isinstance(refusal, TooMany):
        headers["Retry-After"] = str(max(1, math.ceil(refusal.retry_after_s)))
    if isinstance(refusal, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(refusal, Unavailable):
        headers["Retry-After"] = "1"
    if isinstance(refusal, Denied):
        more["order_id"] = refusal.order_id
    return problem(_status(refusal), refusal.code, refusal.message, field=_field(refusal), headers=headers, **more)


def refusal_document(refusal: Refusal) -> dict[str, object]:
    """The same as a document alone."""
    return problem_document(_status(refusal), refusal.code, refusal.message, _field(refusal))


def _status(refusal: Refusal) -> int:
    return next(status for kind, status in STATUS if isinstance(refusal, kind))


def _field(refusal: Refusal) -> str | None:
    return None if refusal.field is None else _cut(refusal.field)


def answer_with_problems(app: FastAPI) -> None:
    """Make every error of the app a problem document."""
    app.add_exception_handler(Refusal, _on_refusal)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_defect)


async def _on_refusal(_: Request, error: Exception) -> Response:
    if not isinstance(error, Refusal):
        raise error
    return refusal_problem(error)


async def _on_invalid(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    place = [str(part) for part in first["loc"][1:]] if first["type"] != "json_invalid" else []
    # A field's name is the asker's own word, and may be as long as the body.
    field = _cut(".".join(place)) or None
    code, words = VALIDATION.get(first["type"], ("bad_value", "{field}: {fault}."))
    if field is None and code != "malformed_json":
        return problem(422, "bad_body", "The body must be a JSON object.")
    detail = words.format(field=field, fault=str(first["msg"]).rstrip("."))
    return problem(400 if code == "malformed_json" else 422, code, detail, field=field)


async def _on_http(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    code = HTTP_CODES.get(error.status_code, "bad_request")
    if error.status_code == 404:
        detail = "There is nothing at this address: see /api/docs."
    elif error.status_code == 405:
        detail = f"This address takes {(error.headers or {}).get('Allow', 'another method')}."
    else:
        detail = str(error.detail)
        if error.status_code == 400:
            code, detail = "malformed_json", "The body is no well-formed JSON."
    return problem(error.status_code, code, detail, headers=error.headers)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_ECHO else f"{text[:LONGEST_ECHO]}…"


async def _on_defect(_: Request, __: Exception) -> Response:
    """The gate writes it down: Starlette raises it again once this is answered."""
    return internal_error()


def internal_error() -> Response:
    """What the asker learns of a defect."""
    return problem(500, "internal_error", "Something went wrong on our side; the log of the desk says what.")
