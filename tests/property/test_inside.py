"""The sandbox in this process misbehaves as the real one does over its sockets, for each of the three libraries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from fly2any.kernel import clock
from fly2any.kernel.errors import Outside
from fly2any.kernel.money import Money
from payments import registry as gateways
from suppliers import registry as airlines
from tests.core.conftest import reservations, running_sandbox, world
from tests.property import quick, universe
from tests.world import World

__all__ = ["reservations", "running_sandbox", "world"]
KINDS: tuple[dict[str, Any], ...] = (
    {"kind": "reset_before"}, {"kind": "reset_after"}, {"kind": "cut"}, {"kind": "garbage"},
    {"kind": "status", "status": 503}, {"kind": "status", "status": 429}, {"kind": "status_after", "status": 502},
    {"kind": "late", "seconds": 900})
LAGS: tuple[dict[str, Any], ...] = ({"kind": "hang"}, {"kind": "silence"}, {"kind": "latency", "seconds": 200})


def read(name: str) -> Callable[[], Any]:
    return lambda: airlines.get(name).order(f"{'ord_0000' if name == 'duffel' else 'eJz'}nobodyknowsit")


def pay() -> Any:
    return gateways.gateway().create(amount=Money(5000, "USD"), key=f"pi:{clock.now()}", payment_id="1", booking_id="2",
                                     description="FLY2A-AAAAAA")


CALLS = {"duffel.get_order": read("duffel"), "amadeus.get_order": read("amadeus"), "stripe.create_payment_intent": pay,
         "stripe.retrieve_payment_intent": lambda: gateways.gateway().get("pi_nobodyknowsit")}


def told(call: Callable[[], Any]) -> str:
    try:
        return type(call()).__name__
    except Outside as error:
        return f"{type(error).__name__} {error.code}"


def heard(world: World, kinds: tuple[dict[str, Any], ...]) -> list[str]:
    """What our code makes of each fault on each call, and what the ledger says was done."""
    lines = []
    for operation, call in CALLS.items():
        for fault in kinds:
            world.from_here()
            world.sandbox.fault(operation, count=4, **fault)
            lines.append(f"{operation} {fault} {told(call)}")
            world.sandbox.http.delete("/_faults")
            rows = [(row["event"], row.get("outcome"), row.get("fault")) for row in world.sandbox.ledger(since=world.since)]
            lines.append(f"{operation} {fault} {rows}")
    return lines


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real sandbox's clients do not sleep between their tries either."""
    import stripe
    import tenacity

    from suppliers.amadeus import client as amadeus
    from suppliers.duffel import client as duffel

    monkeypatch.setattr(stripe.HTTPClient, "_sleep_time_seconds", lambda *_: 0.0)
    monkeypatch.setattr(duffel, "BACKOFF", tenacity.wait_none())
    monkeypatch.setattr(amadeus, "BACKOFF", tenacity.wait_none())


def test_each_fault_is_heard_as_over_the_real_sockets(reservations: World, quickly: None) -> None:
    there = heard(reservations, KINDS)
    with universe.universe() as made:
        made.begin()
        here = heard(World(made.inside), KINDS)
    assert here == there
    assert len(set(there)) > 30, "the control: the faults differ"


def test_waiting_moves_the_clocks_and_ends_where_the_client_gives_up(world_of_one_process: universe.Universe) -> None:
    world, before = World(world_of_one_process.inside), clock.now()
    assert all("timeout" in line or "Unknown" in line for line in heard(world, LAGS)[::2])
    assert timedelta(minutes=2) < clock.now() - before < timedelta(hours=2)


def test_a_broken_promise_is_found_as_quickly_as_slowly(world_of_one_process: universe.Universe) -> None:
    """Each rule of the house, broken by hand in our rows, is found by the one statement too."""
    from bookings import invariants

    check, world = world_of_one_process.check, World(world_of_one_process.inside)
    booking = world.drive(world.booked())
    world.pay(booking)
    assert world.drive(booking).status == "CONFIRMED"
    assert check(clock.now()) == invariants.check(clock.now()) == []
    for change in BREAKAGES:
        with quick.undone():
            change(booking)
            found = invariants.check(clock.now())
            assert found, change
            assert check(clock.now()) == found


BREAKAGES: tuple[Callable[[Any], Any], ...] = (
    lambda b: b.payments.update(order=None, captured_elsewhere=True),
    lambda b: b.calls.all().delete(),
    lambda b: type(b).objects.filter(pk=b.pk).update(status="PENDING_PAYMENT", due_at=None),
    lambda b: type(b).objects.filter(pk=b.pk).update(status="PENDING_PAYMENT", due_at=clock.now() - timedelta(minutes=4)),
    lambda b: type(b).objects.filter(pk=b.pk).update(status="FAILED"),
    lambda b: type(b).objects.filter(pk=b.pk).update(accepted_minor=1),
    lambda b: b.payments.update(captured_minor=0, state="authorised"),
    lambda b: b.orders.update(state="unknown"),
    lambda b: b.calls.update(attempts=2),
)
