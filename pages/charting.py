"""The chart's bars: history by request, the forming candle by push, older ones when they are looked for."""

from __future__ import annotations

from components.chart import Chart
from components.theme import Theme
from engine.desk import Desk
from engine.domain.market import TIMEFRAMES_S, Candle
from engine.domain.values import Refusal
from pages.market_rooms import Market
from pages.session import Session

FIRST_BARS = 1_000
PAGE_BARS = 1_000
TIMEFRAME = "timeframe"


class Charting:
    """The chart of one market in one tab."""

    def __init__(self, session: Session, desk: Desk, market: Market, theme: Theme, timeframe: str) -> None:
        self._session, self._desk, self._market = session, desk, market
        self._timeframe = timeframe if timeframe in TIMEFRAMES_S else "5m"
        self._task = ""
        self._paging = False
        self.chart = Chart(
            market.instrument, self._timeframe, theme, on_timeframe=self._choose, on_older=self._want_older
        )

    def start(self) -> None:
        self._task = self._session.run("candles", self._follow(self._timeframe))

    def resume(self) -> None:
        """After a reconnect."""
        self.chart.resume()

    def _choose(self, timeframe: str) -> None:
        self._session.stop(self._task)
        self._timeframe = timeframe
        self._task = self._session.run("candles", self._follow(timeframe))
        self._session.run("keep timeframe", self._desk.set_preference(self._session.user_id, TIMEFRAME, timeframe))

    async def _follow(self, timeframe: str) -> None:
        """History first, then every tick of the candle that forms; history again when a bar was missed."""
        venue, instrument = self._market.venue, self._market.instrument
        step_ms = TIMEFRAMES_S[timeframe] * 1000
        last = await self._load(timeframe)
        async for candle in self._desk.feeds.watch_candles(venue, instrument, timeframe):
            if last is None or candle.open_ms > last.open_ms + step_ms:
                last = await self._load(timeframe) or candle
            if candle.open_ms >= last.open_ms:
                last = candle
                self.chart.tick(candle)

    async def _load(self, timeframe: str) -> Candle | None:
        """The newest bars; None, with the reason on the chart, when the venue does not answer."""
        symbol = self._market.instrument.symbol
        try:
            candles = await self._desk.candles(self._market.venue, symbol, timeframe, limit=FIRST_BARS)
        except Refusal as refusal:
            self.chart.trouble(refusal.message)
            return None
        self.chart.show(timeframe, candles, more=len(candles) == FIRST_BARS)
        return candles[-1] if candles else None

    def _want_older(self, before_ms: int) -> None:
        if not self._paging:
            self._paging = True
            self._session.run("older candles", self._page(self._timeframe, before_ms))

    async def _page(self, timeframe: str, before_ms: int) -> None:
        try:
            older = await self._desk.candles(
                self._market.venue, self._market.instrument.symbol, timeframe, end_ms=before_ms, limit=PAGE_BARS
            )
            if timeframe == self._timeframe:
                self.chart.prepend(older, more=len(older) == PAGE_BARS)
        except Refusal as refusal:
            self._session.say_refusal(refusal)
        finally:
            self._paging = False
