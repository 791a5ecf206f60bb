"""Secrets at rest: AES-256-GCM, bound to the row, the user and the field that they belong to.

A sealed text is `v1.KEY.BODY`: KEY tells which secret key sealed it, BODY is nonce and ciphertext in base64. Moved to
another row, user or field it does not open.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from engine.ports import VaultError

FORM = "v1"
NONCE_BYTES = 12
SHORTEST_KEY_BYTES = 16


@dataclass(slots=True)
class Vault:
    """Seals and opens with keys derived (HKDF-SHA256) from the program's secret key. ValueError for a short one."""

    secret_key: bytes = field(repr=False)
    _key: AESGCM = field(init=False, repr=False)
    _key_name: str = field(init=False)

    def __post_init__(self) -> None:
        if len(self.secret_key) < SHORTEST_KEY_BYTES:
            raise ValueError(f"the secret key must have at least {SHORTEST_KEY_BYTES} bytes")
        self._key = AESGCM(self._derive("numatix vault key", 32))
        self._key_name = self._derive("numatix vault key name", 4).hex()

    def seal(self, text: str, *, row_id: str, user_id: str, column: str) -> str:
        """The text for storage in this column of this row of this user."""
        nonce = secrets.token_bytes(NONCE_BYTES)  # no port: a nonce that ever repeats gives the key away
        body = nonce + self._key.encrypt(nonce, text.encode(), _place(row_id, user_id, column))
        return ".".join([FORM, self._key_name, base64.urlsafe_b64encode(body).decode()])

    def open(self, sealed: str, *, row_id: str, user_id: str, column: str) -> str:
        """The text again. Raises VaultError when it was sealed by another key, for another place, or is damaged."""
        form, _, rest = sealed.partition(".")
        key_name, _, body = rest.partition(".")
        if form != FORM:
            raise VaultError(f"the stored secret of {row_id} is in no form that this version knows")
        if key_name != self._key_name:
            raise VaultError(
                f"the stored secret of {row_id} was sealed with another NUMATIX_SECRET_KEY: "
                "bring that key back, or enter the API key again"
            )
        try:
            data = base64.b64decode(body, altchars=b"-_", validate=True)
            place = _place(row_id, user_id, column)
            return self._key.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], place).decode()
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise VaultError(
                f"the stored secret of {row_id} is damaged or belongs elsewhere: enter the API key again"
            ) from error

    def _derive(self, purpose: str, length: int) -> bytes:
        return HKDF(SHA256(), length, salt=None, info=purpose.encode()).derive(self.secret_key)


def _place(row_id: str, user_id: str, column: str) -> bytes:
    return json.dumps([row_id, user_id, column]).encode()
