"""What a failed call says of the order that it carried. Pure: no ccxt, no network.

Source of the codes: Binance Spot API, Errors, 2026-07; of what each leaves behind: injected one by one,
see tests/engine/test_venue_errors.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

import orjson

from engine.ports import CancelUnclear, Lost, NotSent, Refused, VenueError

LONGEST_DETAIL = 300
SECRET_PARAMETER = re.compile(r"(?i)\b(signature|apikey|listenKey|X-MBX-APIKEY)(['\"]?\s*[=:]\s*['\"]?)[^&\s'\",}]+")


class TroubleKind(StrEnum):
    NOT_SENT = "not sent"
    """No connection was made: the request never left this machine."""
    UNANSWERED = "unanswered"
    """It may have arrived: a timeout, a dropped connection, a gateway's error page, a body that makes no sense."""
    RATE_LIMITED = "rate limited"
    CLOCK = "clock"
    """Refused for its timestamp: our clock and the venue's are too far apart."""
    KEY = "key"
    """Refused for its key or signature."""
    NOT_FOUND = "not found"
    REFUSED = "refused"


class Trouble(Exception):
    """A call that failed. `code` is the venue's number or our own word; `detail` holds no secret."""

    def __init__(
        self, kind: TroubleKind, code: str, detail: str, retry_after_s: float | None = None, answer: object = None
    ) -> None:
        super().__init__(f"{kind} {code}: {detail}")
        self.kind = kind
        self.code = code
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.answer = answer
        """The venue's whole answer, where half of it may be a success."""

    def place_outcome(self) -> Refused | NotSent | Lost:
        """What became of the order, or the list (placed whole or not at all), whose placing failed like this."""
        match self.kind:
            case TroubleKind.NOT_SENT:
                return NotSent(self.detail)
            case TroubleKind.UNANSWERED:
                return Lost(self.detail)
            case _:
                return Refused(self.code, self.detail, self.retry_after_s)

    def cancel_outcome(self) -> CancelUnclear:
        """No failed cancel proves anything: even "unknown order" is what a cancel says whose first answer was lost."""
        return CancelUnclear(f"{self.code}: {self.detail}")

    def read_error(self) -> VenueError:
        """The error of a call that only asked."""
        return VenueError(self.code, self.detail, auth=self.kind is TroubleKind.KEY)


KIND_BY_CODE: Mapping[int, TroubleKind] = {
    -1000: TroubleKind.UNANSWERED,  # unknown error while processing
    -1001: TroubleKind.UNANSWERED,  # internal error, "unable to process your request"
    -1003: TroubleKind.RATE_LIMITED,
    -1004: TroubleKind.UNANSWERED,  # server busy
    -1006: TroubleKind.UNANSWERED,  # unexpected response, "execution status unknown"
    -1007: TroubleKind.UNANSWERED,  # timeout, "execution status unknown"
    -1008: TroubleKind.UNANSWERED,  # overloaded
    -1015: TroubleKind.RATE_LIMITED,  # too many orders
    -1021: TroubleKind.CLOCK,
    -1002: TroubleKind.KEY,
    -1022: TroubleKind.KEY,
    -2008: TroubleKind.KEY,
    -2014: TroubleKind.KEY,
    -2015: TroubleKind.KEY,
    -2011: TroubleKind.NOT_FOUND,
    -2013: TroubleKind.NOT_FOUND,
}
"""What is not listed was refused by a rule that the message names."""
CODE_BY_WORDS: tuple[tuple[str, str], ...] = (
    ("insufficient balance", "INSUFFICIENT_BALANCE"),
    ("immediately match", "WOULD_MATCH"),
    ("Duplicate order", "DUPLICATE_CLIENT_ORDER_ID"),
    ("Filter failure: ", "FILTER_FAILURE"),
)


def trouble_of_answer(status: int, headers: Mapping[str, str], body: str, answer: object) -> Trouble | None:
    """The trouble in an HTTP answer (or, with status 0, in a WebSocket API error); None when it is none."""
    if status in {418, 429}:
        return Trouble(TroubleKind.RATE_LIMITED, f"HTTP_{status}", _words(answer, body), _retry_after(headers))
    code = _venue_code(answer)
    if code is not None and code < 0:
        kind = KIND_BY_CODE.get(code, TroubleKind.REFUSED)
        words = _words(answer, body)
        retry_after_s = _retry_after(headers) if kind is TroubleKind.RATE_LIMITED else None
        return Trouble(kind, _named(code, words), words, retry_after_s, answer)
    if status >= 400:
        return Trouble(TroubleKind.UNANSWERED, f"HTTP_{status}", cut(redact(body)) or "an answer without a body")
    return None


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without keys and signatures, whatever URL or header they stand in."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "…")
    return SECRET_PARAMETER.sub(r"\1\2…", text)


def cut(text: str) -> str:
    """One line of bounded length: what a venue or a proxy answers may be a page of HTML."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_DETAIL else f"{line[:LONGEST_DETAIL]}…"


def _venue_code(answer: object) -> int | None:
    match answer:
        case {"code": int() as code}:
            return code
        case {"code": str() as text} if re.fullmatch(r"-?[0-9]{1,6}", text):
            return int(text)
        case _:
            return None


def _words(answer: object, body: str) -> str:
    match answer:
        case {"msg": str() as words}:
            return cut(redact(words))
        case _:
            return cut(redact(body))


def _named(code: int, words: str) -> str:
    """A stable name where one number stands for several refusals, else the number."""
    for part, name in CODE_BY_WORDS:
        if part in words:
            return f"{name}:{words.partition(part)[2].split(maxsplit=1)[0]}" if name == "FILTER_FAILURE" else name
    return str(code)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    for name, value in headers.items():
        if name.lower() == "retry-after" and re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", value):
            return float(value)
    return None


def parsed(body: str) -> object:
    """The JSON of a body; None when it is none."""
    try:
        answer: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return answer
