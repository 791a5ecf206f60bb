"""What must stay secret does not get into the log."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from numatix.telemetry import configure_logs, redact

SECRET = "hidden-word"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the desk's logging writes; afterwards all is as it was."""
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logs(terminal=False)
    yield stderr
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "event",
    [
        {"password": SECRET},
        {"api_key": SECRET, "apiKey": SECRET, "X-MBX-APIKEY": SECRET},
        {"headers": {"Authorization": f"Bearer {SECRET}", "Cookie": f"numatix={SECRET}"}},
        {"event": f"GET https://testnet/api/v3/order?symbol=BTCUSDT&timestamp=1&signature={SECRET}"},
        {"event": f'{{"secret": "{SECRET}", "x": 1}}'},
        {"event": f"authorization: Bearer {SECRET}"},
        {"event": f"/setup?code={SECRET}"},
        {"exception": f"KeyError: token={SECRET}; and more"},
        {"deep": [{"er": {"refresh_token": SECRET}}]},
        {"a": {"b": {"c": {"d": {"e": {"f": SECRET}}}}}},
    ],
)
def test_secrets_are_struck_out_by_name_and_in_text(event: dict[str, Any]) -> None:
    cleaned = redact(None, "info", event)
    assert SECRET not in str(cleaned)
    assert cleaned.keys() == event.keys()


def test_what_is_no_secret_stays_readable() -> None:
    event = {"event": "order placed at 50000.10, quantity 0.5", "order": "01a2", "port": 8080, "none": None}
    assert redact(None, "info", dict(event)) == event


def test_the_libraries_logs_go_the_same_way(written: io.StringIO) -> None:
    logging.getLogger("some.library").warning("asked with signature=%s", SECRET)
    logging.getLogger("ccxt").info("apiKey: %s", SECRET)
    structlog.get_logger("desk").info("hello", token=SECRET)
    lines = written.getvalue().splitlines()
    assert [json.loads(line)["level"] for line in lines] == ["warning", "info"]
    assert SECRET not in written.getvalue()
