"""The other commands: the simulator on its own, migrations, users."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from data.database import Database
from data.errors import DatabaseError
from data.users import SqlUsers
from data.vault import Vault
from engine.domain.values import Refusal
from engine.identity import Identity, Limits, Passwords
from engine.identity.tokens import AccessTokens
from engine.runtime import SystemClock, SystemIds
from numatix.settings import SettingsError, load_settings, prepare_var_dir, secret_key

CANNOT_START = 2

app = typer.Typer(name="numatix", add_completion=False, no_args_is_help=True)
users_app = typer.Typer(help="Who may log in. On SQLite the desk must not run meanwhile.", no_args_is_help=True)
app.add_typer(users_app, name="users")


def run() -> int:
    """Run the command that the arguments name; the exit code."""
    try:
        app(standalone_mode=True)
    except (SettingsError, DatabaseError, Refusal) as error:
        sys.stderr.write(f"numatix: {error}\n")
        return CANNOT_START
    return 0


@app.callback()
def numatix() -> None:
    """A self-hosted crypto trading desk. Without a command it serves; its settings are NUMATIX_… in the environment."""


@app.command()
def serve() -> None:
    """Serve the desk and its built-in exchange (also without any command)."""
    from numatix.serve import serve as serve_desk

    raise typer.Exit(serve_desk())


@app.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []},
)
def simulator(context: typer.Context) -> None:
    """Run the built-in exchange on its own; `simulator --help` lists its options."""
    from engine.simulator.__main__ import main

    raise typer.Exit(main(list(context.args)))


@app.command()
def migrate() -> None:
    """Bring the database up to this version's schema (serve does it too)."""
    _with_database(lambda _database, _identity: _nothing())
    sys.stdout.write("The database is up to date.\n")


@users_app.command("list")
def list_users() -> None:
    """E-mail, role and id of everyone."""

    async def work(_: Database, identity: Identity) -> None:
        for user in await identity.users.all_users():
            state = "" if user.active else "  disabled"
            sys.stdout.write(f"{user.email}  {user.role.value}  {user.id}{state}\n")

    _with_database(work)


@users_app.command("reset-password")
def reset_password(email: Annotated[str, typer.Argument(help="whose password")]) -> None:
    """Set a new password, asked for twice (or read from a pipe); ends the user's sessions."""

    async def work(_: Database, identity: Identity) -> None:
        found = await identity.users.by_email(email)
        if found is None:
            raise Refusal("unknown_user", f"There is no user with the e-mail {email}.")
        await identity.set_password(found[0], _ask_password())
        sys.stdout.write("The password is set, the user's sessions are over.\n")

    _with_database(work)


def _ask_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("New password: ")
    if getpass.getpass("Once more: ") != password:
        raise Refusal("passwords_differ", "The two passwords differ: try again.")
    return password


def _with_database(work: Callable[[Database, Identity], Awaitable[None]]) -> None:
    settings = load_settings()
    var_dir = prepare_var_dir(settings)
    key = secret_key(settings, var_dir)
    clock, ids = SystemClock(), SystemIds()
    with Database.open(settings.database_url or var_dir / "numatix.db") as database:
        passwords = Passwords()
        identity = Identity(
            SqlUsers(database, Vault(key), clock), passwords, Limits(clock), AccessTokens(key, clock, ids), clock, ids
        )

        async def run_work() -> None:
            await work(database, identity)

        try:
            asyncio.run(run_work())
        finally:
            passwords.close()


async def _nothing() -> None:
    return
