"""Attacks on the manual route: opposite acts of two people, silent airlines and old pages, and the money stays right."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bookings import mail, services
from bookings.admin.columns import order_id
from bookings.facts import load
from bookings.models import Booking, Case, Outbox, Passenger
from bookings.status import wants_consent
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem, Unavailable
from suppliers.models import OfferClaim, SupplierOrder
from suppliers.types import OrderState
from tests.console import rows
from tests.core.consolidator import Consolidator
from tests.core.test_manual import booked, cases, kept, later, pay_link, there
from tests.core.test_refunds_by_hand import by_hand, look
from tests.desk.pressing import Desk
from tests.world import TICKS, World

__all__ = ["there"]


@pytest.fixture
def manager(settings: Any) -> Desk:
    """Somebody who may do everything alone."""
    settings.SECOND_PERSON_ABOVE = {"USD": 10**9, "EUR": 10**9, "GBP": 10**9}
    return Desk()


def authorised(world: World, there: Consolidator) -> Booking:
    """A reservation for which the customer's card is reserved."""
    booking = world.drive(booked(world, there))
    pay_link(booking)
    world.drive(booking)
    world.pay(booking)
    world.drive(booking)
    assert world.payment(booking).state == "authorised"
    return booking


def ticket(manager: Desk, booking: Booking) -> None:
    """Staff enter a number for everybody."""
    count = booking.passengers.count()
    manager.press("enter_tickets", booking=booking, other_stock=True, **{
        f"private_ticket_{index}": f"125{booking.pk:08d}{index:02d}" for index in range(count)})


def test_numbers_of_a_reservation_that_cannot_be_looked_at_do_not_keep_the_card_for_ever(
        world: World, there: Consolidator, manager: Desk) -> None:
    booking = authorised(world, there)
    there.fail("order", *[Unavailable("supplier_down")] * 400)
    ticket(manager, booking)
    world.drive(booking)
    later(world, booking, minutes=40)
    assert "ticketed_unpaid" in cases(booking), "staff hear of it while the card is still good"
    later(world, booking, hours=7)
    assert world.payment(booking).state == "voided" and booking.money == "none"
    assert not world.events("stripe", "payment_intent.captured")
    kept(booking)


def test_numbers_for_a_reservation_that_the_airline_knows_no_more_charge_nobody(
        world: World, there: Consolidator, manager: Desk) -> None:
    booking = authorised(world, there)
    there.orders.clear()
    ticket(manager, booking)
    world.drive(booking)
    later(world, booking, hours=1)
    assert cases(booking) & {"ledgers_differ", "ticketed_unpaid"}
    later(world, booking, hours=7)
    assert world.payment(booking).state == "voided"
    assert not world.events("stripe", "payment_intent.captured")


def test_a_card_whose_link_was_taken_back_is_not_charged_by_the_tickets(
        world: World, there: Consolidator, manager: Desk) -> None:
    booking = authorised(world, there)
    manager.press("take_back_link", booking=booking)
    ticket(manager, booking)
    world.drive(booking)
    assert not world.events("stripe", "payment_intent.captured") and world.payment(booking).state == "voided"
    manager.press("record_payment", booking=booking, method="cash", receipt="K 1")
    assert world.drive(booking).status == "CONFIRMED"
    kept(booking)


def test_a_ticket_whose_link_is_with_the_customer_can_be_paid_elsewhere(
        world: World, there: Consolidator, manager: Desk) -> None:
    booking = world.drive(booked(world, there))
    pay_link(booking)
    world.drive(booking)
    ticket(manager, booking)
    there.ticket(world.order(booking).external_id)
    world.drive(booking)
    assert "link back first" in manager.why_not("record_payment", booking=booking)
    manager.press("take_back_link", booking=booking)
    world.drive(booking)
    manager.press("record_payment", booking=booking, method="cash", receipt="K 2")
    assert world.drive(booking).status == "CONFIRMED" and world.payment(booking).provider == "desk"
    kept(booking)


