"""The steps that ask the card gateway."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from bookings import cases
from bookings.facts import Story
from bookings.flow import HOLD_MARGIN, INSTANT_LAST, PAYMENT_WINDOW, Step, Wish
from bookings.steps.plan import OK, REFUSED, UNAVAILABLE, Answer, Asking, Moment
from fly2any.kernel import keys
from fly2any.kernel.money import Money
from payments import registry
from payments.models import PAYMENT_MOVES, REFUND_MOVES, Payment, Refund
from payments.types import BY_HAND, Intent, PaymentState, RefundInfo, RefundState
from suppliers.types import OrderState

logger = logging.getLogger(__name__)
OUT = (RefundState.SENT, RefundState.SUCCEEDED)
CAPTURE_SOON = timedelta(hours=24)  # a card that must be captured sooner is worth a warning (reliability.md 7)


def payment_of(story: Story) -> Payment:
    """The present payment; steps about a payment are only decided when there is one."""
    if story.payment is None:
        raise LookupError("no payment")
    return story.payment


def subject_of(story: Story) -> str:
    """The name of the present payment in calls and diary lines."""
    return f"payment:{payment_of(story).pk}"


def move(moment: Moment, to: PaymentState, cause: str = "") -> None:
    """Move the payment if its machine allows it; an older picture is ignored."""
    payment = payment_of(moment.story)
    here = PaymentState(payment.state)
    if to != here and to in PAYMENT_MOVES[here]:
        payment.move(to)
        moment.note("payment.moved", subject_of(moment.story), before=here, after=to, cause=cause)


# --- open -------------------------------------------------------------------------------------------------------


def ask_open_payment(moment: Moment, value: str) -> Asking:
    """Make the payment's row (or take the one that was never answered) and ask for an intent under its own key."""
    story, booking, now = moment.story, moment.story.booking, moment.now
    payment = story.payment
    if payment is None or payment.state != PaymentState.NEW:
        amount = _amount_due(story)
        if amount > booking.accepted_minor:
            raise ValueError("a payment above the agreed total was about to be opened")  # I6
        payment = Payment.objects.create(booking=booking, provider=registry.gateway().name, amount_minor=amount,
                                         currency=booking.currency, asked_at=now)
        story.payments.append(payment)
        booking.window_ends_at = _window_end(story, now)
        moment.note("payment.asked", f"payment:{payment.pk}", after=str(amount))
    gateway, key = registry.gateway(), keys.derive("pi", payment.pk)
    amount_due, booking_id = Money(payment.amount_minor, payment.currency), str(booking.public_id)
    payment_id, reference = str(payment.pk), booking.reference
    return Asking(
        Step.OPEN_PAYMENT, f"payment:{payment.pk}",
        lambda: gateway.create(amount=amount_due, key=key, payment_id=payment_id, booking_id=booking_id,
                               description=reference),
        key=key, digest=keys.digest([amount_due.minor, amount_due.currency, booking_id]))


def _amount_due(story: Story) -> int:
    booking, order = story.booking, story.order
    if order is not None and order.state in (OrderState.HELD, OrderState.RESERVED, OrderState.TICKETED):
        return order.total_minor + booking.fee_minor
    return booking.priced_minor if booking.priced_minor is not None else booking.accepted_minor


def _window_end(story: Story, now: datetime) -> datetime | None:
    """Until when the card is awaited (reliability.md 7), UTC; None for a ticket that is already issued."""
    booking, order = story.booking, story.order
    if order is None or order.state == OrderState.NOT_CREATED:
        return min(now + PAYMENT_WINDOW, booking.offer_expires_at - INSTANT_LAST)
    if order.state == OrderState.TICKETED:
        return None
    last = (order.pay_by or now + PAYMENT_WINDOW + HOLD_MARGIN) - HOLD_MARGIN
    if booking.chose_hold or order.state == OrderState.RESERVED:
        return last
    return min(booking.window_ends_at or now + PAYMENT_WINDOW, last)


