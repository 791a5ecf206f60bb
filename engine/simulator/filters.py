"""What one symbol accepts: parsing into ticks and lots, Binance's filters, and how exchangeInfo shows them.

Source: Binance Spot API, "Filters" and "Error codes", 2026-07.
"""

from __future__ import annotations

import re
from decimal import Decimal
from math import gcd

from engine.simulator.model import ATOMS, BUY, ApiError, Listing, NewOrder, OrderType, Side, TimeInForce

NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
NUMBER_RANGE = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
AVERAGE_MINUTES = 5

MARKET, LIMIT_MAKER, GTC = OrderType.MARKET, OrderType.LIMIT_MAKER, TimeInForce.GTC
WITHOUT_PRICE = frozenset({OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT})


class Rules:
    """A listing with its figures as integers: prices in ticks, quantities in lots, money in atoms."""

    def __init__(self, listing: Listing) -> None:
        """ValueError when a figure of the listing is not a whole number of ticks, lots or atoms."""
        self.listing = listing
        self.tick_atoms = _whole(listing.tick, Decimal(1) / ATOMS, "tick")
        self.lot_atoms = _whole(listing.lot, Decimal(1) / ATOMS, "lot")
        common = gcd(self.tick_atoms * self.lot_atoms, ATOMS)
        self.notional_numerator = self.tick_atoms * self.lot_atoms // common
        self.notional_denominator = ATOMS // common
        self.min_ticks = _whole(listing.min_price, listing.tick, "min_price")
        self.max_ticks = _whole(listing.max_price, listing.tick, "max_price")
        self.min_lots = _whole(listing.min_quantity, listing.lot, "min_quantity")
        self.max_lots = _whole(listing.max_quantity, listing.lot, "max_quantity")
        self.max_market_lots = _whole(listing.max_market_quantity, listing.lot, "max_market_quantity")
        self.min_notional = _whole(listing.min_notional, Decimal(1) / ATOMS, "min_notional")
        self.max_notional = _whole(listing.max_notional, Decimal(1) / ATOMS, "max_notional")
        position = listing.max_position
        self.max_position = None if position is None else _whole(position, Decimal(1) / ATOMS, "max_position")
        """Atoms of the base asset."""
        self._bid_band = _ratios(listing.bid_multiplier_down, listing.bid_multiplier_up)
        self._ask_band = _ratios(listing.ask_multiplier_down, listing.ask_multiplier_up)

    def quote_atoms(self, price_ticks: int, lots: int) -> int:
        """The notional of `lots` at `price_ticks`, cut off to whole atoms."""
        return price_ticks * lots * self.notional_numerator // self.notional_denominator

    def lots_for(self, quote_atoms: int, price_ticks: int) -> int:
        """The most lots whose notional at this price does not exceed `quote_atoms`."""
        return ((quote_atoms + 1) * self.notional_denominator - 1) // (price_ticks * self.notional_numerator)

    def parse_price(self, text: str, parameter: str = "price") -> int:
        """Ticks of a price as a client wrote it; ApiError -1100, -1111 or -1013 when it cannot be one."""
        atoms = parse_atoms(text, parameter)
        if atoms == 0:
            raise ApiError(-1013, "Invalid price.")
        return _steps(atoms, self.tick_atoms, "PRICE_FILTER")

    def parse_lots(self, text: str, parameter: str = "quantity") -> int:
        """Lots of a quantity as a client wrote it; ApiError -1100, -1111 or -1013 when it cannot be one."""
        atoms = parse_atoms(text, parameter)
        if atoms == 0:
            raise ApiError(-1013, "Invalid quantity.")
        return _steps(atoms, self.lot_atoms, "LOT_SIZE")

    def parse_quote_atoms(self, text: str, parameter: str = "quoteOrderQty") -> int:
        """Atoms of a quote quantity as a client wrote it; ApiError -1100, -1111 or -1013."""
        atoms = parse_atoms(text, parameter)
        if atoms == 0:
            raise ApiError(-1013, "Invalid quote order qty.")
        return atoms

    def check(self, request: NewOrder, reference_ticks: int, best_ticks: int, open_orders: int) -> None:
        """Every filter that does not need the account's balance; ApiError names the first that fails.

        `reference_ticks` is the average price of the last five minutes (0: none yet), `best_ticks` the
        price at which a market order would begin (0: the book is empty).
        """
        check_form(request)
        if request.type is MARKET:
            self._check_market(request, reference_ticks, best_ticks)
        else:
            if request.type in WITHOUT_PRICE:
                self._check_market(request, request.terms.stop_ticks or reference_ticks, best_ticks)
            else:
                self._check_limit(request, reference_ticks)
            if open_orders >= self.listing.max_open_orders:
                raise _failure("MAX_NUM_ORDERS")

    def check_position(self, request: NewOrder, best_ticks: int, atoms: int) -> None:
        """ApiError when a buy order can bring more of the base asset than an account may hold of it.

        `atoms` are held, locked and bought by open orders already.
        """
        if self.max_position is None or request.side is not Side.BUY:
            return
        lots = request.lots
        if request.quote_atoms and best_ticks:
            lots = self.lots_for(request.quote_atoms, best_ticks)
        if atoms + lots * self.lot_atoms > self.max_position:
            raise _failure("MAX_POSITION")

    def _check_limit(self, request: NewOrder, reference_ticks: int) -> None:
        price = request.price_ticks
        if not self.min_ticks <= price <= self.max_ticks:
            raise _failure("PRICE_FILTER")
        if reference_ticks:
            (low, below), (high, above) = self._bid_band if request.side is BUY else self._ask_band
            if price * below < reference_ticks * low or price * above > reference_ticks * high:
                raise _failure("PERCENT_PRICE_BY_SIDE")
        if not self.min_lots <= request.lots <= self.max_lots:
            raise _failure("LOT_SIZE")
        if not self.min_notional <= self.quote_atoms(price, request.lots) <= self.max_notional:
            raise _failure("NOTIONAL")

    def _check_market(self, request: NewOrder, reference_ticks: int, best_ticks: int) -> None:
        price = reference_ticks or best_ticks
        if request.quote_atoms:
            if request.quote_atoms < self.min_notional:
                raise _failure("NOTIONAL")
            if best_ticks and self.lots_for(request.quote_atoms, best_ticks) < self.min_lots:
                raise _failure("LOT_SIZE")
            if best_ticks and self.lots_for(request.quote_atoms, best_ticks) > self.max_market_lots:
                raise _failure("MARKET_LOT_SIZE")
            return
        if not self.min_lots <= request.lots <= self.max_lots:
            raise _failure("LOT_SIZE")
        if request.lots > self.max_market_lots:
            raise _failure("MARKET_LOT_SIZE")
        if price and self.quote_atoms(price, request.lots) < self.min_notional:
            raise _failure("NOTIONAL")

    def exchange_info_filters(self) -> list[dict[str, object]]:
        """The `filters` of this symbol in exchangeInfo."""
        listing = self.listing
        position = listing.max_position
        return [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": eight_places(listing.min_price),
                "maxPrice": eight_places(listing.max_price),
                "tickSize": eight_places(listing.tick),
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": eight_places(listing.min_quantity),
                "maxQty": eight_places(listing.max_quantity),
                "stepSize": eight_places(listing.lot),
            },
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": eight_places(Decimal(0)),
                "maxQty": eight_places(listing.max_market_quantity),
                "stepSize": eight_places(Decimal(0)),
            },
            {
                "filterType": "PERCENT_PRICE_BY_SIDE",
                "bidMultiplierUp": str(listing.bid_multiplier_up),
                "bidMultiplierDown": str(listing.bid_multiplier_down),
                "askMultiplierUp": str(listing.ask_multiplier_up),
                "askMultiplierDown": str(listing.ask_multiplier_down),
                "avgPriceMins": AVERAGE_MINUTES,
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": eight_places(listing.min_notional),
                "applyMinToMarket": True,
                "maxNotional": eight_places(listing.max_notional),
                "applyMaxToMarket": False,
                "avgPriceMins": AVERAGE_MINUTES,
            },
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": listing.max_open_orders},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": listing.max_algo_orders},
            *([] if position is None else [{"filterType": "MAX_POSITION", "maxPosition": eight_places(position)}]),
        ]


