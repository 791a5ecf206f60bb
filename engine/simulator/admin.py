"""The operator's door, `/sim/…`: accounts, status, replay control and shutdown, behind a bearer token.

No client of the exchange needs it; whoever started the simulator passes the token to whom it trusts.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final, cast

import orjson
from starlette.requests import Request
from starlette.responses import Response

from engine.runtime import Ids
from engine.simulator.channels import MarketChannels
from engine.simulator.exchange import Exchange, NowMs
from engine.simulator.fault_script import fault_json, parse_fault
from engine.simulator.faults import Faults
from engine.simulator.flow import Flow
from engine.simulator.model import ApiError, SimAccount
from engine.simulator.replay import ReplayController
from engine.simulator.rest import json_response
from engine.simulator.signing import API_KEY
from engine.simulator.usage import Usage
from engine.simulator.wire import Json, balance_json

BALANCE: Final = re.compile(r"(0|[1-9][0-9]{0,11})(\.[0-9]{1,8})?")
ASSET: Final = re.compile(r"[A-Z0-9]{1,10}")
LARGEST_BODY: Final = 64 * 1024
MOST_STEPS: Final = 10_000
LONGEST_SEEK_S: Final = 10**6


@dataclass(frozen=True, slots=True)
class Keys:
    """A key pair for an account and what it starts with."""

    api_key: str
    secret: str
    balances: Mapping[str, Decimal]
    can_trade: bool = True
    can_withdraw: bool = False


def open_account(exchange: Exchange, keys: Keys) -> SimAccount:
    """The account of these keys, made when there is none; ApiError (409) when the key has another secret."""
    held = exchange.account_by_key(keys.api_key)
    if held is None:
        return exchange.create_account(
            keys.api_key, keys.secret, keys.balances, can_trade=keys.can_trade, can_withdraw=keys.can_withdraw
        )
    if not hmac.compare_digest(held.secret.encode(), keys.secret.encode()):
        raise ApiError(-2015, "This API key is taken.", 409)
    return held


@dataclass(frozen=True, slots=True)
class Admin:
    """The operator's requests. Without a token every one of them is refused."""

    exchange: Exchange
    channels: MarketChannels
    flow: Flow
    flow_spec: str
    journal_dir: Path | None
    token: str | None
    ids: Ids
    now_ms: NowMs
    shut_down: Callable[[], None]
    faults: Faults
    usage: Usage

    async def accounts(self, request: Request) -> Response:
        """POST `{api_key?, secret?, balances, can_trade?, can_withdraw?}`: the account and its keys, made once."""

        async def work() -> Json:
            keys = _keys(await _object(request), self.ids)
            account = open_account(self.exchange, keys)
            return {
                "account_id": account.account_id,
                "api_key": account.api_key,
                "secret": account.secret,
                "can_trade": account.can_trade,
                "can_withdraw": account.can_withdraw,
                "balances": [balance_json(balance) for balance in self.exchange.balances(account.account_id)],
            }

        return await self._guarded(request, work)

    async def status(self, request: Request) -> Response:
        """GET: what market this is and where it stands."""

        async def work() -> Json:
            return {
                "seed": self.exchange.seed,
                "symbols": list(self.exchange.listings),
                "flow": self.flow_spec,
                "flow_status": dict(self.flow.status()),
                "time": self.now_ms(),
                "recovered": self.exchange.recovered,
                "journal_bytes": _size(self.journal_dir),
            }

        return await self._guarded(request, work)

    async def replay(self, request: Request) -> Response:
        """POST `/sim/replay/step {diffs}`, `/pause`, `/resume`, `/seek {seconds}`: drive a recorded market."""

        async def work() -> Json:
            body = await _object(request)
            controller = self._replay()
            action: str = request.path_params["action"]
            try:
                if action == "step":
                    self._step(controller, _whole(body, "diffs", MOST_STEPS))
                elif action == "seek":
                    controller.seek(_whole(body, "seconds", LONGEST_SEEK_S))
                elif action == "pause":
                    controller.pause()
                elif action == "resume":
                    controller.resume()
                else:
                    raise ApiError(-1000, "A replay can step, seek, pause and resume.", 404)
            except ValueError as error:
                raise ApiError(-1130, str(error)) from None
            return dict(controller.status())

        return await self._guarded(request, work)

    async def list_faults(self, request: Request) -> Response:
        """GET: the faults at work."""

        async def work() -> Json:
            now_ms = self.now_ms()
            return {"faults": [fault_json(rule, now_ms) for rule in self.faults.rules.values()]}

        return await self._guarded(request, work)

    async def add_fault(self, request: Request) -> Response:
        """POST one fault, as `fault_script.py` reads it: it holds from now on."""

        async def work() -> Json:
            body = await _object(request)
            try:
                fault = parse_fault(body, f"fault-{self.faults.made + 1}")
                self.faults.add(fault)
            except ValueError as error:
                raise ApiError(-1130, f"{error}.") from None
            return fault_json(self.faults.rules[fault.name], self.now_ms())

        return await self._guarded(request, work)

    async def remove_faults(self, request: Request) -> Response:
        """DELETE all faults, or the one that the path names (404 when there is none)."""

        async def work() -> Json:
            name: str | None = request.path_params.get("name")
            removed = self.faults.remove(name)
            if name is not None and not removed:
                raise ApiError(-1130, f"There is no fault named {name!r}.", 404)
            return {"removed": removed}

        return await self._guarded(request, work)

    async def limits(self, request: Request) -> Response:
        """GET the limits, or POST some of them: they hold from now on, for what was counted already too."""

        async def work() -> Json:
            if request.method == "POST":
                try:
                    self.usage.limits = self.usage.limits.changed(await _object(request))
                except ValueError as error:
                    raise ApiError(-1130, f"{error}.") from None
            return self.usage.limits.as_json()

        return await self._guarded(request, work)

    async def shutdown(self, request: Request) -> Response:
        """POST: end the simulator, as SIGTERM does."""

        async def work() -> Json:
            self.shut_down()
            return {}

        return await self._guarded(request, work)

    def _replay(self) -> ReplayController:
        controller = self.flow.controller
        if controller is None:
            raise ApiError(-1000, "This market is not a replay.", 409)
        return controller

    def _step(self, controller: ReplayController, diffs: int) -> None:
        for _ in range(diffs):
            controller.step(1)
            self.channels.flush_depth()

    async def _guarded(self, request: Request, work: Callable[[], Awaitable[Json]]) -> Response:
        try:
            self._check_token(request)
            return json_response(await work(), 200, {})
        except ApiError as refusal:
            return json_response({"code": refusal.code, "msg": refusal.message}, refusal.http_status, {})

    def _check_token(self, request: Request) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if (
            self.token is None
            or scheme.lower() != "bearer"
            or not hmac.compare_digest(given.strip().encode(), self.token.encode())
        ):
            raise ApiError(-1002, "The operator's bearer token is needed.", 401)


async def _object(request: Request) -> dict[str, object]:
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > LARGEST_BODY:
            raise ApiError(-1101, "Request body is too large.", 413)
    try:
        parsed: object = orjson.loads(raw or b"{}")
    except orjson.JSONDecodeError:
        raise ApiError(-1100, "The body is no JSON.") from None
    if not isinstance(parsed, dict):
        raise ApiError(-1100, "The body must be an object.")
    return cast("dict[str, object]", parsed)


def _keys(body: dict[str, object], ids: Ids) -> Keys:
    unknown = body.keys() - {"api_key", "secret", "balances", "can_trade", "can_withdraw"}
    if unknown:
        raise ApiError(-1104, f"Unknown fields: {', '.join(sorted(unknown))}.")
    api_key, secret = body.get("api_key"), body.get("secret")
    if (api_key is None) != (secret is None):
        raise ApiError(-1128, "api_key and secret come together or not at all.")
    if api_key is None:
        api_key, secret = ids.new() + ids.new(), ids.secret()
    if not isinstance(api_key, str) or API_KEY.fullmatch(api_key) is None:
        raise ApiError(-2014, "api_key must be 8 to 128 letters, digits, '-' or '_'.")
    if not isinstance(secret, str) or not 1 <= len(secret) <= 256:
        raise ApiError(-1130, "secret must be text of 1 to 256 characters.")
    return Keys(
        api_key,
        secret,
        _balances(body.get("balances", {})),
        can_trade=_flag(body, "can_trade", default=True),
        can_withdraw=_flag(body, "can_withdraw", default=False),
    )


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


def _whole(body: dict[str, object], name: str, most: int) -> int:
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise ApiError(-1130, f"{name} must be a whole number from 0 to {most}.")
    return value


def _size(folder: Path | None) -> int:
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file()) if folder else 0
