"""Small histories made by hand, hour by hour, and the rows that a figure is counted from."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from bookings.models import Booking, Case, Figure, Seen, Tally
from payments.models import GatewayEvent, Payment
from suppliers.models import Search, SupplierEvent
from tests.console import rows

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
_numbers = itertools.count(1)


def search(at: datetime, *, seen: bool = False, **outcome: Any) -> Search:
    """A search at that time; `outcome` is what each supplier told."""
    made = Search.objects.create(principal="guest:a", query={}, outcome=outcome, complete=True)
    Search.objects.filter(pk=made.pk).update(created_at=at)
    if seen:
        Seen.objects.create(subject=made.pk, step="results", at=at)
    return made


def booking(at: datetime, *, seen: bool = False, **fields: Any) -> Booking:
    """A booking begun at that time."""
    made = rows.booking(created_at=at, wished_at=at, **fields)
    Search.objects.filter(pk=made.offer.search_id).delete()
    if seen:
        Seen.objects.create(subject=made.public_id, step="payment", at=at)
    return made


def payment(of: Booking, at: datetime, *, ms: int | None = None, captured_at: datetime | None = None,
            **fields: Any) -> Payment:
    """A payment asked for at that time; authorised after `ms` milliseconds when given."""
    state = "captured" if captured_at else "authorised" if ms is not None else "open"
    if captured_at and not of.orders.exists():
        rows.order(of, asked_at=at)
    return rows.payment(of, state, asked_at=at, captured_at=captured_at,
                        authorised_at=at + timedelta(milliseconds=ms) if ms is not None else None,
                        **({"captured_minor": of.accepted_minor} if captured_at else {}), **fields)


def gateway_event(made_at: datetime | None, received_at: datetime, fate: str = "heard", **fields: Any) -> GatewayEvent:
    """A message from Stripe."""
    return GatewayEvent.objects.create(provider="stripe", event_id=f"evt_{next(_numbers)}", kind="payment.changed",
                                       raw_kind="x", fate=fate, made_at=made_at, received_at=received_at, **fields)


def supplier_event(made_at: datetime | None, received_at: datetime, fate: str = "heard", **fields: Any) -> SupplierEvent:
    """A message from Duffel."""
    return SupplierEvent.objects.create(provider="duffel", event_id=f"wev_{next(_numbers)}", kind="order.changed",
                                        raw_kind="x", fate=fate, made_at=made_at, received_at=received_at, **fields)


def case(opened_at: datetime, closed_at: datetime | None = None, *, by: Any = None, **fields: Any) -> Case:
    """A case; closed by a person when `by` is given, else by itself."""
    return rows.case(opened_at=opened_at, closed_at=closed_at, closed_by=by,
                     **({"closed_because": "it is solved"} if closed_at else {}), **fields)


def tally(at: datetime, name: str, n: int, dim: str = "", process: str = "00000000-0000-4000-8000-000000000001") -> None:
    """What one process counted in that hour."""
    Tally.objects.create(process=process, at=at.replace(minute=0, second=0, microsecond=0), name=name, dim=dim, n=n)


def counted(grain: str, at: datetime) -> dict[tuple[str, str], tuple[int, int]]:
    """The figures of one hour, day or month: {(metric, dim): (n, total)}."""
    return {(row.metric, row.dim): (row.n, row.total) for row in Figure.objects.filter(grain=grain, at=at)}


def everything() -> list[tuple[Any, ...]]:
    """Every figure as stored, for comparing two states."""
    return sorted((row.grain, row.at, row.metric, row.dim, row.n, row.total, row.high,
                   tuple(sorted((row.hist or {}).items()))) for row in Figure.objects.all())
