"""Hotels and things to do on the page of a confirmed trip: when there is a way, what is said, and that nothing depends on it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bookings import alerts
from bookings.models import Booking, Case
from fly2any.checks import hotels_are_found
from fly2any.kernel import clock
from fly2any.kernel.errors import Refused, Unavailable
from suppliers import breaker, surroundings
from suppliers.models import BreakerState
from suppliers.stays import Activity, HotelOffer
from tests.pages.everything import booked
from tests.pages.html import Page, read
from tests.stays.conftest import Shop
from tests.stays.town import DOWN, TOUR, Hand, Known, moved

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("switched_on")]
def look(guest: Client, booking: Booking) -> Page:
    response = guest.get(f"/trips/{booking.reference}/stays")
    assert response.status_code == 200
    return read(response)


def shown(guest: Client, booking: Booking, hand: Hand) -> Page:
    look(guest, booking)
    hand.work()
    return look(guest, booking)


def door(guest: Client, booking: Booking) -> bool:
    page = read(guest.get(f"/trips/{booking.reference}"))
    return any(one.get("href") == f"/trips/{booking.reference}/stays" for one in page.all("a"))


def state(page: Page) -> str:
    return str(page.one("div", id="stays")["data-state"])


def test_the_page_of_the_trip_asks_nobody_and_its_link_works_without_a_script(
        guest: Client, trip: Booking, hand: Hand, knows: Known) -> None:
    assert door(guest, trip)
    assert hand.waiting == []
    first = look(guest, trip)
    assert state(first) == "asking" and "http-equiv" in first.source
    assert len(hand.waiting) == 2
    look(guest, trip)
    assert len(hand.waiting) == 2  # asked once
    hand.work()
    page = look(guest, trip)
    assert state(page) == "there" and "http-equiv" not in page.source
    look(guest, trip)
    assert len(knows.asked) == 2  # an hour's memory


def test_only_the_point_the_nights_and_the_adults_are_asked_with(guest: Client, trip: Booking, hand: Hand,
                                                                 knows: Known) -> None:
    shown(guest, trip, hand)
    day = clock.now().date() + timedelta(days=31)
    assert sorted(knows.asked) == [("activities", 51.507, -0.128),
                                   ("hotels", 51.507, -0.128, day, day + timedelta(days=5), 1)]


def test_what_is_said_of_a_hotel_and_of_an_activity(guest: Client, trip: Booking, hand: Hand, knows: Known) -> None:
    page = shown(guest, trip, hand)
    for words in ("Hotel O'Hara & Söhne", "0.8 km from the centre of London", "EUR 1,234.50", "5 nights, 1 room, 1 adult",
                  "You leave Fly2Any for openstreetmap.org.",
                  "the hotels sell these rooms, not we", "See the price there", "You leave Fly2Any; tickets.example sells this, not we."):
        assert words in page.text
    links = {one["href"]: one["rel"] for one in page.all("a") if one.get("rel")}
    assert links == {
        "https://www.openstreetmap.org/search?query=Hotel%20O%27Hara%20%26%20S%C3%B6hne%2C%20London":
            "noopener nofollow sponsored",
        "https://tickets.example/1": "noopener nofollow sponsored"}
    assert [tag for tag, _ in page.tags if tag in ("img", "iframe", "picture")] == []


def test_markup_in_a_text_stays_text(guest: Client, trip: Booking, hand: Hand, knows: Known) -> None:
    knows.answers["activities"] = (Activity("<script>x()</script>", "<img src=x>", None, TOUR.link, TOUR.host),)
    page = shown(guest, trip, hand)
    assert "<script>x()" not in page.source and "&lt;script&gt;x()" in page.source
    assert [tag for tag, _ in page.tags if tag == "img"] == []


@pytest.mark.parametrize(("offer", "words"), [
    ({"free_until": 9}, "Free cancellation until"), ({"free_until": 0}, ""), ({"free_until": 0, "final": True}, "No money back"),
    ({"final": True, "cancellation": "x"}, "No money back if you cancel"), ({"cancellation": "One night"}, "“One night”")])
def test_cancelling_in_words(guest: Client, trip: Booking, hand: Hand, knows: Known, offer: Any, words: str) -> None:
    if "free_until" in offer:
        when = clock.now() + timedelta(days=offer["free_until"])
        offer = {**offer, "free_until": datetime(when.year, when.month, when.day, 18)}
    knows.answers["hotels"] = (HotelOffer("H", None, None, 2, **offer),)
    page = shown(guest, trip, hand)
    assert words in page.text and "The hotel tells its price when you ask" in page.text
    if not words:
        assert "cancel" not in page.text.lower()


def test_the_hotels_link_is_the_settings(guest: Client, trip: Booking, hand: Hand, knows: Known, settings: Any) -> None:
    settings.STAYS_HOTEL_LINK = "https://www.rooms.example/{city}/find?n={name}"
    page = shown(guest, trip, hand)
    assert page.one("a", href="https://www.rooms.example/London/find?n=Hotel%20O%27Hara%20%26%20S%C3%B6hne")
    assert "You leave Fly2Any for rooms.example." in page.text


@pytest.mark.parametrize("state", ["held", "cancelling", "cancelled", "checking", "bank"])
def test_no_other_booking_has_a_way_there(guest: Client, principal: str, hand: Hand, knows: Known, state: str) -> None:
    booking = moved(booked(principal, state), 30)
    assert f"/trips/{booking.reference}/stays" not in guest.get(f"/trips/{booking.reference}", follow=True).content.decode()
    assert guest.get(f"/trips/{booking.reference}/stays").status_code == 302
    assert hand.waiting == []


@pytest.mark.parametrize("why", ["switch", "amadeus", "breakers", "day trip", "over", "place"])
def test_there_is_no_way_when_there_can_be_nothing(guest: Client, trip: Booking, hand: Hand, knows: Known, settings: Any,
                                                   why: str) -> None:
    if why == "switch":
        settings.STAYS = False
    elif why == "amadeus":
        settings.AMADEUS_CLIENT_ID = ""
    elif why == "breakers":
        for kind in surroundings.KINDS:
            for _ in range(5):
                breaker.observe(surroundings.SUPPLIER, kind, DOWN)
    elif why == "place":
        trip.offer.priced["slices"][0]["destination"]["code"] = trip.offer.priced["slices"][1]["origin"]["code"] = "QQQ"
        trip.offer.save()
    else:
        moved(trip, *((30, 0) if why == "day trip" else (-10, 3)))
    assert not door(guest, trip)
    assert guest.get(f"/trips/{trip.reference}/stays").status_code == 302
    assert hand.waiting == []


@pytest.mark.parametrize(("days", "nights"), [(-3, 5), (30, 40), (359, 3)])
def test_hotels_are_not_asked_for_when_their_dates_cannot_be_had(guest: Client, trip: Booking, hand: Hand, knows: Known,
                                                                 days: int, nights: int) -> None:
    page = shown(guest, moved(trip, days, nights), hand)
    assert [kind for kind, *_ in knows.asked] == ["activities"]
    assert "Walking tour" in page.text and "Hotels near your stay" not in page.text


def test_a_stranger_gets_404_and_nobody_is_asked(trip: Booking, hand: Hand, knows: Known) -> None:
    assert Client().get(f"/trips/{trip.reference}/stays").status_code == 404
    assert hand.waiting == []


@pytest.mark.parametrize("trouble", [DOWN, Refused("supplier_refused"), KeyError("bug")])
@pytest.mark.failure("A23")
def test_trouble_reads_as_nothing_and_is_left_alone_for_a_while(guest: Client, trip: Booking, hand: Hand, knows: Known,
                                                                trouble: Exception) -> None:
    knows.answers = {"hotels": trouble, "activities": trouble}
    page = shown(guest, trip, hand)
    assert state(page) == "none" and "Your booking is not affected." in page.text
    assert len(knows.asked) == 2
    assert state(look(guest, trip)) == "none" and hand.waiting == []


def test_one_kinds_trouble_leaves_the_other(guest: Client, trip: Booking, hand: Hand, knows: Known) -> None:
    knows.answers["hotels"] = DOWN
    page = shown(guest, trip, hand)
    assert "Things to do" in page.text and "Hotels near your stay" not in page.text


@pytest.mark.failure("A23")
def test_its_breaker_opens_by_itself_and_never_the_flights_and_nobody_is_woken(guest: Client, trip: Booking, hand: Hand,
                                                                               knows: Known) -> None:
    knows.answers["hotels"] = DOWN
    for _ in range(6):
        cache.clear()
        shown(guest, trip, hand)
    assert [kind for kind, *_ in knows.asked].count("hotels") == 5
    assert breaker.seen_open(surroundings.SUPPLIER, "hotels") and door(guest, trip)
    assert {row.kind for row in BreakerState.objects.exclude(open_until=None)} == {"hotels"}
    assert breaker.is_open("amadeus", "search") is None
    alerts.breakers(clock.now())
    assert not Case.objects.filter(kind="breaker_open").exists()


def test_a_closed_account_here_hides_this_and_no_flight_and_one_there_hides_this_too(
        guest: Client, trip: Booking, hand: Hand, knows: Known) -> None:
    closed = Unavailable("provider_off")
    knows.answers = {"hotels": closed, "activities": closed}
    look(guest, trip)
    hand.work()
    assert not door(guest, trip)
    assert breaker.is_open("amadeus", "search") is None and not breaker.is_off("amadeus")
    BreakerState.objects.update(open_until=clock.now() - timedelta(seconds=1))  # an hour later
    breaker._forget()
    assert door(guest, trip)
    breaker.observe("amadeus", "search", closed)
    assert not door(guest, trip)


def test_looking_uses_up_nobodys_trial(guest: Client, trip: Booking, hand: Hand, knows: Known) -> None:
    knows.answers["hotels"] = DOWN
    for _ in range(5):
        breaker.observe(surroundings.SUPPLIER, "hotels", DOWN)
        breaker.observe(surroundings.SUPPLIER, "activities", DOWN)
    past = clock.now() - timedelta(seconds=1)
    BreakerState.objects.update(open_until=past)
    breaker._forget()
    assert door(guest, trip)
    assert {row.open_until for row in BreakerState.objects.all()} == {past}


def test_who_asks_too_often_is_shown_nothing_and_is_not_refused(guest: Client, trip: Booking, hand: Hand,
                                                                knows: Known) -> None:
    for _ in range(12):
        cache.clear()
        page = shown(guest, trip, hand)
    assert state(page) == "none"
    assert len(knows.asked) == 20


def test_a_crowd_waits_outside(guest: Client, trip: Booking, hand: Hand, knows: Known) -> None:
    question = surroundings.Question(1.0, 1.0)
    for number in range(surroundings.MOST_WAITING + 3):
        surroundings.ask(surroundings.Question(float(number), 1.0), ("activities",))
    assert len(hand.waiting) == surroundings.MOST_WAITING
    assert not surroundings.known(question).missing


def test_the_door_costs_no_query_of_its_own(guest: Client, trip: Booking, hand: Hand, knows: Known, settings: Any) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            guest.get(f"/trips/{trip.reference}")
        return len(asked)

    guest.get(f"/trips/{trip.reference}")
    breaker.is_open(surroundings.SUPPLIER, "hotels")
    with_door = queries()
    settings.STAYS = False
    assert with_door <= queries() + 1  # the breakers' picture, read once a second by a process


def test_through_the_sandbox_from_the_booking_to_the_page(guest: Client, trip: Booking, hand: Hand, shop: Shop,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    from suppliers.amadeus.stays import AmadeusStays

    monkeypatch.setattr(surroundings, "_built", [AmadeusStays(shop)])  # type: ignore[arg-type]
    page = shown(guest, trip, hand)
    for words in ("Hotel Imaginary London", "GBP 535.15", "The Pretend Grand Palace of London", "No money back if you cancel",
                  "Cooking the dishes of London", "Aprons are lent."):
        assert words in page.text
    assert "stolen" not in page.source and "http://" not in "".join(one["href"] for one in page.all("a"))
    assert shop.wrong == []


@pytest.mark.parametrize(("link", "good"), [
    ("https://maps.example/?q={name}", True), ("http://maps.example/?q={name}", False), ("https://maps.example/", False),
    ("https://{name}.example/", False), ("javascript:{name}", False)])
def test_a_link_that_leads_to_no_hotel_is_refused_at_the_start(settings: Any, link: str, good: bool) -> None:
    settings.STAYS_HOTEL_LINK = link
    assert [one.id for one in hotels_are_found()] == ([] if good else ["fly2any.E012"])
