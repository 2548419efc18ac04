"""What is wrong with an airline order: not paid, not known, not wanted, or its deadline is near (ux.md 12.2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain

from django.db.models import Exists, Func, JSONField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from bookings.cases import CRITICAL
from bookings.detectors.asking import (
    GRACE,
    UNDER_WAY,
    call_about,
    moment,
    open_bookings,
    payment_of,
    streamed,
    subject_of,
    told,
)
from bookings.detectors.finding import Detector, Finding
from bookings.flow import GIVE_UP_HOLD, GIVE_UP_INSTANT, STUCK_UNDOING, UNKNOWN_CASE, WATCH, Step, Wish
from bookings.models import Passenger
from payments.models import ACTIVE, Payment
from payments.types import PaymentState
from suppliers.models import SupplierOrder
from suppliers.types import OrderState

TO_TICKET_BY = timedelta(hours=24)
NUMBERS_GRACE = timedelta(minutes=30)
NUMBERS_FOLLOW = timedelta(days=14)  # as far back as a missing number is looked for
HOLD_SOON = timedelta(hours=2)
ASK_SOON = timedelta(hours=24)
TRIP_SOON = timedelta(hours=48)
ISSUED = (OrderState.TICKETED, OrderState.CANCELLING)
DOUBT = (OrderState.CREATING, OrderState.UNKNOWN, OrderState.PAYING)


def _issued_and_unpaid() -> QuerySet[SupplierOrder]:
    """Tickets of bookings under way (by booking_by_status) without money taken for them."""
    orders = SupplierOrder.objects.filter(state__in=ISSUED, booking__status__in=UNDER_WAY)
    last = Payment.objects.filter(booking=OuterRef("booking_id")).order_by("-pk")
    return orders.filter(~payment_of("booking_id", PaymentState.CAPTURED)).annotate(
        paying=payment_of("booking_id", *ACTIVE), last_payment=Subquery(last.values("state")[:1]),
    ).select_related("booking")


def ticketed_unpaid(now: datetime) -> Iterator[Finding]:
    """M3: a ticket is issued, and for 30 minutes (2 without any payment) its money could not be taken."""
    stuck = Q(ticketed_at__lte=now - STUCK_UNDOING) | Q(ticketed_at__lte=now - GRACE, paying=False)
    late = Q(paying=False) & ~Q(booking__closing="")  # nobody stands for it: M5
    agreed = Q(booking__wish=Wish.CANCEL, booking__closing="")  # it is being cancelled with nothing to pay
    fires = Q(state=OrderState.TICKETED) & stuck & ~late & ~agreed
    for order in streamed(_issued_and_unpaid().filter(fires | told("ticketed_unpaid"))):
        yield _about(order, "ticketed_unpaid", deadline=order.void_until, since=order.ticketed_at,
                     payment=order.last_payment or "none", total=f"{order.currency} {order.total_minor}")


def late_tickets(now: datetime) -> Iterator[Finding]:
    """M5: a ticket of a booking that is closing, and no payment is active for it."""
    fires = Q(state=OrderState.TICKETED, paying=False, ticketed_at__lte=now - GRACE) & ~Q(booking__closing="")
    for order in streamed(_issued_and_unpaid().filter(fires | told("orphaned_booking"))):
        yield _about(order, "orphaned_booking", deadline=order.void_until, since=order.ticketed_at,
                     closing=order.booking.closing)


def unknown_outcome(now: datetime) -> Iterator[Finding]:
    """M4: no answer about an order (or its payment from our balance) for 5 minutes; or given up, and still watched."""
    pay = Step.PAY_ORDER.value
    doubts = SupplierOrder.objects.filter(state__in=DOUBT).annotate(
        paid_at_doubt=Coalesce(call_about(pay, "order", "first_failed_at"), call_about(pay, "order", "asked_at")))
    old = now - UNKNOWN_CASE
    fires = (~Q(state=OrderState.PAYING) | Q(paid_at_doubt=None)) & Q(asked_at__lte=old) | Q(
        state=OrderState.PAYING, paid_at_doubt__lte=old)
    for order in streamed(doubts.filter(fires | told("unknown_outcome")).select_related("booking")):
        gives_up = order.asked_at + GIVE_UP_HOLD if order.hold else order.lapses_at or (
            order.booking.offer_expires_at + GIVE_UP_INSTANT)  # a reservation: when it cancels itself
        since = order.paid_at_doubt if order.state == OrderState.PAYING else order.asked_at
        yield _about(order, "unknown_outcome", deadline=gives_up, since=since or order.asked_at,
                     asked=moment(order.asked_at))
    watched = SupplierOrder.objects.filter(state=OrderState.NOT_CREATED, watch_until__gt=now)
    given_up = Q(refusal="airline_no_answer", hold=False) | told("gave_up_unknown")
    for order in streamed(watched.filter(given_up).select_related("booking")):
        yield _about(order, "gave_up_unknown", deadline=order.watch_until, since=order.watch_until - WATCH,
                     asked=moment(order.asked_at))


def ticketing_deadline(now: datetime) -> Iterator[Finding]:
    """M12: reserved seats whose tickets we issue by hand, from 24 hours before the airline's deadline."""
    reserved = SupplierOrder.objects.filter(Q(pay_by__lte=now + TO_TICKET_BY) | Q(pay_by=None),
                                            state=OrderState.RESERVED).select_related("booking")
    for order in streamed(reserved):
        deadline = order.pay_by or order.asked_at + TO_TICKET_BY  # the airline named none: within a day
        yield _about(order, "ticketing_deadline", deadline=deadline, since=order.asked_at)


