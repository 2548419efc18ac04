"""The steps that only write down: no call, the same commit as the decision."""

from __future__ import annotations

from bookings import cases
from bookings.flow import ASK_AGAIN, WATCH, Route, Wish
from bookings.steps import money, orders
from bookings.steps.plan import Moment
from bookings.undo import still_owed
from payments.models import Refund
from suppliers.types import OrderState


def close(moment: Moment, reason: str) -> None:
    """The wish cannot be met: from now on everything open is undone."""
    booking, order = moment.story.booking, moment.story.order
    moment.note("booking.closing", after=reason)
    booking.closing = reason
    booking.closing_detail = order.refusal_detail if order else {}
    if order is None or (order.state == OrderState.NOT_CREATED and order.refusal in ASK_AGAIN):
        orders.free_offer(moment, reason)  # never asked for, or refused for certain each time


def give_up_order(moment: Moment, reason: str) -> None:
    """No sign of an unknown order in time: not created, and watched for 72 h. The offer stays claimed."""
    order = orders.order_of(moment.story)
    manual = moment.story.booking.route == Route.MANUAL  # it would have cancelled itself by now: nothing to watch for
    order.refusal = "not_created" if manual else "airline_no_answer"
    order.watch_until = None if manual else moment.now + WATCH
    orders.move(moment, OrderState.NOT_CREATED, "no sign in time")
    order.save()
    if not order.hold:
        cases.open_case(kind="gave_up_unknown", subject=f"booking:{moment.story.booking.pk}",
                        booking=moment.story.booking, now=moment.now)
        moment.story.cases.add("gave_up_unknown")


def order_failed(moment: Moment, reason: str) -> None:
    """The supplier told us, signed, that the accepted order failed, and a look since then found none.

    On the manual route staff say so, who looked: no definite no of the airline, so the offer is not sold again.
    """
    order = orders.order_of(moment.story)
    order.refusal = "creation_failed"
    orders.move(moment, OrderState.NOT_CREATED, "creation failed")
    order.save()
    if moment.story.booking.route != Route.MANUAL:
        orders.free_offer(moment, "creation_failed")


def request_refund(moment: Moment, cause: str) -> None:
    """Write down what is owed; sending it is the next step."""
    story, payment = moment.story, money.payment_of(moment.story)
    facts = story.picture()
    if facts.payment is None:
        raise LookupError("no payment")
    owed = still_owed(facts, facts.payment, cause)
    refund = Refund.objects.create(payment=payment, cause=cause, amount_minor=owed, currency=payment.currency,
                                   requested_at=moment.now)
    story.refunds.append(refund)
    moment.note("refund.requested", f"refund:{refund.pk}", after=str(owed), cause=cause)


def keep_booked(moment: Moment, reason: str) -> None:
    """A cancellation that cannot be done as agreed is taken back, and the customer is told."""
    booking, order = moment.story.booking, moment.story.order
    held = order is not None and order.state == OrderState.HELD
    moment.note("cancellation.taken_back", cause=reason)
    booking.wish = Wish.HOLD if held and booking.chose_hold else Wish.BOOK
    booking.notice, booking.agreed_refund_minor, booking.card_wanted = reason, None, False


def back_to_hold(moment: Moment, reason: str) -> None:
    """Paying did not work out; the seats stay held until the airline's deadline."""
    booking, payment = moment.story.booking, moment.story.payment
    moment.note("booking.back_to_hold")
    booking.wish, booking.window_ends_at = Wish.HOLD, None
    booking.notice = "too_many_attempts" if payment and payment.declines else "payment_window"