def test_money_taken_elsewhere_ends_a_link_that_was_not_opened_yet(
        world: World, there: Consolidator, manager: Desk) -> None:
    booking = world.drive(booked(world, there))
    manager.press("send_pay_link", booking=booking)
    manager.press("record_payment", booking=booking, method="cash", receipt="K 3")
    world.drive(booking)
    assert not booking.card_wanted and [p.provider for p in booking.payments.all()] == ["desk"]
    row = Outbox.objects.get(booking=booking, kind="pay_link")
    row.booking = booking
    assert mail.outdated(row, clock.now()) == "nothing to pay" and row.sent_at is None
    SupplierOrder.objects.filter(booking=booking).update(total_minor=booking.accepted_minor + 100)
    assert wants_consent(load(booking).picture()) is None, "nobody is asked to agree to what is paid"
    kept(booking)


def test_an_offer_whose_reservation_staff_did_not_find_is_not_sold_again(
        world: World, there: Consolidator, manager: Desk) -> None:
    there.lost = True
    booking = world.drive(booked(world, there))
    manager.press("not_made", booking=booking, by_name=True, by_remark=True)
    assert world.drive(booking).status == "FAILED"
    again = world.draft(booking.offer)
    try:
        found = services.book(booking=again, hold=False, accepted_minor=None, acknowledgements=TICKS, again=True,
                              now=clock.now()).booking
    except Problem:
        found = booking
    world.drive(found)
    assert there.count("create") == 1 and OfferClaim.objects.filter(booking=booking).exists()
    kept(booking)


def test_a_cancellation_gives_back_what_staff_said_on_top_of_an_earlier_present(
        world: World, there: Consolidator, manager: Desk) -> None:
    booking = authorised(world, there)
    there.ticket(world.order(booking).external_id)
    ticket(manager, booking)
    assert world.drive(booking).status == "CONFIRMED"
    by_hand(world, booking, 700)
    assert look(world, booking).by_hand_minor == 700
    manager.press("record_cancellation", booking=booking, amount="50")
    world.drive(booking)
    assert booking.agreed_refund_minor == 5000
    assert [row.amount_minor for row in world.payment(booking).refunds.all()] == [5000]


def lost(world: World, there: Consolidator, **more: Any) -> Booking:
    """A reservation whose answer was lost."""
    there.lost = True
    booking = world.drive(booked(world, there, **more))
    there.lost = False
    assert world.order(booking).state == "unknown"
    return booking


def told(booking: Booking) -> str:
    """Why an order that staff named was not attached; "" when it was."""
    facts = Case.objects.get(booking=booking, kind="unknown_outcome").facts
    return str(facts.get("not attached", ""))


def test_the_same_family_on_another_day_is_another_reservation(
        world: World, there: Consolidator, manager: Desk) -> None:
    booking = lost(world, there)
    other = replace(booking.offer.info.slices[0], segments=tuple(
        replace(one, departing_local=f"2099-01-01{one.departing_local[10:]}")
        for one in booking.offer.info.slices[0].segments))
    there.orders["res1"] = replace(there.orders["res1"], itinerary=(other, *booking.offer.info.slices[1:]))
    SupplierOrder.objects.filter(booking=booking).update(attach_id="res1")
    world.drive(booking)
    assert world.order(booking).state == "unknown" and "other flights" in told(booking)
    there.orders["res1"] = replace(there.orders["res1"], itinerary=booking.offer.info.slices)
    SupplierOrder.objects.filter(booking=booking).update(attach_id="res1")
    assert world.drive(booking).status == "PENDING_TICKETING"
    kept(booking)


def test_a_reservation_that_another_booking_has_by_its_locator_is_not_attached(
        world: World, there: Consolidator, manager: Desk) -> None:
    booking = lost(world, there)
    rows.reserved(locator=there.orders["res1"].pnr)
    SupplierOrder.objects.filter(booking=booking).update(attach_id="res1")
    world.drive(booking)
    assert world.order(booking).state == "unknown" and "by its record locator" in told(booking)


