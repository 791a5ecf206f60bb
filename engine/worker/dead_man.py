"""Watches who still looks at their desk, and cancels for those who are gone, by the switch that they have set.

Counted from when the last of a user's desks (a browser tab, a bot's stream) went, or from the start of this process.
It strikes once, and again only after somebody has come back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog

from engine.domain.advance import IllegalTransition
from engine.domain.dead_man import PREFERENCE, DeadMan, words
from engine.domain.order import CancelRequested
from engine.ports import Ledger, OrderFilter, Users
from engine.reconcile import Recorder
from engine.runtime import Clock, Supervisor

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0
PAGE = 500


class DeadManWatch:
    def __init__(
        self,
        ledger: Ledger,
        users: Users,
        recorder: Recorder,
        listening: Callable[[], frozenset[str]],
        clock: Clock,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._ledger = ledger
        self._users = users
        self._recorder = recorder
        self._listening = listening
        self._clock = clock
        self._look_every_s = look_every_s
        self._seen_at: dict[str, float] = {}
        self._struck: set[str] = set()

    def start(self, supervisor: Supervisor) -> None:
        supervisor.keep("dead-man's switch", self._watch)

    async def _watch(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self._look_every_s)

    async def look(self) -> None:
        """Once: note who is there, strike for those who are gone too long."""
        now = self._clock.monotonic()
        for user_id in self._listening():
            self._seen_at[user_id] = now
            self._struck.discard(user_id)
        switches = await self._users.preferences(PREFERENCE)
        for user_id, text in switches.items():
            switch = DeadMan.of(text)
            gone_s = now - self._seen_at.setdefault(user_id, now)
            if switch.enabled and gone_s >= switch.after_s and user_id not in self._struck:
                self._struck.add(user_id)
                await self._strike(user_id, switch)
        self._seen_at = {user_id: at for user_id, at in self._seen_at.items() if user_id in switches}

    async def _strike(self, user_id: str, switch: DeadMan) -> None:
        count, cursor = 0, None
        while True:
            page = await self._ledger.orders(user_id, OrderFilter(open_only=True), cursor=cursor, limit=PAGE)
            for order in page.items:
                if switch.takes(order):
                    detail = {"why": words(switch.after_s, order)}
                    with suppress(IllegalTransition):
                        await self._recorder.advance(order.id, [CancelRequested()], source="dead man", detail=detail)
                        count += 1
            cursor = page.next_cursor
            if cursor is None:
                break
        log.warning("nobody looks any more: orders are cancelled", user_id=user_id, orders=count, policy=switch.policy)
