"""An airline supplier's orders against our rows, both ways."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from bookings.detectors import Finding, report
from bookings.models import Booking
from bookings.reconcile.differences import bookings_named, look_then_report, news, no_longer, young
from bookings.wake import wake
from fly2any.kernel import faultpoints
from fly2any.kernel.errors import Refused
from fly2any.kernel.money import Money
from suppliers import registry as airlines
from suppliers.models import IN_FLIGHT, SupplierOrder
from suppliers.types import LIVE, OrderInfo, OrderState

WATCH = timedelta(hours=72)
ROW_BEFORE = timedelta(hours=1)  # a row is written just before its order is asked for; the index is by created_at
MOVING = (*IN_FLIGHT, OrderState.PAYING, OrderState.CANCELLING)
WAITING = (*IN_FLIGHT, OrderState.NOT_CREATED)  # an order that we asked for may belong to such a row


def _rows(supplier: str, external_ids: Iterable[str]) -> dict[str, SupplierOrder]:
    rows = SupplierOrder.objects.filter(supplier=supplier, external_id__in=[one for one in external_ids if one])
    return {row.external_id: row for row in rows}


def compare_orders(supplier: str, orders: tuple[OrderInfo, ...], now: datetime) -> list[int]:
    """A page of orders against ours: two queries where all agree. Returns the keys of the rows met."""
    known = _rows(supplier, (order.external_id for order in orders))
    strangers = Strangers(supplier, [order for order in orders if order.external_id not in known])
    agreed = []
    for order in orders:
        row = known.get(order.external_id)
        if row is None:
            strangers.see(order, now)
        elif _compare(row, order, now):
            agreed.append(f"{supplier}:{order.external_id}")
    no_longer(agreed)
    return [row.pk for row in known.values()]


def listed_orders(supplier: str, since: datetime, until: datetime) -> QuerySet[SupplierOrder]:
    """Our live orders of the window, which their list should show; none where nothing is listed (drivers look)."""
    if not airlines.get(supplier).lists_orders:
        return SupplierOrder.objects.none()
    return SupplierOrder.objects.filter(
        supplier=supplier, state__in=sorted(LIVE), asked_at__gt=since, asked_at__lt=until,
        created_at__gt=since - ROW_BEFORE).exclude(external_id="")


def ask_order(supplier: str, row: SupplierOrder, now: datetime) -> None:
    """One order of ours that no list showed."""
    try:
        order = airlines.get(supplier).order(row.external_id)
    except Refused as refusal:
        if refusal.code != "not_found":
            raise
        report(_unknown(row, refusal), now)
        return
    _compare(row, order, now)


def cannot_be_read(supplier: str, external_id: str, now: datetime) -> None:
    """An order whose money or state makes no sense to us: somebody must look at it."""
    row = _rows(supplier, [external_id]).get(external_id)
    report(Finding("ledgers_differ", f"{supplier}:{external_id}", row.booking_id if row else None,
                   {supplier: "cannot be read"}), now)


class Strangers:
    """Orders of one page that no row of ours names; what their metadata names is read at once."""

    def __init__(self, supplier: str, orders: list[OrderInfo]) -> None:
        self.supplier = supplier
        self._bookings = bookings_named(order.booking_id for order in orders)
        rows = SupplierOrder.objects.filter(
            booking__in=[one.pk for one in self._bookings.values()], supplier=supplier,
            state__in=sorted({*LIVE, *WAITING})).order_by("pk") if self._bookings else ()
        self._rows: dict[int, list[SupplierOrder]] = {}
        for row in rows:
            self._rows.setdefault(row.booking_id, []).append(row)

    def see(self, order: OrderInfo, now: datetime) -> None:
        """Perhaps the answer was lost, and the driver finds it; otherwise nobody here stands for this order."""
        if young(order.created_at, now):
            return
        waiting, finding = self._waiting(order), self.finding(order)
        if waiting is not None:
            told = finding or self._orphan(order)
            look_then_report(told, waiting.news_at and waiting.looked_at, lambda: _expect(waiting, now), now)
        elif finding is not None:
            report(finding, now)

    def finding(self, order: OrderInfo) -> Finding | None:
        """What a stranger means now: a second order of a booking that has one, an orphan, or nothing (not live)."""
        if order.state not in LIVE:
            return None
        booking = self._bookings.get(order.booking_id)
        if booking is not None and any(row.state in LIVE for row in self._rows.get(booking.pk, ())):
            return self._orphan(order, "duplicate_order")
        return self._orphan(order)

    def _orphan(self, order: OrderInfo, kind: str = "orphaned_booking") -> Finding:
        booking: Booking | None = self._bookings.get(order.booking_id)
        return Finding(kind, f"{self.supplier}:{order.external_id}", booking.pk if booking else None,
                       {"state": order.state.value, "total": str(order.total), "pnr": order.pnr,
                        "offer": order.offer_id}, deadline=order.void_until, money=order.total)

    def _waiting(self, order: OrderInfo) -> SupplierOrder | None:
        """The newest row of its booking that still waits for an order of this offer."""
        booking = self._bookings.get(order.booking_id)
        fitting = [row for row in self._rows.get(booking.pk, ()) if row.state in WAITING and not row.external_id
                   and row.offer_external_id == order.offer_id] if booking else []
        return fitting[-1] if fitting else None


def _expect(row: SupplierOrder, now: datetime) -> None:
    """Have the driver look for the order that this row stands for, even if it had given up."""
    with transaction.atomic(durable=True):
        wake(row.booking_id, now)
        SupplierOrder.objects.filter(pk=row.pk).update(news_at=now)
        SupplierOrder.objects.filter(
            Q(watch_until=None) | Q(watch_until__lt=now), pk=row.pk, state=OrderState.NOT_CREATED,
        ).update(watch_until=now + WATCH)
        faultpoints.committing("news")


def difference(row: SupplierOrder, order: OrderInfo) -> dict[str, Any] | None:
    """In what our row and the supplier's order differ, in words; None when they agree."""
    same_total = (order.total.minor, order.total.currency) == (row.total_minor, row.currency)
    if row.state in MOVING or (row.state == order.state and (same_total or row.state not in LIVE)):
        return None
    return {"ours": f"{row.state} {row.currency} {row.total_minor}",
            row.supplier: f"{order.state.value} {order.total.currency} {order.total.minor}"}


