"""What differs between two flights in words, and what is significant by 14 CFR 260.2, limit by limit."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from bookings.flight_changes import differences
from tests.trail.rows import offer_json

OLD = offer_json("off")["slices"]  # JFK 19:00 to LHR 07:05 the next day, economy


def place(code: str, zone: str, country: str) -> dict[str, Any]:
    return {"code": code, "name": f"{code} Airport", "city": code, "country": country, "time_zone": zone,
            "kind": "airport", "airports": []}


JFK, LAX, LHR = (place("JFK", "America/New_York", "US"), place("LAX", "America/Los_Angeles", "US"),
                 place("LHR", "Europe/London", "GB"))


def flight(origin: dict[str, Any], destination: dict[str, Any], leaves: str, arrives: str, **more: Any) -> dict[str, Any]:
    return {**copy.deepcopy(OLD[0]["segments"][0]), "origin": origin, "destination": destination,
            "departing_local": leaves, "arriving_local": arrives, **more}


def part(*flights: dict[str, Any]) -> dict[str, Any]:
    return {**copy.deepcopy(OLD[0]), "origin": flights[0]["origin"], "destination": flights[-1]["destination"],
            "segments": list(flights)}


HOME = part(flight(JFK, LAX, "2027-01-10T09:00:00", "2027-01-10T12:00:00"))
ABROAD = part(flight(JFK, LHR, "2027-01-10T19:00:00", "2027-01-11T07:00:00"))


@pytest.mark.parametrize(("old", "leaves", "arrives", "significant"), [
    (HOME, "2027-01-10T06:00:00", "2027-01-10T12:00:00", True),  # 3 h earlier, within the country
    (HOME, "2027-01-10T06:01:00", "2027-01-10T12:00:00", False),
    (HOME, "2027-01-10T09:00:00", "2027-01-10T15:00:00", True),  # 3 h later
    (HOME, "2027-01-10T09:00:00", "2027-01-10T14:59:00", False),
    (HOME, "2027-01-10T15:00:00", "2027-01-10T12:00:00", False),  # leaves later, arrives as before
    (HOME, "2027-01-10T09:00:00", "2027-01-10T05:00:00", False),
    (ABROAD, "2027-01-10T13:00:00", "2027-01-11T07:00:00", True),  # 6 h across a border
    (ABROAD, "2027-01-10T13:01:00", "2027-01-11T07:00:00", False),
    (ABROAD, "2027-01-10T19:00:00", "2027-01-11T13:00:00", True),
    (ABROAD, "2027-01-10T19:00:00", "2027-01-11T12:59:00", False),
])
def test_the_limit_is_3_hours_at_home_and_6_abroad(old: dict[str, Any], leaves: str, arrives: str,
                                                   significant: bool) -> None:
    new = part({**old["segments"][0], "departing_local": leaves, "arriving_local": arrives})
    assert differences([old], [new]).significant is significant


@pytest.mark.failure("T3")
def test_times_are_compared_across_a_change_of_clocks() -> None:
    before = part(flight(JFK, LAX, "2027-03-13T23:00:00", "2027-03-14T01:30:00"))
    after = part(flight(JFK, LAX, "2027-03-14T03:00:00", "2027-03-14T05:30:00"))  # clocks went forward in New York
    assert differences([before], [after]).lines[0].startswith("Departs 3 h later: Sun 14 Mar, 03:00 instead of Sat")


@pytest.mark.parametrize(("new", "line", "significant"), [
    ([part(flight(JFK, LHR, "2027-01-10T19:00:00", "2027-01-11T07:00:00", cabin="business"))], "Business instead of", False),
    ([part(flight({**JFK, "code": "EWR", "name": "Newark"}, LHR, "2027-01-10T19:00:00", "2027-01-11T07:00:00"))],
     "Leaves from another airport: Newark (EWR) instead of JFK Airport (JFK).", True),
    ([part(flight(JFK, {**LHR, "code": "LGW", "name": "Gatwick"}, "2027-01-10T19:00:00", "2027-01-11T07:00:00"))],
     "Arrives at another airport: Gatwick (LGW) instead of LHR Airport (LHR).", True),
    ([part(flight(JFK, LAX, "2027-01-10T19:00:00", "2027-01-10T21:00:00"),
           flight(LAX, LHR, "2027-01-10T22:00:00", "2027-01-11T07:00:00"))], "1 stop instead of direct.", True),
    ([part(flight(JFK, LHR, "2027-01-10T19:00:00", "2027-01-11T07:00:00", flight_number="7"))],
     "Flight AA 7 instead of AA 6143.", False),
    ([part(flight(JFK, LHR, "2027-01-10T19:00:00", "2027-01-11T07:00:00", operating_name="Finnair"))],
     "Operated by Finnair instead of British Airways.", False),
    ([part(flight(JFK, LHR, "2027-01-10T20:35:00", "2027-01-11T08:35:00"))],
     "Departs 1 h 35 min later: 20:35 instead of 19:00.", False),
    ([], "There is no flight any more.", True),
    ([ABROAD], "Only small things, such as the aircraft or the terminal.", False),
])
def test_each_difference_is_said(new: list[dict[str, Any]], line: str, significant: bool) -> None:
    found = differences([ABROAD], new)
    assert any(text.startswith(line) for text in found.lines), found.lines
    assert found.significant is significant


def test_a_lower_class_and_fewer_stops() -> None:
    upper = part(flight(JFK, LHR, "2027-01-10T19:00:00", "2027-01-11T07:00:00", cabin="business"))
    assert differences([upper], [ABROAD]).reasons == ("Economy instead of business class.",)
    two = part(flight(JFK, LAX, "2027-01-10T19:00:00", "2027-01-10T21:00:00"),
               flight(LAX, LHR, "2027-01-10T22:00:00", "2027-01-11T07:00:00"))
    assert not differences([two], [ABROAD]).significant