def merge_open_payment(moment: Moment, answer: Answer) -> None:
    """Open, refused for good, or ask again under the same key."""
    payment = payment_of(moment.story)
    if answer.outcome == OK:
        see_intent(moment, answer.value)
    elif answer.outcome == REFUSED:
        move(moment, PaymentState.VOIDED, answer.code)
        payment.closed_at = moment.now
        payment.save()


# --- look -------------------------------------------------------------------------------------------------------


def ask_look_payment(moment: Moment, value: str) -> Asking:
    """The intent now; by metadata when we never learned its id."""
    payment = payment_of(moment.story)
    gateway, intent_id, payment_id = registry.gateway(), payment.external_id, str(payment.pk)
    since = payment.asked_at - timedelta(minutes=10)

    def run() -> Intent | None:
        return gateway.get(intent_id) if intent_id else gateway.find(payment_id=payment_id, since=since)

    return Asking(Step.LOOK_PAYMENT, subject_of(moment.story), run)


def merge_look_payment(moment: Moment, answer: Answer) -> None:
    """Believe the gateway's picture; what it does not show was not done."""
    if answer.outcome != OK:
        return
    payment, subject = payment_of(moment.story), subject_of(moment.story)
    was = PaymentState(payment.state)
    if answer.value is None:
        move(moment, PaymentState.VOIDED, "never came to exist")
        payment.closed_at = payment.looked_at = moment.seen_at
        payment.save()
        return
    see_intent(moment, answer.value)
    deed = {PaymentState.CAPTURING: (Step.CAPTURE, PaymentState.CAPTURED),
            PaymentState.VOIDING: (Step.VOID, PaymentState.VOIDED)}.get(was)
    if deed is None:
        return
    step, done = deed
    if payment.state == done:
        moment.done(step, subject)
    else:
        moment.not_done(step, subject)


def see_intent(moment: Moment, intent: Intent) -> None:
    """Believe the gateway's own picture of the payment."""
    story, payment, now = moment.story, payment_of(moment.story), moment.now
    if intent.amount != Money(payment.amount_minor, payment.currency):
        cases.open_case(kind="ledgers_differ", subject=f"stripe:{intent.external_id}", booking=story.booking, now=now,
                        facts={"ours": payment.amount_minor, "stripe": intent.amount.minor})
    payment.external_id, payment.client_secret = intent.external_id, intent.client_secret or payment.client_secret
    payment.needs_customer, payment.secured = intent.needs_customer, payment.secured or intent.secured
    if intent.attempt_id and intent.attempt_id != payment.attempt_id:
        payment.attempt_id = intent.attempt_id
        if intent.decline_kind:
            payment.declines += 1
            payment.decline_kind, payment.decline_code = intent.decline_kind, intent.decline_code
            moment.note("card.declined", subject_of(story), after=intent.decline_kind)
    if intent.card_last4:
        payment.card_brand, payment.card_last4 = intent.card_brand, intent.card_last4
        payment.capture_before = intent.capture_before
    _see_state(moment, payment, intent)
    payment.disputed = payment.disputed or intent.disputed
    payment.looked_at = moment.seen_at
    payment.save()


def _see_state(moment: Moment, payment: Payment, intent: Intent) -> None:
    now, order = moment.now, moment.story.order
    if intent.state is PaymentState.CAPTURED:
        if payment.order_id is None and order is not None and order.state == OrderState.TICKETED:
            payment.order = order
        payment.captured_elsewhere = payment.order_id is None
        payment.captured_minor = min(intent.captured_minor, payment.amount_minor)
        by_desk = sum(r.amount_minor for r in moment.story.refunds if r.external_id.startswith(BY_HAND))
        payment.refunded_minor = min(intent.refunded_minor + by_desk, payment.captured_minor)
        payment.by_hand_minor = _by_hand(payment, moment.story.refunds)
        payment.captured_at = payment.captured_at or now
        payment.authorised_at = payment.authorised_at or now
    if intent.state is PaymentState.AUTHORISED and payment.authorised_at is None:
        payment.authorised_at = now
        if payment.capture_before and payment.capture_before - now < CAPTURE_SOON:
            logger.warning("capture.soon", extra={"booking_id": payment.booking_id, "payment_id": payment.pk})
    move(moment, intent.state)
    if payment.state == PaymentState.CAPTURED and order is not None and order.state == OrderState.TICKETED:
        _not_closing(moment)
    if payment.state == PaymentState.VOIDED:
        payment.closed_at = payment.closed_at or now


