"""Every fault point that the manual route passes is hit with a real SIGKILL: one reservation, one charge, nothing lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bookings import services
from bookings.advance import advance
from bookings.models import Booking, Case
from fly2any.kernel import clock
from tests.crashes.killing import in_child, passed
from tests.crashes.test_every_point import check, sweep
from tests.desk.pressing import Desk
from tests.world import TICKS, World, age

Piece = tuple[str, Callable[[], object]]


class Journey:
    """One customer of the manual route, in pieces that can be killed; what people do lies between them."""

    def __init__(self, world: World, manager: Desk, end: str) -> None:
        self.world, self.manager, self.end = world, manager, end
        offer = world.reservable()
        offer.priced_at = None  # seen long ago: the worker asks for the price itself
        offer.save(update_fields=["priced_at"])
        self.draft = world.draft(offer)

    def pieces(self) -> list[Piece]:
        """Names and work: "kill" pieces run in a victim process, the others are people's."""
        reserved: list[Piece] = [("kill", self.book), ("kill", self.drive)]
        if self.end == "cancelled":  # before any ticket: the card is released, then the reservation goes
            return [*reserved, ("then", self.link), ("kill", self.drive), ("then", self.pay), ("kill", self.drive),
                    ("then", self.cancel), ("kill", self.drive)]
        return [*reserved, ("then", self.link), ("kill", self.drive), ("then", self.pay), ("then", self.ticket),
                ("kill", self.drive), ("then", self.given_back), ("kill", self.drive)]

    def book(self) -> None:
        services.book(booking=self.draft, hold=False, accepted_minor=None, acknowledgements=TICKS, again=False,
                      now=clock.now())

    def drive(self) -> None:
        advance(self.draft.pk)

    def link(self) -> None:
        if not self.booking().card_wanted:
            self.manager.press("send_pay_link", booking=self.booking())
        age(self.booking(), timedelta(minutes=2))  # so that the reservation is looked at before the card is asked

    def pay(self) -> None:
        if self.booking().payments.filter(state="open").exists():
            self.world.pay(self.booking())

    def ticket(self) -> None:
        """The consolidator issues them, which only a look shows."""
        self.world.consolidator(self.world.order(self.booking()), "ticket")
        age(self.booking(), timedelta(minutes=16))

    def given_back(self) -> None:
        self.manager.press("record_cancellation", booking=self.booking(), amount="20")

    def cancel(self) -> None:
        services.cancel(booking=self.booking(), refund_minor=None, now=clock.now())

    def booking(self) -> Booking:
        return Booking.objects.get(pk=self.draft.pk)

    def recover(self) -> None:
        """Time passes and sweeps come; staff look for a reservation whose answer was lost."""
        for minutes in (0, 0.2, 1.1, 1.1):
            age(self.booking(), timedelta(minutes=minutes))
            sweep()
        order = self.world.order(self.booking())
        if order is None or order.state != "unknown":
            return
        assert Case.objects.filter(booking=self.draft, kind="unknown_outcome", closed_at=None).exists()
        assert self.booking().status == "PENDING", "never failed while it is unknown"
        age(self.booking(), timedelta(minutes=10))  # the desk lets a request that may be under way come to its end
        found = self.world.at_the_consolidator(self.booking())
        if found:
            self.manager.press("attach_order", booking=self.booking(), order_id=found[0]["id"])
        else:
            self.manager.press("not_made", booking=self.booking(), by_name=True, by_remark=True)
        sweep()


@pytest.fixture
def manager(settings: Any) -> Desk:
    """Somebody who may do everything alone."""
    settings.SECOND_PERSON_ABOVE = {"USD": 10**9, "EUR": 10**9}
    return Desk()


def play(journey: Journey, victim: int, point: str) -> bool:
    """Play it; the `victim`-th killable piece dies at `point`, and the world recovers before going on."""
    killed, number = False, 0
    for kind, work in journey.pieces():
        if kind == "kill" and number == victim:
            killed = in_child(work, point)
            if work == journey.book and journey.booking().wish == "draft":
                work()  # the customer presses again
            journey.recover()
        elif kind == "kill" or journey.booking().status not in ("FAILED", "EXPIRED", "CANCELLED"):
            work()
        number += kind == "kill"
    return killed


