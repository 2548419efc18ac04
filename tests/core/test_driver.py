"""One driver per booking, news that cannot be slept through, and what Postgres itself forbids."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from django.db import DatabaseError, IntegrityError, connection, transaction

import bookings.advance
from bookings import services, sweep
from bookings.advance import Drive, advance
from bookings.facts import load
from bookings.models import Booking, Case, Diary
from bookings.steps import money, orders
from bookings.steps.plan import Moment
from fly2any.kernel import clock, http
from payments.models import Payment
from payments.registry import gateway
from payments.types import PaymentState
from suppliers import registry
from suppliers.models import OfferClaim, SupplierOrder
from suppliers.types import OrderState
from tests.world import World, age

CONSTRAINTS = {
    "booking_has_one_live_order": SupplierOrder, "offer_has_one_live_order": SupplierOrder,
    "booking_has_one_active_payment": Payment,
}


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Drop constraints for a control run."""
    with connection.schema_editor() as editor:
        for name in names:
            model = CONSTRAINTS[name]
            editor.remove_constraint(model, next(c for c in model._meta.constraints if c.name == name))
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE bookings_booking CASCADE")
        with connection.schema_editor() as editor:
            for name in names:
                model = CONSTRAINTS[name]
                editor.add_constraint(model, next(c for c in model._meta.constraints if c.name == name))


def at_once(work: Callable[[], object], times: int) -> list[object]:
    """Run `work` in threads that start together; their results or errors."""
    gate, results = threading.Barrier(times), list[object]()

    def run() -> None:
        gate.wait()
        try:
            results.append(work())
        except Exception as error:  # noqa: BLE001
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def posts(world: World) -> int:
    return len([r for r in world.events("duffel", "request") if r["operation"] == "duffel.create_order"])


@pytest.mark.failure("K9", "R5")
def test_ten_drivers_at_once_make_one_order(world: World) -> None:
    booking = world.booked()
    world.sandbox.fault("duffel.create_order", "latency", seconds=0.5, count=5)
    ends = at_once(lambda: advance(booking.pk), 10)
    assert sorted(map(str, ends)).count(Drive.BUSY) == 9
    assert posts(world) == 1


