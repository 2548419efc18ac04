"""Every registered fault point is hit with a real SIGKILL on every route; afterwards everything is in step."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection

from bookings import afterwards, drafts, services
from bookings.advance import advance
from bookings.drafts import booking as drafting
from bookings.models import Booking, CallRecord, Case
from bookings.status import FINAL
from bookings.sweep import due_bookings
from fly2any.kernel import clock, faultpoints
from fly2any.kernel.errors import Problem
from suppliers.types import OfferInfo
from tests.crashes.killing import in_child, passed
from tests.world import HOLDABLE, INSTANT, World, age

hit: set[str] = set()
Deed = Callable[[Booking], None]


def sweep() -> None:
    """What a new process does after the crash: drive whatever is due, three times round."""
    for _ in range(3):
        for booking_id in due_bookings(clock.now(), 50):
            advance(booking_id, actor="sweeper")


class Journey:
    """One customer on one route, in pieces that can be killed; outside deeds of the customer lie between them."""

    def __init__(self, world: World, route: str) -> None:
        self.world, self.route = world, route
        offer = world.offer(INSTANT if route == "instant" else HOLDABLE)
        if route == "instant":  # seen long ago: the worker asks for the price itself
            offer.priced_at = None
            offer.save(update_fields=["priced_at"])
        self.draft = world.draft(offer)

    def book(self) -> None:
        services.book(booking=self.draft, hold=self.route == "hold", accepted_minor=None,
                      acknowledgements=[{"code": "dangerous_goods"}, {"code": "names_and_terms"}], again=False,
                      now=clock.now())

    def drive(self) -> None:
        advance(self.draft.pk)

    def pieces(self) -> list[tuple[str, Callable[[], object]]]:
        """Names and work: "kill" pieces run in a victim process, the others are the customer's."""
        later: list[tuple[str, Callable[[], object]]] = []
        if self.route == "hold":
            later = [("then", self.pay_later), ("kill", self.drive)]
        return [("kill", self.book), ("kill", self.drive), *later, ("then", self.pay), ("kill", self.drive),
                ("then", self.ask_quote), ("kill", self.drive), ("then", self.cancel), ("kill", self.drive)]

    def pay(self) -> None:
        if self.booking().payments.filter(state="open").exists():
            self.world.pay(self.booking())

    def pay_later(self) -> None:
        age(self.booking(), timedelta(minutes=2))  # so that the held order is looked at before the card is asked
        services.pay_later(booking=self.booking(), now=clock.now())

    def ask_quote(self) -> None:
        services.ask_quote(booking=self.booking(), now=clock.now())

    def cancel(self) -> None:
        order = self.world.order(self.booking())
        services.cancel(booking=self.booking(), refund_minor=order.quote_refund_minor, now=clock.now())

    def booking(self) -> Booking:
        return Booking.objects.get(pk=self.draft.pk)

    def recover(self) -> None:
        """Time passes and sweeps come, until the booking rests where this piece of the journey ends."""
        for minutes in (0, 0.2, 1.1, 1.1):
            age(self.booking(), timedelta(minutes=minutes))
            sweep()
        for _ in range(9):  # killed before the airline was asked: nothing shows up, and in the end we give up
            order = self.world.order(self.booking())
            if order is not None and order.state == "unknown":
                age(self.booking(), timedelta(minutes=61))
                sweep()


def check(world: World, booking: Booking) -> None:
    """The three records agree, and nothing waits without a deadline or a case (I1 to I7)."""
    from bookings.invariants import check as violations

    booking.refresh_from_db()
    assert violations(clock.now()) == []
    waiting = booking.due_at is not None or Case.objects.filter(booking=booking, closed_at=None).exists()
    assert booking.status in FINAL or waiting
    created = world.events(booking.supplier, "order.created")
    posts = [r for r in world.events(booking.supplier, "request") if r["operation"].endswith(".create_order")]
    assert len(created) <= 1 and len(posts) <= 1, "two orders for one booking"
    captured = sum(r["amount"] for r in world.events("stripe", "payment_intent.captured"))
    refunded = sum(r["amount"] for r in world.events("stripe", "refund.created"))
    ours = booking.payments.order_by("-pk").first()
    assert captured == (ours.captured_minor if ours else 0) <= booking.accepted_minor
    assert refunded == (ours.refunded_minor if ours else 0) <= captured
    assert len(world.events("stripe", "payment_intent.created")) <= 1


