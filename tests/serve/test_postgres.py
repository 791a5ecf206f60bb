"""A whole desk on PostgreSQL: it trades, is killed, and goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.test_orders import exact
from tests.conftest import OWNER
from tests.postgres import UNSAFE, PostgresServer
from tests.serve.test_lifecycle import assert_one_line, run_numatix
from tests.serving import OWNER_EMAIL, DeskServer, desk_environment, wait_until

BUY = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "quantity": "0.02"}


def finished(http: httpx.Client, order_id: str) -> dict[str, Any]:
    """The order once it has come to its end."""

    def look() -> dict[str, Any] | None:
        order = http.get(f"/orders/{order_id}").json()
        return order if order["status"] in {"FILLED", "REJECTED", "EXPIRED", "CANCELED"} else None

    return wait_until(look, "the order's end")


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """One that the test may stop."""
    server = PostgresServer.launch(*UNSAFE)
    yield server
    server.remove()


def test_a_desk_on_postgresql_trades_outlives_its_server_is_killed_itself_and_goes_on(
    server: PostgresServer, start_desk: Callable[..., DeskServer]
) -> None:
    url = server.url(server.new_database()).replace("postgresql", "postgresql+asyncpg", 1)
    desk = start_desk(**OWNER, database_url=url, simulator_seed="7").wait_ready()
    with desk.api() as http:
        placed = http.post("/orders", json=BUY)
        assert placed.status_code == 202
        order = finished(http, placed.json()["id"])
        assert (order["status"], order["filled_quantity"]) == ("FILLED", "0.02")
        fills = order["fills"]
        assert Decimal(order["average_price"]) == exact(fills, "price", "quantity") / exact(fills, "quantity")
        server.stop()
        server.start()
        second = http.post("/orders", json=BUY)
        assert second.status_code == 202
        assert finished(http, second.json()["id"])["status"] == "FILLED"
        on_its_way = http.post("/orders", json=BUY).json()["id"]
    desk.kill()
    assert not (desk.var_dir / "numatix.db").exists()
    desk.start().wait_ready()
    with desk.api() as http:
        assert http.get(f"/orders/{order['id']}").json() == order
        after = finished(http, on_its_way)
        # It was filled once, wherever the kill met it, or never left: then it says so.
        assert (after["status"], after["filled_quantity"]) in {("FILLED", "0.02"), ("REJECTED", "0")}
        orders = (order, finished(http, second.json()["id"]), after)
        assert balance(http, "BTC") == Decimal("0.1") + sum(
            Decimal(one["filled_quantity"]) - Decimal(one["fees"].get("BTC", "0")) for one in orders
        )
    assert desk.stop() == 0


def balance(http: httpx.Client, asset: str) -> Decimal:
    items = http.get("/balances").json()["items"]
    return next(Decimal(item["total"]) for item in items if item["asset"] == asset)


def test_the_other_commands_work_on_postgresql_beside_each_other(postgres: PostgresServer, tmp_path: Path) -> None:
    url = postgres.url(postgres.new_database())
    environment = desk_environment(tmp_path / "var", database_url=url)
    assert run_numatix("migrate", **environment).stdout == "The database is up to date.\n"
    unknown = run_numatix("users", "reset-password", OWNER_EMAIL, stdin="x" * 12, **environment)
    assert_one_line(unknown, "no user with the e-mail")
    assert_one_line(run_numatix(**desk_environment(tmp_path / "var", database_url=f"{url}&port=1")), "DATABASE_URL")
