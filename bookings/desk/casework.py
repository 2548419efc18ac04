"""Actions on the case itself and the harmless look: they move no money and ask nobody for anything but to look."""

from __future__ import annotations

from django import forms

from bookings import afterwards, cases
from bookings.desk.action import Action, By, Params, Plan, Situation
from bookings.models import Booking, Case
from bookings.wake import wake
from fly2any.kernel.errors import Problem
from payments.models import Payment
from suppliers.models import SupplierOrder


def closed(situation: Situation) -> str:
    """Why nothing more is done to a closed case."""
    case = situation.case
    return f"This case was closed: {case.closed_because}" if case is not None and case.closed_at else ""


def no_booking(situation: Situation) -> str:
    """Why something about a booking cannot be done where there is none."""
    return "" if situation.booking else "No booking of ours stands behind this case."


def _customer_waits(situation: Situation) -> str:
    asked = situation.case is not None and situation.case.kind == "change_requested"
    return "The customer waits for an answer: answer them, and the case closes." if asked else ""


# --- look again -------------------------------------------------------------------------------------------------


def _look(situation: Situation, _: Params, by: By) -> str:
    booking = _booking(situation)
    SupplierOrder.objects.filter(booking=booking).update(news_at=situation.now)
    Payment.objects.filter(booking=booking).update(news_at=situation.now)
    Booking.objects.filter(pk=booking.pk).update(parked_at=None, attempts=0)
    wake(booking.pk, situation.now)
    return "Both the airline and Stripe are being asked now."


def _booking(situation: Situation) -> Booking:
    if situation.booking is None:
        raise Problem("unavailable", no_booking(situation), status=409)
    return situation.booking


LOOK_AGAIN = Action(
    "look_again", "Look again", "look", "bookings.do_look_again",
    plan=lambda _, __: Plan(
        will=("The worker fetches the airline's order and Stripe's payment now.",
              "It reads only, unless what it sees makes the booking go on by itself.",
              "No mail is sent and no money moves because of looking.",
              "You take the case: its alert is not sent again."),
        calls=("Airline: get the order", "Stripe: get the payment and its refunds")),
    perform=_look, unavailable=lambda s: closed(s) or no_booking(s), needs_reason=False, short=True, bulk=True)


# --- mark handled -----------------------------------------------------------------------------------------------


def _handled(situation: Situation, _: Params, by: By) -> str:
    if not cases.close(_case(situation), operator=by.operator, because=by.reason.strip(), now=situation.now):
        raise Problem("case_closed", "Somebody has closed this case already.", status=409)
    return "The case is closed."


def _case(situation: Situation) -> Case:
    if situation.case is None:
        raise Problem("unavailable", "There is no case here.", status=409)
    return situation.case


MARK_HANDLED = Action(
    "mark_handled", "Mark handled", "case", "bookings.do_handle",
    plan=lambda _, __: Plan(
        will=("The case is closed with your name, the time and your reason.",
              "Nothing is asked of the airline or of Stripe; no money moves; no mail is sent.",
              "The worker does not raise this kind again for this booking: make sure that somebody has solved it.")),
    perform=_handled, unavailable=lambda s: closed(s) or _customer_waits(s) or ("" if s.case else "There is no case."))


# --- answer the customer ----------------------------------------------------------------------------------------


class AnswerForm(forms.Form):
    """What the customer reads."""

    private_answer = forms.CharField(
        label="Your answer", max_length=afterwards.LONGEST_ANSWER, strip=True,
        widget=forms.Textarea(attrs={"rows": 8}), error_messages={"required": "Please write the answer."},
        help_text="The customer reads exactly this, by mail and on the page of the booking.")


def _answer(situation: Situation, params: Params, by: By) -> str:
    afterwards.answer_request(case=_case(situation), words=params["private_answer"], operator=by.operator,
                              now=situation.now)
    return "The customer is told, and the case is closed."


ANSWER_CUSTOMER = Action(
    "answer_customer", "Answer the customer", "customer", "bookings.do_handle",
    plan=lambda _, __: Plan(
        will=("Your words go to the customer by mail and onto the page of their booking, exactly as you write them.",
              "The case is closed with your name. Nothing is asked of the airline or of Stripe; no money moves.",
              "Change the booking with the airline first: this only tells the customer.")),
    perform=_answer, form=lambda _: AnswerForm, needs_reason=False,
    unavailable=lambda s: closed(s) or (
        "" if s.case and s.case.kind == "change_requested" else "The customer has not asked us anything here."))

ACTIONS = (LOOK_AGAIN, ANSWER_CUSTOMER, MARK_HANDLED)
