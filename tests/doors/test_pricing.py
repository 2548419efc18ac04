"""Sums are exact, and odd numbers are refused."""

from __future__ import annotations

import pytest

from bookings import pricing
from bookings.selectors.offers import price_lines


def test_extras_are_unit_times_quantity() -> None:
    assert pricing.services_minor([(2000, 2), (1801, 1)]) == 5801
    for odd in ((-1, 1), (100, 0)):
        with pytest.raises(ValueError, match="price and a quantity"):
            pricing.services_minor([odd])


@pytest.mark.parametrize(("tax", "split"), [
    ({"minor": 999, "currency": "USD"}, True), ({"minor": 999, "currency": "EUR"}, False), (None, False),
    ({"minor": 99999, "currency": "USD"}, False)])  # Duffel's base fare may be negative
def test_the_price_block_adds_up(tax: dict[str, object] | None, split: bool) -> None:
    lines = price_lines({"total": {"minor": 5000, "currency": "USD"}, "tax": tax}, [], 700, 120)
    assert lines["total"]["text"] == "USD 58.20"
    assert lines["fee"]["minor"] == 120
    assert (lines["base"] is not None) is split
    if split:
        assert lines["base"]["minor"] + lines["taxes"]["minor"] == lines["fare"]["minor"] == 5000
