"""Which requests a rule strikes, how rules are written, and what is said of one that makes no sense."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.simulator.fault_script import BadFault, parse_fault, read_script
from engine.simulator.faults import Asked, Door, Fault, Faults, What
from tests.simulator.process import SimulatorProcess, plain_client, start_simulator
from tests.simulator.protocol.test_process import run_to_its_end

PING = Asked(Door.REST, "GET /api/v3/ping", None)


class Time:
    """Milliseconds that the test moves."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def __call__(self) -> int:
        return self.now_ms


def rules(*faults: Fault, seed: int = 1, time: Time | None = None) -> Faults:
    made = Faults(seed, time or Time(), {"key-one": 1}.get)
    for fault in faults:
        made.add(fault)
    return made


def pattern(faults: Faults, asked: Asked = PING, times: int = 64) -> list[int]:
    return [len(faults.strike(asked)) for _ in range(times)]


def test_what_is_drawn_comes_from_the_seed_and_the_name() -> None:
    half = Fault("half", What.EMPTY, probability=0.5)
    drawn = pattern(rules(half))
    assert 10 < sum(drawn) < 54
    assert pattern(rules(half)) == drawn
    assert pattern(rules(half, seed=2)) != drawn
    assert pattern(rules(Fault("other", What.EMPTY, probability=0.5))) != drawn


def test_a_latency_is_drawn_from_its_range() -> None:
    faults = rules(Fault("slow", What.LATENCY, latency_ms=(10, 20)))
    drawn = {faults.strike(PING)[0].latency_ms for _ in range(500)}
    assert drawn == set(range(10, 21))


def test_every_third_and_at_most_two() -> None:
    assert pattern(rules(Fault("n", What.EMPTY, every=3, count=2)), times=12) == [0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]


def test_a_rule_holds_from_its_beginning_to_its_end() -> None:
    time = Time()
    faults = rules(Fault("window", What.EMPTY, after_ms=100, for_ms=50), time=time)
    struck: list[int] = []
    for at_ms in (99, 100, 149, 150):
        time.now_ms = 1_000_000 + at_ms
        struck.append(len(faults.strike(PING)))
    assert struck == [0, 1, 1, 0]


@pytest.mark.parametrize(
    ("fault", "struck"),
    [
        (Fault("f", What.EMPTY), [1, 1, 1]),
        (Fault("f", What.EMPTY, door=Door.WS_API), [0, 0, 1]),
        (Fault("f", What.EMPTY, request="POST *"), [0, 1, 0]),
        (Fault("f", What.EMPTY, request="order.*"), [0, 0, 1]),
        (Fault("f", What.EMPTY, account="key-one"), [0, 1, 1]),
        (Fault("f", What.EMPTY, account="key-two"), [0, 0, 0]),
        (Fault("f", What.LOSE), [0, 0, 0]),
        (Fault("f", What.RESTART), [0, 0, 0]),
    ],
)
def test_what_a_rule_names(fault: Fault, struck: list[int]) -> None:
    asked = (
        PING,
        Asked(Door.REST, "POST /api/v3/order", "key-one"),
        Asked(Door.WS_API, "order.place", "key-one"),
    )
    assert [len(rules(fault).strike(one)) for one in asked] == struck


