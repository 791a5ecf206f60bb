"""Where a venue is reached."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VenueConfig:
    """A venue that speaks Binance's Spot protocol; addresses left out mean the real Binance Spot Testnet.

    `ws_url` is the market streams' address and must contain `/stream`, or ccxt takes it for futures
    (`ws://host/stream/ws`); `rest_url` ends in `/api/v3`, `ws_api_url` in `/ws-api/v3`.
    """

    name: str
    title: str
    rest_url: str | None = None
    ws_url: str | None = None
    ws_api_url: str | None = None
    timeout_ms: int = 10_000
    """How long a REST call may take before its answer counts as lost."""
    stale_after_s: float = 30.0
    """A socket without a single frame for this long is closed and opened again: Binance pings every 20 s."""

    @classmethod
    def loopback(cls, name: str, title: str, host: str, port: int, *, timeout_ms: int = 10_000) -> VenueConfig:
        """A simulator on a host and port."""
        at = f"{host}:{port}"
        return cls(
            name,
            title,
            rest_url=f"http://{at}/api/v3",
            ws_url=f"ws://{at}/stream/ws",
            ws_api_url=f"ws://{at}/ws-api/v3",
            timeout_ms=timeout_ms,
        )
