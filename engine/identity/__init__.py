"""Who asks: passwords, browser sessions, tokens and the limits on guessing them."""

from engine.identity.core import Asker, Identity, Proof, Registration, TokenPair
from engine.identity.limits import Limits
from engine.identity.passwords import Passwords

__all__ = ["Asker", "Identity", "Limits", "Passwords", "Proof", "Registration", "TokenPair"]
