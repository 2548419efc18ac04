"""Actions on the customer's money. Each only writes: the driver asks the gateway, by its own rules (I1, I5, I6)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms

from bookings import services
from bookings.desk.action import Action, By, Params, Plan, Situation
from bookings.desk.casework import no_booking
from bookings.facts import Story
from bookings.flow import Route, Step, Wish
from bookings.models import Diary, ExternalCall
from bookings.undo import left_to_give, unreturned
from bookings.wake import wake
from fly2any.kernel.errors import Problem
from fly2any.kernel.money import Money, MoneyError
from payments.models import Refund
from payments.types import DESK
from payments.types import PaymentState as P
from suppliers.types import LIVE, OrderState

RUNNING = timedelta(minutes=3)  # longer than one call takes: until then its answer is awaited, not doubted
MAY_EXIST = frozenset({OrderState.CREATING, OrderState.UNKNOWN, OrderState.PAYING, OrderState.CANCELLING})
ALL_BUT = ", and not all of it while the ticket is live"
UNSURE = "What became of the airline's order is not known yet: look again first."


def story_of(situation: Situation) -> Story:
    """The booking's records. Problem unavailable where there is no booking."""
    if situation.story is None:
        raise Problem("unavailable", no_booking(situation), status=409)
    return situation.story


def order_state(situation: Situation) -> OrderState | None:
    """Where the last airline order stands."""
    order = situation.story.order if situation.story else None
    return OrderState(order.state) if order else None


def unsure_order(situation: Situation) -> str:
    """Why nothing is decided while an order may or may not exist."""
    return UNSURE if order_state(situation) in MAY_EXIST else ""


def amount_text(minor: int | None, currency: str) -> str:
    """An amount for a reader."""
    return "not known" if minor is None else str(Money(minor, currency))


def no_longer_wait(story: Story, *steps: tuple[Step, str]) -> None:
    """The calls that failed and wait for their next try are tried at once."""
    for step, subject in steps:
        ExternalCall.objects.filter(booking=story.booking, kind=step.value, subject=subject).update(retry_at=None)


def _on_its_way(story: Story, step: Step, subject: str, situation: Situation) -> bool:
    call = story.call(step, subject)
    return bool(call and call.state == ExternalCall.State.INTENDED and situation.now - call.asked_at < RUNNING)


# --- capture ----------------------------------------------------------------------------------------------------

_CANNOT_TAKE = {
    P.NEW: "The customer has not given a card yet.", P.OPEN: "The customer has not confirmed the card yet.",
    P.CAPTURED: "The money has been taken already.", P.VOIDING: "The reservation is being released.",
    P.VOIDED: "Nothing is reserved any more: send the customer the link to pay."}


def _cannot_capture(situation: Situation) -> str:
    story = situation.story
    if story is None:
        return no_booking(situation)
    if story.payment is None:
        return "There is no payment."
    payment = story.payment
    if payment.state in _CANNOT_TAKE:
        return _CANNOT_TAKE[P(payment.state)]
    if order_state(situation) is not OrderState.TICKETED:
        return "No live ticket stands behind this money, so it is not taken."
    if story.booking.wish == Wish.CANCEL and story.booking.agreed_refund_minor is None:
        return "The customer cancelled and was told that nothing is charged."
    if _on_its_way(story, Step.CAPTURE, f"payment:{payment.pk}", situation):
        return "It is being taken at this moment."
    return ""


def _capture(situation: Situation, _: Params, by: By) -> str:
    story = story_of(situation)
    subject = f"payment:{story.payments[-1].pk}"
    no_longer_wait(story, (Step.CAPTURE, subject), (Step.LOOK_PAYMENT, subject))
    wake(story.booking.pk, situation.now)
    return "The worker takes the money now."


