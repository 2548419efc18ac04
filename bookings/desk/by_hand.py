"""What was done outside by hand and is written down here: money taken or given back elsewhere, a ticket cancelled.

None of it asks anybody for anything. Amounts that others decided (what the customer accepted, what a refund is for)
are shown and never typed; a receipt names the deed and is kept once.
"""

from __future__ import annotations

import re
from typing import Any

from django import forms

from bookings import cases, services
from bookings.desk.action import Action, By, Params, Plan, Situation
from bookings.desk.casework import no_booking
from bookings.desk.money import RUNNING, amount_text, story_of
from bookings.facts import Story
from bookings.flow import Route, Wish
from bookings.models import Diary
from bookings.status import CLOSED
from bookings.undo import left_to_give, unreturned
from bookings.wake import wake
from fly2any.kernel.errors import Problem
from fly2any.kernel.money import Money, MoneyError
from payments.models import Payment, Refund
from payments.types import BY_HAND, DESK, METHODS, PaymentState, RefundState
from suppliers.models import SupplierOrder
from suppliers.types import LIVE, OrderState

_RECEIPT = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ./_-]{2,39}")
_CARD = re.compile(r"(?:[0-9][ -]?){13,19}")
OUT = (RefundState.SENT, RefundState.SUCCEEDED)


def _receipt_field(what: str) -> forms.CharField:
    return forms.CharField(
        label="Receipt", max_length=40, strip=True, widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=f"The reference of {what} as it stands in the bank's, the terminal's or the consolidator's papers. "
                  "Never a card number.")


class ReceiptForm(forms.Form):
    """By which way, and the paper that proves it."""

    method = forms.ChoiceField(label="How", choices=[("", "Choose …"), *METHODS.items()],
                               error_messages={"required": "Say by which way."})

    def clean_receipt(self) -> str:
        """The receipt as it is kept: capital letters, single spaces, no card number."""
        receipt = " ".join(str(self.cleaned_data["receipt"]).upper().split())
        if _CARD.search(receipt):
            raise forms.ValidationError("This looks like a card number. Enter the reference of the receipt.")
        if not _RECEIPT.fullmatch(receipt):
            raise forms.ValidationError("A receipt has 3 to 40 letters, digits, blanks, points, slashes or hyphens.")
        return receipt


def _already(receipt: str, owner: str) -> Problem:
    said = f"This receipt stands at {owner} already."
    return Problem("receipt_taken", said, status=422, action="Check the receipt", field_errors={"receipt": said})


# --- money taken elsewhere --------------------------------------------------------------------------------------


def _cannot_record(situation: Situation) -> str:
    story = situation.story
    if story is None:
        return no_booking(situation)
    if story.booking.route != Route.MANUAL:
        return "This booking is paid by card on its own page."
    if story.booking.wish != Wish.BOOK or story.booking.closing or story.booking.status in CLOSED:
        return "This booking has ended, or is being cancelled."
    order, payment = story.order, story.payment
    if order is None or order.state not in (OrderState.RESERVED, OrderState.TICKETED):
        return "No reservation or ticket stands yet that the money could be for."
    if payment is None or payment.state == PaymentState.VOIDED:
        return ""
    if payment.state == PaymentState.CAPTURED:
        return "The money has been taken already."
    return ("The customer has the link to pay, or their card is reserved: take the link back first, so that nobody "
            "pays twice.")


def _payment_form(situation: Situation) -> type[forms.Form] | None:
    story = situation.story
    if story is None:
        return None
    return type("PaymentFormNow", (ReceiptForm,), {
        "receipt": _receipt_field("the payment"),
        "accepted": forms.IntegerField(widget=forms.HiddenInput, initial=story.booking.accepted_minor)})


def _due(situation: Situation) -> Money | None:
    booking = situation.booking
    return Money(booking.accepted_minor, booking.currency) if booking else None


