"""Users in memory, for the worlds; it passes tests/data/test_users_contract.py like the store on SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from data.users import email_key
from engine.ports import Account, Credentials, Login, RefreshToken, User
from engine.runtime import Clock


def _nothing_open(account_id: str) -> bool:
    return False


@dataclass(slots=True)
class MemoryUsers:
    """`engine.ports.Users` as dicts. `has_unfinished` asks the ledger whether an account may be removed."""

    clock: Clock
    has_unfinished: Callable[[str], bool] = _nothing_open
    _users: dict[str, tuple[User, str]] = field(default_factory=dict[str, tuple[User, str]])
    _ids: dict[str, str] = field(default_factory=dict[str, str])
    """User id by e-mail key."""
    _logins: dict[str, Login] = field(default_factory=dict[str, Login])
    _tokens: dict[str, RefreshToken] = field(default_factory=dict[str, RefreshToken])
    _revoked: set[str] = field(default_factory=set[str])
    _accounts: dict[str, tuple[Account, Credentials]] = field(default_factory=dict[str, tuple[Account, Credentials]])
    _preferences: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    # --- users ---

    async def count(self) -> int:
        return len(self._users)

    async def create(self, user: User, password_hash: str) -> None:
        if email_key(user.email) in self._ids:
            raise ValueError(f"the e-mail {user.email} is taken")
        self._ids[email_key(user.email)] = user.id
        self._users[user.id] = (user, password_hash)

    async def create_owner(self, user: User, password_hash: str) -> bool:
        if self._users:
            return False
        await self.create(user, password_hash)
        return True

    async def by_id(self, user_id: str) -> User | None:
        found = self._users.get(user_id)
        return None if found is None else found[0]

    async def by_email(self, email: str) -> tuple[User, str] | None:
        return self._users.get(self._ids.get(email_key(email), ""))

    async def set_password_hash(self, user_id: str, password_hash: str) -> None:
        self._users[user_id] = (self._users[user_id][0], password_hash)

    async def all_users(self) -> tuple[User, ...]:
        return tuple(sorted((user for user, _ in self._users.values()), key=lambda user: (user.created_at, user.id)))

    # --- browser sessions ---

    async def add_login(self, login: Login, token_hash: str) -> None:
        now = self.clock.now()
        self._logins = {key: known for key, known in self._logins.items() if known.expires_at > now}
        self._logins[token_hash] = login

    async def login_by_token(self, token_hash: str) -> Login | None:
        return self._logins.get(token_hash)

    async def touch_login(self, login_id: str, seen_at: datetime, expires_at: datetime) -> None:
        self._logins = {
            key: replace(login, seen_at=seen_at, expires_at=expires_at) if login.id == login_id else login
            for key, login in self._logins.items()
        }

    async def end_login(self, login_id: str) -> None:
        self._logins = {key: login for key, login in self._logins.items() if login.id != login_id}

    async def end_logins_of(self, user_id: str) -> None:
        self._logins = {key: login for key, login in self._logins.items() if login.user_id != user_id}

    # --- refresh tokens ---

    async def add_refresh_token(self, token: RefreshToken, token_hash: str) -> None:
        self._tokens[token_hash] = token

    async def use_refresh_token(self, token_hash: str) -> RefreshToken | None:
        token = self._tokens.get(token_hash)
        if token is None or token.family in self._revoked:
            return None
        self._tokens[token_hash] = replace(token, used=True)
        return token

    async def revoke_family(self, family: str) -> None:
        self._revoked.add(family)

    # --- accounts at venues ---

    async def add_account(self, account: Account, credentials: Credentials) -> None:
        key = (account.user_id, account.venue, account.label)
        if any((known.user_id, known.venue, known.label) == key for known, _ in self._accounts.values()):
            raise ValueError(f"there is an account {account.label!r} at {account.venue} already")
        self._accounts[account.id] = (account, credentials)

    async def accounts(self, user_id: str | None = None) -> tuple[Account, ...]:
        found = (account for account, _ in self._accounts.values() if user_id in {None, account.user_id})
        return tuple(sorted(found, key=lambda account: (account.created_at, account.id)))

    async def account(self, account_id: str) -> Account | None:
        found = self._accounts.get(account_id)
        return None if found is None else found[0]

    async def credentials(self, account_id: str) -> Credentials:
        return self._accounts[account_id][1]

    async def remove_account(self, account_id: str) -> None:
        if self.has_unfinished(account_id):
            raise ValueError("the account has unfinished orders: cancel them first")
        self._accounts.pop(account_id, None)

    # --- preferences ---

    async def preference(self, user_id: str, name: str) -> str | None:
        return self._preferences.get((user_id, name))

    async def set_preference(self, user_id: str, name: str, value: str) -> None:
        self._preferences[user_id, name] = value

    async def preferences(self, name: str) -> Mapping[str, str]:
        return {user_id: value for (user_id, of), value in self._preferences.items() if of == name}
