"""An order that staff found: fetched by the worker, attached if it is this booking's, refused with what differed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bookings import desk
from bookings.invariants import check
from bookings.models import Booking, Case, StaffAction
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from suppliers.models import SupplierOrder
from tests.console import rows
from tests.desk.pressing import Desk, as_it_stands, form_errors, somebody
from tests.world import World, age

pytestmark = pytest.mark.django_db


def lost(world: World) -> tuple[Booking, str]:
    """A booking whose order was made while its answer was lost, and the order's id; nothing lists it."""
    world.sandbox.fault(operation="duffel.create_order", kind="reset_after")
    world.sandbox.fault(operation="duffel.list_orders", kind="listing_lag", seconds=99_999)
    booking = world.drive(world.booked())
    assert world.order(booking).state == "unknown"
    return booking, world.events("duffel", "order.created")[-1]["order_id"]


def creates(world: World) -> int:
    return len([row for row in world.events("duffel", "request") if row["operation"] == "duffel.create_order"])


def refused(booking: Booking) -> str:
    return str(Case.objects.get(booking=booking, closed_at=None).facts["not attached"])


@pytest.mark.failure("D22")
def test_the_order_that_staff_found_is_attached_and_the_booking_goes_on(world: World, at_desk: Desk) -> None:
    booking, found = lost(world)
    asked = creates(world)
    case = rows.case(booking, "unknown_outcome")
    done = at_desk.press("attach_order", case=case, order_id=found)
    assert done.row.params["order_id"] == found and "fetching" in at_desk.why_not("attach_order", case=case)
    booking = world.drive(booking)
    assert (world.order(booking).state, world.order(booking).external_id) == ("held", found)
    world.pay(booking)
    assert world.drive(booking).status == "CONFIRMED" and creates(world) == asked and check(clock.now()) == []
    assert "has its airline order" in at_desk.why_not("attach_order", booking=booking)


@pytest.mark.failure("U10")
def test_another_bookings_order_is_refused_and_nothing_changes(world: World, at_desk: Desk) -> None:
    other = world.drive(world.booked(hold=True))
    theirs = world.order(other).external_id
    booking, _ = lost(world)
    rows.case(booking, "unknown_outcome")
    with pytest.raises(Problem, match=other.reference):
        at_desk.press("attach_order", booking=booking, order_id=theirs)
    SupplierOrder.objects.filter(pk=world.order(other).pk).update(external_id="ord_nobodyknows")
    at_desk.press("attach_order", booking=booking, order_id=theirs)
    booking = world.drive(booking)
    order = world.order(booking)
    assert (order.state, order.external_id, order.attach_id) == ("unknown", "", "")
    assert theirs in refused(booking) and "another booking's reference" in refused(booking)
    assert booking.diary.filter(event="attach.refused").exists()
    at_desk.press("attach_order", booking=booking, order_id="ord_0000doesnotexist")
    world.drive(booking)
    assert "does not know" in refused(booking)


def test_an_order_at_another_price_is_refused(world: World, at_desk: Desk) -> None:
    booking, found = lost(world)
    rows.case(booking, "unknown_outcome")
    world.sandbox.http.post(f"/_duffel/orders/{found}/reprice", json={"percent": 7})
    at_desk.press("attach_order", booking=booking, order_id=found)
    booking = world.drive(booking)
    assert "it costs" in refused(booking) and world.order(booking).external_id == ""


def test_an_airline_that_does_not_answer_is_asked_again(world: World, at_desk: Desk) -> None:
    booking, found = lost(world)
    at_desk.press("attach_order", booking=booking, order_id=found)
    world.sandbox.fault(operation="duffel.get_order", kind="status", status=503, count=20)
    booking = world.drive(booking)
    assert world.order(booking).attach_id == found and booking.due_at is not None
    world.sandbox.http.delete("/_faults")
    world.sandbox.fault(operation="duffel.list_orders", kind="listing_lag", seconds=99_999)
    age(booking, timedelta(minutes=1))
    assert world.order(world.drive(booking)).external_id == found


def test_an_order_of_a_booking_that_failed_is_undone(world: World, at_desk: Desk) -> None:
    booking, found = lost(world)
    age(booking, timedelta(minutes=31))
    booking = world.drive(booking, 2)
    assert (world.order(booking).state, booking.status) == ("not_created", "FAILED")
    assert "failed already" in " ".join(desk.ACTIONS["attach_order"].plan(as_it_stands(booking=booking), {}).will)
    at_desk.press("attach_order", booking=booking, order_id=found)
    booking = world.drive(booking)
    assert (world.order(booking).state, world.order(booking).external_id) == ("cancelled", found)
    assert booking.status == "FAILED" and check(clock.now()) == []


def test_an_orphan_is_attached_to_the_booking_that_staff_name(world: World, at_desk: Desk) -> None:
    booking, found = lost(world)
    case = rows.case(None, "orphaned_booking", subject=f"duffel:{found}")
    done = at_desk.press("attach_order", case=case, reference=booking.reference.lower())
    assert done.row.booking_id is None and booking.diary.filter(event="staff.attach_order").exists()
    booking = world.drive(booking)
    case.refresh_from_db()
    assert world.order(booking).external_id == found and case.closed_because == f"attached to {booking.reference}"


def test_an_orphan_goes_only_where_an_order_is_missing(at_desk: Desk) -> None:
    case = rows.case(None, "orphaned_booking", subject="duffel:ord_00000001")
    for reference, why in ((rows.confirmed().reference, "has its airline order"), ("FLY2A-NOBODY", "No booking")):
        with pytest.raises(Problem, match=why):
            at_desk.press("attach_order", case=case, reference=reference)
    b = rows.booking()
    rows.order(b, "unknown", external_id="")
    with pytest.raises(Problem, match="another order"):
        at_desk.press("attach_order", case=case, reference=b.reference, order_id="ord_00000002")
    assert not StaffAction.objects.exists() and b.orders.get().attach_id == ""


@pytest.mark.parametrize(("state", "changes", "why"), [
    ("held", {}, "has its airline order"), ("ticketed", {}, "has its airline order"),
    ("unknown", {"external_id": "ord_1"}, "has its airline order"), ("cancelled", {}, "has its airline order")])
def test_an_order_is_attached_only_where_one_is_missing(at_desk: Desk, state: str, changes: Any, why: str) -> None:
    b = rows.booking()
    rows.order(b, state, **changes)
    assert why in at_desk.why_not("attach_order", booking=b)
    assert "No order was ever" in at_desk.why_not("attach_order", booking=rows.booking())


@pytest.mark.parametrize("typed", ["", "off_0000AXkS3yZ", "ord_", "ord_0000 1234", "../orders"])
def test_what_is_no_order_id_is_refused_in_the_form(at_desk: Desk, typed: str) -> None:
    b = rows.booking()
    rows.order(b, "unknown", external_id="")
    assert form_errors(desk.ACTIONS["attach_order"], as_it_stands(booking=b), order_id=typed)["order_id"]


def test_orders_are_attached_by_permission_only(at_desk: Desk) -> None:
    with pytest.raises(Problem) as said:
        at_desk.press("attach_order", booking=rows.booking(), by=somebody("do_cancel"), params={"order_id": "ord_1"})
    assert said.value.code == "forbidden"
