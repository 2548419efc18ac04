"""A trip as a handful of broad classes: what the ranking may look at. No names, ages, places or exact days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from bookings.selectors import words
from suppliers import places

Raw = Mapping[str, Any]
VERSION = 1
LONG_MINUTES = 6 * 60  # a direction of six hours and more is long haul, as most airlines price bags
CLASSES: dict[str, tuple[str, ...]] = {
    "journey": ("oneway", "return", "multi"),
    "nights": ("none", "0-1", "2-3", "4-7", "8-14", "15+"),
    "lead": ("0-2", "3-7", "8-21", "22-60", "61+"),
    "party": ("one", "two", "group", "family", "with infant"),
    "cabin": ("economy", "premium_economy", "business", "first"),
    "route": ("domestic", "short", "long"),
    "weekday": ("mon", "tue", "wed", "thu", "fri", "sat", "sun"),
    "price": ("cheapest", "near", "middle", "high", "unknown"),
    "included": ("no bag", "bag"),
}
Features = dict[str, str]


def columns(features: Mapping[str, str]) -> list[str]:
    """The columns that are 1 for this trip: "nights:2-3". Raises ValueError for a class that does not exist."""
    for name, value in features.items():
        if value not in CLASSES.get(name, ()):
            raise ValueError(f"no class {name}:{value}")
    return [f"{name}:{features[name]}" for name in CLASSES if name in features]


def of_offer(raw: Raw, *, today: date, cheapest_minor: int | None) -> Features:
    """The classes of a stored offer. `cheapest_minor`: the cheapest offer of its search, minor units, if known."""
    slices = raw["slices"]
    first = datetime.fromisoformat(slices[0]["segments"][0]["departing_local"])
    return {
        "journey": _journey(slices),
        "nights": _nights(slices),
        "lead": _between((first.date() - today).days, ((3, "0-2"), (8, "3-7"), (22, "8-21"), (61, "22-60")), "61+"),
        "party": _party([person["kind"] for person in raw["passengers"]]),
        "cabin": _cabin(slices[0]["segments"][0]["cabin"]),
        "route": _route(slices),
        "weekday": CLASSES["weekday"][first.weekday()],
        "price": _price(raw["total"]["minor"], cheapest_minor),
        "included": "bag" if words.checked_bags(dict(raw)) else "no bag",
    }


def _between(value: int, steps: Sequence[tuple[int, str]], beyond: str) -> str:
    return next((name for below, name in steps if value < below), beyond)


def _journey(slices: Sequence[Raw]) -> str:
    if len(slices) == 1:
        return "oneway"
    back = len(slices) == 2 and _city(slices[0]["origin"]) == _city(slices[1]["destination"])
    return "return" if back else "multi"


def _city(place: Raw) -> str:
    return str(place["city"] or place["code"])


def _nights(slices: Sequence[Raw]) -> str:
    """Nights between the first arrival and the last departure; none for one way."""
    if len(slices) == 1:
        return "none"
    there = datetime.fromisoformat(slices[0]["segments"][-1]["arriving_local"]).date()
    back = datetime.fromisoformat(slices[-1]["segments"][0]["departing_local"]).date()
    return _between((back - there).days, ((2, "0-1"), (4, "2-3"), (8, "4-7"), (15, "8-14")), "15+")


def _party(kinds: Sequence[str]) -> str:
    if "infant" in kinds:
        return "with infant"
    if "child" in kinds:
        return "family"
    return {1: "one", 2: "two"}.get(len(kinds), "group")


def _cabin(cabin: str) -> str:
    return cabin if cabin in CLASSES["cabin"] else "economy"


def _route(slices: Sequence[Raw]) -> str:
    ends = [place for piece in slices for place in (piece["origin"], piece["destination"])]
    countries = {_country(place) for place in ends}
    if len(countries) == 1 and "" not in countries:
        return "domestic"
    longest = max(piece["duration_minutes"] or sum(flight["duration_minutes"] or 0 for flight in piece["segments"])
                  for piece in slices)
    return "long" if longest >= LONG_MINUTES else "short"


def _country(place: Raw) -> str:
    known = places.airport(place["code"])
    return known.country if known else str(place["country"])


def _price(minor: int, cheapest: int | None) -> str:
    if not cheapest:
        return "unknown"
    return _between(minor * 100 // cheapest, ((101, "cheapest"), (120, "near"), (160, "middle")), "high")
