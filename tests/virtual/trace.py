"""What happened in a world, line by line."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from tests.virtual.loop import VirtualLoop


@dataclass(slots=True)
class Trace:
    """Facts are written down as they come and put into words only for those who read them."""

    loop: VirtualLoop
    lines: list[tuple[float, str, tuple[Any, ...]]] = field(default_factory=list[tuple[float, str, tuple[Any, ...]]])

    def note(self, what: str, *facts: object) -> None:
        """Facts must not change afterwards."""
        self.lines.append((self.loop.time(), what, facts))

    def text(self) -> str:
        """A line for each, with the seconds since the beginning."""
        return "\n".join(f"{at:10.4f}  {what:<10} {' '.join(map(str, facts))}" for at, what, facts in self.lines)

    def digest(self) -> str:
        """The same for two runs in which the same happened."""
        return sha256(self.text().encode()).hexdigest()
