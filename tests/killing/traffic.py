"""Users who trade without pause through the API of a desk that keeps dying, and remember what they were promised."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from itertools import count
from typing import Any

import httpx

PAUSE_S = 0.1
RUSH = 15
EXPECTED: Mapping[str, frozenset[int]] = {
    "GET": frozenset({200, 503}),
    "POST": frozenset({200, 202, 422, 429, 503}),
    "DELETE": frozenset({202, 409, 503}),
}
"""Taken before, taken, denied, too many, not ready or ending, finished already: what a good client reckons with."""
BASES = {"BTC/USDT": Decimal("0.0004"), "ETH/USDT": Decimal("0.008")}
"""What is traded, in multiples of these quantities."""


@dataclass
class User:
    """One user's account of what they asked for and what the desk answered."""

    name: str
    http: httpx.AsyncClient
    rng: random.Random
    numbers: count[int] = field(default_factory=lambda: count(1))
    promised: dict[str, str] = field(default_factory=dict[str, str])
    """Order ids by client order id, of each order that was answered with 202 or 200."""
    cancelled: set[str] = field(default_factory=set[str])
    """Ids of the orders whose cancel was answered with 202."""
    faults: list[str] = field(default_factory=list[str])
    """Answers that no client should get."""
    unanswered: int = 0
    slowest_s: float = 0.0
    """The longest that any answer took."""

    async def trade(self) -> None:
        """Until cancelled."""
        while True:
            act = self.rng.choices((self._order, self._cancel, self._cancel_all), (75, 24, 1))[0]
            await act()
            await asyncio.sleep(self.rng.uniform(0, PAUSE_S))

    async def rush(self) -> None:
        """Many orders at once."""
        await asyncio.gather(*(self._order() for _ in range(RUSH)))

    async def _order(self) -> None:
        body = await self._draft()
        if body is None:
            return
        while True:
            answer = await self._ask("POST", "/orders", body)
            if answer is not None:
                if answer.status_code in {200, 202}:
                    self.promised[body["client_order_id"]] = answer.json()["id"]
                if answer.status_code not in {429, 503}:
                    return
            elif self.rng.random() < 0.3:
                return  # this client does not try again: it may be there or not
            await asyncio.sleep(PAUSE_S)

    async def _draft(self) -> Mapping[str, Any] | None:
        symbol = self.rng.choice(tuple(BASES))
        kind = self.rng.choices(("market", "near", "far"), (50, 30, 20))[0]
        side = self.rng.choice(("buy", "sell"))
        body: dict[str, Any] = {
            "symbol": symbol,
            "side": side,
            "type": "market",
            "quantity": str(BASES[symbol] * self.rng.randint(1, 4)),
            "client_order_id": f"{self.name}-{next(self.numbers)}",
        }
        if kind == "market":
            return body
        answer = await self._ask("GET", f"/markets/{symbol.replace('/', '-')}")
        if answer is None or answer.status_code != 200:
            return None
        market = answer.json()
        away = Decimal(self.rng.choice(("-0.0005", "0", "0.0003")) if kind == "near" else "0.05")
        factor = 1 - away if side == "buy" else 1 + away
        price = (Decimal(market["ticker"]["last"]) * factor).quantize(Decimal(market["tick"]), ROUND_DOWN)
        return body | {"type": "limit", "price": str(price)}

    async def _cancel(self) -> None:
        if not self.promised:
            return
        newest = tuple(self.promised.values())[-20:]
        order_id = self.rng.choice(newest)
        answer = await self._ask("DELETE", f"/orders/{order_id}")
        if answer is not None and answer.status_code == 202:
            self.cancelled.add(order_id)

    async def _cancel_all(self) -> None:
        answer = await self._ask("DELETE", "/orders")
        if answer is not None and answer.status_code == 202:
            self.cancelled |= {one["id"] for one in answer.json()["items"]}

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response | None:
        """None when the desk died before it answered."""
        asked = time.monotonic()
        try:
            answer = await self.http.request(method, path, json=body)
        except httpx.TransportError:
            self.unanswered += 1
            return None
        self.slowest_s = max(self.slowest_s, time.monotonic() - asked)
        if answer.status_code not in EXPECTED[method]:
            self.faults.append(f"{method} {path} {body}: {answer.status_code} {answer.text}")
        return answer


def open_user(url: str, name: str, seed: int) -> User:
    """Register at the desk and log in."""
    who = {"email": f"{name}@example.org", "password": f"the password of {name}"}
    httpx.post(f"{url}/api/v1/auth/register", json=who).raise_for_status()
    token = httpx.post(f"{url}/api/v1/auth/login", json=who).raise_for_status().json()["access_token"]
    http = httpx.AsyncClient(
        base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=10.0, verify=False
    )
    return User(name, http, random.Random(f"{seed} {name}"))
