"""What only a Redis can do to us: it lies about the past, goes away, hangs, fills up, and holds what others wrote."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import structlog

from data.encoding import encode
from data.redis_keys import BELL, DEAD, HEADS, LINES, PREFIX, PUBLISHED, STREAMS
from data.redis_link import ANSWER_WITHIN_S, RedisLink
from data.redis_scripts import GROUP
from data.redis_streams import RedisStream
from engine.domain.messages import Command, CommandKind
from engine.domain.values import Unavailable
from engine.ports import Delivery
from engine.runtime import Supervisor, SystemClock
from tests.data.makers import a_command
from tests.redis_server import RedisServer

SUBMIT, CANCEL = CommandKind.SUBMIT, CommandKind.CANCEL
SUBMITS = f"{PREFIX}{SUBMIT.value}"
ALL = tuple(CommandKind)


@pytest.fixture
async def open_stream(redis: RedisServer) -> AsyncIterator[Callable[..., RedisStream]]:
    """`open_stream(lease_s=…)`: a stream with a link of its own, as another process has it."""
    links: list[RedisLink] = []

    def opened(lease_s: float = 30.0, capacity: int = 1_000) -> RedisStream:
        links.append(RedisLink.open(redis.url, SystemClock()))
        return RedisStream(links[-1], SystemClock(), lease_s=lease_s, capacity=capacity)

    yield opened
    for link in links:
        await link.close()


@pytest.fixture
def stream(open_stream: Callable[..., RedisStream]) -> RedisStream:
    return open_stream()


async def read(stream: RedisStream, consumer: str = "worker", within_s: float = 5.0) -> Delivery:
    async with asyncio.timeout(within_s):
        return await stream.read(ALL, consumer)


async def eventually(look: Callable[[], Awaitable[object]], what: str, within_s: float = 10.0) -> None:
    end = time.monotonic() + within_s
    while not await look():
        assert time.monotonic() < end, f"not within {within_s} s: {what}"
        await asyncio.sleep(0.02)


async def somebody_waits(redis: RedisServer) -> bool:
    return b"blocked_clients:0" not in redis.run("INFO", "clients")


# --- several processes


async def test_each_command_goes_to_one_process_and_each_order_s_in_their_order(
    open_stream: Callable[..., RedisStream],
):
    here, there = open_stream(), open_stream()
    taken: list[tuple[str, str]] = []
    last: dict[str, int] = {}
    all_came = asyncio.Event()

    async def work(stream: RedisStream, name: str) -> None:
        while True:
            delivery = await stream.read(ALL, name)
            number, order_id = delivery.command.id.split("-")
            assert last.get(order_id, -1) < int(number)
            last[order_id] = int(number)
            taken.append((name, delivery.command.id))
            await stream.ack(delivery)
            if len(taken) == 120:
                all_came.set()

    tasks = Supervisor("test")
    for stream, name in ((here, "a"), (here, "b"), (there, "c"), (there, "d")):
        tasks.run(name, work(stream, name))
    for number in range(120):
        order_id = f"o{number % 7}"
        publisher = (here, there)[number % 2]
        await publisher.publish(a_command(f"{number}-{order_id}", order_id, ALL[number % len(ALL)]))
    async with asyncio.timeout(10):
        await all_came.wait()
    await tasks.close()
    assert len({command for _, command in taken}) == 120
    assert tasks.failures == ()


async def test_a_reader_in_another_process_takes_over_when_the_lease_is_over(open_stream: Callable[..., RedisStream]):
    here, there = open_stream(lease_s=0.3), open_stream(lease_s=0.3)
    await here.publish(a_command("c1", "o1"))
    first = await read(here, "dies")
    second = await read(there, "takes over")
    assert (second.command, second.attempt) == (first.command, 2)
    await here.ack(first)
    assert (await there.pending()).in_hand == 1
    await there.ack(second)
    assert (await there.pending()).in_hand == 0


async def test_what_is_put_off_is_read_by_whoever_waits_when_it_is_due(
    open_stream: Callable[..., RedisStream], redis: RedisServer
):
    here, there = open_stream(), open_stream()
    await here.publish(a_command("c1", "o1"))
    delivery = await read(here)
    reading = asyncio.ensure_future(read(there, "another"))
    await eventually(lambda: somebody_waits(redis), "the other reads")
    began = time.monotonic()
    await here.retry(delivery, 0.3)
    assert (await reading).attempt == 2
    assert 0.25 < time.monotonic() - began < 5


async def test_names_of_consumers_that_are_gone_are_forgotten(stream: RedisStream, redis: RedisServer):
    await stream.publish(a_command("c1", "o1"))
    await stream.publish(a_command("c2", "o2"))
    await read(stream, "still has one in hand")
    await stream.ack(await read(stream, "is done"))
    names = [row[1] for row in redis.run("XINFO", "CONSUMERS", SUBMITS, GROUP)]
    assert set(names) == {b"still has one in hand", b"is done"}
    await stream.tidy(gone_after_s=0)
    assert [row[1] for row in redis.run("XINFO", "CONSUMERS", SUBMITS, GROUP)] == [b"still has one in hand"]


# --- what stands in a stream


async def test_poison_is_set_aside_at_once_and_the_stream_goes_on(stream: RedisStream, redis: RedisServer):
    redis.run("XADD", SUBMITS, "*", "command", b"\xff\x00 no JSON")
    redis.run("XADD", SUBMITS, "*", "who", "knows", "what", b"\xfe")
    unknown = encode(a_command("c0", "o0")).replace(b"order:submit", b"order:teleport")
    redis.run("XADD", SUBMITS, "*", "id", "c0", "order", "o0", "number", "0", "at", "1", "command", unknown)
    redis.run("XADD", SUBMITS, "*", "command", encode(a_command("c9", "o9", CANCEL)))
    await stream.publish(a_command("c1", "o0"))
    delivery = await read(stream)
    assert delivery.command.id == "c1"
    await stream.ack(delivery)
    letters = await stream.dead_letters()
    assert [letter.raw for letter in letters] == [
        b"\xff\x00 no JSON",
        b"who knows what \xfe",
        unknown,
        encode(a_command("c9", "o9", CANCEL)),
    ]
    assert ["teleport" in letter.error for letter in letters] == [False, False, True, False]
    assert [letter.attempts for letter in letters] == [1, 1, 1, 1]
    with pytest.raises(ValueError, match="no command"):
        await stream.replay(letters[0].id)
    # What stood in the wrong stream is a command nevertheless: replayed, it stands in the right one.
    await stream.replay(letters[3].id)
    assert (await read(stream)).command.kind is CANCEL
    assert len(await stream.dead_letters()) == 3


async def test_a_letter_that_somebody_spoiled_is_still_listed(stream: RedisStream, redis: RedisServer):
    await stream.publish(a_command("c1", "o1"))
    await stream.set_aside(await read(stream), "in vain")
    redis.run("HSET", DEAD, "c1", b"\xff")
    [letter] = await stream.dead_letters()
    assert (letter.id, letter.command, letter.raw) == ("c1", None, b"\xff")
    await stream.forget("c1")
    assert await stream.dead_letters() == ()


async def test_what_was_given_to_us_and_never_arrived_comes_at_once(stream: RedisStream, redis: RedisServer):
    await stream.publish(a_command("c1", "o1"))
    await stream.publish(a_command("c2", "o2"))
    assert (await read(stream)).command.id == "c1"
    # As when the answer to a read is lost on its way.
    redis.run("XREADGROUP", "GROUP", GROUP, "worker", "COUNT", 1, "STREAMS", SUBMITS, ">")
    delivery = await read(stream, within_s=1.0)
    assert (delivery.command.id, delivery.attempt) == ("c2", 1)


# --- what Redis forgets


async def test_an_emptied_redis_takes_and_gives_as_if_new(stream: RedisStream, redis: RedisServer):
    await stream.publish(a_command("c1", "o1"))
    await stream.publish(a_command("c2", "o1", CANCEL))
    lost = await read(stream)
    redis.run("FLUSHALL")
    await stream.ack(lost)
    await stream.renew(lost)
    await stream.retry(lost, 0)
    await stream.set_aside(lost, "in vain")
    await stream.publish(a_command("c1", "o1"))
    assert (await read(stream)).command.id == "c1"


async def test_a_reader_that_waits_through_flushall_goes_on(stream: RedisStream, redis: RedisServer):
    await stream.publish(a_command("c1", "o1"))
    await stream.ack(await read(stream))
    reading = asyncio.ensure_future(read(stream))
    await eventually(lambda: somebody_waits(redis), "it waits")
    redis.run("FLUSHALL")
    await stream.publish(a_command("c2", "o1"))
    assert (await reading).command.id == "c2"


@pytest.mark.parametrize("lost", [HEADS, LINES, PUBLISHED, BELL, SUBMITS])
async def test_one_key_that_is_lost_does_not_hold_up_the_others(stream: RedisStream, redis: RedisServer, lost: str):
    await stream.publish(a_command("c1", "o1"))
    await stream.publish(a_command("c2", "o1", CANCEL))
    assert redis.run("DEL", lost) == 1
    for number in range(3, 6):
        await stream.publish(a_command(f"c{number}", "o1"))
    came: set[str] = set()
    while "c5" not in came:
        delivery = await read(stream)
        came.add(delivery.command.id)
        await stream.ack(delivery)
    assert came >= {"c3", "c4", "c5"}


async def test_a_killed_redis_that_comes_back_empty_is_gone_on_with(stream: RedisStream, redis: RedisServer):
    await stream.publish(a_command("c1", "o1"))
    delivery = await read(stream)
    reading = asyncio.ensure_future(read(stream, within_s=20))
    redis.kill()
    began = time.monotonic()
    with pytest.raises(Unavailable):
        await stream.publish(a_command("c2", "o2"))
    with pytest.raises(Unavailable):
        await stream.pending()
    await stream.ack(delivery)
    assert time.monotonic() - began < 5
    redis.start()
    await eventually(lambda: published(stream, a_command("c2", "o2")), "it is published")
    assert (await reading).command.id == "c2"


async def published(stream: RedisStream, command: Command) -> bool:
    try:
        await stream.publish(command)
    except Unavailable:
        return False
    return True


async def test_a_reader_who_is_refused_says_why_and_goes_on_trying(stream: RedisStream, redis: RedisServer):
    await stream.publish(a_command("c1", "o1"))
    redis.run("ACL", "LOG", "RESET")
    redis.run("ACL", "SETUSER", "default", "-@scripting")
    try:
        with structlog.testing.capture_logs() as told:
            reading = asyncio.ensure_future(read(stream))
            await eventually(lambda: refused(redis, 3), "it has tried several times")
    finally:
        redis.run("ACL", "SETUSER", "default", "+@all")
    assert (await reading).command.id == "c1"
    [line] = [line for line in told if "cannot be read" in line["event"]]
    assert "no permissions" in line["reason"]


async def refused(redis: RedisServer, times: int) -> bool:
    """Whether somebody was refused so often for want of a right."""
    entries = [dict(zip(flat[::2], flat[1::2], strict=True)) for flat in redis.run("ACL", "LOG")]
    return sum(entry[b"count"] for entry in entries) >= times


# --- a Redis that hangs


async def test_a_redis_that_hangs_holds_nobody_up_for_long(stream: RedisStream, redis: RedisServer):
    await stream.publish(a_command("c1", "o1"))
    delivery = await read(stream)
    await stream.publish(a_command("c2", "o1", CANCEL))
    redis.hang()
    try:
        began = time.monotonic()
        answers = await asyncio.gather(
            *(stream.publish(a_command(f"c{number}", "o9")) for number in range(10, 60)), return_exceptions=True
        )
        assert {type(answer) for answer in answers} == {Unavailable}
        assert time.monotonic() - began < 3 * ANSWER_WITHIN_S
        began = time.monotonic()
        # It is known to be away: most are refused at once, and now and then one tries.
        for number in range(200):
            assert not await published(stream, a_command(f"d{number}", "o9"))
        assert time.monotonic() - began < 3 * ANSWER_WITHIN_S
        await stream.ack(delivery)
    finally:
        redis.go_on()

    # The acknowledgement that could not be told is made up for, so that the order's next command comes.
    async def comes() -> bool:
        delivery = await read(stream)
        await stream.ack(delivery)
        return delivery.command.id == "c2"

    await eventually(comes, "the cancel comes")


# --- a Redis that is full, or may throw things away


async def test_a_full_redis_refuses_what_is_new_and_lets_go_of_what_is_done(stream: RedisStream, redis: RedisServer):
    for number in range(3):
        await stream.publish(a_command(f"c{number}", "o1" if number < 2 else "o2"))
    redis.run("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(Unavailable, match="maxmemory"):
        await stream.publish(a_command("c9", "o9"))
    await stream.ack(await read(stream))
    await stream.retry(await read(stream), 0)
    await stream.set_aside(await read(stream), "in vain")
    assert [letter.id for letter in await stream.dead_letters()] == ["c1"]
    assert (await read(stream)).command.id == "c2"
    redis.run("CONFIG", "SET", "maxmemory", "0")
    await stream.publish(a_command("c9", "o9"))
    assert (await read(stream)).command.id == "c9"


async def test_nothing_is_published_while_redis_may_throw_it_away(stream: RedisStream, redis: RedisServer):
    await stream.publish(a_command("c1", "o1"))
    redis.kill()
    redis.options["maxmemory-policy"] = "allkeys-lru"
    try:
        redis.start()
        with structlog.testing.capture_logs() as told:
            await eventually(lambda: refused_for(stream, "redis_unfit"), "it is refused")
            for _ in range(3):
                assert await refused_for(stream, "redis_unfit")
        assert [line["log_level"] for line in told if "not fit" in line["event"]] == ["error"]
        redis.run("CONFIG", "SET", "maxmemory-policy", "noeviction")
        await eventually(lambda: published(stream, a_command("c2", "o2")), "it is published again")
    finally:
        del redis.options["maxmemory-policy"]


async def refused_for(stream: RedisStream, code: str) -> bool:
    try:
        await stream.publish(a_command("c2", "o2"))
    except Unavailable as refusal:
        return refusal.code == code
    return False


def test_every_kind_of_command_has_a_stream_of_its_own():
    assert len(STREAMS) == len(CommandKind)
    assert SUBMITS in STREAMS
