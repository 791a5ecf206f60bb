"""What every stream of commands does."""

from __future__ import annotations

import asyncio

import pytest
import structlog

from engine.domain.messages import CommandKind
from engine.domain.values import Unavailable
from engine.ports import Backlog, Delivery, Stream
from engine.runtime import Supervisor
from tests.data.makers import NOON, Forward, a_command

SUBMIT, CANCEL = CommandKind.SUBMIT, CommandKind.CANCEL
BOTH = (SUBMIT, CANCEL)


async def read(stream: Stream, *kinds: CommandKind, consumer: str = "worker") -> Delivery:
    async with asyncio.timeout(15):
        return await stream.read(kinds or BOTH, consumer)


async def nothing_to_read(stream: Stream, *kinds: CommandKind) -> bool:
    try:
        async with asyncio.timeout(0.02):
            await stream.read(kinds or BOTH, "curious")
    except TimeoutError:
        return True
    return False


async def test_commands_come_in_the_order_they_were_published(stream: Stream):
    for number in range(5):
        await stream.publish(a_command(f"c{number}", f"o{number}", BOTH[number % 2]))
    deliveries = [await read(stream) for _ in range(5)]
    assert [delivery.command.id for delivery in deliveries] == ["c0", "c1", "c2", "c3", "c4"]
    assert {delivery.attempt for delivery in deliveries} == {1}


async def test_a_reader_waits_for_the_next_command(stream: Stream):
    read_ids: list[str] = []

    async def reader() -> None:
        read_ids.append((await stream.read(BOTH, "worker")).command.id)

    tasks = Supervisor("test")
    reading = tasks.run("reader", reader())
    assert await nothing_to_read(stream)
    await stream.publish(a_command("c1", "o1"))
    async with asyncio.timeout(15):
        await reading
    assert read_ids == ["c1"]
    await tasks.close()


async def test_a_reader_gets_only_the_kinds_it_asks_for(stream: Stream):
    await stream.publish(a_command("c1", "o1", SUBMIT))
    await stream.publish(a_command("c2", "o2", CANCEL))
    assert (await read(stream, CANCEL)).command.id == "c2"
    assert await nothing_to_read(stream, CANCEL)
    assert (await read(stream, SUBMIT)).command.id == "c1"


async def test_each_command_goes_to_one_of_many_readers(stream: Stream):
    got: list[str] = []
    all_came = asyncio.Event()

    async def reader(name: str) -> None:
        while True:
            delivery = await stream.read(BOTH, name)
            got.append(delivery.command.id)
            await stream.ack(delivery)
            if len(got) == 50:
                all_came.set()

    tasks = Supervisor("test")
    for name in ("a", "b", "c"):
        tasks.run(name, reader(name))
    for number in range(50):
        await stream.publish(a_command(f"c{number}", f"o{number}"))
    async with asyncio.timeout(15):
        await all_came.wait()
    await tasks.close()
    assert sorted(got) == sorted(f"c{number}" for number in range(50))


async def test_a_command_that_is_in_the_stream_is_not_taken_in_again(stream: Stream):
    command = a_command("c1", "o1")
    await stream.publish(command)
    await stream.publish(command)
    delivery = await read(stream)
    await stream.publish(command)
    assert await nothing_to_read(stream)
    await stream.ack(delivery)
    assert await nothing_to_read(stream)


async def test_what_was_acknowledged_does_not_come_again(stream: Stream, forward: Forward):
    await stream.publish(a_command("c1", "o1"))
    await stream.ack(await read(stream))
    forward(1_000)
    assert await nothing_to_read(stream)


async def test_what_a_dead_consumer_left_comes_again_when_its_lease_is_over(stream: Stream, forward: Forward):
    await stream.publish(a_command("c1", "o1"))
    first = await read(stream, consumer="dies")
    forward(29)
    assert await nothing_to_read(stream)
    forward(2)
    second = await read(stream, consumer="takes over")
    assert (second.command, second.attempt) == (first.command, 2)
    assert second.tag != first.tag


async def test_a_lease_that_is_renewed_holds(stream: Stream, forward: Forward):
    await stream.publish(a_command("c1", "o1"))
    delivery = await read(stream)
    for _ in range(5):
        forward(20)
        await stream.renew(delivery)
    assert await nothing_to_read(stream)
    await stream.ack(delivery)
    forward(100)
    assert await nothing_to_read(stream)


