"""The inbox of airline suppliers' messages: verified, kept once, and told to whoever drives the booking.

One short transaction each: insert (or do nothing for a message we have), tell the booking, mark what to look at.
Lock order as everywhere: booking, then order; the listeners lock the booking first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from fly2any.kernel import faultpoints
from fly2any.kernel.errors import Problem, Refused
from suppliers import listeners, registry
from suppliers.models import SupplierEvent
from suppliers.types import Notice

Fate = SupplierEvent.Fate
DUFFEL = "duffel"
CREATED = "order.created"
FAILED = "order.failed"  # the supplier says that an order was not made
KINDS = frozenset({CREATED, FAILED, "order.changed", "order.paid", "order.cancelled"})
faultpoints.register_commit("supplier_message")
faultpoints.register_commit("supplier_rematch")
KEEP_TRYING = timedelta(hours=72)  # a row of ours that is not there by then will not come (reliability.md 8.4)

# by the order's id; a message about an order whose id we have not learned yet names the offer it was made from
_FIND = """
SELECT booking_id, row_id, rank FROM (
    SELECT o.booking_id, o.id AS row_id, 0 AS rank FROM suppliers_supplierorder o
    WHERE o.supplier = %(provider)s AND o.external_id = %(order)s AND o.external_id <> ''
    UNION ALL
    SELECT o.booking_id, o.id, 1 FROM suppliers_supplierorder o
    WHERE o.supplier = %(provider)s AND o.offer_external_id = %(offer)s AND o.offer_external_id <> ''
) AS mine ORDER BY rank, row_id DESC LIMIT 1
"""
# the look-up rides along with the insert: a message costs one statement before its booking is told
_KEEP = f"""
WITH found AS ({_FIND})
INSERT INTO suppliers_supplierevent
    (provider, event_id, kind, raw_kind, order_id, offer_id, made_at, received_at, deliveries, fate, booking_id)
SELECT %(provider)s, %(event)s, %(kind)s, %(raw_kind)s, %(order)s, %(offer)s, %(made)s, clock_timestamp(),
    %(came)s,
    CASE WHEN NOT %(heard)s THEN 'ignored'
        WHEN %(echo)s AND EXISTS (SELECT FROM found WHERE rank = 0) THEN 'known'
        WHEN EXISTS (SELECT FROM found) THEN 'heard' ELSE 'unmatched' END,
    (SELECT booking_id FROM found WHERE %(heard)s)
ON CONFLICT (provider, event_id) DO UPDATE
    SET deliveries = suppliers_supplierevent.deliveries + 1, last_at = clock_timestamp() WHERE %(came)s = 1
RETURNING received_at, CASE WHEN last_at IS NULL THEN fate ELSE '' END, booking_id, (SELECT row_id FROM found)
"""  # noqa: S608  constants only

# tried 10 s after it came, then after as long again as it has been waiting, at most an hour
_DUE = """
SELECT id FROM suppliers_supplierevent
WHERE fate = 'unmatched' AND received_at > %s AND coalesce(tried_at, received_at) + greatest(
    interval '10 seconds', least(interval '1 hour', coalesce(tried_at, received_at) - received_at)) <= %s
ORDER BY coalesce(tried_at, received_at), id LIMIT %s
"""


@dataclass(frozen=True)
class Receipt:
    """What became of a message. `fate` is "" for one that we had already."""

    fate: str
    booking_id: int | None = None

    @property
    def duplicate(self) -> bool:
        """Whether the message had been kept before."""
        return not self.fate


def receive(*, provider: str, body: bytes, headers: Mapping[str, str]) -> Receipt:
    """Verify a webhook on its raw bytes and keep it. Raises Refused (nothing is stored) or a database error."""
    notice = registry.get(provider).read_notice(body, headers)
    if notice.live_mode != live_keys():
        raise Refused("other_mode", "a test message for live keys, or the other way round")
    return keep(notice, provider=provider, came=True)


def live_keys() -> bool:
    """Whether this installation buys real tickets."""
    return settings.DUFFEL_ACCESS_TOKEN.startswith("duffel_live_")


def keep(notice: Notice, *, provider: str, came: bool = False) -> Receipt:
    """Keep a verified message once and tell its booking, in one commit.

    `came`: it was delivered to our door, which is counted, however often.
    """
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute(_KEEP, _words(notice, provider, came))
            row = cursor.fetchone()
        if row is None or not row[1]:
            return Receipt("")
        now, fate, booking_id, order_pk = row
        if fate == Fate.HEARD:
            _tell(booking_id, order_pk, notice.kind, now)
        faultpoints.committing("supplier_message")
    return Receipt(fate, booking_id)


def rematch(*, now: datetime, limit: int = 100) -> int:
    """Try unmatched messages again, each 10 s after it came and then ever more rarely. Returns how many matched."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [now - KEEP_TRYING, now, limit])
        due = [row[0] for row in cursor.fetchall()]
    return sum(_rematch_one(pk, now) for pk in due)


