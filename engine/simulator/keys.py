"""Accounts as the operator and the command line ask for them: keys, balances, rights and fee tier."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, cast

from engine.runtime import Ids
from engine.simulator.exchange import Exchange
from engine.simulator.model import ApiError, SimAccount
from engine.simulator.signatures import PEM, public_key
from engine.simulator.signing import API_KEY

BALANCE: Final = re.compile(r"(0|[1-9][0-9]{0,11})(\.[0-9]{1,8})?")
ASSET: Final = re.compile(r"[A-Z0-9]{1,10}")
BPS: Final = re.compile(r"(0|[1-9][0-9]{0,3})(\.[0-9]{1,4})?")
USUAL_BPS: Final = Decimal(10)
LONGEST_SECRET: Final = 256
LONGEST_PEM: Final = 4096


@dataclass(frozen=True, slots=True)
class Keys:
    """A key pair for an account and what it starts with; `secret` may be a public key in PEM (`signatures.py`)."""

    api_key: str
    secret: str
    balances: Mapping[str, Decimal]
    can_trade: bool = True
    can_withdraw: bool = False
    maker_bps: Decimal = USUAL_BPS
    taker_bps: Decimal = USUAL_BPS


def open_account(exchange: Exchange, keys: Keys) -> SimAccount:
    """The account of these keys, made when there is none; ApiError (409) when the key has another secret."""
    held = exchange.account_by_key(keys.api_key)
    if held is None:
        return exchange.create_account(
            keys.api_key,
            keys.secret,
            keys.balances,
            can_trade=keys.can_trade,
            can_withdraw=keys.can_withdraw,
            maker_bps=keys.maker_bps,
            taker_bps=keys.taker_bps,
        )
    if not hmac.compare_digest(held.secret.encode(), keys.secret.encode()):
        raise ApiError(-2015, "This API key is taken.", 409)
    return held


def parse_keys(body: dict[str, object], ids: Ids) -> Keys:
    """The keys that a request asks for, made up where it brings none; ApiError names what will not do."""
    unknown = body.keys() - {
        "api_key",
        "secret",
        "balances",
        "can_trade",
        "can_withdraw",
        "maker_bps",
        "taker_bps",
        "public_key",
    }
    if unknown:
        raise ApiError(-1104, f"Unknown fields: {', '.join(sorted(unknown))}.")
    api_key, secret = _key_pair(body, ids)
    return Keys(
        api_key,
        secret,
        _balances(body.get("balances", {})),
        can_trade=_flag(body, "can_trade", default=True),
        can_withdraw=_flag(body, "can_withdraw", default=False),
        maker_bps=_bps(body, "maker_bps"),
        taker_bps=_bps(body, "taker_bps"),
    )


def _key_pair(body: dict[str, object], ids: Ids) -> tuple[str, str]:
    """The API key and what its signatures are checked with, a secret or a public key in PEM."""
    api_key, secret, public = body.get("api_key"), body.get("secret"), body.get("public_key")
    if public is not None:
        if secret is not None:
            raise ApiError(-1128, "secret and public_key do not go together.")
        secret = _pem(public)
        api_key = ids.new() + ids.new() if api_key is None else api_key
    elif (api_key is None) != (secret is None):
        raise ApiError(-1128, "api_key and secret come together or not at all.")
    if api_key is None:
        api_key, secret = ids.new() + ids.new(), ids.secret()
    if not isinstance(api_key, str) or API_KEY.fullmatch(api_key) is None:
        raise ApiError(-2014, "api_key must be 8 to 128 letters, digits, '-' or '_'.")
    if not isinstance(secret, str) or not secret or (public is None and len(secret) > LONGEST_SECRET):
        raise ApiError(-1130, f"secret must be text of 1 to {LONGEST_SECRET} characters.")
    if public is None and secret.startswith(PEM):
        raise ApiError(-1130, "A public key goes by the name of public_key.")
    return api_key, secret


def _pem(given: object) -> str:
    if not isinstance(given, str) or len(given) > LONGEST_PEM:
        raise ApiError(-1130, "public_key must be text in PEM.")
    text = given.strip()
    try:
        public_key(text)
    except ValueError as error:
        raise ApiError(-1130, f"{error}.") from None
    return text


def _balances(given: object) -> dict[str, Decimal]:
    if not isinstance(given, dict):
        raise ApiError(-1130, "balances must map assets to decimal text.")
    return {asset: parse_balance(asset, figure) for asset, figure in cast("dict[str, object]", given).items()}


def parse_balance(asset: str, figure: object) -> Decimal:
    """What an account starts with of one asset; ApiError -1130 when it is no plain decimal text."""
    if ASSET.fullmatch(asset) is None:
        raise ApiError(-1130, f"{asset[:20]!r} is no asset: 1 to 10 capital letters or digits.")
    if not isinstance(figure, str) or BALANCE.fullmatch(figure) is None:
        raise ApiError(-1130, f"The balance of {asset} must be plain decimal text with at most 8 decimals.")
    return Decimal(figure)


def _flag(body: dict[str, object], name: str, *, default: bool) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise ApiError(-1130, f"{name} must be true or false.")
    return value


def _bps(body: dict[str, object], name: str) -> Decimal:
    value = body.get(name, str(USUAL_BPS))
    if not isinstance(value, str) or BPS.fullmatch(value) is None:
        raise ApiError(-1130, f"{name} must be plain decimal text, in hundredths of a per cent.")
    return Decimal(value)
