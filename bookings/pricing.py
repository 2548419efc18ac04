"""Pure sums: what a trip costs. Amounts are integers of minor units in one currency; no Django."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


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
