"""What the vendors list of a time that our books have lost: taken back where it is a known booking's, else a case.

Unlike the turns of every day nothing here waits for an answer that may be on its way: no driver runs yet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from bookings.detectors import Finding, report
from bookings.reconcile import money
from bookings.reconcile import orders as airline_orders
from bookings.reconcile.differences import bookings_named, news
from payments.models import Payment, Refund
from payments.types import Intent, RefundInfo, RefundState
from suppliers.models import SupplierOrder
from suppliers.types import OrderInfo

TakeOrder = Callable[[int, OrderInfo, datetime], bool]
TakePayment = Callable[[int, Intent, datetime], bool]


def orders(supplier: str, listed: tuple[OrderInfo, ...], now: datetime, take: TakeOrder) -> Counter[str]:
    """A page of orders: known ones are looked at again, a known booking's are taken back, the others are cases."""
    done: Counter[str] = Counter()
    rows = SupplierOrder.objects.filter(supplier=supplier, external_id__in=[one.external_id for one in listed])
    known = {row.external_id: row for row in rows}
    owners = bookings_named(one.booking_id for one in listed)
    for info in listed:
        row, owner = known.get(info.external_id), owners.get(info.booking_id)
        if row is not None:
            news(row.booking_id, now, order_id=row.pk)
        elif owner is not None and take(owner.pk, info, now):
            done["orders taken back"] += 1
        else:
            done += _told(airline_orders.Strangers(supplier, [info]).finding(info), now)
    return done


def intents(listed: tuple[Intent, ...], now: datetime, take: TakePayment) -> Counter[str]:
    """A page of payments, in the same way."""
    done: Counter[str] = Counter()
    rows = Payment.objects.filter(external_id__in=[one.external_id for one in listed]).values_list(
        "external_id", "pk", "booking_id")
    known = {external_id: (pk, booking_id) for external_id, pk, booking_id in rows}
    owners = bookings_named(one.booking_id for one in listed)
    for intent in listed:
        if intent.external_id in known:
            pk, booking_id = known[intent.external_id]
            news(booking_id, now, payment_id=pk)
        elif (owner := owners.get(intent.booking_id)) is not None and take(owner.pk, intent, now):
            done["payments taken back"] += 1
        else:
            done += _told(money.Strangers([intent]).finding(intent), now)
    return done


def refunds(listed: tuple[RefundInfo, ...], now: datetime) -> Counter[str]:
    """A page of refunds: the payment and the order of one that we do not know are looked at, and a person is told."""
    done: Counter[str] = Counter()
    known = set(Refund.objects.filter(external_id__in=[one.external_id for one in listed]).values_list(
        "external_id", flat=True))
    unanswered = {str(pk) for pk in Refund.objects.filter(external_id="").values_list("pk", flat=True)}
    for info in listed:
        payment = Payment.objects.filter(external_id=info.intent_id).first()
        if info.external_id in known or payment is None or info.state is RefundState.FAILED:
            continue
        order = SupplierOrder.objects.filter(booking=payment.booking_id).order_by("-pk").first()
        news(payment.booking_id, now, payment_id=payment.pk, order_id=order.pk if order else None)
        if info.refund_id not in unanswered:  # else the driver finds it by its number
            done += _told(Finding("ledgers_differ", money.subject_of(info.external_id), payment.booking_id,
                                  {"object": "refund", "ours": "no refund of ours", "stripe":
                                   f"{info.state.value} {info.amount.currency} {info.amount.minor}"},
                                  money=info.amount), now)
    return done


def _told(finding: Finding | None, now: datetime) -> Counter[str]:
    if finding is None:
        return Counter()
    report(finding, now)
    return Counter({finding.kind.replace("_", " "): 1})
