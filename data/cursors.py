"""Opaque places in a list: a page ends at a row's key, and the next one starts behind it."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Any

from data.rows import from_micros, to_micros

LONGEST = 400


def cursor_after(kind: str, at: datetime, row_id: str) -> str:
    """The place behind the row of this time and id, in the list of this kind."""
    return base64.urlsafe_b64encode(json.dumps([kind, to_micros(at), row_id]).encode()).decode().rstrip("=")


def place_of(kind: str, cursor: str) -> tuple[int, str]:
    """The key (microseconds, id) that a cursor of `cursor_after` stands for. ValueError for anything else."""
    if len(cursor) > LONGEST:
        raise ValueError("not a cursor of this list")
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        parts: Any = json.loads(text)
    except (binascii.Error, UnicodeError, ValueError, RecursionError) as error:
        raise ValueError("not a cursor of this list") from error
    match parts:
        case [str(found), int(micros), str(row_id)] if found == kind and not isinstance(micros, bool):
            try:
                from_micros(micros)
            except OverflowError as error:
                raise ValueError("not a cursor of this list") from error
            return micros, row_id
        case _:
            raise ValueError("not a cursor of this list")