def story(booking: Booking) -> str:
    """The diary and the calls, for a failed test."""
    lines = [f"{d.at:%H:%M:%S} {d.actor} {d.event} {d.subject} {d.before}→{d.after} {d.cause}"
             for d in booking.diary.order_by("pk")]
    calls = [f"{c.kind} {c.subject} {c.state} {c.outcome} {c.code} retry {c.retry_at}" for c in booking.calls.all()]
    return "\n".join([f"{booking.status} {booking.closing} due {booking.due_at}", *lines, *calls])


def play(world: World, route: str, victim: int | None, point: str) -> tuple[Journey, bool]:
    """Play the journey; the `victim`-th killable piece dies at `point` and the world recovers before going on."""
    journey, killed, number = Journey(world, route), False, 0
    for kind, work in journey.pieces():
        if kind == "kill":
            if number == victim:
                killed = in_child(work, point)
                if killed and work == journey.book and journey.booking().wish == "draft":
                    work()  # the customer presses again
                journey.recover()
            else:
                work()
            number += 1
        elif journey.booking().status not in ("FAILED", "EXPIRED", "CANCELLED"):
            try:
                work()
            except Problem as problem:
                raise AssertionError(f"{route} {victim} {point}: {problem}\n{story(journey.booking())}") from problem
    return journey, killed


