"""Actions on the airline's order: what a cancellation gives back, and cancelling."""

from __future__ import annotations

import copy

from django import forms

from bookings import mail, services
from bookings.desk.action import Action, By, Mail, Params, Plan, Situation
from bookings.desk.casework import no_booking
from bookings.desk.money import UNSURE, amount_text, order_state, story_of, unsure_order
from bookings.facts import Story
from bookings.flow import Route, Step, Wish
from bookings.models import Diary, ExternalCall
from bookings.selectors.bookings import money_back
from bookings.status import CLOSED, Status
from bookings.undo import left_to_give
from bookings.wake import wake
from fly2any.kernel.errors import Problem
from fly2any.kernel.money import Money
from payments.types import PaymentState as P
from suppliers.models import SupplierOrder
from suppliers.types import OrderState

ENDED = frozenset({None, OrderState.NOT_CREATED, OrderState.LAPSED, OrderState.CANCELLED})
BY_CONSOLIDATOR = "The consolidator cancels this ticket, not the worker: have it cancelled, then record it."
PAID = frozenset({P.AUTHORISED, P.CAPTURING, P.CAPTURED})


def _ticketed(situation: Situation) -> SupplierOrder | None:
    order = situation.story.order if situation.story else None
    return order if order is not None and order.state == OrderState.TICKETED else None


# --- quote ------------------------------------------------------------------------------------------------------


def _cannot_quote(situation: Situation) -> str:
    story = situation.story
    if story is None:
        return no_booking(situation)
    if unsure_order(situation):
        return UNSURE
    if _ticketed(situation) is None:
        held = order_state(situation) in (OrderState.HELD, OrderState.RESERVED)
        return "Nothing is ticketed, so nothing is lost: cancel it directly." if held else "No ticket is live."
    if story.booking.wish == Wish.CANCEL:
        return "The ticket is being cancelled already."
    if story.booking.route == Route.MANUAL:
        return BY_CONSOLIDATOR
    return "The airline is being asked at this moment." if story.booking.quote_wanted else ""


def _quote(situation: Situation, _: Params, by: By) -> str:
    story = story_of(situation)
    asked = ExternalCall.objects.filter(booking=story.booking, kind=Step.QUOTE_CANCEL.value,
                                        subject=f"order:{story.orders[-1].pk}")
    asked.exclude(state=ExternalCall.State.INTENDED).update(retry_at=None, outcome="", code="", attempts=0)
    services.ask_quote_locked(story.booking, situation.now)
    return "The airline is being asked what it gives back."


QUOTE = Action(
    "quote", "Ask what a cancellation gives back", "order", "bookings.do_cancel",
    plan=lambda _, __: Plan(
        will=("The worker asks the airline what a cancellation of this ticket gives back. Nothing is cancelled by "
              "asking, and no money moves.",
              "The answer stands on this case some seconds later; then the ticket can be cancelled at that amount."),
        calls=("Airline: ask for a cancellation quote",)),
    perform=_quote, unavailable=_cannot_quote, needs_reason=False)


# --- cancel -----------------------------------------------------------------------------------------------------


def _cannot_cancel(situation: Situation) -> str:
    story = situation.story
    if story is None:
        return no_booking(situation)
    booking, order = story.booking, _ticketed(situation)
    if booking.wish == Wish.DRAFT or booking.status in CLOSED:
        return "This booking has ended: there is nothing to cancel."
    if booking.wish == Wish.CANCEL:
        return "The booking is being cancelled already."
    if unsure_order(situation):
        return UNSURE
    if order is None:
        return "The worker is undoing this booking by itself." if booking.closing else ""
    if booking.route == Route.MANUAL:
        return BY_CONSOLIDATOR
    if booking.closing and story.payment is not None and story.payment.state in PAID:
        return "The money for this ticket is being taken: look again when that is done."
    if booking.quote_wanted:
        return "The airline is being asked what it gives back: look again in a moment."
    if not order.quote_id:
        refused = story.call(Step.QUOTE_CANCEL, f"order:{order.pk}")
        if refused and refused.outcome == "refused":
            return "The airline does not cancel this ticket through us: cancel it with the airline, then look again."
        return "Ask first what the cancellation gives back."
    if order.quote_expires_at and situation.now >= order.quote_expires_at:
        return "The airline's quote has expired: ask again."
    return ""


def _back(story: Story) -> int:
    """What the customer gets for this cancellation, in minor units of the booking's currency."""
    facts, order = story.picture(), story.order
    if facts.payment is None or facts.payment.state not in PAID:
        return 0
    if order is None or order.state != OrderState.TICKETED:
        return max(left_to_give(facts.payment, facts.refunds), 0)
    return money_back(order, story.payment)


class CancelForm(forms.Form):
    """Nothing is typed: the page keeps which quote and which refunds it showed."""

    quote = forms.CharField(widget=forms.HiddenInput, required=False, max_length=200)
    seen = forms.IntegerField(widget=forms.HiddenInput)


