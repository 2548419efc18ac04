"""Whole journeys of one carrier: an itinerary for each slice, in an order that can be flown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice, product

from sandbox.flights.airports import departure_airports
from sandbox.flights.carriers import BY_CODE, Carrier
from sandbox.flights.schedule import Itinerary, itineraries

HOUR = 3600
MOST_COMBINATIONS = 3
MOST_CHOICES = {1: 40, 2: 40, 3: 8, 4: 5}  # itineraries of a slice that are combined, by the number of slices


@dataclass(frozen=True)
class Slice:
    """One leg of the journey asked for."""

    origin: str
    destination: str
    day: date


def trips(
    slices: Iterable[Slice], connections: int, manner: str | None = None
) -> Iterator[tuple[Carrier, tuple[Itinerary, ...]]]:
    """Yield (carrier, an itinerary per slice); ``manner`` as in the schedule."""
    per_slice: list[dict[str, list[Itinerary]]] = []
    for leg in slices:
        found: dict[str, list[Itinerary]] = {}
        for origin in departure_airports(leg.origin):
            for destination in departure_airports(leg.destination):
                if origin == destination:
                    continue
                for code, some in itineraries(origin, destination, leg.day, connections, manner).items():
                    found.setdefault(code, []).extend(some)
        per_slice.append(found)
    for code in per_slice[0]:
        if all(code in found for found in per_slice):
            most = MOST_CHOICES.get(len(per_slice), 2)
            choices = sorted(product(*(range(min(most, len(found[code]))) for found in per_slice)), key=sum)
            ways = (
                tuple(found[code][index] for found, index in zip(per_slice, choice, strict=True)) for choice in choices
            )
            for trip in islice(filter(_possible, ways), MOST_COMBINATIONS):
                yield BY_CODE[code], trip


def _possible(trip: tuple[Itinerary, ...]) -> bool:
    """Return whether each slice leaves after the one before has arrived, with two hours to spare."""
    return all(
        (later[0].departs - earlier[-1].arrives).total_seconds() >= 2 * HOUR
        for earlier, later in zip(trip, trip[1:], strict=False)
    )