def _record_payment(situation: Situation, params: Params, by: By) -> str:
    story, receipt = story_of(situation), str(params["receipt"])
    booking, order, now = story.booking, story.orders[-1], situation.now
    if int(params.get("accepted", -1)) != booking.accepted_minor:
        raise Problem("changed_meanwhile", "What the customer agreed to pay is another amount now.", status=409,
                      action="Look at the booking again")
    other = Payment.objects.filter(provider=DESK, external_id=f"{BY_HAND}{receipt}").select_related("booking").first()
    if other is not None:
        raise _already(receipt, other.booking.reference)
    payment = Payment.objects.create(
        booking=booking, order=order, provider=DESK, external_id=f"{BY_HAND}{receipt}", method=params["method"],
        state=PaymentState.CAPTURED, amount_minor=booking.accepted_minor, captured_minor=booking.accepted_minor,
        currency=booking.currency, asked_at=now, looked_at=now, captured_at=now)
    if booking.card_wanted:  # a link whose page was not opened yet asks nobody for a card any more
        booking.card_wanted = False
        booking.save(update_fields=["card_wanted"])
        Diary.objects.create(booking=booking, at=now, actor=by.actor, event="card.not_wanted")
    subject, how = f"payment:{payment.pk}", f"{METHODS[payment.method]}, receipt {receipt}"
    Diary.objects.create(booking=booking, at=now, actor=by.actor, event="payment.asked", subject=subject,
                         after=str(payment.amount_minor), cause=how)
    Diary.objects.create(booking=booking, at=now, actor=by.actor, event="payment.moved", subject=subject,
                         before=PaymentState.NEW.value, after=PaymentState.CAPTURED.value, cause=how)
    wake(booking.pk, now)
    return f"{Money(payment.amount_minor, payment.currency)} is recorded as paid ({how})."


def _payment_plan(situation: Situation, params: Params) -> Plan:
    due, order = _due(situation), situation.story.order if situation.story else None
    ticketed = order is not None and order.state == OrderState.TICKETED
    return Plan(
        will=("It is written down, with your name, that the whole amount which the customer agreed to was received "
              "elsewhere. Nothing is taken from anybody by it.",
              "The booking is confirmed, and the customer gets the tickets by mail." if ticketed else
              "As soon as the ticket numbers are entered, the booking is confirmed and the customer gets the tickets.",
              "If it must be given back one day, it goes back by hand as well."),
        amounts=(("Paid elsewhere", str(due)),) if due else ())


RECORD_PAYMENT = Action(
    "record_payment", "Record a payment taken elsewhere", "money", "bookings.do_record_payment", plan=_payment_plan,
    perform=_record_payment, unavailable=_cannot_record, form=_payment_form, money=lambda s, _: _due(s), danger=True)


# --- money given back elsewhere ---------------------------------------------------------------------------------


def _to_give(story: Story) -> list[Refund]:
    """Refunds that a person gives back: of money taken elsewhere, and those that the bank returned."""
    payments = {payment.pk: payment for payment in story.payments}
    failed = {row.id for row in unreturned(story.picture().refunds)}
    return [row for row in story.refunds if row.pk in failed or (
        row.state == RefundState.REQUESTED and payments[row.payment_id].provider == DESK)]


def _cannot_record_refund(situation: Situation) -> str:
    story = situation.story
    if story is None:
        return no_booking(situation)
    return "" if _to_give(story) else "No refund waits to be given back by hand."


class RefundGivenForm(ReceiptForm):
    """Which refund, how, and the paper that proves it."""

    refund = forms.TypedChoiceField(label="Refund", coerce=int, error_messages={
        "invalid_choice": "Choose one of the refunds in the list."})
    field_order = ("refund", "method", "receipt")


def _refund_form(situation: Situation) -> type[forms.Form] | None:
    story = situation.story
    if story is None:
        return None
    choices = [(row.pk, f"{Money(row.amount_minor, row.currency)}, {_why(row)}") for row in _to_give(story)]
    return type("RefundGivenFormNow", (RefundGivenForm,), {
        "receipt": _receipt_field("the refund"),
        "refund": forms.TypedChoiceField(label="Refund", coerce=int, choices=choices,
                                         initial=choices[0][0] if choices else None)})


def _why(row: Refund) -> str:
    if row.state == RefundState.FAILED:
        return "returned by the bank"
    words = {"cancelled": "for the cancellation", "no_order": "because there is no ticket"}
    return words.get(row.cause.partition("~")[0], "as staff decided")


def _chosen(situation: Situation, params: Params) -> Refund | None:
    wanted = params.get("refund")
    return next((row for row in _to_give(situation.story) if row.pk == wanted), None) if situation.story else None


def _refund_money(situation: Situation, params: Params) -> Money | None:
    row = _chosen(situation, params)
    return Money(row.amount_minor, row.currency) if row else None


