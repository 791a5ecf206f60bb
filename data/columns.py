"""Column types that keep figures and instants exact in SQL."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Dialect, Text, TypeDecorator
from typing_extensions import override

from data.rows import from_micros, to_micros, to_text


class DecimalText(TypeDecorator[Decimal]):
    """A Decimal as plain text, exact at any length. What is sorted or summed in SQL needs a numeric twin."""

    impl = Text
    cache_ok = True

    @override
    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else to_text(value)

    @override
    def process_result_value(self, value: Any | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


class Instant(TypeDecorator[datetime]):
    """A timezone-aware instant as microseconds since 1970 in UTC: it sorts, and no time zone can be lost."""

    impl = BigInteger
    cache_ok = True

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_micros(value)

    @override
    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_micros(value)
