"""The manual route with the sandbox's Amadeus and our desk: what is lost, late, void, refused, and who was first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

from bookings import invariants, services
from bookings.advance import advance
from bookings.models import Booking, Case
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from payments.models import Refund
from suppliers.models import SupplierOrder
from tests.desk.pressing import Desk
from tests.world import World, age


def later(world: World, booking: Booking, **time: float) -> Booking:
    """Time passes, then a sweep."""
    age(booking, timedelta(**time))
    return world.drive(booking)


def cases(booking: Booking) -> set[str]:
    """The kinds of its open cases."""
    return set(Case.objects.filter(booking=booking, closed_at=None).values_list("kind", flat=True))


def creates(world: World) -> int:
    """How often a reservation was asked for, whatever came of it."""
    return len([row for row in world.events("amadeus", "request") if row["operation"] == "amadeus.create_order"])


def kept(world: World) -> None:
    """Every promise that rows can show, and one request at most for each reservation; nothing out of the contract."""
    assert invariants.check(clock.now()) == []
    assert not world.events("amadeus", "schema.answer") and not world.events("amadeus", "schema.request")


@pytest.fixture
def manager(settings: Any) -> Desk:
    """Somebody who may do everything alone."""
    settings.SECOND_PERSON_ABOVE = {"USD": 10**9, "EUR": 10**9}
    return Desk()


def ticket_numbers(booking: Booking) -> dict[str, Any]:
    """What staff type: a number for each traveller, of the airline or said to be of another."""
    return {f"private_ticket_{index}": f"125{booking.pk:06d}{index:04d}" for index, _ in enumerate(
        booking.passengers.all())} | {"other_stock": True}


def enter(manager: Desk, booking: Booking) -> None:
    """Enter ticket numbers at the desk."""
    manager.press("enter_tickets", booking=booking, **ticket_numbers(booking))


def test_reserved_paid_by_link_ticketed_by_staff_confirmed(reservations: World, manager: Desk) -> None:
    world = reservations
    booking = world.drive(world.reserved(adults=2))
    order = world.order(booking)
    assert (booking.status, order.state, booking.route) == ("PENDING_TICKETING", "reserved", "manual")
    assert order.pnr and order.locators and order.pay_by < order.lapses_at and booking.pay_by == order.pay_by
    manager.press("send_pay_link", booking=booking)
    assert world.drive(booking).status == "PENDING_PAYMENT"
    world.pay(booking)
    assert world.drive(booking).status == "PENDING_TICKETING"
    enter(manager, booking)
    world.drive(booking)
    assert (booking.status, booking.money, cases(booking)) == ("CONFIRMED", "charged", set())
    assert [row["amount"] for row in world.events("stripe", "payment_intent.captured")] == [booking.accepted_minor]
    manager.press("record_cancellation", booking=booking, amount="12.34")
    world.drive(booking)
    assert (booking.status, [r["amount"] for r in world.events("stripe", "refund.created")]) == ("CANCELLED", [1234])
    assert creates(world) == 1
    kept(world)


def test_paid_at_the_desk_ticketed_at_the_consolidator_cancelled_and_given_back_by_hand(
        reservations: World, manager: Desk) -> None:
    world = reservations
    booking = world.drive(world.reserved())
    manager.press("record_payment", booking=booking, method="cash", receipt="K 77")
    assert world.drive(booking).status == "PENDING_TICKETING"
    world.consolidator(world.order(booking), "ticket")
    later(world, booking, minutes=16)
    assert (booking.status, len(world.order(booking).tickets)) == ("CONFIRMED", 1)
    manager.press("record_cancellation", booking=booking, amount="50")
    world.drive(booking)
    assert (booking.status, cases(booking)) == ("CANCELLING", {"refund_by_hand"})
    refund = Refund.objects.get()
    manager.press("record_refund", booking=booking, refund=refund.pk, method="cash", receipt="K 78")
    world.drive(booking)
    assert (booking.status, booking.money, cases(booking)) == ("CANCELLED", "refunded", set())
    assert not world.events("stripe", "payment_intent.created")
    kept(world)


@pytest.mark.parametrize(("fault", "made"), [("reset_after", True), ("reset_before", False), ("garbage", True),
                                             ("status_after", True)])
def test_a_lost_answer_waits_for_staff_who_find_it_or_not(
        reservations: World, manager: Desk, fault: str, made: bool) -> None:
    world = reservations
    world.sandbox.fault("amadeus.create_order", fault, count=1, status=500)
    booking = world.drive(world.reserved())
    assert (booking.progress, world.order(booking).state, cases(booking)) == (
        "checking", "unknown", {"unknown_outcome"})
    later(world, booking, hours=3)
    found = world.at_the_consolidator(booking)
    assert bool(found) == made and booking.status == "PENDING" and creates(world) == 1
    if made:
        manager.press("attach_order", booking=booking, order_id=found[0]["id"])
    else:
        manager.press("not_made", booking=booking, by_name=True, by_remark=True)
    world.drive(booking)
    assert booking.status == ("PENDING_TICKETING" if made else "FAILED") and not cases(booking)
    assert creates(world) == 1
    kept(world)


def test_a_reservation_that_is_made_after_staff_found_none_is_cancelled_once_it_is_found(
        reservations: World, manager: Desk) -> None:
    world = reservations
    world.sandbox.fault("amadeus.create_order", "late", seconds=600, count=1)
    booking = world.drive(world.reserved())
    assert world.order(booking).state == "unknown" and not world.at_the_consolidator(booking)
    manager.press("not_made", booking=booking, by_name=True, by_remark=True)
    assert world.drive(booking).status == "FAILED"
    world.sandbox.advance(700)
    found = world.at_the_consolidator(booking)
    SupplierOrder.objects.filter(booking=booking).update(attach_id=found[0]["id"])
    world.drive(booking)
    assert (booking.status, world.order(booking).state) == ("FAILED", "cancelled")
    assert len(world.events("amadeus", "order.cancelled")) == len(world.events("amadeus", "order.created")) == 1
    kept(world)


def test_another_reservation_is_not_attached(reservations: World, manager: Desk) -> None:
    world = reservations
    other = world.drive(world.reserved())
    other.passengers.update(family_name="Byron")
    stranger = world.order(other).external_id
    SupplierOrder.objects.filter(booking=other).update(external_id="lost elsewhere")
    world.sandbox.fault("amadeus.create_order", "reset_before", count=1)
    draft = world.draft(world.reservable())
    draft.passengers.update(family_name="Hopper")
    booking = services.book(booking=draft, hold=False, accepted_minor=None, again=False, now=clock.now(),
                            acknowledgements=[{"code": "dangerous_goods"}, {"code": "names_and_terms"}]).booking
    world.drive(booking)
    manager.press("attach_order", booking=booking, order_id=stranger)
    world.drive(booking)
    assert world.order(booking).state == "unknown"
    assert "not attached" in Case.objects.get(booking=booking, kind="unknown_outcome").facts


@pytest.mark.parametrize(("code", "closing", "opened"), [
    (36870, "booking_failed_check", {"booking_failed_check"}), (34651, "sold_out", set())])
def test_a_definite_no(reservations: World, code: int, closing: str, opened: set[str]) -> None:
    world = reservations
    world.sandbox.fault("amadeus.create_order", "status", code=code, count=1)
    booking = world.drive(world.reserved())
    assert (booking.status, booking.closing, cases(booking)) == ("FAILED", closing, opened)
    kept(world)


def test_a_price_that_moved_at_the_reservation_is_asked_first(reservations: World) -> None:
    world = reservations
    booking = world.reserved()
    world.sandbox.http.post("/_amadeus/offers/reprice", json={"percent": 5})
    world.drive(booking)
    assert (booking.status, booking.progress, world.order(booking).refusal) == ("PENDING", "consent", "price_changed")
    services.accept_price(booking=booking, total_minor=booking.priced_minor or 0, now=clock.now())
    later(world, booking, minutes=1)
    assert (booking.status, creates(world)) == ("PENDING_TICKETING", 2)
    assert world.order(booking).total_minor == booking.accepted_minor
    kept(world)


def test_it_expires_when_the_reservation_cancels_itself(reservations: World, manager: Desk) -> None:
    world = reservations
    booking = world.drive(world.reserved())
    manager.press("send_pay_link", booking=booking)
    world.drive(booking)
    world.pay(booking)  # authorised while the reservation lapses
    world.consolidator(world.order(booking), "expire")
    SupplierOrder.objects.filter(booking=booking).update(pay_by=clock.now())
    later(world, booking, minutes=16)
    assert (booking.status, world.order(booking).state, world.payment(booking).state) == (
        "EXPIRED", "lapsed", "voided")
    assert not world.events("stripe", "payment_intent.captured")
    kept(world)


def test_void_tickets_and_flights_that_the_airline_cancels(reservations: World, manager: Desk) -> None:
    world = reservations
    reserved, ticketed = world.drive(world.reserved()), world.drive(world.reserved())
    world.consolidator(world.order(reserved), "cancel_by_airline")
    later(world, reserved, minutes=16)
    assert (reserved.status, reserved.closing) == ("CANCELLED", "airline_cancelled")
    manager.press("record_payment", booking=ticketed, method="terminal", receipt="T 5")
    world.consolidator(world.order(ticketed), "ticket")
    assert later(world, ticketed, minutes=16).status == "CONFIRMED"
    world.consolidator(world.order(ticketed), "void_tickets")
    SupplierOrder.objects.filter(booking=ticketed).update(news_at=clock.now())
    world.drive(ticketed)
    assert (ticketed.status, cases(ticketed)) == ("CONFIRMED", {"tickets_void"})
    kept(world)


# --- who was first ----------------------------------------------------------------------------------------------


def together(*works: Callable[[], object]) -> list[str]:
    """Do all at once, each on a connection of its own; what each was refused with, "" for done."""
    gate, ends = threading.Barrier(len(works)), [""] * len(works)

    def one(index: int, work: Callable[[], object]) -> None:
        gate.wait()
        try:
            work()
        except Problem as problem:
            ends[index] = problem.code
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, args=(index, work)) for index, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ends


@pytest.mark.parametrize("first", ["customer", "staff", "both"])
def test_a_customer_cancels_while_staff_enter_the_tickets(reservations: World, manager: Desk, first: str) -> None:
    """One of them is refused; either way no money and no ticket come apart."""
    world = reservations
    booking = world.drive(world.reserved())
    manager.press("send_pay_link", booking=booking)
    world.drive(booking)
    world.pay(booking)
    world.drive(booking)

    def cancel() -> None:
        services.cancel(booking=booking, refund_minor=None, now=clock.now())

    def ticket() -> None:
        enter(manager, booking)

    if first == "both":
        ends = together(cancel, ticket)
    else:
        ends = ["", ""]
        order = ((0, cancel), (1, ticket)) if first == "customer" else ((1, ticket), (0, cancel))
        for index, work in order:
            ends[index] = together(work)[0]
    assert sorted(map(bool, ends)) == [False, True], ends
    world.drive(booking)
    staff_won = ends[1] == ""
    assert booking.status == ("CONFIRMED" if staff_won else "CANCELLED")
    assert len(world.events("stripe", "payment_intent.captured")) == int(staff_won)
    assert world.payment(booking).state == ("captured" if staff_won else "voided")
    kept(world)


def test_numbers_entered_twice_at_once_are_kept_once(reservations: World, manager: Desk) -> None:
    world = reservations
    booking = world.drive(world.reserved())
    manager.press("record_payment", booking=booking, method="cash", receipt="K 1")
    assert sorted(map(bool, together(lambda: enter(manager, booking), lambda: enter(manager, booking)))) == [False, True]
    world.drive(booking)
    assert (booking.status, len(world.order(booking).tickets)) == ("CONFIRMED", 1)
    assert booking.diary.filter(event="order.moved", after="ticketed").count() == 1
    kept(world)


def test_news_of_staff_that_comes_while_the_driver_looks_is_heard(reservations: World, manager: Desk) -> None:
    """The driver reads the order when staff enter the numbers: nothing sleeps through it, and two drivers are one."""
    world = reservations
    booking = world.drive(world.reserved())
    manager.press("record_payment", booking=booking, method="cash", receipt="K 2")
    world.sandbox.fault("amadeus.get_order", "latency", seconds=0.8, count=1)
    age(booking, timedelta(minutes=16))
    late = threading.Timer(0.4, lambda: together(lambda: enter(manager, booking), lambda: advance(booking.pk)))
    late.start()
    advance(booking.pk)
    late.join()
    booking.refresh_from_db()
    assert (booking.status, world.order(booking).state) == ("CONFIRMED", "ticketed")
    assert creates(world) == 1
    kept(world)


def test_a_busy_or_silent_airline_keeps_the_reservation_waiting(reservations: World) -> None:
    world = reservations
    world.sandbox.fault("amadeus.create_order", "status", code=38194, count=1)
    booking = world.drive(world.reserved())
    assert (booking.status, world.order(booking).state) == ("PENDING", "not_created")
    assert later(world, booking, minutes=1).status == "PENDING_TICKETING" and creates(world) == 2
    fault = world.sandbox.fault("amadeus.get_order", "status", status=503, count=None)
    later(world, booking, minutes=16)
    assert booking.status == "PENDING_TICKETING" and booking.due_at is not None
    world.sandbox.http.delete(f"/_faults?id={fault['id']}")
    world.consolidator(world.order(booking), "ticket")
    later(world, booking, hours=1)
    assert cases(booking) == {"ticketed_unpaid"}
    kept(world)
