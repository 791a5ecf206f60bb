"""The desk: all that pages and the API call.

Refusals: NotFound, Conflict, Forbidden, Unavailable, Denied, TooMany or plain Refusal (malformed), from
`engine.domain.values`.
"""

from engine.desk.amendments import Amendment
from engine.desk.answers import AccountBalances, ListSubmitted, PositionView, Readiness, Submitted, VenueInfo
from engine.desk.desk import Desk

__all__ = [
    "AccountBalances",
    "Amendment",
    "Desk",
    "ListSubmitted",
    "PositionView",
    "Readiness",
    "Submitted",
    "VenueInfo",
]
