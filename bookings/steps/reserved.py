"""The steps of the manual route: an answer that was lost, a reservation that is gone, a card no longer waited for."""

from __future__ import annotations

from bookings import cases, outbox
from bookings.flow import Facts, Route, Step
from bookings.steps import orders
from bookings.steps.plan import NOT_DONE, REFUSED, UNAVAILABLE, Answer, Moment
from suppliers.types import OrderState

GONE_FROM = frozenset({OrderState.CREATING, OrderState.UNKNOWN, OrderState.RESERVED, OrderState.CANCELLING})
GONE = frozenset({OrderState.LAPSED, OrderState.CANCELLED})


def answer_lost(moment: Moment, _: str) -> None:
    """The driver that asked is gone. A definite no that it saved is believed; all else may have been reserved."""
    call = moment.call(Step.CREATE_ORDER, orders.subject_of(moment.story))
    if call is not None and call.outcome in (REFUSED, UNAVAILABLE):
        orders.not_created(moment, call.code, None)
        return
    orders.move(moment, OrderState.UNKNOWN, "the answer was lost")
    orders.order_of(moment.story).save()


def merge_look_order(moment: Moment, answer: Answer) -> None:
    """The airline's picture; a reservation that it knows no more has cancelled itself, or was cancelled."""
    order, manual = orders.order_of(moment.story), moment.story.booking.route == Route.MANUAL
    if not manual or answer.outcome != REFUSED or answer.code != "not_found":
        orders.merge_look_order(moment, answer)
        return
    if order.state not in GONE_FROM:
        if order.state not in GONE:  # else both sides agree
            orders.merge_look_order(moment, answer)
        payment = moment.story.payment
        if payment is None or payment.state not in ("open", "authorised"):  # no money is taken for what nobody knows
            order.looked_at = moment.seen_at
            order.save(update_fields=["looked_at"])
        return
    lapsed = order.state != OrderState.CANCELLING and order.pay_by is not None and moment.now >= order.pay_by
    _ended(moment, OrderState.LAPSED if lapsed else OrderState.CANCELLED, "the airline knows it no more")
    moment.done(Step.CONFIRM_CANCEL, orders.subject_of(moment.story))


def lapse(moment: Moment, _: str) -> None:
    """Nobody can read it, and by now it has cancelled itself."""
    _ended(moment, OrderState.LAPSED, "past its end")


def _ended(moment: Moment, state: OrderState, cause: str) -> None:
    order = orders.order_of(moment.story)
    orders.move(moment, state, cause)
    order.looked_at = moment.seen_at
    if state is OrderState.CANCELLED:
        order.cancelled_at = order.cancelled_at or moment.now
    moment.story.booking.pay_by = None
    order.save()


def stop_card(moment: Moment, reason: str) -> None:
    """The seats stay reserved, the card is let go: staff may send a new link; who had it reserved is told."""
    booking, payment = moment.story.booking, moment.story.payment
    moment.note("card.stopped", f"payment:{payment.pk}" if payment else "", cause=reason)
    booking.card_wanted, booking.window_ends_at = False, None
    call = moment.call(Step.OPEN_PAYMENT, f"payment:{payment.pk}") if payment else None
    if call is not None and call.outcome == REFUSED:  # a new link asks the gateway anew
        call.outcome = NOT_DONE
        call.save(update_fields=["outcome"])
    cases.open_case(kind="reservation_card_released", subject=f"booking:{booking.pk}", booking=booking, now=moment.now,
                    facts={"because": reason.replace("_", " ")})
    moment.story.cases.add("reservation_card_released")
    if payment is not None and payment.authorised_at:
        outbox.queue("card_released", booking, moment.now, version=str(payment.pk))


def heal(moment: Moment, f: Facts) -> None:
    """Close what staff were asked to do by hand once the facts show it done."""
    o, p = f.order, f.payment
    waits = o is not None and o.state is OrderState.RESERVED
    owed = p is not None and p.desk and any(r.state == "requested" for r in f.refunds)
    ticket = o is not None and o.state is OrderState.TICKETED
    for kind, still in (("refund_by_hand", owed), ("cancel_by_hand", waits), ("tickets_void", ticket),
                        ("reservation_card_released", waits and not f.card_wanted)):
        if kind in moment.story.cases and not still:
            cases.heal(kind=kind, subject=f"booking:{moment.story.booking.pk}", now=moment.now,
                       because="it is recorded, or no longer called for")
            moment.story.cases.discard(kind)
