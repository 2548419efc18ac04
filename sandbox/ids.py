"""Ids that look like a vendor's: sortable by time at the front, unguessable at the back."""

from __future__ import annotations

import secrets

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def base62(number: int, width: int) -> str:
    """Render ``number`` in ``width`` digits of base 62."""
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def random_text(width: int) -> str:
    """Return ``width`` random characters of base 62."""
    return base62(secrets.randbits(6 * width), width)
