"""Step 1: fares side by side, bags, cover; nothing is chosen for anybody, and nothing that was chosen is lost in silence."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from bookings.models import Booking
from bookings.selectors import fares
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from suppliers.models import Offer, Search
from tests.pages.html import read
from tests.pages.planes import COVER, party, plane, service
from tests.trail.rows import offer_json

pytestmark = pytest.mark.django_db(transaction=True)
BAG = "q-baggage.0.0.checked_23"
SECOND = "q-baggage.1.0.checked_23"


@pytest.fixture(autouse=True)
def planes(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The seats on sale, asked from nobody."""
    maps = [plane()]
    monkeypatch.setattr("bookings.drafts.offers._fetch_seats", lambda offer: maps)
    return maps


@pytest.fixture
def trip(principal: str) -> Booking:
    """Two adults; bags for both, cover for all."""
    bags = (service("ase_1"), service("ase_2", who=("pas_2",), minor=6500, most=1))
    return party(principal, "adult", "adult", services=(*bags, COVER))


def at(booking: Booking) -> str:
    return f"/checkout/{booking.public_id}/extras"


def flex(booking: Booking, **more: Any) -> Offer:
    """The same flights in a dearer fare, of the same search."""
    search = booking.offer.search or Search.objects.create(principal=booking.principal, query={
        "legs": [{"origin": "JFK", "destination": "LHR", "date": "2026-12-20"}], "adults": 2, "child_ages": [],
        "infants": 0, "cabin": "economy", "max_connections": None}, outcome={}, complete=True)
    own = booking.offer
    raw = deepcopy(own.priced) | {"external_id": "off_flex", **more}
    raw["slices"][0]["brand"] = "Main Cabin Flexible"
    raw["total"]["minor"] = own.total_minor + 10000
    own.search = search
    own.save()
    return Offer.objects.create(principal=own.principal, supplier="duffel", external_id="off_flex", search=search,
                                request_id="orq_1", total_minor=own.total_minor + 10000, currency="USD", searched=raw,
                                priced=raw, priced_at=clock.now(), expires_at=own.expires_at)


def test_no_extra_is_chosen_for_anybody(guest: Client, trip: Booking) -> None:
    page = read(guest.get(at(trip)))
    assert [tag["name"] for tag in page.all("input") if "checked" in tag] == ["fare"], "the fare they came with"
    assert not [tag for tag in page.all("option") if "selected" in tag]
    assert [tag["value"] for tag in page.all("option")] == ["0", "1", "2", "0", "1"], "up to the supplier's maximum"
    assert trip.selections.count() == 0
    for text in ("599.99", "Additional airline baggage fees may apply", "Traveller 1 (adult) Included: 1 carry-on bag "
                 "and 1 checked bag", "USD 60.00 each, 2 at most", "the airline assigns"):
        assert text in page.text


def test_the_server_adds_up_what_was_chosen(guest: Client, trip: Booking) -> None:
    chosen = {BAG: "2", SECOND: "1", "cover-cancel_for_any_reason.all.0.": "yes", "then": "stay"}
    assert guest.post(at(trip), chosen).headers["Location"] == at(trip)
    page = read(guest.get(at(trip)))
    assert "874.99" in page.text  # 599.99 + 2 × 60 + 65 + 90
    assert [tag["value"] for tag in page.all("option") if "selected" in tag] == ["2", "1"]
    assert [tag["value"] for tag in page.all("input") if "checked" in tag][1:] == ["yes"]
    assert guest.post(at(trip), {**chosen, "then": "go"}).headers["Location"].endswith("/passengers")
    assert guest.post(at(trip), {**chosen, "then": "seats-1"}).headers["Location"].endswith("/seats/1")
    guest.post(at(trip), {"then": "stay"})
    assert trip.selections.count() == 0


@pytest.mark.parametrize(("field", "value", "said"), [
    (BAG, "3", "choose a number from 0 to 2"), (BAG, "-1", "choose a number from 0 to 2"),
    (BAG, "999", "choose a number"), (BAG, "abc", "choose a number"), (BAG, "٢", "choose a number"),
    (BAG, "<script>", "choose a number"), (SECOND, "2", "choose a number from 0 to 1"),
    ("q-baggage.0.0.checked_32", "1", "Checked bag, up to 32 kg for traveller 1 is not sold with this fare"),
    ("q-nonsense", "1", "One of the extras is not sold"), ("q-seat.0.0.14C", "1", "is not sold with this fare")])
