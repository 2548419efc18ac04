"""What is wrong with money: taken without a ticket, reserved for too long, doubled, different, owed (ux.md 12.2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import (
    BigIntegerField,
    Case,
    Count,
    Exists,
    F,
    Max,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Least

from bookings import refund_clock
from bookings.detectors.asking import (
    GRACE,
    RECENT,
    amount,
    moment,
    open_bookings,
    order_of,
    streamed,
    subject_of,
    told,
)
from bookings.detectors.finding import Detector, Finding
from bookings.flow import AUTHORISATION_LIFE, Wish
from bookings.undo import PRESENT
from fly2any.kernel.money import Money
from payments.models import ACTIVE, Dispute, Payment, Refund
from payments.types import PaymentState, RefundState
from suppliers.models import IN_FLIGHT, SupplierOrder
from suppliers.types import LIVE, OrderState

MINOR = BigIntegerField()
IDLE = timedelta(minutes=10)
OWED_GRACE = timedelta(minutes=10)  # a refund follows its cancellation within seconds
OWED_WINDOW = timedelta(days=14)  # older ones only while their case is open; the legal date is past by then
BACK_WINDOW = timedelta(days=7)
CARD_HOLDS = timedelta(days=7)  # stripe.md: the bank lets an uncaptured amount go then
DISPUTE_ENDS = ("won", "lost", "warning_closed", "prevented", "charge_refunded")
ISSUED = (OrderState.TICKETED, OrderState.CANCELLING)
ENDED = (OrderState.LAPSED, OrderState.NOT_CREATED, *IN_FLIGHT)
AGREED_CANCEL = Q(booking__wish=Wish.CANCEL, booking__closing="")


def _payments() -> QuerySet[Payment]:
    return Payment.objects.select_related("booking")


# --- M1, M2, M11: money and no ticket ---------------------------------------------------------------------------


def charged_without_order(now: datetime) -> Iterator[Finding]:
    """M1: money is kept, and the booking has no ticket; cancelled tickets are M9's."""
    kept = _payments().filter(state=PaymentState.CAPTURED, refunded_minor__lt=F("captured_minor"))
    tickets = SupplierOrder.objects.filter(
        Q(state=OrderState.TICKETED) | Q(state=OrderState.CANCELLING, ticketed_at__isnull=False),
        booking=OuterRef("booking_id"))
    all_agreed = AGREED_CANCEL & Q(booking__agreed_refund_minor__lte=F("refunded_minor"))
    cancelled = Exists(SupplierOrder.objects.filter(booking=OuterRef("booking_id"), state=OrderState.CANCELLED,
                                                    ticketed_at__isnull=False))
    fires = (Q(captured_at=None) | Q(captured_at__lte=now - GRACE)) & ~AGREED_CANCEL & ~cancelled
    for arm in (Q(order=None), Q(order__ticketed_at__isnull=False, order__state__in=ENDED)):
        bare = kept.filter(arm, ~Exists(tickets))
        for payment in streamed(bare.filter(fires | told("charged_without_order") & ~all_agreed)):
            yield _about(payment, "charged_without_order", since=payment.captured_at, captured=amount(
                payment.captured_minor, payment.currency), refunded=amount(payment.refunded_minor, payment.currency))


def _reserved(now: datetime, longer_than: timedelta) -> QuerySet[Payment]:
    return _payments().filter(authorised_at__lte=now - longer_than, state__in=[
        PaymentState.AUTHORISED, PaymentState.CAPTURING, PaymentState.VOIDING])


def reserved_idle(now: datetime) -> Iterator[Finding]:
    """M2: a reserved card, no airline order, and no step of the worker for ten minutes; after 8 hours it is M11's."""
    bare = _reserved(now, IDLE).filter(~order_of("booking_id", *LIVE, *IN_FLIGHT), state=PaymentState.AUTHORISED,
                                       authorised_at__gt=now - AUTHORISATION_LIFE)
    idle = Q(booking__settled_at__lte=now - IDLE, booking__parked_at=None)
    for payment in streamed(bare.filter(idle | told("reserved_idle"))):
        yield _about(payment, "reserved_idle", since=payment.authorised_at, reserved=moment(payment.authorised_at),
                     deadline=payment.authorised_at + AUTHORISATION_LIFE)


def reserved_too_long(now: datetime) -> Iterator[Finding]:
    """M11: a card reserved for 8 hours without a ticket (I7)."""
    for payment in streamed(_reserved(now, AUTHORISATION_LIFE).filter(~order_of("booking_id", OrderState.TICKETED))):
        yield _about(payment, "reserved_too_long", since=payment.authorised_at,
                     reserved=moment(payment.authorised_at),
                     deadline=payment.capture_before or payment.authorised_at + CARD_HOLDS)


