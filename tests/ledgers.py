"""Do our books, the airline's and Stripe's agree, to the cent? Compares `ledger_export` with the sandbox's ledger.

    from tests.ledgers import differences, export, sandbox_rows
    assert differences(export(), sandbox_rows("http://127.0.0.1:8245")) == []

The sandbox's ledger is append-only and knows nothing of us; each row is {seq, at, vendor, event, ...}. Duffel's and
Amadeus' orders are told alike here; what staff took elsewhere ("desk:…") has no counterpart outside.
"""

from __future__ import annotations

import json
import urllib.request
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import StringIO
from typing import Any
from urllib.parse import unquote

from django.core.management import call_command

from fly2any.kernel.money import Money

Row = dict[str, Any]
# our words for an order and what the airline's ledger may say then
ORDER_AGREES = {
    "held": {"held"}, "reserved": {"held"}, "paying": {"held", "ticketed"}, "ticketed": {"ticketed"},
    "cancelling": {"held", "ticketed", "void", "cancelled"}, "cancelled": {"cancelled", "void", "lapsed"},
    "lapsed": {"lapsed"},
    "creating": set(), "unknown": set(), "not_created": set(),
}
PAYMENT_AGREES = {
    "open": {"open"}, "authorised": {"authorised"}, "capturing": {"authorised", "captured"},
    "captured": {"captured"}, "voiding": {"open", "authorised", "voided"}, "voided": {"voided"}, "new": set(),
}
AMADEUS_SAYS = {"order.ticketed": "ticketed", "order.tickets_voided": "void", "order.cancelled_by_airline": "cancelled"}
DESK, BY_LOCATOR = "desk:", "locator:"
CLOSED = {"FAILED", "EXPIRED", "CANCELLED"}


@dataclass
class OutsideOrder:
    """An order as the airline's ledger tells it. Amounts in minor units."""

    id: str
    offer_id: str
    reference: str
    amount: Money
    made_at: int  # the ledger's running number
    state: str = "held"
    manual: bool = False  # Amadeus: a consolidator tickets it, and nobody pays through the API
    ticketed_at: int = 0  # the ledger's running number, of Amadeus' first tickets only
    paid: list[Money] = field(default_factory=list)


@dataclass
class OutsidePayment:
    """A payment intent as Stripe's ledger tells it. Amounts in minor units."""

    id: str
    amount: Money
    state: str = "open"
    captured_minor: int = 0
    captured_at: int = 0
    captures: int = 0
    refunded: dict[str, int] = field(default_factory=dict)

    @property
    def refunded_minor(self) -> int:
        """What went back to the card."""
        return sum(self.refunded.values())


