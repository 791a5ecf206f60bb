"""A real desk that is killed and started again on the same var dir and the same ports."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from data.database import Database
from data.users import SqlUsers
from data.vault import Vault
from engine.runtime import SystemClock
from tests.killing.entry import Doom, children_of
from tests.serving import OWNER_EMAIL, OWNER_PASSWORD, DeskServer, wait_until
from tests.simulator.process import Keys

PLAIN = ("-m", "numatix")
GONE_WITHIN_S = 10.0
DOOM_WITHIN_S = 30.0
ON_ITS_WAY = frozenset({"PENDING", "SUBMITTED", "UNKNOWN", "PENDING_CANCEL"})
LONGEST_PAGE = 500


class Victim(StrEnum):
    EVERYTHING = "desk and exchange"
    DESK = "desk"
    EXCHANGE = "exchange"


class MortalDesk(DeskServer):
    """`strike` kills, `rise` starts again and waits until it takes orders."""

    def rise(self, doom: Doom | None = None) -> MortalDesk:
        self.command = PLAIN if doom is None else doom.command()
        self.start().wait_ready()
        # The first life draws a free port for the exchange; later ones find it in use by what has not ended yet.
        self.settings.setdefault("simulator_port", str(urlsplit(self.exchange_url()).port))
        return self

    def strike(self, victim: Victim) -> None:
        """SIGKILL; back when what must end has ended."""
        assert self.process is not None
        family = children_of(self.process.pid)
        doomed = {
            Victim.EVERYTHING: (*family, self.process.pid),
            Victim.DESK: (self.process.pid,),
            Victim.EXCHANGE: family,
        }[victim]
        for pid in doomed:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if victim is not Victim.EXCHANGE:
            self.process.wait()
            wait_gone(family)

    def await_death(self) -> None:
        """The doom has come; AssertionError when it does not."""
        process = self.process
        assert process is not None
        wait_until(lambda: process.poll() is not None, "the doom", DOOM_WITHIN_S)
        code = process.returncode
        assert code == -signal.SIGKILL, f"the desk ended with {code} instead: {self.log()[-3000:]}"

    def exchange_url(self) -> str:
        return wait_until(lambda: self.log_lines("the simulator is listening"), "the exchange")[-1]["url"]

    def keys(self) -> Mapping[str, Keys]:
        """The accounts' keys by account id, to ask the exchange behind the desk's back. Only while the desk is down."""
        secret = (self.var_dir / "secret_key").read_text().strip().encode()
        with Database.open(self.var_dir / "numatix.db") as database:
            users = SqlUsers(database, Vault(secret), SystemClock())
            return asyncio.run(_read_keys(users))

    def orders(self, api: httpx.Client) -> list[dict[str, Any]]:
        """All of the user's orders, newest first."""
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = api.get("/orders", params={"limit": LONGEST_PAGE, **cursor}).raise_for_status().json()
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}

    def settle(self, api: httpx.Client, patience_s: float) -> list[dict[str, Any]]:
        """The orders once nothing of the user is on its way any more."""

        def calm() -> list[dict[str, Any]] | None:
            found = self.orders(api)
            return None if any(one["status"] in ON_ITS_WAY for one in found) else found or [{}]

        return [one for one in wait_until(calm, "every order to reach its end", patience_s, 0.1) if one]

    def becomes(self, api: httpx.Client, order_id: str, *statuses: str, patience_s: float = 15.0) -> dict[str, Any]:
        """The order once it has one of these statuses."""

        def look() -> dict[str, Any] | None:
            order = api.get(f"/orders/{order_id}").raise_for_status().json()
            return order if order["status"] in statuses else None

        return wait_until(look, f"order {order_id} to become {' or '.join(statuses)}", patience_s)


def owned_desk(var_dir: Path, **settings: str) -> MortalDesk:
    """A desk with an owner and a lively market of its own; not started."""
    owner = {"owner_email": OWNER_EMAIL, "owner_password": OWNER_PASSWORD}
    return MortalDesk(var_dir, {**owner, "simulator_seed": "7", "registration": "open", **settings})


def wait_gone(pids: tuple[int, ...], within_s: float = GONE_WITHIN_S) -> None:
    """Until none of these processes runs; a zombie that its new parent has not buried counts as gone."""
    wait_until(lambda: not any(_runs(pid) for pid in pids), f"{pids} to end", within_s, 0.01)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


async def _read_keys(users: SqlUsers) -> dict[str, Keys]:
    found: dict[str, Keys] = {}
    for account in await users.accounts():
        credentials = await users.credentials(account.id)
        found[account.id] = Keys(credentials.api_key, credentials.secret)
    return found
