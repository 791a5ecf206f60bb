"""The operator's door, `/sim/…`: accounts, status, replay control and shutdown, behind a bearer token.

No client of the exchange needs it; whoever started the simulator passes the token to whom it trusts.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
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
from engine.simulator.keys import open_account, parse_balance, parse_keys
from engine.simulator.model import ApiError
from engine.simulator.replay_handles import handle
from engine.simulator.rest import json_response
from engine.simulator.usage import Usage
from engine.simulator.wire import Json, balance_json

LARGEST_BODY: Final = 64 * 1024


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
        """POST `{api_key?, secret|public_key?, balances, can_trade?, can_withdraw?, maker_bps?, taker_bps?}`: made."""

        async def work() -> Json:
            keys = parse_keys(await _object(request), self.ids)
            account = open_account(self.exchange, keys)
            return {
                "account_id": account.account_id,
                "api_key": account.api_key,
                "secret": account.secret,
                "can_trade": account.can_trade,
                "can_withdraw": account.can_withdraw,
                "maker_bps": f"{account.maker_bps}",
                "taker_bps": f"{account.taker_bps}",
                "balances": [balance_json(balance) for balance in self.exchange.balances(account.account_id)],
            }

        return await self._guarded(request, work)

    async def deposit(self, request: Request) -> Response:
        """POST `/sim/accounts/{api_key}/deposit {asset, quantity}`: what the account then holds of the asset."""

        async def work() -> Json:
            account = self.exchange.account_by_key(request.path_params["api_key"])
            if account is None:
                raise ApiError(-2015, "There is no account with this key.", 404)
            body = await _object(request)
            asset = str(body.get("asset"))
            try:
                balance = self.exchange.deposit(account.account_id, asset, parse_balance(asset, body.get("quantity")))
            except ValueError as error:
                raise ApiError(-1130, f"{error}.") from None
            return balance_json(balance)

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
        """POST `/sim/replay/ACTION`: drive a recorded market (`replay_handles.py`); where it then stands."""

        async def work() -> Json:
            controller = self.flow.controller
            if controller is None:
                raise ApiError(-1000, "This market is not a replay.", 409)
            action: str = request.path_params["action"]
            return await handle(action, await _object(request), controller, self._flush_depth)

        return await self._guarded(request, work)

    def _flush_depth(self) -> None:
        self.exchange.when_kept(self.channels.flush_depth)

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

    async def _guarded(self, request: Request, work: Callable[[], Awaitable[Json]]) -> Response:
        try:
            self._check_token(request)
            answer = await work()
            await self.exchange.kept()
            return json_response(answer, 200, {})
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


def _size(folder: Path | None) -> int:
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file()) if folder else 0
