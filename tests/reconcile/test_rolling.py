"""Live orders and unfinished refunds are looked at again for as long as something may happen to them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bookings import sweep
from bookings.models import Booking
from bookings.reconcile import rolling
from payments.models import Refund
from suppliers.models import SupplierOrder
from tests.trail import rows
from tests.trail.rows import NOW

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


def flying(days: float, **changes: Any) -> SupplierOrder:
    """A ticketed order that leaves in so many days and was looked at just now."""
    booking = rows.booking(status="CONFIRMED", departs_at=NOW + days * DAY)
    row = rows.order(booking, **{"external_id": f"ord_{booking.pk}", "state": "ticketed", "looked_at": NOW, **changes})
    SupplierOrder.objects.filter(pk=row.pk).update(created_at=NOW)
    return row


def looks(order: SupplierOrder, days: int, each: timedelta = timedelta(minutes=15)) -> list[float]:
    """When, in days from now, a driver is sent to look, over so many days; it looks at once."""
    found = []
    now = NOW
    while now < NOW + days * DAY:
        if rolling.look_again(now):
            order.refresh_from_db()
            if order.news_at == now:
                found.append(round((now - NOW) / DAY, 2))
                SupplierOrder.objects.filter(pk=order.pk).update(looked_at=now)
        now += each
    return found


def test_every_live_order_weekly_and_daily_in_the_last_three_days() -> None:
    order = flying(12)
    assert looks(order, 14, timedelta(hours=1)) == [7.0, 9.0, 10.0, 11.0]
    order.refresh_from_db()
    assert order.look_again_at is None, "it has left"


def test_what_was_made_before_days_in_which_nobody_worked_is_enlisted_once_a_day() -> None:
    order = flying(30, looked_at=NOW - 7 * DAY)
    SupplierOrder.objects.update(created_at=NOW - 7 * DAY)
    assert rolling.look_again(NOW) == 0, "it is not young any more"
    assert rolling.enlist(NOW, rolling.AHEAD) == 1 and rolling.enlist(NOW, rolling.AHEAD) == 0
    assert rolling.look_again(NOW) == 1
    order.refresh_from_db()
    assert order.news_at == NOW
    assert "reconcile.enlist" in sweep.TURNS


def test_a_look_of_somebody_else_counts() -> None:
    order = flying(30)
    rolling.look_again(NOW)
    SupplierOrder.objects.update(looked_at=NOW + 5 * DAY)
    assert rolling.look_again(NOW + 7 * DAY) == 0
    assert rolling.look_again(NOW + 12 * DAY + timedelta(minutes=1)) == 1
    order.refresh_from_db()
    assert Booking.objects.get().wakes == 1


@pytest.mark.parametrize(("days", "changes"), [
    (-1, {}), (30, {"state": "cancelled"}), (30, {"state": "not_created", "external_id": ""})])
def test_what_has_left_or_is_not_live_is_not_looked_at(days: int, changes: dict[str, Any]) -> None:
    flying(days, **{"looked_at": NOW - 30 * DAY, **changes})
    assert [rolling.look_again(NOW + turn * DAY) for turn in range(10)] == [0] * 10


def test_at_most_so_many_a_turn_and_those_first_that_waited_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rolling, "MOST", 2)
    orders = [flying(40, looked_at=NOW - 20 * DAY) for _ in range(5)]
    for at, order in enumerate(orders):
        SupplierOrder.objects.filter(pk=order.pk).update(look_again_at=NOW - (5 - at) * timedelta(minutes=1))
    seen = []
    for turn in range(3):
        rolling.look_again(NOW + turn * timedelta(minutes=15))
        told = SupplierOrder.objects.exclude(news_at=None).order_by("news_at", "pk").values_list("pk", flat=True)
        seen = list(told)
    assert seen == [order.pk for order in orders]


def test_a_refund_on_its_way_is_looked_at_daily_until_it_has_arrived() -> None:
    booking = rows.booking(status="CANCELLED")
    payment = rows.payment(booking, external_id="pi_1", state="captured", captured_minor=59999,
                           captured_elsewhere=True)
    words: dict[str, Any] = {"payment": payment, "amount_minor": 100, "currency": "USD", "requested_at": NOW,
                             "sent_at": NOW, "looked_at": NOW}
    waiting = Refund.objects.create(cause="a", state="sent", external_id="re_1", **words)
    Refund.objects.create(cause="b", state="succeeded", external_id="re_2", **words)
    Refund.objects.create(cause="c", state="requested", **words)
    assert rolling.look_again(NOW + DAY - timedelta(minutes=1)) == 0
    assert rolling.look_again(NOW + DAY + timedelta(minutes=1)) == 1
    waiting.refresh_from_db()
    assert waiting.news_at == NOW + DAY + timedelta(minutes=1)
    Refund.objects.filter(pk=waiting.pk).update(looked_at=NOW + DAY + timedelta(minutes=2))
    assert rolling.look_again(NOW + DAY + timedelta(hours=1)) == 0
