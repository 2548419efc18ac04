"""Words that the detectors' queries share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db.models import CharField, Exists, Model, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Concat

from bookings.models import Case, ExternalCall
from bookings.status import FINAL, Status
from fly2any.kernel.money import Money
from payments.models import Payment
from suppliers.models import SupplierOrder
from suppliers.types import OrderState

GRACE = timedelta(minutes=2)  # the driver writes its next step within this time
RECENT = timedelta(hours=72)  # as far back as the nightly comparison goes
CHUNK = 200
UNDER_WAY = sorted(set(Status) - FINAL - {Status.DRAFT})
Row = TypeVar("Row", bound=Model)


def told(kind: str, booking: str = "booking_id") -> Exists:
    """A case of this kind is open about the row's booking: it stays open until the records agree."""
    return Exists(Case.objects.filter(kind=kind, booking=OuterRef(booking), closed_at=None))


def open_bookings(kind: str) -> QuerySet[Case, int | None]:
    """The bookings about which a case of this kind is open."""
    return Case.objects.filter(kind=kind, closed_at=None).exclude(booking=None).values_list("booking_id", flat=True)


def order_of(booking: str, *states: OrderState) -> Exists:
    """The row's booking has an airline order in one of these states."""
    return Exists(SupplierOrder.objects.filter(booking=OuterRef(booking), state__in=sorted(states)))


def payment_of(booking: str, *states: str) -> Exists:
    """The row's booking has a payment in one of these states."""
    return Exists(Payment.objects.filter(booking=OuterRef(booking), state__in=sorted(states)))


def call_about(kind: str, word: str, field: str) -> Subquery:
    """A field of the call of this kind about the row (`word`: order, payment, refund)."""
    named = Concat(Value(f"{word}:"), Cast(OuterRef("pk"), CharField()))
    return Subquery(ExternalCall.objects.filter(kind=kind, subject=named).values(field)[:1])


def streamed(rows: QuerySet[Row]) -> Iterator[Any]:
    """The rows of a query, a chunk at a time."""
    return iter(rows.iterator(chunk_size=CHUNK))


def subject_of(booking_id: int) -> str:
    """How cases name a booking."""
    return f"booking:{booking_id}"


def amount(minor: int, currency: str) -> str:
    """An amount (minor units) among the values that fired a rule."""
    return str(Money(minor, currency))


def moment(at: datetime | None) -> str:
    """A time among the values that fired a rule: UTC, to the second."""
    return at.strftime("%Y-%m-%d %H:%M:%S UTC") if at else ""
