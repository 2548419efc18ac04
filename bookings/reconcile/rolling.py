"""What changes long after it was listed: live orders until their flights leave, and refunds on their way.

The lists go back 72 hours (refunds 30 days). An airline's cancellation of an older order would be told by a webhook
alone; so every live order is looked at once in 7 days, and daily in the last 3 days before departure. At most `MOST`
a turn, those first that have waited longest: 19,200 orders a day, which is 134,400 live orders; more wait longer.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Q

from bookings.reconcile.differences import news
from payments.models import Refund
from payments.types import RefundState
from suppliers.models import SupplierOrder
from suppliers.types import LIVE

MOST = 200
WEEKLY, DAILY, LAST_DAYS = timedelta(days=7), timedelta(days=1), timedelta(days=3)
ENLISTED = timedelta(hours=72)
AHEAD = timedelta(days=400)  # no flight is sold longer ahead than about a year

# a driver that saves the row it read before may undo it, so what is young is enlisted again at each turn
_ENLIST = """
UPDATE suppliers_supplierorder o SET look_again_at = %(now)s
FROM bookings_booking b
WHERE b.id = o.booking_id AND b.departs_at > %(now)s AND o.look_again_at IS NULL AND o.state = ANY(%(live)s)
    AND o.external_id NOT LIKE 'locator:%%'
    AND o.created_at > %(since)s
"""


def look_again(now: datetime) -> int:
    """Have the drivers look at what is due. Returns how many orders and refunds. `now`: database time (UTC)."""
    enlist(now)
    return _orders(now) + _refunds(now)


def enlist(now: datetime, young: timedelta = ENLISTED) -> int:
    """Have live orders that are not older than this looked at; how many are newly listed. `now`: database time (UTC).

    Once a day with `AHEAD`: when nobody worked for days, what was made before is not young any more at the next turn.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ENLIST, {"now": now, "live": sorted(LIVE), "since": now - young})
        return cursor.rowcount


def _orders(now: datetime) -> int:
    due = SupplierOrder.objects.filter(look_again_at__lte=now).select_related("booking").order_by("look_again_at", "pk")
    asked = 0
    for order in due[:MOST]:
        departs = order.booking.departs_at
        if order.state not in LIVE or departs is None or departs <= now:
            SupplierOrder.objects.filter(pk=order.pk).update(look_again_at=None)
            continue
        every = DAILY if departs - now <= LAST_DAYS else WEEKLY
        fresh = order.looked_at is not None and order.looked_at > now - every
        if not fresh:
            news(order.booking_id, now, order_id=order.pk)
            asked += 1
        SupplierOrder.objects.filter(pk=order.pk).update(look_again_at=next_look(
            order.looked_at if fresh and order.looked_at else now, departs, now))
    return asked


def next_look(looked_at: datetime, departs: datetime, now: datetime) -> datetime:
    """When an order seen at `looked_at` is due again: in 7 days, or in a day once departure is 3 days away (UTC)."""
    return max(min(looked_at + WEEKLY, max(departs - LAST_DAYS, looked_at + DAILY)), now + timedelta(minutes=1))


def _refunds(now: datetime) -> int:
    """Refunds that the bank has not finished, once a day each."""
    late = now - DAILY
    waiting = Refund.objects.filter(Q(looked_at=None, sent_at__lt=late) | Q(looked_at__lt=late), state=RefundState.SENT)
    rows = waiting.exclude(external_id="").order_by("looked_at", "pk").values_list("pk", "payment__booking_id")
    found = list(rows[:MOST])
    for pk, booking_id in found:
        news(booking_id, now, refund_id=pk)
    return len(found)
