"""From a search to a draft, against the real sandbox."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from bookings import drafts, selectors, services
from bookings.models import Booking
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from suppliers.models import Offer
from suppliers.types import Leg, SearchQuery
from tests.world import TICKS, World

ME = "guest:me"
CONTACT = {"email": "ada@example.com", "phone": "+44 20 8016 0508"}


def person(**more: object) -> dict[str, object]:
    return {"title": "ms", "gender": "f", "givenName": "Ada", "familyName": "Lovelace", "bornOn": "1990-12-10", **more}


def find(adults: int = 1, child_ages: tuple[int, ...] = (), infants: int = 0) -> list[Offer]:
    day = date.today() + timedelta(days=40)
    query = SearchQuery((Leg("JFK", "LAX", day),), adults=adults, child_ages=child_ages, infants=infants)
    found = drafts.search(query=query, principal=ME, now=clock.now())
    done = drafts.wait_for_search(found.pk, 20)
    assert done.complete
    assert done.outcome["duffel"]["state"] == "done"
    return list(Offer.objects.filter(search=found).order_by("total_minor", "pk"))


def with_bags(offers: list[Offer]) -> Offer:
    for offer in offers:
        priced = drafts.price_offer(offer_id=offer.pk, principal=ME, now=clock.now())
        if any(item["kind"] == "baggage" for item in priced.priced["services"]):
            return priced
    raise AssertionError("no offer sells bags")


def test_a_search_ends_as_a_complete_draft_with_the_servers_price(world: World) -> None:
    offer = with_bags(find())
    now = clock.now()
    booking = drafts.start(offer_id=offer.pk, principal=ME, user=None, now=now)
    assert drafts.start(offer_id=offer.pk, principal=ME, user=None, now=now).pk == booking.pk
    bag = next(item for item in offer.priced["services"] if item["kind"] == "baggage")
    booking = drafts.customize(booking=booking, choices=[{"serviceId": bag["external_id"], "quantity": 1}], now=now)
    booking = drafts.set_passengers(booking=booking, passengers=[person()], contact=CONTACT, now=now)
    view = selectors.booking_view(booking)
    assert view["price"]["total"]["minor"] == offer.total_minor + bag["price"]["minor"]
    assert view["contact"] == {"email": "ada@example.com", "phone": "+442080160508", "address": None}
    assert view["passengers"][0]["familyName"] == "Lovelace"
    assert len(view["selections"]) == 1
    assert booking.segments.count() == sum(len(piece["segments"]) for piece in offer.priced["slices"])
    done = services.book(booking=booking, hold=False, accepted_minor=view["price"]["total"]["minor"],
                         acknowledgements=TICKS, again=False, now=now)
    assert done.booking.status == "PENDING"
    with pytest.raises(Problem) as refused:
        drafts.customize(booking=booking, choices=[], now=now)
    assert refused.value.code == "not_a_draft"


def test_nothing_is_half_written_when_one_traveller_is_wrong(world: World) -> None:
    offer = find(adults=2)[0]
    now = clock.now()
    booking = drafts.start(offer_id=offer.pk, principal=ME, user=None, now=now)
    with pytest.raises(Problem) as refused:
        drafts.set_passengers(booking=booking, passengers=[person(), person(givenName="😀")], contact=CONTACT, now=now)
    assert set(refused.value.field_errors) == {"passengers.1.givenName"}
    assert booking.passengers.count() == 0
    assert Booking.objects.get().contact_email == ""


def test_a_search_that_asks_nonsense_is_refused_with_a_sentence_per_field(db: None) -> None:
    yesterday = date.today() - timedelta(days=2)
    query = SearchQuery((Leg("JFK", "XXX", yesterday),), adults=1, infants=2)
    with pytest.raises(Problem) as refused:
        drafts.search(query=query, principal=ME, now=clock.now())
    assert set(refused.value.field_errors) == {"destination", "departureDate", "infants"}