# --- M7, M8: different or doubled --------------------------------------------------------------------------------


def ledgers_differ(now: datetime) -> Iterator[Finding]:
    """M7: our own rows of a ticket that is paid for name different amounts or currencies."""
    paid = _payments().filter(state=PaymentState.CAPTURED, order__state=OrderState.TICKETED).select_related("order")
    wrong = (~Q(currency=F("booking__currency")) | ~Q(currency=F("order__currency"))
             | Q(captured_minor__gt=F("booking__accepted_minor"))
             | ~Q(captured_minor=F("order__total_minor") + F("booking__fee_minor")))
    again = paid.filter(booking__in=open_bookings("ledgers_differ"))
    for payment in (*streamed(again.filter(wrong)), *streamed(paid.filter(wrong, captured_at__gte=now - RECENT))):
        booking, order = payment.booking, payment.order
        yield _about(payment, "ledgers_differ", captured=amount(payment.captured_minor, payment.currency),
                     agreed=amount(booking.accepted_minor, booking.currency),
                     airline=amount(order.total_minor, order.currency), our_fee=amount(booking.fee_minor,
                                                                                      booking.currency))


def duplicates(now: datetime) -> Iterator[Finding]:
    """M8: two live orders or active payments of one booking, or two live orders of one offer."""
    orders = SupplierOrder.objects.filter(state__in=[*LIVE, *IN_FLIGHT], created_at__gte=now - RECENT)
    for row in orders.values("booking").annotate(n=Count("pk"), last=Max("pk")).filter(n__gt=1).order_by():
        yield Finding("duplicate_order", f"orders:{row['booking']}", row["booking"],
                      {"live orders": row["n"], "newest": row["last"]})
    offers = orders.values("supplier", "offer_external_id").annotate(n=Count("pk"), booking=Max("booking"))
    for offer in offers.filter(n__gt=1).order_by():
        yield Finding("duplicate_order", f"offer:{offer['supplier']}:{offer['offer_external_id']}", offer["booking"],
                      {"live orders of one offer": offer["n"], "offer": offer["offer_external_id"]})
    payments = Payment.objects.filter(state__in=sorted(ACTIVE), asked_at__gte=now - RECENT)
    for row in payments.values("booking").annotate(n=Count("pk"), last=Max("pk")).filter(n__gt=1).order_by():
        yield Finding("duplicate_payment", f"payments:{row['booking']}", row["booking"],
                      {"active payments": row["n"], "newest": row["last"]})


# --- M9, M10: owed, or given back by mistake ---------------------------------------------------------------------


def refund_due(now: datetime) -> Iterator[Finding]:
    """M9: the airline's order is cancelled (or the customer wants out of changed flights) and money is still owed."""
    paid = SupplierOrder.objects.filter(booking__payments__state=PaymentState.CAPTURED).annotate(
        since=Coalesce("cancelled_at", "looked_at", "asked_at"), taken=F("booking__payments__captured_minor"),
        back=F("booking__payments__refunded_minor")).select_related("booking")
    present = Refund.objects.filter(payment__booking=OuterRef("booking"), cause__startswith=PRESENT).exclude(
        state=RefundState.FAILED).order_by().values("payment__booking").annotate(sum=Sum("amount_minor")).values("sum")
    agreed = Case(  # what staff gave besides is a present (bookings.undo.still_owed)
        When(booking__agreed_refund_minor__isnull=False, booking__wish=Wish.CANCEL, booking__closing="",
             then=Least(F("booking__agreed_refund_minor") + Coalesce(Subquery(present), Value(0), output_field=MINOR)
                        + F("booking__payments__by_hand_before_minor"), "taken")),
        default=F("taken"), output_field=MINOR)
    ended = paid.filter(~order_of("booking_id", *LIVE), state=OrderState.CANCELLED, ticketed_at__isnull=False)
    ended = ended.annotate(owed=agreed).filter(owed__gt=F("back"))
    asked = paid.filter(state__in=ISSUED, change_seen_at__isnull=False, change_answer="refund", flight_change__taken="")
    asked = asked.annotate(owed=Least("total_minor", "taken")).filter(owed__gt=F("back"))
    new = ended.filter(since__gte=now - OWED_WINDOW, since__lte=now - OWED_GRACE)
    for order in (*streamed(new), *streamed(ended.filter(booking__in=open_bookings("refund_due"))), *streamed(asked)):
        since = order.change_answered_at if order.state in ISSUED else order.since
        legal = refund_clock.end_of(refund_clock.legal_date(since))
        booking = order.booking
        yield Finding("refund_due", subject_of(booking.pk), booking.pk, {
            "order": order.external_id, "state": order.state, "owed": amount(order.owed, booking.currency),
            "refunded": amount(order.back, booking.currency), "legal date": moment(legal)}, deadline=legal,
            since=since, money=Money(order.owed - order.back, booking.currency))


