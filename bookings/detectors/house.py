"""What is wrong in our own house: unheard messages, mail that does not go, a worker that stands, failed undoing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import CharField, DateTimeField, Exists, F, OuterRef, Prefetch, Q, QuerySet, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Concat

from bookings import refund_clock
from bookings.detectors.asking import UNDER_WAY, amount, call_about, moment, streamed, subject_of, told
from bookings.detectors.finding import Detector, Finding
from bookings.flow import HOUR, MAX_DECLINES, STUCK_UNDOING, Step
from bookings.models import Booking, Case, ExternalCall, Heartbeat, Outbox
from bookings.status import Status
from fly2any.kernel.money import Money
from payments.models import GatewayEvent, Payment, Refund
from payments.types import PaymentState, RefundState
from suppliers.models import SupplierEvent, SupplierOrder
from suppliers.types import LIVE

UNHEARD = timedelta(minutes=5)
MAIL_LATE = timedelta(minutes=15)
STANDING_STILL = timedelta(minutes=3)
REFUND_LATE = timedelta(days=10)
COUNTED = 100  # how many of a backlog are counted
DONE_WELL = ("", "ok")
UNDOING = (Step.VOID, Step.CONFIRM_CANCEL, Step.SEND_REFUND)
UNDOING_ONLY = (Step.QUOTE_CANCEL, Step.LOOK_ORDER, Step.LOOK_PAYMENT, Step.LOOK_REFUND)  # only while it is undone


# --- M16: messages ----------------------------------------------------------------------------------------------


def unheard(now: datetime) -> Iterator[Finding]:
    """M16: news of more than 5 minutes ago that no look has followed; and messages given up that are still unmatched.

    Whoever is told is due at once, and at the latest an hour later when a look failed: the index of due bookings has
    them all.
    """
    due = Booking.objects.filter(due_at__lte=now + HOUR + UNHEARD, parked_at=None)
    late = Q(news_at__lt=now - UNHEARD) & (Q(looked_at=None) | Q(looked_at__lt=F("news_at")))
    payments = Payment.objects.filter(late, booking__in=due).exclude(external_id="").exclude(state=PaymentState.VOIDED)
    orders = SupplierOrder.objects.filter(late, booking__in=due, state__in=sorted(LIVE))
    waiting = [*payments.order_by("news_at").values_list("news_at", "booking__reference")[:COUNTED],
               *orders.order_by("news_at").values_list("news_at", "booking__reference")[:COUNTED]]
    if waiting:
        first, reference = min(waiting)
        yield Finding("webhook_backlog", "inbox", facts={"oldest": reference, "told": moment(first)},
                      also={"waiting": _counted(len(waiting))}, since=first)
    yield from _unmatched()


def _unmatched() -> Iterator[Finding]:
    """The open cases of messages that named nothing of ours, while that is so."""
    for subject in Case.objects.filter(kind="unmatched_event", closed_at=None).values_list("subject", flat=True):
        provider, _, event_id = subject.partition(":")
        for events in (GatewayEvent, SupplierEvent):
            event = events.objects.filter(provider=provider, event_id=event_id).first()
            if event is not None and event.fate in (events.Fate.UNMATCHED, events.Fate.GIVEN_UP):
                yield Finding("unmatched_event", subject, event.booking_id, {"kind": event.raw_kind})


def _counted(number: int) -> str:
    return f"{COUNTED} or more" if number >= COUNTED else str(number)


# --- M17: mail --------------------------------------------------------------------------------------------------


def undelivered(now: datetime) -> Iterator[Finding]:
    """M17: mail that waits for more than 15 minutes, and each mail that was given up and not sent again."""
    first_due = Cast(KeyTextTransform("first_due_at", "context"), DateTimeField())
    late = now - MAIL_LATE
    waiting = Outbox.objects.filter(sent_at=None, dropped="").annotate(first_due=first_due).filter(
        Q(tries=0, due_at__lte=late) | Q(tries__gt=0, first_due__lte=late)).order_by("due_at")
    rows = list(waiting[:COUNTED])
    if rows:
        oldest = min(rows, key=lambda row: row.pk)
        yield Finding("mail_undelivered", "outbox", facts={"oldest": f"mail {oldest.pk}", "mail": oldest.kind},
                      also={"waiting": _counted(len(rows))}, since=min(row.first_due or row.due_at for row in rows))
    again = Outbox.objects.filter(kind=OuterRef("kind"), booking=OuterRef("booking"), pk__gt=OuterRef("pk")).exclude(
        sent_at=None)
    lost = Outbox.objects.filter(~Exists(again), dropped="undeliverable", sent_at=None)
    for row in streamed(lost):
        yield Finding("mail_undelivered", f"outbox:{row.pk}", row.booking_id, {"mail": row.kind}, {"tries": row.tries})


# --- M19: the machine ---------------------------------------------------------------------------------------------


def standing_still(now: datetime) -> Iterator[Finding]:
    """M19: bookings that have been due for 3 minutes, a sweeper that does not beat, and bookings that were parked."""
    due = Booking.objects.filter(due_at__lte=now - STANDING_STILL, parked_at=None).order_by("due_at", "pk")
    rows = list(due.values_list("reference", "due_at")[:COUNTED])
    if rows:
        yield Finding("no_progress", "worker", facts={"oldest": rows[0][0], "due since": moment(rows[0][1])},
                      also={"waiting": _counted(len(rows))}, since=rows[0][1])
    beat = Heartbeat.objects.filter(name="sweeper", beat_at__lt=now - STANDING_STILL).first()
    if beat is not None:
        yield Finding("recovery_stopped", "sweeper", facts={"last beat": moment(beat.beat_at)}, since=beat.beat_at)
    for booking in streamed(Booking.objects.filter(parked_at__isnull=False)):
        yield Finding("parked", subject_of(booking.pk), booking.pk, {
            "status": booking.status, "parked": moment(booking.parked_at)}, since=booking.parked_at)


# --- M20: undoing -------------------------------------------------------------------------------------------------


def undoing_failed(now: datetime) -> Iterator[Finding]:
    """M20: refunds that failed or do not arrive, and voids, refunds and cancellations that keep failing."""
    stuck = now - STUCK_UNDOING
    rows = Refund.objects.filter(state__in=[RefundState.REQUESTED, RefundState.SENT, RefundState.FAILED])
    again = Refund.objects.filter(payment=OuterRef("payment"), cause__endswith=Concat(
        Value("~"), Cast(OuterRef("pk"), CharField())))  # the new one names the old (bookings.undo.unreturned)
    sends = rows.annotate(
        result=call_about(Step.SEND_REFUND.value, "refund", "outcome"),
        tries=call_about(Step.SEND_REFUND.value, "refund", "attempts"),
        failing=call_about(Step.SEND_REFUND.value, "refund", "first_failed_at"),
        resent=Exists(again), comforted=told("compensation_failed", "payment__booking_id"),
        known=told("refund_failed", "payment__booking_id"))
    for refund in streamed(sends.select_related("payment__booking")):
        yield from _refund(refund, now, stuck)
    yield from _compensation(stuck)


def _refund(refund: Any, now: datetime, stuck: datetime) -> Iterator[Finding]:
    """What is wrong with one refund that has not succeeded."""
    if (refund.state == RefundState.FAILED and not refund.resent) or (
            refund.state != RefundState.FAILED and refund.known):  # sent again, and not there yet
        yield _about(refund, "refund_failed", deadline=refund_clock.end_of(
            refund_clock.legal_date(refund.requested_at)), failure=refund.failure)
    if refund.state == RefundState.SENT and refund.external_id:
        if (refund.sent_at or refund.requested_at) <= now - REFUND_LATE:
            yield _about(refund, "refund_pending", sent=moment(refund.sent_at or refund.requested_at))
    elif refund.state != RefundState.FAILED:
        bad = refund.result not in (None, *DONE_WELL) and (
            refund.result == "refused" or refund.tries >= MAX_DECLINES or (refund.failing or now) <= stuck)
        if bad or refund.comforted:
            yield _about(refund, "compensation_failed", call=Step.SEND_REFUND.value, outcome=refund.result or "")


def _compensation(stuck: datetime) -> Iterator[Finding]:
    """Bookings under way (by booking_by_status) one of whose undoing calls was refused or has failed for long."""
    hopeless = Q(outcome="refused") | Q(attempts__gte=MAX_DECLINES) | Q(first_failed_at__lte=stuck)
    calls = ExternalCall.objects.filter(booking=OuterRef("pk")).exclude(outcome__in=DONE_WELL)
    always = Exists(calls.filter(hopeless, kind__in=UNDOING))
    undone = Exists(calls.filter(hopeless, kind__in=UNDOING_ONLY))
    under_way: QuerySet[Booking] = Booking.objects.filter(status__in=UNDER_WAY)
    fires = always | (Q(status=Status.CANCELLING) & undone) | told("compensation_failed", "pk")
    failing = ExternalCall.objects.filter(kind__in=[*UNDOING, *UNDOING_ONLY]).exclude(outcome__in=DONE_WELL)
    with_calls = under_way.filter(fires).prefetch_related(
        Prefetch("calls", failing.order_by("asked_at", "pk"), "failing_calls"))
    for booking in streamed(with_calls):
        call = booking.failing_calls[-1] if booking.failing_calls else None
        yield Finding("compensation_failed", subject_of(booking.pk), booking.pk, {
            "status": booking.status, "call": call.kind if call else "", "outcome": call.outcome if call else "",
            "code": call.code if call else ""}, {"tries": call.attempts} if call else {},
            since=call.first_failed_at if call else None)


def _about(refund: Refund, kind: str, *, deadline: datetime | None = None, **facts: object) -> Finding:
    booking_id = refund.payment.booking_id
    return Finding(kind, subject_of(booking_id), booking_id, {
        "refund": refund.external_id or f"row {refund.pk}", "state": refund.state,
        "amount": amount(refund.amount_minor, refund.currency), **facts}, deadline=deadline,
        since=refund.sent_at or refund.requested_at, money=Money(refund.amount_minor, refund.currency))


DETECTORS = (
    Detector("M16", "messages nobody heard", {
        "webhook_backlog": "A message told us of a change more than 5 minutes ago, and no look at the object has "
        "followed.",
        "unmatched_event": "A signed message named an object that is not ours, and 72 hours did not help."}, unheard,
        subjects=("inbox", "stripe:", "duffel:", "amadeus:"), healed="every message was looked at"),
    Detector("M17", "mail undelivered", {
        "mail_undelivered": "A mail has waited for more than 15 minutes, or was given up after 72 hours of tries."},
        undelivered, subjects=("outbox",), healed="the mail is out"),
    Detector("M19", "no progress", {
        "no_progress": "A booking has been due for 3 minutes, and neither the worker nor the sweeper took it.",
        "recovery_stopped": "The sweeper's last sign of life is older than 3 minutes.",
        "parked": "Ten drives of the booking ended in an error of ours.",
        "detector_failed": "The last run of the detector ended in an error."}, standing_still,
        subjects=("worker", "sweeper", "booking:"), healed="the work goes on"),
    Detector("M20", "refund or void failed, or pending for too long", {
        "refund_failed": "A refund failed at the bank, and it was not sent again, or the new one has not arrived.",
        "refund_pending": "A refund was sent more than 10 days ago and has not succeeded.",
        "compensation_failed": "A void, refund or cancellation was refused, failed 5 times, or has failed for 30 "
        "minutes, and is not done."}, undoing_failed, healed="it was done after all"),
)
