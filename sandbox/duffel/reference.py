"""Airports, cities, airlines and aircraft as Duffel describes them, and the look-up of places by name."""

from __future__ import annotations

import json
import math
import unicodedata
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from sandbox.flights.airlines import AIRCRAFT
from sandbox.flights.airports import airports, cities, city_of, rank
from sandbox.ids import base62

DATA = Path(__file__).resolve().parent.parent / "data" / "duffel"
LOGOS = "https://assets.duffel.com/img/airlines/for-light-background"

COUNTRY_NAMES = {
    "US": "United States",
    "GB": "United Kingdom",
    "CA": "Canada",
    "MX": "Mexico",
    "FR": "France",
    "DE": "Germany",
    "ES": "Spain",
    "IT": "Italy",
    "NL": "Netherlands",
    "IN": "India",
    "JP": "Japan",
    "CN": "China",
    "AU": "Australia",
    "BR": "Brazil",
    "AE": "United Arab Emirates",
    "SG": "Singapore",
    "TH": "Thailand",
    "IE": "Ireland",
    "PT": "Portugal",
    "CH": "Switzerland",
    "AT": "Austria",
    "GR": "Greece",
    "TR": "Turkey",
    "QA": "Qatar",
    "ZA": "South Africa",
}


def city_place(airport: str) -> dict[str, Any]:
    """Return the city object of an airport."""
    code = city_of().get(airport)
    known = airports()[airport]
    name, country = (
        (cities()[code]["name"], cities()[code]["country"])
        if code
        else (known["city"] or known["name"], known["country"])
    )
    code = code or airport
    return {
        "icao_code": None,
        "iata_country_code": country,
        "iata_city_code": code,
        "city_name": None,
        "iata_code": code,
        "latitude": None,
        "longitude": None,
        "time_zone": None,
        "type": "city",
        "name": name,
        "id": f"cit_{code.lower()}_{country.lower()}",
    }


@lru_cache(maxsize=4096)
def _airport_text(code: str) -> str:
    known = airports()[code]
    city = city_place(code)
    return json.dumps(
        {
            "icao_code": known["icao"] or None,
            "iata_country_code": known["country"],
            "iata_city_code": city["iata_code"],
            "city_name": city["name"],
            "airports": None,
            "iata_code": code,
            "latitude": known["lat"],
            "longitude": known["lon"],
            "city": city,
            "time_zone": known["tz"],
            "type": "airport",
            "name": known["name"],
            "id": f"arp_{code.lower()}_{known['country'].lower()}",
        }
    )


def airport_place(code: str) -> dict[str, Any]:
    """Return the airport as it stands in offers and orders (a fresh copy)."""
    place: dict[str, Any] = json.loads(_airport_text(code))
    return place


def place(code: str) -> dict[str, Any] | None:
    """Return the airport or city as it stands in an offer request; None when nobody knows the code."""
    if code in cities() and code not in airports():
        members = cities()[code]["airports"]
        city = city_place(members[0])
        return {
            **city,
            "city": None,
            "airports": [_without(airport_place(each), "airports", "city") for each in members],
        }
    return airport_place(code) if code in airports() else None


@cache
def airlines() -> dict[str, dict[str, Any]]:
    """Return Duffel's airlines by code. Some have logos, some have none, as in the real list."""
    found = {}
    for code, name, id in json.loads((DATA / "airlines.json").read_text()):
        drawn = code not in ("AK", "UL", "SG", "PK")
        found[code] = {
            "id": id,
            "iata_code": code,
            "name": name,
            "logo_symbol_url": f"{LOGOS}/full-color-logo/{code}.svg" if drawn else None,
            "logo_lockup_url": f"{LOGOS}/full-color-lockup/{code}.svg" if drawn and code != "ZZ" else None,
            "conditions_of_carriage_url": None
            if code in ("ZZ", "AK", "W6")
            else f"https://{code.lower()}.example/conditions",
        }
    return found


def aircraft(code: str) -> dict[str, Any]:
    """Return an aircraft type as Duffel describes it."""
    number = uuid5(NAMESPACE_DNS, f"aircraft.{code}").int
    return {"id": f"arc_0000{base62(number, 18)}", "name": AIRCRAFT[code], "iata_code": code}


def suggestions(query: str) -> list[dict[str, Any]]:
    """Return places whose code, name or city begins with the query, the likeliest first; at most 20."""
    wanted = _plain(query)
    if not wanted:
        return []
    found: list[tuple[float, str, str]] = []
    for code, city in cities().items():
        score = _score(wanted, code, _plain(city["name"]), "")
        if score:
            found.append((score + 30, "city", code))
    for code, name, town in _names():
        score = _score(wanted, code, town, name)
        if score:
            found.append((score + rank(code), "airport", code))
    found.sort(key=lambda item: (-item[0], item[1], item[2]))
    return [_suggestion(kind, code) for _, kind, code in found[:20]]


def near(latitude: float, longitude: float, radius_m: float) -> list[dict[str, Any]]:
    """Return the airports within ``radius_m`` metres, the nearest first; at most 20."""
    found = []
    for code, known in airports().items():
        if abs(known["lat"] - latitude) > radius_m / 100_000:
            continue
        north = (known["lat"] - latitude) * 111.2
        east = (known["lon"] - longitude) * 111.2 * math.cos(math.radians(latitude))
        away = math.hypot(north, east)
        if away * 1000 <= radius_m:
            found.append((away, code))
    return [_suggestion("airport", code) for _, code in sorted(found)[:20]]


def _suggestion(kind: str, code: str) -> dict[str, Any]:
    if kind == "city":
        members = cities()[code]["airports"]
        found = {**city_place(members[0]), "city": None, "airports": [_brief(each) for each in members]}
    else:
        found = {**_brief(code), "icao_code": airports()[code]["icao"] or None, "airports": [_brief(code)]}
    country = found["iata_country_code"]
    return {**found, "country_name": COUNTRY_NAMES.get(country, country)}


def _brief(code: str) -> dict[str, Any]:
    full = airport_place(code)
    city = full["city"]
    full["city"] = {name: city[name] for name in ("name", "id", "iata_country_code", "iata_code", "type")}
    return _without(full, "airports")


def _without(doc: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in doc.items() if name not in names}


@cache
def _names() -> list[tuple[str, str, str]]:
    return [(code, _plain(known["name"]), _plain(known["city"])) for code, known in airports().items()]


def _score(wanted: str, code: str, town: str, name: str) -> float:
    if wanted == code.lower():
        return 100
    if town.startswith(wanted):
        return 60 if town == wanted else 45
    if name.startswith(wanted):
        return 40
    if f" {wanted}" in name or f" {wanted}" in town:
        return 20
    return 0


def _plain(text: str) -> str:
    split = unicodedata.normalize("NFKD", text.strip().lower())
    return "".join(each for each in split if not unicodedata.combining(each))