def _record_refund(situation: Situation, params: Params, by: By) -> str:
    story, receipt, row = story_of(situation), str(params["receipt"]), _chosen(situation, params)
    if row is None:
        raise Problem("changed_meanwhile", "This refund does not wait any more.", status=409,
                      action="Look at the booking again")
    other = Refund.objects.filter(external_id=f"{BY_HAND}{receipt}").select_related("payment__booking").first()
    if other is not None:
        raise _already(receipt, other.payment.booking.reference)
    now, how = situation.now, f"{METHODS[str(params['method'])]}, receipt {receipt}"
    if row.state == RefundState.FAILED:  # the one that came back stays in the books; this one takes its place
        row = Refund(payment_id=row.payment_id, cause=f"{row.cause.partition('~')[0]}~{row.pk}",
                     amount_minor=row.amount_minor, currency=row.currency, requested_at=now)
        row.save()
        story.refunds.append(row)
        Diary.objects.create(booking=story.booking, at=now, actor=by.actor, event="refund.requested",
                             subject=f"refund:{row.pk}", after=str(row.amount_minor), cause=row.cause)
    mine = next(one for one in story.refunds if one.pk == row.pk)
    mine.move(RefundState.SUCCEEDED)
    mine.external_id, mine.method = f"{BY_HAND}{receipt}", str(params["method"])
    mine.sent_at = mine.looked_at = mine.done_at = now
    mine.save()
    Diary.objects.create(booking=story.booking, at=now, actor=by.actor, event="refund.moved",
                         subject=f"refund:{row.pk}", before=RefundState.REQUESTED.value,
                         after=RefundState.SUCCEEDED.value, cause=how)
    _count(story, row.payment_id)
    if not _to_give(story):
        cases.heal(kind="refund_by_hand", subject=f"booking:{story.booking.pk}", now=now, because="given back by hand")
    wake(story.booking.pk, now)
    return f"{Money(row.amount_minor, row.currency)} is recorded as given back ({how})."


def _count(story: Story, payment_id: int) -> None:
    """The payment's refunded sum: what is out of ours, and what others gave back at the gateway."""
    payment = next(one for one in story.payments if one.pk == payment_id)
    out = sum(row.amount_minor for row in story.refunds if row.payment_id == payment_id and row.state in OUT)
    payment.refunded_minor = min(payment.by_hand_minor + out, payment.captured_minor)
    payment.save(update_fields=["refunded_minor"])


def _refund_plan(situation: Situation, params: Params) -> Plan:
    money = _refund_money(situation, params)
    return Plan(
        will=("It is written down, with your name, that this refund reached the customer by hand. Nothing is sent to "
              "anybody by it: give it back first.",
              "The customer is told by mail that it is sent.",
              "A refund that the bank returned is never sent again by machine then."),
        amounts=(("Given back elsewhere", str(money)),) if money else ())


RECORD_REFUND = Action(
    "record_refund", "Record a refund given elsewhere", "money", "bookings.do_record_refund", plan=_refund_plan,
    perform=_record_refund, unavailable=_cannot_record_refund, form=_refund_form, money=_refund_money, danger=True)


# --- cancelled by the consolidator ------------------------------------------------------------------------------


def _cancellable(situation: Situation) -> SupplierOrder | None:
    """The ticket, or the reservation that no program of ours can reach."""
    order = situation.story.order if situation.story else None
    if order is None or order.state not in (OrderState.TICKETED, OrderState.RESERVED, OrderState.CANCELLING):
        return None
    return order if order.state == OrderState.TICKETED or order.by_locator else None


def _cannot_record_cancellation(situation: Situation) -> str:
    story = situation.story
    if story is None:
        return no_booking(situation)
    if story.booking.route != Route.MANUAL:
        return "The airline cancels this one through us: ask what it gives back, then cancel."
    order = story.order
    if order is not None and order.state in LIVE and _cancellable(situation) is None:
        return "The worker cancels a reservation with the airline: cancel the booking."
    if order is None or _cancellable(situation) is None:
        return "There is no ticket or reservation to be cancelled."
    payment = story.payment
    if payment is not None and payment.state in (PaymentState.CAPTURING, PaymentState.AUTHORISED) and (
            order.state == OrderState.TICKETED and situation.now - (order.ticketed_at or situation.now) < RUNNING):
        return "The money for this ticket is being taken: look again when that is done."
    return ""


def _left(story: Story) -> int:
    """What can still be given back of what was taken, minor units."""
    facts = story.picture()
    return max(left_to_give(facts.payment, facts.refunds), 0) if facts.payment else 0


def _asks_amount(story: Story) -> bool:
    """Whether somebody must say what comes back: money is kept, and nothing was agreed or is given back whole."""
    return _left(story) > 0 and story.booking.wish == Wish.BOOK and not story.booking.closing


