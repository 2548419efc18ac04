"""The manual route end to end against a supplier that does exactly as told: reserve, wait for staff, money, ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from bookings import invariants, services
from bookings.flow import Route
from bookings.models import Booking, Case, Diary, ExternalCall, Outbox
from fly2any.kernel import clock
from fly2any.kernel.errors import OutcomeUnknown, Problem, Refused, Unavailable
from payments.models import Payment, Refund
from suppliers import registry
from suppliers.models import OfferClaim, SupplierOrder
from tests.core.consolidator import Consolidator, dearer, manual_offer
from tests.world import TICKS, World, age

LIVE_STATUS = {"PENDING", "PENDING_TICKETING", "PENDING_PAYMENT"}


@pytest.fixture
def there(world: World) -> Iterator[Consolidator]:
    """The supplier of reservations, beside Duffel."""
    made = Consolidator()
    with registry.replaced(duffel=registry.get("duffel"), amadeus=made):  # type: ignore[arg-type]
        yield made


def booked(world: World, there: Consolidator, **more: Any) -> Booking:
    """A wish for a manual offer; nothing is driven yet."""
    draft = world.draft(manual_offer(world, there, **more))
    return services.book(booking=draft, hold=False, accepted_minor=None, acknowledgements=TICKS, again=False,
                         now=clock.now()).booking


def later(world: World, booking: Booking, **time: float) -> Booking:
    """Time passes, then a sweep."""
    age(booking, timedelta(**time))
    return world.drive(booking)


def kept(booking: Booking) -> None:
    """Every promise of reliability.md 1 that rows can show."""
    assert invariants.check(clock.now()) == []


def cases(booking: Booking) -> set[str]:
    """The kinds of its open cases."""
    return set(Case.objects.filter(booking=booking, closed_at=None).values_list("kind", flat=True))


def pay_link(booking: Booking, wanted: bool = True) -> None:
    """What the staff action writes."""
    Booking.objects.filter(pk=booking.pk).update(card_wanted=wanted)


def paid_at_the_desk(world: World, booking: Booking) -> Payment:
    """What the staff action record_payment writes."""
    now, order = clock.now(), world.order(booking)
    payment = Payment.objects.create(
        booking=booking, order=order, provider="desk", external_id=f"desk:r{booking.pk}", state="captured",
        amount_minor=booking.accepted_minor, captured_minor=booking.accepted_minor, currency=booking.currency,
        asked_at=now, looked_at=now, captured_at=now)
    for event, after in (("payment.asked", ""), ("payment.moved", "captured"), ("staff.record_payment", "")):
        Diary.objects.create(booking=booking, at=now, actor="staff:1", event=event, after=after,
                             subject=f"payment:{payment.pk}")
    return payment


def given_back(refund: Refund) -> None:
    """What the staff action record_refund writes."""
    now, payment = clock.now(), refund.payment
    Refund.objects.filter(pk=refund.pk).update(state="succeeded", external_id=f"desk:b{refund.pk}", done_at=now)
    Payment.objects.filter(pk=payment.pk).update(refunded_minor=payment.refunded_minor + refund.amount_minor)
    for event, after in (("refund.moved", "succeeded"), ("staff.record_refund", "")):
        Diary.objects.create(booking=payment.booking, at=now, actor="staff:1", event=event, after=after,
                             subject=f"refund:{refund.pk}")


def test_reserved_then_ticketed_and_paid_for_elsewhere(world: World, there: Consolidator) -> None:
    booking = world.drive(booked(world, there))
    order = world.order(booking)
    assert (booking.route, booking.status, booking.progress, order.state) == (
        Route.MANUAL, "PENDING_TICKETING", "staff", "reserved")
    assert (order.locators, order.pay_by, booking.pay_by) == ([["XX", "XX77"]], order.pay_by, order.pay_by)
    assert order.lapses_at == order.asked_at + timedelta(days=3) and world.payment(booking) is None
    assert set(Outbox.objects.values_list("kind", flat=True)) == {"received", "reserved"}
    later(world, booking, minutes=16)
    assert there.count("order") == 1 and booking.status == "PENDING_TICKETING"
    there.ticket(order.external_id)
    paid_at_the_desk(world, booking)
    later(world, booking, minutes=16)
    assert (booking.status, booking.money, booking.due_at, booking.pay_by) == ("CONFIRMED", "charged", None, None)
    assert world.order(booking).tickets and there.count("create") == 1 and not cases(booking)
    assert not world.events("stripe", "payment_intent.created")
    kept(booking)


@pytest.mark.failure("A7")
def test_a_ticket_without_money_is_told_and_asks_nobody_for_a_card(world: World, there: Consolidator) -> None:
    booking = world.drive(booked(world, there))
    there.ticket(world.order(booking).external_id)
    later(world, booking, minutes=16)
    assert (booking.status, cases(booking)) == ("PENDING_TICKETING", {"ticketed_unpaid"})
    assert not world.events("stripe", "payment_intent.created")
    pay_link(booking)
    world.drive(booking)
    assert booking.status == "PENDING_PAYMENT"
    world.pay(booking)
    assert world.drive(booking).status == "CONFIRMED"
    kept(booking)


def test_a_pay_link_is_authorised_now_and_captured_with_the_ticket(world: World, there: Consolidator) -> None:
    booking = world.drive(booked(world, there))
    pay_link(booking)
    world.drive(booking)
    payment = world.payment(booking)
    assert (booking.status, booking.progress, payment.state) == ("PENDING_PAYMENT", "card", "open")
    assert booking.window_ends_at == world.order(booking).pay_by - timedelta(minutes=10)
    world.pay(booking)
    world.drive(booking)
    assert (booking.status, booking.money, world.payment(booking).state) == (
        "PENDING_TICKETING", "reserved", "authorised")
    assert not world.events("stripe", "payment_intent.captured")
    there.ticket(world.order(booking).external_id)
    later(world, booking, minutes=16)
    assert booking.status == "CONFIRMED"
    assert [row["amount"] for row in world.events("stripe", "payment_intent.captured")] == [booking.accepted_minor]
    kept(booking)


@pytest.mark.failure("A6")
def test_a_card_that_waits_for_its_ticket_too_long_is_released_and_the_seats_stay(
        world: World, there: Consolidator) -> None:
    booking = world.drive(booked(world, there))
    pay_link(booking)
    world.drive(booking)
    world.pay(booking)
    world.drive(booking)
    later(world, booking, hours=7, minutes=29)
    assert world.payment(booking).state == "authorised"
    later(world, booking, minutes=2)
    assert (booking.status, booking.money, booking.card_wanted, world.payment(booking).state) == (
        "PENDING_TICKETING", "none", False, "voided")
    assert cases(booking) == {"reservation_card_released"} and Outbox.objects.filter(kind="card_released").count() == 1
    kept(booking)
    pay_link(booking)  # staff are ready now: the case closes, a new payment is opened
    world.drive(booking)
    assert (booking.status, cases(booking), booking.payments.count()) == ("PENDING_PAYMENT", set(), 2)


def test_a_link_that_is_taken_back_releases_the_card(world: World, there: Consolidator) -> None:
    booking = world.drive(booked(world, there))
    pay_link(booking)
    world.drive(booking)
    world.pay(booking)
    world.drive(booking)
    pay_link(booking, wanted=False)
    world.drive(booking)
    assert (booking.status, world.payment(booking).state) == ("PENDING_TICKETING", "voided")


def test_five_declines_end_the_link_and_not_the_reservation(world: World, there: Consolidator) -> None:
    booking = world.drive(booked(world, there))
    pay_link(booking)
    world.drive(booking)
    for _ in range(5):
        world.pay(booking, "4000000000000002")
        world.drive(booking)
    assert (booking.status, booking.card_wanted, world.payment(booking).state) == (
        "PENDING_TICKETING", False, "voided")
    assert cases(booking) == {"reservation_card_released"} and not Outbox.objects.filter(kind="card_released").exists()


@pytest.mark.failure("A4")
def test_a_reservation_that_cancels_itself_at_its_deadline_has_expired(world: World, there: Consolidator) -> None:
    booking = world.drive(booked(world, there))
    pay_link(booking)
    world.drive(booking)
    world.pay(booking)  # authorised in the very hour in which the reservation lapses
    there.orders.clear()
    SupplierOrder.objects.filter(booking=booking).update(pay_by=clock.now())
    later(world, booking, minutes=16)
    assert (booking.status, booking.closing, world.order(booking).state) == ("EXPIRED", "reservation_lapsed", "lapsed")
    assert world.payment(booking).state == "voided" and not world.events("stripe", "payment_intent.captured")
    kept(booking)


def test_a_reservation_that_has_lapsed_and_is_unknown_there_is_no_difference(world: World, there: Consolidator) -> None:
    booking = world.drive(booked(world, there))
    there.orders.clear()
    SupplierOrder.objects.filter(booking=booking).update(pay_by=clock.now())
    later(world, booking, minutes=16)
    for state in ("lapsed", "cancelled"):
        SupplierOrder.objects.filter(booking=booking).update(state=state, news_at=clock.now())  # somebody asks to look
        looks = there.count("order")
        later(world, booking, minutes=1)
        later(world, booking, minutes=1)
        assert there.count("order") == looks + (state == "lapsed")  # once: what was cancelled is not looked at again
        assert cases(booking) == set()


@pytest.mark.failure("A5")
def test_a_reservation_that_is_gone_before_its_deadline_was_cancelled_by_the_airline(
        world: World, there: Consolidator) -> None:
    booking = world.drive(booked(world, there))
    there.orders.clear()
    later(world, booking, minutes=16)
    assert (booking.status, booking.closing) == ("CANCELLED", "airline_cancelled")
    kept(booking)


@pytest.mark.failure("A8")
def test_money_taken_elsewhere_for_a_reservation_that_lapsed_goes_back_by_hand(
        world: World, there: Consolidator) -> None:
    booking = world.drive(booked(world, there))
    paid_at_the_desk(world, booking)
    there.orders.clear()
    SupplierOrder.objects.filter(booking=booking).update(pay_by=clock.now())
    later(world, booking, minutes=16)
    refund = Refund.objects.get(payment__booking=booking)
    assert (booking.status, booking.money, refund.state, refund.amount_minor, cases(booking)) == (
        "CANCELLING", "refunding", "requested", booking.accepted_minor, {"refund_by_hand"})
    kept(booking)
    given_back(refund)
    later(world, booking, hours=1)
    assert (booking.status, booking.money, cases(booking), booking.due_at) == ("EXPIRED", "refunded", set(), None)
    assert not world.events("stripe", "refund.created")
    kept(booking)


# --- unknown, refused -------------------------------------------------------------------------------------------


@pytest.mark.failure("A1")
def test_a_lost_answer_is_a_case_at_once_and_is_never_sent_again(world: World, there: Consolidator) -> None:
    there.lost = True
    booking = world.drive(booked(world, there))
    assert (booking.status, booking.progress, world.order(booking).state, cases(booking)) == (
        "PENDING", "checking", "unknown", {"unknown_outcome"})
    for hours in (1, 24, 40):
        later(world, booking, hours=hours)
        assert booking.status in LIVE_STATUS and there.asked.count("create") == 1 and there.count("order") == 0
    kept(booking)
    SupplierOrder.objects.filter(booking=booking).update(attach_id="res1")  # staff found it
    world.drive(booking)
    order = world.order(booking)
    assert (booking.status, order.state, order.external_id, cases(booking)) == (
        "PENDING_TICKETING", "reserved", "res1", set())
    kept(booking)


@pytest.mark.failure("A1")
def test_a_lost_answer_ends_when_staff_say_that_nothing_was_made(world: World, there: Consolidator) -> None:
    there.fail("create", OutcomeUnknown("supplier_timeout"))
    booking = world.drive(booked(world, there))
    SupplierOrder.objects.filter(booking=booking).update(failed_notice_at=clock.now())
    world.drive(booking)
    assert (booking.status, booking.closing, world.order(booking).state, cases(booking)) == (
        "FAILED", "creation_failed", "not_created", set())
    kept(booking)


@pytest.mark.failure("A2")
def test_a_lost_answer_ends_when_the_reservation_must_have_cancelled_itself(
        world: World, there: Consolidator) -> None:
    there.fail("create", OutcomeUnknown("supplier_timeout"))
    booking = world.drive(booked(world, there))
    later(world, booking, days=2, hours=23)
    assert booking.status == "PENDING"
    later(world, booking, hours=2)
    assert (booking.status, booking.closing, booking.due_at) == ("FAILED", "not_created", None)
    assert there.count("create") == 1
    kept(booking)


@pytest.mark.failure("A3")
def test_a_reservation_that_turns_up_after_all_is_cancelled(world: World, there: Consolidator) -> None:
    there.lost = True
    booking = world.drive(booked(world, there))
    SupplierOrder.objects.filter(booking=booking).update(failed_notice_at=clock.now())
    assert world.drive(booking).status == "FAILED"
    SupplierOrder.objects.filter(booking=booking).update(attach_id="res1")
    world.drive(booking)
    assert (booking.status, world.order(booking).state, there.orders) == ("FAILED", "cancelled", {})


@pytest.mark.failure("A3")
def test_a_reservation_whose_answer_is_saved_after_staff_gave_it_up_is_cancelled(world: World, there: Consolidator) -> None:
    """A process that stood still before the call sends it late, cannot settle, and saves the bare outcome."""
    there.lost = True
    booking = world.drive(booked(world, there))
    SupplierOrder.objects.filter(booking=booking).update(failed_notice_at=clock.now())
    assert world.drive(booking).status == "FAILED"
    ExternalCall.objects.filter(booking=booking, kind="create_order").update(
        state="answered", outcome="ok", external_id="res1")
    world.drive(booking)
    assert (booking.status, world.order(booking).state, there.orders) == ("FAILED", "cancelled", {})
    kept(booking)


def test_a_wish_to_cancel_waits_for_what_is_not_known_and_cancels_what_is_found(
        world: World, there: Consolidator) -> None:
    there.lost = True
    booking = world.drive(booked(world, there))
    services.cancel(booking=booking, refund_minor=None, now=clock.now())
    world.drive(booking)
    assert (booking.status, cases(booking)) == ("CANCELLING", {"unknown_outcome"})
    SupplierOrder.objects.filter(booking=booking).update(attach_id="res1")
    world.drive(booking)
    assert (booking.status, world.order(booking).state, there.orders, cases(booking)) == (
        "CANCELLED", "cancelled", {}, set())
    kept(booking)


@pytest.mark.failure("A9")
def test_a_definite_no_closes_and_one_that_may_have_left_a_record_asks_staff_to_look(
        world: World, there: Consolidator) -> None:
    for code, opened in (("sold_out", set()), ("booking_failed_check", {"booking_failed_check"})):
        there.fail("create", Refused(code))
        booking = world.drive(booked(world, there))
        assert (booking.status, booking.closing, cases(booking)) == ("FAILED", code, opened)
        assert OfferClaim.objects.filter(booking=booking).exists() == bool(opened)
        kept(booking)


def test_a_refused_traveller_leads_back_to_the_field(world: World, there: Consolidator) -> None:
    there.fail("create", Refused("passenger_rejected", detail={"field": "given_name", "position": 0, "reason": "odd"}))
    booking = world.drive(booked(world, there))
    assert (booking.status, booking.closing, booking.closing_detail["field"]) == (
        "FAILED", "passenger_rejected", "given_name")


def test_a_busy_airline_is_asked_again(world: World, there: Consolidator) -> None:
    there.fail("create", Unavailable("supplier_busy"))
    booking = world.drive(booked(world, there))
    assert booking.status == "PENDING" and OfferClaim.objects.filter(booking=booking).exists()
    assert later(world, booking, minutes=1).status == "PENDING_TICKETING"
    kept(booking)


@pytest.mark.failure("A10")
def test_a_higher_price_at_the_reservation_is_asked_first_and_then_reserved_with_its_own_text(
        world: World, there: Consolidator) -> None:
    booking = booked(world, there)
    there.fail("create", Refused("price_changed"))
    dearer(there, booking, 777)
    world.drive(booking)
    assert (booking.status, booking.progress) == ("PENDING", "consent")
    agreed = booking.accepted_minor
    services.accept_price(booking=booking, total_minor=agreed + 777, now=clock.now())
    later(world, booking, minutes=1)
    assert (booking.status, booking.accepted_minor, world.order(booking).total_minor) == (
        "PENDING_TICKETING", agreed + 777, agreed + 777)
    kept(booking)


# --- cancelling -------------------------------------------------------------------------------------------------


def test_a_customer_cancels_a_reservation_at_no_cost_and_the_card_goes_first(
        world: World, there: Consolidator) -> None:
    booking = world.drive(booked(world, there))
    pay_link(booking)
    world.drive(booking)
    world.pay(booking)
    world.drive(booking)
    services.ask_quote(booking=booking, now=clock.now())
    world.drive(booking)
    assert world.order(booking).quote_id
    services.cancel(booking=booking, refund_minor=None, now=clock.now())
    world.drive(booking)
    assert (booking.status, world.order(booking).state, world.payment(booking).state) == (
        "CANCELLED", "cancelled", "voided")
    assert there.orders == {} and not world.events("stripe", "payment_intent.captured")
    kept(booking)


def test_a_ticket_of_staff_is_not_cancelled_by_the_customer(world: World, there: Consolidator) -> None:
    booking = world.drive(booked(world, there))
    paid_at_the_desk(world, booking)
    there.ticket(world.order(booking).external_id)
    later(world, booking, minutes=16)
    for press in (lambda: services.ask_quote(booking=booking, now=clock.now()),
                  lambda: services.cancel(booking=booking, refund_minor=None, now=clock.now())):
        with pytest.raises(Problem) as refused:
            press()
        assert refused.value.code == "not_cancellable"
    assert there.count("cancel") == 0


@pytest.mark.failure("A11")
def test_the_customer_cancels_while_the_consolidator_tickets(world: World, there: Consolidator) -> None:
    """The ticket was first, though we had not seen it: the wish is taken back, and staff know that nobody has paid."""
    booking = world.drive(booked(world, there))
    there.ticket(world.order(booking).external_id)
    services.cancel(booking=booking, refund_minor=None, now=clock.now())
    world.drive(booking)
    assert (booking.wish, booking.notice, world.order(booking).state, cases(booking)) == (
        "book", "not_cancellable", "ticketed", {"ticketed_unpaid"})
    assert there.count("cancel") == 0
    kept(booking)


@pytest.mark.failure("A12")
def test_void_tickets_of_a_paid_booking_wait_for_staff_to_say_what_comes_back(
        world: World, there: Consolidator) -> None:
    booking = world.drive(booked(world, there))
    payment, order_id = paid_at_the_desk(world, booking), world.order(booking).external_id
    there.ticket(order_id)
    assert later(world, booking, minutes=16).status == "CONFIRMED"
    there.void(order_id)
    for _ in range(2):
        SupplierOrder.objects.filter(booking=booking).update(news_at=clock.now())
        world.drive(booking)
    assert (booking.status, world.order(booking).state, cases(booking)) == ("CONFIRMED", "ticketed", {"tickets_void"})
    assert Case.objects.filter(booking=booking).count() == 1 and not payment.refunds.exists()
    kept(booking)


@pytest.mark.failure("A24")
def test_void_tickets_that_nobody_paid_may_be_issued_anew_and_are_seen(world: World, there: Consolidator) -> None:
    """The customer never reads "cancelled" while the consolidator may still issue, or has issued, tickets."""
    booking = world.drive(booked(world, there))
    order_id = world.order(booking).external_id
    for _ in range(2):
        there.ticket(order_id)
        later(world, booking, minutes=16)
        assert (booking.status, world.order(booking).state, cases(booking)) == (
            "PENDING_TICKETING", "ticketed", {"ticketed_unpaid"})
        there.void(order_id)
        SupplierOrder.objects.filter(booking=booking).update(news_at=clock.now())
        world.drive(booking)
        order = world.order(booking)
        assert (booking.status, order.state, order.tickets, order.ticketed_at) == ("PENDING_TICKETING", "reserved", [], None)
    kept(booking)
    later(world, booking, days=3)
    later(world, booking, minutes=1)
    assert (booking.status, world.order(booking).state, there.count("cancel")) == ("EXPIRED", "cancelled", 1)
    kept(booking)


@pytest.mark.failure("A24")
def test_a_card_is_not_charged_for_tickets_that_were_made_void_while_the_customer_paid(
        world: World, there: Consolidator) -> None:
    """Nobody tells us of a void: what was seen minutes ago is looked at again before money moves."""
    booking = world.drive(booked(world, there))
    order_id = world.order(booking).external_id
    there.ticket(order_id)
    later(world, booking, minutes=16)
    pay_link(booking)
    world.drive(booking)
    there.void(order_id)
    age(booking, timedelta(minutes=2))
    world.pay(booking)
    world.drive(booking)
    assert (booking.status, world.order(booking).state, world.payment(booking).state) == (
        "PENDING_TICKETING", "reserved", "authorised")
    assert not world.events("stripe", "payment_intent.captured")
    there.ticket(order_id)
    assert later(world, booking, minutes=16).status == "CONFIRMED"
    assert len(world.events("stripe", "payment_intent.captured")) == 1
    kept(booking)


@pytest.mark.failure("A13")
def test_a_reservation_known_by_its_locator_is_never_asked_for_and_cancelled_by_hand(
        world: World, there: Consolidator) -> None:
    there.lost = True
    booking = world.drive(booked(world, there))
    order = world.order(booking)
    SupplierOrder.objects.filter(pk=order.pk).update(external_id="locator:ABC123", pnr="ABC123", state="reserved",
                                                     news_at=clock.now())
    Diary.objects.create(booking=booking, at=clock.now(), actor="staff:1", event="order.moved", after="reserved",
                         subject=f"order:{order.pk}")
    for hours in (1, 10):
        later(world, booking, hours=hours)
    assert (booking.status, there.count("order")) == ("PENDING_TICKETING", 0)
    services.ask_quote(booking=booking, now=clock.now())
    services.cancel(booking=booking, refund_minor=None, now=clock.now())
    world.drive(booking)
    assert (booking.status, cases(booking) >= {"cancel_by_hand"}, there.count("cancel")) == ("CANCELLING", True, 0)
    later(world, booking, days=3)
    assert (booking.status, world.order(booking).state) == ("CANCELLED", "lapsed")
    assert "cancel_by_hand" not in cases(booking) and there.count("order") == 0
    kept(booking)


# --- what is sold -----------------------------------------------------------------------------------------------


def test_which_wishes_are_refused(world: World, there: Consolidator) -> None:
    def press(hold: bool = False, hold_first: bool = True, **more: Any) -> str:
        draft = world.draft(manual_offer(world, there, **more))
        try:
            made = services.book(booking=draft, hold=hold, accepted_minor=None, acknowledgements=TICKS, again=False,
                                 now=clock.now(), hold_first=hold_first).booking
        except Problem as problem:
            return problem.code
        return made.route

    assert press(hold=True) == "hold_not_possible"
    assert press(ticket_by=clock.now() + timedelta(hours=5, minutes=59)) == "offer_expired"
    assert press(hold_first=False) == "throttled"
    assert [press() for _ in range(4)] == ["manual", "manual", "manual", "too_many_holds"]


def test_a_manual_offer_is_claimed_by_its_own_id(world: World, there: Consolidator) -> None:
    booking = booked(world, there)
    assert list(OfferClaim.objects.values_list("offer_key", flat=True)) == [f"offer:{booking.offer_external_id}"]
    again = services.claimed_by(offer=booking.offer, principal=booking.principal)
    assert (again.booking.pk, again.duplicate) == (booking.pk, True)
    with pytest.raises(Problem) as taken:
        services.claimed_by(offer=booking.offer, principal="guest:other")
    assert taken.value.code == "offer_taken"
