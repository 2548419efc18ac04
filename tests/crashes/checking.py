"""What must hold after every recovery, however the fault was: the promises, the three ledgers, one of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

from bookings.models import Booking, Case
from bookings.status import FINAL
from fly2any.kernel import clock
from suppliers.models import SupplierOrder
from tests.ledgers import Outside, differences, export
from tests.property.quick import QuickCheck
from tests.sandbox.process import Sandbox
from tests.storm.walk import story

FAILED = ("FAILED", "EXPIRED")
CREATES = ("duffel.create_order", "amadeus.create_order")


@cache
def violations() -> QuickCheck:
    """The invariants of the house in one statement, which this process prepares once, while no row is there."""
    return QuickCheck()


def rows_of(sandbox: Sandbox) -> list[dict[str, Any]]:
    """The sandbox's whole ledger; a hold that got dearer or cheaper costs what was paid for it."""
    rows = sandbox.ledger()
    paid = {row["order_id"]: row["amount"] for row in rows if row["event"] == "order.paid"}
    return [{**row, "amount": paid.get(row.get("order_id", ""), row["amount"])} if row["event"] == "order.created" else row
            for row in rows]


def broken(sandbox: Sandbox, allowed: frozenset[str]) -> list[str]:
    """Every promise that is broken now, one sentence each. `allowed`: kinds of cases that may be open."""
    rows, outside_of_order = rows_of(sandbox), [str(found) for found in violations()(clock.now())]
    return [*outside_of_order, *differences(export(), rows), *_asked_once(rows), *_waiting(),
            *(f"a case is left open: {kind}" for kind in Case.objects.filter(closed_at=None).exclude(
                kind__in=allowed).values_list("kind", flat=True))]


def _asked_once(rows: list[dict[str, Any]]) -> Iterator[str]:
    """No order is asked for twice, no payment opened twice, no refund sent twice."""
    asked = [row for row in rows if row["event"] == "request" and row["operation"] in CREATES
             and row["fault"] != "late_run" and row["status"] != 401]  # a token that ran out: once more with a new one
    if len(asked) > SupplierOrder.objects.count():
        yield f"{len(asked)} orders were asked for, {SupplierOrder.objects.count()} were written down"
    for event, name in (("payment_intent.created", "payment_id"), ("refund.created", "refund_id")):
        made = Counter(str((row.get("metadata") or {}).get(name)) for row in rows if row["event"] == event)
        yield from (f"{event} {number} times for our {ours}" for ours, number in made.items() if number > 1 and ours != "None")
    for row in rows:
        if row["event"] == "sandbox_bug" or row.get("fault") == "sandbox_bug":
            yield f"the sandbox stumbled: {row}"


def _waiting() -> Iterator[str]:
    """Nothing waits without a deadline or a case."""
    for booking in Booking.objects.exclude(wish="draft").exclude(status__in=FINAL).filter(due_at=None):
        if not Case.objects.filter(booking=booking, closed_at=None).exists():
            yield f"{booking.reference}: {booking.status} and nobody will come"


def called_failed(sandbox: Sandbox) -> list[str]:
    """Bookings that the customer reads as failed while an order of theirs lives."""
    closed = {b.reference: b for b in Booking.objects.filter(status__in=FAILED)}
    if not closed:
        return []
    live = [order for order in Outside.read(rows_of(sandbox)).orders.values()
            if order.state in ("held", "ticketed") and order.reference in closed]
    return [f"{order.reference}: reads {closed[order.reference].status} while {order.id} is {order.state}" for order in live]


def told() -> str:
    """The stories of all bookings, for a failure."""
    return "\n".join(story(booking) for booking in Booking.objects.exclude(wish="draft").order_by("pk"))