def _differs(row: SupplierOrder, order: OrderInfo) -> Finding | None:
    facts = difference(row, order)
    if facts is None:
        return None
    return Finding("ledgers_differ", f"{row.supplier}:{order.external_id}", row.booking_id, facts, money=order.total)


def _compare(row: SupplierOrder, order: OrderInfo, now: datetime) -> bool:
    """Whether they agree; a difference is told."""
    finding = _differs(row, order)
    if finding is not None:
        look_then_report(finding, row.looked_at, lambda: news(row.booking_id, now, order_id=row.pk), now)
    return finding is None


def _unknown(row: SupplierOrder, refusal: Refused) -> Finding:
    return Finding("ledgers_differ", f"{row.supplier}:{row.external_id}", row.booking_id,
                   {"ours": row.state, row.supplier: refusal.code}, money=Money(row.total_minor, row.currency))


def order_finding(supplier: str, external_id: str) -> Finding | None:
    """What is wrong about this order now; None when all agree. Raises Outside."""
    row = _rows(supplier, [external_id]).get(external_id)
    try:
        order = airlines.get(supplier).order(external_id)
    except Refused as refusal:
        if refusal.code != "not_found":
            raise
        return _unknown(row, refusal) if row is not None and row.state in LIVE else None
    return Strangers(supplier, [order]).finding(order) if row is None else _differs(row, order)
