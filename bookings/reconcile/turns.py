"""The turns of reconciliation: light every quarter of an hour, full every night; each goes through all its lists."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, time, timedelta

from django.db.models import Q

from bookings.detectors import Finding, balance, report
from bookings.models import ReconcileRun
from bookings.reconcile import money, notices, orders, rolling
from bookings.reconcile.differences import news
from bookings.reconcile.recheck import recheck
from bookings.reconcile.runs import BATCH, STALE, Kind, Pace, Part, forget, ticking, work
from fly2any.kernel.errors import Outside
from payments import inbox as payments_inbox
from payments import registry as gateways
from payments.models import Payment
from payments.types import PaymentState
from suppliers import inbox as suppliers_inbox
from suppliers import registry as airlines

logger = logging.getLogger(__name__)
MONEY_OPEN = (PaymentState.OPEN, PaymentState.AUTHORISED, PaymentState.CAPTURING)
NIGHT = time(2, 0)  # UTC
REST = 1.0  # seconds between the pages of a full turn: Duffel answers 60 calls a minute, customers' included
DAYS_30, DAYS_180 = timedelta(days=30), timedelta(days=180)


def _gateway_parts() -> list[Part]:
    """Stripe's lists. Refunds may still fail after weeks, disputes change for months: the nightly turn goes back."""
    gateway = gateways.gateway()
    return [
        Part("intents", gateway.list_intents, money.compare_intents, money.cannot_be_read, money.listed_payments,
             money.ask_payment),
        Part("charges", gateway.list_charges, money.compare_charges, money.cannot_be_read, money.charged_payments,
             money.ask_payment),
        Part("refunds", gateway.list_refunds, money.compare_refunds, money.cannot_be_read, money.listed_refunds,
             money.ask_refund, reach=DAYS_30),
        Part("disputes", gateway.list_disputes, notices.compare_disputes, money.cannot_be_read, reach=DAYS_180),
        Part("warnings", gateway.list_warnings, notices.compare_warnings, money.cannot_be_read, reach=DAYS_30),
        Part("undelivered", gateway.list_undelivered, notices.hear_undelivered, money.cannot_be_read),
    ]


def _airline_part(name: str) -> Part:
    return Part(
        f"orders.{name}", airlines.get(name).list_orders,
        lambda found, now: orders.compare_orders(name, found, now),
        lambda external_id, now: orders.cannot_be_read(name, external_id, now),
        lambda since, until: orders.listed_orders(name, since, until),
        lambda row, now: orders.ask_order(name, row, now))


PARTS: dict[str, Callable[[], list[Part]]] = {
    "stripe": _gateway_parts, "airlines": lambda: [
        _airline_part(name) for name in airlines.names() if airlines.get(name).lists_orders]}


def _parts() -> list[Part]:
    return [part for make in PARTS.values() for part in make()]


def part_names() -> list[str]:
    """What `manage.py reconcile --part` may name."""
    return [part.name for part in _parts()]


def light(now: datetime, only: Iterable[str] = ()) -> None:
    """Everything that is compared every quarter of an hour. `now`: database time (UTC). `only`: these lists alone.

    A part that fails says so in the log and goes on where it stood, at the next turn.
    """
    named, pace = set(only), Pace(ticking(now))
    if not named:
        for chore in (_wake_stale_payments, recheck, balance.ask, rolling.look_again, forget):
            _chore(chore, now)
    for part in _parts():
        if not named or part.name in named:
            work(part, Kind.LIGHT, pace)


def full(now: datetime, only: Iterable[str] = (), *, rest: float = REST, since: datetime | None = None) -> bool:
    """Go on with the nightly comparison, or begin it; True when every list came to its end. `now`: database time (UTC).

    Its marks are its own: light turns go on meanwhile, and neither takes the other's place; so are those of a turn
    that somebody starts by hand from a time of their choice (`since`).
    """
    named, pace, kind = set(only), Pace(ticking(now), rest), Kind.HAND if since else Kind.FULL
    ended = [work(part, kind, pace, since) for part in _parts() if not named or part.name in named]
    return all(ended)


def full_is_due(now: datetime) -> bool:
    """Whether a part's last full turn is of a night before the present one, or came to no end (UTC)."""
    night = datetime.combine(now.date(), NIGHT, now.tzinfo)
    night = night if night <= now else night - timedelta(days=1)
    tonight = set(ReconcileRun.objects.filter(kind=Kind.FULL, started_at__gte=night, part__in=part_names()).exclude(
        finished_at=None).values_list("part", flat=True))
    return tonight != set(part_names())


def _chore(work_at: Callable[[datetime], object], now: datetime) -> None:
    try:
        work_at(now)
    except Outside as error:
        logger.warning("reconcile.unanswered", extra={"part": work_at.__name__, "code": error.code})
    except Exception:  # a bug in one must not silence the others
        logger.exception("reconcile.failed", extra={"part": work_at.__name__})


def _wake_stale_payments(now: datetime) -> None:
    """Payments that wait for a card or a capture and were not looked at for five minutes: look now."""
    waiting = Payment.objects.filter(
        Q(looked_at=None) | Q(looked_at__lt=now - STALE), state__in=MONEY_OPEN, asked_at__lt=now - STALE,
        booking__parked_at=None).exclude(external_id="").order_by("pk")
    after = 0
    while batch := list(waiting.filter(pk__gt=after).values_list("pk", "booking_id")[:BATCH]):
        for pk, booking_id in batch:
            news(booking_id, now, payment_id=pk)
        after = batch[-1][0]


def rematch(now: datetime) -> int:
    """Messages that named nothing of ours: try again, and after 72 hours open a case. Returns how many matched."""
    matched = payments_inbox.rematch(now=now) + suppliers_inbox.rematch(now=now)
    for message in payments_inbox.overdue(now=now):
        report(Finding("unmatched_event", f"{message.provider}:{message.event_id}", None,
                       {"kind": message.raw_kind, "intent": message.intent_id, "object": message.object_id}), now)
        payments_inbox.give_up(message, now=now)
    for event in suppliers_inbox.overdue(now=now):
        report(Finding("unmatched_event", f"{event.provider}:{event.event_id}", None,
                       {"kind": event.raw_kind, "order": event.order_id, "offer": event.offer_id}), now)
        suppliers_inbox.give_up(event, now=now)
    return matched
