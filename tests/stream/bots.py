"""A bot on a socket of its own, with the `websockets` library as any bot has it."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.serving import DeskServer, wait_until

PATIENCE_S = 20.0
PASSWORD = "a bot's own password"
numbers = itertools.count(1)

Message = dict[str, Any]


@dataclass
class Socket:
    """What came is kept until it is asked for."""

    connection: ClientConnection
    waiting: list[Message] = field(default_factory=list[Message])

    async def ask(self, op: str, **fields: Any) -> Message:
        """The answer to it: a `reply`, or an `error`."""
        number = next(numbers)
        await self.connection.send(json.dumps({"op": op, "id": number, **fields}))
        return await self.next(lambda message: message.get("id") == number)

    async def subscribe(self, *channels: str, **more: str) -> Message:
        answer = await self.ask("subscribe", channels=list(channels), **more)
        assert answer["type"] == "reply", answer
        return answer

    async def next(self, wanted: Callable[[Message], bool] | str) -> Message:
        """The first message of that type, or that is so; what comes before it is kept for others."""

        def fits(message: Message) -> bool:
            return message["type"] == wanted if isinstance(wanted, str) else wanted(message)

        for number, message in enumerate(self.waiting):
            if fits(message):
                return self.waiting.pop(number)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message: Message = json.loads(await self.connection.recv())
                if fits(message):
                    return message
                self.waiting.append(message)

    async def order(self, order_id: str, *statuses: str) -> Message:
        """The first event of this order with one of the statuses."""
        return await self.next(
            lambda message: (
                message["type"] == "order"
                and message["order"]["id"] == order_id
                and message["order"]["status"] in statuses
            )
        )

    async def closed(self) -> tuple[int, str]:
        """Read on until the end: its code and reason."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    self.waiting.append(json.loads(await self.connection.recv()))
        except ConnectionClosed as end:
            return (end.rcvd.code, end.rcvd.reason) if end.rcvd else (1006, "cut")


@dataclass
class Bot:
    """A user with a paper account, who places orders by HTTP and hears of them on sockets."""

    server: DeskServer
    http: httpx.Client
    token: str

    @asynccontextmanager
    async def socket(self, **options: Any) -> AsyncGenerator[Socket]:
        """Let in by its header."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with connect(
            stream_address(self.server), additional_headers=headers, proxy=None, **options
        ) as connection:
            socket = Socket(connection)
            await socket.next("welcome")
            yield socket

    def place(self, **fields: Any) -> Message:
        """A market buy of 0.001 BTC unless said otherwise."""
        body = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "quantity": "0.001", **fields}
        answer = self.http.post("/orders", json=body)
        assert answer.status_code == 202, answer.text
        return answer.json()

    def place_resting(self, quantity: str = "0.001") -> Message:
        """A limit order far below the market."""
        last = float(self.http.get("/markets/BTC-USDT").json()["ticker"]["last"])
        return self.place(type="limit", price=f"{last * 0.5:.2f}", quantity=quantity)

    def cancel(self, order_id: str) -> None:
        answer = self.http.delete(f"/orders/{order_id}")
        assert answer.status_code == 202, answer.text

    def becomes(self, order_id: str, status: str) -> None:
        """Wait until the order has that status."""
        path = f"/orders/{order_id}"
        wait_until(lambda: self.http.get(path).json()["status"] == status, f"order {order_id} to be {status}")

    def leave_nothing_open(self) -> None:
        """Cancel what is open, and wait for its end."""
        assert self.http.delete("/orders").status_code == 202
        wait_until(lambda: not self.http.get("/orders?status=OPEN").json()["items"], "all orders to end")


def stream_address(server: DeskServer) -> str:
    return f"{server.url.replace('http', 'ws')}/api/v1/stream"


@contextmanager
def new_bot(server: DeskServer) -> Generator[Bot]:
    credentials = {"email": f"stream-{next(numbers)}-{server.port}@example.org", "password": PASSWORD}
    with httpx.Client(base_url=f"{server.url}/api/v1", timeout=PATIENCE_S) as http:
        assert http.post("/auth/register", json=credentials).status_code == 201
        token = http.post("/auth/login", json=credentials).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        yield Bot(server, http, token)
