"""What waits for one socket is bounded, and of a market it is the newest."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from engine.domain.instrument import Instrument
from numatix.api.stream.allowance import Allowance
from numatix.api.stream.channels import Kind, Subject
from numatix.api.stream.outbox import MOST_LINES, Outbox
from numatix.api.stream.slots import MOST_CANDLES, MOST_TRADES, CandlesSlot, StateSlot, TradesSlot
from tests.components.makers import BTC
from tests.data.makers import HandClock


def subject(kind: Kind, timeframe: str = "") -> Subject:
    instrument: Instrument = BTC
    return Subject(kind, "simulator", instrument, timeframe)


def taken(slot: StateSlot | TradesSlot | CandlesSlot) -> dict[str, Any]:
    message = slot.take()
    assert message is not None
    assert slot.take() is None
    return json.loads(message)


def test_of_a_state_only_the_newest_is_sent_and_each_message_is_counted() -> None:
    slot = StateSlot(subject(Kind.BOOK), Outbox())
    for number in range(5):
        slot.put([(0, f'"data":{number}')])
    assert taken(slot) == {
        "type": "book",
        "channel": "book:BTC/USDT",
        "venue": "simulator",
        "sequence": 1,
        "data": 4,
    }
    slot.put([(0, '"data":5')])
    assert taken(slot)["sequence"] == 2


def test_trades_that_nobody_read_are_left_out_and_counted() -> None:
    slot = TradesSlot(subject(Kind.TRADES), Outbox())
    slot.put([(number, f"{number}") for number in range(MOST_TRADES + 7)])
    slot.put([(number, f"{number}") for number in range(3, 5)])
    message = taken(slot)
    assert message["data"] == list(range(7, MOST_TRADES + 7))
    assert message["missed"] == 7
    slot.put([(MOST_TRADES + 7, "1")])
    assert taken(slot)["missed"] == 0


def test_candles_wait_each_as_it_is_now_and_not_without_end() -> None:
    slot = CandlesSlot(subject(Kind.CANDLES, "1m"), Outbox())
    slot.put([(60, '"old"'), (120, '"b"')])
    slot.put([(60, '"a"')])
    assert taken(slot)["data"] == ["a", "b"]
    slot.put([(number, f"{number}") for number in range(MOST_CANDLES + 3)])
    assert taken(slot)["data"] == list(range(3, MOST_CANDLES + 3))


async def test_lines_wait_for_room_and_keep_their_order_while_slots_take_turns() -> None:
    outbox = Outbox()
    slot = StateSlot(subject(Kind.BOOK), outbox)
    for number in range(MOST_LINES):
        await outbox.say(str(number))
    waiting = asyncio.ensure_future(outbox.say("last"))
    await asyncio.sleep(0)
    assert not waiting.done()
    slot.put([(0, '"data":1')])
    sent = [await outbox.next() for _ in range(MOST_LINES + 2)]
    await waiting
    assert [line for line in sent if not line.startswith("{")] == [str(number) for number in range(MOST_LINES)] + [
        "last"
    ]
    assert sent[1].startswith('{"type":"book"')


def test_an_allowance_fills_again_with_time_and_knows_who_does_not_listen() -> None:
    clock = HandClock()
    allowance = Allowance(clock, rate=10, burst=5)
    assert [allowance.take() for _ in range(5)] == [0.0] * 5
    assert allowance.take() == 0.1
    clock.forward(0.3)
    assert allowance.take() == 0.0
    for _ in range(6):
        allowance.take()
    assert allowance.overdrawn
    clock.forward(60)
    assert allowance.take() == 0.0
    assert not allowance.overdrawn