class CancelledForm(forms.Form):
    """What the customer gets back, and how many refunds the page showed."""

    currency, left = "USD", 0
    seen = forms.IntegerField(widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """The amount as minor units."""
        found = dict(super().clean() or {})
        typed, minor = str(found.pop("amount", "0")), 0
        try:
            minor = Money.parse(typed.removeprefix(self.currency).strip() or "x", self.currency).minor
        except MoneyError:
            self.add_error("amount", f"Enter an amount of {self.currency}, 0 for nothing.")
        if minor < 0 or minor > self.left:
            self.add_error("amount", f"Between nothing and {Money(self.left, self.currency)}: that is what was paid.")
        return {**found, "amount_minor": minor}


def _cancelled_form(situation: Situation) -> type[forms.Form] | None:
    story = situation.story
    if story is None:
        return None
    fields: dict[str, Any] = {
        "currency": story.booking.currency, "left": _left(story),
        "seen": forms.IntegerField(widget=forms.HiddenInput, initial=len(story.refunds))}
    if _asks_amount(story):
        most = Money(_left(story), story.booking.currency)
        fields["amount"] = forms.CharField(
            label=f"The customer gets back ({story.booking.currency})", max_length=20, strip=True,
            help_text=f"Of what they paid, and as you agreed with them: at most {most}. 0 for nothing.",
            widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}))
    return type("CancelledFormNow", (CancelledForm,), fields)


def _cancelled_money(situation: Situation, params: Params) -> Money | None:
    story = situation.story
    if story is None or not _asks_amount(story) or "amount_minor" not in params:
        return None
    return Money(int(params["amount_minor"]), story.booking.currency)


def _record_cancellation(situation: Situation, params: Params, by: By) -> str:
    story, order, now = story_of(situation), _cancellable(situation), situation.now
    booking, back = story.booking, int(params.get("amount_minor", 0))
    if order is None or int(params.get("seen", -1)) != len(story.refunds) or back > _left(story):
        raise Problem("changed_meanwhile", "Tickets or refunds are not those that this page showed.", status=409,
                      action="Look at the booking again")
    asks, before = _asks_amount(story), OrderState(order.state)
    order.move(OrderState.CANCELLED)
    order.cancelled_at = now
    order.save(update_fields=["state", "cancelled_at"])
    Diary.objects.create(booking=booking, at=now, actor=by.actor, event="order.moved", subject=f"order:{order.pk}",
                         before=before.value, after=OrderState.CANCELLED.value, cause="cancelled by the consolidator")
    if booking.wish == Wish.BOOK and not booking.closing:
        booking.agreed_refund_minor, payment = (back if asks else None), story.payment
        if payment is not None and payment.by_hand_minor != payment.by_hand_before_minor:
            payment.by_hand_before_minor = payment.by_hand_minor  # given before: what is said now comes on top of it
            payment.save(update_fields=["by_hand_before_minor"])
        services.cancel_locked(booking, now, refund_minor=None, actor=by.actor)
    else:
        wake(booking.pk, now)
    if asks:
        return f"The booking is cancelled; the customer gets {Money(back, booking.currency)} back."
    return "The booking is cancelled; nothing was paid for it." if not _left(story) else "It is written down."


def _cancelled_plan(situation: Situation, params: Params) -> Plan:
    story = situation.story
    if story is None:
        return Plan(will=("The cancellation is written down.",))
    payment, currency = story.payment, story.booking.currency
    desk = payment is not None and payment.provider == DESK
    money: tuple[str, ...] = ()
    if _asks_amount(story):
        money = ("The money was taken elsewhere: give it back by hand, then record the refund." if desk else
                 "What the customer gets back goes to their card by itself.",)
    elif payment is not None and payment.state in (PaymentState.OPEN, PaymentState.AUTHORISED):
        money = ("The card is released: nothing is charged.",)
    amounts = (("The customer paid", amount_text(payment.captured_minor, currency)),
               ("The customer gets back", amount_text(int(params["amount_minor"]), currency)),
               ("Not given back", amount_text(_left(story) - int(params["amount_minor"]), currency)),
               ) if payment is not None and _asks_amount(story) and "amount_minor" in params else ()
    return Plan(
        will=("It is written down that the consolidator has cancelled this. Nothing is asked of the airline by it: "
              "have it cancelled first.", "The booking ends, and the customer is told by mail.", *money),
        calls=("Stripe: POST /v1/refunds",) if money and _asks_amount(story) and not desk else (), amounts=amounts)


RECORD_CANCELLATION = Action(
    "record_cancellation", "Record a cancellation by the consolidator", "order", "bookings.do_record_cancellation",
    plan=_cancelled_plan, perform=_record_cancellation, unavailable=_cannot_record_cancellation, form=_cancelled_form,
    money=_cancelled_money, danger=True)

ACTIONS = (RECORD_PAYMENT, RECORD_REFUND, RECORD_CANCELLATION)
