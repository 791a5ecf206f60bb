"""Secrets at rest, and what the users' store shares with the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.database import Database
from data.ledger import SqlLedger
from data.users import SqlUsers
from data.vault import Vault
from engine.domain.order import CancelRequested
from engine.ports import Credentials, VaultError
from tests.data.looking import rows_in
from tests.data.makers import NOON, CountedIds, HandClock, a_user, an_account, an_order

KEY = Credentials("public-key-3456", "the secret")
VAULT = Vault(b"a secret key of the tests")
PLACE = {"row_id": "row", "user_id": "ann", "column": "secret"}


def test_a_sealed_text_opens_in_its_own_place():
    assert VAULT.open(VAULT.seal("Schlüssel", **PLACE), **PLACE) == "Schlüssel"


def test_the_same_text_is_never_sealed_alike():
    assert VAULT.seal("text", **PLACE) != VAULT.seal("text", **PLACE)


@pytest.mark.parametrize("moved", ["row_id", "user_id", "column"])
def test_a_sealed_text_does_not_open_in_another_place(moved: str):
    with pytest.raises(VaultError, match="belongs elsewhere"):
        VAULT.open(VAULT.seal("text", **PLACE), **{**PLACE, moved: "other"})


def test_neighbouring_places_cannot_be_confused():
    sealed = VAULT.seal("text", row_id="a", user_id="b|c", column="d")
    with pytest.raises(VaultError):
        VAULT.open(sealed, row_id="a|b", user_id="c", column="d")


def test_another_secret_key_is_named_as_the_cause():
    with pytest.raises(VaultError, match="another NUMATIX_SECRET_KEY"):
        Vault(b"another key altogether").open(VAULT.seal("text", **PLACE), **PLACE)


@pytest.mark.parametrize("damage", ["", "v1", "v2.x.y", "v1..", "plain text"])
def test_what_was_never_sealed_is_refused(damage: str):
    with pytest.raises(VaultError):
        VAULT.open(damage, **PLACE)


@pytest.mark.parametrize("position", [-1, -8, 12, 20])
def test_a_changed_character_is_noticed(position: int):
    sealed = VAULT.seal("text" * 5, **PLACE)
    changed = list(sealed)
    changed[position] = "A" if changed[position] != "A" else "B"
    with pytest.raises(VaultError):
        VAULT.open("".join(changed), **PLACE)


def test_a_secret_key_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="16 bytes"):
        Vault(b"short")


def test_a_vault_does_not_show_its_key():
    assert "secret key" not in repr(VAULT)


async def test_keys_are_not_readable_in_the_file(sqlite: Database, sqlite_path: Path, clock: HandClock):
    users = SqlUsers(sqlite, VAULT, clock)
    await users.create(a_user(), "hash")
    await users.add_account(an_account(), KEY)
    written = b"".join(path.read_bytes() for path in sqlite_path.parent.iterdir())
    assert b"ann-paper" in written
    assert KEY.secret.encode() not in written
    assert KEY.api_key.encode() not in written


async def test_keys_are_not_readable_in_the_tables(database: Database, address: str | Path, clock: HandClock):
    users = SqlUsers(database, VAULT, clock)
    await users.create(a_user(), "hash")
    await users.add_account(an_account(), KEY)
    written = str(rows_in(address, "SELECT * FROM accounts"))
    assert "ann-paper" in written
    assert KEY.secret not in written
    assert KEY.api_key not in written


async def test_one_accounts_key_does_not_open_in_anothers_row(database: Database, clock: HandClock):
    users = SqlUsers(database, VAULT, clock)
    await users.create(a_user(), "hash")
    await users.create(a_user("eve", "eve@example.com"), "hash")
    await users.add_account(an_account(), KEY)
    await users.add_account(an_account("eve-paper", "eve"), Credentials("other-key-9999", "other"))
    await database.write(
        lambda connection: (
            connection.execute(
                "UPDATE accounts SET (sealed_api_key, sealed_secret) = "
                "(SELECT sealed_api_key, sealed_secret FROM accounts WHERE id = 'ann-paper') WHERE id = 'eve-paper'"
            ).rowcount
        )
    )
    with pytest.raises(VaultError, match="belongs elsewhere"):
        await users.credentials("eve-paper")


async def test_credentials_under_another_secret_key_are_a_vault_error(database: Database, clock: HandClock):
    users = SqlUsers(database, VAULT, clock)
    await users.create(a_user(), "hash")
    await users.add_account(an_account(), KEY)
    with pytest.raises(VaultError, match="another NUMATIX_SECRET_KEY"):
        await SqlUsers(database, Vault(b"another key altogether"), clock).credentials("ann-paper")


async def test_an_account_with_unfinished_orders_stays(database: Database, clock: HandClock):
    users, ledger = SqlUsers(database, VAULT, clock), SqlLedger(database, CountedIds())
    await users.create(a_user(), "hash")
    await users.add_account(an_account(), KEY)
    order = an_order()
    await ledger.record_order(order)
    with pytest.raises(ValueError, match="unfinished orders"):
        await users.remove_account("ann-paper")
    assert await users.credentials("ann-paper") == KEY
    await ledger.advance(order.id, [CancelRequested()], NOON, source="desk")
    await users.remove_account("ann-paper")
    assert await ledger.order(order.id) is not None
