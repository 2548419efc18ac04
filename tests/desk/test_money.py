"""Capture, void and refund: where they are offered, where not and why, and what then happened at the bank."""

from __future__ import annotations

from typing import Any

import pytest

from bookings import desk
from bookings.invariants import check
from bookings.models import Booking, Case, Outbox, StaffAction
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from payments.models import Refund
from tests.console import rows
from tests.desk.pressing import Desk, form_errors, somebody
from tests.world import INSTANT, World

pytestmark = pytest.mark.django_db


def refunds(world: World) -> list[int]:
    return [row["amount"] for row in world.events("stripe", "refund.created")]


def confirmed(world: World) -> Booking:
    booking = world.drive(world.booked())
    world.pay(booking)
    booking = world.drive(booking)
    assert booking.status == "CONFIRMED"
    return booking


def well() -> list[Any]:
    """What is broken now."""
    return check(clock.now())


# --- capture ----------------------------------------------------------------------------------------------------


def test_a_capture_that_waits_for_its_next_try_is_made_now(world: World, at_desk: Desk) -> None:
    booking = world.drive(world.booked())
    world.sandbox.fault(operation="stripe.capture*", kind="status", status=503, count=20)
    world.pay(booking)
    booking = world.drive(booking)
    assert world.payment(booking).state == "authorised" or world.payment(booking).state == "capturing"
    world.sandbox.http.delete("/_faults")
    assert world.drive(booking).status != "CONFIRMED", "the control: without the press it waits for its next try"
    done = at_desk.press("capture", booking=booking)
    booking = world.drive(booking)
    assert booking.status == "CONFIRMED" and len(world.events("stripe", "payment_intent.captured")) == 1
    assert done.row.before["captured_minor"] == 0 and "taken already" in at_desk.why_not("capture", booking=booking)
    assert well() == []


@pytest.mark.parametrize(("order", "payment", "why"), [
    ("held", "authorised", "No live ticket"), ("reserved", "authorised", "No live ticket"),
    ("unknown", "authorised", "No live ticket"), ("cancelled", "authorised", "No live ticket"),
    ("ticketed", "captured", "taken already"), ("ticketed", "voided", "link to pay"),
    ("ticketed", "open", "not confirmed"), ("ticketed", "voiding", "being released"), ("", "", "no payment")])
def test_money_is_taken_for_a_live_ticket_only(at_desk: Desk, order: str, payment: str, why: str) -> None:
    b = rows.booking()
    if order:
        rows.order(b, order)
        rows.payment(b, payment)
    assert why in at_desk.why_not("capture", booking=b)
    with pytest.raises(Problem):
        at_desk.press("capture", booking=b)
    assert not StaffAction.objects.exists()


def test_what_the_customer_was_promised_free_is_not_captured(at_desk: Desk) -> None:
    b = rows.booking(wish="cancel", status="CANCELLING")
    rows.order(b)
    rows.payment(b, "authorised")
    assert "nothing is charged" in at_desk.why_not("capture", booking=b)


# --- void -------------------------------------------------------------------------------------------------------


def test_releasing_the_card_ends_a_held_booking(world: World, at_desk: Desk) -> None:
    booking = world.drive(world.booked())
    world.sandbox.fault(operation="duffel.create_payment", kind="status", status=503, count=20)
    world.pay(booking)
    booking = world.drive(booking)
    assert (world.order(booking).state, world.payment(booking).state) == ("held", "authorised")
    at_desk.press("void", booking=booking)
    world.sandbox.http.delete("/_faults")
    booking = world.drive(booking)
    assert booking.status == "CANCELLED" and world.payment(booking).state == "voided"
    assert world.order(booking).state == "cancelled" and Outbox.objects.filter(kind="cancelled").exists()
    assert not world.events("stripe", "payment_intent.captured") and well() == []
    assert "released already" in at_desk.why_not("void", booking=booking)