def overdue(*, now: datetime, limit: int = 100) -> list[SupplierEvent]:
    """Messages that nobody recognised for 72 hours. Open a case for each, then `give_up` on it."""
    return list(SupplierEvent.objects.filter(fate=Fate.UNMATCHED, received_at__lte=now - KEEP_TRYING)
                .order_by("received_at", "pk")[:limit])


def give_up(event: SupplierEvent, *, now: datetime) -> None:
    """Stop trying to match this message; somebody has opened a case for it."""
    SupplierEvent.objects.filter(pk=event.pk, fate=Fate.UNMATCHED).update(fate=Fate.GIVEN_UP, tried_at=now)


def _rematch_one(pk: int, now: datetime) -> int:
    with transaction.atomic(durable=True):
        event = (SupplierEvent.objects.select_for_update(skip_locked=True, no_key=True)
                 .filter(pk=pk, fate=Fate.UNMATCHED).first())
        matched = event is not None and _match(event, now)
        faultpoints.committing("supplier_rematch")
    return 1 if matched else 0


def hear_again(pk: int, now: datetime) -> int | None:
    """Match and tell a kept message once more, whatever became of it before; call inside a transaction.

    Returns the booking it woke, None when it names nothing of ours. `now` is database time (UTC). Problem message_busy
    while it is being heard, nothing_to_hear for a kind that no booking listens to.
    """
    event = SupplierEvent.objects.select_for_update(skip_locked=True, no_key=True).filter(pk=pk).first()
    if event is None:
        raise Problem("message_busy", "This message is being heard at this moment.", status=409, action="Look again")
    if event.kind not in KINDS:
        raise Problem("nothing_to_hear", "No booking listens to messages of this kind.", status=409)
    return _match(event, now)


def _match(event: SupplierEvent, now: datetime) -> int | None:
    """Find whose message it is and tell them; the event's row is locked."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND, {"provider": event.provider, "order": event.order_id, "offer": event.offer_id})
        found = cursor.fetchone()
    event.tried_at = now
    if found:
        event.fate, event.booking_id = Fate.HEARD, found[0]
        _tell(found[0], found[1], event.kind, now)
    event.save(update_fields=["tried_at", "fate", "booking"])
    return found[0] if found else None


def _tell(booking_id: int, order_pk: int, kind: str, now: datetime) -> None:
    listeners.tell(booking_id, now)  # locks the booking, so it comes first
    failed_at = now if kind == FAILED else None
    with connection.cursor() as cursor:  # plain SQL: this is the site's busiest door, and the ORM costs twice as much
        cursor.execute("UPDATE suppliers_supplierorder SET news_at = %s, failed_notice_at = "
                       "coalesce(%s, failed_notice_at) WHERE id = %s", [now, failed_at, order_pk])


def _words(notice: Notice, provider: str, came: bool) -> dict[str, str | bool | int | datetime | None]:
    return {"provider": provider, "event": notice.event_id[:200], "kind": notice.kind[:40],
            "raw_kind": notice.raw_kind[:80], "order": notice.order_id[:200], "offer": notice.offer_id[:200],
            "heard": notice.kind in KINDS and bool(notice.order_id or notice.offer_id),
            "echo": notice.kind == CREATED, "came": int(came), "made": notice.made_at}
