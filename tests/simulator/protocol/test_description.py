"""The OpenAPI description is public, complete and true to what the door takes."""

from __future__ import annotations

from tests.simulator.process import SimulatorProcess, Trader, plain_client


async def test_anyone_may_read_it_and_it_holds_no_secret(simulator: SimulatorProcess, trader: Trader) -> None:
    async with plain_client(simulator) as http:
        answer = await http.get("/sim/openapi.json")
    assert answer.status_code == 200
    document = answer.json()
    assert document["openapi"].startswith("3.")
    assert trader.keys.secret not in answer.text
    assert trader.keys.api_key not in answer.text
    order = document["paths"]["/api/v3/order"]["post"]
    assert order["security"] == [{"ApiKey": [], "Signature": []}]
    mandatory = {each["name"] for each in order["parameters"] if each["required"]}
    assert mandatory == {"symbol", "side", "type", "timestamp"}
    types = next(each["schema"]["enum"] for each in order["parameters"] if each["name"] == "type")
    assert "STOP_LOSS_LIMIT" in types
    assert document["paths"]["/api/v3/userDataStream"]["post"]["security"] == [{"ApiKey": []}]
    assert document["paths"]["/api/v3/depth"]["get"]["security"] == []
    ids = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    assert len(set(ids)) == len(ids) == 53


async def test_whatever_it_does_not_describe_is_unread_and_whatever_it_does_is_read(
    simulator: SimulatorProcess, trader: Trader
) -> None:
    """For every signed call: one parameter too many is -1104, and none of its own is."""
    async with plain_client(simulator) as http:
        document = (await http.get("/sim/openapi.json")).json()
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            if {"ApiKey": [], "Signature": []} not in told["security"] or method == "delete":
                continue
            own = {
                each["name"]: "true" if each["schema"].get("type") == "boolean" else "1"
                for each in told["parameters"]
                if each["name"] not in {"timestamp", "recvWindow"}
            }
            read = await trader.call(method.upper(), path, **own)
            assert '"code":-1104' not in read.text, (path, read.text)
            unread = await trader.call(method.upper(), path, **own, surprise="1")
            assert unread.json()["code"] == -1104, (path, unread.text)


async def test_a_method_that_a_path_has_not_is_told_which_it_has(simulator: SimulatorProcess) -> None:
    async with plain_client(simulator) as http:
        answer = await http.put("/api/v3/order")
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET, POST")
