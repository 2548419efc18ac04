"""When new bookings stop, who is let through after the pause, and that every process sees it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connections
from django.db.models.functions import Now

from fly2any.kernel.errors import OutcomeUnknown, Outside, Refused, Unavailable
from suppliers import breaker
from suppliers.models import BreakerState

DOWN = Unavailable("supplier_down")
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    breaker.reset()
    yield
    breaker.reset()


def other_process() -> None:
    """What another process knows: nothing counted, nothing cached."""
    breaker.reset()


def see(*ends: Outside | None) -> None:
    for end in ends:
        breaker.observe("duffel", "create", end)


def pause_over() -> None:
    BreakerState.objects.update(open_until=Now() - timedelta(seconds=1))
    breaker._forget()


@pytest.mark.failure("D19")
def test_five_failures_in_a_row_open_it() -> None:
    see(DOWN, DOWN, DOWN, DOWN)
    assert breaker.is_open("duffel", "create") is None
    see(OutcomeUnknown("supplier_timeout"))
    assert breaker.is_open("duffel", "create") is not None


def test_a_success_in_between_starts_the_row_again() -> None:
    see(DOWN, DOWN, DOWN, DOWN, None, DOWN, DOWN, DOWN, DOWN)
    assert breaker.is_open("duffel", "create") is None


def test_half_of_ten_calls_failing_opens_it() -> None:
    see(*(DOWN, None) * 4, DOWN)
    assert breaker.is_open("duffel", "create") is None  # nine calls
    see(DOWN)
    assert breaker.is_open("duffel", "create") is not None


def test_less_than_half_does_not() -> None:
    see(*(DOWN, None, None) * 10)
    assert breaker.is_open("duffel", "create") is None


def test_old_failures_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(breaker.time, "monotonic", lambda: now[0])
    see(*(None, DOWN) * 4)
    now[0] += 31
    see(None, DOWN)
    assert breaker.is_open("duffel", "create") is None


@pytest.mark.parametrize("answer", [
    Refused("offer_expired"), Refused("passenger_rejected"), Unavailable("supplier_busy"),
    Unavailable("misconfigured"), OutcomeUnknown("already_booked"), OutcomeUnknown("accepted_pending"),
])
def test_an_answer_that_shows_the_supplier_at_work_does_not_count(answer: Outside) -> None:
    see(*[answer] * 12)
    assert breaker.is_open("duffel", "create") is None


def test_other_kinds_and_suppliers_are_not_touched() -> None:
    see(*[DOWN] * 5)
    assert breaker.is_open("duffel", "search") is None
    assert breaker.is_open("amadeus", "create") is None


def test_another_process_sees_it() -> None:
    see(*[DOWN] * 5)
    other_process()
    assert breaker.is_open("duffel", "create") is not None


def test_after_the_pause_one_caller_is_let_through() -> None:
    see(*[DOWN] * 5)
    pause_over()
    assert breaker.is_open("duffel", "create") is None
    assert breaker.is_open("duffel", "create") is not None
    other_process()
    assert breaker.is_open("duffel", "create") is not None


def test_of_eight_at_once_one_is_let_through() -> None:
    see(*[DOWN] * 5)
    pause_over()
    start = threading.Barrier(8)
    answers: list[object] = []

    def ask() -> None:
        start.wait()
        answers.append(breaker.is_open("duffel", "create"))
        connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert answers.count(None) == 1


@pytest.mark.failure("D19")
def test_a_good_trial_closes_it_and_a_bad_one_keeps_it_shut() -> None:
    see(*[DOWN] * 5)
    pause_over()
    assert breaker.is_open("duffel", "create") is None
    see(DOWN)
    assert breaker.is_open("duffel", "create") is not None
    pause_over()
    assert breaker.is_open("duffel", "create") is None
    other_process()  # the trial may end in another process than the one that counted
    see(None)
    assert breaker.is_open("duffel", "create") is None
    see(DOWN, DOWN, DOWN, DOWN)
    assert breaker.is_open("duffel", "create") is None


def test_a_healthy_supplier_costs_no_writes(django_assert_max_num_queries: object) -> None:
    with django_assert_max_num_queries(1):  # type: ignore[operator]
        see(*[None] * 50)
        for _ in range(50):
            breaker.is_open("duffel", "create")


OFF = Unavailable("provider_off", vendor_code="38187")


def test_a_closed_account_stops_every_kind_of_call_at_once_and_for_an_hour() -> None:
    breaker.observe("amadeus", "search", OFF)
    other_process()
    assert breaker.is_off("amadeus") and not breaker.is_off("duffel")
    assert all(breaker.is_open("amadeus", kind) for kind in ("search", "offer", "order"))
    assert breaker.is_open("duffel", "search") is None
    row = BreakerState.objects.get()
    assert (row.kind, row.reason) == ("account", "provider_off 38187")
    assert BreakerState.objects.filter(open_until__gt=Now() + timedelta(minutes=59)).exists()


def test_after_the_hour_one_caller_tries_and_a_success_opens_the_supplier_again() -> None:
    breaker.observe("amadeus", "search", OFF)
    pause_over()
    assert breaker.is_open("amadeus", "offer") is None  # this one may try
    assert breaker.is_open("amadeus", "search") is not None
    breaker.observe("amadeus", "offer", Refused("offer_expired"))
    assert breaker.is_open("amadeus", "search") is None and not breaker.is_off("amadeus")


def test_staff_open_it_again_at_once() -> None:
    breaker.observe("amadeus", "search", OFF)
    breaker.reopen("amadeus")
    assert breaker.is_open("amadeus", "search") is None and not breaker.is_off("amadeus")
