"""Access tokens: JSON Web Tokens (RFC 7519) that live for a quarter of an hour."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import jwt
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from engine.domain.values import Unauthenticated
from engine.runtime import Clock, Ids

ACCESS_LIFE = timedelta(minutes=15)
ALGORITHM = "HS256"
AUDIENCE = "numatix-api"
LONGEST_TOKEN = 4096


class AccessTokens:
    """Signs and reads them with a key of their own, derived from the desk's secret by HKDF (RFC 5869)."""

    def __init__(self, secret_key: bytes, clock: Clock, ids: Ids) -> None:
        self._key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"numatix access tokens").derive(secret_key)
        self._clock = clock
        self._ids = ids

    def issue(self, user_id: str) -> str:
        now = self._clock.now()
        claims = {"sub": user_id, "jti": self._ids.new(), "iat": now, "exp": now + ACCESS_LIFE, "aud": AUDIENCE}
        return jwt.encode(claims, self._key, ALGORITHM)

    def read(self, token: str) -> tuple[str, datetime]:
        """The user's id and when the token ends; Unauthenticated `bad_token`, or `token_expired` for one that was good
        once."""
        claims = self._claims(token)
        subject, expires, issued = claims.get("sub"), claims.get("exp"), claims.get("iat")
        now = self._clock.now().timestamp()
        if not isinstance(subject, str) or not isinstance(expires, int | float) or not isinstance(issued, int | float):
            raise _bad_token()
        if issued > now + 60:
            raise _bad_token()
        if expires <= now:
            raise Unauthenticated("token_expired", "This access token is over: refresh it.")
        return subject, datetime.fromtimestamp(expires, UTC)

    def _claims(self, token: str) -> Mapping[str, object]:
        if len(token) > LONGEST_TOKEN:
            raise _bad_token()
        try:
            return jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                # Times are judged above by the desk's own clock; here they must only be there.
                options={"require": ["exp", "sub", "jti", "iat", "aud"], "verify_exp": False, "verify_iat": False},
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise _bad_token() from error


def _bad_token() -> Unauthenticated:
    return Unauthenticated("bad_token", "This access token is not one of ours: log in.")
