"""Pure sums: what a trip costs. Amounts are integers of minor units in one currency; no Django."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Sum:
    """What the customer pays, in minor units: the offer, the chosen extras, our fee."""

    fare_minor: int
    services_minor: int
    fee_minor: int

    @property
    def total_minor(self) -> int:
        """Everything together."""
        return self.fare_minor + self.services_minor + self.fee_minor


def services_minor(chosen: Iterable[tuple[int, int]]) -> int:
    """The price of the extras: unit prices (minor units) times quantities. Raises ValueError for odd numbers."""
    total = 0
    for unit, quantity in chosen:
        if unit < 0 or quantity < 1:
            raise ValueError("an extra has a price and a quantity")
        total += unit * quantity
    return total


def total_of_offer(offer: Mapping[str, Any], fee_minor: int) -> int:
    """The total (minor units) shown for a stored offer before any extra is chosen: our fee is always included."""
    return int(offer["total"]["minor"]) + fee_minor
