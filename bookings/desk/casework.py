"""Actions on the case itself and the harmless look: they move no money and ask nobody for anything but to look."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth.models import User

from bookings import afterwards, cases
from bookings.desk.action import Action, By, Params, Plan, Situation
from bookings.flow import Step
from bookings.models import Booking, Case
from bookings.status import FINAL, Status
from bookings.wake import wake as wake_worker
from fly2any.kernel.errors import Problem
from payments.models import Payment
from payments.types import DESK
from suppliers.models import SupplierOrder
from suppliers.types import BY_LOCATOR

SNOOZES = ((1, "1 hour"), (4, "4 hours"), (8, "8 hours"), (24, "1 day"), (72, "3 days"), (168, "7 days"),
           (336, "14 days"))  # hours; nothing sleeps longer


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
    SupplierOrder.objects.filter(booking=booking).exclude(external_id__startswith=BY_LOCATOR).update(
        news_at=situation.now)  # known by its record locator alone: nobody can fetch it
    Payment.objects.filter(booking=booking).exclude(provider=DESK).update(news_at=situation.now)
    wake_worker(booking.pk, situation.now)
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


# --- resume -----------------------------------------------------------------------------------------------------


# deeds that may be tried again before their time: each is looked for first, or goes out under the key it had
HURRIED = tuple(step.value for step in (
    Step.CAPTURE, Step.VOID, Step.SEND_REFUND, Step.LOOK_REFUND, Step.LOOK_PAYMENT, Step.LOOK_ORDER, Step.FIND_ORDER,
    Step.QUOTE_CANCEL, Step.CONFIRM_CANCEL))


def _resume(situation: Situation, _: Params, by: By) -> str:
    booking = _booking(situation)
    booking.calls.filter(kind__in=HURRIED).exclude(outcome="refused").update(retry_at=None)
    wake_worker(booking.pk, situation.now)
    cases.heal(kind="parked", subject=f"booking:{booking.pk}", now=situation.now, because="staff let the worker go on")
    return "The worker goes on with this booking now."


def _stands_still(situation: Situation) -> str:
    booking = situation.booking
    ended = booking is not None and booking.parked_at is None and booking.status in (*FINAL, Status.DRAFT)
    return "The worker has not stopped on this booking, and there is nothing left for it to do." if ended else ""


RESUME = Action(
    "resume", "Resume", "look", "bookings.do_resume",
    plan=lambda _, __: Plan(
        will=("The worker takes this booking up now instead of at its next turn, with its failed attempts forgotten.",
              "What it does is decided by the records alone: it looks first, and sends nothing again that may be done.",
              "If it fails ten times more, it stops again and a new case opens.")),
    perform=_resume, unavailable=lambda s: no_booking(s) or _stands_still(s), bulk=True)


# --- mark handled -----------------------------------------------------------------------------------------------


def _handled(situation: Situation, _: Params, by: By) -> str:
    if not cases.close(_case(situation), operator=by.operator, because=by.reason.strip(), now=situation.now):
        raise Problem("case_closed", "Somebody has closed this case already.", status=409)
    return "The case is closed."


def _case(situation: Situation) -> Case:
    if situation.case is None:
        raise Problem("unavailable", "There is no case here.", status=409)
    return situation.case


def no_case(situation: Situation) -> str:
    """Why something about a case cannot be done where there is none."""
    return "" if situation.case else "There is no case here."


def _nobody_else_watches(situation: Situation) -> str:
    """An unfinished booking that the worker has left needs its open case: without it nobody would look (I4)."""
    booking, case = situation.booking, situation.case
    if booking is None or case is None or booking.status in (*FINAL, Status.DRAFT):
        return ""
    if booking.due_at is not None and booking.parked_at is None:
        return ""
    if Case.objects.filter(booking=booking, closed_at=None).exclude(pk=case.pk).exists():
        return ""
    return ("The worker has stopped on this booking: let it go on first." if booking.parked_at else
            "The booking is not finished and the worker waits for a person: solve it first, or snooze the case.")


MARK_HANDLED = Action(
    "mark_handled", "Mark handled", "case", "bookings.do_handle",
    plan=lambda _, __: Plan(
        will=("The case is closed with your name, the time and your reason.",
              "Nothing is asked of the airline or of Stripe; no money moves; no mail is sent.",
              "The worker does not raise this kind again for this booking: make sure that somebody has solved it.")),
    perform=_handled,
    unavailable=lambda s: closed(s) or _customer_waits(s) or no_case(s) or _nobody_else_watches(s))


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

# --- note, assign, snooze, wake ---------------------------------------------------------------------------------

NOTE = Action(
    "note", "Write a note", "case", "bookings.do_note",
    plan=lambda _, __: Plan(
        will=("Your words are kept in the booking's history with your name and the time, for ever.",
              "Nothing else happens. Ids and facts, please: no passport or card data.")),
    perform=lambda _, __, ___: "The note is kept.", takes=False,
    unavailable=lambda s: "" if s.case or s.booking else "There is nothing here to write about.")


class AssignForm(forms.Form):
    """To whom the case goes."""

    to = forms.TypedChoiceField(label="To", coerce=int, empty_value=None, error_messages={
        "required": "Choose a colleague.", "invalid_choice": "Choose one of the colleagues in the list."})

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        staff = User.objects.filter(is_staff=True, is_active=True).order_by("username")
        self.fields["to"].choices = [("", "Choose …"), *(  # type: ignore[attr-defined]
            (user.pk, f"{user.get_full_name()} ({user.username})" if user.get_full_name() else user.username)
            for user in staff)]


def colleague(params: Params) -> User:
    """The colleague chosen in an AssignForm. Problem no_such_colleague when they left meanwhile."""
    to = User.objects.filter(pk=params["to"], is_staff=True, is_active=True).first()
    if to is None:
        raise Problem("no_such_colleague", "This colleague cannot take cases.", status=422, action="Choose another",
                      field_errors={"to": "Choose one of the colleagues in the list."})
    return to


def _assign(situation: Situation, params: Params, by: By) -> str:
    to = colleague(params)
    Case.objects.filter(pk=_case(situation).pk).update(taken_by=to)
    return f"The case is {'yours' if to.pk == by.operator.pk else f'now with {to.username}'}."


ASSIGN = Action(
    "assign", "Assign", "case", "bookings.do_note",
    plan=lambda _, __: Plan(
        will=("The case gets this owner: its alert is taken, and is not sent again.",
              "Nothing is asked of anybody outside, and no mail is sent.")),
    perform=_assign, form=lambda _: AssignForm, unavailable=lambda s: closed(s) or no_case(s), needs_reason=False,
    bulk=True, takes=False)


class SnoozeForm(forms.Form):
    """How long the case may sleep."""

    hours = forms.TypedChoiceField(label="For", coerce=int, choices=SNOOZES, initial=4)


def _snooze(situation: Situation, params: Params, by: By) -> str:
    case, until = _case(situation), situation.now + timedelta(hours=int(params["hours"]))
    if case.deadline and until > case.deadline > situation.now:
        raise Problem("past_deadline", f"This case must be solved by {case.deadline:%-d %b %Y, %H:%M} UTC.",
                      status=422, action="Choose a shorter time",
                      field_errors={"hours": "This is longer than the deadline allows."})
    Case.objects.filter(pk=case.pk).update(snoozed_until=until, snoozed_because=by.reason.strip()[:500])
    return f"The case comes back on {until:%-d %b %Y at %H:%M} UTC."


def _too_urgent(situation: Situation) -> str:
    case = situation.case
    if case is None:
        return ""
    if case.severity == Case.Severity.CRITICAL:
        return "A critical case is not put off."
    late = case.deadline is not None and case.deadline <= situation.now
    return "Its deadline has passed: it is not put off any more." if late else ""


SNOOZE = Action(
    "snooze", "Snooze", "case", "bookings.do_note",
    plan=lambda _, __: Plan(
        will=("The case leaves the queue until then and comes back by itself, with your reason on it.",
              "The worker goes on as before. If the case becomes critical, it comes back at once.")),
    perform=_snooze, form=lambda _: SnoozeForm, unavailable=lambda s: closed(s) or no_case(s) or _too_urgent(s),
    bulk=True, takes=False)


def _wake(situation: Situation, _: Params, by: By) -> str:
    Case.objects.filter(pk=_case(situation).pk).update(snoozed_until=None, snoozed_because="")
    return "The case is back in the queue."


def _awake(situation: Situation) -> str:
    until = situation.case.snoozed_until if situation.case else None
    return "" if until and until > situation.now else "This case does not sleep."


WAKE = Action(
    "wake", "Wake", "case", "bookings.do_note",
    plan=lambda _, __: Plan(will=("The case comes back into the queue now. Nothing else happens.",)),
    perform=_wake, unavailable=lambda s: closed(s) or no_case(s) or _awake(s), needs_reason=False, short=True,
    bulk=True, takes=False)

LOOKS = (LOOK_AGAIN, RESUME)
ACTIONS = (ANSWER_CUSTOMER, NOTE, ASSIGN, SNOOZE, WAKE, MARK_HANDLED)
