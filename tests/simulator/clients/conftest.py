"""Foreign clients warn of their own old habits when imported; that is theirs, so it does not fail our tests."""

from __future__ import annotations

import importlib
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    for module in (
        "binance.async_client",
        "binance.ws.streams",
        "binance.spot",
        "binance.websocket.spot.websocket_stream",
    ):
        importlib.import_module(module)
    importlib.import_module("binance_sdk_spot.spot")
