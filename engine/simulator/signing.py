"""Who sends a request, and whether it is the sender's own and fresh.

Source: Binance Spot API, "Request security" and "SIGNED request examples (HMAC)", 2026-07.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from engine.simulator.exchange import Exchange
from engine.simulator.model import ApiError, SimAccount
from engine.simulator.params import Params, illegal, missing
from engine.simulator.signatures import verified

API_KEY: Final = re.compile(r"[A-Za-z0-9_-]{8,128}")
SIGNATURE: Final = re.compile(rb"(^|&)signature=[^&]*")
RECV_WINDOW: Final = re.compile(r"([0-9]{1,5})(\.[0-9]{1,3})?")
DEFAULT_RECV_WINDOW_MS: Final = Decimal(5000)
LONGEST_RECV_WINDOW_MS: Final = Decimal(60000)
AHEAD_MS: Final = 1000


def holder_of_key(exchange: Exchange, api_key: str | None) -> SimAccount:
    """The account of an API key; -2014 when it does not look like one, -2015 when nobody has it (HTTP 401)."""
    if api_key is None or API_KEY.fullmatch(api_key) is None:
        raise ApiError(-2014, "API-key format invalid.", 401)
    account = exchange.account_by_key(api_key)
    if account is None:
        raise ApiError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
    return account


def check_signed(account: SimAccount, params: Params, payload: bytes, now_ms: int) -> None:
    """Check `timestamp`, `recvWindow` and the `signature` over `payload` (bytes as received) by the account's key.

    ApiError -1102 when one is missing, -1021 when the request is too old or from the future, -1022
    when the signature is not this account's.
    """
    check_time(params, now_ms)
    given = params.optional("signature")
    if given is None:
        raise missing("signature")
    if not verified(account.secret, payload, given):
        raise ApiError(-1022, "Signature for this request is not valid.")


def rest_payload(query: bytes, body: bytes) -> bytes:
    """What a REST request signs: the raw query and the raw body, one after the other, without the signature."""
    return _without_signature(query) + _without_signature(body)


def ws_payload(values: Mapping[str, str]) -> bytes:
    """What a WebSocket API request signs: its parameters sorted by name as `k=v&…`, not percent-encoded."""
    return "&".join(f"{name}={values[name]}" for name in sorted(values) if name != "signature").encode()


def _without_signature(raw: bytes) -> bytes:
    return SIGNATURE.sub(b"", raw).removeprefix(b"&")


def check_time(params: Params, now_ms: int) -> None:
    """ApiError -1102 without a `timestamp`, -1021 outside of the `recvWindow`, -1131 when that is too long."""
    window_text = params.optional("recvWindow")
    window_ms = DEFAULT_RECV_WINDOW_MS
    if window_text is not None:
        if RECV_WINDOW.fullmatch(window_text) is None:
            raise illegal("recvWindow", r"^[0-9]{1,5}(\.[0-9]{1,3})?$")
        window_ms = Decimal(window_text)
        if window_ms > LONGEST_RECV_WINDOW_MS:
            raise ApiError(-1131, "'recvWindow' must be less than 60000.")
    sent_ms = params.moment("timestamp")
    if sent_ms is None:
        raise missing("timestamp")
    if sent_ms >= now_ms + AHEAD_MS:
        raise ApiError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now_ms - sent_ms > window_ms:
        raise ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")
