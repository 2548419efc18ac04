"""Every state of a booking has one page that tells the truth, and every other address of it leads there."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bookings.models import Booking
from fly2any.kernel import clock
from tests.pages.html import read
from tests.pages.travel import make
from tests.trail import rows

pytestmark = pytest.mark.django_db(transaction=True)

REST = [
    ("CONFIRMED", "done", "charged", "book", "", "Your trip is confirmed"),
    ("HOLD", "held", "none", "hold", "", "Your seats are held"),
    ("PENDING_TICKETING", "staff", "none", "book", "", "Your seats are reserved, the ticket is pending"),
    ("CANCELLING", "undoing", "none", "cancel", "", "Your booking is being cancelled"),
    ("CANCELLED", "closed", "none", "cancel", "", "This booking is cancelled"),
    ("EXPIRED", "closed", "none", "book", "payment_window", "The time to pay has passed"),
    ("FAILED", "closed", "none", "book", "sold_out", "Not booked"),
]


@pytest.mark.parametrize(("status", "progress", "money", "wish", "closing", "title"), REST)
def test_a_booking_at_rest_has_its_page_and_all_addresses_lead_there(
        guest: Client, principal: str, status: str, progress: str, money: str, wish: str, closing: str,
        title: str) -> None:
    booking = make(principal, status=status, progress=progress, money=money, wish=wish, closing=closing)
    here = f"/trips/{booking.reference}"
    page = read(guest.get(here))
    assert title in page.text
    for other in ("progress", "price") + (() if status == "HOLD" else ("pay",)):
        assert guest.get(f"{here}/{other}").headers["Location"] == here
    assert guest.get(f"/checkout/{booking.public_id}/review").headers["Location"] == here
    assert guest.get(f"/checkout/{booking.public_id}/extras").headers["Location"] == here


@pytest.mark.parametrize(("status", "progress", "stage"), [
    ("PENDING", "reserving", "progress"), ("PENDING", "checking", "progress"), ("PENDING", "consent", "price"),
    ("PENDING_PAYMENT", "card", "pay"), ("PENDING_PAYMENT", "bank", "pay"), ("PENDING_PAYMENT", "ticket", "progress"),
])
def test_a_booking_on_its_way_leads_to_what_is_next(guest: Client, principal: str, status: str, progress: str,
                                                    stage: str) -> None:
    booking = make(principal, status=status, progress=progress, priced_minor=65000)
    there = f"/trips/{booking.reference}/{stage}"
    assert guest.get(f"/trips/{booking.reference}").headers["Location"] == there
    assert guest.get(f"/checkout/{booking.public_id}/passengers").headers["Location"] == there
    assert guest.get(there).status_code == 200


def test_the_confirmation_says_everything(guest: Client, principal: str) -> None:
    booking = make(principal, status="CONFIRMED", progress="done", money="charged")
    order = rows.order(booking, external_id="ord_1", pnr="X7K2PQ", tickets=[{"kind": "ticket", "number": "125-1"}])
    rows.payment(booking, state="captured", captured_minor=59999, card_brand="visa", card_last4="4242", order=order)
    text = read(guest.get(f"/trips/{booking.reference}")).text
    for wanted in (booking.reference, "X7K2PQ", "125-1", "AA 6143 Operated by British Airways", "Anna Müller",
                   "1 carry-on bag and 1 checked bag", "Additional airline baggage fees may apply", "USD 75.00 fee",
                   "Not allowed", "USD 599.99", "Visa ending 4242", "Your payment of USD 599.99 is safe.",
                   "anna@example.com", "Sun 20 Dec"):
        assert wanted in text, wanted


def test_unknown_is_never_called_failed(guest: Client, principal: str) -> None:
    booking = make(principal, status="PENDING", progress="checking")
    text = read(guest.get(f"/trips/{booking.reference}/progress")).text
    assert "We are checking with the airline" in text
    assert "keep checking" in text
    assert "You have not been charged." in text
    assert not {"not booked", "failed"} & set(text.lower().split("."))
    assert "not booked" not in text.lower()


def test_progress_shows_the_steps_of_the_route(guest: Client, principal: str) -> None:
    booking = make(principal, status="PENDING_PAYMENT", progress="ticket", route="hold_first", money="reserved")
    page = read(guest.get(f"/trips/{booking.reference}/progress"))
    states = [tag["class"] for tag in page.all("li") if "class" in tag]
    assert states == ["done", "done", "now", ""]
    assert "The amount is reserved on your card, not charged." in page.text
    assert "a***@example.com" in page.text
    assert "anna@example.com" not in page.text


def test_progress_reloads_itself_without_javascript(guest: Client, principal: str) -> None:
    booking = make(principal, status="PENDING", progress="reserving")
    source = guest.get(f"/trips/{booking.reference}/progress").content.decode()
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in source


def test_after_a_minute_progress_says_what_is_certain(guest: Client, principal: str) -> None:
    now = clock.now()
    booking = make(principal, status="PENDING", progress="checking", wished_at=now)
    quick = read(guest.get(f"/trips/{booking.reference}/progress"))
    assert "hidden" in quick.one("div", id="late")
    Booking.objects.filter(pk=booking.pk).update(wished_at=now - timedelta(seconds=61))
    late = read(guest.get(f"/trips/{booking.reference}/progress"))
    assert "hidden" not in late.one("div", id="late")


def test_back_from_the_bank_the_progress_page_waits_for_its_answer(guest: Client, principal: str) -> None:
    booking = make(principal, status="PENDING_PAYMENT", progress="card")
    payment = rows.payment(booking, declines=1, decline_kind="insufficient_funds")
    here = f"/trips/{booking.reference}/progress"
    assert guest.get(f"{here}?paid=1").status_code == 200  # nothing new since the press
    payment.declines = 2
    payment.save()
    assert guest.get(f"{here}?paid=1").headers["Location"] == f"/trips/{booking.reference}/pay"


def test_a_decline_comes_back_to_the_pay_page_with_its_cause(guest: Client, principal: str) -> None:
    booking = make(principal, status="PENDING_PAYMENT", progress="card")
    rows.payment(booking, declines=2, decline_kind="insufficient_funds")
    page = read(guest.get(f"/trips/{booking.reference}/pay"))
    assert "Your bank says the balance is too low for USD 599.99." in page.text
    assert "3 attempts left" in page.text
    assert "You have not been charged." in page.text
    form = next(page.all("form", novalidate=""))
    assert (form["data-amount"], form["data-currency"]) == ("59999", "usd")
    assert "Pay USD 599.99" in page.text


def test_a_higher_price_is_shown_with_old_new_and_difference(guest: Client, principal: str) -> None:
    booking = make(principal, status="PENDING", progress="consent", priced_minor=65000)
    page = read(guest.get(f"/trips/{booking.reference}/price"))
    for wanted in ("650.00", "USD 599.99", "+ USD 50.01", "Continue at USD 650.00", "You have not been charged."):
        assert wanted in page.text, wanted
    assert page.one("input", name="total")["value"] == "65000"


def test_a_refund_is_tracked(guest: Client, principal: str) -> None:
    booking = make(principal, status="CANCELLING", progress="undoing", money="refunding", wish="cancel")
    order = rows.order(booking, external_id="ord_2", state="cancelled")
    payment = rows.payment(booking, state="captured", captured_minor=59999, card_brand="visa", card_last4="4242",
                           order=order)
    rows.refund(payment, amount_minor=40000, state="sent")
    page = read(guest.get(f"/trips/{booking.reference}"))
    assert "USD 400.00 is on its way back to Visa ending 4242." in page.text
    assert [tag["class"] for tag in page.all("li") if "class" in tag] == ["done", "done", "now"]


def test_strangers_get_404_everywhere(client: Client, principal: str) -> None:
    booking = make(principal, status="CONFIRMED", progress="done")
    paths = [f"/trips/{booking.reference}{tail}" for tail in ("", "/progress", "/pay", "/price", "/cancel")]
    paths += [f"/checkout/{booking.public_id}/{step}" for step in ("extras", "passengers", "review")]
    for path in paths:
        response = client.get(path)
        assert response.status_code == 404, path
        assert "Müller" not in response.content.decode()


def test_my_trips_costs_the_same_queries_however_many_there_are(
        guest: Client, principal: str, django_assert_num_queries: Any) -> None:
    make(principal, status="HOLD", progress="held")
    with CaptureQueriesContext(connection) as one:
        guest.get("/trips")
    for _ in range(3):
        make(principal, status="CONFIRMED", progress="done")
    with django_assert_num_queries(len(one)):
        guest.get("/trips")


def test_without_javascript_the_pay_page_mails_a_link(guest: Client, principal: str) -> None:
    booking = make(principal, status="PENDING_PAYMENT", progress="card")
    source = guest.get(f"/trips/{booking.reference}/pay").content.decode()
    silent = " ".join(re.findall(r"<noscript>(.*?)</noscript>", source, re.S))
    assert "Card payment needs JavaScript." in silent
    assert f"{booking.reference} is kept" in silent
    assert 'action="/trips/link"' in silent


def test_my_trips_lists_mine_only(guest: Client, principal: str) -> None:
    mine = make(principal, status="HOLD", progress="held")
    other = make("guest:somebody", status="CONFIRMED", progress="done")
    text = read(guest.get("/trips")).text
    assert mine.reference in text
    assert other.reference not in text
    assert "New York to London" in text


def test_free_cancellation_is_promised_only_where_it_holds(guest: Client, principal: str) -> None:
    now = clock.now()
    booking = make(principal, status="CONFIRMED", progress="done", wished_at=now, departs_at=now + timedelta(days=20))
    order = rows.order(booking, external_id="ord_f", void_until=now + timedelta(hours=12))
    assert "Free cancellation until" in read(guest.get(f"/trips/{booking.reference}")).text
    order.void_until = None
    order.save()
    assert "Free cancellation" not in read(guest.get(f"/trips/{booking.reference}")).text


def test_looking_now_needs_a_press_and_the_owner(guest: Client, principal: str) -> None:
    booking = make(principal, status="PENDING_PAYMENT", progress="card")
    rows.payment(booking)
    there = f"/trips/{booking.reference}/look"
    assert guest.get(there).status_code == 405
    assert Client().post(there).status_code == 404
    assert booking.payments.get().news_at is None
    assert guest.post(there).headers["Location"] == f"/trips/{booking.reference}/progress"
    assert booking.payments.get().news_at is not None
