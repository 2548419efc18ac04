"""The steps that cancel an airline order: a quote, then the deed."""

from __future__ import annotations

from bookings.flow import Step
from bookings.steps.orders import move, order_of, subject_of
from bookings.steps.plan import NOT_DONE, OK, REFUSED, UNAVAILABLE, UNKNOWN, Answer, Asking, Moment
from fly2any.kernel import keys
from suppliers import registry
from suppliers.types import CancelQuote, OrderState


def ask_quote_cancel(moment: Moment, value: str) -> Asking:
    """What a cancellation would give back. Changes nothing at the airline."""
    order = order_of(moment.story)
    supplier, order_id = registry.get(order.supplier), order.external_id
    return Asking(Step.QUOTE_CANCEL, subject_of(moment.story), lambda: supplier.quote_cancellation(order_id),
                  key=keys.derive("quote", order.pk))


def merge_quote_cancel(moment: Moment, answer: Answer) -> None:
    """Keep the quote, or the airline's no."""
    order, booking = order_of(moment.story), moment.story.booking
    call = moment.call(Step.QUOTE_CANCEL, subject_of(moment.story))
    if answer.outcome == OK:
        quote: CancelQuote = answer.value
        order.quote_id, order.quote_refund_to = quote.external_id, quote.refund_to
        order.quote_refund_minor = quote.refund.minor if quote.refund else None
        order.quote_expires_at, order.quoted_at = quote.expires_at, moment.now
        order.save()
    elif answer.code in ("already_cancelled", "not_found") or (
            answer.code == "not_cancellable" and order.state in (OrderState.RESERVED, OrderState.HELD)):
        # ticketed meanwhile, it seems, or the hold has ended by itself a moment before we acted
        order.looked_at, order.news_at = None, moment.now
        order.save()
    if answer.outcome in (OK, REFUSED) or (call and call.attempts >= 3):
        booking.quote_wanted = False


def ask_confirm_cancel(moment: Moment, value: str) -> Asking:
    """Cancel as quoted."""
    order = order_of(moment.story)
    was = order.state
    move(moment, OrderState.CANCELLING)
    order.save()
    supplier, quote_id = registry.get(order.supplier), order.quote_id
    return Asking(Step.CONFIRM_CANCEL, subject_of(moment.story), lambda: supplier.confirm_cancellation(quote_id),
                  key=keys.derive("cancel", order.pk), digest=keys.digest([quote_id, was]))


def merge_confirm_cancel(moment: Moment, answer: Answer) -> None:
    """Cancelled, or look at the order and believe that."""
    order = order_of(moment.story)
    if answer.outcome == OK and answer.value.confirmed_at is not None:
        if answer.value.refund is not None:
            order.quote_refund_minor = answer.value.refund.minor
        order.cancelled_at = answer.value.confirmed_at
        move(moment, OrderState.CANCELLED, "confirmed")
        moment.story.booking.pay_by = None
        order.looked_at = moment.seen_at
    elif answer.outcome in (OK, REFUSED, UNKNOWN, UNAVAILABLE):
        order.looked_at = None  # CANCELLING: the next thing decided is a look at the order
        call = moment.call(Step.CONFIRM_CANCEL, subject_of(moment.story))
        if call and answer.code == "quote_stale":
            call.outcome = NOT_DONE  # a newer quote will do
        if call and answer.outcome != UNAVAILABLE:
            call.retry_at = None
            call.save(update_fields=["retry_at", "outcome"])
    order.save()
