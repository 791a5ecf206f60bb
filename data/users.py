"""Users, their sessions, tokens, accounts and preferences on SQL."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from data import statements as sql
from data.connection import Connection
from data.database import Database
from data.rows import (
    SqlValue,
    account_of,
    account_values,
    login_of,
    login_values,
    to_micros,
    token_of,
    token_values,
    user_of,
    user_values,
)
from data.vault import Vault
from engine.ports import Account, Credentials, Login, RefreshToken, User, VaultError
from engine.runtime import Clock


@dataclass(frozen=True, slots=True)
class SqlUsers:
    """`engine.ports.Users` on a `Database`; API keys are sealed by the `Vault`, tokens come as hashes already."""

    database: Database
    vault: Vault
    clock: Clock

    # --- users ---

    async def count(self) -> int:
        rows = await self._rows(sql.COUNT_USERS)
        return rows[0][0]

    async def create(self, user: User, password_hash: str) -> None:
        if not await self._change(sql.INSERT_USER, *user_values(user), email_key(user.email), password_hash):
            raise ValueError(f"the e-mail {user.email} is taken")

    async def create_owner(self, user: User, password_hash: str) -> bool:
        def write(connection: Connection) -> bool:
            if connection.execute(sql.COUNT_USERS).fetchone()[0]:
                return False
            connection.execute(sql.INSERT_USER, (*user_values(user), email_key(user.email), password_hash))
            return True

        return await self.database.write(write)

    async def by_id(self, user_id: str) -> User | None:
        rows = await self._rows(sql.USER_BY_ID, user_id)
        return user_of(rows[0]) if rows else None

    async def by_email(self, email: str) -> tuple[User, str] | None:
        rows = await self._rows(sql.USER_BY_EMAIL, email_key(email))
        return (user_of(rows[0]), rows[0][-1]) if rows else None

    async def set_password_hash(self, user_id: str, password_hash: str) -> None:
        if not await self._change(sql.SET_PASSWORD, password_hash, user_id):
            raise KeyError(user_id)

    async def all_users(self) -> tuple[User, ...]:
        return tuple(user_of(row) for row in await self._rows(sql.ALL_USERS))

    # --- browser sessions ---

    async def add_login(self, login: Login, token_hash: str) -> None:
        now = to_micros(self.clock.now())

        def write(connection: Connection) -> None:
            connection.execute(sql.FORGET_LOGINS, (now,))
            connection.execute(sql.INSERT_LOGIN, (*login_values(login), token_hash))

        await self.database.write(write)

    async def login_by_token(self, token_hash: str) -> Login | None:
        rows = await self._rows(sql.LOGIN_BY_TOKEN, token_hash)
        return login_of(rows[0]) if rows else None

    async def touch_login(self, login_id: str, seen_at: datetime, expires_at: datetime) -> None:
        await self._change(sql.TOUCH_LOGIN, to_micros(seen_at), to_micros(expires_at), login_id)

    async def end_login(self, login_id: str) -> None:
        await self._change(sql.END_LOGIN, login_id)

    async def end_logins_of(self, user_id: str) -> None:
        await self._change(sql.END_LOGINS_OF, user_id)

    # --- refresh tokens ---

    async def add_refresh_token(self, token: RefreshToken, token_hash: str) -> None:
        """A token that joins a family after that was revoked is born revoked."""
        now = to_micros(self.clock.now())

        def write(connection: Connection) -> None:
            connection.execute(sql.FORGET_TOKENS, (now,))
            revoked = connection.execute(sql.IS_REVOKED, (token.family,)).fetchone() is not None
            connection.execute(sql.INSERT_TOKEN, (*token_values(token), token_hash, revoked))

        await self.database.write(write)

    async def use_refresh_token(self, token_hash: str) -> RefreshToken | None:
        def write(connection: Connection) -> RefreshToken | None:
            row = connection.execute(sql.TOKEN_BY_HASH, (token_hash,)).fetchone()
            if row is None:
                return None
            token = token_of(row)
            connection.execute(sql.USE_TOKEN, (True, token.id))
            return token

        return await self.database.write(write)

    async def revoke_family(self, family: str) -> None:
        await self._change(sql.REVOKE_FAMILY, True, family)

    # --- accounts at venues ---

    async def add_account(self, account: Account, credentials: Credentials) -> None:
        owner = {"row_id": account.id, "user_id": account.user_id}
        api_key = self.vault.seal(credentials.api_key, column="sealed_api_key", **owner)
        secret = self.vault.seal(credentials.secret, column="sealed_secret", **owner)
        if not await self._change(sql.INSERT_ACCOUNT, *account_values(account), api_key, secret):
            raise ValueError(f"there is an account {account.label!r} at {account.venue} already")

    async def accounts(self, user_id: str | None = None) -> tuple[Account, ...]:
        rows = await self._rows(sql.ALL_ACCOUNTS) if user_id is None else await self._rows(sql.ACCOUNTS_OF, user_id)
        return tuple(account_of(row) for row in rows)

    async def account(self, account_id: str) -> Account | None:
        """None for a removed one too."""
        rows = await self._rows(sql.ACCOUNT_BY_ID, account_id)
        return account_of(rows[0]) if rows else None

    async def credentials(self, account_id: str) -> Credentials:
        rows = await self._rows(sql.SEALED_OF, account_id)
        if not rows:
            raise KeyError(account_id)
        user_id, api_key, secret = rows[0]
        if api_key is None or secret is None:
            raise VaultError(f"the account {account_id} has no stored key: enter the API key again")
        owner = {"row_id": account_id, "user_id": user_id}
        return Credentials(
            self.vault.open(api_key, column="sealed_api_key", **owner),
            self.vault.open(secret, column="sealed_secret", **owner),
        )

    async def remove_account(self, account_id: str) -> None:
        now = to_micros(self.clock.now())

        def write(connection: Connection) -> None:
            if connection.execute(sql.HAS_UNFINISHED, (account_id,)).fetchone() is not None:
                raise ValueError("the account has unfinished orders: cancel them first")
            connection.execute(sql.REMOVE_ACCOUNT, (now, None, None, account_id))

        await self.database.write(write)

    # --- preferences ---

    async def preference(self, user_id: str, name: str) -> str | None:
        rows = await self._rows(sql.PREFERENCE, user_id, name)
        return rows[0][0] if rows else None

    async def set_preference(self, user_id: str, name: str, value: str) -> None:
        await self._change(sql.SET_PREFERENCE, user_id, name, value)

    async def preferences(self, name: str) -> Mapping[str, str]:
        return dict(await self._rows(sql.PREFERENCES, name))

    async def _rows(self, statement: str, *values: SqlValue) -> list[tuple[Any, ...]]:
        return await self.database.read(lambda connection: connection.execute(statement, values).fetchall())

    async def _change(self, statement: str, *values: SqlValue) -> int:
        """How many rows the statement changed."""
        return await self.database.write(lambda connection: connection.execute(statement, values).rowcount, alone=False)


def email_key(email: str) -> str:
    """What two spellings of one e-mail address have in common: NFKC, without case or outer spaces."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", email.strip()).casefold())
