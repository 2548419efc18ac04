"""A trip of several flights goes the whole way: searched, priced, drafted, booked, paid, ticketed."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any, cast

import pytest
from django.contrib.auth.models import AnonymousUser

from bookings import drafts, selectors, services
from bookings.models import Booking
from fly2any.kernel import clock
from suppliers.models import Offer
from suppliers.types import Leg, SearchQuery
from tests.world import TICKS, World

CONTACT = {"email": "ada@example.com", "phone": "+44 20 8016 0508"}
START = date.today() + timedelta(days=40)
ROUTES = {
    3: (("JFK", "LHR"), ("CDG", "ROM"), ("FCO", "NYC")),
    4: (("NYC", "LON"), ("LON", "PAR"), ("PAR", "TYO"), ("TYO", "NYC")),
}


def legs(number: int) -> tuple[Leg, ...]:
    return tuple(Leg(*ends, START + timedelta(days=4 * at)) for at, ends in enumerate(ROUTES[number]))


def found(query: SearchQuery) -> list[Offer]:
    """The offers of a search that is made as the pages make it, the cheapest first."""
    search = drafts.search(query=query, principal="guest:test", now=clock.now())
    assert drafts.wait_for_search(search.pk, 20).complete
    return list(Offer.objects.filter(search=search).order_by("total_minor", "pk"))


def people(offer: Offer) -> list[dict[str, Any]]:
    """Ada with a child of 7 and a baby, each with the birth date that the offer wants."""
    born = {"adult": date(1990, 12, 10), "child": START - timedelta(days=7 * 366), "infant": START - timedelta(days=200)}
    names = {"adult": "Ada", "child": "Bea", "infant": "Cy"}
    passport = {"kind": "passport", "number": "X1234567", "country": "GB", "expiresOn": "2036-05-20"}
    return [{"title": "ms", "gender": "f", "givenName": names[one.kind], "familyName": "Lovelace",
             "bornOn": born[one.kind].isoformat(),
             **({"document": passport} if offer.info.documents_required else {})} for one in offer.info.passengers]


def booked(offer: Offer) -> Booking:
    """The offer priced, drafted, filled in and wished for."""
    user = cast(Any, AnonymousUser())
    booking = drafts.start(offer_id=offer.pk, principal="guest:test", user=user, now=clock.now())
    booking = drafts.set_passengers(booking=booking, passengers=people(offer), contact=CONTACT, now=clock.now())
    done = services.book(booking=booking, hold=False, accepted_minor=None, acknowledgements=TICKS, again=False,
                         now=clock.now())
    return done.booking


def test_a_trip_of_three_flights_with_a_family_is_booked_and_ticketed(world: World) -> None:
    query = SearchQuery(legs(3), adults=1, child_ages=(7,), infants=1)
    offer = next(one for one in found(query) if not one.info.instant_only)
    ends = [(way.origin.code, way.destination.code) for way in offer.info.slices]
    assert (len(ends), ends[0], ends[1][0], ends[2][0]) == (3, ("JFK", "LHR"), "CDG", "FCO")
    assert ends[1][1] in ("FCO", "CIA")
    assert ends[2][1] in ("JFK", "EWR", "LGA")
    booking = world.drive(booked(offer))
    assert (booking.status, world.order(booking).state) == ("PENDING_PAYMENT", "held")
    world.pay(booking)
    world.drive(booking)
    assert (booking.status, world.order(booking).state) == ("CONFIRMED", "ticketed")
    assert world.payment(booking).captured_minor == booking.accepted_minor
    assert sorted(set(booking.segments.values_list("direction", flat=True))) == [0, 1, 2]
    view = selectors.booking_view(booking)
    assert (len(view["slices"]), len(view["passengers"])) == (3, 3)


@pytest.mark.parametrize("number", [3, 4])
def test_every_flight_leaves_on_its_day_after_the_one_before_has_landed(world: World, number: int) -> None:
    query = SearchQuery(legs(number))
    offers = found(query)
    assert len(offers) >= 6
    for offer in offers:
        ways = offer.info.slices
        assert [way.segments[0].departing_local[:10] for way in ways] == [leg.date.isoformat() for leg in query.legs]
        assert all(before.segments[-1].arriving_local < after.segments[0].departing_local
                   for before, after in pairwise(ways))
    assert len({offer.total_minor for offer in offers}) > 1


def test_two_flights_on_one_day_leave_time_to_change(world: World) -> None:
    same = SearchQuery((Leg("LHR", "CDG", START), Leg("ORY", "MAD", START), Leg("MAD", "LHR", START)))
    for offer in found(same):
        for before, after in pairwise(offer.info.slices):
            assert before.segments[-1].arriving_local < after.segments[0].departing_local
