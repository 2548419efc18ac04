"""What must stay true (reliability.md 1), as named questions to our own tables. Read only; each finds its offenders.

I9, I11 and I12 are promises about time, outages and access: tests keep them, no row can tell. Comparing our rows with
the supplier's and Stripe's own ledgers is reconciliation in production and `tests/ledgers.py` in tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import CharField, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Cast, Coalesce, Concat

from bookings.flow import AUTHORISATION_LIFE, Step, Wish
from bookings.models import Booking, BundleExample, Case, Diary, ExternalCall, Outbox
from bookings.status import CLOSED, FINAL, IN_FLIGHT, MONEY_ACTIVE, Status
from payments.models import ACTIVE, Payment, Refund
from payments.types import BY_HAND, DESK, PaymentState, RefundState
from suppliers.models import SupplierOrder
from suppliers.types import LIVE, OrderState

# Longer than any one call takes (130 s) and as long as the sweeper may be silent before it is an alarm.
GRACE = timedelta(minutes=3)
LEARNED = timedelta(days=1)  # the sweeper collects every few minutes
ORDER_MAY_EXIST = sorted(LIVE | IN_FLIGHT)
Found = Iterator[tuple[str, str]]


@dataclass(frozen=True)
class Violation:
    """One broken promise: which one, whose (a booking's reference, or an object's id), and what was found."""

    invariant: str
    reference: str
    detail: str


def check(now: datetime) -> list[Violation]:
    """Every violation of every invariant, by the database clock `now` (UTC). Empty when all is well."""
    return [Violation(name, reference, f"{rule.__name__.replace('_', ' ')}: {detail}")
            for name, rule in RULES for reference, detail in rule(now)]


def _open_case(of: str) -> Exists:
    return Exists(Case.objects.filter(booking=OuterRef(of), closed_at=None))


# --- I1 ---------------------------------------------------------------------------------------------------------


def captured_without_a_live_order(now: datetime) -> Found:
    """Money we took needs an order that was live at that moment; money that others took needs a case or a refund."""
    taken = Payment.objects.filter(state__in=[PaymentState.CAPTURING, PaymentState.CAPTURED])
    never_live = Q(order=None) | Q(order__state__in=sorted([*IN_FLIGHT, OrderState.NOT_CREATED]))
    ended_before = Q(order__cancelled_at__lt=F("captured_at")) | Q(order__external_id="")
    for p in _with_reference(taken.filter(never_live | ended_before, captured_elsewhere=False)):
        yield p.booking.reference, f"payment {p.pk}"
    told = _open_case("booking") | Exists(Refund.objects.filter(payment=OuterRef("pk")))
    for p in _with_reference(taken.filter(~told, order=None, captured_elsewhere=True)):
        yield p.booking.reference, f"payment {p.pk} was taken elsewhere, and nobody was told"


# --- I2 ---------------------------------------------------------------------------------------------------------


def asked_without_ink(now: datetime) -> Found:
    """What has an id outside needs a call that was written down before; what staff took or gave, their own line."""
    yield from _without_ink(SupplierOrder.objects.all(), "order", Step.CREATE_ORDER, "booking")
    yield from _without_ink(Payment.objects.all(), "payment", Step.OPEN_PAYMENT, "booking")
    yield from _without_ink(Refund.objects.select_related("payment"), "refund", Step.SEND_REFUND, "payment__booking")
    by_hand = Q(external_id__startswith=BY_HAND)
    for rows, word, booking in ((Payment.objects.filter(by_hand | Q(provider=DESK)), "payment", "booking"),
                                (Refund.objects.filter(by_hand), "refund", "payment__booking")):
        line = Diary.objects.filter(booking=OuterRef(booking), event=f"staff.record_{word}", actor__startswith="staff:")
        for pk, reference in rows.filter(~Exists(line)).values_list("pk", f"{booking}__reference").order_by("pk"):
            yield reference, f"{word} {pk} was recorded by nobody"


def _without_ink(rows: QuerySet, word: str, step: Step, booking: str) -> Found:
    """Rows with an id outside whose deed is not among the calls of their booking."""
    inked = ExternalCall.objects.filter(kind=step.value, subject=OuterRef("name"))
    machines = rows.exclude(external_id="").exclude(external_id__startswith=BY_HAND)
    bare = machines.annotate(name=_subject(word)).filter(~Exists(inked))
    for pk, reference in bare.values_list("pk", f"{booking}__reference").order_by("pk").iterator():
        yield reference, f"{word} {pk} has no {step.value} call"


# --- I3 ---------------------------------------------------------------------------------------------------------


def more_than_one(now: datetime) -> Found:
    """One live order per offer and booking, one active payment per booking, and each belongs to its own booking."""
    orders = SupplierOrder.objects.filter(state__in=ORDER_MAY_EXIST)
    for what, rows in (("live orders", orders), ("active payments", Payment.objects.filter(state__in=sorted(ACTIVE)))):
        for row in rows.values("booking__reference").annotate(n=Count("pk")).filter(n__gt=1).order_by():
            yield row["booking__reference"], f"{row['n']} {what}"
    for offer in orders.values("supplier", "offer_external_id").annotate(n=Count("pk")).filter(n__gt=1).order_by():
        yield offer["offer_external_id"], f"{offer['n']} live orders of one offer at {offer['supplier']}"
    crossed = Payment.objects.exclude(order=None).exclude(order__booking=F("booking"))
    for p in _with_reference(crossed):
        yield p.booking.reference, f"payment {p.pk} pays for another booking's order"


# --- I4 ---------------------------------------------------------------------------------------------------------


def waits_for_nothing(now: datetime) -> Found:
    """Not at an end: then there is a deadline in the future, or an open case."""
    waiting = (Booking.objects.exclude(wish=Wish.DRAFT).exclude(status__in=sorted(FINAL))
               .filter(~_open_case("pk")).order_by("pk"))
    for b in waiting.filter(Q(due_at=None) | Q(due_at__lt=now - GRACE) | Q(parked_at__isnull=False)).iterator():
        since = "parked" if b.parked_at else f"due since {b.due_at:%F %T}" if b.due_at else "no deadline"
        yield b.reference, f"{b.status}, {since}, no case"


# --- I5 ---------------------------------------------------------------------------------------------------------


def closed_but_open_outside(now: datetime) -> Found:
    """A closed booking has nothing live at the airline, nothing reserved, and keeps no money but an agreed fee."""
    closed = sorted(CLOSED)
    for o in SupplierOrder.objects.filter(state__in=ORDER_MAY_EXIST, booking__status__in=closed
                                          ).select_related("booking").order_by("pk").iterator():
        yield o.booking.reference, f"{o.booking.status}, order {o.pk} is {o.state}"
    payments = Payment.objects.filter(booking__status__in=closed)
    for p in _with_reference(payments.filter(state__in=sorted(MONEY_ACTIVE))):
        yield p.booking.reference, f"{p.booking.status}, payment {p.pk} is {p.state}"
    returned = Coalesce(Sum("refunds__amount_minor", filter=Q(refunds__state=RefundState.SUCCEEDED)), 0)
    for p in _with_reference(payments.filter(state=PaymentState.CAPTURED).annotate(returned=returned)):
        told = p.booking.agreed_refund_minor if p.booking.wish == Wish.CANCEL and not p.booking.closing else None
        owed = p.captured_minor if told is None else min(told, p.captured_minor)
        missing = owed - max(p.returned, p.refunded_minor)
        if missing > 0:
            yield p.booking.reference, f"{p.booking.status}, payment {p.pk} keeps {missing} {p.currency} too much"


# --- I6 ---------------------------------------------------------------------------------------------------------


def more_than_agreed(now: datetime) -> Found:
    """Captured at most what was agreed on screen, refunded at most what was captured, all in one currency."""
    for p in _with_reference(Payment.objects.filter(
            Q(captured_minor__gt=F("booking__accepted_minor")) | Q(captured_minor__gt=F("amount_minor"))
            | Q(refunded_minor__gt=F("captured_minor")) | ~Q(currency=F("booking__currency")))):
        yield p.booking.reference, (f"payment {p.pk}: agreed {p.booking.accepted_minor} {p.booking.currency}, captured "
                                    f"{p.captured_minor} {p.currency}, refunded {p.refunded_minor}")
    going = Coalesce(Sum("refunds__amount_minor", filter=~Q(refunds__state=RefundState.FAILED)), 0)
    for p in _with_reference(Payment.objects.annotate(going=going).filter(going__gt=F("captured_minor"))):
        yield p.booking.reference, f"payment {p.pk}: {p.going} to give back of {p.captured_minor} captured"
    for o in SupplierOrder.objects.exclude(currency=F("booking__currency")).select_related("booking").order_by("pk"):
        yield o.booking.reference, f"order {o.pk} is in {o.currency}, the booking in {o.booking.currency}"


# --- I7 ---------------------------------------------------------------------------------------------------------


def reserved_for_too_long(now: datetime) -> Found:
    """A card stays reserved without a finished order for 8 hours at most."""
    reserved = Payment.objects.filter(
        state__in=[PaymentState.AUTHORISED, PaymentState.CAPTURING, PaymentState.VOIDING],
        authorised_at__lt=now - AUTHORISATION_LIFE)
    finished = SupplierOrder.objects.filter(booking=OuterRef("booking"), state=OrderState.TICKETED)
    for p in _with_reference(reserved.filter(~Exists(finished))):
        yield p.booking.reference, f"payment {p.pk} is {p.state} since {p.authorised_at:%F %T}"


# --- I8 ---------------------------------------------------------------------------------------------------------


def changed_without_a_diary_line(now: datetime) -> Found:
    """The last line about each order, payment and refund names its present state; every wish and answer has a line."""
    wished = Booking.objects.exclude(wish=Wish.DRAFT)
    for b in wished.filter(~Exists(Diary.objects.filter(booking=OuterRef("pk"), event="wish.written"))).order_by("pk"):
        yield b.reference, "a wish without a line"
    yield from _untold(SupplierOrder.objects.all(), "order", "booking", OrderState.CREATING)
    yield from _untold(Payment.objects.all(), "payment", "booking", PaymentState.NEW)
    yield from _untold(Refund.objects.all(), "refund", "payment__booking", RefundState.REQUESTED)
    answered = Case.objects.exclude(closed_by=None).exclude(booking=None).select_related("booking").order_by("pk")
    told = set(Diary.objects.filter(event="case.handled").values_list("subject", flat=True).iterator())
    for case in answered.iterator():
        if case.booking is not None and f"case:{case.pk}" not in told:
            yield case.booking.reference, f"case {case.pk} was handled without a line"


def _untold(rows: QuerySet, word: str, booking: str, first: str) -> Found:
    """Rows whose state is not the one that the newest `<word>.moved` line names (`first` needs only `asked`)."""
    lines = Diary.objects.filter(booking=OuterRef("owner"), event=f"{word}.moved", subject=OuterRef("name")
                                 ).order_by("-at", "-pk")
    born = Diary.objects.filter(booking=OuterRef("owner"), event__in=[f"{word}.asked", f"{word}.requested"],
                                subject=OuterRef("name"))
    named = rows.annotate(owner=F(f"{booking}_id"), name=_subject(word)).annotate(
        told=Subquery(lines.values("after")[:1]), born=Exists(born))
    wrong = ~Q(told=F("state")) & ~Q(told=None) | Q(told=None) & ~Q(state=first) | Q(born=False)
    for row in named.filter(wrong).values("pk", "state", "told", "born", f"{booking}__reference").order_by("pk"):
        line = f"its line says {row['told'] or 'nothing'}" if row["born"] else "nobody wrote that it was asked for"
        yield row[f"{booking}__reference"], f"{word} {row['pk']} is {row['state']}, {line}"


def _subject(word: str) -> Concat:
    return Concat(Value(f"{word}:"), Cast("pk", CharField()))


# --- I10 --------------------------------------------------------------------------------------------------------


def done_twice(now: datetime) -> Found:
    """What must never be repeated was asked once: an order's creation, a refund's cause, a mail."""
    again = ExternalCall.objects.filter(kind=Step.CREATE_ORDER, attempts__gt=1).select_related("booking")
    for call in again.order_by("pk"):
        yield call.booking.reference, f"{call.subject} was sent {call.attempts} times"
    mails = Outbox.objects.exclude(sent_at=None).exclude(booking=None).values("booking__reference", "kind", "version",
                                                                           "case_id")
    for row in mails.annotate(n=Count("pk")).filter(n__gt=1).order_by():
        yield row["booking__reference"], f"mail {row['kind']} went out {row['n']} times"


# --- the tables of the checkout --------------------------------------------------------------------------------


def answered_by_nobody(now: datetime) -> Found:
    """An answer about changed flights has its time and its line; money that was asked for has its case."""
    line = Diary.objects.filter(booking=OuterRef("booking"), event="flights.answer_given",
                                after=OuterRef("change_answer"))
    unsaid = Q(change_answered_at=None) | ~Exists(line)
    for o in SupplierOrder.objects.exclude(change_answer="").filter(unsaid).select_related("booking").order_by("pk"):
        yield o.booking.reference, f"order {o.pk}: {o.change_answer} was answered by nobody"
    asked = Q(state=OrderState.TICKETED, change_answer="refund", booking__status=Status.CONFIRMED)
    case = Case.objects.filter(booking=OuterRef("booking"), kind="refund_due")
    for o in SupplierOrder.objects.filter(asked & ~Exists(case)).select_related("booking").order_by("pk"):
        yield o.booking.reference, f"order {o.pk}: the money was asked for, and nobody was told"
    accepted = ExternalCall.objects.filter(kind=Step.ACCEPT_CHANGE, outcome="ok").exclude(booking__diary__event__in=[
        "flights.answer_given"])
    for call in accepted.select_related("booking").order_by("pk"):
        yield call.booking.reference, f"{call.subject} was accepted without an answer"


def examples_that_name_somebody(now: datetime) -> Found:
    """What the ranking learns from carries no link: the table has no key to a booking, and no value is one."""
    links = [field.name for field in BundleExample._meta.get_fields() if field.is_relation]
    if links:
        yield "bundles", f"examples point at {', '.join(links)}"
    shown = Booking.objects.filter(status=Status.CONFIRMED, bundles_shown__isnull=False, settled_at__lt=now - LEARNED)
    for b in shown.order_by("pk"):
        yield b.reference, "confirmed a day ago, and what it was shown still hangs on it"


def _with_reference(payments: QuerySet) -> Iterator[Any]:
    return payments.select_related("booking").order_by("pk").iterator()


Rule = Callable[[datetime], Found]
RULES: tuple[tuple[str, Rule], ...] = (
    ("I1", captured_without_a_live_order),
    ("I2", asked_without_ink),
    ("I3", more_than_one),
    ("I4", waits_for_nothing),
    ("I5", closed_but_open_outside),
    ("I6", more_than_agreed),
    ("I7", reserved_for_too_long),
    ("I8", changed_without_a_diary_line),
    ("I10", done_twice),
    ("C1", answered_by_nobody),
    ("C2", examples_that_name_somebody),
)
