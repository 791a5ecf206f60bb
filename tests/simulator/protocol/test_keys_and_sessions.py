"""RSA and Ed25519 keys sign as HMAC secrets do, and an Ed25519 key can log a socket on."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.simulator.process import SimulatorProcess, Trader, plain_client
from tests.simulator.sockets import Consumer, consumer

ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "20000"}


@dataclass(frozen=True)
class PrivateKey:
    """An account's private half."""

    api_key: str
    private: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

    def sign(self, payload: str) -> str:
        if isinstance(self.private, rsa.RSAPrivateKey):
            signature = self.private.sign(payload.encode(), padding.PKCS1v15(), SHA256())
        else:
            signature = self.private.sign(payload.encode())
        return base64.b64encode(signature).decode()

    def signed(self, **params: object) -> dict[str, object]:
        full = {"apiKey": self.api_key, "timestamp": time.time_ns() // 1_000_000, **params}
        payload = "&".join(f"{name}={full[name]}" for name in sorted(full))
        return {**full, "signature": self.sign(payload)}


def pem(private: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey) -> str:
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def opened(simulator: SimulatorProcess, private: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey) -> PrivateKey:
    with simulator.operator() as operator:
        answer = operator.post("/sim/accounts", json={"balances": {"USDT": "100000"}, "public_key": pem(private)})
    assert answer.status_code == 200, answer.text
    return PrivateKey(answer.json()["api_key"], private)


@pytest.fixture
def ed25519_key(simulator: SimulatorProcess) -> PrivateKey:
    return opened(simulator, ed25519.Ed25519PrivateKey.generate())


@pytest.fixture
def rsa_key(simulator: SimulatorProcess) -> PrivateKey:
    return opened(simulator, rsa.generate_private_key(65537, 2048))


@pytest.mark.parametrize("kind", ["ed25519_key", "rsa_key"])
async def test_a_public_key_signs_rest_requests(
    simulator: SimulatorProcess, kind: str, request: pytest.FixtureRequest
) -> None:
    key: PrivateKey = request.getfixturevalue(kind)
    query = urlencode({**ORDER, "timestamp": time.time_ns() // 1_000_000})
    signature = key.sign(query)
    wrong = signature.swapcase()  # these signatures are case-sensitive
    async with plain_client(simulator) as http:
        for given, status in ((signature, 200), (wrong, 400), ("no base64!", 400), ("", 400)):
            url = f"/api/v3/order/test?{query}&signature={quote(given, safe='')}"
            answer = await http.post(url, headers={"X-MBX-APIKEY": key.api_key})
            assert answer.status_code == status, answer.text


async def test_a_logged_on_socket_signs_no_more(simulator: SimulatorProcess, ed25519_key: PrivateKey) -> None:
    async with consumer(f"{simulator.ws}/ws-api/v3") as socket:
        told = await answered(socket, "session.logon", ed25519_key.signed())
        assert (told["apiKey"], told["userDataStream"]) == (ed25519_key.api_key, False)
        assert told["authorizedSince"] >= told["connectedSince"]
        assert await answered(socket, "userDataStream.subscribe") == {"subscriptionId": 0}
        stamp = {"timestamp": time.time_ns() // 1_000_000}
        placed = await answered(socket, "order.place", {**ORDER, **stamp})
        assert placed["status"] == "NEW"
        assert (await socket.event("executionReport"))["i"] == placed["orderId"]
        assert (await socket.ask("order.place", ORDER))["error"]["code"] == -1102  # a time stamp is wanted still
        assert (await answered(socket, "session.status"))["userDataStream"] is True
        assert (await answered(socket, "session.logout"))["apiKey"] is None
        assert (await socket.event("eventStreamTerminated"))["E"]
        assert (await socket.ask("account.status", stamp))["error"]["code"] == -2014
        assert (await socket.ask("userDataStream.subscribe"))["error"]["code"] == -1002


async def test_a_request_that_names_a_key_must_be_signed_by_it(
    simulator: SimulatorProcess, ed25519_key: PrivateKey, trader: Trader
) -> None:
    async with consumer(f"{simulator.ws}/ws-api/v3") as socket:
        await answered(socket, "session.logon", ed25519_key.signed())
        other = await socket.ask_signed(trader.keys, "account.status")
        assert {row["asset"] for row in other["result"]["balances"]} == {"BTC", "ETH", "USDT"}
        stamp = {"timestamp": time.time_ns() // 1_000_000}
        unsigned = await socket.ask("account.status", {**stamp, "apiKey": trader.keys.api_key})
        assert unsigned["error"]["code"] == -1102
        forged = await socket.ask("account.status", {**stamp, "signature": "AAAA"})
        assert forged["error"]["code"] == -1022


async def test_only_an_ed25519_key_logs_on(simulator: SimulatorProcess, rsa_key: PrivateKey) -> None:
    async with consumer(f"{simulator.ws}/ws-api/v3") as socket:
        answer = await socket.ask("session.logon", rsa_key.signed())
        assert answer["error"] == {"code": -4056, "msg": "RSA API key is not supported."}


@pytest.mark.parametrize(
    "fields",
    [
        {"public_key": "no key"},
        {"public_key": 5},
        {"public_key": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"},
        {"public_key": pem(rsa.generate_private_key(65537, 1024))},
        {"public_key": pem(ed25519.Ed25519PrivateKey.generate()), "secret": "both"},
        {"api_key": "k" * 20, "secret": pem(ed25519.Ed25519PrivateKey.generate())},
    ],
)
def test_a_key_that_cannot_sign_is_refused(simulator: SimulatorProcess, fields: dict[str, object]) -> None:
    with simulator.operator() as operator:
        assert operator.post("/sim/accounts", json=fields).status_code == 400


async def test_a_method_may_name_its_version_and_a_url_may_decline_the_limits(simulator: SimulatorProcess) -> None:
    async with consumer(f"{simulator.ws}/ws-api/v3?returnRateLimits=false") as socket:
        assert "rateLimits" not in await socket.ask("v3/ping")
        assert "rateLimits" in await socket.ask("ping", {"returnRateLimits": True})


async def answered(socket: Consumer, method: str, params: object = None) -> dict[str, Any]:
    answer = await socket.ask(method, params)
    assert answer["status"] == 200, answer
    result: dict[str, Any] = answer["result"]
    return result
