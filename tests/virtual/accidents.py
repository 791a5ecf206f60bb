"""What happens to a world while its traders trade: drawn from the seed before it begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final

from tests.virtual.life import Doom, Point

if TYPE_CHECKING:
    from tests.virtual.world import World

POINTS: Final = tuple(Point)


@dataclass(frozen=True, slots=True)
class Accident:
    at_s: float
    kind: str
    whom: float
    """From 0 to 1: which process or account it befalls."""


def draw_accidents(of: Random, until_s: float) -> tuple[Accident, ...]:
    """From none to five, in the order in which they happen."""
    most = (0, 1, 2, 3, 5)[int(of.random() * 5)]
    kinds = list(ACCIDENTS)
    drawn = [Accident(of.uniform(1, until_s), kinds[int(of.random() * len(kinds))], of.random()) for _ in range(most)]
    return tuple(sorted(drawn, key=lambda accident: accident.at_s))


def draw_doom(of: Random) -> Doom | None:
    """One process in four dies at a point of its own making."""
    if of.random() > 0.25:
        return None
    return Doom(POINTS[int(of.random() * len(POINTS))], 1 + int(of.random() ** 2 * 25))


def crash(world: World, whom: float) -> None:
    world.process(whom).mortal.die("killed")


def restart(world: World, whom: float) -> None:
    world.stop(world.process(whom))


def exchange_away(world: World, whom: float) -> None:
    world.around.exchange.go_away()
    world.later(0.3 + 5 * whom, world.around.exchange.come_back)


def cut_stream(world: World, whom: float) -> None:
    world.around.exchange.cut_channels(world.holder(whom))


def silent_stream(world: World, whom: float) -> None:
    holder = world.holder(whom)
    if holder is not None:
        world.around.exchange.silence_channels(holder)


def revoke_key(world: World, whom: float) -> None:
    key = world.key(whom)
    world.around.exchange.revoked.add(key)
    world.later(1 + 6 * whom, lambda: world.around.exchange.revoked.discard(key))


def elsewhere(world: World, whom: float) -> None:
    for number in range(4):
        world.later(number * whom, lambda: world.stranger.act(world.key(whom)))


def flush_stream(world: World, whom: float) -> None:
    world.around.flush()


def clock_5_s_ahead(world: World, whom: float) -> None:
    world.process(whom).clock.off_s += 5


def clock_5_s_back(world: World, whom: float) -> None:
    world.process(whom).clock.off_s -= 5


def clock_1_h_ahead(world: World, whom: float) -> None:
    world.process(whom).clock.off_s += 3600


def clock_1_h_back(world: World, whom: float) -> None:
    world.process(whom).clock.off_s -= 3600


ACCIDENTS: Final[Mapping[str, Callable[[World, float], None]]] = {
    "crash": crash,
    "crash again": crash,
    "restart": restart,
    "exchange away": exchange_away,
    "stream cut": cut_stream,
    "stream silent": silent_stream,
    "key revoked": revoke_key,
    "traded elsewhere": elsewhere,
    "stream of commands flushed": flush_stream,
    "clock 5 s ahead": clock_5_s_ahead,
    "clock 5 s back": clock_5_s_back,
    "clock 1 h ahead": clock_1_h_ahead,
    "clock 1 h back": clock_1_h_back,
}
