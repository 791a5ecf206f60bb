"""Where a venue is reached."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.ports import Features


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
    features: Features = field(default_factory=Features)
    """What the venue does itself."""
    stale_after_s: float = 30.0
    """A socket without a single frame for this long is closed and opened again: Binance pings every 20 s."""

    @classmethod
    def at(cls, name: str, title: str, url: str, *, timeout_ms: int = 10_000) -> VenueConfig:
        """A simulator, or any exchange with Binance's paths, at a base address such as http://127.0.0.1:8090."""
        base = url.rstrip("/")
        sockets = "ws" + base.removeprefix("http")
        return cls(
            name,
            title,
            rest_url=f"{base}/api/v3",
            ws_url=f"{sockets}/stream/ws",
            ws_api_url=f"{sockets}/ws-api/v3",
            timeout_ms=timeout_ms,
        )
