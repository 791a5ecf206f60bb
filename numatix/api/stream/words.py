"""The messages that a socket sends, as text. Market messages are put together in `slots.py`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson

from engine.domain.messages import OrderChanged
from engine.domain.position import Balance
from engine.domain.values import Refusal
from numatix.api.problems import refusal_document
from numatix.api.stream.channels import BALANCES, ORDERS
from numatix.api.stream.operations import Id
from numatix.api.views import balance_view, fill_view, order_view, time_text


def welcome(user_id: str, proven_until: datetime, heartbeat_s: float) -> str:
    return _line("welcome", user_id=user_id, proven_until=time_text(proven_until), heartbeat_s=heartbeat_s)


def reply(asked: Id, op: str, **more: object) -> str:
    return _line("reply", id=asked, op=op, **more)


def error(asked: Id, refusal: Refusal, **more: object) -> str:
    return _line("error", id=asked, **more, problem=refusal_document(refusal))


def heartbeat(now: datetime, sequence: int | None) -> str:
    """`sequence` is the number of the last event that was sent; None without a subscription to orders."""
    return _line("heartbeat", time=time_text(now), sequence=sequence)


def ending(words: str) -> str:
    return _line("ending", detail=words)


def order_event(change: OrderChanged) -> str:
    return _line("order", channel=ORDERS, **_changed(change))


def orders(reason: str, after: int | None, sequence: int, changes: Iterable[OrderChanged], *, last: bool) -> str:
    items = [_changed(change) for change in changes]
    return _line(ORDERS, channel=ORDERS, reason=reason, after=after, sequence=sequence, last=last, items=items)


def balances(account_id: str, held: Iterable[Balance], now: datetime) -> str:
    items = [balance_view(balance).model_dump() for balance in held]
    return _line(BALANCES, channel=BALANCES, account_id=account_id, time=time_text(now), items=items)


def _changed(change: OrderChanged) -> dict[str, Any]:
    order = order_view(change.order, ()).model_dump(exclude={"fills"})
    return {
        "sequence": change.sequence,
        "order": order,
        "fills": [fill_view(fill).model_dump() for fill in change.new_fills],
    }


def _line(kind: str, **fields: object) -> str:
    return orjson.dumps({"type": kind, **fields}).decode()