def test_a_locator_that_an_ended_trip_had_is_attached_again_and_lives_to_its_own_deadline(
        world: World, there: Consolidator, manager: Desk) -> None:
    old = rows.reserved(locator="QQ7RT2")
    old.orders.update(state="lapsed")
    booking = lost(world, there)
    by = (clock.now() + timedelta(days=9)).strftime("%Y-%m-%dT%H:%M")
    manager.press("attach_order", booking=booking, order_id="QQ7RT2", ticket_by=by)
    assert later(world, booking, days=8).status == "PENDING_TICKETING", "not lapsed before the deadline that was typed"
    order = world.order(booking)
    assert order_id(order.external_id).endswith("locator QQ7RT2") and order.pnr == "QQ7RT2"
    assert later(world, booking, days=3).status == "EXPIRED"


def test_numbers_of_staff_stay_beside_those_that_the_airline_shows(
        world: World, there: Consolidator, manager: Desk) -> None:
    booking = authorised(world, there)
    ada = booking.passengers.get()
    Passenger.objects.create(booking=booking, position=1, external_id="pas_two", kind="adult", title="mr", gender="m",
                             given_name="Emil", family_name="Post", born_on="1980-01-01")
    ticket(manager, booking)
    there.ticket("res1")
    assert world.drive(booking).status == "CONFIRMED"
    numbers = {one["passengers"][0]: one["number"] for one in world.order(booking).tickets}
    assert numbers == {ada.external_id: "1250000000001", "pas_two": f"125{booking.pk:08d}01"}
    there.orders["res1"] = replace(there.orders["res1"], state=OrderState.RESERVED, tickets=())
    SupplierOrder.objects.filter(booking=booking).update(news_at=clock.now())
    world.drive(booking)
    assert (booking.status, cases(booking)) == ("CONFIRMED", {"tickets_void"}), "one traveller's ticket is void"
    kept(booking)


def test_a_picture_without_its_own_date_does_not_put_the_deadline_off(world: World, there: Consolidator) -> None:
    booking = world.drive(booked(world, there))
    order = world.order(booking)
    there.orders["res1"] = replace(there.orders["res1"], pay_by=clock.now() + timedelta(days=30))
    later(world, booking, minutes=16)
    assert world.order(booking).pay_by == order.pay_by - timedelta(minutes=16)


def test_money_owed_by_hand_is_a_case_until_it_is_recorded_whoever_closed_it(
        world: World, there: Consolidator, manager: Desk) -> None:
    booking = world.drive(booked(world, there))
    manager.press("record_payment", booking=booking, method="cash", receipt="K 4")
    there.orders.clear()
    later(world, booking, minutes=16)
    assert (booking.status, cases(booking)) == ("CANCELLING", {"refund_by_hand"})
    manager.press("mark_handled", case=Case.objects.get(booking=booking, kind="refund_by_hand"))
    later(world, booking, hours=1)
    assert cases(booking) == {"refund_by_hand"}, "nothing was given back yet"
    refund = world.payment(booking).refunds.get()
    manager.press("record_refund", booking=booking, refund=refund.pk, method="cash", receipt="B 4")
    world.drive(booking)
    assert (booking.status, booking.money, cases(booking)) == ("CANCELLED", "refunded", set())
    kept(booking)


def test_an_airline_that_is_silent_for_a_day_does_not_keep_the_card(world: World, there: Consolidator) -> None:
    booking = authorised(world, there)
    there.fail("order", *[Unavailable("supplier_down")] * 400)
    for _ in range(40):
        later(world, booking, minutes=12)
    assert booking.parked_at is None and world.payment(booking).state == "voided" and not booking.card_wanted
    assert booking.status == "PENDING_TICKETING"
