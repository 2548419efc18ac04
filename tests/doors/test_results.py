"""Offers are asked again when they are old; drafts follow today's price; fares of the same flights are siblings."""

from __future__ import annotations

import threading
from copy import deepcopy
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import connection

from bookings import drafts, selectors
from bookings.models import Booking
from bookings.selectors import offers, words
from fly2any.kernel import clock, references
from fly2any.kernel.errors import Problem, Refused, Unavailable
from suppliers import breaker, registry
from suppliers.models import Offer, Search
from suppliers.stored import offer_from_json
from tests.api.shop import CONTACT, offer, person, service_of

pytestmark = pytest.mark.django_db(transaction=True)
ME = "guest:me"


class Shelf:
    """A supplier that answers from memory and counts how often it is asked."""

    name = "duffel"

    def __init__(self) -> None:
        self.pictures: dict[str, Any] = {}
        self.asked = 0
        self.error: Exception | None = None

    def offer(self, offer_id: str, document: str = "") -> Any:
        self.asked += 1
        if self.error:
            raise self.error
        return offer_from_json(self.pictures[offer_id])


@pytest.fixture
def shelf() -> Any:
    breaker.reset()
    one = Shelf()
    with registry.replaced(duffel=one):  # type: ignore[arg-type]
        yield one


def stale(row: Offer) -> Offer:
    """The same offer, priced a minute ago."""
    Offer.objects.filter(pk=row.pk).update(priced_at=clock.now() - timedelta(seconds=60))
    row.refresh_from_db()
    return row


def dearer(row: Offer, by: int) -> dict[str, Any]:
    """The offer as the supplier tells it now: dearer, and with new ids for everything that may get them."""
    picture = deepcopy(row.priced)
    picture["total"]["minor"] += by
    names = {}
    for piece in picture["slices"]:
        for flight in piece["segments"]:
            names[flight["external_id"]] = flight["external_id"] = flight["external_id"] + "_new"
    for item in picture["services"]:
        item["external_id"] += "_new"
        item["segment_ids"] = [f"{name}_new" for name in item["segment_ids"]]
        item["price"]["minor"] += 5
    return picture


def test_an_offer_is_asked_again_only_after_half_a_minute(shelf: Shelf) -> None:
    row = offer()
    drafts.price_offer(offer_id=row.pk, principal=ME, now=clock.now())
    assert shelf.asked == 0
    shelf.pictures[row.external_id] = dearer(stale(row), 700)
    again = drafts.price_offer(offer_id=row.pk, principal=ME, now=clock.now())
    assert (shelf.asked, again.total_minor) == (1, row.total_minor + 700)
    assert Offer.objects.get().request_id == row.request_id


@pytest.mark.parametrize(("error", "status", "code"), [
    (Refused("offer_expired"), 410, "offer_expired"), (Refused("sold_out"), 410, "sold_out"),
    (Unavailable("supplier_busy", retry_after=7), 503, "supplier_busy"),
    (Unavailable("supplier_timeout"), 504, "supplier_timeout")])
def test_a_suppliers_no_in_words_for_the_customer(shelf: Shelf, error: Exception, status: int, code: str) -> None:
    row = stale(offer())
    shelf.error = error
    with pytest.raises(Problem) as told:
        drafts.price_offer(offer_id=row.pk, principal=ME, now=clock.now())
    assert (told.value.status, told.value.code) == (status, code)
    assert ("Retry-After" in told.value.headers) is (status >= 500)
    if code == "supplier_busy":
        assert told.value.headers["Retry-After"] == "7"


def test_extras_survive_new_ids_and_lost_ones_are_named(shelf: Shelf) -> None:
    row, now = offer(kinds="aa"), clock.now()
    bags = [item for item in row.priced["services"] if item["kind"] == "baggage"]
    booking = drafts.start(offer_id=row.pk, principal=ME, user=None, now=now)
    booking = drafts.customize(booking=booking, now=now, choices=[
        {"serviceId": bags[0]["external_id"], "quantity": 1}])
    stale(row)
    shelf.pictures[row.external_id] = dearer(row, 0)
    booking, lost = drafts.refresh(booking=Booking.objects.get(), now=clock.now())
    kept = booking.selections.get()
    assert kept.service_external_id == bags[0]["external_id"] + "_new"
    assert lost == ["Checked bag, up to 23 kg for traveller 1 on ZZ 9902 now costs GBP 20.05 instead of GBP 20.00."]
    assert booking.services_minor == bags[0]["price"]["minor"] + 5
    stale(Offer.objects.get())
    shelf.pictures[row.external_id]["services"] = []
    booking, lost = drafts.refresh(booking=Booking.objects.get(), now=clock.now())
    assert lost == ["Checked bag, up to 23 kg for traveller 1 on ZZ 9902 is no longer sold and was taken out."]
    assert (booking.selections.count(), booking.services_minor) == (0, 0)


