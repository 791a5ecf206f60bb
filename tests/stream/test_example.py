"""The bot in the documentation runs as it is printed there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.house.tree import ROOT
from tests.serving import OWNER_EMAIL, OWNER_PASSWORD, DeskServer

PAGE = ROOT / "docs" / "api-stream.md"


def test_the_documented_bot_buys_and_sees_its_order_filled(desk_server: DeskServer, tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    bot = tmp_path / "bot.py"
    bot.write_text(code)
    run = subprocess.run(
        [sys.executable, str(bot), desk_server.url, OWNER_EMAIL, OWNER_PASSWORD],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert lines[0].startswith("PENDING 0 at None")
    assert re.fullmatch(r"FILLED 0\.001 at [0-9.]+", lines[-1])


def test_every_operation_message_and_close_code_is_documented() -> None:
    from numatix.api.stream import endings, operations

    text = PAGE.read_text()
    for op in operations.READERS:
        assert f"| `{op}` |" in text
    for ending in vars(endings).values():
        if isinstance(ending, endings.Ending) and ending is not endings.GONE:
            assert f"| {ending.code} |" in text
    for kind in ("welcome", "reply", "error", "heartbeat", "ending", "order", "orders", "balances", "book"):
        assert f'"type": "{kind}"' in text, kind
