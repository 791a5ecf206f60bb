"""Identity: proves who asks, for browsers by an opaque cookie token, for programs by a short-lived JWT."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from engine.domain.values import Conflict, Forbidden, Unauthenticated
from engine.identity.limits import ACCOUNT_FAILURES, AUTH_REQUESTS, Limits, network_of
from engine.identity.passwords import Passwords, check_email, check_password, normal_email
from engine.identity.tokens import ACCESS_LIFE, AccessTokens
from engine.ports import Login, RefreshToken, Role, User, Users
from engine.runtime import Clock, Ids

LOGIN_LIFE = timedelta(hours=8)
"""A browser's session ends this long after its last sign of life."""
TOUCH_EVERY = timedelta(minutes=1)
REFRESH_LIFE = timedelta(days=30)


class Registration(StrEnum):
    """Who may make a user for themselves."""

    INVITE = "invite"
    OPEN = "open"
    CLOSED = "closed"


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
class Proof:
    """Who a token proves, and until when."""

    asker: Asker
    until: datetime


@dataclass(frozen=True, slots=True)
class TokenPair:
    access_token: str
    refresh_token: str
    expires_in: int
    """Seconds until the access token ends."""


@dataclass(slots=True)
class Identity:
    """All questions of who someone is. Tokens are stored only as SHA-256, passwords only as Argon2id."""

    users: Users
    passwords: Passwords
    limits: Limits
    access: AccessTokens
    clock: Clock
    ids: Ids
    registration: Registration = Registration.INVITE
    _setup_code: str | None = None
    _ending: list[Callable[[str], None]] = field(default_factory=list[Callable[[str], None]])

    # --- users

    async def needs_owner(self) -> bool:
        return await self.users.count() == 0

    async def setup_code(self) -> str:
        """The one-time code of the /setup link, made once per start while there is no owner."""
        if not await self.needs_owner():
            raise Conflict("owner_exists", "This desk has its owner already: log in.")
        if self._setup_code is None:
            self._setup_code = self.ids.secret()
        return self._setup_code

    def is_setup_code(self, code: str) -> bool:
        """Whether it is the code of this start, unused so far."""
        return self._setup_code is not None and _same(code, self._setup_code)

    async def create_owner(self, code: str | None, email: str, password: str) -> User:
        """With the setup code, or with None for the unattended owner of the settings. Forbidden `bad_setup_code`."""
        if code is not None and not self.is_setup_code(code):
            raise Forbidden(
                "bad_setup_code", "This setup link is used up or wrong: take the newest one from the console.", "code"
            )
        user, password_hash = await self._new_user(email, password, Role.OWNER)
        if not await self.users.create_owner(user, password_hash):
            raise Conflict("owner_exists", "This desk has its owner already: log in.")
        self._setup_code = None
        return user

    async def register(self, email: str, password: str) -> User:
        """A trader of their own making; Forbidden unless registration is open."""
        if self.registration is Registration.CLOSED:
            raise Forbidden("registration_closed", "This desk takes no new users.")
        if self.registration is Registration.INVITE:
            raise Forbidden("registration_by_invitation", "This desk takes new users by invitation only.")
        if await self.needs_owner():
            raise Forbidden("owner_first", "This desk has no owner yet: open the setup link from the console.")
        user, password_hash = await self._new_user(email, password, Role.TRADER)
        try:
            await self.users.create(user, password_hash)
        except ValueError as taken:
            raise Conflict("email_taken", "There is a user with this e-mail already.", "email") from taken
        return user

    async def set_password(self, user: User, password: str) -> None:
        """Also ends the user's browser sessions and refresh tokens."""
        check_password(password)
        await self.users.set_password_hash(user.id, await self.passwords.hash(password))
        await self.users.end_logins_of(user.id)

    async def authenticate(self, email: str, password: str, ip: str) -> User:
        """Unauthenticated `bad_credentials` (same answer and time for an unknown e-mail), TooMany."""
        await self.admit(ip)
        guessed = hashlib.sha256(normal_email(email).encode(errors="replace")).hexdigest()
        # Counted before the password is looked at: guesses that arrive together are all counted.
        await self.limits.hit(ACCOUNT_FAILURES, guessed)
        found = await self.users.by_email(email)
        right, stronger_hash = await self.passwords.verify(password, found[1] if found else None)
        if found is None or not right or not found[0].active:
            raise Unauthenticated("bad_credentials", "E-mail or password is wrong.")
        await self.limits.forgive(ACCOUNT_FAILURES, guessed)
        if stronger_hash is not None:
            await self.users.set_password_hash(found[0].id, stronger_hash)
        return found[0]

    async def admit(self, ip: str) -> None:
        """Count a request to an auth route; TooMany after a hundred in 15 minutes from one network address."""
        await self.limits.hit(AUTH_REQUESTS, network_of(ip))

    # --- browsers

    async def open_login(self, user: User) -> str:
        """A new server-side session; returns the opaque token for the cookie."""
        token = self.ids.secret()
        now = self.clock.now()
        await self.users.add_login(Login(self.ids.new(), user.id, now, now, now + LOGIN_LIFE), _digest(token))
        return token

    async def asker_by_cookie(self, token: str, *, prolong: bool = True) -> Asker | None:
        """Whose live session it is; being asked for the user's own doing prolongs it."""
        login = await self.users.login_by_token(_digest(token))
        if login is None:
            return None
        now = self.clock.now()
        user = await self.users.by_id(login.user_id)
        if login.expires_at <= now or user is None or not user.active:
            await self.close_login(login.id)
            return None
        if prolong and now - login.seen_at >= TOUCH_EVERY:
            await self.users.touch_login(login.id, now, now + LOGIN_LIFE)
        return Asker(user, login.id)

    async def close_login(self, login_id: str) -> None:
        """End a browser session; whoever watches endings hears of it at once."""
        await self.users.end_login(login_id)
        for listener in self._ending:
            listener(login_id)

    def watch_endings(self, listener: Callable[[str], None]) -> None:
        """Call `listener` with the id of every browser session that ends here."""
        self._ending.append(listener)

    # --- programs

    async def open_tokens(self, user: User) -> TokenPair:
        return await self._issue(user, f"{await self._password_mark(user)}.{self.ids.new()}")

    async def refresh(self, refresh_token: str) -> TokenPair:
        """The next pair of the family. A token that was used before revokes the whole family."""
        token = await self.users.use_refresh_token(_digest(refresh_token))
        if token is None:
            raise _bad_refresh_token()
        user = await self.users.by_id(token.user_id)
        stale = token.expires_at <= self.clock.now() or user is None or not user.active
        if stale or token.used or user is None or not await self._is_of_password(token, user):
            await self.users.revoke_family(token.family)
            raise _bad_refresh_token()
        return await self._issue(user, token.family)

    async def revoke(self, refresh_token: str) -> None:
        """End the token's family; a token that is none of ours is no error."""
        token = await self.users.use_refresh_token(_digest(refresh_token))
        if token is not None:
            await self.users.revoke_family(token.family)

    async def asker_by_bearer(self, access_token: str) -> Asker:
        """Unauthenticated `bad_token` or `token_expired`."""
        return (await self.proof_by_bearer(access_token)).asker

    async def proof_by_bearer(self, access_token: str) -> Proof:
        """Who asks, and how long that holds, for what outlives a request. Unauthenticated as `asker_by_bearer`."""
        user_id, until = self.access.read(access_token)
        user = await self.users.by_id(user_id)
        if user is None or not user.active:
            raise Unauthenticated("bad_token", "This user may not log in any more.")
        return Proof(Asker(user, None), until)

    # --- parts

    async def _new_user(self, email: str, password: str, role: Role) -> tuple[User, str]:
        email = check_email(email)
        check_password(password)
        password_hash = await self.passwords.hash(password)
        return User(self.ids.new(), email, role, self.clock.now()), password_hash

    async def _issue(self, user: User, family: str) -> TokenPair:
        refresh = self.ids.secret()
        expires = self.clock.now() + REFRESH_LIFE
        await self.users.add_refresh_token(
            RefreshToken(self.ids.new(), family, user.id, expires, used=False), _digest(refresh)
        )
        return TokenPair(self.access.issue(user.id), refresh, int(ACCESS_LIFE.total_seconds()))

    async def _password_mark(self, user: User) -> str:
        """Changes with the password: a family of refresh tokens carries it, and ends when it changes."""
        found = await self.users.by_email(user.email)
        return _digest(found[1])[:16] if found else ""

    async def _is_of_password(self, token: RefreshToken, user: User) -> bool:
        return _same(token.family.partition(".")[0], await self._password_mark(user))


def _bad_refresh_token() -> Unauthenticated:
    return Unauthenticated("bad_refresh_token", "This refresh token is used up, over or wrong: log in again.")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(errors="replace"), right.encode(errors="replace"))
