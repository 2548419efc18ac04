"""Duffel-looking ids that carry their family.

Everything one offer request makes (offers, passengers, slices, segments, services) shares a core of 14 characters and
differs in four: ``off_0000<core><number>``. So an offer is found again from its id without storing it, and a whole
search can be kept as one text with a blank core.
"""

from __future__ import annotations

from sandbox.ids import ALPHABET, base62, random_text

HEAD = "0000"
CORE = 14
BLANK = "~" * CORE

# Where the numbers of each kind begin.
PASSENGERS, SLICES, SEGMENTS, STOPS, OFFERS = 1, 1_000, 10_000, 40_000, 50_000
SERVICES, PER_OFFER = 100_000, 50_000
SEATS = 1_000  # within an offer's services
MOST_OFFERS = 290
_VALUE = {letter: value for value, letter in enumerate(ALPHABET)}


def make(prefix: str, number: int, core: str = BLANK) -> str:
    """Return the id of a family's member."""
    return f"{prefix}_{HEAD}{core}{base62(number, 4)}"


def new_core(milliseconds: int) -> str:
    """Return a core nobody has: time in front, chance behind."""
    return base62(milliseconds, 8) + random_text(CORE - 8)


def core_of(id: str) -> str:
    """Return the core of a family id."""
    return id[-(CORE + 4) : -4]


def number_of(id: str) -> int:
    """Return the number of a family's member; -1 when the id is not one of ours."""
    number = 0
    for letter in id[-4:]:
        if letter not in _VALUE:
            return -1
        number = number * 62 + _VALUE[letter]
    return number