def _cancel_form(situation: Situation) -> type[forms.Form] | None:
    story = situation.story
    if story is None:
        return None
    order = _ticketed(situation)
    return type("CancelFormNow", (CancelForm,), {
        "quote": forms.CharField(widget=forms.HiddenInput, required=False, max_length=200,
                                 initial=order.quote_id if order else ""),
        "seen": forms.IntegerField(widget=forms.HiddenInput, initial=len(story.refunds))})


def _cancel_money(situation: Situation, _: Params) -> Money | None:
    story = situation.story
    if story is None or story.payment is None or story.payment.state not in PAID:
        return None
    return Money(_back(story), story.payment.currency)


def _cancel(situation: Situation, params: Params, by: By) -> str:
    story, order = story_of(situation), _ticketed(situation)
    booking = story.booking
    if str(params.get("quote", "")) != (order.quote_id if order else "") or int(params.get("seen", -1)) != len(
            story.refunds):
        raise Problem("changed_meanwhile", "The quote or the refunds are not those that this page showed.", status=409,
                      action="Look at the case again")
    if order is not None and booking.closing:  # a late ticket: the booking has failed, only its ticket must go
        booking.agreed_refund_minor = order.quote_refund_minor or 0 if order.quote_refund_to == "balance" else 0
        booking.save(update_fields=["agreed_refund_minor"])
        Diary.objects.create(booking=booking, at=situation.now, actor=by.actor, event="ticket.given_up",
                             subject=f"order:{order.pk}", after=str(booking.agreed_refund_minor))
        wake(booking.pk, situation.now)
        return "The worker cancels the ticket with the airline."
    back = _back(story)
    services.cancel_locked(booking, situation.now, refund_minor=None, actor=by.actor)
    if order is None:
        return "The booking ends: the worker undoes whatever is open."
    return f"The worker cancels the ticket; the customer gets {Money(back, booking.currency)} back."


def _cancel_plan(situation: Situation, _: Params) -> Plan:
    story = situation.story
    if story is None:
        return Plan(will=("The booking is cancelled.",))
    order, late = _ticketed(situation), bool(story.booking.closing)
    if order is None:
        held = order_state(situation) not in ENDED
        return Plan(will=("The booking ends. Nothing is lost: no ticket was issued.",
                          "Money that is reserved is released, and money that was taken goes back, all of it.",
                          *(("The worker cancels what the airline holds.",) if held else ())),
                    calls=(*(("Airline: cancel the held order",) if held else ()), "Stripe: release what is reserved"),
                    amounts=_cancel_amounts(story, None), mail=_mail(story))
    keeps = "" if late else "If the airline asks more for it than quoted, nothing is cancelled and you see it here."
    return Plan(
        will=("The worker cancels the ticket with the airline, at the quote below. This cannot be taken back.",
              *(("The booking failed earlier and nothing was charged for it: the customer hears nothing new.",) if late
                else ("What the customer gets back goes to the card by itself once the airline has cancelled.",
                      "The customer is told by mail.")), *((keeps,) if keeps else ())),
        calls=("Airline: confirm the cancellation", *(() if late else ("Stripe: POST /v1/refunds",))),
        amounts=_cancel_amounts(story, order), mail=None if late else _mail(story))


def _cancel_amounts(story: Story, order: SupplierOrder | None) -> tuple[tuple[str, str], ...]:
    payment, currency = story.payment, story.booking.currency
    airline: tuple[tuple[str, str], ...] = ()
    if order is not None:
        where = "" if order.quote_refund_to in ("balance", "") else f", as {order.quote_refund_to.replace('_', ' ')}"
        airline = (("The airline gives back", amount_text(order.quote_refund_minor, order.currency) + where),)
    if payment is None or payment.state not in PAID:
        return (*airline, ("The customer gets back", "nothing: nothing was taken"))
    if payment.state != P.CAPTURED and order is None:
        return (*airline, ("Released on the card", amount_text(payment.amount_minor, currency)))
    back, taken = _back(story), payment.captured_minor or payment.amount_minor
    before = (("Given back before", amount_text(payment.refunded_minor, currency)),) if payment.refunded_minor else ()
    return (*airline, ("The customer paid", amount_text(taken, currency)), *before,
            ("The customer gets back", amount_text(back, currency)),
            ("Not given back", amount_text(taken - payment.refunded_minor - back, currency)))


def _mail(story: Story) -> Mail | None:
    """The mail that the cancellation sends, in the words of the booking as it will be."""
    to_be = copy.copy(story.booking)
    to_be.wish, to_be.status, to_be.closing = Wish.CANCEL, Status.CANCELLED, ""
    to_be.agreed_refund_minor = _back(story) if _is_ticketed(story) else None
    found = mail.preview("cancelled", to_be, to_be.changed_at)
    return Mail(*found) if found else None


def _is_ticketed(story: Story) -> bool:
    return story.order is not None and story.order.state == OrderState.TICKETED


CANCEL = Action("cancel", "Cancel the booking", "order", "bookings.do_cancel", plan=_cancel_plan, perform=_cancel,
                unavailable=_cannot_cancel, form=_cancel_form, money=_cancel_money, danger=True)

ACTIONS = (QUOTE, CANCEL)
