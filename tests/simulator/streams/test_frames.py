"""Messages are framed as the protocol has it, whatever their length."""

from __future__ import annotations

import pytest
from websockets.frames import Frame, Opcode

from engine.simulator.lines import framed


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 200_000])
@pytest.mark.parametrize("letter", ["a", "é"])
def test_a_message_of_any_length_is_one_frame(size: int, letter: str) -> None:
    text = letter * size
    assert framed(text) == Frame(Opcode.TEXT, text.encode()).serialize(mask=False)
