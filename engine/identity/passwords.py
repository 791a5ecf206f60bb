"""Passwords: what is taken, and Argon2id through passlib, off the event loop."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeArgument=false
# passlib carries no types.

from __future__ import annotations

import asyncio
import re
import unicodedata
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from engine.domain.values import Refusal, Unavailable

T = TypeVar("T")

with warnings.catch_warnings():
    # passlib looks for the system's crypt and for argon2's version in ways that Python 3.11 calls deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    from passlib.context import CryptContext
    from passlib.handlers.argon2 import argon2

    argon2.set_backend("argon2_cffi")

SHORTEST, LONGEST = 10, 1024
LONGEST_EMAIL = 254
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)*")
AT_A_TIME = 2
MOST_WAITING = 32

DECOY = "$argon2id$v=19$m=65536,t=3,p=4$JETIWYsxRihljLF2LoXw3g$z6XY5/g7n+LbDTBGQRW9lStw6qKjjqRNhv+5YsS5Eqo"
"""The hash of something nobody knows, as costly to check as a real one."""


class Passwords:
    """Argon2id with the second recommended option of RFC 9106, section 4: 64 MiB, 3 passes, 4 lanes.

    That is well above OWASP's minimum and costs 110-140 ms of CPU, so two threads do it and at most
    `MOST_WAITING` wait for them: whoever comes later is refused instead of queued.
    """

    def __init__(self, *, memory_kib: int = 65536, passes: int = 3, lanes: int = 4) -> None:
        self._context = CryptContext(
            schemes=["argon2"],
            argon2__type="ID",
            argon2__memory_cost=memory_kib,
            argon2__rounds=passes,
            argon2__parallelism=lanes,
        )
        self._threads = ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="argon2")
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """Unavailable `busy` when too many wait."""
        return await self._off_the_loop(lambda: str(self._context.hash(password)))

    async def verify(self, password: str, password_hash: str | None) -> tuple[bool, str | None]:
        """Whether it is right, and a new hash where the stored one was made at another cost.

        Without a hash, or with a password that none can have, it costs the same and is wrong.
        """
        possible = password_hash is not None and _can_be_a_password(password)
        guess, against = (password, password_hash) if possible else ("", DECOY)
        right, fresh = await self._off_the_loop(lambda: self._verify(guess, against))
        return (right, fresh) if possible else (False, None)

    def close(self) -> None:
        """Let go of the threads; what waits is dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, guess: str, against: str | None) -> tuple[bool, str | None]:
        right, fresh = self._context.verify_and_update(guess, against)
        return bool(right), fresh

    async def _off_the_loop(self, work: Callable[[], T]) -> T:
        if self._waiting >= MOST_WAITING:
            raise Unavailable("busy", "Too many are logging in at this moment: try again in a few seconds.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def normal_email(email: str) -> str:
    """The form in which two e-mails are compared: compatibility-normalised, without case and outer blanks."""
    return unicodedata.normalize("NFKC", email).strip().casefold()


def check_email(email: str) -> str:
    """The e-mail without outer blanks; Refusal `bad_email` when it cannot be one."""
    email = email.strip()
    if len(email) > LONGEST_EMAIL or not email.isprintable() or EMAIL.fullmatch(email) is None:
        raise Refusal("bad_email", "email must be an address such as name@example.org.", "email")
    return email


def check_password(password: str) -> None:
    """Refusal on the field `password` when it is too short, too long or no text."""
    if len(password) < SHORTEST:
        raise Refusal("password_too_short", f"password must have at least {SHORTEST} characters.", "password")
    if len(password) > LONGEST:
        raise Refusal("password_too_long", f"password must have at most {LONGEST} characters.", "password")
    if not _can_be_a_password(password):
        raise Refusal("bad_password", "password holds a character that is no text.", "password")


def _can_be_a_password(password: str) -> bool:
    if not SHORTEST <= len(password) <= LONGEST or "\0" in password:
        return False
    return not any("\ud800" <= character <= "\udfff" for character in password)
