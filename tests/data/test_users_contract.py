"""What every store of users does."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from engine.ports import Credentials, Login, RefreshToken, Role, Users
from tests.data.makers import NOON, HandClock, a_user, an_account

HOUR = timedelta(hours=1)
KEY = Credentials("public-key-3456", "the secret")


def a_login(login_id: str = "login-1", user_id: str = "ann") -> Login:
    return Login(login_id, user_id, NOON, NOON, NOON + HOUR)


def a_token(token_id: str, family: str = "family") -> RefreshToken:
    return RefreshToken(token_id, family, "ann", NOON + HOUR, used=False)


@pytest.fixture
async def ann(users: Users) -> None:
    await users.create(a_user(), "hash")


# --- users -----------------------------------------------------------------------------------------------


async def test_a_user_is_found_by_id_and_by_email(users: Users):
    user = a_user()
    await users.create(user, "hash")
    assert await users.by_id("ann") == user
    assert await users.by_email("ann@example.com") == (user, "hash")
    assert await users.by_id("ben") is None
    assert await users.by_email("ben@example.com") is None
    assert await users.count() == 1


@pytest.mark.parametrize("spelling", ["ANN@Example.COM", " ann@example.com ", "ａｎｎ@example.com"])
async def test_an_email_is_one_and_the_same_in_any_case_and_width(users: Users, spelling: str):
    await users.create(a_user(), "hash")
    found = await users.by_email(spelling)
    assert found is not None
    with pytest.raises(ValueError, match="taken"):
        await users.create(a_user("ben", spelling), "hash")
    assert await users.count() == 1


async def test_the_email_is_kept_as_it_was_typed(users: Users):
    await users.create(a_user(email="Ann@Example.com"), "hash")
    found = await users.by_email("ann@example.com")
    assert found is not None
    assert found[0].email == "Ann@Example.com"


async def test_only_the_first_of_many_becomes_owner(users: Users):
    owners = [a_user(f"user-{number}", f"{number}@example.com", Role.OWNER) for number in range(20)]
    done = await asyncio.gather(*(users.create_owner(owner, "hash") for owner in owners))
    assert sum(done) == 1
    assert await users.count() == 1


async def test_no_owner_is_made_once_there_is_any_user(users: Users):
    await users.create(a_user(), "hash")
    assert not await users.create_owner(a_user("ben", "ben@example.com", Role.OWNER), "hash")


async def test_a_password_is_changed(users: Users, ann: None):
    await users.set_password_hash("ann", "another")
    assert await users.by_email("ann@example.com") == (a_user(), "another")
    with pytest.raises(KeyError):
        await users.set_password_hash("nobody", "x")


async def test_users_are_listed_oldest_first(users: Users):
    later = replace(a_user("zoe", "zoe@example.com"), created_at=NOON - HOUR)
    await users.create(a_user(), "hash")
    await users.create(later, "hash")
    assert [user.id for user in await users.all_users()] == ["zoe", "ann"]


# --- browser sessions --------------------------------------------------------------------------------------


async def test_a_login_is_found_by_its_tokens_hash_until_it_is_ended(users: Users, ann: None):
    await users.add_login(a_login(), "sha-1")
    assert await users.login_by_token("sha-1") == a_login()
    assert await users.login_by_token("sha-2") is None
    await users.touch_login("login-1", NOON + HOUR, NOON + 2 * HOUR)
    assert await users.login_by_token("sha-1") == Login("login-1", "ann", NOON, NOON + HOUR, NOON + 2 * HOUR)
    await users.end_login("login-1")
    assert await users.login_by_token("sha-1") is None


async def test_all_logins_of_one_user_end_at_once(users: Users, ann: None):
    await users.create(a_user("ben", "ben@example.com"), "hash")
    for number, user_id in enumerate(["ann", "ann", "ben"]):
        await users.add_login(a_login(f"login-{number}", user_id), f"sha-{number}")
    await users.end_logins_of("ann")
    assert [await users.login_by_token(f"sha-{number}") is not None for number in range(3)] == [False, False, True]


async def test_logins_that_are_over_are_forgotten_when_the_next_is_made(users: Users, ann: None, clock: HandClock):
    await users.add_login(a_login(), "sha-1")
    clock.forward(3601)
    await users.add_login(replace(a_login("login-2"), expires_at=clock.now() + HOUR), "sha-2")
    assert await users.login_by_token("sha-1") is None
    assert await users.login_by_token("sha-2") is not None


# --- refresh tokens ----------------------------------------------------------------------------------------


async def test_a_refresh_token_tells_that_it_was_used_before(users: Users, ann: None):
    await users.add_refresh_token(a_token("t1"), "sha-1")
    assert await users.use_refresh_token("sha-1") == a_token("t1")
    assert await users.use_refresh_token("sha-1") == replace(a_token("t1"), used=True)
    assert await users.use_refresh_token("sha-2") is None


async def test_of_many_at_once_one_uses_the_token_first(users: Users, ann: None):
    await users.add_refresh_token(a_token("t1"), "sha-1")
    answers = await asyncio.gather(*(users.use_refresh_token("sha-1") for _ in range(20)))
    assert sum(not answer.used for answer in answers if answer) == 1


async def test_a_revoked_family_is_dead_and_takes_no_new_links(users: Users, ann: None):
    await users.add_refresh_token(a_token("t1"), "sha-1")
    await users.add_refresh_token(a_token("t2", "other"), "sha-2")
    await users.revoke_family("family")
    await users.add_refresh_token(a_token("t3"), "sha-3")
    assert await users.use_refresh_token("sha-1") is None
    assert await users.use_refresh_token("sha-3") is None
    assert await users.use_refresh_token("sha-2") is not None


# --- accounts ----------------------------------------------------------------------------------------------


async def test_an_account_gives_its_credentials_back(users: Users, ann: None):
    await users.add_account(an_account(), KEY)
    assert await users.account("ann-paper") == an_account()
    assert await users.credentials("ann-paper") == KEY
    with pytest.raises(KeyError):
        await users.credentials("nowhere")


async def test_a_user_has_one_account_of_a_venue_and_label(users: Users, ann: None):
    await users.add_account(an_account(), KEY)
    with pytest.raises(ValueError, match="already"):
        await users.add_account(an_account("another"), KEY)
    await users.add_account(an_account("another", label="Second"), KEY)
    assert len(await users.accounts("ann")) == 2


async def test_accounts_are_listed_oldest_first_of_one_user_or_of_all(users: Users, ann: None):
    await users.create(a_user("ben", "ben@example.com"), "hash")
    await users.add_account(an_account(), KEY)
    await users.add_account(replace(an_account("ann-2", label="Old"), created_at=NOON - HOUR), KEY)
    await users.add_account(an_account("ben-paper", "ben"), KEY)
    assert [account.id for account in await users.accounts("ann")] == ["ann-2", "ann-paper"]
    assert [account.id for account in await users.accounts()] == ["ann-2", "ann-paper", "ben-paper"]


async def test_a_removed_account_and_its_key_are_gone_and_its_label_is_free(users: Users, ann: None):
    await users.add_account(an_account(), KEY)
    await users.remove_account("ann-paper")
    assert await users.account("ann-paper") is None
    assert await users.accounts() == ()
    with pytest.raises(KeyError):
        await users.credentials("ann-paper")
    await users.add_account(an_account("again"), KEY)


# --- preferences -------------------------------------------------------------------------------------------


async def test_a_preference_keeps_its_last_value_for_its_user(users: Users, ann: None):
    assert await users.preference("ann", "theme") is None
    await users.set_preference("ann", "theme", "dark")
    await users.set_preference("ann", "theme", "light")
    assert await users.preference("ann", "theme") == "light"
    assert await users.preference("ben", "theme") is None
    assert await users.preferences("theme") == {"ann": "light"}
    assert await users.preferences("size") == {}
