"""A desk that users trade on while things happen to it, and the judgement afterwards."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.killing.books import OPEN, differences, read_books
from tests.killing.mortal import MortalDesk, Victim, owned_desk
from tests.killing.traffic import BASES, User, open_user
from tests.serving import PATIENCE_S
from tests.simulator.process import Keys

USERS = 3
AT_ONCE = 2
CALM_WITHIN_S = 60.0
"""The settle window of 20 s, and a slow machine."""
AGREE_WITHIN_S = 20.0
"""The market goes on while both are read, and an idle account is polled every 10 s."""
SYMBOLS = tuple(symbol.replace("/", "") for symbol in BASES)
FINISHED = frozenset({"FILLED", "CANCELED", "REJECTED", "DENIED", "EXPIRED"})


@asynccontextmanager
async def campaign(tmp_path: Path, seed: int, **settings: str) -> AsyncGenerator[Campaign]:
    """A desk with users who wait to trade; judged when the block ends well.

    The same seed gives the same users and moments; what falls together is left to the machine."""
    run = Campaign(owned_desk(tmp_path / "var", **settings), random.Random(seed))
    run.desk.rise()
    try:
        run.users = [open_user(run.desk.url, f"user{number}", seed) for number in range(USERS)]
        yield run
        await run.judge(OPEN)
        for user in run.users:
            (await user.http.delete("/orders")).raise_for_status()
        await run.judge(frozenset())
        print(f"seed {seed}: {run.summary}")
        assert run.summary["FILLED"] > run.deaths, "hardly anybody traded"
    finally:
        for user in run.users:
            await user.http.aclose()
        run.desk.stop()


@dataclass
class Campaign:
    desk: MortalDesk
    rng: random.Random
    users: list[User] = field(default_factory=list[User])
    keys: dict[str, Keys] = field(default_factory=dict[str, Keys])
    summary: dict[str, int] = field(default_factory=dict[str, int])
    deaths: int = 0

    @asynccontextmanager
    async def traffic(self) -> AsyncGenerator[None]:
        """Everybody trades."""
        async with asyncio.TaskGroup() as group:
            trading = [group.create_task(user.trade()) for user in self.users for _ in range(AT_ONCE)]
            yield
            for task in trading:
                task.cancel()

    async def some_moment(self) -> None:
        await asyncio.sleep(self.rng.uniform(0.3, 2.0))

    async def kill(self, victim: Victim) -> None:
        """In the middle of a rush: that is when most is in flight. The desk serves again when this returns."""
        self.deaths += 1
        rush = asyncio.gather(*(user.rush() for user in self.users))
        await asyncio.sleep(self.rng.uniform(0.02, 0.4))
        await asyncio.to_thread(self.desk.strike, victim)
        if victim is not Victim.EXCHANGE:
            await self.rise()
        await rush

    async def rise(self) -> None:
        self.keys.update(await asyncio.to_thread(self.desk.keys))
        await asyncio.to_thread(self.desk.rise)

    async def judge(self, may_rest: frozenset[str]) -> None:
        """Every promise was kept, and ledger and exchange agree in everything."""
        for user in self.users:
            rows = await asyncio.to_thread(self._settled, user)
            assert user.faults == [], user.faults[:3]
            assert lost_promises(user, rows) == [], lost_promises(user, rows)[:3]
            assert {row["status"] for row in rows} - FINISHED <= may_rest
            faults = await asyncio.to_thread(self._disagreement, user)
            assert not faults, f"{user.name}: {faults[:5]}"
            for row in rows:
                self.summary[row["status"]] = self.summary.get(row["status"], 0) + 1
            self.summary["unanswered"] = self.summary.get("unanswered", 0) + user.unanswered

    def _settled(self, user: User) -> list[dict[str, Any]]:
        with plain(user) as api:
            return self.desk.settle(api, CALM_WITHIN_S)

    def _disagreement(self, user: User) -> list[str]:
        """What does not come to agree; the market moves on between the two readings, so it is read until they do."""
        end = time.monotonic() + AGREE_WITHIN_S
        with plain(user) as api:
            while True:
                rows = self.desk.orders(api)
                balances = api.get("/balances").raise_for_status().json()
                books = read_books(self.desk.exchange_url(), self.keys[balances["account_id"]], SYMBOLS)
                faults = differences(rows, balances["items"], books)
                if not faults or time.monotonic() > end:
                    return faults
                time.sleep(0.2)


def plain(user: User) -> httpx.Client:
    """The user's client for use in a thread."""
    return httpx.Client(
        base_url=user.http.base_url,
        headers={"Authorization": user.http.headers["Authorization"]},
        timeout=PATIENCE_S,
        verify=False,
    )


def lost_promises(user: User, rows: Sequence[dict[str, Any]]) -> list[str]:
    known = {row["client_order_id"]: row for row in rows}
    by_id = {row["id"]: row for row in rows}
    lost = [f"{name} was taken and is not in the ledger" for name in user.promised.keys() - known.keys()]
    other = [name for name, order_id in user.promised.items() if name in known and known[name]["id"] != order_id]
    alive = [order_id for order_id in user.cancelled if by_id[order_id]["status"] in OPEN]
    return [
        *lost,
        *(f"{name} was promised under another id" for name in other),
        *(f"the cancel of {order_id} was taken, and it is {by_id[order_id]}" for order_id in alive),
    ]
