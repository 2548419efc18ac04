"""The inbox of gateway messages: verified, kept once, and told to whoever drives the booking. Nothing is believed.

One short transaction each: insert (or do nothing for a message we have), tell the booking, mark what to look at.
Lock order as everywhere: booking, payment, refund; the listeners lock the booking first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from fly2any.kernel import faultpoints
from fly2any.kernel.errors import Problem, Refused
from payments import listeners, registry
from payments.models import GatewayEvent
from payments.types import Notice

Fate = GatewayEvent.Fate
PROVIDER = "stripe"
CAPTURED = "payment.captured"
KINDS = frozenset({"payment.changed", CAPTURED, "refund.changed", "dispute.changed"})  # what a booking may want to hear
faultpoints.register_commit("gateway_message")
faultpoints.register_commit("gateway_rematch")
KEEP_TRYING = timedelta(hours=72)  # a row of ours that is not there by then will not come (reliability.md 8.4)

_FIND = """
SELECT p.booking_id, p.id AS payment_id, r.id AS refund_id, p.state
FROM payments_payment p LEFT JOIN payments_refund r ON r.payment_id = p.id AND r.external_id = %(object)s
    AND r.external_id <> ''
WHERE p.provider = %(provider)s AND p.external_id = %(intent)s AND p.external_id <> ''
"""
# The look-up rides along with the insert: a message costs one statement before its booking is told.
# While we capture, "captured" is no news: whoever asked hears it as the answer, and if they died the booking is due.
_KEEP = f"""
WITH found AS ({_FIND})
INSERT INTO payments_gatewayevent
    (provider, event_id, kind, raw_kind, intent_id, object_id, made_at, received_at, deliveries, fate, booking_id)
SELECT %(provider)s, %(event)s, %(kind)s, %(raw_kind)s, %(intent)s, %(object)s, %(made)s, clock_timestamp(),
    %(came)s,
    CASE WHEN NOT %(heard)s THEN 'ignored'
        WHEN %(echo)s AND EXISTS (SELECT FROM found WHERE state IN ('capturing', 'captured')) THEN 'known'
        WHEN EXISTS (SELECT FROM found) THEN 'heard' ELSE 'unmatched' END,
    (SELECT booking_id FROM found WHERE %(heard)s)
ON CONFLICT (provider, event_id) DO UPDATE
    SET deliveries = payments_gatewayevent.deliveries + 1, last_at = clock_timestamp() WHERE %(came)s = 1
RETURNING received_at, CASE WHEN last_at IS NULL THEN fate ELSE '' END, booking_id,
    (SELECT payment_id FROM found), (SELECT refund_id FROM found)
"""  # noqa: S608  constants only

# tried 10 s after it came, then after as long again as it has been waiting, at most an hour
_DUE = """
SELECT id FROM payments_gatewayevent
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


def receive(*, body: bytes, headers: Mapping[str, str]) -> Receipt:
    """Verify a webhook on its raw bytes and keep it. Raises Refused (nothing is stored) or a database error."""
    notice = registry.gateway().read_notice(body, headers)
    if notice.live_mode != live_keys():
        raise Refused("other_mode", "a test message for live keys, or the other way round")
    return keep(notice, came=True)


def live_keys() -> bool:
    """Whether this installation takes real money."""
    return settings.STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_"))


def keep(notice: Notice, *, came: bool = False) -> Receipt:
    """Keep a verified message once and tell its booking, in one commit. Also for messages fetched by ourselves.

    `came`: it was delivered to our door, which is counted, however often.
    """
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute(_KEEP, _words(notice, came))
            row = cursor.fetchone()
        if row is None or not row[1]:
            return Receipt("")
        now, fate, booking_id, payment_id, refund_id = row
        if fate == Fate.HEARD:
            _tell(booking_id, payment_id, refund_id, now)
        faultpoints.committing("gateway_message")
    return Receipt(fate, booking_id)


def rematch(*, now: datetime, limit: int = 100) -> int:
    """Try unmatched messages again, each 10 s after it came and then ever more rarely. Returns how many matched."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [now - KEEP_TRYING, now, limit])
        due = [row[0] for row in cursor.fetchall()]
    return sum(_rematch_one(pk, now) for pk in due)


def overdue(*, now: datetime, limit: int = 100) -> list[GatewayEvent]:
    """Messages that nobody recognised for 72 hours. Open a case for each, then `give_up` on it."""
    return list(GatewayEvent.objects.filter(fate=Fate.UNMATCHED, received_at__lte=now - KEEP_TRYING)
                .order_by("received_at", "pk")[:limit])


def give_up(event: GatewayEvent, *, now: datetime) -> None:
    """Stop trying to match this message; somebody has opened a case for it."""
    GatewayEvent.objects.filter(pk=event.pk, fate=Fate.UNMATCHED).update(fate=Fate.GIVEN_UP, tried_at=now)


def _rematch_one(pk: int, now: datetime) -> int:
    with transaction.atomic(durable=True):
        event = (GatewayEvent.objects.select_for_update(skip_locked=True, no_key=True)
                 .filter(pk=pk, fate=Fate.UNMATCHED).first())
        matched = event is not None and _match(event, now)
        faultpoints.committing("gateway_rematch")
    return 1 if matched else 0


def hear_again(pk: int, now: datetime) -> int | None:
    """Match and tell a kept message once more, whatever became of it before; call inside a transaction.

    Returns the booking it woke, None when it names nothing of ours. `now` is database time (UTC). Problem message_busy
    while it is being heard, nothing_to_hear for a kind that no booking listens to.
    """
    event = GatewayEvent.objects.select_for_update(skip_locked=True, no_key=True).filter(pk=pk).first()
    if event is None:
        raise Problem("message_busy", "This message is being heard at this moment.", status=409, action="Look again")
    if event.kind not in KINDS:
        raise Problem("nothing_to_hear", "No booking listens to messages of this kind.", status=409)
    return _match(event, now)


def _match(event: GatewayEvent, now: datetime) -> int | None:
    """Find whose message it is and tell them; the event's row is locked."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND, {"provider": event.provider, "intent": event.intent_id, "object": event.object_id})
        found = cursor.fetchone()
    event.tried_at = now
    if found:
        event.fate, event.booking_id = Fate.HEARD, found[0]
        _tell(found[0], found[1], found[2], now)
    event.save(update_fields=["tried_at", "fate", "booking"])
    return found[0] if found else None


def _tell(booking_id: int, payment_id: int, refund_id: int | None, now: datetime) -> None:
    listeners.tell(booking_id, now)  # locks the booking, so it comes first
    with connection.cursor() as cursor:  # plain SQL: this is the site's busiest door, and the ORM costs twice as much
        cursor.execute("UPDATE payments_payment SET news_at = %s WHERE id = %s", [now, payment_id])
        if refund_id is not None:
            cursor.execute("UPDATE payments_refund SET news_at = %s WHERE id = %s", [now, refund_id])


def _words(notice: Notice, came: bool) -> dict[str, str | bool | int | datetime | None]:
    return {"provider": PROVIDER, "event": notice.event_id[:200], "kind": notice.kind[:40],
            "raw_kind": notice.raw_kind[:80], "intent": notice.intent_id[:200], "object": notice.object_id[:200],
            "came": int(came), "made": notice.made_at, "heard": notice.kind in KINDS, "echo": notice.kind == CAPTURED}
