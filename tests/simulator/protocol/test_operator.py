"""The operator's door: accounts, status and shutdown, for the bearer of the token alone."""

from __future__ import annotations

import pytest

from tests.simulator.process import SimulatorProcess, Trader, plain_client, start_simulator


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eA=="}])
async def test_without_the_token_nothing_is_told(simulator: SimulatorProcess, header: dict[str, str]) -> None:
    async with plain_client(simulator) as http:
        for method, path in (("GET", "status"), ("POST", "accounts"), ("POST", "shutdown"), ("POST", "replay/step")):
            assert (await http.request(method, f"/sim/{path}", headers=header)).status_code == 401


def test_an_account_is_made_once_however_often_it_is_asked_for(simulator: SimulatorProcess) -> None:
    asked = {"api_key": "k" * 64, "secret": "s" * 64, "balances": {"USDT": "10000", "BTC": "0.1"}}
    with simulator.operator() as operator:
        first, second = (operator.post("/sim/accounts", json=asked).json() for _ in range(2))
        other = operator.post("/sim/accounts", json={**asked, "secret": "other"})
    assert first == second
    assert first["balances"] == [
        {"asset": "BTC", "free": "0.10000000", "locked": "0.00000000"},
        {"asset": "USDT", "free": "10000.00000000", "locked": "0.00000000"},
    ]
    assert other.status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        {"balances": {"USDT": 5}},
        {"balances": {"USDT": "-1"}},
        {"balances": {"USDT": "１"}},
        {"balances": {"usdt": "1"}},
        {"balances": {"USDT": "1.123456789"}},
        {"balances": []},
        {"api_key": "k" * 64},
        {"api_key": "short", "secret": "s"},
        {"can_trade": "yes"},
        {"leverage": 3},
        [],
    ],
)
def test_a_bad_account_is_refused(simulator: SimulatorProcess, body: object) -> None:
    with simulator.operator() as operator:
        answer = operator.post("/sim/accounts", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["msg"]


def test_the_status_tells_what_market_this_is(simulator: SimulatorProcess) -> None:
    with simulator.operator() as operator:
        status = operator.get("/sim/status").json()
    assert (status["seed"], status["flow"], status["recovered"], status["journal_bytes"]) == (1, "none", False, 0)
    assert {"BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT", "DOGEUSDT"} <= set(status["symbols"])


def test_only_a_replay_can_be_stepped(simulator: SimulatorProcess) -> None:
    with simulator.operator() as operator:
        answer = operator.post("/sim/replay/step", json={"diffs": 1})
    assert (answer.status_code, answer.json()["msg"]) == (409, "This market is not a replay.")


def test_a_shutdown_ends_the_process_cleanly() -> None:
    running = start_simulator("--flow", "none")
    with running.operator() as operator:
        assert operator.post("/sim/shutdown").json() == {}
    assert running.process.wait(5) == 0
    running.stop()


async def test_keys_from_the_command_line_trade_at_once() -> None:
    running = start_simulator("--flow", "none", "--key", "mykey123:mysecret", "--balance", "USDT=500,BTC=2")
    try:
        async with plain_client(running) as http:
            trader = Trader(http, running.open_account(api_key="mykey123", secret="mysecret"))
            account = (await trader.call("GET", "/api/v3/account")).json()
    finally:
        running.stop()
    assert [(row["asset"], row["free"]) for row in account["balances"]] == [
        ("BTC", "2.00000000"),
        ("USDT", "500.00000000"),
    ]
