"""Where a traveller stays and for which nights, read from the flights."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from bookings.selectors.stay import Stay, stay_of
from suppliers import centres, nearby, places

CITIES = {"JFK": "New York", "EWR": "New York", "LHR": "London", "LGW": "London", "CDG": "Paris", "NCE": "Nice"}


def trip(*flights: str, adults: int = 1) -> dict[str, Any]:
    """Each flight "JFK LHR 2026-12-20T19:00 2026-12-21T07:05"."""
    slices = []
    for flight in flights:
        start, end, leaves, arrives = flight.split()
        slices.append({"origin": {"code": start, "city": CITIES[start]}, "destination": {"code": end, "city": CITIES[end]},
                       "segments": [{"departingLocal": leaves, "arrivingLocal": arrives}]})
    return {"slices": slices, "passengers": [{"kind": "adult"}] * adults + [{"kind": "child"}, {"kind": "infant"}]}


OUT, BACK = "JFK LHR 2026-12-20T19:00 2026-12-21T07:05", "LHR JFK 2026-12-26T09:00 2026-12-26T12:00"


@pytest.mark.parametrize(("flights", "stay"), [
    ((OUT, BACK), ("LHR", date(2026, 12, 21), date(2026, 12, 26), False)),  # the turnaround, from the arrival's own day
    ((OUT,), ("LHR", date(2026, 12, 21), date(2026, 12, 22), True)),
    ((OUT, "LHR JFK 2026-12-21T20:00 2026-12-21T23:00"), None),  # there and back in a day
    ((OUT, "LHR EWR 2026-12-21T20:00 2026-12-21T23:00"), None),  # home is the city, not the airport
    ((OUT, "LGW JFK 2026-12-23T20:00 2026-12-23T23:00"), ("LHR", date(2026, 12, 21), date(2026, 12, 23), False)),
    ((OUT, "CDG JFK 2026-12-26T09:00 2026-12-26T12:00"), ("LHR", date(2026, 12, 21), date(2026, 12, 22), True)),
    ((OUT, "LHR CDG 2026-12-21T12:00 2026-12-21T14:00", "CDG JFK 2026-12-24T09:00 2026-12-24T12:00"),
     ("CDG", date(2026, 12, 21), date(2026, 12, 24), False)),  # several places: the first with a night
    ((OUT, "LHR CDG 2026-12-21T12:00 2026-12-21T14:00", "CDG NCE 2026-12-21T18:00 2026-12-21T19:00"),
     ("NCE", date(2026, 12, 21), date(2026, 12, 22), True))])
def test_the_stay_of_a_trip(flights: tuple[str, ...], stay: tuple[Any, ...] | None) -> None:
    found = stay_of(trip(*flights, adults=2))
    assert found == (Stay(*stay[:3], adults=2, open_ended=stay[3]) if stay else None)


def test_no_adult_or_no_readable_time_is_no_stay() -> None:
    assert stay_of(trip(OUT, BACK, adults=0)) is None
    assert stay_of(trip("JFK LHR soon later", BACK)) is None
    assert stay_of({"slices": [], "passengers": [{"kind": "adult"}]}) is None


def test_a_place_is_its_citys_centre_or_the_airport_itself() -> None:
    stansted, biarritz = centres.of("STN"), centres.of("BIQ")
    assert stansted and (stansted.latitude, stansted.city, stansted.words) == (51.507, "London", "the centre of London")
    assert biarritz and (round(biarritz.latitude, 2), biarritz.words) == (43.47, "the airport (BIQ)")
    assert centres.of("QQQ") is None


def test_every_centre_lies_where_its_airports_are() -> None:
    for code, here in centres._centres().items():
        far = [nearby._haversine(here, centres._airports()[airport]) for airport in places.expand(code)]
        assert far and min(far) < 50, code
