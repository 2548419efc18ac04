"""Seeded walks on the manual route: customers, staff at the desk, the consolidator, faults and time act at random."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from bookings import desk, invariants, services
from bookings.advance import Drive, advance
from bookings.facts import load
from bookings.models import Booking, Case
from bookings.status import CLOSED, FINAL, wants_consent
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from suppliers import breaker
from tests.core.conftest import reservations
from tests.desk.pressing import Desk
from tests.storm.walk import story
from tests.world import World, age

__all__ = ["reservations"]
STEPS = 26
CARDS = ("4242424242424242", "4242424242424242", "4000000000000002")
FAULTS = (("amadeus.create_order", "reset_after", {}), ("amadeus.create_order", "reset_before", {}),
          ("amadeus.create_order", "status", {"code": 36870}), ("amadeus.get_order", "status", {"status": 503}),
          ("amadeus.cancel_order", "reset_after", {}), ("stripe.create_payment_intent", "status", {"status": 500}),
          ("stripe.capture", "reset_after", {}), ("stripe.cancel", "status_after", {"status": 500}),
          ("stripe.refund", "reset_before", {}))
AT_THE_DESK = ("record_payment", "record_refund", "record_cancellation", "send_pay_link", "take_back_link", "not_made",
               "enter_tickets", "attach_order", "cancel", "look_again")


class Walk:
    """One booking at a time, many hands on it; every step is followed by a look at every promise."""

    def __init__(self, world: World, manager: Desk, seed: int) -> None:
        self.world, self.manager, self.dice, self.log = world, manager, Random(seed), [f"seed {seed}"]
        self.booking = world.reserved()

    def run(self) -> None:
        """Walk, then let everything come to rest. AssertionError with the whole story when a promise breaks."""
        for _ in range(STEPS):
            deed = self.dice.choices((self.drive, self.time, self.customer, self.staff, self.consolidator, self.fault),
                                     (6, 6, 4, 7, 2, 3))[0]
            try:
                told = deed()
            except Problem as problem:
                told = f"refused: {problem.code}"
            self.log.append(f"{deed.__name__}: {told}")
            self.promises()
        self.rest()

    def promises(self) -> None:
        """What holds at every moment (I7 while the driver sleeps through moved clocks only: it is due)."""
        self.booking.refresh_from_db()
        found = [one for one in invariants.check(clock.now()) if one.invariant not in ("I4", "I7")]
        created = self.world.events("amadeus", "order.created")
        captured = self.world.events("stripe", "payment_intent.captured")
        ticketed = self.booking.orders.filter(ticketed_at__isnull=False).exists()
        wrong = [*map(str, found), *(["two reservations"] if len(created) > 1 else []),
                 *(["charged without a ticket"] if captured and not ticketed else []),
                 *(["charged twice"] if len(captured) > 1 else []),
                 *(["the sandbox stumbled"] if self.world.events("amadeus", "schema.answer") else [])]
        assert not wrong, "\n".join([*wrong, *self.log, story(self.booking)])

    def drive(self) -> str:
        end = advance(self.booking.pk)
        assert end is Drive.SLEEPS, "\n".join([*self.log, story(self.booking)])
        self.booking.refresh_from_db()
        return f"{self.booking.status} {self.booking.closing}"

    def time(self) -> str:
        minutes = self.dice.choice((1, 6, 16, 61, 300, 470))
        age(self.booking, timedelta(minutes=minutes))
        return f"{minutes} min, {self.drive()}"

    def customer(self) -> str:
        """Pay, agree to a price, or cancel."""
        asked = wants_consent(load(self.booking).picture())
        if asked is not None:
            services.accept_price(booking=self.booking, total_minor=asked, now=clock.now())
            return f"agrees to {asked}"
        if self.booking.payments.filter(state="open", external_id__gt="").exists():
            card = self.dice.choice(CARDS)
            self.world.sandbox.http.post(f"/_stripe/payment_intents/{self.world.payment(self.booking).external_id}"
                                         "/authorise", json={"card": card})
            services.look_now(booking=self.booking, now=clock.now())
            return f"pays with {card[-4:]}"
        if self.dice.random() < 0.3:
            services.cancel(booking=self.booking, refund_minor=None, now=clock.now())
            return "cancels"
        return "waits"

    def staff(self) -> str:
        """Whatever may be done now, with what one would type."""
        situation = desk.situation_of(booking=Booking.objects.get(pk=self.booking.pk))
        ready = [name for name in AT_THE_DESK if not desk.ACTIONS[name].unavailable(situation)]
        name = self.dice.choice(ready or ["look_again"])
        typed = self.typed(name)
        if typed is None:
            return f"{name}: nothing to type"
        self.manager.press(name, booking=self.booking, **typed)
        return f"{name}, {self.drive() if self.dice.random() < 0.6 else 'later'}"

    def typed(self, name: str) -> dict[str, Any] | None:
        receipt = f"R {self.dice.randrange(10**9)}"
        if name == "record_refund":
            owed = [r for p in self.booking.payments.all() for r in p.refunds.all() if r.state in ("requested", "failed")]
            return {"refund": owed[0].pk, "method": "cash", "receipt": receipt} if owed else None
        if name == "attach_order":
            found = self.world.at_the_consolidator(self.booking)
            return {"order_id": found[0]["id"]} if found else None
        if name == "not_made":
            return None if self.world.at_the_consolidator(self.booking) else {"by_name": True, "by_remark": True}
        paid = any(p.captured_minor for p in self.booking.payments.all())
        return {"record_payment": {"method": "cash", "receipt": receipt},
                "record_cancellation": {"amount": "10"} if paid else {},
                "enter_tickets": {"private_ticket_0": f"125{self.dice.randrange(10**10):010d}", "other_stock": True},
                }.get(name, {})

    def consolidator(self) -> str:
        order = self.world.order(self.booking)
        if order is None or not order.pnr:
            return "knows nothing"
        deed = self.dice.choice(("ticket", "ticket", "void_tickets", "expire", "cancel_by_airline"))
        answer = self.world.sandbox.http.post(f"/_amadeus/orders/{order.pnr}/{deed}", json={})
        return f"{deed} {answer.status_code}"

    def fault(self) -> str:
        operation, kind, more = self.dice.choice(FAULTS)
        self.world.sandbox.fault(operation, kind, count=1, **more)
        return f"{operation} {kind}"

    def rest(self) -> None:
        """Faults end, days pass: the booking ends, or somebody has been told."""
        self.world.sandbox.http.delete("/_faults")
        for hours in (1, 5, 9, 30, 60, 1):
            age(self.booking, timedelta(hours=hours))
            self.log.append(f"rest: {self.drive()}")
            self.promises()
        told = Case.objects.filter(booking=self.booking, closed_at=None).exists()
        order = self.world.order(self.booking)
        waits = order is not None and order.state in ("reserved", "ticketed")  # with money for it: staff have a deadline
        fine = self.booking.status in FINAL or told or waits
        assert fine and (self.booking.status not in CLOSED or not invariants.check(clock.now())), "\n".join(
            [*self.log, story(self.booking)])


@pytest.fixture
def calm() -> Iterator[None]:
    """No breaker that another walk opened."""
    breaker.reset()
    yield
    breaker.reset()


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 60))])
def test_a_walk_on_the_manual_route_keeps_every_promise(
        reservations: World, settings: Any, calm: None, seed: int) -> None:
    settings.SECOND_PERSON_ABOVE = {"USD": 10**9, "EUR": 10**9}
    Walk(reservations, Desk(), seed).run()
