"""One bot's socket, from the proof of who it is to its end."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from engine.desk import Desk
from engine.domain.market import Candle
from engine.domain.values import Forbidden, Refusal, TooMany, Unauthenticated
from engine.identity import Identity, Proof
from engine.runtime import Clock, Supervisor
from numatix.api.stream import words
from numatix.api.stream.allowance import Allowance
from numatix.api.stream.channels import Kind, Subject, Wanted, find
from numatix.api.stream.endings import BROKEN, FLOOD, GONE, NO_TEXT, TOO_LARGE, UNREAD, Ending, unproven
from numatix.api.stream.fans import Fans
from numatix.api.stream.following import Following
from numatix.api.stream.operations import (
    Auth,
    Id,
    Misread,
    Operation,
    Ping,
    Resume,
    Subscribe,
    Unsubscribe,
    read_operation,
)
from numatix.api.stream.outbox import Outbox
from numatix.api.stream.slots import SLOTS, MarketSlot
from numatix.api.stream.times import LARGEST_MESSAGE, MOST_SUBSCRIPTIONS, StreamTimes

log = structlog.get_logger(__name__)

FIRST_CANDLES = 2
LAST_WORDS_S = 1.0
"""For a client to take the last message before it is cut off."""
LAST_LOOKS = 50


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all sockets of a process share."""

    desk: Desk
    identity: Identity
    fans: Fans
    clock: Clock
    times: StreamTimes


async def receive_text(websocket: WebSocket) -> str | Ending:
    """The next message, or why there is none that can be taken."""
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        return GONE
    text: str | None = message.get("text")
    if text is None:
        return NO_TEXT
    return text if len(text) <= LARGEST_MESSAGE else TOO_LARGE


