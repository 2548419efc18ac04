"""The page of changed flights: both sides, the right before the alternative, one answer, and nothing moved from here."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from bookings.models import Booking, Case
from fly2any.kernel import clock
from suppliers.models import SupplierOrder
from tests.pages.html import read
from tests.pages.travel import make
from tests.trail import rows

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def booking(principal: str) -> Booking:
    return make(principal, status="CONFIRMED", progress="done", money="charged")


def changed(booking: Booking, *, leaves: str = "2026-12-20T09:00:00", arrives: str = "2026-12-20T21:05:00",
            **more: Any) -> SupplierOrder:
    """The airline's order with new flights; by default they leave 10 hours earlier."""
    before = booking.offer.searched["slices"]
    after = copy.deepcopy(before)
    after[0]["segments"][0].update(departing_local=leaves, arriving_local=arrives)
    order = rows.order(booking, external_id=f"ord_{booking.pk}", actions=["cancel"], itinerary=before, flight_change={
        "external_id": "aic_1", "before": before, "after": after, "actions": ["accept"], "taken": ""},
        change_seen_at=clock.now(), change_answer_by=clock.now() + timedelta(days=3), **more)
    rows.payment(booking, state="captured", captured_minor=59999, card_brand="visa", card_last4="4242", order=order)
    return order


def test_both_flights_stand_side_by_side_and_the_right_comes_first(guest: Client, booking: Booking) -> None:
    changed(booking)
    here = f"/trips/{booking.reference}/flights"
    front = read(guest.get(f"/trips/{booking.reference}"))
    assert "The airline changed your flights" in front.text
    assert front.one("a", href=here)
    text = read(guest.get(here)).text
    for wanted in ("Departs 10 h earlier: 09:00 instead of 19:00.", "As you booked", "What the airline offers now",
                   "You have the right to your money back.", "USD 599.99, back to Visa ending 4242", "Please answer by"):
        assert wanted in text, wanted
    assert text.index("You have the right to your money back.") < text.index("Accept the new flights")
    assert Case.objects.count() == 0


@pytest.mark.parametrize(("word", "says", "cases"), [
    ("accept", "You accepted the new flights on", []), ("refund", "You asked for your money back on", ["refund_due"])])
def test_an_answer_is_kept_once_and_nothing_else_is_touched(guest: Client, booking: Booking, word: str, says: str,
                                                            cases: list[str]) -> None:
    order = changed(booking)
    here = f"/trips/{booking.reference}/flights"
    for answer in (word, "refund" if word == "accept" else "accept"):  # the second press comes too late
        assert guest.post(here, {"change": "aic_1", "answer": answer}).headers["Location"] == here
    order.refresh_from_db()
    booking.refresh_from_db()
    assert (order.change_answer, order.state, booking.wish, booking.status) == (word, "ticketed", "book", "CONFIRMED")
    assert booking.due_at is not None and booking.wakes == 1
    assert list(Case.objects.values_list("kind", flat=True)) == cases
    page = read(guest.get(here))
    assert says in page.text
    assert not list(page.all("button", name="answer"))
    assert says[:12] in read(guest.get(f"/trips/{booking.reference}")).text


def test_a_small_change_is_said_to_be_one_and_offers_what_there_is(guest: Client, booking: Booking) -> None:
    changed(booking, leaves="2026-12-20T20:35:00", arrives="2026-12-21T08:40:00")
    here = f"/trips/{booking.reference}/flights"
    page = read(guest.get(here))
    assert "too small to give a right to a refund" in page.text
    assert [tag["value"] for tag in page.all("button", name="answer")] == ["accept"]
    assert page.one("a", href=f"/trips/{booking.reference}/request?topic=flight")
    assert guest.post(here, {"change": "aic_1", "answer": "refund"}).status_code == 422


@pytest.mark.parametrize("typed", [{}, {"answer": "maybe", "change": "aic_1"}, {"answer": "", "change": "aic_1"}])
def test_no_answer_is_asked_for_again(guest: Client, booking: Booking, typed: dict[str, str]) -> None:
    order = changed(booking)
    page = read(guest.post(f"/trips/{booking.reference}/flights", typed))
    assert "Please choose one of the two answers." in page.text
    order.refresh_from_db()
    assert order.change_answer == ""


def test_an_answer_to_an_older_change_is_refused(guest: Client, booking: Booking) -> None:
    changed(booking)
    answer = guest.post(f"/trips/{booking.reference}/flights", {"change": "aic_0", "answer": "accept"})
    assert answer.status_code == 409 and "changed the flights again" in read(answer).text


def test_without_a_change_there_is_no_such_page(guest: Client, client: Client, booking: Booking) -> None:
    rows.order(booking, external_id="ord_x")
    here = f"/trips/{booking.reference}/flights"
    assert guest.get(here).headers["Location"] == f"/trips/{booking.reference}"
    assert Client().get(here).status_code == 404
    assert Client().post(here, {"change": "aic_1", "answer": "accept"}).status_code == 404
