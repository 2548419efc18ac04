"""Idempotency-Key: carried out once; twins, other bodies, other people and dead processes (reliability.md 5)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import connection
from django.db.models import F

from bookings import services
from bookings.models import Booking, Idempotency
from suppliers.models import OfferClaim
from tests.api.shop import Caller, body, offer, person, refused, total

pytestmark = pytest.mark.django_db(transaction=True)


def known() -> Caller:
    """A browser that has its guest cookie already."""
    me = Caller()
    me.get("/api/bookings")
    return me


def test_a_finished_twin_gets_the_stored_answer() -> None:
    row, me = offer(), known()
    first = me.book(row, Idempotency_Key="key-1")
    again = me.book(row, Idempotency_Key="key-1")
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first
    assert Booking.objects.count() == 1


def test_aliases_share_their_keys() -> None:
    row, me = offer(), known()
    me.book(row, Idempotency_Key="key-1")
    assert me.book(row, "/api/flights/create-order", Idempotency_Key="key-1")["Idempotent-Replayed"] == "true"


@pytest.mark.failure("W5")
def test_another_body_is_refused() -> None:
    row, me = offer(), known()
    me.book(row, Idempotency_Key="key-1")
    refused(me.book(row, data=body(row, bookAgain=True), Idempotency_Key="key-1"), 422, "key_reused")


def test_a_key_belongs_to_one_customer() -> None:
    row = offer()
    assert known().book(row, Idempotency_Key="key-1").status_code == 202
    answer = known().book(row, Idempotency_Key="key-1")
    assert "Idempotent-Replayed" not in answer
    refused(answer, 409, "offer_taken")


@pytest.mark.failure("W6")
def test_a_running_twin_is_told_to_wait() -> None:
    row, me = offer(), known()
    me.book(row, Idempotency_Key="key-1")
    Idempotency.objects.update(status=None, body=None)
    answer = me.book(row, Idempotency_Key="key-1")
    refused(answer, 409, "twin_running")
    assert int(answer["Retry-After"]) >= 1


@pytest.mark.failure("W3")
def test_a_request_whose_process_died_is_taken_over_and_finds_its_booking() -> None:
    row, me = offer(), known()
    me.book(row, Idempotency_Key="key-1")
    Idempotency.objects.update(status=None, body=None, created_at=F("created_at") - timedelta(seconds=46))
    answer = me.book(row, Idempotency_Key="key-1")
    assert answer.status_code == 202
    assert answer.json()["duplicate"] is True
    assert Booking.objects.count() == 1
    assert Idempotency.objects.get().status == 202


def test_a_refused_request_leaves_the_key_free() -> None:
    row, me = offer(), known()
    refused(me.book(row, data=body(row, acceptedTotal=total(row, 1)), Idempotency_Key="key-1"), 409, "price_changed")
    refused(me.book(row, data=body(row, passengers=[person(givenName="")]), Idempotency_Key="key-1"), 422,
            "validation_failed")
    assert Idempotency.objects.count() == 0
    assert me.book(row, Idempotency_Key="key-1").status_code == 202


def test_a_booking_that_failed_keeps_its_answer() -> None:
    """A booking was made and refused by the airline: the twin must not make another one (I10)."""
    row, me = offer(), known()

    def refuse(**_: Any) -> Booking:
        Booking.objects.update(status="FAILED", progress="closed", closing="sold_out")
        OfferClaim.objects.all().delete()
        return Booking.objects.get()

    with mock.patch.object(services, "wait_for", side_effect=refuse):
        first = me.post("/api/bookings", body(row), Idempotency_Key="key-1")
    again = me.post("/api/bookings", body(row), Idempotency_Key="key-1")
    refused(first, 409, "sold_out")
    assert again.json() == first.json()
    assert again["Idempotent-Replayed"] == "true"
    assert Booking.objects.count() == 1


@pytest.mark.parametrize("key", ["", "a" * 201, "with blank", "ümlaut"])
def test_a_key_that_is_no_key(key: str) -> None:
    refused(known().book(offer(), Idempotency_Key=key), 400, "invalid_key")


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """Run the calls in threads that start together."""
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            gate.wait(10)
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(30) for future in [pool.submit(run, call) for call in calls]]


def twins(me: Caller, count: int) -> list[Caller]:
    """The same browser in several tabs."""
    made = [Caller() for _ in range(count)]
    for one in made:
        one.client.cookies = me.client.cookies
    return made


def test_one_customer_with_one_key_at_once() -> None:
    row, me = offer(), known()
    answers = at_once([lambda one=one: one.book(row, Idempotency_Key="key-1") for one in twins(me, 8)])
    codes = Counter(answer.status_code for answer in answers)
    assert set(codes) <= {202, 409}
    assert codes[202] >= 1
    assert all(answer.json()["code"] == "twin_running" for answer in answers if answer.status_code == 409)
    assert Booking.objects.count() == 1


def test_one_customer_with_many_keys_at_once() -> None:
    row, me = offer(), known()
    answers = at_once([lambda one=one, key=str(at): one.book(row, Idempotency_Key=key)
                       for at, one in enumerate(twins(me, 8))])
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["booking"]["bookingReference"] for answer in answers}) == 1
    assert Booking.objects.count() == 1


def test_many_customers_at_once() -> None:
    row = offer()
    answers = at_once([lambda one=known(): one.book(row) for _ in range(8)])
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 7
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"offer_taken"}
    assert Booking.objects.count() == 1


def test_one_key_with_many_bodies_at_once() -> None:
    row, me = offer(), known()
    names = [person(givenName=f"Ada{'abcdefgh'[at]}") for at in range(8)]
    answers = at_once([lambda one=one, name=name: one.book(row, data=body(row, passengers=[name]), Idempotency_Key="k")
                       for one, name in zip(twins(me, 8), names, strict=True)])
    codes = Counter(answer.status_code for answer in answers)
    assert codes == {202: 1, 422: 7}
    assert Booking.objects.count() == 1


def test_without_the_claim_the_same_race_makes_many_bookings() -> None:
    """The control: take the constraint away, and the damage shows."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE suppliers_offerclaim DROP CONSTRAINT offer_is_claimed_once")
    try:
        row = offer()
        with mock.patch("bookings.services.claimed_by", side_effect=LookupError), mock.patch(
                "suppliers.models.OfferClaim.objects.filter") as lookup:
            lookup.return_value.exists.return_value = False
            people = [person(givenName=f"Ada{'abcd'[at]}") for at in range(4)]
            at_once([lambda one=known(), who=who: one.book(row, data=body(row, passengers=[who])) for who in people])
        assert Booking.objects.count() == 4
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM suppliers_offerclaim")
            cursor.execute("ALTER TABLE suppliers_offerclaim ADD CONSTRAINT offer_is_claimed_once "
                           "UNIQUE (supplier, offer_key)")