@pytest.mark.parametrize("successor", ["next", "slow"])
async def test_who_lost_the_lease_cannot_touch_the_delivery_of_the_next(
    stream: Stream, forward: Forward, successor: str
):
    await stream.publish(a_command("c1", "o1"))
    late = await read(stream, consumer="slow")
    forward(31)
    current = await read(stream, consumer=successor)
    forward(20)
    await stream.renew(late)
    await stream.retry(late, 0)
    await stream.ack(late)
    assert await nothing_to_read(stream)
    forward(11)
    assert (await read(stream)).attempt == current.attempt + 1


async def test_a_lapsed_lease_that_nobody_took_is_renewed_or_acknowledged(stream: Stream, forward: Forward):
    await stream.publish(a_command("c1", "o1"))
    delivery = await read(stream)
    forward(31)
    assert await nothing_to_read(stream, CANCEL)
    await stream.renew(delivery)
    assert await nothing_to_read(stream)
    forward(31)
    await stream.ack(delivery)
    assert await nothing_to_read(stream)


async def test_what_is_given_back_comes_again_after_the_delay(stream: Stream, forward: Forward):
    await stream.publish(a_command("c1", "o1"))
    await stream.retry(await read(stream), 5)
    forward(4)
    assert await nothing_to_read(stream)
    forward(2)
    assert (await read(stream)).attempt == 2


async def test_who_gave_a_command_back_has_no_hold_on_it_any_more(stream: Stream, forward: Forward):
    await stream.publish(a_command("c1", "o1"))
    delivery = await read(stream)
    await stream.retry(delivery, 5)
    await stream.renew(delivery)
    await stream.ack(delivery)
    forward(6)
    assert (await read(stream)).attempt == 2


async def test_what_is_given_back_without_delay_comes_at_once(stream: Stream):
    await stream.publish(a_command("c1", "o1"))
    await stream.retry(await read(stream), 0)
    assert (await read(stream)).attempt == 2


async def test_a_waiting_reader_notices_that_something_was_given_back(stream: Stream):
    await stream.publish(a_command("c1", "o1"))
    delivery = await read(stream)
    attempts: list[int] = []

    async def reader() -> None:
        attempts.append((await stream.read(BOTH, "other")).attempt)

    tasks = Supervisor("test")
    reading = tasks.run("reader", reader())
    assert await nothing_to_read(stream)
    await stream.retry(delivery, 0)
    async with asyncio.timeout(15):
        await reading
    assert attempts == [2]
    await tasks.close()


async def test_commands_of_one_order_come_one_after_another(stream: Stream, forward: Forward):
    await stream.publish(a_command("submit", "o1", SUBMIT))
    await stream.publish(a_command("cancel", "o1", CANCEL))
    await stream.publish(a_command("other", "o2", CANCEL))
    submit = await read(stream)
    assert submit.command.id == "submit"
    assert (await read(stream)).command.id == "other"
    assert await nothing_to_read(stream)
    await stream.retry(submit, 10)
    assert await nothing_to_read(stream)
    forward(11)
    submit = await read(stream)
    await stream.ack(submit)
    assert (await read(stream)).command.id == "cancel"


async def test_a_full_stream_says_so_and_takes_more_once_there_is_room(stream: Stream):
    for number in range(100):
        await stream.publish(a_command(f"c{number}", f"o{number}"))
    with pytest.raises(Unavailable):
        await stream.publish(a_command("c100", "o100"))
    await stream.publish(a_command("c99", "o99"))
    await stream.ack(await read(stream))
    await stream.publish(a_command("c100", "o100"))


async def test_a_reader_that_is_cancelled_takes_nothing_with_it(stream: Stream):
    assert await nothing_to_read(stream)
    await stream.publish(a_command("c1", "o1"))
    assert (await read(stream)).attempt == 1


async def test_what_is_given_up_is_kept_with_all_that_is_known_of_it(stream: Stream, forward: Forward):
    first, second = a_command("c1", "o1"), a_command("c2", "o2", CANCEL)
    await stream.publish(first)
    await stream.publish(second)
    await stream.retry(await read(stream, SUBMIT), 0)
    await stream.set_aside(await read(stream, SUBMIT), "the venue is gone")
    await stream.set_aside(await read(stream), "so is this one")
    assert await nothing_to_read(stream)
    forward(1_000)
    assert await nothing_to_read(stream)
    letters = await stream.dead_letters()
    assert [(letter.command, letter.error, letter.attempts) for letter in letters] == [
        (first, "the venue is gone", 2),
        (second, "so is this one", 1),
    ]
    assert {letter.at for letter in letters} == {NOON}
    assert all(letter.raw for letter in letters)


