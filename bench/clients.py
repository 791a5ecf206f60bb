"""Clients of an exchange in this process: each has one request under way, in one event loop, as behind the doors."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from decimal import Decimal

from bench.order_mix import Step
from engine.simulator.exchange import Exchange
from engine.simulator.model import ApiError, NewOrder, OrderType, Side, Stp, Terms, TimeInForce

Request = tuple[NewOrder | None, int]
"""An order, or None to cancel one; and its number."""

CLIENTS = 256
MOST = 10**9
ACCOUNTS = 64
RICH = {"USDT": Decimal(10**8), "BTC": Decimal(10**4)}
TERMS = Terms(stp=Stp.EXPIRE_MAKER)
"""What a door puts into an order that says nothing."""


class Clients:
    """They take the requests in turn; an answer counts when it may go out."""

    def __init__(
        self, exchange: Exchange, requests: Iterable[Request], *, accounts: int = ACCOUNTS, most: int = MOST
    ) -> None:
        """They end when the requests do, or when so many were taken and answered."""
        self.exchange = exchange
        self._most = most
        self.done = 0
        """Orders and cancels that were taken and answered."""
        self.reports = 0
        self._requests = iter(requests)
        self._resting: dict[int, int] = {}
        self._accounts = [
            found.account_id if (found := exchange.account_by_key(key)) else self._open(key)
            for key in (f"key-{number:08d}" for number in range(accounts))
        ]
        exchange.listen(self._count, kept=True)

    async def trade(self) -> None:
        """All of them at once, until there is nothing left to do."""
        await asyncio.gather(*(self._client() for _ in range(CLIENTS)))

    async def _client(self) -> None:
        exchange, accounts = self.exchange, self._accounts
        for order, number in self._requests:
            account = accounts[number % len(accounts)]
            try:
                if order is not None:
                    answer, _ = exchange.place(account, order)
                    if answer.working:
                        self._resting[number] = answer.order_id
                elif number in self._resting:
                    exchange.cancel(account, "BTCUSDT", order_id=self._resting.pop(number))
                else:
                    continue
            except ApiError:  # it was filled meanwhile, or there are too many
                continue
            self.done += 1
            await exchange.kept()
            if self.done >= self._most:
                return
            await asyncio.sleep(0)

    def _open(self, key: str) -> int:
        return self.exchange.create_account(key, "secret", RICH).account_id

    def _count(self, _: object) -> None:
        self.reports += 1


def request_of(step: Step) -> Request:
    """What a door would have made of it."""
    if step.kind == "cancel":
        return None, step.number
    kind = OrderType.LIMIT if step.kind == "limit" else OrderType.MARKET
    side, name = Side(step.side), f"order-{step.number}"
    order = NewOrder("BTCUSDT", side, kind, name, TimeInForce.GTC, step.price_ticks, step.lots, terms=TERMS)
    return order, step.number
