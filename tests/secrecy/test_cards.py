"""A card number in a customer's own words is not kept."""

from __future__ import annotations

import pytest

from bookings import afterwards
from fly2any.kernel.cards import REMOVED, without_cards


@pytest.mark.parametrize("number", ["4000056655665556", "4000 0566 5566 5556", "4000-0566-5566-5556", "378282246310005",
                                    "3782 822463 10005", "6011111111111117", "5555555555554444", "4222222222222"])
def test_a_card_number_is_taken_out_of_words(number: str) -> None:
    assert afterwards.clean(f"Charge {number}, please") == f"Charge {REMOVED}, please"
    assert without_cards(number) == REMOVED


@pytest.mark.parametrize("text", ["4000056655665557", "FLY2A-7KQ2MX", "+44 20 8016 0508", "125-1234567890", "2026-12-20 10:00",
                                  "ABC4000056655665556", "call 0044 2080 1605 0801", "1234567890123456"])
def test_other_numbers_stay(text: str) -> None:
    assert without_cards(text) == text
