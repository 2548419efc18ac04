"""Their lists against our tables, both ways (reliability.md 11). Looks, compares and wakes; never decides.

Nothing is asked inside a transaction. Every part may run twice at once, or be killed half-way: what it does is
idempotent, and where it stands is written (a heartbeat row) only when it has come to its end. Each difference is
one case, once; a case that a person has handled is not opened again, one that has healed closes itself.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import F, Q, QuerySet

from bookings import cases
from bookings.models import Booking, Case, Heartbeat
from bookings.wake import wake
from fly2any.kernel.errors import Outside, Refused
from payments import inbox as payments_inbox
from payments import registry as gateways
from payments.models import Dispute, Payment
from payments.types import DisputeInfo, Intent, PaymentState
from suppliers import inbox as suppliers_inbox
from suppliers import registry as airlines
from suppliers.models import IN_FLIGHT, SupplierOrder
from suppliers.types import LIVE, OrderInfo, OrderState

logger = logging.getLogger(__name__)
FULL_EVERY, FULL = timedelta(hours=24), timedelta(hours=72)
OVERLAP = timedelta(hours=6)  # a Duffel order may take hours to show up in a listing
STALE = timedelta(minutes=5)
YOUNG = timedelta(minutes=2)  # its answer may be on the way to our table
BATCH = 200
DISPUTES = timedelta(days=180)
MONEY_OPEN = (PaymentState.OPEN, PaymentState.AUTHORISED, PaymentState.CAPTURING)
BUSY = (PaymentState.NEW, PaymentState.CAPTURING, PaymentState.VOIDING)
WATCH = timedelta(hours=72)
T = TypeVar("T")
R = TypeVar("R", Payment, SupplierOrder)


def light(now: datetime) -> None:
    """Everything that is compared every quarter of an hour; once a day over 72 hours. `now`: database time, UTC.

    A part that fails says so in the log and starts again where it stood, at the next turn.
    """
    _part("stale", _wake_stale_payments, now)
    _part("healed", _recheck_cases, now)
    _part("intents", _intents, now)
    _part("disputes", _disputes, now)
    _part("undelivered", _undelivered, now)
    for name in airlines.names():
        _part(f"orders.{name}", lambda since, at, name=name: _orders(name, since, at), now)  # type: ignore[misc]
    _backlog(now)


def rematch(now: datetime) -> int:
    """Messages that named nothing of ours: try again, and after 72 hours open a case. Returns how many matched."""
    matched = payments_inbox.rematch(now=now) + suppliers_inbox.rematch(now=now)
    for message in payments_inbox.overdue(now=now):
        _raise("unmatched_event", f"{message.provider}:{message.event_id}", None, now,
               {"kind": message.raw_kind, "intent": message.intent_id, "object": message.object_id})
        payments_inbox.give_up(message, now=now)
    for event in suppliers_inbox.overdue(now=now):
        _raise("unmatched_event", f"{event.provider}:{event.event_id}", None, now,
               {"kind": event.raw_kind, "order": event.order_id, "offer": event.offer_id})
        suppliers_inbox.give_up(event, now=now)
    return matched


# --- where each part stands -----------------------------------------------------------------------------------


def _part(name: str, work: Callable[[datetime, datetime], None], now: datetime) -> None:
    """Run one part from where it stood (with an overlap, and once a day from 72 hours ago); note its end."""
    row, _ = Heartbeat.objects.get_or_create(name=f"reconcile.{name}", defaults={"beat_at": now, "note": {}})
    done, full = _time(row.note.get("done")), _time(row.note.get("full"))
    everything = done is None or full is None or now - full >= FULL_EVERY
    since = now - FULL if done is None else done - OVERLAP  # however long we were away
    since = min(since, now - FULL) if everything else since
    try:
        work(since, now)
    except Outside as error:
        logger.warning("reconcile.unanswered", extra={"part": name, "code": error.code})
        return
    except Exception:  # a bug in one part must not silence the others
        logger.exception("reconcile.failed", extra={"part": name})
        return
    note = {"done": now.isoformat(), "full": (now if everything or full is None else full).isoformat()}
    Heartbeat.objects.filter(pk=row.pk).update(beat_at=now, note=note)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _batches(rows: Iterable[T]) -> Iterator[list[T]]:
    stream = iter(rows)
    while batch := list(islice(stream, BATCH)):
        yield batch


# --- payments ---------------------------------------------------------------------------------------------------


def _wake_stale_payments(_: datetime, now: datetime) -> None:
    """Payments that wait for a card or a capture and were not looked at for five minutes: look now."""
    waiting = Payment.objects.filter(
        Q(looked_at=None) | Q(looked_at__lt=now - STALE), state__in=MONEY_OPEN, asked_at__lt=now - STALE,
        booking__parked_at=None).exclude(external_id="").order_by("pk")
    after = 0
    while batch := list(waiting.filter(pk__gt=after).values_list("pk", "booking_id")[:BATCH]):
        for pk, booking_id in batch:
            _news(booking_id, now, payment_id=pk)
        after = batch[-1][0]


def _intents(since: datetime, now: datetime) -> None:
    listed: set[str] = set()
    for batch in _batches(gateways.gateway().recent_intents(since)):
        ids = [intent.external_id for intent in batch]
        listed.update(ids)
        known = {row.external_id: row for row in Payment.objects.filter(
            provider=gateways.gateway().name, external_id__in=ids).select_related("booking")}
        for intent in batch:
            row = known.get(intent.external_id)
            if row is None:
                _intent_without_row(intent, now)
            else:
                _compare_payment(row, intent, now)
    for row in _unlisted(Payment.objects.exclude(state=PaymentState.VOIDED), listed, since, now):
        try:
            _compare_payment(row, gateways.gateway().get(row.external_id), now)
        except Refused as refusal:
            _raise("ledgers_differ", f"stripe:{row.external_id}", row.booking, now,
                   {"ours": row.state, "stripe": refusal.code})


def _unlisted(rows: QuerySet[R], listed: set[str], since: datetime, now: datetime) -> list[R]:
    """Rows of ours that their listing left out, although it had hours to show them: to be asked for one by one."""
    window = rows.filter(asked_at__gt=since + STALE, asked_at__lt=now - OVERLAP).exclude(external_id="")
    ids = window.order_by("pk").values_list("pk", "external_id")
    missing = [pk for pk, external_id in ids.iterator() if external_id not in listed]
    return list(rows.filter(pk__in=missing[:BATCH]).select_related("booking").order_by("pk"))


def _intent_without_row(intent: Intent, now: datetime) -> None:
    """An answer of Stripe that never reached our row is the driver's work; anything else is an orphan."""
    mine = Payment.objects.filter(pk=int(intent.payment_id)).first() if intent.payment_id.isdecimal() else None
    if mine is not None and not mine.external_id and mine.state == PaymentState.NEW:
        _news(mine.booking_id, now, payment_id=mine.pk)
        return
    if not _money_held(intent) or (intent.created_at and intent.created_at > now - YOUNG):
        return
    booking = mine.booking if mine else _booking_named(intent.booking_id)
    _raise("orphaned_payment", f"stripe:{intent.external_id}", booking, now,
           {"state": intent.state, "amount": str(intent.amount), "captured_minor": intent.captured_minor})