@pytest.mark.parametrize(("end", "always"), [
    ("given_back", False), ("cancelled", False), pytest.param("given_back", True, marks=pytest.mark.slow),
    pytest.param("cancelled", True, marks=pytest.mark.slow)])
@pytest.mark.failure("A20")
def test_a_kill_at_every_point_of_the_manual_route_loses_nothing(
        reservations: World, manager: Desk, end: str, always: bool) -> None:
    """Record which points each piece passes, then die at each of them once (in the long form: every time it comes)."""
    world, number, plan = reservations, 0, list[tuple[int, str]]()
    journey = Journey(world, manager, end)
    for kind, work in journey.pieces():
        if kind == "kill":
            plan += [(number, point) for point in passed(work)]
            number += 1
        else:
            work()
    assert journey.booking().status == "CANCELLED"
    called = {point.split(".")[1] for _, point in plan if point.startswith("call.")}
    assert called == {"reprice", "create_order", "look_order", "open_payment", "look_payment"} | (
        {"capture", "send_refund"} if end == "given_back" else {"void", "quote_cancel", "confirm_cancel"})
    for victim, point in plan if always else once(plan, end):
        world.from_here()
        Booking.objects.update(principal="guest:others")  # else three unpaid seats are the most
        played = Journey(world, manager, end)
        assert play(played, victim, point), f"{point} of piece {victim} was not reached"
        check(world, played.booking())
        order = world.order(played.booking())
        assert played.booking().status == ("CANCELLED" if order.external_id else "FAILED"), point
        assert len(world.events("amadeus", "order.created")) == int(bool(order.external_id))


def once(plan: list[tuple[int, str]], end: str) -> list[tuple[int, str]]:
    """Each point the first time that it comes; what both ends of the journey pass only on the way to one of them."""
    first = {point.partition("#")[0]: (victim, point) for victim, point in reversed(plan)}
    return [planned for name, planned in first.items()
            if end == "given_back" or name.split(".")[1] in ("void", "quote_cancel", "confirm_cancel")]


@pytest.mark.parametrize("stage", ["before", "answered", "after"])
@pytest.mark.failure("A21")
def test_a_kill_while_staff_attach_the_reservation_they_found(
        reservations: World, manager: Desk, stage: str) -> None:
    world = reservations
    world.sandbox.fault("amadeus.create_order", "reset_after", count=1)
    booking = world.drive(world.reserved())
    found = world.at_the_consolidator(booking)[0]["id"]
    manager.press("attach_order", booking=booking, order_id=found)
    assert in_child(lambda: advance(booking.pk), f"call.attach_order.{stage}")
    age(booking, timedelta(minutes=1))
    sweep()
    order = world.order(booking)
    assert (order.state, order.external_id, order.attach_id) == ("reserved", found, "")
    check(world, booking)


def test_an_answer_saved_by_a_driver_that_lost_its_connection_wakes_the_booking(
        reservations: World, manager: Desk) -> None:
    """Another driver took it for unknown meanwhile; nobody looks by himself here, so the saved answer must be heard."""
    import threading

    from tests.crashes.test_every_point import _cut_other_connections

    world = reservations
    booking = world.reserved()
    world.sandbox.fault("amadeus.create_order", "latency", seconds=1.5, count=1)

    def cut_and_drive_on() -> None:
        _cut_other_connections()
        advance(booking.pk)
        _cut_other_connections()

    cutter = threading.Timer(0.8, cut_and_drive_on)
    cutter.start()
    assert not in_child(lambda: advance(booking.pk))
    cutter.join()
    call = booking.calls.get(kind="create_order")
    assert (call.state, bool(call.external_id), world.order(booking).state) == ("answered", True, "unknown")
    booking.refresh_from_db()
    assert booking.due_at is not None and booking.due_at <= clock.now()
    sweep()
    booking.refresh_from_db()
    assert (booking.status, world.order(booking).state) == ("PENDING_TICKETING", "reserved")
    assert not Case.objects.filter(booking=booking, closed_at=None).exists()
    check(world, booking)