def check_form(request: NewOrder) -> None:
    """Whether the fields of an order go together; ApiError in Binance's words when they do not."""
    if request.type is MARKET:
        if bool(request.lots) == bool(request.quote_atoms) or request.lots < 0 or request.quote_atoms < 0:
            raise ApiError(-1102, "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!")
        if request.price_ticks:
            raise ApiError(-1106, "Parameter 'price' sent when not required.")
        return
    if request.quote_atoms:
        raise ApiError(-1106, "Parameter 'quoteOrderQty' sent when not required.")
    if request.type in WITHOUT_PRICE:
        if request.price_ticks:
            raise ApiError(-1106, "Parameter 'price' sent when not required.")
    elif request.price_ticks <= 0:
        raise ApiError(-1013, "Invalid price.")
    if request.lots <= 0:
        raise ApiError(-1013, "Invalid quantity.")
    if request.type is LIMIT_MAKER and request.time_in_force is not GTC:
        raise ApiError(-1106, "Parameter 'timeInForce' sent when not required.")


def parse_atoms(text: str, parameter: str) -> int:
    """A plain decimal as atoms: ASCII digits, at most 8 of them after the point; ApiError -1100 or -1111."""
    if NUMBER.fullmatch(text) is None:
        raise ApiError(-1100, f"Illegal characters found in parameter '{parameter}'; legal range is '{NUMBER_RANGE}'.")
    whole, _, fraction = text.partition(".")
    if len(fraction.rstrip("0")) > 8:
        raise ApiError(-1111, f"Parameter '{parameter}' has too much precision.")
    return int(whole) * ATOMS + int(fraction[:8].ljust(8, "0"))


def eight_places(value: Decimal) -> str:
    """A figure as Binance writes it: eight places, never an exponent."""
    return format(value, ".8f")


def _steps(atoms: int, step: int, name: str) -> int:
    steps, rest = divmod(atoms, step)
    if rest:
        raise _failure(name)
    return steps


def _whole(value: Decimal, step: Decimal, name: str) -> int:
    steps = value / step
    if steps != steps.to_integral_value():
        raise ValueError(f"the listing's {name} {value} is not a whole number of {step}")
    return int(steps)


def _ratios(low: Decimal, high: Decimal) -> tuple[tuple[int, int], tuple[int, int]]:
    """Two multipliers as whole numbers: numerator and denominator."""
    return low.as_integer_ratio(), high.as_integer_ratio()


def _failure(name: str) -> ApiError:
    return ApiError(-1013, f"Filter failure: {name}")