def test_user_events_are_named_by_kind_and_account() -> None:
    faults = rules(Fault("f", What.LOSE, event="execution*", account="key-one"))
    assert faults.strike_event(1, "executionReport") is What.LOSE
    assert faults.strike_event(2, "executionReport") is None
    assert faults.strike_event(1, "balanceUpdate") is None


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ([], "must be an object"),
        ({}, "what must be one of latency, drop_before"),
        ({"what": "rain"}, "what must be one of"),
        ({"what": "latency"}, "latency needs latency_ms"),
        ({"what": "latency", "latency_ms": [2, 1]}, "smaller"),
        ({"what": "latency", "latency_ms": -1}, "latency_ms must be a whole number from 0"),
        ({"what": "error"}, "error needs code"),
        ({"what": "error", "code": 5}, "code must be"),
        ({"what": "http_error", "status": 200}, "status must be one of"),
        ({"what": "empty", "probability": 1.5}, "probability must be from 0 to 1"),
        ({"what": "empty", "probability": float("nan")}, "probability must be a number"),
        ({"what": "empty", "every": 0}, "every must be"),
        ({"what": "empty", "every": True}, "every must be"),
        ({"what": "empty", "door": "cellar"}, "door must be one of rest, ws-api, streams"),
        ({"what": "empty", "status": 500}, "empty does not read status"),
        ({"what": "lose", "request": "*"}, "lose does not read request"),
        ({"what": "restart", "down_s": -1}, "down_s must be from 0"),
        ({"what": "half_open", "accepted": "yes"}, "accepted must be true or false"),
        ({"what": "empty", "name": ""}, "name must be text"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_by_its_field(given: object, complaint: str) -> None:
    with pytest.raises(BadFault, match=complaint):
        parse_fault(given, "f")


def test_json_and_toml_say_the_same(tmp_path: Path) -> None:
    as_json, as_toml = tmp_path / "f.json", tmp_path / "f.toml"
    as_json.write_text('{"faults": [{"what": "latency", "latency_ms": [5, 9], "for_s": 1.5}, {"what": "lose"}]}')
    as_toml.write_text('[[faults]]\nwhat = "latency"\nlatency_ms = [5, 9]\nfor_s = 1.5\n[[faults]]\nwhat = "lose"\n')
    assert (
        read_script(as_json)
        == read_script(as_toml)
        == [
            Fault("fault-1", What.LATENCY, latency_ms=(5, 9), for_ms=1500),
            Fault("fault-2", What.LOSE),
        ]
    )


async def test_a_script_holds_from_the_start(tmp_path: Path) -> None:
    script = tmp_path / "faults.toml"
    script.write_text('[[faults]]\nwhat = "http_error"\nstatus = 503\nrequest = "GET /api/v3/ping"\ncount = 1\n')
    running = start_simulator("--flow", "none", "--faults", str(script))
    try:
        async with plain_client(running) as http:
            answers = [(await http.get("/api/v3/ping")).status_code for _ in range(2)]
    finally:
        running.stop()
    assert answers == [503, 200]


@pytest.mark.parametrize("text", ["{", "[]", '{"faults": {}}', '{"faults": [{"what": "rain"}]}'])
def test_a_bad_script_stops_the_start_in_one_line(tmp_path: Path, text: str) -> None:
    script = tmp_path / "faults.json"
    script.write_text(text)
    ended = run_to_its_end("--port", "0", "--flow", "none", "--faults", str(script))
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1), ended.stderr
    assert str(script) in ended.stderr


def test_the_operator_makes_lists_and_ends_faults(simulator: SimulatorProcess) -> None:
    with simulator.operator() as operator:
        made = operator.post("/sim/faults", json={"what": "empty", "name": "one", "request": "GET /api/v3/ping"})
        assert made.json()["name"] == "one"
        assert operator.post("/sim/faults", json={"what": "empty", "name": "one"}).status_code == 400
        operator.get("/api/v3/ping")
        (listed,) = operator.get("/sim/faults").json()["faults"]
        assert (listed["what"], listed["seen"], listed["struck"], listed["holds"]) == ("empty", 1, 1, True)
        assert operator.delete("/sim/faults/two").status_code == 404
        assert operator.delete("/sim/faults/one").json() == {"removed": 1}
        assert operator.get("/sim/faults").json() == {"faults": []}
        bad = operator.post("/sim/faults", json={"what": "latency"})
        assert (bad.status_code, bad.json()) == (400, {"code": -1130, "msg": "latency needs latency_ms."})


async def test_faults_are_the_operators_alone(simulator: SimulatorProcess) -> None:
    async with plain_client(simulator) as http:
        for method in ("GET", "POST", "DELETE"):
            assert (await http.request(method, "/sim/faults")).status_code == 401
