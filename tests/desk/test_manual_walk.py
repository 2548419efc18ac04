"""Staff press anything on trips that they ticket themselves, while customers pay and cancel, tickets appear and hours pass.

After each step no promise of the house is broken, and no reservation was asked for twice (DESK_SEED chooses others).
"""

from __future__ import annotations

import os
import random
import secrets
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from bookings import desk, detectors, invariants, services
from bookings.models import Booking, StaffAction
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from payments.models import Payment
from tests.desk.pressing import Desk, as_it_stands
from tests.world import World, age

SEED = int(os.environ.get("DESK_SEED", "1"))
BUTTONS = ("enter_tickets", "send_pay_link", "take_back_link", "record_payment", "record_refund", "record_cancellation",
           "not_made", "take_ticketing", "attach_order", "cancel", "void", "refund", "look_again", "resume")
PRESSED = Counter[str]()


class ManualWalk:
    """One booking of the manual route, and everybody who may touch it."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.dice, self.staff = world, random.Random(seed), Desk()
        lost = self.dice.random() < 0.4
        if lost:
            world.sandbox.fault("amadeus.create_order", "reset_after", count=1)
        self.booking = world.drive(world.reserved(adults=self.dice.choice((1, 2))))

    def step(self) -> None:
        """Somebody does something; then the worker, and every promise."""
        deed = self.dice.choice((self.press, self.press, self.press, self.customer, self.consolidator, self.time))
        deed()
        self.world.drive(self.booking)
        detectors.run(clock.now())
        assert invariants.check(clock.now()) == []
        assert len([row for row in self.world.events("amadeus", "request")
                    if row["operation"] == "amadeus.create_order"]) <= 1

    def press(self) -> None:
        """Any button, mostly one that is offered; what is not offered is refused and leaves no line."""
        here = as_it_stands(booking=self.booking)
        offered = [name for name in BUTTONS if not desk.ACTIONS[name].unavailable(here)]
        name = self.dice.choice(offered if offered and self.dice.random() < 0.8 else BUTTONS)
        params = self.typed(desk.ACTIONS[name], here)
        if params is None:
            return
        by, before = desk.By(self.staff.operator, "the walk wants it", secrets.token_urlsafe(12)), StaffAction.objects.count()
        try:
            desk.do(desk.ACTIONS[name], by=by, params=params, booking_id=self.booking.pk)
        except Problem:
            assert StaffAction.objects.count() == before
        else:
            assert name in offered, f"{name} was not offered, and was done"
            PRESSED[name] += 1

    def typed(self, action: desk.Action, here: desk.Situation) -> dict[str, Any] | None:
        """A form filled in as staff might; None when it refuses."""
        kind = action.form(here)
        if kind is None:
            return {}
        fields = kind().fields
        found: dict[str, Any] = {name: field.initial for name, field in fields.items() if field.initial is not None}
        found |= {name: f"125{secrets.randbelow(10**10):010d}" for name in fields if name.startswith("private_ticket")}
        found |= {"receipt": f"R {secrets.token_hex(4)}", "method": self.dice.choice(("cash", "bank_transfer")),
                  "amount": self.dice.choice(("0", "1.00", "12.34")), "by_name": True, "by_remark": True,
                  "other_stock": True}
        made = self.world.at_the_consolidator(self.booking)
        found["order_id"] = self.dice.choice([one["id"] for one in made] or ["eJznobodyknowsit"])
        if made and self.dice.random() < 0.5:
            found |= {"order_id": made[-1]["pnr"], "ticket_by": f"{clock.now() + timedelta(hours=30):%Y-%m-%dT%H:%M}"}
        form = kind({name: value for name, value in found.items() if name in {*fields, "other_stock"}})
        return dict(form.cleaned_data) if form.is_valid() else None

    def customer(self) -> None:
        """They pay where they can, or give up the seats."""
        payment = Payment.objects.filter(booking=self.booking, state="open").exclude(provider="desk").first()
        if payment is not None:
            self.world.pay(self.booking)
        elif self.dice.random() < 0.2:
            try:
                services.cancel(booking=Booking.objects.get(pk=self.booking.pk), refund_minor=None, now=clock.now())
            except Problem:
                PRESSED["refused to the customer"] += 1

    def consolidator(self) -> None:
        """They issue the tickets by themselves."""
        order = self.world.order(self.booking)
        live = [one for one in self.world.at_the_consolidator(self.booking) if one["state"] == "live" or not one["tickets"]]
        if order.pnr and live and order.state == "reserved" and self.dice.random() < 0.5:
            self.world.sandbox.http.post(f"/_amadeus/orders/{order.pnr}/ticket", json={})

    def time(self) -> None:
        """Hours pass."""
        age(self.booking, timedelta(hours=self.dice.choice((0.3, 2, 9))))


def walked(world: World, settings: Any, seed: int, steps: int) -> None:
    print(f"DESK_SEED={seed}")
    settings.SECOND_PERSON_ABOVE = {"USD": 10**9, "EUR": 10**9}
    walk = ManualWalk(world, seed)
    for _ in range(steps):
        walk.step()


@pytest.mark.parametrize("seed", [SEED, SEED + 1])
def test_no_presses_break_a_promise_on_the_manual_route(reservations: World, settings: Any, seed: int) -> None:
    walked(reservations, settings, seed, 8)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEED + 2, SEED + 22))
def test_no_long_walk_breaks_a_promise_on_the_manual_route(reservations: World, settings: Any, seed: int) -> None:
    walked(reservations, settings, seed, 25)


@pytest.mark.slow
def test_on_the_long_walks_every_button_of_the_route_did_its_work() -> None:
    print(PRESSED)
    assert {"enter_tickets", "send_pay_link", "record_payment", "record_cancellation", "not_made", "attach_order"} <= (
        PRESSED.keys())
