"""Card numbers that somebody typed where none belongs (PCI DSS 3: what is not stored cannot be taken)."""

from __future__ import annotations

import re

REMOVED = "[card number removed]"
_DIGITS = re.compile(r"(?<![\w+])[3-6](?:[ -]?\d){12,18}(?!\w)")


def without_cards(text: str) -> str:
    """The same text with card numbers (13 to 19 digits whose check digit fits, spaces or hyphens between) taken out."""
    return _DIGITS.sub(lambda found: REMOVED if _fits(re.sub(r"\D", "", found[0])) else found[0], text)


def _fits(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, Luhn)."""
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