def test_a_void_that_keeps_failing_is_tried_now(world: World, at_desk: Desk) -> None:
    booking = world.drive(world.booked(INSTANT))
    world.pay(booking)
    world.sandbox.fault(operation="duffel.create_order", kind="status", status=422, code="offer_no_longer_available")
    world.sandbox.fault(operation="stripe.cancel*", kind="status", status=503, count=20)
    booking = world.drive(booking)
    assert world.payment(booking).state in ("voiding", "authorised"), world.payment(booking).state
    world.sandbox.http.delete("/_faults")
    assert world.payment(world.drive(booking)).state != "voided", "the control: it waits for its next try"
    at_desk.press("void", booking=booking)
    assert world.payment(world.drive(booking)).state == "voided" and well() == []


@pytest.mark.parametrize(("order", "payment", "why"), [
    ("ticketed", "authorised", "ticket stands"), ("unknown", "authorised", "not known"),
    ("creating", "authorised", "not known"), ("paying", "authorised", "not known"),
    ("held", "captured", "refund"), ("held", "voided", "released already"), ("held", "new", "Nothing is reserved")])
def test_a_card_is_not_released_where_a_ticket_is_or_may_be(at_desk: Desk, order: str, payment: str, why: str) -> None:
    b = rows.booking()
    rows.order(b, order)
    rows.payment(b, payment)
    assert why in at_desk.why_not("void", booking=b)


# --- refund -----------------------------------------------------------------------------------------------------


def test_a_part_is_given_back_and_the_ticket_stays(world: World, at_desk: Desk) -> None:
    booking = confirmed(world)
    at_desk.press("refund", booking=booking, amount="50.00", key="one")
    assert at_desk.press("refund", booking=booking, params={}, key="one").again
    booking = world.drive(booking)
    assert (booking.status, booking.money, refunds(world)) == ("CONFIRMED", "refunded", [5000])
    assert Outbox.objects.filter(kind="refund_sent").count() == 1 and world.order(booking).state == "ticketed"
    assert Refund.objects.get().cause == "staff:1" and well() == []


def test_everything_is_not_given_back_while_the_ticket_lives(world: World, at_desk: Desk) -> None:
    booking = confirmed(world)
    total = world.payment(booking).captured_minor
    situation, action = desk.situation_of(booking=booking), desk.ACTIONS["refund"]
    assert "live" in form_errors(action, situation, amount=str(total / 100))["amount"][0]
    with pytest.raises(Problem, match="not all of it"):
        at_desk.press("refund", booking=booking, params={"amount_minor": total, "seen": 0})
    with pytest.raises(Problem, match="not all of it"):  # nor in parts
        at_desk.press("refund", booking=booking, amount="50.00")
        at_desk.press("refund", booking=booking, params={"amount_minor": total - 5000, "seen": 1})
    assert Refund.objects.count() == 1


def test_a_present_is_not_taken_off_the_cancellation(world: World, at_desk: Desk) -> None:
    """The airline gives everything back; 50 were given before: the customer gets the rest, and no more than all."""
    booking = confirmed(world)
    at_desk.press("refund", booking=booking, amount="50.00")
    booking = world.drive(booking)
    at_desk.press("quote", booking=booking)
    booking = world.drive(booking)
    agreed = world.order(booking).quote_refund_minor
    at_desk.press("cancel", booking=booking)
    assert "its refund follows" in at_desk.why_not("refund", booking=booking)
    booking = world.drive(booking)
    assert booking.status == "CANCELLED"
    assert refunds(world) == [5000, min(agreed, world.payment(booking).captured_minor - 5000)] and well() == []


def test_what_was_kept_can_be_given_after_a_cancellation(at_desk: Desk) -> None:
    b = rows.cancelled(given_back=30_000, agreed=30_000)
    assert at_desk.why_not("refund", booking=b) == ""
    at_desk.press("refund", booking=b)
    assert Refund.objects.get(cause="staff:2").amount_minor == 20_000
    assert "given back" in at_desk.why_not("refund", booking=b)


