"""The three kinds of keys that sign requests: a secret for HMAC, or the public half of an RSA or Ed25519 key.

An account keeps one text: the secret itself, or the public key in PEM.

Source: Binance Spot API, "API Key types" and "SIGNED endpoint security", 2026-07.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

PEM: Final = "-----BEGIN PUBLIC KEY-----"
SHORTEST_RSA: Final = 2048
MOST_KEYS: Final = 1024


class KeyKind(StrEnum):
    """How a key signs, as Binance names it in its refusals."""

    HMAC = "HMAC_SHA256"
    RSA = "RSA"
    ED25519 = "ED25519"


def kind_of(secret: str) -> KeyKind:
    """What kind of key an account's text is."""
    if not secret.startswith(PEM):
        return KeyKind.HMAC
    return KeyKind.RSA if _is_rsa(public_key(secret)) else KeyKind.ED25519


def verified(secret: str, payload: bytes, signature: str) -> bool:
    """Whether a signature (hex for HMAC in either case, else base64) is this key's over the payload."""
    if not secret.startswith(PEM):
        own = hmac.digest(secret.encode(), payload, "sha256").hex()
        return hmac.compare_digest(own.encode(), signature.lower().encode())
    try:
        return _verified(public_key(secret), payload, base64.b64decode(signature.encode(), validate=True))
    except (binascii.Error, ValueError):
        return False


@lru_cache(maxsize=MOST_KEYS)
def public_key(pem: str) -> Ed25519PublicKey | RSAPublicKey:
    """The key of a PEM text; ValueError, in a sentence, when it is none that Binance takes."""
    # imported late: a simulator whose keys are all HMAC starts without it
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("public_key must be a public key in PEM (BEGIN PUBLIC KEY)") from None
    if isinstance(key, Ed25519PublicKey):
        return key
    if isinstance(key, RSAPublicKey) and key.key_size >= SHORTEST_RSA:
        return key
    raise ValueError(f"public_key must be Ed25519, or RSA with at least {SHORTEST_RSA} bits")


def _is_rsa(key: Ed25519PublicKey | RSAPublicKey) -> bool:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    return isinstance(key, RSAPublicKey)


def _verified(key: Ed25519PublicKey | RSAPublicKey, payload: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        if isinstance(key, RSAPublicKey):
            key.verify(signature, payload, PKCS1v15(), SHA256())
        else:
            key.verify(signature, payload)
    except InvalidSignature:
        return False
    return True
