"""What the press answers when the worker has got somewhere, and that waiting costs no connection and few threads."""

from __future__ import annotations

import threading
from typing import Any
from unittest import mock

import pytest
from django.db import connection

from bookings import services
from bookings.api import waiting
from bookings.models import Booking
from tests.api.shop import Caller, body, offer, refused, total

pytestmark = pytest.mark.django_db(transaction=True)


def ends_as(**change: Any) -> Any:
    """Let the worker get this far while the web thread waits."""

    def done(**_: Any) -> Booking:
        Booking.objects.update(**change)
        return Booking.objects.get()

    return mock.patch.object(services, "wait_for", side_effect=done)


@pytest.mark.parametrize(("closing", "status", "said"), [
    ("sold_out", 409, "last seat"), ("offer_expired", 410, "no longer available"),
    ("passenger_rejected", 422, "did not accept"), ("supplier_down", 503, "can't reach"),
    ("airline_unreachable", 503, "could not be reached"), ("payment_unavailable", 503, "could not be opened"),
    ("creation_failed", 409, "could not complete"), ("supplier_refused", 409, "did not accept")])
@pytest.mark.failure("T2")
def test_a_booking_that_did_not_come_about(closing: str, status: int, said: str) -> None:
    with ends_as(status="FAILED", progress="closed", closing=closing):
        told = refused(Caller().post("/api/bookings", body(offer())), status, closing)
    assert said in told["message"]
    assert told["booking"]["status"] == "FAILED"


def test_an_unknown_outcome_is_never_told_as_failed() -> None:
    with ends_as(status="PENDING", progress="checking"):
        answer = Caller().post("/api/bookings", body(offer()))
    told = answer.json()
    assert (answer.status_code, told["timeout"], told["code"]) == (202, True, "supplier_timeout")
    assert told["booking"]["status"] == "PENDING"
    assert "Please don't book again" in told["message"]


def test_a_higher_price_needs_consent_and_the_second_press_gives_it() -> None:
    row, me = offer(), Caller()
    dearer = row.total_minor + 1000
    with ends_as(progress="consent", priced_minor=dearer):
        told = refused(me.post("/api/bookings", body(row)), 409, "price_changed")
    assert told["total"]["minor"] == dearer
    assert told["booking"]["consent"]["difference"]["minor"] == 1000
    assert str(told["booking"]["consent"]["old"]["text"]) in told["message"]
    me.post("/api/bookings", body(row), Prefer="respond-async")
    assert Booking.objects.get().accepted_minor == row.total_minor
    again = me.post("/api/bookings", body(row, acceptedTotal=total(row, 1000)), Prefer="respond-async")
    assert (again.status_code, again.json()["duplicate"]) == (202, True)
    assert Booking.objects.get().accepted_minor == dearer
    assert Booking.objects.count() == 1


@pytest.mark.failure("W7")
def test_at_most_half_of_the_threads_wait(settings: Any) -> None:
    settings.WEB_THREADS, settings.WEB_WAIT_SECONDS = 4, 20
    given: list[float] = []

    def note(*, seconds: float, **_: Any) -> Booking:
        given.append(seconds)
        return Booking.objects.get()

    with mock.patch.object(waiting, "_seats", []), mock.patch.object(services, "wait_for", side_effect=note):
        with waiting.seat() as first, waiting.seat() as second, waiting.seat() as third:
            assert (first, second, third) == (True, True, False)
            answer = Caller().post("/api/bookings", body(offer()))
        assert (answer.status_code, answer.json()["timeout"]) == (202, True)
        Booking.objects.all().update(trip_digest="")
        assert given == [0.0]
        with waiting.seat() as free:
            assert free


@pytest.mark.failure("W8")
def test_waiting_holds_no_connection() -> None:
    me = Caller()
    me.book(offer())
    booking, held = Booking.objects.get(), []

    def doze(_: float) -> None:
        held.append(connection.connection is not None)

    def wait() -> None:
        with mock.patch("bookings.services.time.sleep", side_effect=doze):
            services.wait_for(booking_id=booking.pk, seconds=20, until=lambda _: len(held) > 2)
        connection.close()

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join(20)
    assert held == [False] * 3
