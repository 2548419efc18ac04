"""Airports near an airport or city: those of the same metropolitan area, and those within 150 km with real traffic."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import airportsdata

from suppliers import places
from suppliers.types import SearchQuery

REACH_KM = 150
MOST = 4
_RANKED = Path(__file__).parent / "data" / "busiest_airports.txt"
_EARTH_KM = 6371.0


@dataclass(frozen=True)
class Near:
    """A neighbour: a city code ("all airports") or an airport, with its distance in km (0: the same city)."""

    code: str
    label: str
    km: int

    @property
    def note(self) -> str:
        """How far it is, in words."""
        return f"{self.km} km away" if self.km else ""


@lru_cache(maxsize=1)
def _positions() -> dict[str, tuple[float, float]]:
    """Latitude and longitude (degrees) of the airports with traffic worth a proposal."""
    raws = airportsdata.load("IATA")
    lines = _RANKED.read_text(encoding="utf-8").splitlines()
    codes = [code for line in lines if not line.startswith("#") for code in line.split()]
    return {code: (raws[code]["lat"], raws[code]["lon"]) for code in codes if code in raws}


def around(code: str) -> list[Near]:
    """Up to four neighbours of a code: its city with all airports, then the busiest airports around, the nearest first.

    A city has its own airports already: only those beyond are named. [] for a code that stands for nothing.
    """
    mine = places.expand(code)
    whole = [] if places.city(code) else _whole_city(code)
    covered = {*mine, *(airport for near in whole for airport in places.expand(near.code))}
    far = [(km, other) for other in _positions() if other not in covered  # the busiest first
           and (km := _distance(mine, other)) <= REACH_KM][:MOST - len(whole)]
    return whole + [Near(other, _label(other), round(km)) for km, other in sorted(far)]


def moved(query: SearchQuery, end: str, code: str) -> SearchQuery:
    """The search with its `end` ("origin" or "destination") of the first flight elsewhere, and of the way back."""
    old = getattr(query.legs[0], end)
    legs = tuple(replace(leg, origin=code if leg.origin == old else leg.origin,
                         destination=code if leg.destination == old else leg.destination) for leg in query.legs)
    return replace(query, legs=legs)


def _whole_city(code: str) -> list[Near]:
    found = places.metropolis(code)
    if found is None or len(found.airports) < 2:
        return []
    return [Near(found.code, f"{found.city}, all airports ({found.code})", 0)]


def _label(code: str) -> str:
    place = places.airport(code)
    return f"{place.name} ({code})" if place else code


def _distance(mine: tuple[str, ...], other: str) -> float:
    """Great-circle distance (haversine) in km from the nearest of `mine`."""
    here = [_positions()[code] for code in mine if code in _positions()]
    return min((_haversine(one, _positions()[other]) for one in here), default=math.inf)


def _haversine(one: tuple[float, float], two: tuple[float, float]) -> float:
    (lat1, lon1), (lat2, lon2) = ((math.radians(degrees) for degrees in place) for place in (one, two))
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * _EARTH_KM * math.asin(math.sqrt(half))