def test_a_wrong_number_is_named_and_nothing_is_lost(guest: Client, trip: Booking, field: str, value: str,
                                                     said: str) -> None:
    good = SECOND if field != SECOND else BAG
    response = guest.post(at(trip), {field: value, good: "1", "then": "go"})
    page = read(response)
    assert response.status_code == 422
    assert said in page.text
    assert page.source.split("<title>")[1].startswith("Error: ")
    assert [tag["value"] for tag in page.all("option") if "selected" in tag][-1] in ("1", "2"), "the good choice is kept"
    assert trip.selections.count() == 0
    links = {tag["href"][1:] for tag in page.all("a") if tag.get("href", "").startswith("#")} - {"main"}
    assert links <= {tag.get("id") for tag in page.all("select")}


def test_the_cover_says_what_it_pays_until_when_and_under_which_terms(guest: Client, trip: Booking) -> None:
    page = read(guest.get(at(trip)))
    for text in ("you get back USD 450.00 of the USD 599.99", "Not paid back: USD 149.99",
                 "by Sat 19 Dec 2026, 19:00 (New York time)", "If you choose neither, you have no cover."):
        assert text in page.text, text
    assert list(page.all("a", href="https://example.org/terms", rel="noopener"))
    assert not [tag for tag in page.all("input", name="cover-cancel_for_any_reason.all.0.") if "checked" in tag]


def test_fares_stand_side_by_side_with_the_same_facts(guest: Client, trip: Booking) -> None:
    other = flex(trip, change={"allowed": True, "fee": {"minor": 0, "currency": "USD"}},
                 refund={"allowed": True, "fee": None})
    page = read(guest.get(at(trip)))
    assert [tag["value"] for tag in page.all("input", name="fare")] == [str(trip.offer_id), str(other.pk)]
    for text in ("Main Cabin Standard USD 599.99 Your fare now", "Main Cabin Flexible Flex USD 699.99 USD 100.00 more",
                 "Changes USD 75.00 fee Refund Not allowed", "Changes Free Refund Allowed, the airline sets the fee",
                 "Carry-on bags Not included Checked bags Not included"):
        assert text in page.text, text


@pytest.mark.parametrize(("brand", "change", "plain"), [
    ("Basic Economy", None, "Basic"), ("ECONOMY LIGHT", None, "Basic"), ("Main Cabin", None, "Standard"),
    ("Economy Flex", {"allowed": True, "fee": {"minor": 0, "currency": "USD"}}, "Flex"),
    ("Economy Flex", {"allowed": True, "fee": {"minor": 5000, "currency": "USD"}}, ""), ("Business", None, "Business"),
    ("Main Select", None, ""), ("", None, "")])
def test_a_fare_is_put_in_plain_words_only_where_known(brand: str, change: Any, plain: str) -> None:
    raw = offer_json("off_1") | {"change": change}
    raw["slices"][0]["brand"] = brand
    assert fares.plain_class(raw) == plain


def test_another_fare_keeps_what_it_sells_and_names_what_it_does_not(guest: Client, trip: Booking) -> None:
    other = flex(trip, services=[service("ase_9", minor=5000), service("ase_8", who=("pas_2",), minor=6500, most=1)])
    guest.post(at(trip), {BAG: "2", "cover-cancel_for_any_reason.all.0.": "yes", "then": "stay"})
    answer = guest.post(at(trip), {"fare": str(other.pk), BAG: "1", SECOND: "1", "then": "go",
                                   "cover-cancel_for_any_reason.all.0.": "yes"})
    moved = Booking.objects.get(offer=other)
    assert answer.headers["Location"] == at(moved), "what was lost is shown before anything else"
    page = read(guest.get(at(moved)))
    assert "Cancel for any reason is not sold with Main Cabin Flexible and was taken out." in page.text
    assert "Checked bag, up to 23 kg for traveller 1 now costs USD 50.00 instead of USD 60.00." in page.text
    assert [(item.detail, item.quantity, item.service_external_id) for item in moved.selections.order_by("pk")] == [
        ("checked 23", 1, "ase_9"), ("checked 23", 1, "ase_8")]
    assert "814.99" in page.text  # 699.99 + 50 + 65
    assert guest.get(at(trip)).status_code == 200, "the other tab keeps its own draft"
    assert guest.post(at(moved), {"fare": str(trip.offer_id), "then": "stay"}).headers["Location"] == at(trip)
    assert Booking.objects.count() == 2, "back and forth makes no more drafts"


