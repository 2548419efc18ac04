"""When two suppliers sell the same thing: the same flights, cabin, fare and bags (issue 5). Pure, no queries.

Suppliers write the same fare in their own ways ("Economy Light", "LIGHT", "ECONOMYLIGHT"). Compared is what is left of
a name without the words of its cabin, which are compared for themselves; a fare without a name equals only another
without one. A wrong "the same" would promise somebody else's conditions, so names that merely mean alike (Classic,
Standard) stay different.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bookings.selectors.lines import Line

Raw = dict[str, Any]
# words that say the cabin or nothing, longer ones first
_BEFORE = ("premiumeconomy", "economy", "business", "eco")
_AFTER = ("premiumeconomy", "economy", "business", "cabin", "class", "fare")


def flights_of(raw: Raw) -> tuple[str, ...]:
    """The flights of a stored offer, whoever sells it: carrier, number and departure of each, "/" between directions.

    On captured answers this gives the groups that Duffel's own comparison keys give (duffel.md 3.3).
    """
    found: list[str] = []
    for piece in raw["slices"]:
        found += [f"{flight['carrier_code']}{flight['flight_number'].lstrip('0')}@{flight['departing_local'][:16]}"
                  for flight in piece["segments"]] + ["/"]
    return tuple(found[:-1])


def product_of(raw: Raw) -> str:
    """What is sold of these flights: the cabin of each flight and the name of each direction's fare."""
    cabins = ",".join(flight["cabin"] for piece in raw["slices"] for flight in piece["segments"])
    return f"{cabins}|{','.join(fare_key(piece['brand']) for piece in raw['slices'])}"


def fare_key(name: str) -> str:
    """A fare's name as compared: small letters and digits, without the words of its cabin; "" for none."""
    key, before = re.sub(r"[^a-z0-9]", "", name.casefold()), ""
    while key != before:
        before = key
        for word in _BEFORE:
            key = key.removeprefix(word) or key
        for word in _AFTER:
            key = key.removesuffix(word) or key
    return key


def same(one: Line, other: Line) -> bool:
    """Whether two suppliers sell the same: then the customer sees one card, and both prices on it."""
    return (one.supplier != other.supplier and one.product == other.product and one.currency == other.currency
            and one.checked == other.checked
            and (one.carry_on == other.carry_on or not (one.hand_told and other.hand_told)))


def also(best: Line, fares: Iterable[Line]) -> list[Line]:
    """What each other supplier asks for the same as `best`: its cheapest, cheapest first (`fares` are sorted so)."""
    found: dict[str, Line] = {}
    for line in fares:
        if line.supplier not in found and same(best, line):
            found[line.supplier] = line
    return list(found.values())


def pairs(lines: Iterable[Line]) -> dict[str, str]:
    """Of lines sorted by price: the id of each that is kept with a cheaper one of another supplier, and that one's."""
    by_flights: dict[tuple[str, ...], list[Line]] = {}
    for line in lines:
        by_flights.setdefault(line.journey, []).append(line)
    found: dict[str, str] = {}
    for fares in by_flights.values():
        if len({line.supplier for line in fares}) > 1:
            for at, line in enumerate(fares):
                if line.id not in found:  # what is kept with a cheaper one leads nothing
                    free = [other for other in fares[at + 1:] if other.id not in found]
                    found |= {other.id: line.id for other in also(line, free)}
    return found