def _money_held(intent: Intent) -> bool:
    """Whether money is, or may yet be, taken by this intent."""
    return intent.state is not PaymentState.VOIDED and not 0 < intent.captured_minor <= intent.refunded_minor


def _compare_payment(row: Payment, intent: Intent, now: datetime) -> None:
    subject = f"stripe:{intent.external_id}"
    if (intent.amount.minor, intent.amount.currency) != (row.amount_minor, row.currency):
        _raise("ledgers_differ", subject, row.booking, now,
               {"ours": f"{row.currency} {row.amount_minor}", "stripe": f"{intent.amount.currency} "
                f"{intent.amount.minor}"})
        return
    if row.state in BUSY or _same_money(row, intent):
        return
    _look_then_raise(subject, row.booking, row.looked_at, now, lambda: _news(row.booking_id, now, payment_id=row.pk),
                     {"ours": f"{row.state}, captured {row.captured_minor}, refunded {row.refunded_minor}",
                      "stripe": f"{intent.state}, captured {intent.captured_minor}, "
                      f"refunded {intent.refunded_minor}"})


def _same_money(row: Payment, intent: Intent) -> bool:
    return (row.state == intent.state and row.captured_minor == intent.captured_minor
            and row.refunded_minor == intent.refunded_minor)


def _undelivered(since: datetime, now: datetime) -> None:
    """Events that Stripe could not deliver are heard as if they had come."""
    live = payments_inbox.live_keys()
    for notice in gateways.gateway().undelivered(since):
        if notice.live_mode == live:
            payments_inbox.keep(notice)


