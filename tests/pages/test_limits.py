"""The pages that touch payments are limited like the API: five calls a minute, ten unpaid reservations a day."""

from __future__ import annotations

import pytest
from django.test import Client

from bookings import limits
from bookings.models import Attempt
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from tests.pages.travel import make
from tests.trail import rows

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("door", ["pay", "look"])
def test_a_sixth_payment_call_within_a_minute_is_refused(guest: Client, principal: str, door: str) -> None:
    booking = make(principal, status="PENDING_PAYMENT", progress="card")
    rows.payment(booking)
    answers = [guest.post(f"/trips/{booking.reference}/{door}", headers={"Accept": "application/json"})
               for _ in range(6)]
    assert [answer.status_code for answer in answers] == [202] * 5 + [429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert answers[-1].json()["code"] == "throttled"


def test_ten_reservations_a_day_then_the_card_comes_first() -> None:
    now = clock.now()
    asked = [limits.unpaid_seats("10.1.1.1", chosen=False, holdable=True, now=now) for _ in range(11)]
    assert asked == [True] * 10 + [False]
    with pytest.raises(Problem) as refused:
        limits.unpaid_seats("10.1.1.1", chosen=True, holdable=True, now=now)
    assert refused.value.code == "throttled"


def test_a_fare_that_reserves_nothing_unpaid_counts_nothing() -> None:
    assert limits.unpaid_seats("10.1.1.2", chosen=False, holdable=False, now=clock.now()) is False
    assert not Attempt.objects.filter(scope="holds").exists()
