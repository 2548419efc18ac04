"""Home, the question "Which London?", and the results: everything by GET and without JavaScript."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from fly2any.kernel import clock
from suppliers.models import Offer, Search
from tests.pages.html import read
from tests.trail.rows import offer_json

pytestmark = pytest.mark.django_db


def asked(**changes: str) -> dict[str, str]:
    today = clock.now().date()
    return {"trip": "return", "origin": "JFK", "destination": "LHR", "adults": "1", "children": "0", "infants": "0",
            "departureDate": (today + timedelta(days=30)).isoformat(), "cabin": "economy",
            "returnDate": (today + timedelta(days=37)).isoformat(), **changes}


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Searches that were started; their offers are put there by the test."""
    started: list[Any] = []

    def search(*, query: Any, principal: str, now: Any) -> Search:
        legs = [{"origin": leg.origin, "destination": leg.destination, "date": leg.date.isoformat()}
                for leg in query.legs]
        started.append(query)
        return Search.objects.create(principal=principal, query={**asdict(query), "legs": legs}, complete=False,
                                     outcome={"duffel": {"state": "asking", "offers": 0, "code": ""}})

    monkeypatch.setattr("bookings.drafts.search", search)
    return started


def add_offer(search: Search, number: int, *, total: int, minutes: int, carrier: str = "AA") -> None:
    raw = offer_json(f"off_s{number}", total_minor=total)
    raw["owner_code"], raw["owner_name"] = carrier, f"Airline {carrier}"
    raw["slices"][0]["duration_minutes"] = minutes
    raw["slices"][0]["segments"][0] |= {"flight_number": str(number), "carrier_code": carrier,
                                        "carrier_name": raw["owner_name"]}
    Offer.objects.create(search=search, principal=search.principal, supplier="duffel", external_id=f"off_s{number}",
                         request_id="orq", total_minor=total, currency="USD", searched=raw,
                         expires_at=clock.now() + timedelta(minutes=20))


def test_home_has_a_label_for_every_field(client: Client) -> None:
    page = read(client.get("/"))
    labels = {tag["for"] for tag in page.all("label") if "for" in tag}
    fields = {tag["id"] for name in ("input", "select") for tag in page.all(name) if "id" in tag}
    assert fields == labels
    assert page.one("h1") is not None
    assert "placeholder" not in {key for _, attributes in page.tags for key in attributes}


@pytest.mark.parametrize(("changes", "field", "text"), [
    ({"origin": ""}, "origin", "Enter the city or airport you start from."),
    ({"destination": "qqqqqq"}, "destination", "We know no city or airport called “qqqqqq”."),
    ({"departureDate": ""}, "departureDate", "Choose the day you leave"),
    ({"departureDate": "2020-01-01"}, "departureDate", "This date has passed."),
    ({"departureDate": "2099-01-01", "trip": "oneway"}, "departureDate", "up to 330 days ahead"),
    ({"returnDate": "soon"}, "returnDate", "Choose the day you fly back"),
    ({"adults": "x"}, "adults", "Enter a number from 0 to 9."),
    ({"infants": "2"}, "infants", "no more infants than adults"),
    ({"adults": "9", "infants": "1"}, "adults", "up to 9 travellers"),
    ({"children": "2", "childAges": "4"}, "age2", "Choose the age of child 2"),
    ({"children": "2", "age1": "4", "age2": ""}, "age2", "Choose the age of child 2"),
    ({"children": "1", "childAges": "1"}, "age1", "Child 1 must be 2 to 17 years old"),
    ({"destination": "EWR", "origin": "NYC"}, "destination", "differs from the place you start from"),
])
def test_each_mistake_is_named_and_nothing_typed_is_lost(client: Client, searches: list[Any], changes: dict[str, str],
                                                         field: str, text: str) -> None:
    sent = asked(**changes)
    page = read(client.get("/flights", sent))
    assert text in page.text
    assert page.source.split("<title>")[1].startswith("Error: ")
    assert any(tag.get("href") == f"#{field}" for tag in page.all("a"))
    marked = [tag for name in ("input", "select") for tag in page.all(name) if tag.get("aria-invalid") == "true"]
    assert [tag["id"] for tag in marked] == [field]
    assert page.one("input", id="departureDate")["value"] == sent["departureDate"]
    assert searches == []


