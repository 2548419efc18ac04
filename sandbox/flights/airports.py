"""Airports and the cities they belong to, and how far apart they are. From the open `airportsdata` list."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import airportsdata

from sandbox.flights.carriers import HUBS, MAJOR

EARTH_KM = 6371.0

# Metropolitan codes travellers type that the package's list lacks, and airports it does not count in.
MORE_CITIES: dict[str, tuple[str, str, str]] = {
    "NYC": ("New York", "US", "JFK EWR LGA"),
    "LON": ("London", "GB", "LHR LGW STN LTN LCY SEN"),
    "PAR": ("Paris", "FR", "CDG ORY"),
    "CHI": ("Chicago", "US", "ORD MDW"),
    "WAS": ("Washington", "US", "IAD DCA"),
    "TYO": ("Tokyo", "JP", "HND NRT"),
    "OSA": ("Osaka", "JP", "KIX ITM"),
    "SEL": ("Seoul", "KR", "ICN GMP"),
    "MIL": ("Milan", "IT", "MXP LIN BGY"),
    "ROM": ("Rome", "IT", "FCO CIA"),
    "BUE": ("Buenos Aires", "AR", "EZE AEP"),
    "SAO": ("Sao Paulo", "BR", "GRU CGH VCP"),
    "RIO": ("Rio de Janeiro", "BR", "GIG SDU"),
    "MOW": ("Moscow", "RU", "SVO DME"),
    "BJS": ("Beijing", "CN", "PEK PKX"),
    "SHA": ("Shanghai", "CN", "PVG SHA"),
    "STO": ("Stockholm", "SE", "ARN BMA"),
    "YTO": ("Toronto", "CA", "YYZ YTZ"),
    "YMQ": ("Montreal", "CA", "YUL"),
    "JKT": ("Jakarta", "ID", "CGK HLP"),
}


@cache
def airports() -> dict[str, Any]:
    """Return every airport with an IATA code, by code."""
    return dict(airportsdata.load("IATA"))


@cache
def cities() -> dict[str, dict[str, Any]]:
    """Return the cities with several airports: code -> name, country, airport codes."""
    found = {
        code: {"name": city["name"], "country": city["country"], "airports": list(city["airports"])}
        for code, city in airportsdata.load_iata_macs().items()
    }
    for code, (name, country, members) in MORE_CITIES.items():
        found[code] = {"name": name, "country": country, "airports": [a for a in members.split() if a in airports()]}
    return found


@cache
def city_of() -> dict[str, str]:
    """Return airport code -> metropolitan code, for airports that belong to one."""
    return {airport: code for code, city in cities().items() for airport in city["airports"]}


def departure_airports(code: str) -> list[str]:
    """Return the airports a search for this code means, the biggest first; at most two."""
    if code in airports():
        return [code]
    members = cities().get(code, {"airports": []})["airports"]
    return sorted(members, key=lambda each: (-rank(each), members.index(each)))[:2]


def distance_km(origin: str, destination: str) -> float:
    """Return the great-circle distance in kilometres."""
    a, b = airports()[origin], airports()[destination]
    lat1, lon1, lat2, lon2 = map(math.radians, (a["lat"], a["lon"], b["lat"], b["lon"]))
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(half))


def rank(code: str) -> float:
    """Return how likely a traveller means this airport."""
    return 25.0 if code in HUBS else 15.0 if code in MAJOR else 0.0