def test_a_fare_of_other_flights_is_refused(guest: Client, trip: Booking) -> None:
    other = flex(trip)
    other.searched["slices"][0]["segments"][0]["flight_number"] = "1"
    other.save()
    assert guest.post(at(trip), {"fare": str(other.pk)}).status_code == 404
    assert guest.post(at(trip), {"fare": "nonsense"}).status_code == 404
    assert Booking.objects.count() == 1


def _asked(monkeypatch: pytest.MonkeyPatch, trip: Booking, change: Any) -> None:
    """The supplier is asked now and answers with `change` made to the picture, or raises it."""
    def priced(offer: Offer, now: Any) -> Offer:
        if isinstance(change, Exception):
            raise change
        offer.priced = change(deepcopy(offer.priced))
        offer.priced_at, offer.total_minor = now, offer.priced["total"]["minor"]
        offer.save()
        return offer

    monkeypatch.setattr("bookings.drafts.booking.priced", priced)


def test_new_ids_prices_and_losses_are_followed_and_named(guest: Client, trip: Booking,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    guest.post(at(trip), {BAG: "2", SECOND: "1", "then": "stay"})

    def change(raw: dict[str, Any]) -> dict[str, Any]:
        raw["services"] = [service("ase_new", minor=6600)]
        raw["total"]["minor"] += 100
        return raw

    _asked(monkeypatch, trip, change)
    page = read(guest.get(at(trip)))
    for text in ("Checked bag, up to 23 kg for traveller 2 is no longer sold and was taken out.",
                 "Checked bag, up to 23 kg for traveller 1 now costs USD 66.00 instead of USD 60.00.",
                 "The airline raised the fare from USD 599.99 to USD 600.99.",
                 "The total is now USD 732.99 instead of USD 784.99."):
        assert text in page.text, text
    assert trip.selections.get().service_external_id == "ase_new"
    _asked(monkeypatch, trip, lambda raw: raw)
    assert "for traveller 2 is no longer sold" in read(guest.get(at(trip))).text, "a reload forgets nothing"
    guest.post(at(trip), {BAG: "2", "then": "stay"})
    assert "What changed" not in read(guest.get(at(trip))).text


def test_a_form_of_before_still_counts_after_new_ids(guest: Client, trip: Booking) -> None:
    offer = trip.offer
    for item in offer.priced["services"]:
        item["external_id"] += "_again"
    offer.save()
    assert guest.post(at(trip), {BAG: "1", "then": "stay"}).status_code == 302
    assert trip.selections.get().service_external_id == "ase_1_again"


def test_the_page_opens_while_the_airline_is_away(guest: Client, trip: Booking,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    away = Problem("supplier_down", "away", status=503)
    _asked(monkeypatch, trip, away)

    def no_seats(offer: Offer) -> None:
        raise away

    monkeypatch.setattr("bookings.drafts.offers._fetch_seats", no_seats)
    response = guest.get(at(trip))
    page = read(response)
    assert response.status_code == 200
    for text in ("We can't reach the airline right now.", "We can't look at the seats right now.", "599.99",
                 "Checked bag, up to 23 kg"):
        assert text in page.text


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_fare_that_ran_out_leads_to_a_fresh_search(guest: Client, trip: Booking, method: str) -> None:
    flex(trip)
    guest.post(at(trip), {BAG: "1", "then": "stay"})
    Offer.objects.filter(pk=trip.offer_id).update(expires_at=clock.now() - timedelta(seconds=1))
    response = getattr(guest, method)(at(trip))
    page = read(response)
    assert response.status_code == 410
    assert "This fare is no longer available. You have not been charged." in page.text
    link = next(tag["href"] for tag in page.all("a") if "/flights?" in tag.get("href", ""))
    assert "origin=JFK" in link
    assert "&s=" not in link, "a new search, not the old one"
    assert "Checked bag, up to 23 kg" in page.text, "what was chosen is still to be read"


def test_without_a_map_the_airline_assigns(guest: Client, trip: Booking, planes: list[Any]) -> None:
    planes.clear()
    assert "No seat can be chosen on this flight. A seat will be assigned by the airline." in read(guest.get(at(trip))).text
    assert "A seat will be assigned by the airline" in read(guest.get(at(trip).replace("extras", "seats/1"))).text
