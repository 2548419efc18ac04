"""Quote, cancel and ticket numbers: what the airline was asked, what the customer got, and where each is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bookings import desk
from bookings.decide import decide
from bookings.facts import load
from bookings.flow import Do, Step
from bookings.invariants import check
from bookings.models import Case, Outbox, StaffAction
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from suppliers.models import SupplierOrder
from tests.console import rows
from tests.desk.pressing import Desk, form_errors, somebody
from tests.desk.test_money import confirmed, refunds
from tests.world import World

pytestmark = pytest.mark.django_db


def test_a_ticket_is_cancelled_at_the_quote(world: World, at_desk: Desk) -> None:
    booking = confirmed(world)
    assert "Ask first" in at_desk.why_not("cancel", booking=booking)
    at_desk.press("quote", booking=booking)
    assert "being asked" in at_desk.why_not("cancel", booking=booking)
    booking = world.drive(booking)
    quoted = world.order(booking).quote_refund_minor
    plan = desk.ACTIONS["cancel"].plan(desk.situation_of(booking=booking), {})
    told = dict(plan.amounts)
    assert told["The airline gives back"] == told["The customer gets back"] and plan.mail is not None
    assert told["The customer gets back"] in plan.mail.text or quoted == 0
    done = at_desk.press("cancel", booking=booking)
    booking = world.drive(booking)
    assert (booking.status, booking.agreed_refund_minor) == ("CANCELLED", quoted)
    assert sum(refunds(world)) == quoted and world.events("duffel", "order.cancelled")
    assert (done.row.before["wish"], done.row.after["wish"]) == ("book", "cancel")
    assert Outbox.objects.filter(kind="cancelled").count() == 1 and check(clock.now()) == []
    assert "ended" in at_desk.why_not("cancel", booking=booking)


def test_what_a_page_showed_is_what_is_cancelled(world: World, at_desk: Desk) -> None:
    booking = confirmed(world)
    at_desk.press("quote", booking=booking)
    booking = world.drive(booking)
    shown = {"quote": world.order(booking).quote_id, "seen": 0}
    at_desk.press("refund", booking=booking, amount="10.00")
    with pytest.raises(Problem, match="not those that this page showed"):
        at_desk.press("cancel", booking=booking, params=shown)
    SupplierOrder.objects.update(quote_id="ore_other")
    with pytest.raises(Problem, match="not those that this page showed"):
        at_desk.press("cancel", booking=booking, params={**shown, "seen": 1})
    SupplierOrder.objects.update(quote_expires_at=clock.now() - timedelta(seconds=1))
    assert "expired" in at_desk.why_not("cancel", booking=booking)
    booking.refresh_from_db()
    assert booking.wish == "book"


def test_a_hold_is_cancelled_directly(world: World, at_desk: Desk) -> None:
    booking = world.drive(world.booked(hold=True))
    assert "cancel it directly" in at_desk.why_not("quote", booking=booking)
    at_desk.press("cancel", booking=booking)
    assert world.drive(booking).status == "CANCELLED" and world.order(booking).state == "cancelled"
    assert check(clock.now()) == []


def test_a_ticket_that_nobody_paid_for_is_given_up_at_less_than_its_price(at_desk: Desk) -> None:
    """A late ticket of a failed booking, quoted at less: the worker waits for a person, who agrees."""
    from bookings.decide import decide
    from bookings.facts import load
    from bookings.flow import Do, Step, Wait

    b = rows.booking(status="CANCELLING", closing="airline_no_answer")
    rows.order(b, quote_id="ore_1", quote_refund_minor=10_000, quote_refund_to="balance",
               quote_expires_at=clock.now() + timedelta(hours=1))
    rows.payment(b, "voided")
    case = rows.case(b, "orphaned_booking")
    assert isinstance(decide(load(b).picture(), clock.now()), Wait)
    at_desk.press("cancel", case=case)
    b.refresh_from_db()
    assert (b.wish, b.agreed_refund_minor) == ("book", 10_000)
    assert decide(load(b).picture(), clock.now()) == Do(Step.CONFIRM_CANCEL)
    SupplierOrder.objects.update(quote_refund_minor=9_999)
    assert isinstance(decide(load(b).picture(), clock.now()), Wait), "never at less than was agreed"


@pytest.mark.parametrize(("order", "wish", "status", "quote", "cancel"), [
    ("unknown", "book", "PENDING", "not known", "not known"), ("paying", "book", "PENDING", "not known", "not known"),
    ("ticketed", "cancel", "CANCELLING", "cancelled already", "cancelled already"),
    ("cancelled", "book", "CANCELLED", "No ticket is live", "has ended"),
    ("lapsed", "book", "EXPIRED", "No ticket is live", "has ended")])
def test_where_nothing_is_cancelled(at_desk: Desk, order: str, wish: str, status: str, quote: str, cancel: str) -> None:
    b = rows.booking(wish=wish, status=status)
    rows.order(b, order)
    assert quote in at_desk.why_not("quote", booking=b) and cancel in at_desk.why_not("cancel", booking=b)
    for name in ("quote", "cancel"):
        with pytest.raises(Problem):
            at_desk.press(name, booking=b, params={"quote": "", "seen": 0})
    assert not StaffAction.objects.exists()


def test_a_cancellation_above_the_limit_needs_two(at_desk: Desk, settings: object) -> None:
    settings.SECOND_PERSON_ABOVE = {"USD": 10_000}  # type: ignore[attr-defined]
    b = rows.confirmed()
    b.orders.update(quote_id="ore_1", quote_refund_minor=20_000, quote_refund_to="balance",
                    quote_expires_at=clock.now() + timedelta(hours=1))
    assert at_desk.press("cancel", booking=b).proposed
    b.refresh_from_db()
    assert b.wish == "book"
    second = somebody("do_cancel", "do_second")
    desk.decide_proposal(b.proposals.get().pk, agreed=True, by=desk.By(second, "right", "k2"), actions=desk.ACTIONS)
    b.refresh_from_db()
    assert (b.wish, b.agreed_refund_minor) == ("cancel", 20_000)


# --- ticket numbers ---------------------------------------------------------------------------------------------


def test_ticket_numbers_make_a_reservation_a_ticket(at_desk: Desk) -> None:
    b = rows.booking(route="manual", status="PENDING_TICKETING", progress="staff")
    rows.order(b, "reserved", ticketed_at=None)
    case = rows.case(b, "dispute")
    done = at_desk.press("enter_tickets", case=case, private_ticket_0="220-2345678901")
    order = b.orders.get()
    assert order.state == "ticketed" and order.ticketed_at is not None
    assert [ticket["number"] for ticket in order.tickets] == ["2202345678901"]
    assert b.diary.get(event="order.moved", cause="ticket numbers entered").after == "ticketed"
    assert "2202345678901" not in str(done.row.params) and "told us" in at_desk.why_not("enter_tickets", booking=b)
    assert [found for found in check(clock.now()) if found.invariant == "I8"] == []


def test_an_order_is_looked_at_before_entered_numbers_lead_to_a_charge(at_desk: Desk) -> None:
    """The airline may have cancelled it meanwhile: no money is asked for or taken for it then (I1)."""
    b = rows.booking(route="manual", status="PENDING_TICKETING", progress="staff")
    rows.order(b, "reserved", ticketed_at=None)
    rows.payment(b, "authorised")
    at_desk.press("enter_tickets", booking=b, private_ticket_0="220-2345678901")
    b.refresh_from_db()
    assert decide(load(b).picture(), clock.now()) == Do(Step.LOOK_ORDER)


@pytest.mark.parametrize("number", ["", "22023456789", "0002345678901", "22023456789012", "220234567890A"])
def test_a_number_that_is_no_ticket_is_refused(at_desk: Desk, number: str) -> None:
    b = rows.confirmed()
    assert form_errors(desk.ACTIONS["enter_tickets"], desk.situation_of(booking=b), private_ticket_0=number)
    with pytest.raises(Problem):
        at_desk.press("enter_tickets", booking=b, params={"private_ticket_0": number})
    assert b.orders.get().tickets == []


def test_tickets_of_one_order_are_of_one_airline_and_all_different(at_desk: Desk) -> None:
    b = rows.confirmed()
    b.passengers.create(position=1, external_id="pas_2", kind="adult", given_name="Emil", family_name="Ångström")
    action, situation = desk.ACTIONS["enter_tickets"], desk.situation_of(booking=b)
    other = form_errors(action, situation, private_ticket_0="2202345678901", private_ticket_1="1252345678902")
    twice = form_errors(action, situation, private_ticket_0="2202345678901", private_ticket_1="220 2345678901")
    assert list(other) == list(twice) == ["private_ticket_1"]


@pytest.mark.failure("U9")
def test_a_ticket_of_somebody_else_is_refused(at_desk: Desk) -> None:
    other, b = rows.confirmed(), rows.confirmed()
    at_desk.press("enter_tickets", booking=other, private_ticket_0="2202345678901")
    with pytest.raises(Problem, match=other.reference):
        at_desk.press("enter_tickets", booking=b, private_ticket_0="2202345678901")
    assert b.orders.get().tickets == []


def test_numbers_of_staff_stand_until_the_airline_shows_its_own(world: World, at_desk: Desk) -> None:
    booking = confirmed(world)
    theirs = world.order(booking).tickets
    SupplierOrder.objects.filter(booking=booking).update(tickets=[])
    if not theirs:
        at_desk.press("enter_tickets", booking=booking, private_ticket_0="2202345678901")
    at_desk.press("look_again", booking=booking, reason="")
    world.drive(booking)
    assert world.order(booking).tickets == (theirs or [
        {"kind": "ticket", "number": "2202345678901", "passengers": [booking.passengers.get().external_id]}])


@pytest.mark.parametrize("name", ["quote", "cancel", "enter_tickets"])
def test_orders_move_by_permission_only(at_desk: Desk, name: str) -> None:
    with pytest.raises(Problem) as refused:
        at_desk.press(name, booking=rows.confirmed(), by=somebody("do_refund", "do_look_again"), params={})
    assert refused.value.code == "forbidden" and not StaffAction.objects.exists() and not Case.objects.exists()