def _disputes(_: datetime, now: datetime) -> None:
    for dispute in gateways.gateway().disputes(now - DISPUTES):
        payment = Payment.objects.filter(external_id=dispute.intent_id).exclude(external_id="").first()
        if payment is None:
            _raise("dispute", f"stripe:{dispute.external_id}", None, now,
                   {"intent": dispute.intent_id, "amount": str(dispute.amount), "status": dispute.status})
            continue
        _keep_dispute(dispute, payment, now)


def _keep_dispute(dispute: DisputeInfo, payment: Payment, now: datetime) -> None:
    if Dispute.objects.filter(external_id=dispute.external_id, status=dispute.status).exists():
        return
    with transaction.atomic(durable=True):
        wake(payment.booking_id, now)  # locks the booking first
        Payment.objects.filter(pk=payment.pk).update(disputed=True, news_at=now)
        Dispute.objects.update_or_create(
            external_id=dispute.external_id,
            create_defaults={"payment": payment, "amount_minor": dispute.amount.minor, "seen_at": now,
                             "currency": dispute.amount.currency, "status": dispute.status[:40],
                             "reason": dispute.reason[:60]},
            defaults={"status": dispute.status[:40], "reason": dispute.reason[:60]})


# --- airline orders ---------------------------------------------------------------------------------------------


def _orders(name: str, since: datetime, now: datetime) -> None:
    listed: set[str] = set()
    for batch in _batches(airlines.get(name).recent_orders(since)):
        ids = [order.external_id for order in batch]
        listed.update(ids)
        known = {row.external_id: row for row in SupplierOrder.objects.filter(
            supplier=name, external_id__in=ids).select_related("booking")}
        for order in batch:
            row = known.get(order.external_id)
            if row is None:
                _order_without_row(name, order, now)
            else:
                _compare_order(name, row, order, now)
    for row in _unlisted(SupplierOrder.objects.filter(supplier=name, state__in=sorted(LIVE)), listed, since, now):
        try:
            _compare_order(name, row, airlines.get(name).order(row.external_id), now)
        except Refused as refusal:
            _raise("ledgers_differ", f"{name}:{row.external_id}", row.booking, now,
                   {"ours": row.state, name: refusal.code})


def _order_without_row(name: str, order: OrderInfo, now: datetime) -> None:
    """Perhaps the answer was lost, and the driver finds it; otherwise nobody here stands for this order."""
    if order.created_at and order.created_at > now - YOUNG:
        return
    booking = _booking_named(order.booking_id)
    waiting = None
    if booking is not None:
        waiting = SupplierOrder.objects.filter(
            booking=booking, supplier=name, external_id="", offer_external_id=order.offer_id,
            state__in=[*IN_FLIGHT, OrderState.NOT_CREATED]).order_by("-pk").first()
    subject = f"{name}:{order.external_id}"
    facts = {"state": order.state, "total": str(order.total), "pnr": order.pnr, "offer": order.offer_id}
    if waiting is not None and booking is not None:
        found = waiting  # for the closure
        _look_then_raise(subject, booking, waiting.news_at and waiting.looked_at, now,
                         lambda: _expect(found, now), facts, kind="orphaned_booking")
    elif order.state in LIVE:
        _raise("orphaned_booking", subject, booking, now, facts)


def _expect(row: SupplierOrder, now: datetime) -> None:
    """Have the driver look for the order that this row stands for, even if it had given up."""
    with transaction.atomic(durable=True):
        wake(row.booking_id, now)
        SupplierOrder.objects.filter(pk=row.pk).update(news_at=now)
        SupplierOrder.objects.filter(
            Q(watch_until=None) | Q(watch_until__lt=now), pk=row.pk, state=OrderState.NOT_CREATED,
        ).update(watch_until=now + WATCH)


def _compare_order(name: str, row: SupplierOrder, order: OrderInfo, now: datetime) -> None:
    subject = f"{name}:{order.external_id}"
    if row.state in (*IN_FLIGHT, OrderState.PAYING, OrderState.CANCELLING):
        return
    same_total = (order.total.minor, order.total.currency) == (row.total_minor, row.currency)
    if row.state == order.state and (same_total or row.state not in LIVE):
        return
    _look_then_raise(subject, row.booking, row.looked_at, now, lambda: _news(row.booking_id, now, order_id=row.pk),
                     {"ours": f"{row.state} {row.currency} {row.total_minor}", name: f"{order.state} {order.total}"})