@pytest.mark.failure("S11")
def test_a_refund_that_the_bank_returned_is_sent_again_once(world: World, at_desk: Desk) -> None:
    booking = confirmed(world)
    at_desk.press("refund", booking=booking, amount="50.00")
    booking = world.drive(booking)
    first = Refund.objects.get()
    assert world.sandbox.http.post(f"/_stripe/refunds/{first.external_id}/fail", json={}).status_code == 200
    at_desk.press("look_again", booking=booking, reason="")
    first.news_at = clock.now()
    first.save()
    booking = world.drive(booking)
    assert Refund.objects.get().state == "failed"
    case = Case.objects.get(kind="refund_failed")
    done = at_desk.press("refund", case=case, again=first.pk)
    booking = world.drive(booking)
    second = Refund.objects.get(cause=f"staff:1~{first.pk}")
    assert (second.state, second.amount_minor) == ("succeeded", 5000) and done.row.after["refunds"][1][1] == "requested"
    case.refresh_from_db()
    assert case.closed_at is not None and case.closed_by is None and well() == []
    with pytest.raises(Problem):
        at_desk.press("refund", booking=booking, params={"amount_minor": 5000, "again": first.pk, "seen": 2})
    assert world.sandbox.http.post(f"/_stripe/refunds/{second.external_id}/fail", json={}).status_code == 200
    Refund.objects.filter(pk=second.pk).update(news_at=clock.now())
    at_desk.press("look_again", booking=booking, reason="")
    world.drive(booking)
    assert Case.objects.filter(kind="refund_failed", closed_at=None).count() == 1, "it came back again: told again"


@pytest.mark.parametrize(("order", "payment", "wish", "why"), [
    ("ticketed", "authorised", "book", "No money was taken"), ("ticketed", "captured", "cancel", "its refund follows"),
    ("cancelling", "captured", "cancel", "not known"), ("held", "captured", "book", "cancel first")])
def test_a_refund_is_refused_with_the_reason(at_desk: Desk, order: str, payment: str, wish: str, why: str) -> None:
    b = rows.booking(wish=wish)
    rows.order(b, order)
    rows.payment(b, payment)
    assert why in at_desk.why_not("refund", booking=b)


def test_a_refund_above_the_limit_waits_for_a_second_person(at_desk: Desk, settings: Any) -> None:
    settings.SECOND_PERSON_ABOVE = {"USD": 10_000}
    b = rows.confirmed()
    first, second = somebody("do_refund"), somebody("do_refund", "do_second")
    done = at_desk.press("refund", booking=b, amount="100.01", by=first)
    assert done.proposed and not Refund.objects.exists()
    proposal = b.proposals.get()
    by = desk.By(second, "I have checked it.", "second-press")
    desk.decide_proposal(proposal.pk, agreed=True, by=by, actions=desk.ACTIONS)
    assert Refund.objects.get().amount_minor == 10_001
    row = StaffAction.objects.get(verb="refund")
    assert (row.operator, row.second) == (second, first)
    assert not at_desk.press("refund", booking=b, amount="100.00", by=first).proposed


@pytest.mark.parametrize("typed", ["", "0", "-5", "1.234", "five", "99999999", "200.01"])
def test_an_amount_that_cannot_be_given_is_refused_in_the_form(at_desk: Desk, typed: str) -> None:
    b = rows.confirmed()  # 500.00, of which 300.00 are back already
    rows.refund(b.payments.get(), 30_000)
    assert form_errors(desk.ACTIONS["refund"], desk.situation_of(booking=b), amount=typed)["amount"]


@pytest.mark.parametrize("name", ["capture", "void", "refund"])
def test_money_moves_by_permission_only(at_desk: Desk, name: str) -> None:
    others = [f"do_{word}" for word in ("capture", "void", "refund", "cancel", "attach", "look_again") if word != name]
    with pytest.raises(Problem) as refused:
        at_desk.press(name, booking=rows.confirmed(), by=somebody(*others), params={})
    assert refused.value.code == "forbidden" and not StaffAction.objects.exists()
