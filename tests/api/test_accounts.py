"""A key of one's own at Binance's Spot Testnet; a second simulator stands in for that."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.api.conftest import Bot, assert_problem
from tests.conftest import OWNER
from tests.serving import ROOT, DeskServer, desk_environment

KEY, SECRET = "testnetKey0123456789abcd", "testnetSecret0123456789abcd"


@pytest.fixture
def testnet_url(tmp_path: Path) -> Iterator[str]:
    options = ["--port", "0", "--seed", "3", "--key", f"{KEY}:{SECRET}", "--balance", "USDT=5000"]
    command = [sys.executable, "-m", "numatix", "simulator", *options]
    environment = desk_environment(tmp_path)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        yield f"http://{told['host']}:{told['port']}"
        process.terminate()


def test_a_testnet_key_is_tested_kept_secret_traded_with_and_removed(
    start_desk: Callable[..., DeskServer], testnet_url: str
) -> None:
    desk = start_desk(**OWNER, binance_testnet_url=testnet_url).wait_ready()
    body = {"venue": "binance_testnet", "label": "My testnet", "api_key": KEY, "secret": SECRET}
    with desk.api() as http:
        refused = http.post("/accounts", json={**body, "secret": "not the secret"})
        assert_problem(refused, 422, "key_refused", "api_key")
        assert len(http.get("/accounts").json()["items"]) == 1

        added = http.post("/accounts", json=body)
        assert added.status_code == 201, added.text
        account = added.json()
        assert (account["venue"], account["label"], account["paper"]) == ("binance_testnet", "My testnet", False)
        assert account["key_fingerprint"] == KEY[-4:]
        assert_problem(http.post("/accounts", json=body), 409, "label_taken", "label")

        held = http.get("/balances", params={"account_id": account["id"]}).json()["items"]
        assert held == [{"asset": "USDT", "free": "5000", "locked": "0", "total": "5000"}]
        bot = Bot(http, "")
        order = bot.becomes(bot.place(quantity="0.001", account_id=account["id"]).json()["id"], "FILLED")
        assert order["account_id"] == account["id"]

        assert http.delete(f"/accounts/{account['id']}").status_code == 204
        assert len(http.get("/accounts").json()["items"]) == 1
        assert bot.order(order["id"])["status"] == "FILLED"
        for told in (added.text, http.get("/accounts").text, http.get("/account").text, desk.log(), refused.text):
            assert SECRET not in told
            assert KEY not in told
    stored = b"".join(file.read_bytes() for file in desk.var_dir.glob("numatix.db*"))
    assert SECRET.encode() not in stored
    assert KEY.encode() not in stored
