"""`python -m engine.simulator`: the exchange on its own, for bots and for tests."""

from __future__ import annotations

import argparse
import sys
from decimal import Decimal
from pathlib import Path

from engine.simulator.keys import Keys, parse_balance
from engine.simulator.limits import Limits, parse_limits
from engine.simulator.model import ApiError
from engine.simulator.server import run
from engine.simulator.signing import API_KEY
from engine.simulator.starting import STARTING_BALANCE, SimulatorConfig

FLOWS = (
    "who else trades: a seeded crowd; a recorded day, stepped (0), at 0.1 to 100 times its speed or at max; the public"
    " market of a venue that ccxt knows, mirror:VENUE[:SYMBOLS], for another simulator mirror:binance@http://HOST:PORT;"
    " or nobody"
)
FLOW_FORM = "synthetic|replay:FILE@SPEED|mirror:VENUE|none"


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and serve; returns the exit code."""
    given = _parser().parse_args(arguments)
    balances: dict[str, Decimal] = given.balance
    return run(
        SimulatorConfig(
            host=given.host,
            port=given.port,
            seed=given.seed,
            flow=given.flow,
            journal_dir=given.journal,
            admin_token=given.admin_token,
            keys=tuple(Keys(key, secret, balances) for key, secret in given.key),
            parent_fd=given.parent_fd,
            faults=given.faults,
            limits=given.limits,
            symbols=given.symbols,
        )
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simulator", description="An exchange that speaks Binance's Spot protocol.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090, help="0 takes any free one")
    parser.add_argument("--seed", type=int, help="the same seed makes the same market")
    parser.add_argument("--key", type=parse_key, action="append", default=[], metavar="KEY:SECRET")
    parser.add_argument("--balance", type=parse_balances, default=STARTING_BALANCE, metavar="USDT=100000,BTC=1")
    parser.add_argument("--flow", default="synthetic", metavar=FLOW_FORM, help=FLOWS)
    parser.add_argument("--journal", type=Path, metavar="DIR", help="where the market survives a restart")
    parser.add_argument("--admin-token", metavar="TOKEN", help="opens /sim/… to its bearer")
    parser.add_argument("--faults", type=Path, metavar="FILE", help="what goes wrong, in JSON or TOML")
    parser.add_argument("--symbols", type=Path, metavar="FILE", help="what is listed: an exchangeInfo of Binance")
    parser.add_argument("--limits", type=_limits, default=Limits(), metavar="NAME=NUMBER,…|none")
    parser.add_argument("--parent-fd", type=int, metavar="FD", help="end when this pipe closes")
    return parser


def _limits(text: str) -> Limits:
    try:
        return parse_limits(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def parse_key(text: str) -> tuple[str, str]:
    """`KEY:SECRET`; argparse says what is wrong."""
    key, _, secret = text.partition(":")
    if API_KEY.fullmatch(key) is None or not secret:
        raise argparse.ArgumentTypeError("use KEY:SECRET, the key 8 to 128 letters, digits, '-' or '_'")
    return key, secret


def parse_balances(text: str) -> dict[str, Decimal]:
    """`USDT=100000,BTC=1`; argparse says what is wrong."""
    balances: dict[str, Decimal] = {}
    for part in text.split(","):
        asset, _, figure = part.partition("=")
        try:
            balances[asset] = parse_balance(asset, figure)
        except ApiError as error:
            raise argparse.ArgumentTypeError(error.message) from None
    return balances


if __name__ == "__main__":
    sys.exit(main())