@dataclass
class Outside:
    """Both ledgers, read."""

    orders: dict[str, OutsideOrder] = field(default_factory=dict)
    payments: dict[str, OutsidePayment] = field(default_factory=dict)
    locators: dict[str, str] = field(default_factory=dict)  # Amadeus' record locators, and whose they are

    @classmethod
    def read(cls, rows: Iterable[Row]) -> Outside:
        """Play the ledger's rows from the first to the last."""
        outside = cls()
        outside.go_on(sorted(rows, key=lambda row: row["seq"]))
        return outside

    def go_on(self, rows: Iterable[Row]) -> None:
        """Play further rows, in the ledger's order."""
        for row in rows:
            if row["vendor"] == "stripe":
                self._stripe(row)
            elif row["event"].startswith("order."):
                (self._reservation if row["vendor"] == "amadeus" else self._order)(row)

    def named(self, ours: str) -> str:
        """What an order of ours is called here: ids come percent-encoded or not; some are known by locator alone."""
        if ours.startswith(BY_LOCATOR):
            return self.locators.get(ours.removeprefix(BY_LOCATOR), ours)
        return unquote(ours)

    def _reservation(self, row: Row) -> None:
        what, order_id = row["event"], unquote(row["id"])
        if what == "order.created":
            reference = " ".join(row["remarks"]).rpartition(" ")[2]
            self.locators[row["pnr"]] = order_id
            self.orders[order_id] = OutsideOrder(  # offers have no lasting name there: one reservation for a booking
                order_id, f"{reference} at Amadeus", reference, Money.parse(row["amount"], row["currency"]),
                row["seq"], manual=True)
        elif order_id in self.orders and (what != "order.ticketed" or row["complete"]):
            order = self.orders[order_id]
            if what == "order.tickets_voided" and order.state != "ticketed":
                return  # an ended reservation does not come back
            order.state = AMADEUS_SAYS.get(what, what.removeprefix("order."))
            order.ticketed_at = order.ticketed_at or (row["seq"] if order.state == "ticketed" else 0)

    def _order(self, row: Row) -> None:
        what, order_id = row["event"], row.get("order_id", "")
        if what == "order.created":
            self.orders[order_id] = OutsideOrder(
                order_id, row["offer_id"], (row.get("metadata") or {}).get("reference", ""),
                Money.parse(row["amount"], row["currency"]), row["seq"])
        elif order_id not in self.orders:
            return
        elif what == "order.paid":
            self.orders[order_id].state = "ticketed"
            self.orders[order_id].paid.append(Money.parse(row["amount"], row["currency"]))
        elif what in ("order.cancelled", "order.lapsed"):
            self.orders[order_id].state = what.removeprefix("order.")
        elif what in ("order.changed", "order.services_added"):
            more = Money.parse(row["amount"], row["currency"])
            self.orders[order_id].amount += more
            self.orders[order_id].paid[-1:] = [paid + more for paid in self.orders[order_id].paid[-1:]]

    def _stripe(self, row: Row) -> None:
        what, intent = row["event"], row.get("payment_intent", "")
        if what == "payment_intent.created":
            self.payments[intent] = OutsidePayment(intent, Money(row["amount"], row["currency"].upper()))
        elif intent not in self.payments:
            return
        elif what == "payment_intent.authorised":
            self.payments[intent].state = "authorised"
        elif what == "payment_intent.captured":
            paid = self.payments[intent]
            paid.state, paid.captured_at, paid.captures = "captured", row["seq"], paid.captures + 1
            paid.captured_minor += row["amount"]
        elif what == "payment_intent.canceled":
            self.payments[intent].state = "voided"
        elif what == "refund.created":
            self.payments[intent].refunded[row["refund"]] = row["amount"]
        elif what in ("refund.failed", "refund.canceled"):
            self.payments[intent].refunded.pop(row["refund"], None)


def differences(lines: Iterable[Row], rows: Iterable[Row]) -> list[str]:
    """One sentence for everything in which our books and the two outside differ; empty when they agree.

    `lines`: what `ledger_export` printed, read; `rows`: the sandbox's ledger. Beside equality to the cent it asks:
    nothing outside without a row here and the other way round, one live order per booking and per offer, each order
    paid once and each payment captured once, captured only after the order existed, nothing kept without an order.
    """
    outside = Outside.read(rows)
    books = [_read(line, outside) for line in lines]
    return [*_strangers(books, outside), *_twice(outside), *(
        f"{line['reference']}: {found}" for line in books for found in _compare(line, outside))]


def _read(line: Row, outside: Outside) -> Row:
    """Our line with orders as they are called outside, and without what was paid elsewhere: that is summed up."""
    by_hand = [row for row in line["payments"] if row["id"].startswith(DESK)]
    return {**line, "orders": [{**row, "id": outside.named(row["id"])} for row in line["orders"]],
            "payments": [row for row in line["payments"] if row not in by_hand],
            "desk_minor": sum(row["captured_minor"] - row["refunded_minor"] for row in by_hand),
            "desk_refunded": any(row["refunded_minor"] for row in by_hand) or any(
                row.get("by_hand_minor") for row in line["payments"]),
            "given_elsewhere": sum(row.get("by_hand_minor", 0) for row in line["payments"] if row not in by_hand)}


def _strangers(books: list[Row], outside: Outside) -> Iterator[str]:
    ours: dict[str, list[str]] = defaultdict(list)
    for line in books:
        for row in [*line["orders"], *line["payments"]]:
            if row["id"]:
                ours[row["id"]].append(line["reference"])
    for theirs in [*outside.orders.values(), *outside.payments.values()]:
        if not ours.get(theirs.id):
            yield f"{theirs.id} exists outside ({theirs.state}, {theirs.amount}) and nobody here knows it"
    for key, references in ours.items():
        if len(references) > 1:
            yield f"{key} stands in {len(references)} of our rows: {', '.join(references)}"


def _twice(outside: Outside) -> Iterator[str]:
    offers: dict[str, list[str]] = defaultdict(list)
    for order in outside.orders.values():
        offers[order.offer_id].append(order.id)
        if len(order.paid) > 1:
            yield f"{order.id} was paid {len(order.paid)} times"
    for offer, made in offers.items():
        if len(made) > 1:
            yield f"{offer} was booked {len(made)} times: {', '.join(made)}"
    for payment in outside.payments.values():
        if payment.captures > 1:
            yield f"{payment.id} was captured {payment.captures} times"


