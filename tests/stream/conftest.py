"""A bot on the shared desk."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.serving import DeskServer
from tests.stream.bots import Bot, new_bot


@pytest.fixture(scope="module")
def lasting_bot(desk_server: DeskServer) -> Iterator[Bot]:
    with new_bot(desk_server) as bot:
        yield bot


@pytest.fixture
def bot(lasting_bot: Bot) -> Iterator[Bot]:
    """One user a module; each test begins without open orders."""
    yield lasting_bot
    lasting_bot.leave_nothing_open()
