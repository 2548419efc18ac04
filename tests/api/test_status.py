"""The status endpoint: reads two rows at most, writes nothing, and saves callers from asking in vain."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from bookings.models import Booking
from payments.models import Payment, Refund
from tests.api.shop import Caller, offer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def me() -> Caller:
    return Caller()


@pytest.fixture
def url(me: Caller) -> str:
    found: str = me.book(offer()).json()["statusUrl"]
    return found


def paid(**more: Any) -> Payment:
    booking = Booking.objects.get()
    return Payment.objects.create(**{
        "booking": booking, "provider": "stripe", "external_id": "pi_1", "amount_minor": booking.accepted_minor,
        "currency": booking.currency, "asked_at": booking.created_at, "card_brand": "visa", "card_last4": "4242",
        **more})


def test_where_a_fresh_booking_stands(me: Caller, url: str) -> None:
    answer = me.get(url)
    assert answer.json() == {
        "success": True, "bookingCreated": False, "bookingPending": True,
        "bookingReference": Booking.objects.get().reference, "status": "PENDING", "step": "reserving", "code": "",
        "message": "We are asking the airline. You have not been charged.", "action": "", "tip": ""}
    assert answer["Retry-After"] == "2"
    assert answer["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize(("status", "progress", "created", "pending"), [
    ("PENDING", "checking", False, True), ("PENDING_PAYMENT", "card", False, True), ("HOLD", "held", True, False),
    ("CONFIRMED", "done", True, False), ("CANCELLING", "undoing", False, True), ("FAILED", "closed", False, False),
    ("EXPIRED", "closed", False, False), ("CANCELLED", "closed", False, False),
    ("PENDING_TICKETING", "staff", True, False)])
def test_created_and_pending(me: Caller, url: str, status: str, progress: str, created: bool, pending: bool) -> None:
    Booking.objects.update(status=status, progress=progress, closing="sold_out" if progress == "closed" else "")
    answer = me.get(url)
    told = answer.json()
    assert (told["bookingCreated"], told["bookingPending"]) == (created, pending)
    assert told["message"]
    assert ("Retry-After" in answer) is pending


def test_an_unchanged_answer_is_a_304(me: Caller, url: str) -> None:
    tag = me.get(url)["ETag"]
    again = me.get(url, If_None_Match=tag)
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
    assert again["Retry-After"] == "2"
    Booking.objects.update(progress="card", status="PENDING_PAYMENT")
    assert me.get(url, If_None_Match=tag).status_code == 200


@pytest.mark.failure("W13")
def test_two_queries_at_most_and_no_write(me: Caller, url: str) -> None:
    payment = paid(state="voided", declines=1)
    for money, progress in (("none", "reserving"), ("none", "card"), ("reserved", "ticket"), ("charged", "done"),
                            ("refunding", "undoing")):
        Booking.objects.update(money=money, progress=progress)
        if money == "refunding":
            Refund.objects.create(payment=payment, cause="cancelled", amount_minor=1, currency="GBP",
                                  requested_at=payment.asked_at)
        with CaptureQueriesContext(connection) as seen:
            assert me.get(url).status_code == 200
        statements = [one["sql"].split()[0] for one in seen]
        assert set(statements) == {"SELECT"}
        assert len(statements) <= 2, money


def test_the_wait_grows_with_the_age(me: Caller, url: str) -> None:
    waits = []
    for seconds in (0, 5, 5, 60):
        Booking.objects.update(wished_at=F("wished_at") - timedelta(seconds=seconds))
        waits.append(me.get(url)["Retry-After"])
    assert waits == ["2", "3", "5", "15"]


def test_a_declined_card_is_told(me: Caller, url: str) -> None:
    paid(state="open", declines=1, decline_kind="insufficient_funds")
    Booking.objects.update(progress="card", status="PENDING_PAYMENT")
    told = me.get(url).json()
    assert (told["code"], told["action"]) == ("insufficient_funds", "Cheaper / Other card")
