"""An outage of hours ends: what has waited for it goes on within minutes, spread out, and nothing is asked too often."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings import outages, reconcile, services
from bookings.models import Booking, ExternalCall, Outage
from bookings.sweep import due_bookings
from fly2any.kernel import clock
from payments import registry
from payments.gateways.stripe import client
from payments.gateways.stripe.gateway import StripeGateway
from tests.trail import rows
from tests.world import HOLDABLE, INSTANT, World, age

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture(autouse=True)
def impatient(world: World) -> Iterator[None]:
    """The gateway's library does not try again by itself: that only takes time here."""
    base = settings.STRIPE_API_BASE
    with registry.replaced(StripeGateway(client.build(key=settings.STRIPE_SECRET_KEY, base=base, retries=0), base=base)):
        yield


def waits(booking: Booking) -> timedelta:
    """How long until the sweeper looks at it."""
    booking.refresh_from_db()
    assert booking.due_at is not None
    return booking.due_at - clock.now()


def hourly(world: World, booking: Booking) -> Booking:
    """The booking's time comes again and again, as the sweeper would have it, until it waits for about an hour."""
    world.drive(booking)
    for _ in range(20):
        if waits(booking) > 0.7 * HOUR:
            return booking
        age(booking, max(waits(booking), timedelta()))
        world.drive(booking)
    raise AssertionError(f"{booking.status}: never waited for an hour")


def bought(world: World) -> Booking:
    """A ticket that is bought with a good card; taking the money has failed once."""
    booking = world.drive(world.booked(INSTANT))
    world.pay(booking)
    world.sandbox.fault("stripe.capture", "status", status=500, stored=False)
    return world.drive(booking)


def held_and_paid_later(world: World) -> Booking:
    """Seats that were held for days; the customer wants to pay now, so a payment is opened next."""
    booking = world.drive(world.booked(HOLDABLE, hold=True))
    return services.pay_later(booking=booking, now=clock.now())


def cancelled(world: World) -> Booking:
    """Held seats that the customer gives back."""
    booking = world.drive(world.booked(HOLDABLE, hold=True))
    services.cancel(booking=booking, refund_minor=None, now=clock.now())
    return booking


OUT = [  # what fails, the booking that waits for it, how that ends
    pytest.param("stripe.*", bought, "CONFIRMED", id="capture"),
    pytest.param("stripe.*", held_and_paid_later, "PENDING_PAYMENT", id="opening"),
    pytest.param("stripe.capture", bought, "CONFIRMED", id="writes"),
    pytest.param("duffel.*", cancelled, "CANCELLED", id="airline"),
]


@pytest.mark.failure("S21", "D27")
@pytest.mark.parametrize(("what", "make", "end"), OUT)
def test_what_waited_for_hours_goes_on_within_minutes_of_the_first_good_answer(
        world: World, what: str, make: Any, end: str) -> None:
    booking = make(world)
    world.sandbox.fault(what, "status", status=500, count=None, stored=False)
    hourly(world, booking)
    reconcile.light(clock.now())
    world.drive(booking)
    assert outages.bring_forward(clock.now()) == 0  # it lasts
    world.sandbox.http.delete("/_faults")
    if "capture" in what:
        world.drive(bought(world))
    reconcile.light(clock.now())  # somebody is answered, every quarter of an hour at the latest
    assert waits(world.drive(booking)) > HOUR / 2
    assert outages.bring_forward(clock.now()) == 1
    assert waits(booking) <= outages.SPREAD
    age(booking, outages.SPREAD)
    assert booking.pk in due_bookings(clock.now(), 50)
    world.drive(booking)
    age(booking, MINUTE)  # a look has shown what was not done
    assert world.drive(booking).status == end


def told(*codes: str, deed: bool = False, vendor: str = "stripe") -> Any:
    """Answers of a vendor, one after another; when its last outage ended, if it did."""
    Outage.objects.filter(vendor=vendor).delete()
    for code in codes:
        outages.note(vendor, code, clock.now(), deed=deed)
    row = Outage.objects.filter(vendor=vendor).first()
    return row and row.over_at


@pytest.mark.django_db
def test_an_outage_is_five_failures_in_a_row_whoever_saw_them() -> None:
    down = ["gateway_down"] * 5
    assert told(*down) is None
    assert told(*down, "") is not None
    assert told(*down, "card_declined") is not None  # a plain no is an answer
    assert told(*down, "gateway_busy") is None  # and this is none
    assert told(*down[1:], "") is None
    assert told(*down[1:], "", *down[1:], "") is None
    assert told() is None


@pytest.mark.django_db
def test_looks_that_work_hide_no_outage_of_what_changes_something() -> None:
    def seen(*, deed: bool, code: str = "") -> Any:
        outages.note("stripe", code, clock.now(), deed=deed)
        return Outage.objects.values_list("over_at", flat=True).first()

    for _ in range(5):
        seen(deed=True, code="gateway_down")
        assert seen(deed=False) is None
    assert seen(deed=True) is not None


# --- only what waits for this vendor, since then, and not all at once -----------------------------------------------


def waiting(kind: str = "capture", code: str = "gateway_down", ago: timedelta = HOUR / 2, **of_booking: Any) -> Booking:
    """A booking whose call failed `ago` and is tried again in an hour."""
    now = clock.now()
    booking = rows.booking(due_at=now + HOUR, **of_booking)
    ExternalCall.objects.create(booking=booking, kind=kind, subject=f"payment:{booking.pk}", state="merged", attempts=8,
                                outcome="unknown", code=code, asked_at=now - ago, answered_at=now - ago,
                                retry_at=now + HOUR)
    return booking


@pytest.mark.django_db
def test_what_waits_for_another_reason_goes_on_waiting() -> None:
    Outage.objects.create(vendor="stripe", over_at=clock.now() - 10 * MINUTE)
    others = [
        waiting("pay_order"), waiting(code="card_declined"), waiting(code="gateway_busy"),
        waiting(ago=MINUTE),  # it failed after the outage
        waiting(parked_at=clock.now()),
    ]
    assert outages.bring_forward(clock.now()) == 0
    Outage.objects.create(vendor="duffel", over_at=clock.now() - 10 * MINUTE)
    assert outages.bring_forward(clock.now()) == 1
    assert waits(others[0]) < outages.SPREAD
    assert all(waits(one) > HOUR / 2 for one in others[1:])
    Outage.objects.update(over_at=clock.now() - 3 * HOUR)
    waiting()
    assert outages.bring_forward(clock.now()) == 0


@pytest.mark.django_db
def test_many_are_spread_over_five_minutes_once_with_one_statement_for_all() -> None:
    over = clock.now() - MINUTE
    Outage.objects.create(vendor="stripe", over_at=over)
    many = [waiting() for _ in range(30)]
    seen = many[0].wakes
    now = clock.now()
    with CaptureQueriesContext(connection) as asked:
        assert outages.bring_forward(now) == 30
    assert len(asked) == 3  # which outages have ended; what waits, twice: the second time nothing does
    starts = sorted(waits(booking) for booking in many)
    assert len({round(start.total_seconds() / 10) for start in starts}) > 10
    assert starts[0] >= -MINUTE / 6 and starts[-1] <= outages.SPREAD
    assert all(booking.wakes == seen + 1 for booking in many)  # a driver that sleeps just now looks again
    assert outages.bring_forward(clock.now()) == 0


@pytest.mark.django_db
def test_nothing_is_read_while_no_outage_has_ended() -> None:
    waiting()
    now = clock.now()
    with CaptureQueriesContext(connection) as asked:
        outages.bring_forward(now)
    assert len(asked) == 1
