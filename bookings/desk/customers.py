"""Actions towards the customer: the page where they pay, a mail again, another address, their documents in full."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import Q
from django.db.models.functions import Coalesce

from bookings import forms as rules
from bookings import mail, outbox, services, telling
from bookings.desk.action import Action, By, Mail, Params, Plan, Situation
from bookings.desk.casework import no_booking
from bookings.desk.money import order_state, story_of, unsure_order
from bookings.flow import Route, Wish
from bookings.forms import contact as contacts
from bookings.models import Booking, Diary, Outbox, Passenger, StaffAction
from bookings.status import Status
from bookings.wake import wake
from fly2any.kernel import secretbox
from fly2any.kernel.errors import Problem
from fly2any.kernel.money import Money
from payments.types import PaymentState
from suppliers.types import OrderState

SHOWN = timedelta(minutes=2)  # how long a reveal shows documents to the one who asked
LISTED = 50  # mails to choose from
NEWEST = 0  # the choice that fits every line when many are sent again at once
OF_OTHERS = ("contact_changed", "lookup_link", *telling.OF_STAFF)  # not for the customer of today


def _mail(kind: str, booking: Booking | None, now: datetime, *, version: str = "1") -> Mail | None:
    found = mail.preview(kind, booking, now, version=version) if booking else None
    return Mail(*found) if found else None


def _no_address(situation: Situation) -> str:
    booking = situation.booking
    return "" if booking is None or booking.contact_email else "The customer's address is not kept any more."


# --- the link to pay --------------------------------------------------------------------------------------------


def _to_be_paid_by_link(situation: Situation) -> bool:
    """Whether a reservation of ours, or its ticket, waits for money that nobody has brought yet."""
    story = situation.story
    return (story is not None and story.booking.route == Route.MANUAL and story.booking.wish == Wish.BOOK
            and not story.booking.closing and order_state(situation) in (OrderState.RESERVED, OrderState.TICKETED))


def _cannot_pay(situation: Situation) -> str:
    booking, story = situation.booking, situation.story
    if booking is None or story is None:
        return no_booking(situation)
    payment = story.payment
    if _to_be_paid_by_link(situation):
        if payment is not None and payment.state == PaymentState.CAPTURED:
            return "The money has been taken already."
        if payment is not None and payment.state in (PaymentState.AUTHORISED, PaymentState.CAPTURING):
            return "The card is reserved already: enter the ticket numbers."
        if payment is not None and payment.state == PaymentState.VOIDING:
            return "The card is being released: look again in a moment."
        return _no_address(situation)
    if booking.status in (Status.HOLD, Status.PENDING_PAYMENT):
        return unsure_order(situation) or _no_address(situation)
    return "There is nothing to pay: nothing is held or ticketed that waits for money."


def _pay_link(situation: Situation, _: Params, by: By) -> str:
    booking = story_of(situation).booking
    sent = Outbox.objects.filter(booking=booking, kind="pay_link").count()
    if _to_be_paid_by_link(situation) and not booking.card_wanted:
        booking.card_wanted = True
        booking.save(update_fields=["card_wanted"])
        Diary.objects.create(booking=booking, at=situation.now, actor=by.actor, event="card.wanted")
        wake(booking.pk, situation.now)
    outbox.queue("pay_link", booking, situation.now, version=str(sent + 1))
    return "The link goes to the customer's address."  # not which: what is said here is kept for ever


def _pay_link_plan(situation: Situation, _: Params) -> Plan:
    if not _to_be_paid_by_link(situation) or situation.booking is None:
        return Plan(
            will=("The customer gets a mail with a link that opens their booking, where they can pay.",
                  "Nothing is charged by sending it."), mail=_mail("pay_link", situation.booking, situation.now))
    to_be = copy.copy(situation.booking)
    to_be.card_wanted = True
    ticketed = order_state(situation) is OrderState.TICKETED
    return Plan(
        will=("The customer gets a mail with a link that opens their booking, where they give their card.",
              "The card is charged at once then: the tickets are issued." if ticketed else
              "The card is only reserved then, for 8 hours at most: it is charged when you enter the ticket numbers, "
              "and released by itself when you do not. Send the link when the tickets can be issued within hours.",
              "Nothing is charged by sending it."),
        calls=("Stripe: POST /v1/payment_intents",), mail=_mail("pay_link", to_be, situation.now),
        amounts=(("Asked of the customer", str(Money(to_be.accepted_minor, to_be.currency))),))


SEND_PAY_LINK = Action(
    "send_pay_link", "Send the link to pay", "customer", "bookings.do_pay_link", plan=_pay_link_plan,
    perform=_pay_link, unavailable=_cannot_pay)


def _cannot_take_back(situation: Situation) -> str:
    story = situation.story
    if story is None:
        return no_booking(situation)
    if story.booking.route != Route.MANUAL or not story.booking.card_wanted:
        return "No link to pay for a reservation is with the customer."
    payment = story.payment
    if payment is not None and payment.state in (PaymentState.CAPTURING, PaymentState.CAPTURED):
        return "The money has been taken already."
    if order_state(situation) is OrderState.TICKETED and payment is not None and payment.state == (
            PaymentState.AUTHORISED):
        return "The tickets are issued and the card is reserved for them: the money is being taken."
    return "" if order_state(situation) in (OrderState.RESERVED, OrderState.TICKETED) else "Nothing waits for money."


def _take_back(situation: Situation, _: Params, by: By) -> str:
    booking = story_of(situation).booking
    booking.card_wanted = False
    booking.save(update_fields=["card_wanted"])
    Diary.objects.create(booking=booking, at=situation.now, actor=by.actor, event="card.not_wanted")
    wake(booking.pk, situation.now)
    return "The worker closes the page to pay, and releases the card if it is reserved."


TAKE_BACK_LINK = Action(
    "take_back_link", "Take the link to pay back", "customer", "bookings.do_pay_link",
    plan=lambda _, __: Plan(
        will=("The customer cannot pay by the link any more; a card that is reserved is released, nothing is charged.",
              "The seats stay reserved until the airline's deadline, and tickets stay as they are.",
              "Then a payment taken elsewhere can be recorded, or a new link sent."),
        calls=("Stripe: POST /v1/payment_intents/…/cancel",)),
    perform=_take_back, unavailable=_cannot_take_back)


# --- a mail again -----------------------------------------------------------------------------------------------


def _mails(booking: Booking) -> list[Outbox]:
    """What was sent, or given up, to the booking's own contact, the newest first."""
    gone = Q(sent_at__isnull=False) | Q(dropped="undeliverable")
    return list(Outbox.objects.filter(gone, booking=booking, case=None, to="").exclude(kind__in=OF_OTHERS)
                .order_by(Coalesce("sent_at", "due_at").desc(), "-pk")[:LISTED])


