"""Hotels and activities around a place: shown and handed over, never sold by us (amadeus.md 7 and 8).

A narrow port beside `suppliers.port`: no booking, no payment, no card can pass it. Whoever stands behind it is told
coordinates, dates and a number of adults, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from fly2any.kernel.money import Money

LONGEST_STAY = 30  # nights; beyond, hotels quote other prices than those of a trip


@dataclass(frozen=True)
class HotelOffer:
    """A hotel with a free room, in plain text.

    `price`: the whole stay of all `rooms` together, None when the hotel told none. `distance_km` from the point asked
    for. `free_until`: the hotel's own local time (no zone), after which cancelling costs; None when it did not say.
    `cancellation`: what it says in its own words, "" for nothing. `final`: cancelling costs the whole stay.
    """

    name: str
    distance_km: float | None
    price: Money | None
    rooms: int
    free_until: datetime | None = None
    cancellation: str = ""
    final: bool = False


@dataclass(frozen=True)
class Activity:
    """Something to do that another site sells at `link` (https, on `host`), in plain text; `price` may be missing."""

    name: str
    text: str
    price: Money | None
    link: str
    host: str


class Stays(Protocol):
    """Somebody who knows hotels and activities. Raises the three families of `fly2any.kernel.errors`."""

    def hotels_near(self, latitude: float, longitude: float, check_in: date, check_out: date,
                    adults: int) -> list[HotelOffer]:
        """Hotels with a free room for these nights (local dates), the nearest first; [] when there is none."""

    def activities_near(self, latitude: float, longitude: float) -> list[Activity]:
        """What can be done there, as the seller sorts it; [] when there is nothing."""


def rooms_for(adults: int) -> int:
    """Two adults share a room."""
    return max(1, (adults + 1) // 2)
