"""An operator drives a replay over HTTP, and clients of its streams notice no break."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.simulator.flow.captures import bids_after, write_capture
from tests.simulator.process import TOKEN, SimulatorProcess, start_simulator
from tests.simulator.sockets import consumer, unwrapped


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """A replay of twenty seconds that stands at its snapshot."""
    day = write_capture(tmp_path_factory.mktemp("captures") / "day")
    running = start_simulator("--flow", f"replay:{day}@0", "--seed", "1")
    yield running
    assert running.stop() == 0


@pytest.fixture
def operator(replayed: SimulatorProcess) -> Iterator[httpx.Client]:
    with replayed.operator() as client:
        yield client
        assert client.post("/sim/replay/pause").status_code == 200


def done(operator: httpx.Client, action: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The status after something that must be accepted."""
    answer = operator.post(f"/sim/replay/{action}", json=body or {})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def bids(operator: httpx.Client) -> dict[int, int]:
    return in_ticks(operator.get("/api/v3/depth?symbol=BTCUSDT&limit=1000").json()["bids"])


def in_ticks(rows: list[list[str]]) -> dict[int, int]:
    """Lots by price in ticks."""
    return {round(float(price) * 100): round(float(quantity) * 100_000) for price, quantity in rows}


def test_it_is_stepped_wound_on_and_wound_back(operator: httpx.Client) -> None:
    assert done(operator, "seek", {"diff": 0})["position_s"] == 0
    assert done(operator, "step", {"diffs": 3})["diffs"] == 3
    assert done(operator, "seek", {"position_s": 12.3})["diffs"] == 123
    assert bids(operator) == bids_after(123)
    status = done(operator, "seek", {"diff": 40})
    assert (status["diffs"], status["state"], status["position_s"]) == (40, "paused", 4.0)
    assert bids(operator) == bids_after(40)
    assert operator.get("/sim/status").json()["flow_status"] == status


def test_it_goes_at_the_speed_that_it_is_given(operator: httpx.Client) -> None:
    done(operator, "seek", {"diff": 0})
    assert done(operator, "speed", {"speed": 100})["speed"] == 100
    assert done(operator, "resume")["state"] == "playing"
    asked = (operator.get("/sim/status").json()["flow_status"]["state"] for _ in range(10_000))
    assert "ended" in asked
    assert done(operator, "speed", {"speed": "max"})["speed"] == "max"
    assert done(operator, "speed", {"speed": 0.1})["speed"] == 0.1
    assert done(operator, "pause")["state"] == "ended"


@pytest.mark.parametrize(
    ("action", "body", "name"),
    [
        ("step", {}, "diffs"),
        ("step", {"diffs": 0}, "diffs"),
        ("step", {"diffs": 10_001}, "diffs"),
        ("step", {"diffs": "1"}, "diffs"),
        ("step", {"diffs": True}, "diffs"),
        ("step", {"diffs": 1, "fast": 1}, "fast"),
        ("pause", {"for": 3}, "for"),
        ("resume", {"speed": 3}, "speed"),
        ("speed", {}, "speed"),
        ("speed", {"speed": 0}, "speed"),
        ("speed", {"speed": 0.09}, "speed"),
        ("speed", {"speed": 100.1}, "speed"),
        ("speed", {"speed": -1}, "speed"),
        ("speed", {"speed": "2"}, "speed"),
        ("speed", {"speed": True}, "speed"),
        ("speed", {"speed": None}, "speed"),
        ("seek", {}, "position_s or diff"),
        ("seek", {"position_s": 1, "diff": 1}, "position_s or diff"),
        ("seek", {"position_s": -0.1}, "position_s"),
        ("seek", {"position_s": 1_000_001}, "position_s"),
        ("seek", {"position_s": "1"}, "position_s"),
        ("seek", {"position_s": False}, "position_s"),
        ("seek", {"diff": -1}, "diff"),
        ("seek", {"diff": 1.5}, "diff"),
        ("seek", {"seconds": 5}, "seconds"),
    ],
)
def test_what_it_cannot_do_is_refused_with_the_fields_name(
    operator: httpx.Client, action: str, body: dict[str, Any], name: str
) -> None:
    before = operator.get("/sim/status").json()["flow_status"]
    answer = operator.post(f"/sim/replay/{action}", json=body)
    assert answer.status_code == 400, answer.text
    assert name in answer.json()["msg"]
    assert operator.get("/sim/status").json()["flow_status"] == before


def test_an_unknown_action_is_told_the_known_ones(operator: httpx.Client) -> None:
    answer = operator.post("/sim/replay/rewind")
    assert (answer.status_code, answer.json()["msg"]) == (404, "A replay can step, pause, resume, speed, seek.")


async def test_a_client_of_the_book_keeps_it_right_through_seeks(replayed: SimulatorProcess) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        httpx.AsyncClient(base_url=replayed.http, headers=headers, trust_env=False, verify=False) as http,
        consumer(f"{replayed.ws}/ws/btcusdt@depth@100ms") as stream,
    ):
        await http.post("/sim/replay/seek", json={"diff": 100})
        snapshot = (await http.get("/api/v3/depth?symbol=BTCUSDT&limit=1000")).json()
        book, last = in_ticks(snapshot["bids"]), snapshot["lastUpdateId"]
        for diff in (130, 20, 25):
            status = (await http.post("/sim/replay/seek", json={"diff": diff})).json()
            while last < status["last_update_id"]:
                event = unwrapped(await stream.next())
                if event["u"] <= snapshot["lastUpdateId"]:
                    continue
                assert event["U"] == last + 1
                last = event["u"]
                book.update(in_ticks(event["b"]))
            assert {price: lots for price, lots in book.items() if lots} == bids_after(diff)
        ids = [row["id"] for row in (await http.get("/api/v3/trades?symbol=BTCUSDT")).json()]
        assert ids == list(range(ids[0], ids[0] + len(ids)))
