"""What must be true after every step and at the end of a walk, read from our rows and from the sandbox's ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q

from bookings.models import Booking, Case
from bookings.status import CLOSED
from suppliers.models import SupplierOrder
from tests.ledgers import Outside, differences, export
from tests.property.universe import Universe

Row = dict[str, Any]
EXCUSED_BY_A_CASE = {"I7"}  # reserved too long: allowed only while somebody has been told
TIMED = {"I4", "I7"}  # promises about time, which hold while somebody works
CLOSED_LIST = sorted(CLOSED)
_CLOSED = """
SELECT b.reference, b.status, b.closing, b.wish, b.agreed_refund_minor, EXISTS (SELECT FROM suppliers_supplierorder o
    WHERE o.booking_id = b.id AND o.state = 'not_created' AND o.watch_until > %s),
    coalesce((SELECT array_agg(p.external_id) FROM payments_payment p
              WHERE p.booking_id = b.id AND p.external_id LIKE 'pi%%'), '{}')
FROM bookings_booking b WHERE b.status = ANY(%s)
    AND NOT EXISTS (SELECT FROM bookings_case c WHERE c.booking_id = b.id AND c.closed_at IS NULL)
"""


class Promises:
    """The house's promises about one walk."""

    def __init__(self, universe: Universe) -> None:
        self.universe, self.outside = universe, Outside()
        self.by_staff = set[str]()  # intents that somebody captured in Stripe's dashboard
        self.excused_until: datetime | None = None  # nobody had worked for a time
        self._seen, self._asked = 0, 0
        self._ticketed, self._orders = set[str](), dict[str, str]()
        self._sent_back = defaultdict[str, int](int)  # a refund that the bank returns later is news, not a lie
        self._wrong = list[str]()  # what the ledger tells and can never be made good

    def broken(self, now: datetime) -> list[str]:
        """Every promise that is broken now, one sentence each."""
        self._read_on()
        return [*self._wrong, *self._inside(now), *self._asked_once(), *self._one_live_order(), *self._closed(now)]

    def nobody_worked(self, now: datetime, patience: timedelta) -> None:
        """Nobody has worked for longer than the house ever rests: what is late has so much time from now."""
        self.excused_until = max(self.excused_until or now, now + patience)

    # --- the ledger, read on from where we stood ----------------------------------------------------------------

    def _read_on(self) -> None:
        rows = self.universe.inside.ledger(since=self._seen)
        if not rows:
            return
        self._seen = rows[-1]["seq"]
        for row in rows:
            self.outside.go_on([row])
            self._note(row)

    def _note(self, row: Row) -> None:
        event = row["event"]
        if event in ("sandbox_bug", "schema.answer") or row.get("fault") == "sandbox_bug":
            self._wrong.append(f"the sandbox stumbled: {row}")
        elif event == "request" and row["operation"] in ("duffel.create_order", "amadeus.create_order"):
            # Amadeus' 401 was not carried out and is sent again with a new token (amadeus.md 5)
            self._asked += row["fault"] != "late_run" and (row["vendor"], row["status"]) != ("amadeus", 401)
        elif event == "order.created" and row["vendor"] == "duffel":
            self._orders[row["order_id"]] = (row["metadata"] or {}).get("reference", "")
        elif event == "order.paid":
            self._ticketed.add(self._orders[row["order_id"]])
        elif event == "refund.created":
            self._sent_back[row["payment_intent"]] += row["amount"]
        elif event == "payment_intent.captured":
            self._captured(row)

    def _captured(self, row: Row) -> None:
        """Captured (by us) only after an order of the same booking was ticketed."""
        booking = Booking.objects.filter(public_id=row["metadata"].get("booking")).first()
        reference = booking.reference if booking else "?"
        by_hand = booking and booking.supplier == "amadeus" and booking.orders.filter(ticketed_at__isnull=False).exists()
        if reference not in self._ticketed and not by_hand and row["payment_intent"] not in self.by_staff:
            self._wrong.append(f"{reference}: captured without a ticket ({row['payment_intent']})")

    # --- now ----------------------------------------------------------------------------------------------------

    def _inside(self, now: datetime) -> Iterator[str]:
        late = self.excused_until is not None and now < self.excused_until
        for found in self.universe.check(now):
            if late and found.invariant in TIMED:
                continue
            if found.invariant in EXCUSED_BY_A_CASE and Case.objects.filter(
                    booking__reference=found.reference, closed_at=None).exists():
                continue
            yield f"{found.reference}: {found.invariant} {found.detail}"

    def _asked_once(self) -> Iterator[str]:
        written = SupplierOrder.objects.count() if self._asked else 0
        if self._asked > written:
            yield f"{self._asked} orders were asked for, {written} were written down"

    def _one_live_order(self) -> Iterator[str]:
        live = defaultdict(list)
        for order in self.outside.orders.values():
            if order.state in ("held", "ticketed"):
                live[order.reference].append(order.id)
        for reference, orders in live.items():
            if len(orders) > 1:
                yield f"{reference}: {len(orders)} live orders: {orders}"

    def _closed(self, now: datetime) -> Iterator[str]:
        """Never FAILED, EXPIRED or CANCELLED while something is live or reserved outside and nobody was told."""
        with connection.cursor() as cursor:
            cursor.execute(_CLOSED, [now, CLOSED_LIST])
            rows = cursor.fetchall()
        live = {order.reference: order for order in self.outside.orders.values() if order.state in ("held", "ticketed")}
        for reference, status, closing, wish, told, watched, intents in rows:
            if (order := live.get(reference)) and not watched:
                yield f"{reference}: {status} ({closing}), order {order.id} is {order.state}"
            for intent in intents:
                theirs = self.outside.payments[intent]
                kept = theirs.captured_minor - self._sent_back[intent]
                agreed = theirs.captured_minor - told if wish == "cancel" and told is not None else 0
                if theirs.state in ("open", "authorised"):
                    yield f"{reference}: {status} ({closing}), payment {intent} is {theirs.state}"
                elif kept > max(0, agreed) or theirs.refunded_minor > theirs.captured_minor:
                    yield f"{reference}: {status} ({closing}), {kept} kept, {agreed} agreed"

    # --- at the end ---------------------------------------------------------------------------------------------

    def unrest(self) -> list[str]:
        """What neither rests nor has a case nor was answered by a person, and where the books differ with nobody told."""
        told = set(Case.objects.filter(Q(closed_at=None) | ~Q(closed_by=None)).exclude(booking=None).values_list(
            "booking_id", flat=True))
        awake = [f"{b.reference}: {b.status}, still due {b.due_at:%F %T}" for b in
                 Booking.objects.exclude(due_at=None).exclude(pk__in=told)]
        named = set(Booking.objects.filter(pk__in=told).values_list("reference", flat=True))
        subjects = {subject.partition(":")[2] for subject in
                    Case.objects.filter(closed_at=None).values_list("subject", flat=True)}
        differ = [line for line in differences(export(), _at_their_last_price(self.universe.inside.ledger()))
                  if not any(f"{intent} was captured before" in line for intent in self.by_staff)
                  and not self._ended_unseen(line) and self._about(line) not in named and line.partition(" ")[0] not in subjects]
        return awake + [f"{self._about(line)}: {line}" if self._about(line) not in line else line for line in differ]

    def _ended_unseen(self, difference: str) -> bool:
        """Amadeus lists nothing: an answer was lost, staff were asked to look and did not, and it has ended there."""
        order = self.outside.orders.get(difference.partition(" ")[0])
        return order is not None and order.manual and order.state in ("lapsed", "cancelled") and Case.objects.filter(
            booking__reference=order.reference, kind="unknown_outcome").exists()

    def _about(self, difference: str) -> str:
        """The reference of the booking whose difference it is: said at its beginning, or by the order it begins with."""
        order = self.outside.orders.get(difference.partition(" ")[0])
        return order.reference if order else difference.partition(":")[0]


def _at_their_last_price(rows: list[Row]) -> list[Row]:
    """The ledger does not tell that a hold got dearer or cheaper: it costs what its payment took."""
    paid = {row["order_id"]: row["amount"] for row in rows if row["event"] == "order.paid"}
    return [{**row, "amount": paid.get(row["order_id"], row["amount"])}
            if row["event"] == "order.created" and row["vendor"] == "duffel" else row for row in rows]
