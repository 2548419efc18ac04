"""One address per search: what `search_form.address` writes, the form reads back as the same search."""

from __future__ import annotations

from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest
from django.http import QueryDict

from bookings.checkout import search_form
from suppliers.types import Leg, SearchQuery

TODAY = date(2026, 11, 21)
OUT = Leg("JFK", "LHR", date(2027, 1, 10))
BACK = Leg("LHR", "JFK", date(2027, 1, 20))


@pytest.mark.parametrize(("query", "trip"), [
    (SearchQuery((OUT,)), "oneway"),
    (SearchQuery((OUT, BACK), adults=2, child_ages=(4, 11), infants=1, cabin="business"), "return"),
])
def test_an_address_is_read_back_as_the_same_search(query: SearchQuery, trip: str) -> None:
    there = search_form.address(query, s="abc", sort="", page=None)
    sent = QueryDict(urlsplit(there).query)
    assert (sent["trip"], sent["s"], "sort" in sent, "page" in sent) == (trip, "abc", False, False)
    assert search_form.read(sent, TODAY).asked() == query


def test_legs_of_a_multi_city_trip_are_numbered() -> None:
    legs = (OUT, Leg("CDG", "ROM", date(2027, 1, 15)), Leg("FCO", "NYC", date(2027, 1, 20)))
    sent = {name: values[0] for name, values in parse_qs(urlsplit(search_form.address(SearchQuery(legs))).query).items()}
    assert sent["trip"] == "multi"
    assert (sent["origin"], sent["origin2"], sent["origin3"]) == ("JFK", "CDG", "FCO")
    assert (sent["destination3"], sent["departureDate2"], sent["departureDate3"]) == ("NYC", "2027-01-15", "2027-01-20")
    assert "returnDate" not in sent


def test_a_stored_search_is_the_search_again() -> None:
    raw = {"legs": [{"origin": "JFK", "destination": "LHR", "date": "2027-01-10"}], "adults": 2, "child_ages": [5],
           "infants": 0, "cabin": "first", "max_connections": None}
    assert search_form.stored(raw) == SearchQuery((OUT,), adults=2, child_ages=(5,), cabin="first")