def tickets_missing(now: datetime) -> Iterator[Finding]:
    """M12: issued by our staff or at the consolidator 30 minutes ago, and one of the travellers has no number."""
    issued = SupplierOrder.objects.filter(state=OrderState.TICKETED, lapses_at__isnull=False)
    theirs = Func(Value("kind"), Value("ticket"), Value("passengers"), Func(
        OuterRef("external_id"), function="jsonb_build_array"), function="jsonb_build_object")
    numbered = SupplierOrder.objects.filter(pk=OuterRef(OuterRef("pk")), tickets__contains=Func(
        theirs, function="jsonb_build_array", output_field=JSONField()))
    without = Passenger.objects.filter(~Exists(numbered), booking=OuterRef("booking_id"))
    recent = issued.filter(ticketed_at__gte=now - NUMBERS_FOLLOW, ticketed_at__lte=now - NUMBERS_GRACE)
    older = issued.filter(booking__in=open_bookings("tickets_missing"), ticketed_at__lt=now - NUMBERS_FOLLOW)
    for rows in (recent, older):
        for order in streamed(rows.filter(Exists(without), booking__wish=Wish.BOOK).select_related("booking")):
            yield _about(order, "tickets_missing", deadline=order.booking.departs_at, since=order.ticketed_at)


def hold_ends(now: datetime) -> Iterator[Finding]:
    """M13: a held fare that the customer has not paid and that ends within two hours."""
    held = SupplierOrder.objects.filter(state=OrderState.HELD, pay_by__gt=now, pay_by__lte=now + HOLD_SOON,
                                        booking__wish=Wish.HOLD, booking__closing="")
    for order in streamed(held.select_related("booking")):
        yield _about(order, "hold_ends", deadline=order.pay_by)


def flights_changed(now: datetime) -> Iterator[Finding]:
    """M14: changed flights without the customer's answer a day before it is due; or accepted, not at the airline."""
    changed = SupplierOrder.objects.filter(state=OrderState.TICKETED, change_seen_at__isnull=False,
                                           flight_change__taken="").select_related("booking")
    open_trips = changed.filter(Q(booking__departs_at=None) | Q(booking__departs_at__gt=now), booking__closing="")
    unanswered = Q(change_answer="", change_answer_by__lte=now + ASK_SOON)
    for order in streamed(open_trips.filter(unanswered | Q(change_answer="") & told("change_unanswered"))):
        leaves = order.booking.departs_at
        yield _about(order, "change_unanswered", deadline=order.change_answer_by, since=order.change_seen_at,
                     severity=CRITICAL if leaves and leaves - now <= TRIP_SOON else None,
                     change=order.flight_change.get("external_id", ""))
    stuck = Q(change_answered_at__lte=now - STUCK_UNDOING)
    for order in streamed(open_trips.filter(stuck | told("change_to_accept"), change_answer="accept")):
        yield _about(order, "change_to_accept", deadline=order.booking.departs_at, since=order.change_answered_at,
                     change=order.flight_change.get("external_id", ""))


def _about(order: SupplierOrder, kind: str, *, deadline: datetime | None, since: datetime | None = None,
           severity: object = None, **facts: object) -> Finding:
    named = {"order": order.external_id or f"row {order.pk}", "state": order.state, **facts}
    if deadline is not None and kind in ("ticketing_deadline", "hold_ends"):
        named["deadline"] = moment(deadline)
    return Finding(kind, subject_of(order.booking_id), order.booking_id, named, deadline=deadline, since=since,
                   severity=severity)  # type: ignore[arg-type]


DETECTORS = (
    Detector("M3", "ticketed, capture impossible", {
        "ticketed_unpaid": "The order is ticketed, no payment of the booking is captured, and that has been so for 30 "
        "minutes, or for 2 without any active payment."}, ticketed_unpaid,
        healed="the money was taken, or the ticket is cancelled"),
    Detector("M4", "outcome unknown", {
        "unknown_outcome": "The airline was asked for this order, or to take our payment for it, 5 minutes ago or "
        "longer and has not told what became of it.",
        "gave_up_unknown": "We stopped waiting for this order, and 72 hours of watching for a late one are not over."},
        unknown_outcome, healed="the airline has answered, or 72 hours passed without an order"),
    Detector("M5", "order without a paying booking", {
        "orphaned_booking": "The order is ticketed, its booking is closing, and no payment is active for it; or the "
        "airline lists an order that none of our rows stands for."}, late_tickets,
        healed="the order is cancelled, or paid"),
    Detector("M12", "manual ticketing late", {
        "ticketing_deadline": "The order is reserved and its ticketing deadline is less than 24 hours away.",
        "tickets_missing": "The order was ticketed by us 30 minutes ago or longer, and a traveller has no ticket "
        "number."}, lambda now: chain(ticketing_deadline(now), tickets_missing(now)),
        healed="the tickets are issued, with a number for everybody, or the order has ended"),
    Detector("M13", "fare hold ends", {
        "hold_ends": "The customer holds the fare, has not paid, and the hold ends in less than 2 hours."},
        hold_ends, healed="the customer pays, or the hold has ended"),
    Detector("M14", "schedule change unanswered", {
        "change_unanswered": "The airline changed the flights, the customer has not answered, and the answer is due in "
        "less than 24 hours or overdue.",
        "change_to_accept": "The customer accepted the changed flights, and 30 minutes later the airline's order does "
        "not show it."}, flights_changed, healed="the change is answered, or the trip has begun"),
)
