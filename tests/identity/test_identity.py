"""Owners, logins and tokens, as the pages and the API use them."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace

import jwt
import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from data.connection import Connection
from data.users import SqlUsers
from engine.domain.values import Conflict, Forbidden, Refusal, TooMany, Unauthenticated
from engine.identity import Identity, Registration
from engine.identity.tokens import AccessTokens
from engine.ports import Role, User
from engine.runtime import SystemIds
from tests.identity.conftest import IP, PASSWORD, SECRET, HandClock

EMAIL = "owner@example.org"
SIGNING_KEY = HKDF(SHA256(), 32, None, b"numatix access tokens").derive(SECRET)


async def owner_of(identity: Identity) -> User:
    return await identity.create_owner(await identity.setup_code(), EMAIL, PASSWORD)


# --- the owner


async def test_the_setup_code_makes_one_owner_once(identity: Identity) -> None:
    assert await identity.needs_owner()
    code = await identity.setup_code()
    assert await identity.setup_code() == code
    owner = await identity.create_owner(code, EMAIL, PASSWORD)
    assert owner.role is Role.OWNER
    assert not await identity.needs_owner()
    assert not identity.is_setup_code(code)
    with pytest.raises(Forbidden) as refused:
        await identity.create_owner(code, "second@example.org", PASSWORD)
    assert refused.value.code == "bad_setup_code"
    with pytest.raises(Conflict):
        await identity.setup_code()


@pytest.mark.parametrize("code", ["", "guess", "é", "\ud800"])
async def test_a_wrong_setup_code_makes_nobody(identity: Identity, code: str) -> None:
    await identity.setup_code()
    with pytest.raises(Forbidden):
        await identity.create_owner(code, EMAIL, PASSWORD)
    assert await identity.needs_owner()


async def test_no_code_works_before_one_was_asked_for(identity: Identity) -> None:
    with pytest.raises(Forbidden):
        await identity.create_owner("", EMAIL, PASSWORD)


async def test_two_who_set_up_at_once_make_one_owner(identity: Identity, users: SqlUsers) -> None:
    code = await identity.setup_code()
    answers = await asyncio.gather(
        *(identity.create_owner(code, f"{name}@example.org", PASSWORD) for name in "ab"), return_exceptions=True
    )
    assert sum(isinstance(answer, User) for answer in answers) == 1
    assert await users.count() == 1


async def test_the_settings_owner_needs_no_code_but_a_sound_password(identity: Identity) -> None:
    with pytest.raises(Refusal):
        await identity.create_owner(None, EMAIL, "short")
    assert (await identity.create_owner(None, EMAIL, PASSWORD)).role is Role.OWNER


# --- who else


async def test_registration_makes_traders_only_where_it_is_open(identity: Identity) -> None:
    with pytest.raises(Forbidden) as first:
        await identity.register("trader@example.org", PASSWORD)
    assert first.value.code == "owner_first"
    await owner_of(identity)
    assert (await identity.register("trader@example.org", PASSWORD)).role is Role.TRADER
    with pytest.raises(Conflict) as taken:
        await identity.register("TRADER@example.org", PASSWORD)
    assert taken.value.field == "email"
    for kind, code in (
        (Registration.INVITE, "registration_by_invitation"),
        (Registration.CLOSED, "registration_closed"),
    ):
        identity.registration = kind
        with pytest.raises(Forbidden) as refused:
            await identity.register("third@example.org", PASSWORD)
        assert refused.value.code == code


# --- logging in


async def test_the_right_password_proves_the_user_whatever_the_case_of_the_email(identity: Identity) -> None:
    owner = await owner_of(identity)
    assert (await identity.authenticate("OWNER@example.ORG", PASSWORD, IP)).id == owner.id


@pytest.mark.parametrize(("email", "password"), [(EMAIL, "wrong password"), ("nobody@example.org", PASSWORD), ("", "")])
async def test_wrong_password_and_unknown_email_are_the_same_answer(
    identity: Identity, email: str, password: str
) -> None:
    await owner_of(identity)
    with pytest.raises(Unauthenticated) as refused:
        await identity.authenticate(email, password, IP)
    assert (refused.value.code, refused.value.field) == ("bad_credentials", None)


async def test_ten_failures_close_an_account_for_a_quarter_of_an_hour(identity: Identity, clock: HandClock) -> None:
    await owner_of(identity)
    for number in range(10):
        with pytest.raises(Unauthenticated):
            await identity.authenticate(EMAIL, "wrong password", f"192.0.2.{number}")
    with pytest.raises(TooMany) as refused:
        await identity.authenticate("Owner@Example.org", PASSWORD, "192.0.2.99")
    assert refused.value.code == "too_many_failures"
    clock.forward(minutes=15, seconds=1)
    await identity.authenticate(EMAIL, PASSWORD, IP)


async def test_guesses_that_arrive_together_are_all_counted(identity: Identity) -> None:
    await owner_of(identity)
    answers = await asyncio.gather(
        *(identity.authenticate(EMAIL, "wrong password", IP) for _ in range(14)), return_exceptions=True
    )
    assert sum(isinstance(answer, TooMany) for answer in answers) == 4


async def test_a_login_that_succeeds_forgives_the_failures_before(identity: Identity) -> None:
    await owner_of(identity)
    for _ in range(2):
        for _ in range(6):
            with pytest.raises(Unauthenticated):
                await identity.authenticate(EMAIL, "wrong password", IP)
        await identity.authenticate(EMAIL, PASSWORD, IP)


async def test_one_address_may_ask_a_hundred_times(identity: Identity) -> None:
    for _ in range(100):
        await identity.admit(IP)
    with pytest.raises(TooMany) as refused:
        await identity.authenticate(EMAIL, PASSWORD, IP)
    assert refused.value.code == "too_many_auth_requests"
    await identity.admit("192.0.2.8")


# --- browsers


async def test_a_cookie_token_is_opaque_and_only_its_hash_is_stored(identity: Identity, users: SqlUsers) -> None:
    owner = await owner_of(identity)
    token = await identity.open_login(owner)
    asker = await identity.asker_by_cookie(token)
    assert asker is not None
    assert asker.user.id == owner.id
    assert asker.is_owner
    assert users.database.path is not None
    dump = "\n".join(sqlite3.connect(users.database.path).iterdump())
    assert token not in dump
    assert PASSWORD not in dump


async def test_every_login_has_a_token_of_its_own(identity: Identity) -> None:
    owner = await owner_of(identity)
    assert await identity.open_login(owner) != await identity.open_login(owner)


@pytest.mark.parametrize("token", ["", "guess", "é", "\ud800", "x" * 10_000])
async def test_nobody_comes_in_on_a_made_up_token(identity: Identity, token: str) -> None:
    await owner_of(identity)
    assert await identity.asker_by_cookie(token) is None


async def test_a_session_slides_while_used_and_ends_after_eight_idle_hours(
    identity: Identity, clock: HandClock
) -> None:
    token = await identity.open_login(await owner_of(identity))
    for _ in range(3):
        clock.forward(hours=7)
        assert await identity.asker_by_cookie(token) is not None
    clock.forward(hours=8)
    assert await identity.asker_by_cookie(token) is None


async def test_looking_without_prolonging_does_not_keep_a_session_alive(identity: Identity, clock: HandClock) -> None:
    token = await identity.open_login(await owner_of(identity))
    clock.forward(hours=7)
    assert await identity.asker_by_cookie(token, prolong=False) is not None
    clock.forward(hours=1)
    assert await identity.asker_by_cookie(token, prolong=False) is None


async def test_logging_out_ends_the_session_and_is_heard(identity: Identity) -> None:
    owner = await owner_of(identity)
    token, other = await identity.open_login(owner), await identity.open_login(owner)
    heard: list[str] = []
    identity.watch_endings(heard.append)
    asker = await identity.asker_by_cookie(token)
    assert asker is not None
    assert asker.login_id is not None
    await identity.close_login(asker.login_id)
    assert heard == [asker.login_id]
    assert await identity.asker_by_cookie(token) is None
    assert await identity.asker_by_cookie(other) is not None


async def test_a_new_password_ends_all_sessions_and_refresh_tokens(identity: Identity) -> None:
    owner = await owner_of(identity)
    cookie, tokens = await identity.open_login(owner), await identity.open_tokens(owner)
    await identity.set_password(owner, "another long password")
    assert await identity.asker_by_cookie(cookie) is None
    with pytest.raises(Unauthenticated):
        await identity.refresh(tokens.refresh_token)
    await identity.authenticate(EMAIL, "another long password", IP)
    with pytest.raises(Unauthenticated):
        await identity.authenticate(EMAIL, PASSWORD, IP)


# --- programs


async def test_an_access_token_proves_the_user_for_a_quarter_of_an_hour(identity: Identity, clock: HandClock) -> None:
    owner = await owner_of(identity)
    tokens = await identity.open_tokens(owner)
    assert tokens.expires_in == 900
    asker = await identity.asker_by_bearer(tokens.access_token)
    assert (asker.user.id, asker.login_id) == (owner.id, None)
    clock.forward(minutes=15)
    with pytest.raises(Unauthenticated) as over:
        await identity.asker_by_bearer(tokens.access_token)
    assert over.value.code == "token_expired"


@pytest.mark.parametrize("missing", ["exp", "sub", "jti", "iat", "aud"])
async def test_an_access_token_without_one_of_its_claims_is_refused(
    identity: Identity, clock: HandClock, missing: str
) -> None:
    owner = await owner_of(identity)
    good = (await identity.open_tokens(owner)).access_token
    claims = jwt.decode(good, options={"verify_signature": False, "verify_aud": False})
    forged = jwt.encode({name: value for name, value in claims.items() if name != missing}, SIGNING_KEY, "HS256")
    with pytest.raises(Unauthenticated) as refused:
        await identity.asker_by_bearer(forged)
    assert refused.value.code == "bad_token"


async def test_only_our_own_key_algorithm_and_audience_count(identity: Identity, clock: HandClock) -> None:
    owner = await owner_of(identity)
    good = (await identity.open_tokens(owner)).access_token
    claims = jwt.decode(good, options={"verify_signature": False, "verify_aud": False})
    stranger = AccessTokens(SECRET + b"!", clock, SystemIds()).issue(owner.id)
    unsigned = jwt.encode(claims, "", "none")
    elsewhere = jwt.encode({**claims, "aud": "another"}, SIGNING_KEY, "HS256")
    by_secret_itself = jwt.encode(claims, SECRET, "HS256")
    for forged in (stranger, unsigned, elsewhere, by_secret_itself, good[:-2], "", "a.b.c", "x" * 9000, "é.é.é"):
        with pytest.raises(Unauthenticated):
            await identity.asker_by_bearer(forged)


async def test_a_refresh_token_counts_once_and_brings_the_next(identity: Identity) -> None:
    first = await identity.open_tokens(await owner_of(identity))
    second = await identity.refresh(first.refresh_token)
    third = await identity.refresh(second.refresh_token)
    assert len({first.refresh_token, second.refresh_token, third.refresh_token}) == 3
    await identity.asker_by_bearer(third.access_token)


async def test_a_refresh_token_used_twice_ends_its_whole_family_and_no_other(identity: Identity) -> None:
    owner = await owner_of(identity)
    stolen, other = await identity.open_tokens(owner), await identity.open_tokens(owner)
    newest = await identity.refresh(stolen.refresh_token)
    with pytest.raises(Unauthenticated):
        await identity.refresh(stolen.refresh_token)
    with pytest.raises(Unauthenticated):
        await identity.refresh(newest.refresh_token)
    await identity.refresh(other.refresh_token)


async def test_logging_out_revokes_the_family(identity: Identity) -> None:
    tokens = await identity.open_tokens(await owner_of(identity))
    await identity.revoke(tokens.refresh_token)
    await identity.revoke("none of ours")
    with pytest.raises(Unauthenticated):
        await identity.refresh(tokens.refresh_token)


async def test_a_refresh_token_ends_after_thirty_days(identity: Identity, clock: HandClock) -> None:
    tokens = await identity.open_tokens(await owner_of(identity))
    clock.forward(days=30)
    with pytest.raises(Unauthenticated):
        await identity.refresh(tokens.refresh_token)


async def test_a_user_who_is_gone_is_proven_by_nothing(identity: Identity, users: SqlUsers) -> None:
    owner = await owner_of(identity)
    cookie, tokens = await identity.open_login(owner), await identity.open_tokens(owner)
    disabled = replace(owner, active=False)

    def disable(connection: Connection) -> None:
        connection.execute("UPDATE users SET active = 0 WHERE id = ?", (disabled.id,))

    await users.database.write(disable)
    assert await identity.asker_by_cookie(cookie) is None
    with pytest.raises(Unauthenticated):
        await identity.asker_by_bearer(tokens.access_token)
    with pytest.raises(Unauthenticated):
        await identity.refresh(tokens.refresh_token)
    with pytest.raises(Unauthenticated):
        await identity.authenticate(EMAIL, PASSWORD, IP)