def _capture_plan(situation: Situation, _: Params) -> Plan:
    story = situation.story
    taken: tuple[tuple[str, str], ...] = ()
    if story and story.order and story.payment:
        due = min(story.payment.amount_minor, story.order.total_minor + story.booking.fee_minor)
        taken = (("Taken from the card", amount_text(due, story.payment.currency)),)
    return Plan(will=("The worker takes the reserved money now instead of at its next turn, under the key of the same "
                      "capture: it cannot be taken twice.",
                      "If the bank refuses, the customer is asked to pay again. The ticket stays as it is."),
                calls=("Stripe: POST /v1/payment_intents/…/capture",), amounts=taken)


CAPTURE = Action("capture", "Take the money", "money", "bookings.do_capture", plan=_capture_plan, perform=_capture,
                 unavailable=_cannot_capture, danger=True)


# --- void -------------------------------------------------------------------------------------------------------

_NOTHING_RESERVED = {
    P.NEW: "Nothing is reserved.", P.CAPTURED: "The money has been taken: give it back with a refund.",
    P.CAPTURING: "The money is being taken: look again.", P.VOIDED: "The reservation has been released already."}


def _failed_void(story: Story) -> bool:
    call = story.call(Step.VOID, f"payment:{story.payments[-1].pk}") if story.payments else None
    return bool(call and call.outcome not in ("", "ok"))


def _cannot_void(situation: Situation) -> str:
    story = situation.story
    if story is None:
        return no_booking(situation)
    if story.payment is None:
        return "There is no payment."
    if story.payment.state in _NOTHING_RESERVED:
        return _NOTHING_RESERVED[P(story.payment.state)]
    if _on_its_way(story, Step.VOID, f"payment:{story.payment.pk}", situation):
        return "It is being released at this moment."
    if _failed_void(story) or story.payment.state == P.VOIDING:
        return ""
    if story.booking.route == Route.MANUAL and order_state(situation) is OrderState.RESERVED:
        return "Take the link to pay back: that releases the card, and the seats stay reserved."
    if story.booking.wish == Wish.CANCEL or story.booking.closing:
        return "The worker is releasing it already." if order_state(situation) is not OrderState.TICKETED else (
            "A ticket stands behind this money: take the money, or cancel the ticket first.")
    if order_state(situation) is OrderState.TICKETED:
        return "A ticket stands behind this money: take the money, or cancel the ticket first."
    return unsure_order(situation)


def _void(situation: Situation, _: Params, by: By) -> str:
    story = story_of(situation)
    subject = f"payment:{story.payments[-1].pk}"
    if _failed_void(story) or story.payments[-1].state == P.VOIDING:
        no_longer_wait(story, (Step.VOID, subject), (Step.LOOK_PAYMENT, subject))
        wake(story.booking.pk, situation.now)
        return "The worker tries again now to release the money."
    services.cancel_locked(story.booking, situation.now, refund_minor=None, actor=by.actor)
    return "The booking ends: the worker releases the money, then whatever the airline holds."


def _void_plan(situation: Situation, _: Params) -> Plan:
    story = situation.story
    again = story is not None and story.payment is not None and (
        _failed_void(story) or story.payment.state == P.VOIDING)
    released = (("Released", amount_text(story.payment.amount_minor, story.payment.currency)),
                ) if story and story.payment else ()
    if again:
        return Plan(will=("The worker tries again now to release the reservation, under the key of the same attempt.",
                          "It looks at Stripe's payment first and believes what it sees."),
                    calls=("Stripe: GET the payment", "Stripe: POST /v1/payment_intents/…/cancel"), amounts=released)
    held = order_state(situation) in LIVE
    return Plan(will=("The booking ends, as if the customer had cancelled it: nothing is charged.",
                      "The worker releases the reservation on the card first.",
                      *(("Then it cancels what the airline holds for the customer.",) if held else ()),
                      "The customer is told by mail that the booking is cancelled."),
                calls=("Stripe: POST /v1/payment_intents/…/cancel",
                       *(("Airline: cancel the held order",) if held else ())), amounts=released)


VOID = Action("void", "Release the card", "money", "bookings.do_void", plan=_void_plan, perform=_void,
              unavailable=_cannot_void, danger=True)