def _not_closing(moment: Moment) -> None:
    """A booking that was failing and has its ticket and its money after all is like any other from now on."""
    booking = moment.story.booking
    if booking.closing and booking.wish == Wish.BOOK and not moment.story.refunds:
        moment.note("booking.closing", before=booking.closing, cause="ticketed and paid after all")
        booking.closing, booking.closing_detail = "", {}


def _by_hand(payment: Payment, refunds: list[Refund]) -> int:
    """How much of what the gateway says is back no refund of ours stands for, minor units.

    A refund of ours whose outcome is not known may be in it or not: what was by hand before then stays so.
    """
    sent = [refund for refund in refunds if refund.state in OUT]
    others = payment.refunded_minor - sum(refund.amount_minor for refund in sent if refund.external_id)
    unsure = sum(refund.amount_minor for refund in sent if not refund.external_id)
    return max(others - unsure, min(payment.by_hand_minor, others), 0)


# --- capture and void -------------------------------------------------------------------------------------------


def ask_capture(moment: Moment, value: str) -> Asking:
    """Take the money for the live order: what it costs, never more than was authorised (I1, I6)."""
    story, payment = moment.story, payment_of(moment.story)
    order, subject = story.order, subject_of(story)
    if order is None or order.state != OrderState.TICKETED:
        raise ValueError("a capture without a live order was about to be made")  # I1
    amount = Money(min(payment.amount_minor, order.total_minor + story.booking.fee_minor), payment.currency)
    payment.order = order
    move(moment, PaymentState.CAPTURING)
    payment.save()
    key = keys.derive("cap", payment.pk, moment.key_attempt(Step.CAPTURE, subject))
    gateway, intent_id = registry.gateway(), payment.external_id
    return Asking(Step.CAPTURE, subject, lambda: gateway.capture(intent_id, amount=amount, key=key), key=key,
                  digest=keys.digest([intent_id, amount.minor]))


def ask_void(moment: Moment, value: str) -> Asking:
    """Release the reservation, or close an intent nobody paid."""
    payment, subject = payment_of(moment.story), subject_of(moment.story)
    move(moment, PaymentState.VOIDING)
    payment.save()
    key = keys.derive("void", payment.pk, moment.key_attempt(Step.VOID, subject))
    gateway, intent_id = registry.gateway(), payment.external_id
    return Asking(Step.VOID, subject, lambda: gateway.void(intent_id, key=key), key=key,
                  digest=keys.digest([intent_id]))


def merge_capture_or_void(moment: Moment, answer: Answer) -> None:
    """Done, or look at the intent and believe its status (the state stays CAPTURING or VOIDING until then)."""
    payment = payment_of(moment.story)
    if answer.outcome == OK:
        see_intent(moment, answer.value)
        return
    call = moment.call(answer.asking.step, subject_of(moment.story))
    if call and answer.outcome != UNAVAILABLE:
        call.retry_at = None  # look at once
        call.save(update_fields=["retry_at"])
    payment.looked_at = None
    payment.save()


# --- refunds ----------------------------------------------------------------------------------------------------


def _refund(moment: Moment, value: str) -> Refund:
    return next(r for r in moment.story.refunds if r.pk == int(value))


