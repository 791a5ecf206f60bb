"""Figures from outside in a listing's own steps: prices in ticks, quantities in lots."""

from __future__ import annotations

from dataclasses import dataclass

from engine.simulator.model import ATOMS, Listing

DECIMALS = 8


@dataclass(frozen=True, slots=True)
class Scale:
    """The steps of one listing."""

    tick_atoms: int
    lot_atoms: int

    @classmethod
    def of(cls, listing: Listing) -> Scale:
        return cls(int(listing.tick * ATOMS), int(listing.lot * ATOMS))

    def ticks(self, text: str) -> int:
        """A price in plain decimal notation. ValueError when it is none or lies between two ticks."""
        atoms, finer = _atoms(text)
        ticks, off = divmod(atoms, self.tick_atoms)
        if off or finer:
            raise ValueError(f"{text} is not a whole number of ticks")
        return ticks

    def lots(self, text: str) -> int:
        """A quantity in whole lots; what is finer is cut, but a level that has something keeps a lot.

        Binance still shows orders from before a lot grew: 25.42618900 BTC at 200000 where a lot is 0.00001.
        """
        atoms, finer = _atoms(text)
        return max(1, atoms // self.lot_atoms) if atoms or finer else 0


def _atoms(text: str) -> tuple[int, bool]:
    """Whole atoms, and whether there is something finer beside them."""
    whole, _, fraction = text.partition(".")
    return int(whole + fraction[:DECIMALS].ljust(DECIMALS, "0")), bool(fraction[DECIMALS:].strip("0"))
