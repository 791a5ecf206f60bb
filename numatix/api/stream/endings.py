"""How a socket ends: the close code, a word for people, and the last message before it."""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain.values import Refusal, TooMany, Unauthenticated
from numatix.api.stream import words
from numatix.api.stream.times import LARGEST_MESSAGE


@dataclass(frozen=True, slots=True)
class Ending:
    code: int
    reason: str
    last_line: str | None = None
    polite: bool = True
    """Whether the client still reads; else it is cut off soon after."""


GONE = Ending(1005, "")
"""The client went: there is nobody to tell."""
NO_TEXT = Ending(1003, "only text is taken")
UNREAD = Ending(1013, "nothing was read for too long", polite=False)
BROKEN = Ending(1011, "something went wrong on our side")
TOO_LARGE = Ending(
    1009,
    "the message is too large",
    words.error(None, Refusal("message_too_large", f"A message may hold {LARGEST_MESSAGE} characters at most.")),
)
ENDED = Ending(1012, "the desk is ending")
FLOOD = Ending(1008, "too many messages")
NO_TOKEN = Ending(
    4401,
    "login_needed",
    words.error(
        None,
        Unauthenticated(
            "login_needed", 'Say who you are first: {"op": "auth", "token": "…"}, or Authorization: Bearer … .', "token"
        ),
    ),
)


def unproven(refusal: Refusal) -> Ending:
    """The token is wrong, or over."""
    return Ending(4401, refusal.code, words.error(None, refusal))


def crowded(what: str) -> Ending:
    return Ending(1013, "too many sockets", words.error(None, TooMany("too_many_sockets", what, 1.0)))
