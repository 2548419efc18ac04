"""The page of a booking: every fact of it, its papers, and the mail once more."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail as outbound
from django.test import Client

from bookings import letter, mail
from bookings.models import Diary, Outbox
from fly2any.kernel import clock
from tests.pages.html import read
from tests.papers.trips import booked, seat

pytestmark = pytest.mark.django_db


def test_a_confirmed_page_has_all_that_the_paper_has(guest: Client, principal: str) -> None:
    booking = booked(principal=principal)
    seat(booking)
    page = read(guest.get(f"/trips/{booking.reference}"))
    for wanted in (
            booking.reference, "Airline reference (American Airlines)", "RZPNX8", "Ticket 125-2106312810",
            "AA 6143 Operated by British Airways", "Ms Anna Müller", "Seat 14C: AA 6143", "USD 75.00 fee",
            "Additional airline baggage fees may apply: for a carry-on bag and for the first and second checked bag",
            "1 carry-on bag and 1 checked bag", "Visa ending 4242", "Check in with American Airlines at aa.com",
            "Your payment of USD 617.99 is safe.", "Itinerary (PDF)", "Calendar file", "To a***@example.com"):
        assert wanted in page.text, wanted
    assert letter.words(booking)["total"] == "USD 617.99"
    assert re.search(r"Total for all travellers USD 617\.99", page.text)
    copies = {button["data-copy"] for button in page.all("button") if "data-copy" in button}
    assert copies == {booking.reference, "RZPNX8"}
    links = {link["href"] for link in page.all("a")}
    assert {f"/trips/{booking.reference}/{tail}" for tail in ("itinerary.pdf", "calendar.ics", "share")} <= links
    assert "https://www.aa.com" in links


@pytest.mark.parametrize(("status", "papers", "terms"), [
    ("CONFIRMED", True, True), ("HOLD", True, True), ("PENDING_TICKETING", True, True), ("CANCELLED", True, True),
    ("FAILED", False, False)])
def test_each_state_offers_what_it_has(guest: Client, principal: str, status: str, papers: bool, terms: bool) -> None:
    text = read(guest.get(f"/trips/{booked(status, principal=principal).reference}")).text
    assert ("Your papers" in text) == papers
    assert ("Terms of this fare" in text) == terms
    assert ("Before you fly" in text) == (status == "CONFIRMED")
    assert text.count("You have not been charged.") == (1 if status in ("HOLD", "PENDING_TICKETING", "FAILED") else 0)


def press(guest: Client, reference: str) -> Any:
    page = read(guest.get(f"/trips/{reference}"))
    return guest.post(f"/trips/{reference}/mail-again", {"key": page.one("input", name="key")["value"]})


def test_the_mail_comes_again_once_for_each_press_and_says_where_it_went(guest: Client, principal: str) -> None:
    booking = booked(principal=principal)
    reference = booking.reference
    key = "6f1e1f6e-50b1-4f24-9e1f-0b1f4d3c2a11"
    for _ in range(2):
        there = guest.post(f"/trips/{reference}/mail-again", {"key": key}).headers["Location"]
    assert [row.kind for row in Outbox.objects.filter(booking=booking)] == ["confirmed"]
    assert Diary.objects.filter(booking=booking, event="confirmation.asked_again").count() == 1
    assert "It is on its way to a***@example.com." in read(guest.get(there)).text
    assert mail.send_due(clock.now(), 5) == 1
    assert "We have sent it to a***@example.com." in read(guest.get(there)).text
    (message,) = outbound.outbox
    assert message.to == ["anna@example.com"] and len(message.attachments) == 2
    assert "sent it to" not in read(guest.get(f"/trips/{reference}?again=nonsense")).text


def test_it_comes_three_times_an_hour_at_most(guest: Client, principal: str) -> None:
    booking = booked(principal=principal)
    assert [press(guest, booking.reference).status_code for _ in range(4)] == [302, 302, 302, 429]
    assert Outbox.objects.count() == 3


def test_only_the_owner_has_it_sent_and_only_by_a_press(guest: Client, principal: str) -> None:
    booking = booked(principal=principal)
    there = f"/trips/{booking.reference}/mail-again"
    assert Client().post(there).status_code == 404
    assert guest.get(there).status_code == 405
    assert Outbox.objects.count() == 0