def test_a_draft_is_shown_at_todays_price(shelf: Shelf) -> None:
    row, now = offer(), clock.now()
    drafts.start(offer_id=row.pk, principal=ME, user=None, now=now)
    shelf.pictures[row.external_id] = dearer(stale(row), 700)
    booking = drafts.start(offer_id=row.pk, principal=ME, user=None, now=clock.now())
    assert booking.fare_minor == row.total_minor + 700
    assert selectors.booking_view(booking)["price"]["total"]["minor"] == row.total_minor + 700


def test_two_tabs_make_one_draft(shelf: Shelf) -> None:
    row, made = offer(), []
    gate = threading.Barrier(4)

    def tab() -> None:
        gate.wait(10)
        made.append(drafts.start(offer_id=row.pk, principal=ME, user=None, now=clock.now()).pk)
        connection.close()

    threads = [threading.Thread(target=tab) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(made) == 4
    assert Booking.objects.count() == 1


def test_a_taken_reference_is_drawn_again(shelf: Shelf) -> None:
    first = drafts.start(offer_id=offer().pk, principal=ME, user=None, now=clock.now())
    with mock.patch("bookings.drafts.booking.references.new_reference", side_effect=[first.reference, "FLY2A-7KQ2MX"]):
        second = drafts.start(offer_id=offer().pk, principal=ME, user=None, now=clock.now())
    assert second.reference == "FLY2A-7KQ2MX"


def test_no_reference_tells_the_next_one() -> None:
    """Every place is drawn anew (reliability.md 5): whoever has a reference cannot count on to somebody else's."""
    drawn = [references.new_reference().removeprefix("FLY2A-") for _ in range(200)]
    assert all(len({code[place] for code in drawn}) > 16 for place in range(6))


def test_the_shares_of_the_travellers_are_never_less_than_the_total() -> None:
    """An odd cent is rounded up: three who pay the price "per person" have paid the whole."""
    row = offer(kinds="aaa")
    for total, share in ((10_000, 3334), (9_999, 3333), (10_001, 3334)):
        row.priced["total"]["minor"] = total
        told = offers.card(row)
        assert (told["total"]["minor"], told["perPerson"]["minor"]) == (total, share)


def test_what_was_typed_is_masked_when_it_is_shown(shelf: Shelf) -> None:
    row, now = offer(documents_required=True, document_kinds=["passport"]), clock.now()
    booking = drafts.start(offer_id=row.pk, principal=ME, user=None, now=now)
    passport = {"kind": "passport", "number": "X1234567", "country": "GB", "expiresOn": "2040-01-01"}
    drafts.set_passengers(booking=booking, passengers=[person(document=passport)], contact=CONTACT, now=now)
    sealed = booking.passengers.get().document
    assert "X1234567" not in sealed
    assert selectors.booking_view(booking)["passengers"][0]["document"]["number"] == "••••••67"
    drafts.set_passengers(booking=booking, passengers=[person(givenName="Grace")], contact=CONTACT, now=now)
    assert selectors.booking_view(booking)["passengers"][0]["document"]["number"] == "••••••67"


def test_the_same_flights_in_other_fares_are_siblings() -> None:
    search = Search.objects.create(principal=ME, query={}, complete=True)
    cheap, brand = offer(), offer()
    for row in (cheap, brand):
        for number, piece in enumerate(row.searched["slices"]):
            piece["comparison_key"] = f"same-{number}"
    for piece in brand.searched["slices"]:
        piece["brand"] = "Flex"
    brand.searched["total"]["minor"] = brand.total_minor = cheap.total_minor + 6000
    for row in (cheap, brand):
        row.search, row.priced = search, None
        row.save()
    family = selectors.offer_view(cheap)["fareFamily"]
    assert [(item["id"], item["brand"], item["total"]["minor"]) for item in family] == [
        (str(brand.pk), "Flex", brand.total_minor)]


@pytest.mark.parametrize(("condition", "text"), [
    ({"allowed": True, "fee": {"minor": 0, "currency": "USD"}}, "Free"),
    ({"allowed": True, "fee": {"minor": 7500, "currency": "USD"}}, "USD 75.00 fee"),
    ({"allowed": True, "fee": None}, "Allowed, the airline sets the fee"),
    ({"allowed": False, "fee": None}, "Not allowed"), ({"allowed": None, "fee": None}, "Not stated by the airline"),
    (None, "Not stated by the airline")])
def test_conditions_in_words(condition: Any, text: str) -> None:
    assert words.condition(condition) == text


def test_services_name_travellers_and_flights_by_position() -> None:
    row = offer(kinds="aa")
    bag = service_of(row)
    shown_as = next(item for item in selectors.offer_view(row)["services"] if item["id"] == bag["external_id"])
    assert (shown_as["passengers"], shown_as["segments"], shown_as["maxQuantity"]) == ([0], [1], 1)
    assert shown_as["label"] == "Checked bag, up to 23 kg"