# --- cases ------------------------------------------------------------------------------------------------------


def _look_then_raise(subject: str, booking: Booking, looked_at: datetime | None, now: datetime,
                     look: Callable[[], None], facts: dict[str, Any], *, kind: str = "ledgers_differ") -> None:
    """A difference may be only the time between two readings: have the driver look first, then open the case.

    The sign that it was asked to look is a heartbeat row of this difference; it goes when the difference does.
    """
    sign, first = Heartbeat.objects.get_or_create(
        name=_sign(kind, subject), defaults={"beat_at": now, "note": {"subject": subject}})
    if first:
        look()
    elif looked_at is not None and looked_at > sign.beat_at and now - sign.beat_at >= STALE:
        _raise(kind, subject, booking, now, facts)


def _sign(kind: str, subject: str) -> str:
    return f"{'differs' if kind == 'ledgers_differ' else 'missing'}:{subject}"[:60]


def _raise(kind: str, subject: str, booking: Booking | None, now: datetime, facts: dict[str, Any]) -> None:
    """Open the case unless it is open, or a person has handled this very thing before."""
    if Case.objects.filter(kind=kind, subject=subject, closed_by__isnull=False).exists():
        return
    with transaction.atomic(durable=True):
        cases.open_case(kind=kind, subject=subject, booking=booking, now=now, facts=facts)


def _recheck_cases(since: datetime, now: datetime) -> None:
    """Close what has healed since: look each object of an open case up, one by one."""
    Heartbeat.objects.filter(Q(name__startswith="differs:") | Q(name__startswith="missing:"),
                             beat_at__lt=now - FULL).delete()
    mine = Q(kind__in=["orphaned_payment", "orphaned_booking", "ledgers_differ"])
    for case in Case.objects.filter(mine, closed_at=None).order_by("opened_at", "pk")[:BATCH]:
        owner, _, external_id = case.subject.partition(":")
        if owner == gateways.gateway().name and external_id:
            healed = _payment_agrees(external_id)
        elif owner in airlines.names() and external_id:
            healed = _order_agrees(owner, external_id)
        else:
            continue
        if healed:
            cases.heal(kind=case.kind, subject=case.subject, now=now)
            Heartbeat.objects.filter(name=_sign(case.kind, case.subject)).delete()


def _payment_agrees(external_id: str) -> bool:
    intent = gateways.gateway().get(external_id)
    row = Payment.objects.filter(external_id=external_id).first()
    if row is None:
        return not _money_held(intent)
    return _same_money(row, intent) and (intent.amount.minor, intent.amount.currency) == (
        row.amount_minor, row.currency)


def _order_agrees(name: str, external_id: str) -> bool:
    try:
        order = airlines.get(name).order(external_id)
    except Refused:
        return False
    row = SupplierOrder.objects.filter(supplier=name, external_id=external_id).first()
    if row is None:
        return order.state not in LIVE
    return row.state == order.state and (
        row.state not in LIVE or (order.total.minor, order.total.currency) == (row.total_minor, row.currency))


def _backlog(now: datetime) -> None:
    """Messages told more than five minutes ago that no driver has looked at: one case, healed by itself."""
    old = Q(news_at__lt=now - STALE) & (Q(looked_at=None) | Q(looked_at__lt=F("news_at")))
    late = (Payment.objects.filter(old, booking__parked_at=None).exclude(external_id="").exclude(
                state=PaymentState.VOIDED).count()
            + SupplierOrder.objects.filter(old, booking__parked_at=None, state__in=sorted(LIVE)).count())
    if late:
        _raise("webhook_backlog", "inbox", None, now, {"waiting": late})
    else:
        cases.heal(kind="webhook_backlog", subject="inbox", now=now, because="every message was looked at")


# --- small deeds ------------------------------------------------------------------------------------------------


def _news(booking_id: int, now: datetime, *, payment_id: int | None = None, order_id: int | None = None) -> None:
    """Have the driver look at this payment or order; booking first, as everywhere."""
    with transaction.atomic(durable=True):
        wake(booking_id, now)
        if payment_id is not None:
            Payment.objects.filter(pk=payment_id).update(news_at=now)
        if order_id is not None:
            SupplierOrder.objects.filter(pk=order_id).update(news_at=now)


def _booking_named(public_id: str) -> Booking | None:
    """The booking that an object's metadata names, if it is one of ours."""
    try:
        return Booking.objects.filter(public_id=uuid.UUID(public_id)).first()
    except ValueError:
        return None