# --- refund -----------------------------------------------------------------------------------------------------


def _left(situation: Situation) -> int:
    """What can still be given back, in minor units: captured, less what was returned, less what is on its way."""
    facts = situation.story.picture() if situation.story else None
    return left_to_give(facts.payment, facts.refunds) if facts and facts.payment else 0


def _returned_by_bank(situation: Situation) -> list[Refund]:
    """Refunds that failed and were not sent again."""
    if situation.story is None:
        return []
    failed = {row.id for row in unreturned(situation.story.picture().refunds)}
    return [row for row in situation.story.refunds if row.pk in failed]


def _keeps_order(situation: Situation) -> bool:
    return order_state(situation) in LIVE


def _cannot_refund(situation: Situation) -> str:
    story = situation.story
    if story is None:
        return no_booking(situation)
    if story.payment is None or story.payment.state != P.CAPTURED:
        return "No money was taken: there is nothing to give back."
    if _left(situation) <= 0:
        return "Everything that was taken has been given back or is on its way."
    if unsure_order(situation):
        return UNSURE
    if _keeps_order(situation) and story.booking.wish == Wish.CANCEL:
        return "The booking is being cancelled, and its refund follows by itself: look again when that is done."
    if order_state(situation) in (OrderState.HELD, OrderState.RESERVED):
        return "The airline still holds the seats for this money: cancel first."
    closing = story.booking.closing and order_state(situation) is not OrderState.TICKETED
    if closing and not story.refunds:
        return "The worker is giving everything back by itself."
    return ""


class RefundForm(forms.Form):
    """How much, in the currency that was taken; or which refund that came back is sent again."""

    currency, left, keeps_order = "USD", 0, False
    returned: dict[int, int] = {}

    again = forms.TypedChoiceField(label="What", coerce=int, required=False)
    amount = forms.CharField(label="Amount", max_length=20, required=False, strip=True)
    seen = forms.IntegerField(widget=forms.HiddenInput)  # how many refunds the page showed

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        choices = [(pk, f"Send again {Money(minor, self.currency)}, which the bank returned")
                   for pk, minor in self.returned.items()]
        self.fields["again"].choices = [*choices, (0, "The amount below")]  # type: ignore[attr-defined]
        if not choices:
            del self.fields["again"]

    def clean(self) -> dict[str, Any]:
        """The amount as minor units; nothing but JSON values leaves this form."""
        found = super().clean() or self.cleaned_data
        again, typed = int(found.get("again") or 0), str(found.get("amount") or "")
        minor = self.returned.get(again, 0) if again else self._minor(typed)
        if minor > self.left:
            self.add_error("amount", f"At most {Money(self.left, self.currency)} can be given back.")
        elif minor == self.left and self.keeps_order:
            self.add_error("amount", "This would give everything back while the ticket is live: cancel first, or give "
                                     "back less.")
        return {"amount_minor": minor, "again": again, "seen": found.get("seen", -1)}

    def _minor(self, typed: str) -> int:
        try:
            minor = Money.parse(typed.removeprefix(self.currency).strip(), self.currency).minor
        except MoneyError:
            minor = 0
        if minor <= 0:
            example = Money(5000, self.currency).amount
            self.add_error("amount", f"Enter an amount of {self.currency}, such as {example}.")
        return max(minor, 0)


def _refund_form(situation: Situation) -> type[forms.Form] | None:
    story = situation.story
    if story is None or story.payment is None:
        return None
    left, currency, keeps = _left(situation), story.payment.currency, _keeps_order(situation)
    most = f"At most {Money(max(left, 0), currency)}{ALL_BUT if keeps else ''}."
    returned = {row.pk: row.amount_minor for row in _returned_by_bank(situation)}
    suggested = "" if keeps or left <= 0 else str(Money(left, currency).amount)
    return type("RefundFormNow", (RefundForm,), {
        "currency": currency, "left": left, "keeps_order": keeps, "returned": returned,
        "amount": forms.CharField(label=f"Amount in {currency}", max_length=20, required=False, strip=True,
                                  initial=suggested, help_text=most,
                                  widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})),
        "seen": forms.IntegerField(widget=forms.HiddenInput, initial=len(story.refunds))})


