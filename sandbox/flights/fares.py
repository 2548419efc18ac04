"""What a flight costs and under which brands it is sold. All amounts are integer cents of US dollars."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date

from sandbox.flights.carriers import Carrier
from sandbox.flights.schedule import Itinerary

CURRENCY = "USD"
CABIN_FACTOR = {"economy": 1.0, "premium_economy": 1.9, "business": 3.7, "first": 6.2}
CABIN_NAMES = {"economy": "Economy", "premium_economy": "Premium Economy", "business": "Business", "first": "First"}


@dataclass(frozen=True)
class Terms:
    """Refund or change: ``penalty`` in cents per passenger and trip; None of it known when ``allowed`` is None."""

    allowed: bool | None
    penalty: int | None = None


@dataclass(frozen=True)
class Brand:
    """One fare brand of an itinerary."""

    name: str | None
    factor: float
    refund: Terms
    change: Terms
    checked: int
    carry_on: int
    shelf: int
    seat_choice: bool


NO = Terms(False)
UNKNOWN = Terms(None)
BRANDS: dict[str, tuple[Brand, ...]] = {
    "us": (
        Brand("Basic Economy", 1.0, NO, NO, 0, 1, 1, False),
        Brand("Main Cabin", 1.17, NO, Terms(True, 0), 0, 1, 2, True),
        Brand("Main Cabin Flexible", 1.46, Terms(True, 0), Terms(True, 0), 1, 1, 3, True),
    ),
    "legacy": (
        Brand("Economy Light", 1.0, NO, Terms(True, 9000), 0, 1, 1, False),
        Brand("Economy Standard", 1.19, Terms(True, 12000), Terms(True, 6000), 1, 1, 2, True),
        Brand("Economy Flex", 1.58, Terms(True, 0), Terms(True, 0), 1, 1, 3, True),
    ),
    "gulf": (
        Brand("Economy Saver", 1.0, Terms(True, 20000), Terms(True, 10000), 1, 1, 2, False),
        Brand("Economy Flex", 1.28, Terms(True, 10000), Terms(True, 5000), 1, 1, 2, True),
        Brand("Economy Flex Plus", 1.6, Terms(True, 0), Terms(True, 0), 2, 1, 3, True),
    ),
    "low": (
        Brand("Basic", 1.0, NO, UNKNOWN, 0, 0, 1, False),
        Brand("Plus", 1.42, NO, Terms(True, 4500), 1, 1, 2, True),
    ),
    "zz": (
        Brand("Basic", 1.0, NO, NO, 0, 1, 1, False),
        Brand("Standard", 1.14, Terms(True, 4000), Terms(True, 3000), 1, 1, 2, True),
        Brand("Flex", 1.4, Terms(True, 0), Terms(True, 0), 1, 1, 3, True),
    ),
}
FRONT = {
    "premium_economy": (
        Brand("Premium", 1.0, Terms(True, 15000), Terms(True, 10000), 1, 1, 4, True),
        Brand("Premium Flex", 1.25, Terms(True, 0), Terms(True, 0), 2, 1, 4, True),
    ),
    "business": (
        Brand("Business", 1.0, Terms(True, 25000), Terms(True, 15000), 2, 2, 5, True),
        Brand("Business Flex", 1.3, Terms(True, 0), Terms(True, 0), 2, 2, 5, True),
    ),
    "first": (
        Brand("First", 1.0, Terms(True, 30000), Terms(True, 0), 2, 2, 5, True),
        Brand("First Flexible", 1.25, Terms(True, 0), Terms(True, 0), 2, 2, 5, True),
    ),
}


def brands(carrier: Carrier, cabin: str) -> tuple[Brand, ...]:
    """Return the fare brands a carrier sells in a cabin, the cheapest first; none when it has no such cabin."""
    if cabin == "economy":
        return BRANDS[carrier.kind]
    if carrier.low_cost or (cabin == "first" and carrier.kind not in ("us", "gulf", "zz")):
        return ()
    return FRONT[cabin]


def base_fare(itinerary: Itinerary, cabin: str, carrier: Carrier, today: date, hour: str) -> int:
    """Return the fare of one adult without taxes; it moves a little from hour to hour and more with the date."""
    km = sum(flight.km for flight in itinerary)
    day = itinerary[0].departs.date()
    steady = random.Random(f"{carrier.code}{[(f.number, f.origin) for f in itinerary]}{day}")
    restless = random.Random(f"{carrier.code}{itinerary[0].number}{day}{hour}")
    fare = 32 + 0.052 * min(km, 3000) + 0.041 * max(km - 3000, 0)
    fare *= carrier.factor * CABIN_FACTOR[cabin] * steady.uniform(0.85, 1.25) * restless.uniform(0.985, 1.015)
    ahead = (day - today).days
    fare *= 1.7 if ahead <= 3 else 1.4 if ahead <= 7 else 1.18 if ahead <= 14 else 1.0 if ahead <= 90 else 0.94
    if len(itinerary) > 1:
        fare *= 0.88
    return round(fare * 100)


def taxes(base: int, itinerary: Itinerary) -> int:
    """Return taxes and airport charges of one adult."""
    return round(base * 0.075) + 560 + 910 * len(itinerary) + (3850 if sum(f.km for f in itinerary) > 4500 else 0)


def share(type: str | None, base: int, tax: int) -> tuple[int, int]:
    """Return (fare, taxes) of one passenger of this type, given an adult's."""
    if type == "infant_without_seat":
        return round(base * 0.1), round(tax * 0.2)
    return (round(base * 0.8), tax) if type == "child" else (base, tax)


def money(cents: int) -> str:
    """Render cents as a decimal string."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"
