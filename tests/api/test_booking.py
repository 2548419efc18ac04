"""POST /api/bookings: made once, for one customer, at the server's price."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings.models import Booking, Idempotency
from suppliers.models import OfferClaim
from tests.api.shop import Caller, body, offer, person, refused, service_of, total

pytestmark = pytest.mark.django_db(transaction=True)


def test_accepted_at_once_with_respond_async() -> None:
    row = offer()
    answer = Caller().book(row)
    told = answer.json()
    assert answer.status_code == 202
    assert answer["Preference-Applied"] == "respond-async"
    booking = Booking.objects.get()
    assert answer["Location"] == told["statusUrl"] == f"/api/payments/status/{booking.reference}"
    assert told["success"] is True
    assert told["booking"]["bookingReference"] == booking.reference
    assert told["booking"]["status"] == "PENDING"
    assert told["booking"]["total"]["amount"] == total(row)["amount"]
    assert (booking.wish, booking.accepted_minor, booking.contact_email) == ("book", row.total_minor, "ada@example.com")
    assert booking.passengers.count() == 1
    assert booking.segments.count() == 2
    assert booking.acknowledgements[0]["address"] == "127.0.0.1"
    assert OfferClaim.objects.filter(booking=booking).count() == 2


def test_the_wait_ends_with_202_and_where_to_watch() -> None:
    answer = Caller().post("/api/bookings", body(offer()))
    told = answer.json()
    assert answer.status_code == 202
    assert (told["success"], told["timeout"], told["code"]) == (False, True, "supplier_timeout")
    assert "You have not been charged." in told["message"]
    assert told["booking"]["bookingReference"] in told["statusUrl"]


@pytest.mark.parametrize("path", ["/api/flights/booking/create", "/api/flights/create-order"])
def test_other_names_reach_the_same_handler(path: str) -> None:
    me = Caller()
    assert me.book(offer(), path).status_code == 202
    listed = me.get("/api/flights/my-orders").json()["bookings"]
    assert [one["bookingReference"] for one in listed] == [Booking.objects.get().reference]


def test_the_same_customer_gets_the_first_booking_again() -> None:
    row, me = offer(), Caller()
    first = me.book(row).json()
    again = me.post("/api/bookings", body(row))
    assert Booking.objects.count() == 1
    assert again.json()["booking"]["bookingReference"] == first["booking"]["bookingReference"]
    Booking.objects.update(progress="card", status="PENDING_PAYMENT")
    answer = me.post("/api/bookings", body(row))
    assert (answer.status_code, answer.json()["duplicate"]) == (200, True)


def test_another_customer_is_told_that_it_is_gone_and_nothing_else() -> None:
    row = offer()
    first = Caller().book(row).json()["booking"]["bookingReference"]
    answer = Caller().book(row)
    told = refused(answer, 409, "offer_taken")
    assert first not in str(told)
    assert Booking.objects.count() == 1


@pytest.mark.failure("C6")
def test_a_sent_total_is_compared_and_never_used() -> None:
    row = offer()
    told = refused(Caller().book(row, data=body(row, acceptedTotal=total(row, -1))), 409, "price_changed")
    assert told["total"] == total(row)
    refused(Caller().book(row, data=body(row, acceptedTotal={"amount": "1.50", "currency": "JPY"})), 400,
            "invalid_request")
    assert Booking.objects.count() == 0


def test_extras_are_priced_by_the_server() -> None:
    row = offer(kinds="aa")
    bag = service_of(row)
    asked = [{"serviceId": bag["external_id"], "quantity": 1}]
    answer = Caller().book(row, data=body(row, services=asked, acceptedTotal=total(row, bag["price"]["minor"])))
    assert answer.status_code == 202, answer.content
    booking = Booking.objects.get()
    assert (booking.services_minor, booking.route) == (bag["price"]["minor"], "auth_first")
    refused(Caller().book(row, data=body(row, services=[{"serviceId": bag["external_id"], "quantity": 9}])), 422,
            "validation_failed")


def test_our_fee_is_part_of_the_total(settings: Any) -> None:
    settings.SERVICE_FEE_MINOR = 1200
    row = offer()
    refused(Caller().book(row), 409, "price_changed")
    assert Caller().book(row, data=body(row, acceptedTotal=total(row, 1200))).status_code == 202
    assert Booking.objects.get().accepted_minor == row.total_minor + 1200


def test_extras_in_another_currency_are_refused() -> None:
    row = offer()
    bag = service_of(row)
    bag["price"] = {"minor": 100, "currency": "JPY"}
    row.save()
    told = refused(Caller().book(row, data=body(row, services=[{"serviceId": bag["external_id"], "quantity": 1}])),
                   422, "validation_failed")
    assert set(told["fieldErrors"]) == {"services.0.serviceId"}


def test_a_hold_takes_no_extras_and_no_instant_fare() -> None:
    row = offer()
    bag = service_of(row)
    asked = body(row, isHold=True, services=[{"serviceId": bag["external_id"], "quantity": 1}],
                 acceptedTotal=total(row, bag["price"]["minor"]))
    assert set(refused(Caller().book(row, data=asked), 422, "hold_not_possible")["fieldErrors"]) == {"isHold"}
    instant = offer(instant=True)
    refused(Caller().book(instant, data=body(instant, isHold=True)), 422, "hold_not_possible")
    assert Booking.objects.count() == 0


@pytest.mark.failure("U7")
def test_ten_holds_a_day_and_address() -> None:
    for _ in range(10):
        row = offer()
        assert Caller().book(row, data=body(row, isHold=True, bookAgain=True)).status_code == 202
    row = offer()
    answer = Caller().book(row, data=body(row, isHold=True, bookAgain=True))
    refused(answer, 429, "throttled")
    assert int(answer["Retry-After"]) > 0


def test_both_confirmations_are_needed() -> None:
    row = offer()
    told = refused(Caller().book(row, data=body(row, acknowledgements=[{"code": "dangerous_goods"}])), 422,
                   "terms_not_accepted")
    assert set(told["fieldErrors"]) == {"acknowledgements.names_and_terms"}
    assert Booking.objects.count() == 0


@pytest.mark.failure("U5")
def test_the_same_people_on_the_same_flights_are_asked_first() -> None:
    first, second, me = offer(), offer(), Caller()
    reference = me.book(first).json()["booking"]["bookingReference"]
    assert refused(me.book(second), 409, "same_trip")["existing"] == reference
    assert me.book(second, data=body(second, bookAgain=True)).status_code == 202
    made = Booking.objects.get(offer=second)
    assert made.again_for == made.trip_digest != ""


def test_a_strangers_booking_of_the_same_people_is_nobodys_business() -> None:
    first, second = offer(), offer()
    assert Caller().book(first).status_code == 202
    answer = Caller().book(second)
    assert answer.status_code == 202
    assert "duplicate" not in answer.json()


def test_few_statements_and_no_supplier() -> None:
    me = Caller()
    me.book(offer())  # caches are warm, the cookie is there
    row = offer()
    asked = body(row, bookAgain=True, passengers=[person(givenName="Grace")])
    with CaptureQueriesContext(connection) as seen:
        answer = me.book(row, data=asked, Idempotency_Key="k1")
    assert answer.status_code == 202, answer.content
    statements = [one["sql"][:120] for one in seen if "suppliers_breakerstate" not in one["sql"]]  # read again every few seconds
    assert len(statements) <= 16, "\n".join(statements)
    assert Idempotency.objects.get().status == 202