class ResendForm(forms.Form):
    """Which mail."""

    mail = forms.TypedChoiceField(label="Mail", coerce=int)


def _resend_form(situation: Situation) -> type[forms.Form] | None:
    if situation.booking is None:
        return None
    sent = _mails(situation.booking)
    choices = [(row.pk, f"{row.kind.replace('_', ' ').capitalize()}, " + (
        f"{row.sent_at:%-d %b %Y, %H:%M} UTC" if row.sent_at else "could not be delivered")) for row in sent]
    return type("ResendFormNow", (ResendForm,), {"mail": forms.TypedChoiceField(
        label="Mail", coerce=int, choices=[(NEWEST, "The newest"), *choices], initial=NEWEST)})


def _cannot_resend(situation: Situation) -> str:
    if situation.booking is None:
        return no_booking(situation)
    return _no_address(situation) or ("" if _mails(situation.booking) else "No mail has gone out for this booking yet.")


def _chosen(situation: Situation, params: Params) -> Outbox | None:
    wanted = params.get("mail")
    return next((row for row in _mails(story_of(situation).booking) if wanted in (NEWEST, row.pk)), None)


def _resend(situation: Situation, params: Params, by: By) -> str:
    row = _chosen(situation, params)
    if row is None:
        raise Problem("no_such_mail", "This mail was not sent for this booking.", status=422, action="Choose another",
                      field_errors={"mail": "Choose one of the mails in the list."})
    why_not = mail.outdated(row, situation.now)
    if why_not:
        raise Problem("outdated", f"This mail would no longer be true: {why_not}.", status=409, action="Choose another",
                      field_errors={"mail": f"It would no longer be true: {why_not}."})
    outbox.repeat(row, situation.now)
    return "The mail goes to the customer's address again."


def _resend_plan(situation: Situation, params: Params) -> Plan:
    row = _chosen(situation, params) if situation.booking and params else None
    return Plan(will=("The mail goes out once more, in today's words, to the address that the booking has now.",
                      "The first one is not taken back."),
                mail=_mail(row.kind, situation.booking, situation.now, version=row.version) if row else None)


RESEND_MAIL = Action("resend_mail", "Send a mail again", "customer", "bookings.do_resend", plan=_resend_plan,
                     perform=_resend, unavailable=_cannot_resend, form=_resend_form, bulk=True)


# --- another address --------------------------------------------------------------------------------------------


