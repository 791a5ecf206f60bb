"""The loop on which worlds run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

from tests.virtual.loop import Life, Stuck, VirtualLoop

T = TypeVar("T")


def run(seed: int, work: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    loop = VirtualLoop(seed)
    try:
        return loop.run_until_complete(work(loop))
    finally:
        loop.close()


async def say(words: list[str], word: str, *, times: int = 1) -> None:
    for _ in range(times):
        words.append(word)
        await asyncio.sleep(1)


def test_a_day_passes_at_once():
    async def sleep(loop: VirtualLoop) -> float:
        await asyncio.sleep(86_400)
        return loop.time()

    assert run(1, sleep) == 86_400


def test_timers_end_in_their_order_whatever_the_seed():
    async def nap(loop: VirtualLoop) -> list[str]:
        words: list[str] = []
        for name, seconds in (("third", 3.0), ("first", 1.0), ("second", 2.0)):
            loop.call_later(seconds, words.append, name)
        await asyncio.sleep(4)
        return words

    assert all(run(seed, nap) == ["first", "second", "third"] for seed in range(10))


def test_what_can_run_at_once_runs_in_an_order_that_the_seed_draws():
    async def race(_: VirtualLoop) -> str:
        words: list[str] = []
        await asyncio.gather(*(say(words, word, times=3) for word in "abcd"))
        return "".join(words)

    assert len({run(seed, race) for seed in range(20)}) > 15
    assert all(run(seed, race) == run(seed, race) for seed in range(20))


def test_a_life_that_has_ended_runs_no_further_not_even_to_clean_up():
    async def kill(loop: VirtualLoop) -> list[str]:
        words: list[str] = []

        async def work() -> None:
            try:
                await say(words, "at work", times=100)
            finally:
                words.append("cleaned up")

        life = Life("a process")
        life.start(loop, work())
        await asyncio.sleep(2.5)
        life.dead = True
        await asyncio.sleep(10)
        told = list(words)
        await loop.bury([life])
        return told

    assert run(1, kill) == ["at work"] * 3


def test_what_a_life_starts_belongs_to_it_and_what_waits_outside_does_not():
    async def kill(loop: VirtualLoop) -> list[str]:
        words: list[str] = []

        async def start_more() -> None:
            loop.call_later(5, words.append, "a timer of the dead")
            await asyncio.gather(say(words, "a child", times=9))

        life = Life("a process")
        life.start(loop, start_more())
        loop.call_later(5, words.append, "outside")
        await asyncio.sleep(0.5)
        life.dead = True
        await asyncio.sleep(10)
        told = list(words)
        await loop.bury([life])
        return told

    assert run(1, kill) == ["a child", "outside"]


def test_work_that_nobody_will_ever_wake_is_told_of():
    async def hang(_: VirtualLoop) -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Stuck, match="nothing is left"):
        run(1, hang)