def test_control_without_lock_and_constraints_the_order_is_asked_for_more_than_once(
        world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoLock:
        def check(self) -> None:
            pass

    @contextmanager
    def nobody(booking_id: int) -> Iterator[NoLock]:
        yield NoLock()

    monkeypatch.setattr(bookings.advance, "driver", nobody)
    real = bookings.advance.booking_for_update
    monkeypatch.setattr(bookings.advance, "booking_for_update",
                        lambda pk: (Booking.objects.get(pk=pk), clock.now()))
    with without(*CONSTRAINTS):
        booking = world.booked()
        world.sandbox.fault("duffel.offer", "latency", seconds=0.3, count=20)
        world.sandbox.fault("duffel.create_order", "latency", seconds=0.5, count=20)
        at_once(lambda: advance(booking.pk), 6)
        assert posts(world) > 1, "the guards guard nothing"
    assert real is not bookings.advance.booking_for_update


@pytest.mark.failure("K10")
def test_news_that_comes_while_the_driver_works_is_heard(world: World) -> None:
    """The customer pays while the driver looks at the unpaid intent; nobody has to wait five minutes for it."""
    booking = world.drive(world.booked())
    age(booking, timedelta(minutes=6))  # a look at the payment is due
    world.sandbox.fault("stripe.retrieve_payment_intent", "hang", seconds=0.6, count=1)
    driver = threading.Thread(target=lambda: (advance(booking.pk), connection.close()))
    driver.start()
    threading.Event().wait(0.3)
    world.pay(booking)  # after the picture was taken, before the driver goes to sleep
    driver.join()
    booking.refresh_from_db()
    assert booking.status == "CONFIRMED" or booking.due_at <= clock.now()
    assert world.drive(booking).status == "CONFIRMED"


@pytest.mark.failure("K10")
def test_news_between_the_last_look_and_the_unlock_is_driven_at_once(
        world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is woken then finds the driver busy and goes away; it must not take a sweep to notice."""
    booking = world.drive(world.booked())
    real, paid = bookings.advance.driver, list[bool]()

    @contextmanager
    def paid_meanwhile(booking_id: int) -> Iterator[object]:
        with real(booking_id) as lock:
            yield lock
            if not paid:
                paid.append(True)
                world.pay(booking)

    monkeypatch.setattr(bookings.advance, "driver", paid_meanwhile)
    assert advance(booking.pk) is Drive.SLEEPS
    booking.refresh_from_db()
    assert booking.status == "CONFIRMED"


@pytest.mark.failure("W1")
def test_status_and_sweeper_find_what_nobody_was_told_about(world: World) -> None:
    booking = world.booked()
    assert sweep.due_bookings(clock.now(), 50) == [booking.pk]
    world.drive(booking)
    assert sweep.due_bookings(clock.now(), 50) == []


def test_a_wrong_clock_of_this_machine_moves_no_deadline(world: World) -> None:
    """Deadlines are compared with the database's clock (reliability.md 9)."""
    booking = world.drive(world.booked())
    assert booking.due_at is not None and booking.due_at > clock.now()
    for wrong in (timedelta(days=30), timedelta(days=-30)):
        with time_machine.travel(clock.now() + wrong):
            assert sweep.due_bookings(clock.now(), 50) == []
            assert sweep.claim_turn(f"turn {wrong}", clock.now(), timedelta(days=1))
        assert not sweep.claim_turn(f"turn {wrong}", clock.now(), timedelta(days=1))
    age(booking, timedelta(days=1))
    with time_machine.travel(clock.now() - timedelta(days=30)):
        assert sweep.due_bookings(clock.now(), 50) == [booking.pk]


def test_an_older_picture_of_an_order_or_a_payment_moves_nothing(world: World) -> None:
    """States only move forward (reliability.md 8.3), in whichever order answers and messages come."""
    booking = world.drive(world.booked())
    world.pay(booking)
    assert world.drive(booking).status == "CONFIRMED"
    moment = Moment(load(booking), clock.now(), "test")
    order = registry.get("duffel").order(world.order(booking).external_id)
    intent = gateway().get(world.payment(booking).external_id)
    orders.see_order(moment, replace(order, state=OrderState.HELD))
    money.see_intent(moment, replace(intent, state=PaymentState.AUTHORISED, captured_minor=0))
    assert (world.order(booking).state, world.payment(booking).state) == ("ticketed", "captured")
    assert world.payment(booking).captured_minor == booking.accepted_minor
    assert [line.event for line in moment.lines if line.event.endswith(".moved")] == []


@pytest.mark.failure("K11")
def test_a_bug_is_counted_and_parked_with_a_case(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    booking = world.booked()

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(bookings.advance, "decide", broken)
    for _ in range(10):
        assert advance(booking.pk) is Drive.FAILED
    booking.refresh_from_db()
    assert booking.parked_at is not None and Case.objects.filter(kind="parked", booking=booking).count() == 1
    age(booking, timedelta(days=1))
    assert sweep.due_bookings(clock.now(), 50) == []
    monkeypatch.undo()
    services.look_now(booking=booking, now=clock.now())
    with transaction.atomic():
        from bookings.wake import wake

        wake(booking.pk, clock.now())
    assert sweep.due_bookings(clock.now(), 50) == [booking.pk]


@pytest.mark.failure("P9")
def test_no_network_inside_a_transaction(world: World) -> None:
    from suppliers import registry

    with transaction.atomic(), pytest.raises(http.CalledInsideTransaction):
        registry.get("duffel").order("ord_x")


def test_a_host_that_no_setting_names_is_never_called() -> None:
    with pytest.raises(http.HostNotAllowed):
        http.guard("http://169.254.169.254/latest/meta-data")


@pytest.mark.failure("P7")
def test_the_diary_cannot_be_changed(world: World) -> None:
    booking = world.booked()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Diary.objects.filter(booking=booking).update(cause="nothing happened")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Diary.objects.filter(booking=booking).delete()


@pytest.mark.parametrize(("change", "constraint"), [
    ({"captured_minor": 10**9}, "payment_never_captures_more_than_agreed"),
    ({"refunded_minor": 1}, "payment_never_refunds_more_than_captured"),
    ({"state": "captured"}, "payment_captured_needs_an_airline_order"),
    ({"state": "capturing"}, "payment_captured_needs_an_airline_order"),
    ({"amount_minor": 0}, "payment_is_for_something"),
    ({"state": "lost"}, "payment_state_is_known"),
])
@pytest.mark.failure("P6")
def test_postgres_forbids_impossible_payments(world: World, change: dict[str, object], constraint: str) -> None:
    booking = world.drive(world.booked())
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Payment.objects.filter(booking=booking).update(**change)


@pytest.mark.failure("P5")
def test_postgres_forbids_a_second_payment_and_a_second_order(world: World) -> None:
    booking = world.drive(world.booked())
    payment, order = world.payment(booking), world.order(booking)
    payment.pk, payment.external_id = None, "pi_other"
    with pytest.raises(IntegrityError, match="booking_has_one_active_payment"), transaction.atomic():
        payment.save(force_insert=True)
    order.pk, order.external_id = None, "ord_other"
    with pytest.raises(IntegrityError, match="one_live_order"), transaction.atomic():
        order.save(force_insert=True)
    theirs = world.order(world.drive(world.booked(origin="BOS")))
    with pytest.raises(IntegrityError, match="order_is_recorded_once"), transaction.atomic():
        SupplierOrder.objects.filter(pk=theirs.pk).update(external_id=world.order(booking).external_id)
    claim = OfferClaim.objects.filter(booking=booking).first()
    assert claim is not None
    claim.pk = None
    with pytest.raises(IntegrityError, match="offer_is_claimed_once"), transaction.atomic():
        claim.save(force_insert=True)


def test_one_offer_goes_to_one_customer_and_comes_back_to_the_same(world: World) -> None:
    from fly2any.kernel.errors import Problem

    offer = world.offer()
    mine, again, other = world.draft(offer), world.draft(offer), world.draft(offer)
    Booking.objects.filter(pk=other.pk).update(principal="guest:other")
    other.refresh_from_db()
    press = {"hold": False, "accepted_minor": None, "again": True, "now": clock.now(),
             "acknowledgements": [{"code": "dangerous_goods"}, {"code": "names_and_terms"}]}
    first = services.book(booking=mine, **press)
    second = services.book(booking=again, **press)
    assert (first.duplicate, second.duplicate, second.booking.pk) == (False, True, mine.pk)
    with pytest.raises(Problem) as refused:
        services.book(booking=other, **press)
    assert (refused.value.code, refused.value.status, refused.value.extra) == ("offer_taken", 409, {})


def test_a_cancelled_booking_keeps_its_offer(world: World) -> None:
    """Only a definite no frees the claim (reliability.md 4): an order was made, so nobody may book the offer again."""
    from fly2any.kernel.errors import Problem

    offer = world.offer()
    press = {"hold": False, "accepted_minor": None, "again": True, "now": clock.now(),
             "acknowledgements": [{"code": "dangerous_goods"}, {"code": "names_and_terms"}]}
    booking, other = services.book(booking=world.draft(offer), **press).booking, world.draft(offer)
    Booking.objects.filter(pk=other.pk).update(principal="guest:other")
    other.refresh_from_db()
    assert world.order(world.drive(booking)).state == "held"
    services.cancel(booking=booking, refund_minor=None, now=clock.now())
    for status in ("CANCELLING", "CANCELLED"):
        booking.refresh_from_db()
        assert booking.status == status
        with pytest.raises(Problem) as refused:
            services.book(booking=other, **press)
        assert refused.value.code == "offer_taken"
        world.drive(booking)
