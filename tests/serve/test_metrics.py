"""What an operator can measure, and that nobody else can."""

from __future__ import annotations

import os
import signal
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from data.database import Database
from data.ledger import SqlLedger
from data.streams import MemoryStream
from engine.domain.order import AnswerLost, Submitting
from engine.domain.values import Unavailable
from engine.ports import Backlog
from numatix import VERSION
from numatix.metrics import Readings
from tests.conftest import OWNER
from tests.data.makers import NOON, CountedIds, HandClock, a_command, an_order
from tests.house.tree import ROOT
from tests.serving import DeskServer, wait_until
from tests.stream.bots import Bot, new_bot

Sample = dict[tuple[str, frozenset[tuple[str, str]]], float]
TOKEN = "a token for the scraper"


def parsed(text: str) -> Sample:
    """Every sample by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: Sample, name: str, **labels: str) -> float:
    """0 for one that is not there yet."""
    return samples.get((name, frozenset(labels.items())), 0.0)


def scrape(server: DeskServer) -> Sample:
    answer = httpx.get(f"{server.url}/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return parsed(answer.text)


@pytest.fixture(scope="module")
def bot(desk_server: DeskServer) -> Iterator[Bot]:
    with new_bot(desk_server) as bot:
        yield bot
        bot.leave_nothing_open()


def test_real_orders_move_the_figures(desk_server: DeskServer, bot: Bot) -> None:
    before = scrape(desk_server)
    bought = bot.place()
    bot.becomes(bought["id"], "FILLED")
    resting = bot.place_resting()
    bot.becomes(resting["id"], "ACCEPTED")
    fills = len(bot.http.get(f"/orders/{bought['id']}").json()["fills"])

    def grown(after: Sample, name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    after = scrape(desk_server)
    at = {"venue": "simulator", "side": "buy"}
    changes = "numatix_order_changes_total"
    assert grown(after, changes, status="PENDING", **at) >= 2
    assert grown(after, changes, status="SUBMITTED", **at) >= 2
    assert grown(after, changes, status="FILLED", **at) >= 1
    assert grown(after, changes, status="ACCEPTED", **at) >= 1
    assert grown(after, "numatix_fills_total", liquidity="taker", **at) == fills
    for stage in ("recorded_to_sent", "sent_to_answered", "answered_to_committed"):
        stages = {"venue": "simulator", "stage": stage}
        assert grown(after, "numatix_order_stage_seconds_count", **stages) >= 2
        assert grown(after, "numatix_order_stage_seconds_sum", **stages) > 0
    filled = {"venue": "simulator", "type": "market"}
    assert grown(after, "numatix_order_submit_to_filled_seconds_count", **filled) == 1
    assert grown(after, "numatix_ledger_calls_total") >= grown(after, "numatix_ledger_batches_total") > 2
    assert grown(after, "numatix_ledger_wait_seconds_total") > 0
    assert grown(after, "numatix_loop_lag_seconds_count") > 0
    assert value(after, "numatix_orders_open", status="ACCEPTED") >= 1
    assert grown(after, "process_cpu_seconds_total") > 0
    bot.cancel(resting["id"])
    bot.becomes(resting["id"], "CANCELED")
    assert grown(scrape(desk_server), changes, status="CANCELED", **at) >= 1


async def test_how_things_stand_is_told_as_they_stand(desk_server: DeskServer, bot: Bot) -> None:
    samples = scrape(desk_server)
    sockets = value(samples, "numatix_bot_sockets")
    async with bot.socket() as socket:
        await socket.subscribe("orders", "book:BTC/USDT")
        await socket.next("book")
        samples = scrape(desk_server)
        assert value(samples, "numatix_bot_sockets") == sockets + 1
        assert value(samples, "numatix_users_listening") >= 1
        assert 0 <= value(samples, "numatix_venue_stream_age_seconds", venue="simulator") < 30
    assert value(samples, "numatix_build_info", version=VERSION) == 1
    assert value(samples, "numatix_up", part="database") == value(samples, "numatix_up", part="stream") == 1
    assert value(samples, "numatix_orders_open", status="UNKNOWN") == 0
    assert value(samples, "numatix_commands", state="dead") == 0
    assert value(samples, "process_resident_memory_bytes") > 50_000_000
    for name in ("numatix_orders_open", "numatix_commands"):
        assert [key for key in samples if key[0] == name]
    for name in ("numatix_simulator_restarts_total", "numatix_page_sockets", "numatix_sessions", "numatix_worker_busy"):
        assert (name, frozenset[tuple[str, str]]()) in samples
    assert value(samples, "numatix_venue_request_weight", venue="simulator") > 0


def test_labels_do_not_grow_with_users_symbols_or_orders(desk_server: DeskServer, bot: Bot) -> None:
    text = httpx.get(f"{desk_server.url}/metrics").text
    me = bot.http.get("/account").json()
    for word in ("BTC", me["user"]["id"], me["user"]["email"], me["accounts"][0]["id"]):
        assert word not in text


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via", "X-Forwarded-Host"])
def test_what_came_through_a_proxy_needs_a_token_even_on_this_machine(desk_server: DeskServer, header: str) -> None:
    refused = httpx.get(f"{desk_server.url}/metrics", headers={header: "127.0.0.1"})
    assert (refused.status_code, refused.json()["code"]) == (401, "login_needed")
    assert "numatix_" not in refused.text


def test_an_owners_token_will_do_and_a_traders_will_not(desk_server: DeskServer, bot: Bot) -> None:
    address, through = f"{desk_server.url}/metrics", {"Via": "1.1 proxy"}
    refused = httpx.get(address, headers={**through, "Authorization": f"Bearer {bot.token}"})
    assert (refused.status_code, refused.json()["code"]) == (403, "owners_only")
    with desk_server.api() as owner:
        token = owner.headers["Authorization"]
    assert httpx.get(address, headers={**through, "Authorization": token}).status_code == 200
    wrong = httpx.get(address, headers={**through, "Authorization": "Bearer nonsense"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "bad_token")


def test_with_a_public_address_a_proxy_that_says_nothing_is_expected(start_desk: Callable[..., DeskServer]) -> None:
    desk = start_desk(
        **OWNER, public_url="https://desk.example.org", metrics_token=TOKEN, simulator_flow="none"
    ).wait_ready()
    address = f"{desk.url}/metrics"
    assert httpx.get(address).status_code == 401
    assert httpx.get(address, headers={"Authorization": f"Bearer {TOKEN}x"}).status_code == 401
    answer = httpx.get(address, headers={"Authorization": f"Bearer {TOKEN}", "Host": "desk.example.org"})
    assert (answer.status_code, "numatix_up" in answer.text) == (200, True)
    assert TOKEN not in desk.log()


def test_an_exchange_that_was_started_again_is_counted(start_desk: Callable[..., DeskServer]) -> None:
    desk = start_desk(**OWNER, simulator_flow="none").wait_ready()
    os.kill(desk.simulator_pid(), signal.SIGKILL)
    wait_until(lambda: value(scrape(desk), "numatix_simulator_restarts_total") == 1, "the restart")


class AwayStream(MemoryStream):
    """Out of reach."""

    async def pending(self) -> Backlog:
        raise Unavailable("stream_away", "It is away.")


async def test_orders_in_doubt_dead_letters_and_what_is_out_of_reach_show(tmp_path: Path) -> None:
    clock = HandClock()
    stream = MemoryStream(clock)
    with Database.open(tmp_path / "numatix.db") as database:
        ledger = SqlLedger(database, CountedIds())
        order = an_order()
        await ledger.record_order(order)
        await ledger.advance(order.id, [Submitting(), AnswerLost("gone")], NOON, source="worker")
        for number in range(3):
            await stream.publish(a_command(f"c-{number}", f"o-{number}"))
        delivery = await stream.read([a_command("c", "o").kind], "me")
        await stream.set_aside(delivery, "it will not do")
        registry = CollectorRegistry()
        readings = Readings(registry, database, stream, {}, clock)
        await readings.look()
        samples = parsed(generate_latest(registry).decode())
        assert value(samples, "numatix_orders_open", status="UNKNOWN") == 1
        assert value(samples, "numatix_orders_open", status="ACCEPTED") == 0
        assert value(samples, "numatix_commands", state="waiting") == 2
        assert value(samples, "numatix_commands", state="dead") == 1
        away = CollectorRegistry()
        readings = Readings(away, database, AwayStream(clock), {}, clock)
    await readings.look()
    samples = parsed(generate_latest(away).decode())
    assert {part: value(samples, "numatix_up", part=part) for part in ("database", "stream")} == {
        "database": 0,
        "stream": 0,
    }
    assert ("numatix_up", frozenset({("part", "stream")})) in samples


def test_the_version_is_the_projects() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION
