"""The baseline of `bench_matching.py`, run by a Python that has nautilus_trader and nothing of ours.

Reads steps as JSON from stdin, sends them through nautilus_trader's backtest engine, its risk engine and cash account
on, one step a quote; prints a JSON line: how many orders and cancels were sent in how many seconds of time and of CPU,
and how many orders filled.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from importlib import import_module
from typing import Any

STEP_NS = 1_000_000
QUOTED_LOTS = 1_000_000
MOST_A_SECOND = "1000000/00:00:01"


def main(steps: list[list[Any]]) -> dict[str, float]:
    """Run the steps."""
    instrument = load("test_kit.providers").TestInstrumentProvider.btcusdt_binance()
    engine = an_engine(instrument, steps)
    flow = a_flow(instrument, steps)
    engine.add_strategy(flow)
    began, cpu_began = time.perf_counter(), time.process_time()
    engine.run()
    took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
    filled = sum(order.filled_qty > 0 for order in engine.cache.orders())
    return {"sent": flow.sent, "seconds": took_s, "cpu_seconds": cpu_s, "filled": filled}


def an_engine(instrument: Any, steps: list[list[Any]]) -> Any:
    """A backtest of one instrument on a cash account, with a quote before each step."""
    backtest, config, model = load("backtest.engine"), load("config"), load("model")
    objects, currencies, enums = load("model.objects"), load("model.currencies"), load("model.enums")
    risk = config.RiskEngineConfig(max_order_submit_rate=MOST_A_SECOND, max_order_modify_rate=MOST_A_SECOND)
    engine = backtest.BacktestEngine(
        config.BacktestEngineConfig(
            logging=config.LoggingConfig(bypass_logging=True), risk_engine=risk, run_analysis=False
        )
    )
    engine.add_venue(
        model.Venue("BINANCE"),
        oms_type=enums.OmsType.NETTING,
        account_type=enums.AccountType.CASH,
        base_currency=None,
        starting_balances=[objects.Money(1e9, currencies.USDT), objects.Money(1e5, currencies.BTC)],
    )
    engine.add_instrument(instrument)
    offered = quantity(QUOTED_LOTS)
    engine.add_data(
        [
            model.QuoteTick(instrument.id, price(step[5] - 1), price(step[5] + 1), offered, offered, at_ns, at_ns)
            for at_ns, step in zip(range(0, len(steps) * STEP_NS, STEP_NS), steps, strict=True)
        ]
    )
    return engine


def a_flow(instrument: Any, steps: list[list[Any]]) -> Any:
    """A strategy that does one step a quote."""
    sides, base = load("model.enums").OrderSide, load("trading.strategy").Strategy
    placed: dict[int, Any] = {}
    following = iter(steps)

    def on_start(self: Any) -> None:
        self.subscribe_quote_ticks(instrument.id)

    def on_quote_tick(self: Any, _: Any) -> None:
        kind, side, price_ticks, lots, number, _ = next(following)
        if kind == "cancel":
            order = placed.pop(number)
            if order.is_open:
                self.sent += 1
                self.cancel_order(order)
            return
        make, own = self.order_factory, sides[side]
        if kind == "limit":
            order = placed[number] = make.limit(instrument.id, own, quantity(lots), price(price_ticks))
        else:
            order = make.market(instrument.id, own, quantity(lots))
        self.sent += 1
        self.submit_order(order)

    flow = type("Flow", (base,), {"on_start": on_start, "on_quote_tick": on_quote_tick})()
    flow.sent = 0
    return flow


def price(ticks: int) -> Any:
    return load("model.objects").Price(ticks / 100, 2)


def quantity(lots: int) -> Any:
    return load("model.objects").Quantity(lots / 100_000, 6)


def load(name: str) -> Any:
    return import_module(f"nautilus_trader.{name}")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.stdout.write(json.dumps(main(json.load(sys.stdin))) + "\n")