async def test_the_order_of_a_command_that_is_given_up_goes_on(stream: Stream):
    await stream.publish(a_command("submit", "o1", SUBMIT))
    await stream.publish(a_command("cancel", "o1", CANCEL))
    await stream.set_aside(await read(stream), "in vain")
    assert (await read(stream)).command.id == "cancel"


async def test_who_lost_the_lease_cannot_give_up_the_delivery_of_the_next(stream: Stream, forward: Forward):
    await stream.publish(a_command("c1", "o1"))
    late = await read(stream, consumer="slow")
    forward(31)
    current = await read(stream, consumer="next")
    await stream.set_aside(late, "too late to say")
    assert await stream.dead_letters() == ()
    await stream.ack(current)
    assert (await stream.pending()).waiting == 0


async def test_a_dead_letter_that_is_replayed_comes_as_if_new(stream: Stream):
    command = a_command("c1", "o1")
    await stream.publish(command)
    await stream.retry(await read(stream), 0)
    await stream.set_aside(await read(stream), "in vain")
    [letter] = await stream.dead_letters()
    await stream.replay(letter.id)
    assert await stream.dead_letters() == ()
    delivery = await read(stream)
    assert (delivery.command, delivery.attempt) == (command, 1)


async def test_a_dead_letter_that_is_forgotten_is_gone(stream: Stream):
    await stream.publish(a_command("c1", "o1"))
    await stream.set_aside(await read(stream), "in vain")
    [letter] = await stream.dead_letters()
    await stream.forget(letter.id)
    await stream.forget(letter.id)
    assert await stream.dead_letters() == ()
    with pytest.raises(KeyError):
        await stream.replay(letter.id)
    assert await nothing_to_read(stream)


async def test_a_command_that_is_given_up_again_is_one_letter_the_newest(stream: Stream):
    for command_id in ("c1", "c2", "c1"):
        await stream.publish(a_command(command_id, command_id))
        await stream.set_aside(await read(stream), f"{command_id} failed")
    assert [letter.id for letter in await stream.dead_letters()] == ["c2", "c1"]


async def test_of_too_many_dead_letters_the_oldest_leaves_and_is_told(stream: Stream):
    with structlog.testing.capture_logs() as told:
        for number in range(12):
            await stream.publish(a_command(f"c{number}", f"o{number}"))
            await stream.set_aside(await read(stream), "in vain")
    assert [letter.id for letter in await stream.dead_letters()] == [f"c{number}" for number in range(2, 12)]
    assert ["c0" in line["raw"] or "c1" in line["raw"] for line in told if line["log_level"] == "error"] == [True, True]


async def test_a_consumer_that_leaves_gives_back_what_it_had_in_hand(stream: Stream):
    await stream.publish(a_command("c1", "o1"))
    await stream.publish(a_command("c2", "o2"))
    await read(stream, consumer="leaves")
    kept = await read(stream, consumer="stays")
    await stream.leave("leaves")
    again = await read(stream, consumer="stays")
    assert (again.command.id, again.attempt) == ("c1", 2)
    assert await nothing_to_read(stream)
    await stream.ack(again)
    await stream.ack(kept)
    assert await stream.pending() == Backlog(waiting=0, in_hand=0, dead=0, oldest_s=None)


async def test_the_backlog_tells_what_waits_what_is_in_hand_and_what_is_dead(stream: Stream):
    assert await stream.pending() == Backlog(waiting=0, in_hand=0, dead=0, oldest_s=None)
    for number in range(3):
        await stream.publish(a_command(f"c{number}", f"o{number}"))
    await stream.publish(a_command("behind", "o0", CANCEL))
    await stream.set_aside(await read(stream), "in vain")
    await read(stream)
    await stream.retry(await read(stream), 10)
    backlog = await stream.pending()
    assert (backlog.waiting, backlog.in_hand, backlog.dead) == (2, 1, 1)
    assert backlog.oldest_s is not None
    assert 0 <= backlog.oldest_s < 10
