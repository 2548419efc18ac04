"""What must be true after every step and at the end of a walk, read from our rows and from the sandbox's ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Q

from bookings.flow import Wish
from bookings.invariants import check
from bookings.models import Booking, Case
from bookings.status import CLOSED
from fly2any.kernel import clock
from suppliers.models import SupplierOrder
from tests.ledgers import Outside, differences, export
from tests.sandbox.process import Sandbox

Row = dict[str, Any]
EXCUSED_BY_A_CASE = {"I7"}  # reserved too long: allowed only while somebody has been told


class Ledger:
    """The sandbox's ledger, read on from where we stood."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.rows = sandbox, list[Row]()
        self.by_staff = set[str]()  # intents that somebody captured in Stripe's dashboard

    def read(self) -> list[Row]:
        """Every row so far."""
        self.rows += self.sandbox.ledger(since=self.rows[-1]["seq"] if self.rows else 0)
        return self.rows


def told() -> set[int]:
    """Bookings somebody has been told about: an open case."""
    return set(Case.objects.filter(closed_at=None).exclude(booking=None).values_list("booking_id", flat=True))


def broken(ledger: Ledger, *, quiet: bool = False) -> list[str]:
    """Every promise that is broken now, one sentence each. `quiet`: our rows are as they were at the last check."""
    rows, now = ledger.read(), clock.now()
    outside, bookings = Outside.read(rows), {b.reference: b for b in Booking.objects.exclude(wish=Wish.DRAFT)}
    excused = told()
    inside = [] if quiet else list(_invariants(now, bookings, excused))
    return [*inside, *_asked_once(rows), *_one_live_order(outside),
            *_captured_for_a_ticket(rows, ledger.by_staff), *_closed_is_closed(rows, outside, bookings, excused, now),
            *(f"the sandbox stumbled: {row}" for row in rows if row["event"] == "sandbox_bug"
              or row.get("fault") == "sandbox_bug")]


def _invariants(now: datetime, bookings: dict[str, Booking], excused: set[int]) -> Iterator[str]:
    for found in check(now):
        booking = bookings.get(found.reference)
        if found.invariant in EXCUSED_BY_A_CASE and booking and booking.pk in excused:
            continue
        yield f"{found.reference}: {found.invariant} {found.detail}"


def _asked_once(rows: list[Row]) -> Iterator[str]:
    posts = [row for row in rows if row["event"] == "request" and row["operation"] == "duffel.create_order"
             and row["fault"] != "late_run"]
    if len(posts) > SupplierOrder.objects.count():
        yield f"{len(posts)} orders were asked for, {SupplierOrder.objects.count()} were written down"


def _one_live_order(outside: Outside) -> Iterator[str]:
    live = defaultdict(list)
    for order in outside.orders.values():
        if order.state in ("held", "ticketed"):
            live[order.reference].append(order.id)
    for reference, orders in live.items():
        if len(orders) > 1:
            yield f"{reference}: {len(orders)} live orders: {orders}"


def _captured_for_a_ticket(rows: list[Row], by_staff: set[str]) -> Iterator[str]:
    """Captured (by us) only after an order of the same booking was ticketed."""
    owner = {str(b.public_id): b.reference for b in Booking.objects.all()}
    ticketed, orders = set[str](), dict[str, str]()
    for row in rows:
        if row["event"] == "order.created":
            orders[row["order_id"]] = (row["metadata"] or {}).get("reference", "")
        elif row["event"] == "order.paid":
            ticketed.add(orders[row["order_id"]])
        elif row["event"] == "payment_intent.captured":
            reference = owner.get(row["metadata"].get("booking", ""), "?")
            if reference not in ticketed and row["payment_intent"] not in by_staff:
                yield f"{reference}: captured without a ticket ({row['payment_intent']})"


def _closed_is_closed(rows: list[Row], outside: Outside, bookings: dict[str, Booking], excused: set[int],
                      now: datetime) -> Iterator[str]:
    """Never FAILED, EXPIRED or CANCELLED while something is live or reserved outside and nobody was told."""
    sent_back = defaultdict[str, int](int)  # a refund that the bank returns later is news, not a lie
    for row in rows:
        if row["event"] == "refund.created":
            sent_back[row["payment_intent"]] += row["amount"]
    open_orders = defaultdict(list)
    for order in outside.orders.values():
        if order.state in ("held", "ticketed"):
            open_orders[order.reference].append(order)
    watched = set(SupplierOrder.objects.filter(Q(state="not_created"), watch_until__gt=now)
                  .values_list("booking__reference", flat=True))
    for reference, booking in bookings.items():
        if booking.status not in CLOSED or booking.pk in excused:
            continue
        if open_orders[reference] and reference not in watched:
            order = open_orders[reference][0]
            yield f"{reference}: {booking.status} ({booking.closing}), order {order.id} is {order.state}"
        for payment in booking.payments.exclude(external_id=""):
            theirs = outside.payments[payment.external_id]
            kept = theirs.captured_minor - sent_back[theirs.id]
            told = booking.agreed_refund_minor if booking.wish == Wish.CANCEL else None
            agreed = 0 if told is None else theirs.captured_minor - told
            if theirs.state in ("open", "authorised"):
                yield f"{reference}: {booking.status} ({booking.closing}), payment {theirs.id} is {theirs.state}"
            elif kept > max(0, agreed) or kept < 0:
                yield f"{reference}: {booking.status} ({booking.closing}), {kept} kept, {agreed} agreed"


def unrest(ledger: Ledger) -> list[str]:
    """At the end of a walk: what neither rests nor has a case, and where the books differ with nobody told."""
    excused = told()
    awake = [f"{b.reference}: {b.status}, still due {b.due_at:%F %T}" for b in
             Booking.objects.exclude(due_at=None).exclude(pk__in=excused)]
    named = set(Booking.objects.filter(pk__in=excused).values_list("reference", flat=True))
    subjects = {subject.partition(":")[2] for subject in
                Case.objects.filter(closed_at=None).values_list("subject", flat=True)}
    differ = [line for line in differences(export(), _at_their_last_price(ledger.read()))
              if not any(f"{intent} was captured before" in line for intent in ledger.by_staff)
              and line.partition(":")[0] not in named and line.partition(" ")[0] not in subjects]
    return awake + differ


def _at_their_last_price(rows: list[Row]) -> list[Row]:
    """The ledger does not tell that a hold got dearer or cheaper: it costs what its payment took."""
    paid = {row["order_id"]: row["amount"] for row in rows if row["event"] == "order.paid"}
    return [{**row, "amount": paid.get(row["order_id"], row["amount"])} if row["event"] == "order.created" else row
            for row in rows]