class ContactForm(forms.Form):
    """Where we write and call, by the same rules as at booking."""

    stands = ("", "")

    private_email = forms.CharField(label="E-mail", max_length=contacts.LONGEST_EMAIL, strip=True, required=False,
                                    widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    private_phone = forms.CharField(label="Phone", max_length=contacts.LONGEST_PHONE, strip=True, required=False,
                                    help_text="With + and the country code, such as +1 212 555 0123",
                                    widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}))

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.fields["private_email"].initial, self.fields["private_phone"].initial = self.stands

    def clean(self) -> dict[str, Any]:
        """Both as the airline takes them; the phone as E.164."""
        found = super().clean() or self.cleaned_data
        wrong: dict[str, str] = {}
        email = contacts.email(found.get("private_email"), wrong)
        phone = contacts.phone({"phone": found.get("private_phone")}, wrong)
        for at, said in wrong.items():
            self.add_error("private_email" if at == "contact.email" else "private_phone", said)
        return {"private_email": email, "private_phone": phone}


def _contact_form(situation: Situation) -> type[forms.Form] | None:
    booking = situation.booking
    if booking is None:
        return None
    return type("ContactFormNow", (ContactForm,), {"stands": (booking.contact_email, booking.contact_phone)})


def _cannot_correct(situation: Situation) -> str:
    booking = situation.booking
    if booking is None:
        return no_booking(situation)
    return "This booking has not been wished yet." if booking.wish == Wish.DRAFT else ""


def _correct(situation: Situation, params: Params, by: By) -> str:
    booking = story_of(situation).booking
    email, phone = rules.check_contact({"email": params["private_email"], "phone": params["private_phone"]})
    if (email, phone) == (booking.contact_email, booking.contact_phone):
        raise Problem("nothing_changed", "This is what we have already.", status=422, action="Change something",
                      field_errors={"private_email": "This is the address that we have already."})
    services.change_contact_locked(booking, situation.now, email=email, phone=phone, actor=by.actor)
    return "From now on we write and call there."


CORRECT_CONTACT = Action(
    "correct_contact", "Correct the contact", "customer", "bookings.do_contact",
    plan=lambda s, _: Plan(
        will=("Mails and calls about this booking go there from now on.",
              "The address before is told that it was changed. Links that were sent there go on working.",
              "The airline keeps what it was told at booking."), mail=_mail("contact_changed", s.booking, s.now)),
    perform=_correct, unavailable=_cannot_correct, form=_contact_form)


# --- documents in full ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Document:
    """A traveller's document in clear text, for the one page that shows it. Never stored, never logged."""

    traveller: str
    kind: str
    number: str
    country: str
    expires_on: str
    known_traveller: str = ""
    redress: str = ""


def documents_of(booking: Booking, *, row: StaffAction, viewer: User, now: datetime) -> list[Document]:
    """The travel documents in full, for two minutes after `viewer` revealed them (`row` is that action).

    Problem forbidden (403) for anybody else, for another booking, and later. `now` UTC, the database's.
    """
    if row.verb != REVEAL.name or row.booking_id != booking.pk or row.operator_id != viewer.pk or not (
            viewer.has_perm(REVEAL.permission)) or now - row.at > SHOWN:
        raise Problem("forbidden", "Documents are shown once, to the one who asked for them.", status=403,
                      action="Reveal them again, with a reason")
    return [_document(person) for person in _with_documents(booking)]


def _with_documents(booking: Booking) -> list[Passenger]:
    return [person for person in Passenger.objects.filter(booking=booking).order_by("position")
            if person.document or person.numbers]


def _document(person: Passenger) -> Document:
    paper = json.loads(secretbox.unseal(person.document)) if person.document else {}
    numbers = json.loads(secretbox.unseal(person.numbers)) if person.numbers else {}
    return Document(traveller=f"{person.given_name} {person.family_name}".strip(), kind=paper.get("kind", ""),
                    number=paper.get("number", ""), country=paper.get("country", ""),
                    expires_on=paper.get("expires_on") or "", redress=numbers.get("redressNumber", ""),
                    known_traveller=numbers.get("knownTravellerNumber", ""))


def _cannot_reveal(situation: Situation) -> str:
    if situation.booking is None:
        return no_booking(situation)
    return "" if _with_documents(situation.booking) else "No documents are kept for this booking."


REVEAL = Action(
    "reveal", "Show documents in full", "customer", "bookings.do_reveal",
    plan=lambda _, __: Plan(
        will=("The travel documents of this booking are shown to you in full, for two minutes.",
              "It is written down for ever that you looked, when, from where, and why.")),
    perform=lambda _, __, ___: "The documents are shown for two minutes.", unavailable=_cannot_reveal, takes=False)

ACTIONS = (SEND_PAY_LINK, TAKE_BACK_LINK, RESEND_MAIL, CORRECT_CONTACT, REVEAL)
