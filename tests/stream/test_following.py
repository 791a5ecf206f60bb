"""Whatever the way to a socket loses or overtakes, the client ends with each order as the ledger has it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from data.bus import MemoryBus
from data.database import Database
from data.drifts import SqlDrifts
from data.ledger import SqlLedger
from data.streams import MemoryStream
from data.users import SqlUsers
from data.vault import Vault
from engine.domain.messages import OrderChanged
from engine.domain.order import Accepted, Canceled, Order, Submitting
from engine.runtime import Supervisor, SystemClock, SystemIds
from numatix.api.stream.following import PAGE, Following
from numatix.api.stream.outbox import Outbox
from numatix.chain import build_chain
from tests.data.makers import NOON, a_fill, an_order

USER = "ann"


@dataclass
class Client:
    """Follows a user as a socket does, and believes what it is told."""

    ledger: SqlLedger
    bus: MemoryBus
    following: Following
    outbox: Outbox
    reasons: list[str] = field(default_factory=list[str])
    numbers: list[int] = field(default_factory=list[int])
    statuses: dict[str, str] = field(default_factory=dict[str, str])
    fills: set[str] = field(default_factory=set[str])

    async def hear(self, until: int) -> None:
        """Take messages until everything up to that number is covered."""
        async with asyncio.timeout(10):
            while not self.numbers or self.numbers[-1] < until:
                message: dict[str, Any] = json.loads(await self.outbox.next())
                if message["type"] == "order":
                    self._believe(message)
                    assert message["sequence"] == self.numbers[-1] + 1
                    self.numbers.append(message["sequence"])
                    continue
                self.reasons += [message["reason"]] * message["last"]
                for item in message["items"]:
                    self._believe(item)
                self.numbers += [message["sequence"]] * message["last"]

    def _believe(self, item: dict[str, Any]) -> None:
        self.statuses[item["order"]["id"]] = item["order"]["status"]
        self.fills |= {fill["id"] for fill in item["fills"]}

    async def is_right(self) -> bool:
        """Whether it knows every order that it ever heard of as it is."""
        orders = {order_id: await self.ledger.order(order_id) for order_id in self.statuses}
        return all(order is not None and order.status == self.statuses[order.id] for order in orders.values())

    async def record(self, order: Order | None = None, *, lose: bool = False) -> Order:
        recorded = await self.ledger.record_order(order or an_order(user_id=USER))
        assert recorded.change is not None
        await self._publish(recorded.change, lose=lose)
        return recorded.order

    async def advance(self, order: Order, *events: Any, lose: bool = False, **more: Any) -> OrderChanged:
        change = (await self.ledger.advance(order.id, events, NOON, source="stream", **more)).change
        assert change is not None
        await self._publish(change, lose=lose)
        return change

    async def _publish(self, change: OrderChanged, *, lose: bool) -> None:
        if not lose:
            await self.bus.publish(change)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncGenerator[Client]:
    clock, ids, bus = SystemClock(), SystemIds(), MemoryBus()
    supervisor = Supervisor("following under test", clock)
    with Database.open(tmp_path / "numatix.db") as database:
        ledger = SqlLedger(database, ids)
        chain = build_chain(
            ledger=ledger,
            users=SqlUsers(database, Vault(b"a secret key of the tests"), clock),
            drifts=SqlDrifts(database),
            stream=MemoryStream(clock),
            bus=bus,
            venues={},
            paper=None,
            supervisor=supervisor,
            clock=clock,
            ids=ids,
        )
        chain.desk.hub.start(supervisor)
        outbox = Outbox()
        following = Following(chain.desk, USER, outbox, clock)
        supervisor.run("follow", following.follow(chain.desk.hub.subscribe(USER)))
        yield Client(ledger, bus, following, outbox)
        await supervisor.close()


async def test_what_was_lost_on_the_way_is_told_from_the_ledger(client: Client) -> None:
    await client.following.show_orders()
    order = await client.record()
    await client.hear(1)
    filled = await client.record(lose=True)
    await client.advance(filled, Submitting(), Accepted("v-1"), lose=True)
    fill = a_fill(filled, "1")
    await client.advance(filled, lose=True, new_fills=[fill])
    await client.advance(order, Submitting())
    await client.hear(5)
    assert client.reasons == ["snapshot", "gap"]
    assert await client.is_right()
    assert client.statuses.keys() == {order.id, filled.id}
    assert client.fills == {fill.id}
    await client.advance(order, Accepted("v-2"))
    await client.hear(6)
    assert client.reasons == ["snapshot", "gap"]


async def test_a_client_that_reads_slowly_ends_with_the_newest_state_and_no_backlog(client: Client) -> None:
    await client.following.show_orders()
    orders = [await client.record() for _ in range(110)]
    for order in orders:
        await client.advance(order, Submitting())
        await client.advance(order, Canceled())
    assert len(client.outbox) < 50
    await client.hear(330)
    assert "gap" in client.reasons
    assert await client.is_right()
    assert len(client.statuses) == 110
    assert len(client.numbers) < 200


async def test_a_list_that_shows_an_order_newer_than_an_event_is_not_taken_back_by_it(client: Client) -> None:
    """What happens while the list is read comes again as an event, of an order that the client knows newer already."""
    order = await client.record()
    early = await client.advance(order, Submitting(), lose=True)
    late = await client.advance(order, Accepted("v-1"), lose=True)
    stale = await client.ledger.changed_since(USER, 0, 10)
    assert stale is not None
    await client.following.show_orders()
    client.following.sequence = 1  # as if the number had been read before the two events, and the list after them
    client.following.remember_newer(stale.changes, until=late.sequence)
    await client.bus.publish(early)
    await client.bus.publish(late)
    seen: list[str] = []
    async with asyncio.timeout(5):
        while len(seen) < 3:
            message = json.loads(await client.outbox.next())
            changes = message["items"] if message["type"] == "orders" else [message]
            seen += [item["order"]["status"] for item in changes]
    assert seen == ["ACCEPTED"] * 3


async def test_a_long_list_comes_in_pages_and_says_which_is_the_last(client: Client) -> None:
    await asyncio.gather(*(client.record(lose=True) for _ in range(PAGE * 2 + 1)))
    await client.following.resume(0)
    await client.hear(PAGE * 2 + 1)
    assert client.reasons == ["resume"]
    assert len(client.statuses) == PAGE * 2 + 1


async def test_more_than_can_be_told_one_by_one_becomes_a_list_of_what_is_open(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.desk.desk.MOST_CHANGED", 30)
    finished = await client.record(lose=True)
    await client.advance(finished, Submitting(), Canceled(), lose=True)
    await asyncio.gather(*(client.record(lose=True) for _ in range(30)))
    await client.following.resume(0)
    await client.hear(32)
    assert client.reasons == ["resync"]
    assert len(client.statuses) == 30
    assert finished.id not in client.statuses