def refunded_but_live(now: datetime) -> Iterator[Finding]:
    """M10: everything was given back, and the airline's order is still live."""
    back = _payments().filter(captured_minor__gt=0, refunded_minor__gte=F("captured_minor")).annotate(
        of_order=Subquery(SupplierOrder.objects.filter(booking=OuterRef("booking_id"), state__in=sorted(LIVE)).values(
            "external_id")[:1]))
    live = back.filter(order_of("booking_id", OrderState.TICKETED)).exclude(booking__wish=Wish.CANCEL)
    sent = Refund.objects.filter(sent_at__gte=now - BACK_WINDOW).values("payment")
    known = back.filter(order_of("booking_id", *LIVE), booking__in=open_bookings("refunded_but_live"))
    for payment in (*streamed(known), *streamed(live.filter(looked_at__gte=now - BACK_WINDOW)),
                    *streamed(live.filter(pk__in=sent))):
        yield _about(payment, "refunded_but_live", refunded=amount(payment.refunded_minor, payment.currency),
                     deadline=payment.booking.departs_at, order=payment.of_order)


# --- M15 --------------------------------------------------------------------------------------------------------


def disputed(now: datetime) -> Iterator[Finding]:
    """M15: the customer's bank disputes a charge, and no end of it is known."""
    open_ones = Dispute.objects.exclude(status__in=DISPUTE_ENDS)
    unknown = ~Exists(Dispute.objects.filter(payment=OuterRef("pk")))
    going_on = _payments().filter(unknown | Exists(open_ones.filter(payment=OuterRef("pk"))), disputed=True)
    for payment in streamed(going_on.prefetch_related(Prefetch("disputes", open_ones.order_by("pk"), "open_disputes"))):
        last = payment.open_disputes[-1] if payment.open_disputes else None
        yield _about(payment, "dispute", deadline=last.answer_by if last else None,
                     dispute=last.external_id if last else "", status=last.status if last else "",
                     disputed=amount(last.amount_minor, last.currency) if last else "")


def _about(payment: Payment, kind: str, *, deadline: datetime | None = None, since: datetime | None = None,
           **facts: object) -> Finding:
    kept = max(payment.captured_minor or payment.amount_minor, payment.refunded_minor) - payment.refunded_minor
    return Finding(kind, subject_of(payment.booking_id), payment.booking_id, {
        "payment": payment.external_id or f"row {payment.pk}", "state": payment.state, **facts}, deadline=deadline,
        since=since, money=Money(kept or payment.captured_minor, payment.currency))


DETECTORS = (
    Detector("M1", "charged, no live order", {
        "charged_without_order": "A payment is captured and not given back in full, and the booking has no ticketed "
        "order, for 2 minutes or longer."}, charged_without_order,
        healed="the money is back, or the ticket is there"),
    Detector("M2", "reserved, no order, worker idle", {
        "reserved_idle": "The card has been reserved for 10 minutes, no airline order was asked for, and the worker "
        "has done nothing on the booking for 10 minutes."}, reserved_idle,
        healed="the order was asked for, or the card is released"),
    Detector("M7", "amounts or currency differ", {
        "ledgers_differ": "What was captured is not the airline's total and our fee, is more than the customer agreed "
        "to, or is in another currency; or the airline's or Stripe's own record names another amount or state."},
        ledgers_differ),
    Detector("M8", "duplicate live order or payment", {
        "duplicate_order": "More than one order of one booking, or of one offer, is live.",
        "duplicate_payment": "More than one payment of one booking is active."}, duplicates,
        subjects=("orders:", "offer:", "payments:"), healed="only one is left"),
    Detector("M9", "cancelled at the airline, not refunded", {
        "refund_due": "The ticketed order is cancelled, or the customer asked for the money back for changed flights, "
        "and less was given back than is owed."}, refund_due, healed="everything that was owed is sent back"),
    Detector("M10", "fully refunded, order live", {
        "refunded_but_live": "Everything captured was given back, nobody asked to cancel, and the order is live."},
        refunded_but_live, healed="the order has ended, or the money is there again"),
    Detector("M11", "card reserved for more than 8 hours", {
        "reserved_too_long": "The card was reserved more than 8 hours ago and the booking has no ticket."},
        reserved_too_long, healed="the card is released, or the ticket is there"),
    Detector("M15", "dispute", {
        "dispute": "The customer's bank disputes the charge, and no end of the dispute is known."}, disputed,
        healed="the dispute has ended"),
)
