"""Who asks: passwords, browser sessions, tokens and the limits on guessing them (skeleton: agreed signatures)."""

from __future__ import annotations

from dataclasses import dataclass

from engine.ports import Role, User


@dataclass(frozen=True, slots=True)
class Asker:
    """Whoever a request or an event comes from, once proven."""

    user: User
    login_id: str | None
    """The browser session; None for a bearer token."""

    @property
    def is_owner(self) -> bool:
        return self.user.role is Role.OWNER


@dataclass(frozen=True, slots=True)
class TokenPair:
    access_token: str
    refresh_token: str
    expires_in: int


class Identity:
    async def needs_owner(self) -> bool: ...
    async def setup_code(self) -> str:
        """The one-time code of the /setup link, made once per start while there is no owner."""
        raise NotImplementedError
    async def create_owner(self, code: str | None, email: str, password: str) -> User:
        """With the setup code, or with None for the unattended owner of the settings. Forbidden `bad_setup_code`."""
        raise NotImplementedError
    async def authenticate(self, email: str, password: str, ip: str) -> User:
        """Unauthenticated `bad_credentials` (same answer and time for an unknown e-mail), TooMany."""
        raise NotImplementedError
    # browser
    async def open_login(self, user: User) -> str:
        """A new server-side session; returns the opaque token for the cookie."""
        raise NotImplementedError
    async def asker_by_cookie(self, token: str) -> Asker | None: ...
    async def close_login(self, login_id: str) -> None: ...
    # API
    async def open_tokens(self, user: User) -> TokenPair: ...
    async def refresh(self, refresh_token: str) -> TokenPair: ...
    async def revoke(self, refresh_token: str) -> None: ...
    async def asker_by_bearer(self, access_token: str) -> Asker: ...