def move_refund(moment: Moment, refund: Refund, to: RefundState, cause: str = "") -> None:
    """Move a refund and keep the payment's refunded sum with it; an older picture is ignored."""
    before = RefundState(refund.state)
    if to in REFUND_MOVES[before] and refund.move(to):
        moment.note("refund.moved", f"refund:{refund.pk}", before=before, after=to, cause=cause)
    refund.save()
    payment = payment_of(moment.story)
    sent = sum(r.amount_minor for r in moment.story.refunds if r.state in OUT)
    payment.refunded_minor = min(payment.by_hand_minor + sent, payment.captured_minor)
    payment.save(update_fields=["refunded_minor"])


def _ask_the_sum(moment: Moment) -> None:
    """A refund did not go out as we thought, so what the gateway says is back is asked for before anything else."""
    payment = payment_of(moment.story)
    payment.news_at = moment.now
    payment.save(update_fields=["news_at"])


def ask_send_refund(moment: Moment, value: str) -> Asking:
    """Give money back once, under the refund's own key."""
    refund, payment = _refund(moment, value), payment_of(moment.story)
    subject = f"refund:{refund.pk}"
    refund.sent_at = moment.now
    move_refund(moment, refund, RefundState.SENT)
    key = keys.derive("ref", refund.pk, moment.key_attempt(Step.SEND_REFUND, subject))
    gateway, intent_id, refund_id = registry.gateway(), payment.external_id, str(refund.pk)
    amount = Money(refund.amount_minor, refund.currency)
    return Asking(Step.SEND_REFUND, subject,
                  lambda: gateway.refund(intent_id, amount=amount, key=key, refund_id=refund_id), key=key,
                  digest=keys.digest([intent_id, amount.minor]))


def merge_send_refund(moment: Moment, answer: Answer) -> None:
    """Sent, refused for good, not done, or unknown (then we list the refunds)."""
    refund = _refund(moment, answer.asking.subject.partition(":")[2])
    if answer.outcome == OK:
        _see_refund(moment, refund, answer.value)
    elif answer.outcome == REFUSED:
        refund.failure = answer.code
        move_refund(moment, refund, RefundState.FAILED, answer.code)
        _ask_the_sum(moment)
    elif answer.outcome == UNAVAILABLE:
        move_refund(moment, refund, RefundState.REQUESTED, answer.code)


def _see_refund(moment: Moment, refund: Refund, info: RefundInfo) -> None:
    refund.external_id, refund.looked_at, refund.failure = info.external_id, moment.seen_at, info.failure
    if info.state is RefundState.SUCCEEDED:
        refund.done_at = refund.done_at or moment.now
    failed = refund.state != RefundState.FAILED == info.state
    move_refund(moment, refund, info.state, info.failure)
    if failed:
        _ask_the_sum(moment)


def ask_look_refund(moment: Moment, value: str) -> Asking:
    """Every refund of the intent; ours is found by metadata."""
    payment = payment_of(moment.story)
    gateway, intent_id = registry.gateway(), payment.external_id
    return Asking(Step.LOOK_REFUND, f"refund:{value}", lambda: gateway.refunds(intent_id))


def merge_look_refund(moment: Moment, answer: Answer) -> None:
    """Believe what is listed; a refund that is not listed was not made."""
    refund = _refund(moment, answer.asking.subject.partition(":")[2])
    if answer.outcome != OK:
        call = moment.call(Step.SEND_REFUND, answer.asking.subject)
        if call:
            call.retry_at = moment.now + timedelta(seconds=30)
            call.save(update_fields=["retry_at"])
        return
    listed: list[Any] = [info for info in answer.value
                         if info.refund_id == str(refund.pk) or info.external_id == refund.external_id != ""]
    if listed:
        _see_refund(moment, refund, listed[0])
        moment.done(Step.SEND_REFUND, answer.asking.subject)
    elif not refund.external_id:
        moment.not_done(Step.SEND_REFUND, answer.asking.subject)
        move_refund(moment, refund, RefundState.REQUESTED, "not listed")
        _ask_the_sum(moment)
    else:
        refund.looked_at = moment.seen_at
        refund.save(update_fields=["looked_at"])