def test_somebody_in_honolulu_may_still_search_their_own_today(client: Client, searches: list[Any],
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    late = clock.now().replace(hour=8, minute=0)  # 22:00 of the day before in Honolulu
    monkeypatch.setattr("fly2any.kernel.clock.now", lambda: late)
    today = (late - timedelta(days=1)).date()
    sent = {**asked(origin="HNL", destination="LAX", trip="oneway"), "departureDate": today.isoformat()}
    assert client.get("/flights", sent).status_code == 302
    assert read(client.get("/")).one("input", id="departureDate")["min"] == today.isoformat()
    gone = read(client.get("/flights", {**sent, "departureDate": (today - timedelta(days=1)).isoformat()}))
    assert "This date has passed." in gone.text
    assert len(searches) == 1


def test_a_name_with_several_meanings_is_asked_about(client: Client, searches: list[Any]) -> None:
    page = read(client.get("/flights", asked(origin="london")))
    assert "Which “london” did you mean?" in page.text
    values = [tag["value"] for tag in page.all("input", type="radio", name="origin")]
    assert values[:2] == ["LON", "LHR"]
    assert not [tag for tag in page.all("input", type="radio") if "checked" in tag]
    kept = {tag["name"]: tag["value"] for tag in page.all("input", type="hidden")}
    assert kept["destination"] == "LHR"
    assert "origin" not in kept
    assert searches == []


def test_a_search_gets_an_address_of_its_own(client: Client, searches: list[Any]) -> None:
    there = client.get("/flights", asked(destination="Heathrow (LHR)")).headers["Location"]
    assert len(searches) == 1
    query = parse_qs(urlsplit(there).query)
    assert (query["origin"], query["destination"]) == (["JFK"], ["LHR"])
    assert client.get(there).status_code == 200
    assert len(searches) == 1, "reloading asks nobody again"
    changed = there.replace(query["departureDate"][0], (clock.now().date() + timedelta(days=20)).isoformat())
    assert client.get(changed).status_code == 302
    assert len(searches) == 2, "another day is another search"


def test_somebody_elses_search_is_never_shown(client: Client, searches: list[Any]) -> None:
    there = client.get("/flights", asked()).headers["Location"]
    stranger = Client()
    assert stranger.get(there).status_code == 302
    assert len(searches) == 2


def test_results_reload_themselves_ten_times_without_javascript(client: Client, searches: list[Any]) -> None:
    there = client.get("/flights", asked()).headers["Location"]
    source = client.get(there).content.decode()
    assert '<noscript><meta http-equiv="refresh" content="3;url=?' in source
    assert "n=1" in source
    assert "http-equiv" not in client.get(f"{there}&n=10").content.decode()
    Search.objects.update(complete=True)
    assert "http-equiv" not in client.get(there).content.decode()


def test_tabs_sort_and_the_operating_airline_stands_beside_its_flight(client: Client, searches: list[Any]) -> None:
    there = client.get("/flights", asked()).headers["Location"]
    search = Search.objects.get()
    add_offer(search, 1, total=30000, minutes=900)
    add_offer(search, 2, total=90000, minutes=400)
    Search.objects.update(complete=True)
    cheapest = read(client.get(f"{there}&sort=cheapest")).text
    fastest = read(client.get(f"{there}&sort=fastest")).text
    assert cheapest.index("AA 1 Operated by British Airways") < cheapest.index("AA 2 Operated by British Airways")
    assert fastest.index("AA 2 Operated by British Airways") < fastest.index("AA 1 Operated by British Airways")
    for text in (cheapest, fastest):
        assert "Best USD" in text
        assert "300.00" in text


def test_filters_leave_out_and_can_be_cleared(client: Client, searches: list[Any]) -> None:
    there = client.get("/flights", asked()).headers["Location"]
    search = Search.objects.get()
    add_offer(search, 1, total=30000, minutes=900, carrier="AA")
    add_offer(search, 2, total=90000, minutes=400, carrier="BB")
    page = read(client.get(f"{there}&without=AA"))
    assert "1 of 2 flights found" in page.text
    assert "AA 1 Operated" not in page.text
    nothing = read(client.get(f"{there}&hours=1&stops=banana&leave=x-y&page=-3"))
    assert "Clear all" in nothing.text


def test_no_flight_offers_the_days_around(client: Client, searches: list[Any]) -> None:
    there = client.get("/flights", asked()).headers["Location"]
    Search.objects.update(complete=True, outcome={"duffel": {"state": "done", "offers": 0, "code": ""}})
    page = read(client.get(there))
    assert "No flights found" in page.text
    day_before = (clock.now().date() + timedelta(days=29)).isoformat()
    assert any(f"departureDate={day_before}" in tag.get("href", "") for tag in page.all("a"))
    assert "London, all airports (LON)" in page.text