def once(plan: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Each point of the route where it is passed first."""
    first: dict[str, tuple[int, str]] = {}
    for victim, point in plan:
        first.setdefault(point.partition("#")[0], (victim, point))
    return list(first.values())


@pytest.mark.parametrize(("route", "how"), [
    ("hold_first", "each time"), ("instant", "once"), ("hold", "once"),
    *(pytest.param(route, "each time", marks=pytest.mark.slow) for route in ("instant", "hold"))])
@pytest.mark.failure("K1", "W2")
def test_a_kill_at_every_point_of_the_route_loses_nothing(world: World, route: str, how: str) -> None:
    """Record which points each piece passes, then die at every one of them in turn.

    What the routes share, such as the cancellation, they pass at the same points: there the second and third route die
    at each point once, in the long form each time that they pass it.
    """
    journey, plan, number = Journey(world, route), [], 0
    for kind, work in journey.pieces():
        if kind == "kill":
            plan += [(number, point) for point in passed(work)]
            number += 1
        else:
            work()
    assert journey.booking().status == "CANCELLED"
    assert len(plan) > 20
    for victim, point in once(plan) if how == "once" else plan:
        world.from_here()
        played, killed = play(world, route, victim, point)
        assert killed, f"{point} of piece {victim} was not reached"
        hit.add(point.partition("#")[0])
        check(world, played.booking())


@pytest.mark.failure("K2")
def test_points_that_only_a_recovery_passes(world: World) -> None:
    """The looks after a lost answer are killed too: first crash, then a second one inside the recovery."""
    second = {
        ("hold_first", 1, "call.create_order.answered"): "call.find_order",
        ("hold_first", 2, "call.pay_order.answered"): "call.look_paid",
        ("hold_first", 4, "call.send_refund.answered"): "call.look_refund",
    }
    for (route, victim, first), again in second.items():
        for stage in faultpoints.CALL_STAGES:
            world.from_here()
            Booking.objects.update(principal="guest:others")  # three unpaid seats make the fourth booking card-first
            journey = _until_killed(world, route, victim, first)
            age(journey.booking(), timedelta(seconds=7))
            assert in_child(sweep, f"{again}.{stage}"), f"{again}.{stage} was not reached"
            hit.add(f"{again}.{stage}")
            journey.recover()
            check(world, journey.booking())


def _until_killed(world: World, route: str, victim: int, point: str) -> Journey:
    journey, number = Journey(world, route), 0
    for kind, work in journey.pieces():
        if kind == "kill":
            if number == victim:
                assert in_child(work, point)
                return journey
            number += 1
        work()
    raise AssertionError("the journey has no such piece")


@pytest.mark.failure("K3")
def test_a_kill_while_closing_an_unpaid_booking(world: World) -> None:
    """The void of an unpaid intent, at each stage."""
    for stage in faultpoints.CALL_STAGES:
        booking = world.drive(world.booked())
        age(booking, timedelta(minutes=31))
        assert in_child(lambda b=booking: advance(b.pk), f"call.void.{stage}")  # type: ignore[misc]
        hit.add(f"call.void.{stage}")
        for minutes in (0, 0.2, 1.1):
            age(booking, timedelta(minutes=minutes))
            sweep()
        booking.refresh_from_db()
        assert (booking.status, world.payment(booking).state) == ("EXPIRED", "voided")


@pytest.mark.failure("K4")
def test_a_kill_while_accepting_changed_flights(world: World) -> None:
    """The answer reaches the airline once, and is believed only when its order shows it."""
    for stage in faultpoints.CALL_STAGES:
        world.from_here()
        booking = world.drive(world.booked())
        world.pay(booking)
        order = world.order(world.drive(booking))
        world.sandbox.http.post(f"/_duffel/orders/{order.external_id}/schedule_change", json={"minutes": 200})
        booking.orders.update(news_at=clock.now())
        advance(booking.pk)
        change_id = world.order(booking).flight_change["external_id"]
        afterwards.answer_change(booking=booking, change_id=change_id, answer="accept", now=clock.now())
        assert in_child(lambda b=booking: advance(b.pk), f"call.accept_change.{stage}")  # type: ignore[misc]
        hit.add(f"call.accept_change.{stage}")
        for minutes in (0, 0.2, 1.1):
            age(booking, timedelta(minutes=minutes))
            sweep()
        assert world.order(booking).flight_change["taken"] == "accepted"
        assert booking.outbox.filter(kind="flights_accepted").count() == 1
        assert len([r for r in world.events("duffel", "request") if "accept" in r["operation"]
                    and r["outcome"] == "done"]) == 1


@pytest.mark.failure("K6")
def test_a_kill_while_an_order_that_staff_found_is_fetched(world: World) -> None:
    """It is attached once, and no order is asked for again."""
    for stage in faultpoints.CALL_STAGES:
        world.from_here()
        world.sandbox.fault(operation="duffel.create_order", kind="reset_after")
        lag = world.sandbox.fault(operation="duffel.list_orders", kind="listing_lag", seconds=9999)
        booking = world.drive(world.booked())
        found = world.events("duffel", "order.created")[-1]["order_id"]
        booking.orders.update(attach_id=found)
        assert in_child(lambda b=booking: advance(b.pk), f"call.attach_order.{stage}")  # type: ignore[misc]
        hit.add(f"call.attach_order.{stage}")
        age(booking, timedelta(minutes=1))
        sweep()
        order = world.order(booking)
        assert (order.state, order.external_id, order.attach_id) == ("held", found, "")
        assert len(world.events("duffel", "order.created")) == 1
        world.sandbox.http.delete("/_faults", params={"id": lag["id"]})


@pytest.mark.failure("K5")
def test_a_kill_while_the_money_for_changed_flights_goes_back(world: World) -> None:
    """Quote, cancellation and refund follow from one answer: killed anywhere, all of it comes back, and once."""
    points = ["call.quote_cancel.answered", "call.confirm_cancel.before", "call.confirm_cancel.answered",
              "call.send_refund.answered", "commit.settle.before#2", "commit.settle.after#2"]
    for point in points:
        world.from_here()
        booking = world.drive(world.booked(choose=_free))
        world.pay(booking)
        order = world.order(world.drive(booking))
        world.sandbox.http.post(f"/_duffel/orders/{order.external_id}/schedule_change", json={"minutes": 200})
        booking.orders.update(news_at=clock.now())
        advance(booking.pk)
        change_id = world.order(booking).flight_change["external_id"]
        afterwards.answer_change(booking=booking, change_id=change_id, answer="refund", now=clock.now())
        assert in_child(lambda b=booking: advance(b.pk), point), point  # type: ignore[misc]
        for minutes in (0, 0.2, 1.1, 1.1):
            age(booking, timedelta(minutes=minutes))
            sweep()
        check(world, booking)
        payment = world.payment(booking)
        assert (booking.status, payment.refunded_minor) == ("CANCELLED", payment.captured_minor), point
        assert len(world.events("duffel", "order.cancelled")) == len(world.events("stripe", "refund.created")) == 1


def _free(info: OfferInfo) -> bool:
    """A fare that gives everything back, which may be held."""
    return bool(info.refund.allowed and info.refund.fee and not info.refund.fee.minor and not info.instant_only)


@pytest.mark.failure("K7")
def test_a_kill_while_the_fare_is_changed_leaves_one_draft_of_each(world: World) -> None:
    """The change of fare writes in two commits: killed at either, both drafts stand and pressing again finds them."""
    offer = world.offer(HOLDABLE, origin="LHR", destination="MAD", bags=1)
    other = world.offer(HOLDABLE, origin="LHR", destination="MAD", choose=lambda info: (
        not info.instant_only and info.external_id != offer.external_id))
    draft = world.draft(offer, 1)
    kept = draft.selections.get().detail
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drafting, "family", lambda _: [offer, other])

        def press() -> Booking:
            return drafts.change_fare(booking=draft, offer_id=other.pk, user=None, now=clock.now(), choices=[
                {"serviceId": item.service_external_id, "quantity": 1} for item in draft.selections.all()])

        for name in ("customize", "start", "_put_selections"):
            with pytest.MonkeyPatch.context() as death:
                death.setattr(drafting, name, _dies_after(getattr(drafting, name)))
                assert in_child(press)
            found = press()
            assert Booking.objects.filter(wish="draft").count() == 2
            assert found.offer == other and found.services_minor == sum(
                item.unit_minor * item.quantity for item in found.selections.all())
            assert draft.selections.get().detail == kept
            Booking.objects.filter(pk=found.pk).delete()


def _dies_after(work: Callable[..., object]) -> Callable[..., object]:
    def deadly(*values: object, **named: object) -> object:
        work(*values, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still alive")

    return deadly


@pytest.mark.parametrize("stage", ["", "before", "after"])
@pytest.mark.failure("K13")
def test_a_driver_that_lost_its_connection_saves_the_bare_answer(world: World, stage: str) -> None:
    """The connection goes while the airline works; the order's id is saved, or the order is found again."""
    booking = world.booked()
    world.sandbox.fault("duffel.create_order", "latency", seconds=1.0, count=1)
    cutter = threading.Timer(0.6, _cut_other_connections)
    cutter.start()
    killed = in_child(lambda: advance(booking.pk), f"commit.rescue.{stage}" if stage else "")
    cutter.join()
    assert killed == bool(stage)
    hit.update({f"commit.rescue.{stage}"} if stage else set())
    call = booking.calls.get(kind="create_order")
    assert call.state == ("intended" if stage == "before" else "answered")
    assert bool(call.external_id) == (stage != "before")
    kept = CallRecord.objects.filter(booking=booking, step="create_order")  # in one commit with the outcome: both or none
    assert [(row.subject, row.outcome) for row in kept] == ([] if stage == "before" else [(call.subject, "ok")])
    for minutes in (0, 0.2):
        age(booking, timedelta(minutes=minutes))
        sweep()
    booking.refresh_from_db()
    assert (booking.status, world.order(booking).state) == ("PENDING_PAYMENT", "held")
    assert len(world.events("duffel", "order.created")) == 1
    assert kept.count() == (0 if stage == "before" else 1)  # merging what was saved keeps nothing twice


def _cut_other_connections() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                       "AND pid <> pg_backend_pid()")
    connection.close()


def test_every_registered_point_was_hit() -> None:
    """Points hit / points registered = 1.00 (run after the others of this file)."""
    missing = set(faultpoints.registered()) - hit
    print(f"\nfault points hit / registered = {len(hit)} / {len(faultpoints.registered())}")
    assert not missing, sorted(missing)
