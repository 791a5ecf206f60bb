# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUntypedBaseClass=false
# freqtrade lives in an environment of its own
"""A strategy that is never content: it buys all the time, asks too little half of the time, and sells after a minute.

freqtrade imports this file; its environment knows nothing of ours.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from freqtrade.strategy import IStrategy

HELD_S = 40.0
OUT_OF_REACH = 0.99
"""Of the price: an order that is not filled before it times out."""


class Impatient(IStrategy):
    """Every pair, every minute, by limit orders."""

    INTERFACE_VERSION = 3
    timeframe = "1m"
    minimal_roi: ClassVar[dict[str, float]] = {"0": 10.0}
    stoploss = -0.5
    process_only_new_candles = False
    startup_candle_count = 0
    asked = 0

    def populate_indicators(self, dataframe: Any, metadata: dict[str, Any]) -> Any:
        """None are needed."""
        return dataframe

    def populate_entry_trend(self, dataframe: Any, metadata: dict[str, Any]) -> Any:
        """Always buy."""
        dataframe["enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: Any, metadata: dict[str, Any]) -> Any:
        """Selling goes by the time alone."""
        return dataframe

    def custom_entry_price(self, proposed_rate: float, **kwargs: Any) -> float:
        """Every second time a price that nobody sells at."""
        self.asked += 1
        return proposed_rate * (OUT_OF_REACH if self.asked % 2 else 1.0005)

    def custom_exit(self, trade: Any, current_time: datetime, **kwargs: Any) -> str | None:
        """Sell what has been held for long enough."""
        held_s = (current_time - trade.open_date_utc).total_seconds()
        return "held long enough" if held_s > HELD_S else None

    def custom_exit_price(self, proposed_rate: float, current_time: datetime, **kwargs: Any) -> float:
        """In every third minute too dear, so that selling times out, too."""
        return proposed_rate * (1.01 if current_time.minute % 3 == 0 else 0.9995)
