"""Opens accounts on the built-in exchange through its operator's door."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import urlsplit

import orjson

from engine.domain.values import decimal_text
from engine.ports import Credentials, VenueError
from engine.venues.trouble import cut, redact

TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class PaperOffice:
    """Implements `engine.ports.PaperAccounts` for a simulator at a base address such as http://127.0.0.1:8090."""

    url: str
    token: str = field(repr=False)

    async def create(self, credentials: Credentials, balances: Mapping[str, Decimal]) -> None:
        request = {
            "api_key": credentials.api_key,
            "secret": credentials.secret,
            "balances": {asset: decimal_text(amount) for asset, amount in balances.items()},
        }
        status, body = await asyncio.to_thread(self._post, orjson.dumps(request))
        if status != http.HTTPStatus.OK:
            words = cut(redact(body, (credentials.api_key, credentials.secret, self.token)))
            raise VenueError("PAPER_ACCOUNT", f"the built-in exchange opened no account (HTTP {status}): {words}")

    def _post(self, body: bytes) -> tuple[int, str]:
        """Blocking: runs in a thread, once per account."""
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            connection.request("POST", f"{parts.path.rstrip('/')}/sim/accounts", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise VenueError("UNREACHABLE", f"the built-in exchange cannot be reached: {error}") from None
        finally:
            connection.close()