def _refund_money(situation: Situation, params: Params) -> Money | None:
    story = situation.story
    if story is None or story.payment is None or "amount_minor" not in params:
        return None
    return Money(int(params["amount_minor"]), story.payment.currency)


def _refund_plan(situation: Situation, params: Params) -> Plan:
    story = situation.story
    amounts: tuple[tuple[str, str], ...] = ()
    if story and story.payment:
        p = story.payment
        amounts = (("Taken", amount_text(p.captured_minor, p.currency)),
                   ("Can still be given back", amount_text(max(_left(situation), 0), p.currency)))
        if "amount_minor" in params:
            amounts += (("Given back now", amount_text(int(params["amount_minor"]), p.currency)),)
    keeps = _keeps_order(situation)
    if story and story.payment and story.payment.provider == DESK:
        return Plan(
            will=("The refund is written down. The money was taken elsewhere, so no machine can send it: give it back "
                  "by hand, then record that you did. Until then the case REFUND BY HAND is open.",
                  "The customer is told by mail when you have recorded it.",
                  "The ticket stays as it is." if keeps else "Nothing is asked of the airline."), amounts=amounts)
    return Plan(
        will=("The refund is written down, and the worker sends it to the card that paid, once.",
              "The customer is told by mail when the bank has taken it, and sees it on the page of the booking.",
              "The ticket stays as it is." if keeps else "Nothing is asked of the airline.",
              *(("A refund that the bank returned is sent again as a new one; the old one stays in the books.",)
                if _returned_by_bank(situation) else ())),
        calls=("Stripe: POST /v1/refunds",), amounts=amounts)


def _refund(situation: Situation, params: Params, by: By) -> str:
    story = story_of(situation)
    payment, minor = story.payments[-1], int(params["amount_minor"])
    if int(params.get("seen", -1)) != len(story.refunds):
        raise Problem("changed_meanwhile", "Money has been given back since this page was opened.", status=409,
                      action="Look at the case again")
    if minor <= 0 or minor > _left(situation) or (minor == _left(situation) and _keeps_order(situation)):
        most = f"{Money(max(_left(situation), 0), payment.currency)}{ALL_BUT if _keeps_order(situation) else ''}"
        raise Problem("refund_exceeds", f"At most {most} can be given back.", status=422,
                      action="Enter another amount", field_errors={"amount": "This amount cannot be given back."})
    refund = Refund.objects.create(payment=payment, cause=_cause(situation, params), amount_minor=minor,
                                   currency=payment.currency, requested_at=situation.now)
    Diary.objects.create(booking=story.booking, at=situation.now, actor=by.actor, event="refund.requested",
                         subject=f"refund:{refund.pk}", after=str(minor), cause=refund.cause)
    wake(story.booking.pk, situation.now)
    goes = "waits to be given back by hand" if payment.provider == DESK else "goes back to the card now"
    return f"{Money(minor, payment.currency)} {goes}."


def _cause(situation: Situation, params: Params) -> str:
    """staff:<n> for the n-th refund of this payment; <cause>~<id> for one that is sent again after it came back."""
    again = int(params.get("again") or 0)
    if not again:
        return f"staff:{len(story_of(situation).refunds) + 1}"
    row = next((row for row in _returned_by_bank(situation) if row.pk == again), None)
    if row is None or row.amount_minor != int(params["amount_minor"]):
        raise Problem("changed_meanwhile", "This refund has been sent again already.", status=409,
                      action="Look at the case again")
    return f"{row.cause.partition('~')[0]}~{row.pk}"


REFUND = Action("refund", "Give money back", "money", "bookings.do_refund", plan=_refund_plan, perform=_refund,
                unavailable=_cannot_refund, form=_refund_form, money=_refund_money, danger=True)

ACTIONS = (CAPTURE, VOID, REFUND)
