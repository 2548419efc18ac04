"""Which seats a flight has and which are taken: the same at every look on the same day."""

from __future__ import annotations

import random
from typing import Any

Json = dict[str, Any]
WIDE = frozenset({"789", "77W", "359", "333", "388"})
TAKEN = 0.35
CENTS = 1800
CHILD_PERCENT = 60


def letters(plane: str) -> str:
    """Return the seat letters of a row, an aisle as a blank."""
    return "ABC DEFG HJK" if plane in WIDE else "ABC DEF"


def rows(plane: str) -> int:
    """Return how many rows the cabin has."""
    return 40 if plane in WIDE else 28


def exits(plane: str) -> tuple[int, ...]:
    """Return the exit rows."""
    return (12, 27) if plane in WIDE else (12, 13)


def free(segment: Json, number: str) -> bool:
    """Return whether nobody has the seat yet."""
    seed = f"{segment['carrierCode']}{segment['number']}{segment['departure']['at']}{number}"
    return random.Random(seed).random() > TAKEN


def cents(plane: str, number: str, type: str) -> int:
    """Return the price of a seat for a type of traveller, in cents of dollars."""
    row = int(number[:-1])
    whole = CENTS * (3 if row in exits(plane) else 2 if row <= 5 else 1)
    return whole * CHILD_PERCENT // 100 if type == "CHILD" else whole


def exists(plane: str, number: str) -> bool:
    """Return whether the plane has a seat of this number."""
    row, letter = number[:-1], number[-1:]
    return row.isdigit() and 1 <= int(row) <= rows(plane) and letter.strip() != "" and letter in letters(plane)


def price(offer: Json, segment: Json, type: str, number: str) -> int | None:
    """Return what a seat costs in cents of dollars, or None when it cannot be had."""
    plane = segment.get("aircraft", {}).get("code", "320")
    if type == "HELD_INFANT" or not exists(plane, number) or not free(segment, number):
        return None
    return cents(plane, number, type)
