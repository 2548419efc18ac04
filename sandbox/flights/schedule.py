"""Which flights go from one airport to another on a date: plausible, stable from day to day, in local times."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from sandbox.flights.airports import airports, distance_km
from sandbox.flights.carriers import CARRIERS, MAJOR, REGION_OF, ZZ, Carrier

CRUISE_KM_PER_MINUTE = 13.8
LONGEST_DIRECT_KM = 15_300
LONGEST_LOW_COST_KM = 4_800
LONGEST_REGIONAL_KM = 6_000
REGIONAL = frozenset({"B6", "AS", "HA", "WS", "AD", "VA", "AR", "FI", "LO", "EI"})
MOST_DIRECT_CARRIERS = 4
MOST_CONNECTING_CARRIERS = 3


@dataclass(frozen=True)
class Flight:
    """One segment. Times are local to their airports; ``stop`` is an airport it touches down at on the way."""

    carrier: str
    number: str
    origin: str
    destination: str
    departs: datetime
    arrives: datetime
    minutes: int
    km: float
    aircraft: str
    stop: str | None = None


Itinerary = tuple[Flight, ...]


def itineraries(
    origin: str, destination: str, day: date, max_connections: int, manner: str | None
) -> dict[str, list[Itinerary]]:
    """Return carrier code -> itineraries of that carrier; Duffel Airways flies everywhere."""
    found: dict[str, list[Itinerary]] = {}
    if manner == "connecting":
        hub = "VIE"
        found["ZZ"] = [_connecting(ZZ, (origin, hub, destination), day, slot) for slot in range(3)]
        return found if max_connections else {}
    stop = "IST" if manner == "stop" else None
    found["ZZ"] = [(_flight(ZZ, origin, destination, day, slot, stop),) for slot in range(2 if manner is None else 3)]
    if manner is not None:
        return found
    for carrier in direct_carriers(origin, destination):
        count = 3 if carrier.low_cost or distance_km(origin, destination) < 2500 else 2
        found[carrier.code] = [(_flight(carrier, origin, destination, day, slot),) for slot in range(count)]
    if max_connections:
        for carrier, hub in connecting_carriers(origin, destination):
            more = [_connecting(carrier, (origin, hub, destination), day, slot) for slot in range(2)]
            found.setdefault(carrier.code, []).extend(more)
            second = _second_hub(carrier, hub, destination) if max_connections > 1 else None
            if second:
                found[carrier.code].append(_connecting(carrier, (origin, hub, second, destination), day, 0))
    return found


def _second_hub(carrier: Carrier, hub: str, destination: str) -> str | None:
    """Return another hub of the carrier on the way from its first one, for a journey with two changes."""
    others = [each for each in carrier.hubs if each not in (hub, destination) and each in airports()]
    direct = distance_km(hub, destination)
    ways = [(distance_km(hub, each) + distance_km(each, destination), each) for each in others
            if min(distance_km(hub, each), distance_km(each, destination)) > 150]  # fmt: skip
    return min(ways)[1] if ways and min(ways)[0] < direct * 1.4 + 300 else None


@lru_cache(maxsize=4096)
def direct_carriers(origin: str, destination: str) -> tuple[Carrier, ...]:
    """Return who plausibly flies non-stop."""
    km = distance_km(origin, destination)
    ends = {airports()[origin]["country"], airports()[destination]["country"]}
    if km > LONGEST_DIRECT_KM or km < 60:
        return ()
    found = []
    for carrier in CARRIERS:
        home = ends & set(carrier.homes)
        if not home or (carrier.low_cost and km > LONGEST_LOW_COST_KM):
            continue
        at_hub = origin in carrier.hubs or destination in carrier.hubs
        if not at_hub and not (
            carrier.low_cost and ends <= set(carrier.homes) and origin in MAJOR and destination in MAJOR
        ):
            continue
        if carrier.code in REGIONAL and km > LONGEST_REGIONAL_KM:
            continue
        if km > 6500 and not (origin in MAJOR and destination in MAJOR):
            continue
        found.append(carrier)
    return tuple(found[:MOST_DIRECT_CARRIERS])


@lru_cache(maxsize=4096)
def connecting_carriers(origin: str, destination: str) -> tuple[tuple[Carrier, str], ...]:
    """Return who plausibly connects, with the hub: the least detour first, home carriers before others."""
    km = distance_km(origin, destination)
    if km < 900:
        return ()
    ends = {airports()[origin]["country"], airports()[destination]["country"]}
    regions = {REGION_OF.get(country, "") for country in ends}
    found: list[tuple[float, int, Carrier, str]] = []
    for order, carrier in enumerate(CARRIERS):
        if carrier.low_cost or (carrier.code in REGIONAL and km > LONGEST_REGIONAL_KM):
            continue
        best = _best_hub(carrier, origin, destination)
        if best is None or best[0] > km * 1.5 + 300:
            continue
        at_home = bool(ends & set(carrier.homes))
        if not at_home and (len(regions) == 1 or km < 3500):
            continue
        found.append((best[0] * (0.9 if at_home else 1.0), order, carrier, best[1]))
    found.sort(key=lambda item: item[:2])
    return tuple((carrier, hub) for _, _, carrier, hub in found[:MOST_CONNECTING_CARRIERS])


def _best_hub(carrier: Carrier, origin: str, destination: str) -> tuple[float, str] | None:
    ways = []
    for hub in carrier.hubs:
        if hub in (origin, destination) or hub not in airports():
            continue
        first, second = distance_km(origin, hub), distance_km(hub, destination)
        if first > 150 and second > 150 and max(first, second) < LONGEST_DIRECT_KM:
            ways.append((first + second, hub))
    return min(ways) if ways else None


def _connecting(carrier: Carrier, stops: tuple[str, ...], day: date, slot: int) -> Itinerary:
    dice = random.Random(f"{carrier.code}{stops}{slot}connect")
    flights = [_flight(carrier, stops[0], stops[1], day, slot + 5)]
    for origin, destination in zip(stops[1:], stops[2:], strict=False):
        ready = flights[-1].arrives + timedelta(minutes=dice.randrange(60, 200, 5))
        flights.append(_flight(carrier, origin, destination, ready, slot + 7))
    return tuple(flights)


def _flight(carrier: Carrier, origin: str, destination: str, when: date, slot: int, stop: str | None = None) -> Flight:
    """Return a flight on a day (at its usual time) or at a given local time (a connection)."""
    dice = random.Random(f"{carrier.code}{origin}{destination}{slot}")
    usual = 360 + (slot % 4) * 250 + dice.randrange(0, 240, 5)
    number = str(dice.randrange(11, 2899) if not carrier.low_cost else dice.randrange(1100, 8999))
    departs = when if isinstance(when, datetime) else datetime.combine(when, time()) + timedelta(minutes=usual)
    km = distance_km(origin, destination)
    if stop:
        km = distance_km(origin, stop) + distance_km(stop, destination)
    minutes = -(-int(30 + km / CRUISE_KM_PER_MINUTE + (55 if stop else 0)) // 5) * 5
    zones = ZoneInfo(airports()[origin]["tz"]), ZoneInfo(airports()[destination]["tz"])
    left = departs.replace(tzinfo=zones[0]).astimezone(UTC)
    arrives = (left + timedelta(minutes=minutes)).astimezone(zones[1]).replace(tzinfo=None)
    return Flight(
        carrier.code, number, origin, destination, departs, arrives, minutes, km, _aircraft(carrier, km, dice), stop
    )


def _aircraft(carrier: Carrier, km: float, dice: random.Random) -> str:
    if carrier.code == "EK" and km > 3000:
        return dice.choice(("77W", "388"))
    if km > 6000:
        return dice.choice(("789", "77W", "359", "333"))
    if km < 700 and not carrier.low_cost:
        return dice.choice(("E90", "AT7", "320"))
    return dice.choice(("320", "321", "73H"))
