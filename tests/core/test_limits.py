"""Three unpaid holds a customer, also when the presses come together; waits that do not march in step."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from bookings import services
from bookings.facts import load
from bookings.flow import RETRIES, retry_after
from bookings.models import Booking
from bookings.steps import money
from bookings.steps.plan import Moment
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from payments.types import Intent, PaymentState
from tests.core.test_driver import at_once
from tests.world import TICKS, World


def press(booking: Booking) -> str:
    """Hold it; the code of the refusal, "" when it was taken."""
    try:
        services.book(booking=booking, hold=True, accepted_minor=None, acknowledgements=TICKS, again=False,
                      now=clock.now())
    except Problem as problem:
        return problem.code
    return ""


def test_a_fourth_unpaid_hold_is_refused_also_when_one_is_about_to_be_paid(world: World) -> None:
    held = [world.drive(world.booked(hold=True)) for _ in range(3)]
    fourth = world.draft(world.offer())
    assert press(fourth) == "too_many_holds"
    services.pay_later(booking=held[0], now=clock.now())
    assert press(fourth) == "too_many_holds"  # begun is not paid
    services.cancel(booking=held[0], refund_minor=None, now=clock.now())
    assert press(fourth) == ""


@pytest.mark.failure("U7")
def test_six_presses_at_once_make_three_holds(world: World) -> None:
    drafts = [world.draft(world.offer()) for _ in range(6)]
    waiting = iter(drafts)
    ends = at_once(lambda: press(next(waiting)), 6)
    assert sorted(map(str, ends)) == ["", "", "", *["too_many_holds"] * 3]


def test_seats_whose_card_is_awaited_count_as_unpaid_and_the_next_payer_shows_the_card_first(world: World) -> None:
    waiting = [world.drive(world.booked()) for _ in range(3)]
    assert {booking.route for booking in waiting} == {"hold_first"}
    assert press(world.draft(world.offer())) == "too_many_holds"
    fourth = world.drive(world.booked())
    assert (fourth.route, world.order(fourth)) == ("auth_first", None), "no fourth seat before a good card"
    world.pay(waiting[0])
    world.drive(waiting[0], 2)
    assert world.drive(world.booked()).route == "hold_first", "a paid one counts no more"


def test_waits_are_spread_by_a_fifth_and_stay_the_same_for_one_deed() -> None:
    for attempts, wait in enumerate((*RETRIES, timedelta(hours=1)), start=1):
        waits = [retry_after(attempts, f"void payment:{number}") / wait for number in range(500)]
        assert 0.8 <= min(waits) < 0.82 and 1.18 < max(waits) <= 1.2
    assert retry_after(3, "void payment:7") == retry_after(3, "void payment:7")


@pytest.mark.parametrize(("hours", "warnings"), [(23, 1), (25, 0)])
def test_a_card_that_must_be_captured_within_a_day_is_warned_about(
        world: World, caplog: pytest.LogCaptureFixture, hours: int, warnings: int) -> None:
    booking = world.drive(world.booked())
    payment, now = world.payment(booking), clock.now()
    intent = Intent(payment.external_id, PaymentState.AUTHORISED, money.Money(payment.amount_minor, payment.currency),
                    0, 0, card_last4="4242", capture_before=now + timedelta(hours=hours))
    with caplog.at_level(logging.WARNING, logger="bookings.steps.money"):
        for _ in range(2):
            money.see_intent(Moment(story=load(booking), now=now, actor="worker"), intent)
    assert [record.msg for record in caplog.records] == ["capture.soon"] * warnings
