"""Whole desks, killed at random moments while users trade: nothing promised is lost, nothing happens twice."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.killing.campaign import campaign
from tests.killing.mortal import Victim


@pytest.mark.parametrize("seed", [1])
async def test_a_desk_that_is_killed_while_users_trade_loses_and_doubles_nothing(tmp_path: Path, seed: int) -> None:
    await killed(tmp_path, seed, (Victim.DESK, Victim.EXCHANGE, Victim.EVERYTHING))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 112))
async def test_however_often_it_is_killed_nothing_is_lost_or_doubled(tmp_path: Path, seed: int) -> None:
    await killed(tmp_path, seed, (*random.Random(seed).choices(tuple(Victim), k=11), Victim.DESK))


async def killed(tmp_path: Path, seed: int, victims: Sequence[Victim]) -> None:
    print(f"seed {seed}: {', '.join(victims)}")
    async with campaign(tmp_path, seed) as run, run.traffic():
        for victim in victims:
            await run.some_moment()
            await run.kill(victim)
        await run.some_moment()
