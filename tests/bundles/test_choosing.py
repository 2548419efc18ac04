"""A bundle on the page and through the API: nothing chosen for anybody, exact sums, ordinary extras afterwards."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bookings import bundles, selectors
from bookings.bundles import history, ranking
from bookings.models import Booking, BundleExample, BundleModel, BundleShown
from fly2any.kernel import clock
from suppliers.models import Offer, Search
from tests.bundles.sold import bag, cover, plan, row
from tests.bundles.test_learning import stored_columns, weights
from tests.pages.conftest import TOKEN, draft, guest, principal  # noqa: F401
from tests.pages.html import read
from tests.pages.travel import make
from tests.trail.rows import offer_json

pytestmark = pytest.mark.django_db(transaction=True)
NO_BAGS = {"bags": []}


@pytest.fixture(autouse=True)
def fresh() -> Any:
    ranking.forget()
    yield
    ranking.forget()


@pytest.fixture
def maps(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """One flight whose two seats in row 14 cost 18.00; asked from nobody. Tests may change the list."""
    found = [plan(row(14, ["pas_1"], "99/x9", unit=200))]
    monkeypatch.setattr("bookings.drafts.offers._fetch_seats", lambda offer: found)
    return found


@pytest.fixture
def trip(principal: str, maps: list[Any]) -> Booking:  # noqa: F811
    """A draft whose fare has no bag; a bag costs 60.00, cover 90.00."""
    return new(principal)


def new(principal: str, **more: Any) -> Booking:  # noqa: F811
    raw = offer_json("x")
    raw["slices"][0]["segments"][0]["bags"] = []
    words = {"services": [bag("ase_bag", "pas_1", ["seg_1"], 6000), cover(["pas_1"], ["seg_1"], 9000)],
             "slices": raw["slices"], **more}
    made = make(principal, offer=words, wish="draft", status="DRAFT", wished_at=None, accepted_minor=0,
                contact_email="", contact_phone="")
    made.passengers.all().delete()
    return made


def flexible_twin(booking: Booking, total_minor: int = 67999) -> Offer:
    """Another fare of the same flights in the same search, which may be changed and refunded."""
    search = Search.objects.create(principal=booking.principal, query={
        "legs": [{"origin": "JFK", "destination": "LHR", "date": "2026-12-20"}], "adults": 1, "child_ages": [],
        "infants": 0, "cabin": "economy", "max_connections": None})
    Offer.objects.filter(pk=booking.offer_id).update(search=search)
    raw = json.loads(json.dumps({**booking.offer.searched, "external_id": "off_flex"}))
    allowed = {"allowed": True, "fee": None}
    raw |= {"change": allowed, "refund": {"allowed": True, "fee": {"minor": 0, "currency": "USD"}},
            "total": {"minor": total_minor, "currency": "USD"}, "services": []}
    raw["slices"][0]["brand"] = "Main Cabin Flexible"
    booking.refresh_from_db()
    return Offer.objects.create(
        search=search, principal=booking.principal, supplier="duffel", external_id="off_flex", request_id="orq_flex",
        total_minor=total_minor, currency="USD", expires_at=booking.offer.expires_at, searched=raw, priced=raw,
        priced_at=clock.now())


def at(booking: Booking, step: str = "extras") -> str:
    return f"/checkout/{booking.public_id}/{step}"


def shown(booking: Booking) -> dict[str, dict[str, Any]]:
    booking.refresh_from_db()
    return {item["key"]: item for item in bundles.present_draft(booking, clock.now())}


# --- what is offered --------------------------------------------------------------------------------------------


def test_each_bundle_costs_exactly_its_parts(trip: Booking) -> None:
    found = shown(trip)
    prices = {key: item["price"]["minor"] for key, item in found.items()}
    assert prices == {"light": 0, "bag": 6000, "bag_seat": 7800, "flexible": 9000, "complete": 16800}
    for item in found.values():
        assert sum(part["price"]["minor"] for part in item["parts"]) == item["price"]["minor"]
        assert item["total"]["minor"] == 59999 + item["price"]["minor"]
    assert [part["notes"] for part in found["complete"]["parts"]] == [
        ["Up to 23 kg each"], ["JFK–LHR: 14A"], ["Its terms say what you get back."]]


@pytest.mark.parametrize(("missing", "left"), [
    ("seats", {"light", "bag", "flexible"}), ("bag", {"light", "flexible"}), ("cover", {"light", "bag", "bag_seat"}),
    ("all", set())])
def test_a_bundle_with_a_missing_part_is_not_shown(principal: str, maps: list[Any], missing: str,  # noqa: F811
                                                   left: set[str]) -> None:
    services = {"bag": [cover(["pas_1"], ["seg_1"], 9000)], "cover": [bag("ase_bag", "pas_1", ["seg_1"], 6000)],
                "all": []}
    if missing in ("seats", "all"):
        maps.clear()
    booking = new(principal, **({"services": services[missing]} if missing in services else {}))
    assert set(shown(booking)) == left


def test_an_included_bag_is_named_and_not_paid_twice(principal: str, maps: list[Any]) -> None:  # noqa: F811
    found = shown(new(principal, slices=offer_json("x")["slices"]))
    assert "bag" not in found
    assert found["bag_seat"]["price"]["minor"] == 1800
    assert [(part["what"], part["included"]) for part in found["bag_seat"]["parts"]] == [("bag", True), ("seat", False)]


def test_the_number_of_queries_does_not_grow_with_what_is_sold(principal: str, maps: list[Any]) -> None:  # noqa: F811
    booking = new(principal)
    flex = flexible_twin(booking)

    def asked() -> int:
        fresh = Booking.objects.select_related("offer").get(pk=booking.pk)
        with CaptureQueriesContext(connection) as found:
            assert {item["key"] for item in bundles.offered(fresh, maps)} >= {"bag_seat", "flexible"}
        return len(found)

    before = asked()
    for number in range(9):
        raw = {**flex.searched, "external_id": f"off_twin_{number}"}
        Offer.objects.create(search=flex.search, principal=principal, supplier="duffel", external_id=f"off_twin_{number}",
                             request_id=f"orq_{number}", total_minor=70000 + number, currency="USD", searched=raw,
                             expires_at=flex.expires_at)
    assert asked() == before <= 5


# --- choosing on the page ---------------------------------------------------------------------------------------


def test_the_page_shows_every_part_and_chooses_nothing(guest: Client, trip: Booking) -> None:  # noqa: F811
    page = read(guest.get(at(trip)))
    buttons = [tag for tag in page.all("button") if tag.get("name") == "bundle"]
    assert len(buttons) == 5
    assert {tag["form"] for tag in buttons} == {"bundle-form"}, "outside the form of the single extras"
    for text in ("Choose Light, no extras", "Choose Bag, USD 60.00 more", "Choose Bag + seat, USD 78.00 more",
                 "JFK–LHR: 14A", "USD 677.99", "Each costs exactly what its parts cost"):
        assert text in page.text, text
    assert "opular" not in page.text
    assert "save" not in page.source[page.source.index('id="bundles"'):page.source.index('id="bags-title"')].lower()
    assert trip.selections.count() == 0


def test_choosing_sets_ordinary_extras_that_can_be_taken_out(guest: Client, trip: Booking) -> None:  # noqa: F811
    choice = shown(trip)["bag_seat"]["choice"]
    answer = guest.post(at(trip, "bundle"), {"bundle": choice})
    assert answer.headers["Location"] == at(trip) + "#bundles"
    trip.refresh_from_db()
    kept = {(item.kind, item.detail, item.unit_minor) for item in trip.selections.all()}
    assert kept == {("baggage", "checked 23", 6000), ("seat", "14A", 1800)}
    assert selectors.booking_view(trip)["price"]["total"]["minor"] == 59999 + 7800
    page = read(guest.get(at(trip)))
    assert "In your booking now" in page.text
    light = shown(trip)["light"]["choice"]
    guest.post(at(trip, "bundle"), {"bundle": light})
    assert trip.selections.count() == 0


def test_what_has_changed_since_it_was_shown_is_not_bought(guest: Client, trip: Booking, maps: list[Any]) -> None:  # noqa: F811
    choice = shown(trip)["bag_seat"]["choice"]
    maps[:] = [plan(row(14, ["pas_1"], "x9/x9", unit=500))]  # 14A is gone, the next one is dearer
    answer = guest.post(at(trip, "bundle"), {"bundle": choice})
    assert answer.headers["Location"] == at(trip) + "?bundle=changed#bundles"
    assert trip.selections.count() == 0
    page = read(guest.get(at(trip) + "?bundle=changed"))
    assert "Nothing was added" in page.text


@pytest.mark.parametrize("sent", ["", "nonsense", "bag.000000000000", "bag_seat.", "light.x" * 50, "bäg"])
def test_nonsense_buys_nothing(guest: Client, trip: Booking, sent: str) -> None:  # noqa: F811
    answer = guest.post(at(trip, "bundle"), {"bundle": sent})
    assert answer.status_code == 302
    if sent != "bag_seat.":  # a kind with an empty mark means the kind as it is now
        assert trip.selections.count() == 0


def test_strangers_find_no_draft(client: Client, trip: Booking) -> None:
    assert client.post(at(trip, "bundle"), {"bundle": "bag"}).status_code == 404
    assert trip.selections.count() == 0


def test_a_dearer_flexible_fare_gives_way_to_cover_and_a_cheaper_one_is_taken(guest: Client, trip: Booking) -> None:  # noqa: F811
    flex = flexible_twin(trip, 67999)
    found = shown(trip)["flexible"]
    assert (found["price"]["minor"], found["changesFare"]) == (8000, True)
    assert found["parts"][0]["label"] == "Fare Main Cabin Flexible"
    answer = guest.post(at(trip, "bundle"), {"bundle": found["choice"]})
    other = Booking.objects.get(offer=flex)
    assert answer.headers["Location"] == at(other) + "#bundles"
    assert (other.fare_minor, other.selections.count()) == (67999, 0)
    Offer.objects.filter(pk=flex.pk).update(total_minor=69000)
    assert (shown(trip)["flexible"]["price"]["minor"], shown(trip)["flexible"]["changesFare"]) == (9000, False)


# --- popular ----------------------------------------------------------------------------------------------------


def active_model(source: str = "real") -> None:
    BundleModel.objects.create(version=1, created_at=clock.now(), source=source, examples=5000, features_version=1,
                               features=stored_columns(), weights=weights("bag"), metrics={}, active=True,
                               verdict="beats the rules", good_enough=True)


@pytest.mark.parametrize(("source", "said"), [
    ("real", "Popular with trips like yours"),
    ("made up", "Popular with trips like yours (test: learned from made-up trips)")])
def test_popular_is_said_once_and_only_of_what_a_model_put_first(guest: Client, trip: Booking, source: str,  # noqa: F811
                                                                said: str) -> None:
    active_model(source)
    page = read(guest.get(at(trip)))
    assert page.text.count("Popular with trips like yours") == 1
    assert f"Bag {said} 1 checked bag" in page.text
    assert list(shown(trip))[0] == "bag"
    assert {item["rankedBy"] for item in shown(trip).values()} == {"model"}


# --- what is kept for learning ----------------------------------------------------------------------------------


def confirm(booking: Booking) -> None:
    Booking.objects.filter(pk=booking.pk).update(status="CONFIRMED", wish="book", wished_at=clock.now())


def test_a_confirmed_booking_becomes_one_example_without_a_link(guest: Client, trip: Booking) -> None:  # noqa: F811
    guest.get(at(trip))
    guest.post(at(trip, "bundle"), {"bundle": shown(trip)["bag_seat"]["choice"]})
    now = clock.now()
    assert history.collect(now) == {"examples": 0, "shown": 0, "forgotten": 0}, "not before it is confirmed"
    confirm(trip)
    assert history.collect(now)["examples"] == 1
    assert history.collect(now)["examples"] == 0
    assert BundleShown.objects.count() == 0
    row = BundleExample.objects.get()
    order = [item["key"] for item in bundles.offered(trip, [plan(row_of())])]
    assert (row.source, row.day, row.chosen, row.ranker) == ("real", now.date(), "bag_seat", "rules")
    assert (row.offered, row.position) == (order, order.index("bag_seat"))
    assert {field.name for field in BundleExample._meta.fields} == {
        "id", "source", "day", "features", "features_version", "offered", "ranker", "chosen", "position"}
    told = json.dumps(row.features)
    for private in ("JFK", "LHR", "2026", "guest", trip.reference):
        assert private not in told


def row_of() -> Any:
    return row(14, ["pas_1"], "99/x9", unit=200)


def test_the_flexible_fare_taken_through_a_bundle_is_learned_as_flexible(guest: Client, trip: Booking) -> None:  # noqa: F811
    flex = flexible_twin(trip)
    guest.get(at(trip))
    guest.post(at(trip, "bundle"), {"bundle": shown(trip)["flexible"]["choice"]})
    other = Booking.objects.get(offer=flex)
    guest.get(at(other))
    confirm(other)
    history.collect(clock.now())
    assert BundleExample.objects.get().chosen == "flexible"


def test_drafts_and_examples_are_forgotten_in_time(guest: Client, trip: Booking) -> None:  # noqa: F811
    guest.get(at(trip))
    BundleExample.objects.create(source="real", day=clock.now().date() - timedelta(days=724), features={},
                                 features_version=1, offered=["light"], ranker="rules")
    assert history.collect(clock.now() + timedelta(days=6))["shown"] == 0
    assert history.collect(clock.now() + timedelta(days=8)) == {"examples": 0, "shown": 1, "forgotten": 1}


def test_a_page_is_shown_even_when_nothing_can_be_kept(guest: Client, trip: Booking,  # noqa: F811
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import DatabaseError

    def broken(*args: Any, **more: Any) -> None:
        raise DatabaseError("full")

    monkeypatch.setattr("bookings.bundles.history.BundleShown.objects.bulk_create", broken)
    assert guest.get(at(trip)).status_code == 200


# --- through the API --------------------------------------------------------------------------------------------


def put(guest: Client, booking: Booking, body: dict[str, Any]) -> Any:  # noqa: F811
    return guest.put(f"/api/checkout/{booking.public_id}/customize", body, content_type="application/json")


def test_the_api_offers_and_takes_a_bundle(guest: Client, trip: Booking) -> None:  # noqa: F811
    told = put(guest, trip, {"services": []}).json()["draft"]["bundles"]
    wanted = next(item for item in told if item["key"] == "bag")
    assert (wanted["title"], wanted["rankedBy"], wanted["price"]["amount"]) == ("Bag", "rules", "60.00")
    answer = put(guest, trip, {"bundle": wanted["choice"]})
    assert answer.status_code == 200, answer.content
    assert answer.json()["draft"]["price"]["total"]["amount"] == "659.99"
    assert [item["chosen"] for item in answer.json()["draft"]["bundles"] if item["key"] == "bag"] == [True]
    refused = put(guest, trip, {"bundle": "bag.000000000000"})
    assert (refused.status_code, refused.json()["code"]) == (409, "bundle_changed")
    assert trip.selections.count() == 1, "what was chosen before stays"


@pytest.mark.parametrize("body", [{}, {"services": [], "bundle": "bag"}, {"bundle": "Bag!"}])
def test_the_api_takes_either_services_or_a_bundle(guest: Client, trip: Booking, body: dict[str, Any]) -> None:  # noqa: F811
    assert put(guest, trip, body).status_code == 400
