"""Many at once: one message fifty times, and messages against a driver that holds the same rows."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection, transaction

from bookings.models import Booking
from payments import inbox
from payments.models import GatewayEvent, Payment
from suppliers.models import SupplierEvent, SupplierOrder
from tests.trail import rows
from tests.trail.messages import DUFFEL, STRIPE, duffel_event, post, stripe_event

pytestmark = pytest.mark.django_db(transaction=True)


def alone(work: Callable[..., object]) -> Callable[..., object]:
    """Run in a thread with a database connection of its own, given back at the end."""

    def run(*args: object) -> object:
        try:
            return work(*args)
        finally:
            connection.close()

    return run


@pytest.mark.failure("H2")
def test_one_message_fifty_times_at_once_is_heard_once() -> None:
    booking = rows.booking()
    rows.payment(booking, external_id="pi_mine")
    rows.order(booking, external_id="ord_mine", state="held")
    events = [(STRIPE, stripe_event("evt_1", intent="pi_mine")), (DUFFEL, duffel_event("wev_1", "order.updated", order_id="ord_mine"))]
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(alone(lambda pair: post(*pair)), events * 50))
    booking.refresh_from_db()
    assert answers == [200] * 100
    assert (GatewayEvent.objects.count(), SupplierEvent.objects.count(), booking.wakes) == (1, 1, 2)


def test_without_the_constraint_the_same_message_is_heard_again() -> None:
    """The control: the unique index is what keeps the fifty from waking the booking fifty times."""
    booking = rows.booking()
    rows.payment(booking, external_id="pi_mine")
    keep = re.sub(r"ON CONFLICT.*?(?=RETURNING)", "", inbox._KEEP, flags=re.DOTALL)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE payments_gatewayevent DROP CONSTRAINT gateway_event_is_kept_once")
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(inbox, "_KEEP", keep)
            for _ in range(5):
                assert post(STRIPE, stripe_event("evt_1", intent="pi_mine")) == 200
        booking.refresh_from_db()
        assert (GatewayEvent.objects.count(), booking.wakes) == (5, 5)
    finally:
        GatewayEvent.objects.all().delete()
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE payments_gatewayevent ADD CONSTRAINT gateway_event_is_kept_once "
                           "UNIQUE (provider, event_id)")


def _drive(booking_id: int, locked: threading.Event, goes_on: threading.Event) -> None:
    """What a driver does with the rows, in its order: booking, order, payment."""
    with transaction.atomic(durable=True):
        Booking.objects.select_for_update(of=("self",), no_key=True).get(pk=booking_id)
        locked.set()
        assert goes_on.wait(10)
        for model in (SupplierOrder, Payment):
            row = model.objects.select_for_update(of=("self",), no_key=True).get(booking_id=booking_id)
            row.save(update_fields=["state"])


def _waiting_for_a_lock() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                       "AND datname = current_database()")
        return int(cursor.fetchone()[0])


@pytest.mark.failure("P8")
def test_messages_and_a_driver_never_wait_for_each_other() -> None:
    """The driver holds the booking; both messages queue behind it and hold nothing that it still needs."""
    booking = rows.booking()
    rows.payment(booking, external_id="pi_mine")
    rows.order(booking, external_id="ord_mine", state="held")
    locked, goes_on = threading.Event(), threading.Event()
    with ThreadPoolExecutor(3) as pool:
        driver = pool.submit(alone(_drive), booking.pk, locked, goes_on)
        assert locked.wait(10)
        heard = [pool.submit(alone(post), STRIPE, stripe_event("evt_1", intent="pi_mine")),
                 pool.submit(alone(post), DUFFEL, duffel_event("wev_1", "order.updated", order_id="ord_mine"))]
        for _ in range(500):
            if _waiting_for_a_lock() == 2:
                break
            threading.Event().wait(0.01)
        assert _waiting_for_a_lock() == 2
        goes_on.set()
        driver.result()
        assert [message.result() for message in heard] == [200, 200]
    booking.refresh_from_db()
    assert booking.wakes == 2


def test_marking_the_payment_before_the_booking_would_deadlock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the other order of locks is what PostgreSQL ends by force."""

    def payment_first(booking_id: int, payment_id: int, refund_id: int | None, now: object) -> None:
        Payment.objects.filter(pk=payment_id).update(news_at=now)
        inbox.listeners.tell(booking_id, now)  # type: ignore[arg-type]

    monkeypatch.setattr(inbox, "_tell", payment_first)
    booking = rows.booking()
    rows.payment(booking, external_id="pi_mine")
    rows.order(booking, external_id="ord_mine", state="held")
    locked, goes_on = threading.Event(), threading.Event()
    with ThreadPoolExecutor(2) as pool:
        driver = pool.submit(alone(_drive), booking.pk, locked, goes_on)
        assert locked.wait(10)
        message = pool.submit(alone(post), STRIPE, stripe_event("evt_1", intent="pi_mine"))
        for _ in range(500):
            if _waiting_for_a_lock() == 1:
                break
            threading.Event().wait(0.01)
        goes_on.set()
        ends = [message.result()]
        try:
            driver.result()
        except OperationalError as error:
            ends.append("deadlock" if "deadlock" in str(error) else "timeout")
    assert ends in ([500], [200, "deadlock"])
