"""The API takes the searches that the pages take: one to four flights, an age per child; errors name the field."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from suppliers.models import Search

pytestmark = pytest.mark.django_db


def day(ahead: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=ahead)).isoformat()


def trip(**changes: Any) -> dict[str, Any]:
    whole = {"origin": "JFK", "destination": "LHR", "departureDate": day(30), "origin2": "cdg", "destination2": "ROM",
             "departureDate2": day(35), "origin3": "FCO", "destination3": "NYC", "departureDate3": day(40), **changes}
    return {name: value for name, value in whole.items() if value is not None}


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The searches that would be made, checked as always, asked of nobody."""
    from suppliers.search import validate

    started: list[Any] = []

    def search(*, query: Any, principal: str, now: datetime) -> Search:
        wrong = validate(query, now.date())
        if wrong:
            from fly2any.kernel.errors import Problem
            raise Problem("validation_failed", "Please check your search.", status=422, field_errors=wrong)
        started.append(query)
        legs = [{**asdict(leg), "date": leg.date.isoformat()} for leg in query.legs]
        return Search.objects.create(principal=principal, query={**asdict(query), "legs": legs}, complete=True)

    monkeypatch.setattr("bookings.drafts.search", search)
    monkeypatch.setattr("bookings.drafts.wait_for_search", lambda pk, seconds: Search.objects.get(pk=pk))
    return started


def test_three_flights_with_children(client: Client, searches: list[Any]) -> None:
    answer = client.get("/api/flights/search", trip(childAges="4,11", infants="1", cabin="business"))
    assert answer.status_code == 200, answer.content
    query = searches[0]
    assert [(leg.origin, leg.destination, leg.date.isoformat()) for leg in query.legs] == [
        ("JFK", "LHR", day(30)), ("CDG", "ROM", day(35)), ("FCO", "NYC", day(40))]
    assert (query.child_ages, query.infants, query.cabin) == ((4, 11), 1, "business")


@pytest.mark.parametrize(("changes", "status", "field"), [
    ({"destination2": None}, 400, "destination2"), ({"departureDate3": None}, 400, "departureDate3"),
    ({"origin2": None, "destination2": None, "departureDate2": None}, 400, "origin2"),
    ({"origin3": "ZZZZ"}, 400, "origin3"), ({"departureDate2": "soon"}, 400, "departureDate2"),
    ({"trip": "oneway"}, 400, "origin2"), ({"trip": "return", "returnDate": day(50)}, 400, "origin2"),
    ({"returnDate": day(50)}, 400, "returnDate"), ({"trip": "x"}, 400, "trip"),
    ({"childAges": "4", "children": "2"}, 400, "childAges"),
    ({"departureDate3": day(20)}, 422, "departureDate3"), ({"origin3": "QQQ"}, 422, "origin3"),
    ({"destination2": "CDG"}, 422, "destination2"), ({"departureDate2": day(400)}, 422, "departureDate2"),
    ({"childAges": "1"}, 422, "children"), ({"infants": "2"}, 422, "infants"),
])
def test_a_mistake_names_its_field(client: Client, searches: list[Any], changes: dict[str, Any], status: int,
                                   field: str) -> None:
    answer = client.get("/api/flights/search", trip(**changes))
    assert (answer.status_code, field in answer.json()["fieldErrors"]) == (status, True), answer.content
    assert searches == []


def test_a_single_trip_stays_as_it_was(client: Client, searches: list[Any]) -> None:
    only = dict.fromkeys(f"{name}{at}" for name in ("origin", "destination", "departureDate") for at in (2, 3))
    assert client.get("/api/flights/search", trip(**only)).status_code == 200
    assert client.get("/api/flights/search", trip(**only, returnDate=day(40))).status_code == 200
    assert client.get("/api/flights/search", trip(**only, trip="return")).status_code == 400
    assert [len(query.legs) for query in searches] == [1, 2]


def test_places_can_be_kept_by_a_browser(client: Client) -> None:
    first = client.get("/api/places", {"q": "new york"})
    assert first["Cache-Control"].startswith("public, max-age=86400")
    city, kennedy = first.json()["places"][:2]
    assert city["text"] == "New York, all airports (NYC)"
    assert (city["kind"], city["airports"], city["countryName"]) == ("city", ["JFK", "EWR", "LGA"], "United States")
    assert (kennedy["code"], kennedy["cityCode"]) == ("JFK", "NYC")
    again = client.get("/api/places", {"q": "new york"}, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    other = client.get("/api/places", {"q": "new yor"}, headers={"If-None-Match": first["ETag"]})
    assert other.status_code == 200
