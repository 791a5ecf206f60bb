"""Market data: one feed per venue and symbol, shared by everyone who watches it."""

from engine.feeds.feeds import Feeds, MarketSnapshot
from engine.feeds.market import FeedTimes, MarketUpdate

__all__ = ["FeedTimes", "Feeds", "MarketSnapshot", "MarketUpdate"]
