"""User data: every account's own events, to the sockets that may see them.

Two ways in: a listen key (older clients, `/ws/<listenKey>`) and a subscription on the WebSocket API.

Source: Binance Spot API, "User Data Streams", 2026-07.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Final

import orjson

from engine.runtime import Ids
from engine.simulator.events import account_position, balance_update, execution_report, list_status
from engine.simulator.exchange import Exchange, NowMs
from engine.simulator.faults import Faults, What
from engine.simulator.model import ApiError, BalancesChanged, Deposited, ListReported, OrderReported, SimEvent
from engine.simulator.operations import Call, Operation, Security, operation
from engine.simulator.outbox import Outbox
from engine.simulator.time_units import text_in_microseconds
from engine.simulator.wire import Json, Notation

LISTEN_KEY_MS: Final = 60 * 60 * 1000
SWEEP_S: Final = 1.0


@dataclass(eq=False, frozen=True, slots=True)
class UserSubscription:
    """One socket's interest in one account; `head` and `tail` go around each event."""

    account_id: int
    outbox: Outbox
    head: str = ""
    tail: str = ""
    listen_key: str = ""
    micros: bool = False
    """Whether it wants times in microseconds."""

    def put(self, event: str) -> None:
        """Queue one encoded event."""
        if self.micros:
            event = text_in_microseconds(event)
        self.outbox.put(f"{self.head}{event}{self.tail}")


@dataclass(slots=True)
class ListenKey:
    """A key that stands for an account's stream until it expires. One per account."""

    account_id: int
    key: str
    expires_ms: int


class UserStreams:
    """Who gets which account's events."""

    def __init__(
        self, exchange: Exchange, notations: Mapping[str, Notation], ids: Ids, now_ms: NowMs, faults: Faults
    ) -> None:
        self._notations = notations
        self._ids = ids
        self._now_ms = now_ms
        self._faults = faults
        self._held_back: dict[tuple[int, str], str] = {}
        """By account and kind: an event that is told after the next one of its kind."""
        self._subscriptions: dict[int, list[UserSubscription]] = {}
        self._by_account: dict[int, ListenKey] = {}
        self._by_key: dict[str, ListenKey] = {}
        self._execution_ids = count(now_ms())
        self._stop_listening = exchange.listen(self._on_event, kept=True)

    def close(self) -> None:
        """Stop listening to the exchange."""
        self._stop_listening()

    def subscribe(self, subscription: UserSubscription) -> None:
        """Send the account's events from now on."""
        self._subscriptions.setdefault(subscription.account_id, []).append(subscription)

    def unsubscribe(self, subscription: UserSubscription) -> None:
        """End it; one that ended already is no error."""
        mine = self._subscriptions.get(subscription.account_id, [])
        if subscription in mine:
            mine.remove(subscription)
        if not mine:
            self._subscriptions.pop(subscription.account_id, None)

    def account_of(self, key: str) -> int | None:
        """The account a listen key stands for, or None when it is unknown or has expired."""
        held = self._by_key.get(key)
        return None if held is None or held.expires_ms <= self._now_ms() else held.account_id

    async def run(self) -> None:
        """End listen keys that were not kept alive, as they expire."""
        while True:
            await asyncio.sleep(SWEEP_S)
            self.sweep()

    def sweep(self) -> None:
        """End what has expired: its sockets hear `listenKeyExpired`, then nothing more."""
        self._release()
        now_ms = self._now_ms()
        for held in [held for held in self._by_account.values() if held.expires_ms <= now_ms]:
            self._drop(held, orjson.dumps({"e": "listenKeyExpired", "E": now_ms, "listenKey": held.key}).decode())

    def operations(self) -> tuple[Operation, ...]:
        """Making, keeping and closing listen keys."""
        path = "/api/v3/userDataStream"
        return (
            operation(self._start, Security.KEY, "", 2, f"POST {path}", "userDataStream.start"),
            operation(self._keep, Security.KEY, "listenKey!", 2, f"PUT {path}", "userDataStream.ping"),
            operation(self._stop, Security.KEY, "listenKey!", 2, f"DELETE {path}", "userDataStream.stop"),
        )

    def _start(self, call: Call) -> Json:
        account_id = call.customer.account_id
        self.sweep()
        held = self._by_account.get(account_id)
        if held is None:
            held = ListenKey(account_id, self._ids.new() + self._ids.new(), 0)
            self._by_account[account_id] = self._by_key[held.key] = held
        held.expires_ms = self._now_ms() + LISTEN_KEY_MS
        return {"listenKey": held.key}

    def _keep(self, call: Call) -> Json:
        self._held(call).expires_ms = self._now_ms() + LISTEN_KEY_MS
        return {}

    def _stop(self, call: Call) -> Json:
        self._drop(self._held(call))
        return {}

    def _held(self, call: Call) -> ListenKey:
        key = call.params.text("listenKey")
        if self.account_of(key) != call.customer.account_id:
            raise ApiError(-1125, "This listenKey does not exist.")
        return self._by_key[key]

    def _drop(self, held: ListenKey, last_event: str | None = None) -> None:
        """Forget a key; its sockets hear one more event, or none at all."""
        del self._by_account[held.account_id]
        del self._by_key[held.key]
        for subscription in tuple(self._subscriptions.get(held.account_id, ())):
            if subscription.listen_key == held.key:
                if last_event is not None:
                    subscription.put(last_event)
                self.unsubscribe(subscription)

    def _on_event(self, event: SimEvent) -> None:
        if isinstance(event, OrderReported):
            account_id = event.order.account_id
        elif isinstance(event, ListReported):
            account_id = event.order_list.account_id
        elif isinstance(event, BalancesChanged | Deposited):
            account_id = event.account_id
        else:
            return
        if account_id not in self._subscriptions:
            return
        if isinstance(event, OrderReported):
            notation = self._notations[event.order.request.symbol]
            encoded = orjson.dumps(execution_report(notation, event, next(self._execution_ids))).decode()
            self._send(account_id, "executionReport", encoded)
        elif isinstance(event, ListReported):
            self._send(account_id, "listStatus", orjson.dumps(list_status(event)).decode())
        elif isinstance(event, Deposited):
            update = balance_update(event.asset, event.atoms, event.time_ms)
            self._send(account_id, "balanceUpdate", orjson.dumps(update).decode())
        else:
            self._send(account_id, "outboundAccountPosition", orjson.dumps(account_position(event)).decode())

    def _send(self, account_id: int, kind: str, event: str) -> None:
        """Tell an account's sockets, unless a fault has it that they hear it twice, late or not at all."""
        struck = self._faults.strike_event(account_id, kind) if self._faults.rules else None
        held = self._held_back.pop((account_id, kind), None)
        told = [event, event] if struck is What.REPEAT else [] if struck is What.LOSE else [event]
        if struck is What.REORDER and held is None:
            self._held_back[account_id, kind] = event
            return
        for subscription in self._subscriptions.get(account_id, ()):
            for text in told if held is None else [*told, held]:
                subscription.put(text)

    def _release(self) -> None:
        """Tell what was held back for an event that did not come."""
        for (account_id, _), event in self._held_back.items():
            for subscription in self._subscriptions.get(account_id, ()):
                subscription.put(event)
        self._held_back.clear()