def _compare(line: Row, outside: Outside) -> Iterator[str]:
    orders = [outside.orders[row["id"]] for row in line["orders"] if row["id"] in outside.orders]
    payments = [outside.payments[row["id"]] for row in line["payments"] if row["id"] in outside.payments]
    yield from _states(line, outside)
    live = [order for order in orders if order.state in ("held", "ticketed")]
    kept = sum(p.captured_minor - p.refunded_minor for p in payments)
    if len(live) > 1:
        yield f"{len(live)} live orders: {', '.join(order.id for order in live)}"
    ours = line["retained_minor"] - line["desk_minor"] + line["given_elsewhere"]
    if ours != kept:
        yield f"we say {ours} are kept, Stripe keeps {kept}"
    if len({money.currency for money in [o.amount for o in orders] + [p.amount for p in payments]}) > 1:
        yield "more than one currency"
    for order in orders:
        if order.reference and order.reference != line["reference"]:
            yield f"{order.id} was made for {order.reference}"
    yield from _money(line, orders, payments, live, kept)


def _states(line: Row, outside: Outside) -> Iterator[str]:
    for row in line["orders"]:
        theirs = outside.orders.get(row["id"])
        if theirs is None:
            if row["id"] or row["state"] not in ("creating", "unknown", "not_created"):
                yield f"our order {row['id'] or '(no id)'} is {row['state']}, the airline has none"
        elif theirs.state not in ORDER_AGREES[row["state"]]:
            yield f"order {theirs.id} is {row['state']} here and {theirs.state} at the airline"
    for row in line["payments"]:
        paid = outside.payments.get(row["id"])
        if paid is None:
            if row["id"] or row["state"] not in ("new", "voided"):
                yield f"our payment {row['id'] or '(no id)'} is {row['state']}, Stripe has none"
            continue
        if paid.state not in PAYMENT_AGREES[row["state"]]:
            yield f"payment {paid.id} is {row['state']} here and {paid.state} at Stripe"
        for name, ours, theirs_minor in (
                ("captured", row["captured_minor"], paid.captured_minor),
                ("refunded", row["refunded_minor"] - row.get("by_hand_minor", 0), paid.refunded_minor)):
            if ours != theirs_minor:
                yield f"payment {paid.id}: {ours} {name} here, {theirs_minor} at Stripe"


def _money(line: Row, orders: list[OutsideOrder], payments: list[OutsidePayment], live: list[OutsideOrder],
           kept: int) -> Iterator[str]:
    for order in orders:
        if order.paid and order.paid[-1] != order.amount:
            yield f"order {order.id} costs {order.amount}, {order.paid[-1]} were paid"
    for payment in payments:
        if payment.captured_minor > line["agreed_amount_minor"]:
            yield f"{payment.captured_minor} captured, {line['agreed_amount_minor']} agreed"
        if payment.captures and not any(order.made_at < payment.captured_at for order in orders):
            yield f"payment {payment.id} was captured before any order existed"
        if payment.captures and any(order.manual for order in orders) and not any(
                0 < order.ticketed_at < payment.captured_at for order in orders):
            yield f"payment {payment.id} was captured before any ticket was issued"
    if line["status"] == "CONFIRMED":
        if [order.state for order in live] != ["ticketed"]:
            yield f"confirmed, and the airline shows {[order.state for order in live] or 'nothing live'}"
        elif line["agreed_amount_minor"] and kept == sum(p.captured_minor for p in payments) and not line["desk_refunded"]:
            cost = live[0].amount.minor + line.get("fee_minor", 0)
            if kept + line["desk_minor"] != cost:
                yield f"{kept + line['desk_minor']} captured for an order of {cost}"
    if line["status"] in CLOSED:
        if live:
            yield f"{line['status']}, and order {live[0].id} is {live[0].state}"
        if any(p.state in ("open", "authorised") for p in payments):
            yield f"{line['status']}, and a card is still open or reserved"
        if kept and line["status"] != "CANCELLED":
            yield f"{line['status']}, and {kept} are kept"


def export() -> list[Row]:
    """What `manage.py ledger_export` prints now, read."""
    out = StringIO()
    call_command("ledger_export", stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines() if line.strip()]


def sandbox_rows(base: str) -> list[Row]:
    """The whole ledger of the sandbox at `base` (such as http://127.0.0.1:8001)."""
    with urllib.request.urlopen(f"{base}/_ledger", timeout=30) as answer:
        rows: list[Row] = json.load(answer)["rows"]
    return rows
