"""Rows of finished stories, made by hand and complete: inked calls and diary lines included."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from bookings.models import Booking, Case, Diary, ExternalCall, Passenger, Segment, Selection
from fly2any.kernel import secretbox
from payments.models import Payment, Refund
from suppliers.models import Offer, Search, SupplierOrder

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
_numbers = itertools.count(500_001)  # apart from the rows of other makers in the same database
DOCUMENT = '{"kind": "passport", "number": "X4RF81JK", "country": "DE", "expires_on": "2031-01-01"}'


def booking(**changes: Any) -> Booking:
    """A wished booking of 500.00 USD with one traveller, one flight and one bag; nothing outside yet."""
    n = next(_numbers)
    search = Search.objects.create(principal="guest:abc", query={})
    offer = Offer.objects.create(
        search=search, principal="guest:abc", supplier="duffel", external_id=f"off_{n:04}", request_id=f"orq_{n:04}",
        total_minor=45_000, currency="USD", expires_at=NOW + timedelta(minutes=20), searched={})
    fields: dict[str, Any] = {
        "reference": f"FLY2A-{n:06}", "principal": "guest:abc", "wish": "book", "route": "hold_first",
        "status": "PENDING", "supplier": "duffel", "offer": offer, "offer_external_id": offer.external_id,
        "offer_expires_at": offer.expires_at, "currency": "USD", "fare_minor": 45_000, "services_minor": 5_000,
        "accepted_minor": 50_000, "contact_email": f"traveller{n}@example.org", "contact_phone": "+4915112345678",
        "due_at": NOW + timedelta(hours=1), "wished_at": NOW, "created_at": NOW, "changed_at": NOW, "settled_at": NOW,
        "departs_at": NOW + timedelta(days=30), "arrives_at": NOW + timedelta(days=30, hours=2)}
    made = Booking.objects.create(**{**fields, **changes})
    line(made, "wish.written", before="draft", after=made.wish)
    Passenger.objects.create(
        booking=made, position=0, external_id=f"pas_{n}", kind="adult", title="mrs", gender="f", given_name="Greta",
        family_name="Ångström", born_on="1984-03-21", document=secretbox.seal(DOCUMENT), loyalty=[["LH", "9922003344"]])
    Segment.objects.create(
        booking=made, position=0, direction=0, carrier_code="LH", carrier_name="Lufthansa", flight_number="123",
        operating_name="Lufthansa", origin="FRA", destination="LHR", departing_local="2026-12-20T09:00:00",
        arriving_local="2026-12-20T09:40:00", departs_at=made.departs_at, arrives_at=made.arrives_at)
    Selection.objects.create(booking=made, kind="baggage", passenger_position=0, segment_positions=[0],
                             detail="checked 23", unit_minor=5_000, service_external_id=f"ase_{n}")
    return made


def line(of: Booking, event: str, **fields: Any) -> Diary:
    """One diary line, at the booking's own time."""
    return Diary.objects.create(booking=of, at=fields.pop("at", of.created_at), actor="worker", event=event, **fields)


def call(of: Booking, kind: str, subject: str, **fields: Any) -> ExternalCall:
    """One call that was inked, answered and merged."""
    return ExternalCall.objects.create(**{
        "booking": of, "kind": kind, "subject": subject, "key": f"{kind}:{subject}", "state": "merged", "outcome": "ok",
        "milliseconds": 412, "asked_at": of.created_at, "answered_at": of.created_at, **fields})


def order(of: Booking, state: str = "ticketed", **changes: Any) -> SupplierOrder:
    """The airline's order of a booking, as a worker would have left it."""
    made = SupplierOrder.objects.create(**{
        "booking": of, "supplier": "duffel", "external_id": f"ord_{of.pk:04}", "hold": True, "state": state,
        "offer_external_id": of.offer_external_id, "pnr": f"RZ{of.pk:04}", "total_minor": of.accepted_minor,
        "currency": of.currency, "asked_at": of.created_at, "looked_at": of.created_at, "ticketed_at": of.created_at,
        **changes})
    subject = f"order:{made.pk}"
    line(of, "order.asked", subject=subject, after="hold")
    if state != "creating":
        line(of, "order.moved", subject=subject, before="creating", after=state)
    call(of, "create_order", subject)
    return made


