"""Which search an offer came from, so that the other brands of the same journey can be found again."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from datetime import date
from typing import Any

from sandbox.amadeus.offers import Traveller, Wish
from sandbox.flights.trips import Slice
from sandbox.frame import World
from sandbox.store import dumps

KIND = "amadeus_wish"


def keep(world: World, wish: Wish) -> str:
    """Keep a search; return the key it is found by."""
    plain = asdict(wish)
    plain["legs"] = [[leg.origin, leg.destination, leg.day.isoformat()] for leg in wish.legs]
    key = hashlib.sha256(dumps(plain).encode()).hexdigest()[:24]
    if world.get(KIND, key) is None:
        world.put(KIND, key, plain)
    return key


def find(world: World, key: str) -> Wish | None:
    """Return a kept search, or None."""
    plain: dict[str, Any] | None = world.get(KIND, key)
    if plain is None:
        return None
    legs = tuple(Slice(origin, destination, date.fromisoformat(day)) for origin, destination, day in plain["legs"])
    return Wish(
        **{
            **plain,
            "legs": legs,
            "party": tuple(Traveller(**each) for each in plain["party"]),
            "only": tuple(plain["only"]),
            "without": tuple(plain["without"]),
        }
    )