class BotSocket:
    """Reading, sending and the user's events are a task each; the first that ends the socket ends the others."""

    def __init__(self, websocket: WebSocket, proof: Proof, token: str, around: Surroundings) -> None:
        self._websocket = websocket
        self._user_id = proof.asker.user.id
        self._until, self._token = proof.until, token
        self._desk, self._identity, self._fans = around.desk, around.identity, around.fans
        self._clock, self._times = around.clock, around.times
        self._outbox = Outbox()
        self._following = Following(self._desk, self._user_id, self._outbox, self._clock)
        self._allowance = Allowance(self._clock, self._times.messages_a_second, self._times.messages_at_once)
        self._subscriptions: dict[tuple[str, str], tuple[Subject, MarketSlot]] = {}
        self._supervisor = Supervisor("bot socket", self._clock, on_failure=lambda _: self.end(BROKEN))
        self._listening = False
        self._renewed = asyncio.Event()
        self._ending: Ending | None = None
        self._over = asyncio.Event()

    async def live(self) -> Ending:
        """Until it ends; it is closed then, and nothing of it runs on."""
        self._supervisor.run("send", self._send())
        self._supervisor.run("read", self._read())
        self._supervisor.run("prove", self._prove())
        await self._outbox.say(words.welcome(self._user_id, self._until, self._times.heartbeat_s))
        try:
            await self._over.wait()
        finally:
            await self._supervisor.close()
            self._leave(tuple(self._subscriptions))
        ending = self._ending or GONE
        await close(self._websocket, ending)
        return ending

    def warn(self, line: str) -> None:
        """Something that comes before everything else."""
        self._outbox.say_at_once(line)

    async def finish(self, ending: Ending) -> None:
        """End it, but first send what the ledger already knows; a client that reads slowly is not waited for."""
        newest = await self._desk.sequence(self._user_id)
        for _ in range(LAST_LOOKS):
            if not len(self._outbox) and (self._following.sequence or newest) >= newest:
                break
            await asyncio.sleep(LAST_WORDS_S / LAST_LOOKS)
        self.end(ending)

    def end(self, ending: Ending) -> None:
        """The first reason counts."""
        self._ending = self._ending or ending
        self._over.set()

    # --- tasks

    async def _send(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._times.heartbeat_s):
                    message = await self._outbox.next()
            except TimeoutError:
                message = words.heartbeat(self._clock.now(), self._following.sequence)
            try:
                async with asyncio.timeout(self._times.unread_s):
                    await self._websocket.send_text(message)
            except (TimeoutError, WebSocketDisconnect) as error:
                self.end(UNREAD if isinstance(error, TimeoutError) else GONE)
                return

    async def _read(self) -> None:
        while True:
            text = await receive_text(self._websocket)
            if isinstance(text, Ending):
                self.end(text)
                return
            wait_s = self._allowance.take()
            if self._allowance.overdrawn:
                self.end(FLOOD)
                return
            if wait_s:
                refusal = TooMany("too_many_messages", f"Too many messages: wait {wait_s:.2f} s.", wait_s)
                await self._outbox.say(words.error(None, refusal))
                continue
            await self._answer(text)

    async def _prove(self) -> None:
        """The token ends, or its user may not log in any more."""
        while True:
            left_s = (self._until - self._clock.now()).total_seconds()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(max(left_s, 0.01), self._times.proof_s)):
                    await self._renewed.wait()
            self._renewed.clear()
            try:
                await self._identity.proof_by_bearer(self._token)
            except Unauthenticated as refusal:
                self.end(unproven(refusal))
                return

    # --- what is asked

    async def _answer(self, text: str) -> None:
        try:
            asked, op, operation = read_operation(text)
        except Misread as misread:
            await self._outbox.say(words.error(misread.id, misread.refusal))
            return
        try:
            await self._carry_out(asked, op, operation)
        except Refusal as refusal:
            await self._outbox.say(words.error(asked, refusal))

    async def _carry_out(self, asked: Id, op: str, operation: Operation) -> None:
        match operation:
            case Ping():
                await self._outbox.say(words.reply(asked, op))
            case Auth(token):
                await self._renew(token)
                await self._outbox.say(words.reply(asked, op, proven_until=words.time_text(self._until)))
            case Resume(sequence):
                self._listen()
                await self._outbox.say(words.reply(asked, op))
                await self._following.resume(sequence)
            case Subscribe(channels, account_id, venue):
                wanted = await find(self._desk, self._user_id, channels, account_id, venue)
                await self._subscribe(asked, op, wanted)
            case Unsubscribe(channels, account_id, venue):
                wanted = await find(self._desk, self._user_id, channels, account_id, venue)
                await self._unsubscribe(wanted)
                await self._outbox.say(words.reply(asked, op, channels=wanted.names))

    async def _renew(self, token: str) -> None:
        proof = await self._identity.proof_by_bearer(token)
        if proof.asker.user.id != self._user_id:
            raise Forbidden("other_user", "This token is another user's: open a socket of its own for it.", "token")
        self._until, self._token = proof.until, token
        self._renewed.set()

    async def _subscribe(self, asked: Id, op: str, wanted: Wanted) -> None:
        """The answer first, then what each begins with. Subscribed again, a channel begins anew."""
        first = {subject: await self._first_candles(subject) for subject in wanted.subjects}
        subscribed = self._subscriptions.keys() | {subject.key for subject in wanted.subjects}
        if len(subscribed) > MOST_SUBSCRIPTIONS:
            words_ = f"A socket takes {MOST_SUBSCRIPTIONS} market channels at most: open another."
            raise Refusal("too_many_channels", words_, "channels")
        if wanted.orders or wanted.balances:
            self._listen()
        await self._outbox.say(words.reply(asked, op, channels=wanted.names))
        self._leave([subject.key for subject in wanted.subjects])
        for subject in wanted.subjects:
            slot = SLOTS[subject.kind](subject, self._outbox)
            self._subscriptions[subject.key] = (subject, slot)
            self._fans.join(subject, slot, first[subject])
        if wanted.orders:
            await self._following.show_orders()
        if wanted.balances:
            await self._following.show_balances(wanted.balances)

    async def _first_candles(self, subject: Subject) -> tuple[Candle, ...]:
        if subject.kind is not Kind.CANDLES:
            return ()
        symbol, timeframe = subject.instrument.symbol, subject.timeframe
        return await self._desk.candles(subject.venue, symbol, timeframe, limit=FIRST_CANDLES)

    async def _unsubscribe(self, wanted: Wanted) -> None:
        self._leave([subject.key for subject in wanted.subjects])
        if wanted.orders:
            await self._following.leave_orders()
        await self._following.leave_balances(wanted.balances)

    def _leave(self, keys: list[tuple[str, str]] | tuple[tuple[str, str], ...]) -> None:
        for key in keys:
            subscription = self._subscriptions.pop(key, None)
            if subscription is not None:
                self._fans.leave(*subscription)
                self._outbox.forget(subscription[1])

    def _listen(self) -> None:
        """Hear of the user's events: from before they are read for the first time, so that none is missed."""
        if not self._listening:
            self._listening = True
            self._supervisor.run("events", self._following.follow(self._desk.hub.subscribe(self._user_id)))


async def close(websocket: WebSocket, ending: Ending) -> None:
    """Tell the client why, if it still reads; cut it off if it does not."""
    if ending is GONE:
        return
    try:
        if ending.polite:
            async with asyncio.timeout(LAST_WORDS_S):
                if ending.last_line is not None:
                    await websocket.send_text(ending.last_line)
                await websocket.close(ending.code, ending.reason)
            return
    except TimeoutError:
        pass
    except (WebSocketDisconnect, RuntimeError):
        return  # it went meanwhile
    websocket.state.give_up(ending.code, ending.reason)
