"""Where a traveller stays who flies to an airport: the middle of its city where we know it, else around the airport."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import airportsdata

from suppliers import places

_CENTRES = Path(__file__).parent / "data" / "centres.txt"


@dataclass(frozen=True)
class Centre:
    """A point (degrees) with its city and the words for it ("the centre of London", "the airport (BIQ)")."""

    latitude: float
    longitude: float
    city: str
    words: str


def of(code: str) -> Centre | None:
    """The centre for an airport's IATA code; None for one that we do not know."""
    airport = places.airport(code)
    if airport is None:
        return None
    whole = places.metropolis(airport.code)
    city = whole.city if whole else airport.city or airport.name
    known = _centres().get(whole.code if whole else airport.code)
    if known:
        return Centre(*known, city, f"the centre of {city}")
    return Centre(*_airports()[airport.code], city, f"the airport ({airport.code})")


@lru_cache(maxsize=1)
def _centres() -> dict[str, tuple[float, float]]:
    lines = [line.split("|") for line in _CENTRES.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return {code: (float(latitude), float(longitude)) for code, latitude, longitude in lines}


@lru_cache(maxsize=1)
def _airports() -> dict[str, tuple[float, float]]:
    return {code: (raw["lat"], raw["lon"]) for code, raw in airportsdata.load("IATA").items()}
