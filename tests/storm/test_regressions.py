"""What the storm found, each as the shortest story that broke a promise before it was mended."""

from __future__ import annotations

from datetime import timedelta

from bookings.advance import Drive, advance
from tests.storm.clockwork import Clockwork
from tests.world import World


def test_two_bookings_may_both_fail_to_be_priced(world: World, clockwork: Clockwork) -> None:
    """The row of a failed look at the price belonged to nobody: the second booking's drive ended in an error."""
    first, second = world.booked(), world.booked()
    clockwork.pass_by(timedelta(minutes=2))  # the price that the customers saw is stale
    world.sandbox.fault("duffel.get_offer", "status", status=500, count=6)
    assert (advance(first.pk), advance(second.pk)) == (Drive.SLEEPS, Drive.SLEEPS)
    clockwork.pass_by(timedelta(minutes=1))
    assert (world.drive(first).status, world.drive(second).status) == ("PENDING_PAYMENT", "PENDING_PAYMENT")
