"""What passwords are taken, and how they are kept."""

from __future__ import annotations

import asyncio
import time

import pytest
from argon2 import PasswordHasher

from engine.domain.values import Refusal, Unavailable
from engine.identity import Passwords
from engine.identity.passwords import DECOY, MOST_WAITING, check_email, check_password, normal_email
from tests.identity.conftest import PASSWORD


async def test_a_password_is_known_again_and_another_is_not(passwords: Passwords) -> None:
    kept = await passwords.hash(PASSWORD)
    assert PASSWORD not in kept
    assert (await passwords.verify(PASSWORD, kept))[0]
    assert not (await passwords.verify(PASSWORD + "!", kept))[0]


async def test_hashes_are_argon2id_at_64_mib_and_salted(passwords: Passwords) -> None:
    first, second = await passwords.hash(PASSWORD), await passwords.hash(PASSWORD)
    assert first.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert first != second


async def test_the_decoy_is_as_costly_as_a_real_hash(passwords: Passwords) -> None:
    assert DECOY.split("$")[1:4] == (await passwords.hash(PASSWORD)).split("$")[1:4]


async def test_without_a_hash_the_answer_is_no_and_takes_as_long(passwords: Passwords) -> None:
    kept = await passwords.hash(PASSWORD)

    async def seconds(password_hash: str | None) -> float:
        """The best of three: what is compared is work, not the machine's mood."""
        best = float("inf")
        for _ in range(3):
            begun = time.perf_counter()
            assert not (await passwords.verify("a wrong password", password_hash))[0]
            best = min(best, time.perf_counter() - begun)
        return best

    known, unknown = await seconds(kept), await seconds(None)
    assert unknown > known / 2


async def test_a_hash_of_another_cost_is_replaced_when_the_password_was_right(passwords: Passwords) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    assert await passwords.verify("a wrong password", weak) == (False, None)
    right, fresh = await passwords.verify(PASSWORD, weak)
    assert right
    assert fresh is not None
    assert await passwords.verify(PASSWORD, fresh) == (True, None)


@pytest.mark.parametrize("odd", ["\ud800 lone surrogate", "with a \0 in it", "x" * 5000, ""])
async def test_what_can_be_no_password_is_wrong_rather_than_an_error(passwords: Passwords, odd: str) -> None:
    assert await passwords.verify(odd, await passwords.hash(PASSWORD)) == (False, None)


async def test_hashing_leaves_the_loop_free(passwords: Passwords) -> None:
    hashing = asyncio.gather(*(passwords.hash(PASSWORD) for _ in range(3)))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0.001)
        turns += 1
    await hashing
    assert turns > 20


async def test_too_many_at_once_are_refused_instead_of_queued(passwords: Passwords) -> None:
    answers = await asyncio.gather(
        *(passwords.verify("a wrong password", None) for _ in range(MOST_WAITING + 1)), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, Unavailable)]
    assert len(refused) == 1
    assert (await passwords.verify("a wrong password", None))[0] is False


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "password_too_short"),
        ("123456789", "password_too_short"),
        ("x" * 1025, "password_too_long"),
        ("has a \0 inside", "bad_password"),
        ("has a \udc00 inside", "bad_password"),
    ],
)
def test_unsuitable_passwords_are_refused_by_name(password: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        check_password(password)
    assert (refused.value.code, refused.value.field) == (code, "password")


@pytest.mark.parametrize("password", ["0123456789", "x" * 1024, "пароль пароль", "with spaces and 🔑"])
def test_any_text_from_ten_to_1024_characters_is_a_password(password: str) -> None:
    check_password(password)


@pytest.mark.parametrize(
    "email", ["", "nobody", "a@", "@b", "a b@c.d", "a@b@c", "a@b..c", "x" * 300 + "@b.c", "a\n@b.c"]
)
def test_what_is_no_email_is_refused_by_name(email: str) -> None:
    with pytest.raises(Refusal) as refused:
        check_email(email)
    assert (refused.value.code, refused.value.field) == ("bad_email", "email")


def test_emails_are_compared_without_case_and_width() -> None:
    assert normal_email(" Owner@Example.ORG ") == normal_email("owner@example.org")
    assert normal_email("ｏwner@example.org") == normal_email("owner@example.org")
    assert check_email(" a@b.c ") == "a@b.c"
