"""Flights that the airline changed by itself: what we see of them, accepting them, and giving the money back."""

from __future__ import annotations

from datetime import datetime, timedelta

from bookings import cases, itinerary, outbox
from bookings.flow import Step, Wish
from bookings.models import Booking, Segment
from bookings.steps.plan import Answer, Asking, Moment
from fly2any.kernel import keys
from suppliers import registry
from suppliers.models import SupplierOrder
from suppliers.stored import to_json
from suppliers.types import FlightChange, OrderState

ANSWER_WITHIN = timedelta(days=7)
BEFORE_DEPARTURE = timedelta(hours=24)
AT_LEAST = timedelta(hours=4)


def see_change(moment: Moment, order: SupplierOrder, change: FlightChange | None) -> None:
    """Keep the airline's newest change of a ticketed order; tell the customer of a new one, once. Saves nothing."""
    if change is None or order.state != OrderState.TICKETED:
        return
    known = order.flight_change
    if known.get("external_id") != change.external_id:
        _new_change(moment, order, change)
    elif change.taken and not known.get("taken"):
        order.flight_change = {**known, "taken": change.taken}
        _taken(moment, order, change)


def _new_change(moment: Moment, order: SupplierOrder, change: FlightChange) -> None:
    booking = moment.story.booking
    refund = order.change_answer == "refund" and not order.flight_change.get("taken")  # asked for the money: it stays
    order.flight_change = {
        "external_id": change.external_id, "before": [to_json(part) for part in change.before],
        "after": [to_json(part) for part in change.after], "actions": list(change.actions), "taken": change.taken}
    order.change_seen_at = moment.now
    if not refund:
        order.change_answer, order.change_answered_at = "", None
    order.change_answer_by = None if change.taken or refund else answer_by(moment.now, booking.departs_at)
    moment.note("flights.changed", f"order:{order.pk}", after=change.taken or "open", cause=change.external_id)
    if change.taken:
        _agreed(moment, order, change)
    elif not refund:
        outbox.queue("flights_changed", booking, moment.now, version=change.external_id[-40:])


def _taken(moment: Moment, order: SupplierOrder, change: FlightChange) -> None:
    booking = moment.story.booking
    moment.note("flights.answered", f"order:{order.pk}", before=order.change_answer, after=change.taken)
    for kind in ("change_unanswered", "change_to_accept"):
        cases.heal(kind=kind, subject=f"booking:{booking.pk}", now=moment.now,
                   because=f"the airline says {change.taken}")
    _agreed(moment, order, change)


def _agreed(moment: Moment, order: SupplierOrder, change: FlightChange) -> None:
    """The order shows other flights for good, by the customer's answer or by staff at the airline: told, written."""
    if change.taken in ("accepted", "changed"):
        _rewrite(moment.story.booking, order)
        outbox.queue("flights_accepted", moment.story.booking, moment.now, version=change.external_id[-40:])


def answer_by(now: datetime, departs_at: datetime | None) -> datetime:
    """Until when we ask the customer: a week, a day before the departure at the latest, 4 hours at least. UTC."""
    latest = now + ANSWER_WITHIN
    if departs_at is not None:
        latest = min(latest, departs_at - BEFORE_DEPARTURE)
    return max(latest, now + AT_LEAST)


def _rewrite(booking: Booking, order: SupplierOrder) -> None:
    """The flights as they are now: reminders, links and calendars go by these rows."""
    rows = itinerary.rows(booking, order.itinerary)
    if rows:
        Segment.objects.filter(booking=booking).delete()
        Segment.objects.bulk_create(rows)
        booking.departs_at, booking.arrives_at = rows[0].departs_at, rows[-1].arrives_at


def ask_accept_change(moment: Moment, value: str) -> Asking:
    """Tell the airline that the customer takes the new flights, then look at the order."""
    order = moment.story.order
    if order is None:
        raise LookupError("no order")
    order.news_at = moment.now  # whatever becomes of the call, the order is looked at before anything else
    order.save(update_fields=["news_at"])
    supplier, order_id, change_id = registry.get(order.supplier), order.external_id, order.flight_change["external_id"]
    return Asking(Step.ACCEPT_CHANGE, order.change_subject, lambda: supplier.accept_change(change_id),
                  key=keys.derive("accept", order.pk, change_id), digest=keys.digest([order_id, change_id]))


def merge_accept_change(moment: Moment, answer: Answer) -> None:
    """The order is looked at and believed, whatever was answered; a no that the look confirms becomes a case."""


def cancel_changed(moment: Moment, reason: str) -> None:
    """The customer asked for the money back, and the airline gives all of it: cancel, as if they had pressed it."""
    booking, order = moment.story.booking, moment.story.order
    if order is None:
        raise LookupError("no order")
    moment.note("wish.written", before=booking.wish, after=Wish.CANCEL, cause="refund for changed flights")
    booking.wish, booking.agreed_refund_minor, booking.quote_wanted = Wish.CANCEL, order.quote_refund_minor, False
    payment = moment.story.payment
    if payment is not None:
        payment.by_hand_before_minor = payment.by_hand_minor  # a present, as in services.cancel_locked
        payment.save(update_fields=["by_hand_before_minor"])
