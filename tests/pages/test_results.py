"""The page of results: what a card says, filters as links and form, its states, days around, airports nearby."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.cache import cache
from django.test import Client

from bookings import drafts
from bookings.checkout import search_form
from bookings.selectors import lines, sorting
from fly2any.kernel import clock
from suppliers import nearby, registry
from suppliers.models import Offer, Search
from suppliers.stored import offer_from_json
from suppliers.types import Leg, SearchQuery
from tests.doors.test_listing import picture
from tests.pages.html import Page, read
from tests.trail.rows import place

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def query(days: int = 30, **more: Any) -> SearchQuery:
    return SearchQuery((Leg("JFK", "LHR", clock.now().date() + timedelta(days=days)),), **more)


def stock(principal: str, pictures: list[dict[str, Any]], *, asked: SearchQuery | None = None, state: str = "done",
          **more: Any) -> str:
    """A search of this visitor with these offers; answers its address."""
    asked = asked or query()
    legs = [{"origin": leg.origin, "destination": leg.destination, "date": leg.date.isoformat()} for leg in asked.legs]
    search = Search.objects.create(
        principal=principal, complete=True, query={"legs": legs, "adults": asked.adults, "child_ages": [],
                                                   "infants": 0, "cabin": "economy"},
        outcome={"duffel": {"state": state, "offers": len(pictures), "code": ""}})
    for raw in pictures:
        Offer.objects.create(
            search=search, principal=principal, supplier="duffel", external_id=raw["external_id"], request_id="orq",
            total_minor=raw["total"]["minor"], currency=raw["total"]["currency"], searched=raw,
            brief=lines.brief(raw), expires_at=clock.now() + timedelta(minutes=20))
    Search.objects.filter(pk=search.pk).update(**more)
    return search_form.address(asked, s=search.pk)


def links(page: Page) -> dict[str, str]:
    return {tag["href"]: "" for tag in page.all("a") if "href" in tag}


# --- cards ------------------------------------------------------------------------------------------------------------


def test_a_card_says_everything_without_being_opened(guest: Client, principal: str) -> None:
    raw = picture(6143, total=123450, via="KEF", emissions_kg="800")
    first, second = raw["slices"][0]["segments"]
    first["operating_name"] = "British Airways Plc"
    second["origin"] = place("RKV", "Reykjavik", "Atlantic/Reykjavik")
    second["arriving_local"] = "2026-12-21T07:05:00"
    raw["passengers"] = [{"external_id": f"pas_{seat}", "kind": "adult", "age": None} for seat in (1, 2)]
    for flight in (first, second):
        flight["bags"] = [{"passenger": f"pas_{seat}", "kind": "carry_on", "quantity": 1} for seat in (1, 2)]
    page = read(guest.get(stock(principal, [raw], asked=query(adults=2))))
    for text in ("AA 6143 Operated by British Airways Plc", "09:30", "07:05", "+1", "6 h 40 min",
                 "1 stop, KEF 1 h 10 min", "Change of airport: arrive at KEF, continue from RKV, 1 h 10 min",
                 "You make your own way between them", "1 carry-on bag per traveller", "Changes: USD 75.00 fee",
                 "Refund: Not allowed", "400 kg CO₂ per person", "for 2 travellers", "USD 617.25 per person"):
        assert text in page.text, text
    assert "1,234.50" in page.text
    assert not any(word in page.text.lower() for word in ("hurry", "last seats", "only a few", "seats left", "selling fast"))


def test_the_fares_of_one_trip_are_one_card(guest: Client, principal: str) -> None:
    page = read(guest.get(stock(principal, [picture(1, total=30000), picture(1, total=45000, brand="Flex"),
                                            picture(1, total=90000, brand="Business")])))
    assert page.source.count('class="card offer"') == 1
    assert "3 fares from USD 300.00" in page.text
    assert "1 flight found" in page.text


def test_prices_with_a_bag_say_what_is_known(guest: Client, principal: str) -> None:
    there = stock(principal, [picture(1, total=30000), picture(2, total=50000, bags=1)])
    page = read(guest.get(f"{there}&pricesWith=bag"))
    assert "Without a checked bag: its price is known in step 1" in page.text
    assert "1 checked bag included" in page.text
    assert page.text.index("500.00") < page.text.index("Without a checked bag")
    assert "step 1" not in read(guest.get(there)).text


# --- filters ----------------------------------------------------------------------------------------------------------


def test_active_filters_are_chips_each_of_which_can_be_taken_away(guest: Client, principal: str) -> None:
    there = stock(principal, [picture(1), picture(2, airline="BA"), picture(3, airline="IB", via="KEF")])
    page = read(guest.get(f"{there}&stops=0&airline=AA&airline=IB&leave1From=6&sort=cheapest"))
    assert "Filters (4)" in page.text
    chips = [tag["href"] for tag in page.all("a", **{"class": "chip"})]
    left = [{name: values for name, values in parse_qs(urlsplit(chip).query).items()
             if name in ("stops", "airline", "leave1From")} for chip in chips]
    assert left == [{"airline": ["AA", "IB"], "leave1From": ["6"]}, {"stops": ["0"], "airline": ["IB"],
                    "leave1From": ["6"]}, {"stops": ["0"], "airline": ["AA"], "leave1From": ["6"]},
                    {"stops": ["0"], "airline": ["AA", "IB"]}]
    assert all("sort=cheapest" in chip for chip in chips)
    for text in ("Direct only", "Only Airline AA", "Only Airline IB", "Flight leaves from 06:00"):
        assert f"Remove filter: {text}" in page.text.replace("  ", " ")
    clear = page.one("a", **{"class": "chip plain-chip"})["href"]
    assert not {"stops", "airline", "leave1From"} & set(parse_qs(urlsplit(clear).query))


def test_the_form_is_a_get_with_counts_and_keeps_search_and_order(guest: Client, principal: str) -> None:
    there = stock(principal, [picture(1), picture(2, via="KEF"), picture(3, via="DUB", airline="BA")])
    page = read(guest.get(f"{there}&sort=fastest&airline=AA"))
    form = page.one("form", id="filters")
    assert (form["method"], form["action"]) == ("get", "/flights")
    hidden = {tag["name"]: tag["value"] for tag in page.all("input", type="hidden")}
    assert (hidden["sort"], hidden["origin"]) == ("fastest", "JFK")
    assert [tag["value"] for tag in page.all("input", name="airline") if "checked" in tag] == ["AA"]
    assert "Direct only 1" in page.text
    assert "At most 1 stop 2" in page.text


def test_nonsense_filters_nothing(guest: Client, principal: str) -> None:
    there = stock(principal, [picture(1)])
    page = read(guest.get(f"{there}&stops=banana&hours=-1&leave1From=25&arrive9Until=3&airline=&via=LONGER&bag=1&page=-3"
                          "&airline=%3Cscript%3E&pricesWith=gold"))
    assert "1 flight found" in page.text
    assert "Clear all" not in page.text


def test_filters_that_leave_nothing_offer_the_way_out(guest: Client, principal: str) -> None:
    there = stock(principal, [picture(1, via="KEF"), picture(2, via="DUB"), picture(3, airline="BA")])
    page = read(guest.get(f"{there}&stops=0&airline=AA"))
    assert "Your filters leave no flight" in page.text
    assert "Drop “Direct only” 2 flights" in page.text
    assert "Drop “Only Airline AA” 1 flight" in page.text


def test_filters_outlive_the_search_they_were_shared_with(guest: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Search.objects.create(principal="guest:x", query={}, complete=True)
    monkeypatch.setattr("bookings.drafts.search", lambda **more: made)
    answer = guest.get(search_form.address(query(), s="0" * 8) + "&stops=0&airline=AA&airline=BA&sort=fastest&n=4")
    asked = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert (asked["stops"], asked["airline"], asked["sort"]) == (["0"], ["AA", "BA"], ["fastest"])
    assert "n" not in asked


# --- pages and states -------------------------------------------------------------------------------------------------


def test_many_flights_come_fifty_to_a_page(guest: Client, principal: str) -> None:
    there = stock(principal, [picture(number, total=30000 + number) for number in range(120)])
    first, last, beyond = (read(guest.get(f"{there}&sort=cheapest&page={number}")) for number in (1, 3, 9))
    assert [page.source.count('class="card offer"') for page in (first, last, beyond)] == [50, 20, 20]
    assert "Show 50 more" in first.text
    assert "Flights 101 to 120 of 120" in last.text
    assert last.source.count('rel="next"') == 0


@pytest.mark.parametrize(("more", "text"), [
    ({"state": "failed"}, "We can't reach the airlines now"),
    ({"state": "done"}, "None of the airlines we ask sells this trip"),
    ({"state": "asking"}, "We can't reach the airlines now")])
def test_nothing_found_says_why(guest: Client, principal: str, more: dict[str, Any], text: str) -> None:
    assert text in read(guest.get(stock(principal, [], **more))).text


def test_lapsed_prices_are_asked_again_with_one_press(guest: Client, principal: str) -> None:
    there = stock(principal, [picture(1), picture(2)])
    Offer.objects.filter(external_id__startswith="off_1").update(expires_at=clock.now())
    assert "Some of these prices have lapsed" in read(guest.get(there)).text
    Offer.objects.update(expires_at=clock.now())
    page = read(guest.get(there))
    assert "These prices have lapsed" in page.text
    assert search_form.address(query()).replace("&", "&amp;") in page.source


def test_our_script_gets_nothing_when_nothing_is_new(guest: Client, principal: str) -> None:
    there = stock(principal, [picture(1)], complete=False, outcome={
        "one": {"state": "done", "offers": 1, "code": ""}, "two": {"state": "asking", "offers": 0, "code": ""}})
    assert guest.get(there, headers={"X-Seen": "1"}).status_code == 204
    news = read(guest.get(there, headers={"X-Seen": "0"}))
    assert "Still asking 1 airline" in news.text
    assert "1 flight found" in news.text
    Search.objects.update(complete=True)
    assert guest.get(there, headers={"X-Seen": "1"}).status_code == 200


def test_one_silent_supplier_is_a_note_and_no_error(guest: Client, principal: str) -> None:
    page = read(guest.get(stock(principal, [picture(1)], outcome={
        "one": {"state": "done", "offers": 1, "code": ""}, "two": {"state": "failed", "offers": 0, "code": "x"}})))
    assert "Some airlines did not answer" in page.text
    assert "1 flight found" in page.text


# --- days and airports around -----------------------------------------------------------------------------------------


class Counter:
    """A supplier that counts who asks, and sells one fare whose price is the day of the month."""

    name = "fake"

    def __init__(self) -> None:
        self.asked: list[SearchQuery] = []

    def search(self, asked: SearchQuery) -> list[Any]:
        self.asked.append(asked)
        raw = picture(len(self.asked), total=100 * asked.legs[0].date.day)
        return [offer_from_json(raw | {"external_id": f"off_{len(self.asked)}"})]


@pytest.fixture
def counter(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    """That supplier; the days' threads are the test's own."""
    class Here:
        def submit(self, work: Any, *args: Any) -> None:
            work(*args)

    settings.DUFFEL_ACCESS_TOKEN = ""
    monkeypatch.setattr("bookings.drafts.days._executor", Here)
    monkeypatch.setattr("bookings.drafts.days.asking.run", lambda asked: [("fake", one.search(asked))])
    monkeypatch.setattr("bookings.drafts.days.connections", type("Nobody", (), {"close_all": lambda self: None})())
    one = Counter()
    with registry.replaced(fake=one):  # type: ignore[arg-type]
        yield one


def test_looking_at_the_days_around_asks_nobody(guest: Client, principal: str, counter: Counter) -> None:
    page = read(guest.get(stock(principal, [picture(1, total=30000)])))
    assert page.text.count("see prices") == 6
    assert counter.asked == []
    around = [search_form.address(query(30 + days)).replace("&", "&amp;") for days in (-3, 3)]
    assert all(address in page.source for address in around)


def test_a_press_asks_for_the_missing_days_once(guest: Client, principal: str, counter: Counter) -> None:
    there = stock(principal, [picture(1, total=1)])
    drafts.days.remember(query(31), [offer_from_json(picture(1, total=77700))], whole=True)
    fields = {**search_form.query_values(query()), "s": parse_qs(urlsplit(there).query)["s"][0]}
    answer = guest.post("/flights/days", fields)
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"{there}#days"
    assert [asked.legs[0].date - query().legs[0].date for asked in counter.asked] == [
        timedelta(days=days) for days in (-3, -2, -1, 2, 3)]
    page = read(guest.get(there))
    assert "USD 777.00" in page.text
    assert f"USD {query(33).legs[0].date.day}.00" in page.text
    assert "see prices" not in page.text
    guest.post("/flights/days", fields)
    assert len(counter.asked) == 5, "known days are not asked again"


def test_pressing_again_and_again_is_slowed_down(guest: Client, counter: Counter) -> None:
    answers = [guest.post("/flights/days", search_form.query_values(query(40 + 10 * number))).status_code
               for number in range(5)]
    assert answers == [302, 302, 302, 302, 429]
    assert len(counter.asked) == 24


def test_days_that_cannot_be_searched_are_left_out() -> None:
    today = clock.now().date()
    assert list(drafts.days.known(query(1), today)) == [-1, 0, 1, 2, 3]
    assert list(drafts.days.known(query(329), today)) == [-3, -2, -1, 0, 1]


def test_a_day_without_flights_is_known_only_when_all_have_answered() -> None:
    drafts.days.remember(query(31), [], whole=True)
    drafts.days.remember(query(32), [], whole=False)
    around = drafts.days.known(query(), clock.now().date())
    assert (around[1]["state"], around[2]["state"]) == ("none", "unknown")


def test_airports_nearby_are_of_the_city_or_within_150_km() -> None:
    assert [near.code for near in nearby.around("JFK")][0] == "NYC"
    assert {"PHL"} <= {near.code for near in nearby.around("NYC")}
    assert not {"JFK", "LGA", "EWR"} & {near.code for near in nearby.around("NYC")}
    assert all(near.km <= nearby.REACH_KM for code in ("JFK", "LON", "ZRH", "SYD") for near in nearby.around(code))
    assert {near.code for near in nearby.around("ZRH")} & {"BSL", "MLH", "EAP"}
    assert nearby.around("QQQ") == []
    there = SearchQuery((Leg("JFK", "LHR", query().legs[0].date), Leg("LHR", "JFK", query().legs[0].date)))
    assert [(leg.origin, leg.destination) for leg in nearby.moved(there, "destination", "LGW").legs] == [
        ("JFK", "LGW"), ("LGW", "JFK")]


# --- how we sort ------------------------------------------------------------------------------------------------------


def test_the_weights_are_published_as_they_are_used(client: Client) -> None:
    page = read(client.get("/how-we-sort"))
    weights = (sorting.PRICE_WEIGHT, sorting.DURATION_WEIGHT, sorting.STOPS_WEIGHT)
    assert round(sum(weights), 9) == 1
    assert all(f"{100 * weight:.0f} %" in page.text for weight in weights)
    assert round(sorting.formula(1, 1, 1), 9) == 1
    assert "Which airline it is plays no part" in page.text