def payment(of: Booking, state: str = "captured", **changes: Any) -> Payment:
    """The payment of a booking, as a worker would have left it; captured ones stand for the booking's last order."""
    captured = state == "captured"
    made = Payment.objects.create(**{
        "booking": of, "provider": "stripe", "external_id": f"pi_{of.pk:04}", "state": state,
        "order": of.orders.order_by("pk").last() if state in ("captured", "capturing") else None,
        "amount_minor": of.accepted_minor, "captured_minor": of.accepted_minor if captured else 0,
        "currency": of.currency, "client_secret": f"pi_{of.pk:04}_secret_THISMUSTNOTSHOW", "card_brand": "visa",
        "card_last4": "4242", "asked_at": of.created_at, "looked_at": of.created_at,
        "authorised_at": of.created_at, "captured_at": of.created_at if captured else None, **changes})
    subject = f"payment:{made.pk}"
    line(of, "payment.asked", subject=subject, after=str(made.amount_minor))
    if state != "new":
        line(of, "payment.moved", subject=subject, before="new", after=state)
    call(of, "open_payment", subject)
    return made


def refund(of: Payment, minor: int, state: str = "succeeded", **changes: Any) -> Refund:
    """Money given back, as a worker would have left it."""
    made = Refund.objects.create(**{
        "payment": of, "cause": "cancelled", "amount_minor": minor, "currency": of.currency, "state": state,
        "external_id": f"re_{of.pk:04}", "requested_at": of.asked_at, "sent_at": of.asked_at, **changes})
    subject = f"refund:{made.pk}"
    line(of.booking, "refund.requested", subject=subject, after=str(minor))
    if state != "requested":
        line(of.booking, "refund.moved", subject=subject, before="requested", after=state)
    call(of.booking, "send_refund", subject)
    if state in ("sent", "succeeded"):
        Payment.objects.filter(pk=of.pk).update(refunded_minor=minor)
        of.refresh_from_db()
    return made


def confirmed(**changes: Any) -> Booking:
    """A booking that ended well: a ticket, and the money taken."""
    made = booking(**{"status": "CONFIRMED", "progress": "done", "money": "charged", "due_at": None, **changes})
    order(made)
    payment(made)
    return made


def cancelled(given_back: int = 50_000, agreed: int = 50_000) -> Booking:
    """A booking that was cancelled as agreed."""
    made = booking(status="CANCELLED", progress="closed", money="refunded", wish="cancel", due_at=None,
                   agreed_refund_minor=agreed)
    order(made, "cancelled", cancelled_at=NOW + timedelta(hours=1))
    paid = payment(made)
    if given_back:
        refund(paid, given_back)
    return made


def reserved(*, locator: str = "", **changes: Any) -> Booking:
    """A booking on the manual route: the airline keeps the seats, our staff issue the tickets within a day."""
    made = booking(**{"supplier": "amadeus", "route": "manual", "status": "PENDING_TICKETING", "progress": "staff",
                      "services_minor": 0, "fare_minor": 50_000, **changes})
    made.selections.all().delete()
    number = f"Q{made.pk:05}"[-6:]
    order(made, "reserved", supplier="amadeus", ticketed_at=None, hold=False, pnr=locator or number,
          external_id=f"locator:{locator}" if locator else f"eJzTd9f3{number}%3D", pay_by=NOW + timedelta(hours=24),
          locators=[["GDS", locator or number], ["LH", f"L{number[1:]}"]], lapses_at=NOW + timedelta(days=3))
    return made


def case(of: Booking | None = None, kind: str = "unknown_outcome", **changes: Any) -> Case:
    """An open case."""
    from bookings.cases import KINDS

    known = KINDS[kind]
    return Case.objects.create(**{
        "booking": of, "kind": kind, "subject": f"booking:{of.pk}" if of else f"duffel:ord_late{next(_numbers)}",
        "severity": known.severity, "verdict": known.verdict, "opened_at": NOW,
        "money_minor": of.accepted_minor if of else None, "currency": of.currency if of else "", **changes})


def without(table: str, name: str) -> None:
    """Take one guard of PostgreSQL away for the rest of this test's transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS "{name}"')
        cursor.execute(f'DROP INDEX IF EXISTS "{name}"')
