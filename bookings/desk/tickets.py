"""Ticket numbers typed in by hand: a reservation becomes a ticket, and the money that waits for it is taken."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import Q

from bookings.desk import stock
from bookings.desk.action import Action, By, Params, Plan, Situation
from bookings.desk.casework import AssignForm, colleague, no_booking
from bookings.desk.money import amount_text, story_of
from bookings.facts import Story
from bookings.flow import AUTHORISATION_LIFE, STUCK_UNDOING, Wish
from bookings.models import Booking, Diary, Passenger
from bookings.wake import wake
from fly2any.kernel.errors import Problem
from fly2any.kernel.letters import ticket_name
from payments.types import PaymentState as P
from suppliers.models import BY_STAFF, SupplierOrder
from suppliers.types import OrderState

MOST = 4  # tickets of one traveller: one for each of several reservations
PASTED = 4000  # characters
TAKEN_FOR = AUTHORISATION_LIFE - STUCK_UNDOING  # a reserved card is released after this time (I7)
LOCATOR = "locator:"  # how an order is called that staff know by its record locator alone; nobody can fetch it


def unnumbered(order: SupplierOrder, people: Iterable[Passenger]) -> list[Passenger]:
    """The travellers that have no ticket yet."""
    numbered = {person for ticket in order.tickets if ticket.get("kind") != "emd"
                for person in ticket.get("passengers", ())}
    return [person for person in people if person.external_id not in numbered]


def as_sent(person: Passenger) -> str:
    """A name as it goes to the airline and stands on the ticket: MUELLER / ANNA-LENA; "" while none is kept."""
    family, given = ticket_name(person.family_name), ticket_name(person.given_name)
    return f"{family} / {given}" if family and given else ""


def carrier_of(booking: Booking) -> str:
    """The airline whose tickets they are, by its two letters, as the offer names it; "" when it does not."""
    offer = booking.offer
    return str((offer.priced or offer.searched or {}).get("owner_code", ""))


class TicketsForm(forms.Form):
    """A number for each traveller: 13 digits, the first three the airline's, none twice. Pasted ones are dealt out."""

    people: tuple[tuple[str, str], ...] = ()  # name, name as airlines write it
    carrier = ""

    private_paste = forms.CharField(
        label="Paste from the consolidator (optional)", required=False, max_length=PASTED, strip=True,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
        help_text="Their mail or list as it is. Numbers go to the travellers named in the same line, or in order. You "
                  "see who got which before anything is done.")

    def __init__(self, data: Any = None, *args: Any, **named: Any) -> None:
        self.undealt = False
        super().__init__(self._dealt(data), *args, **named)
        for index, (name, _) in enumerate(self.people):
            self.fields[f"private_ticket_{index}"] = forms.CharField(
                label=f"Ticket of {name}", max_length=80,
                help_text=f"13 digits, such as {stock.code_of(self.carrier) or '125'}-2345678901",
                widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
                error_messages={"required": "Every traveller has a ticket number, infants too."})
        if data is not None and self._strange(data):
            self.fields["other_stock"] = forms.BooleanField(
                label="They are tickets of another airline, and the consolidator has said so", required=False)

    def _dealt(self, data: Any) -> Any:
        """What was typed, with pasted numbers in the fields of those they belong to."""
        pasted = str(data.get("private_paste") or "")[:PASTED] if data is not None else ""
        if not pasted.strip():
            return data
        found = stock.dealt(pasted, [written for _, written in self.people])
        if found is None:
            self.undealt = True
            return data
        copy = data.copy()
        copy["private_paste"] = ""
        for place, numbers in found.items():
            if not str(copy.get(f"private_ticket_{place}") or "").strip():
                copy[f"private_ticket_{place}"] = ", ".join(numbers)
        return copy

    def _strange(self, data: Any) -> bool:
        """Whether a typed number is of another airline than the one that sells the flights."""
        own, typed = stock.code_of(self.carrier), self._dealt(data)
        return bool(own) and any(number[:3] != own for index, _ in enumerate(self.people)
                                 for number in _numbers(typed.get(f"private_ticket_{index}")))

    def clean(self) -> dict[str, Any]:
        """The numbers without blanks and hyphens, several of one traveller with a comma between them."""
        found, seen = dict(super().clean() or {}), set[str]()
        if self.undealt:
            self.add_error("private_paste", "There is not exactly one number, or one line of numbers, for each "
                                            "traveller: name the travellers in the lines, or type the numbers below.")
        other = bool(found.get("other_stock"))
        first = next((number[0][:3] for index, _ in enumerate(self.people)
                      if (number := _numbers(found.get(f"private_ticket_{index}")))), "")
        for index, _ in enumerate(self.people):
            name = f"private_ticket_{index}"
            numbers = _numbers(found.get(name))
            wrong = self._wrong(numbers, seen, first, other) if name in found else ""
            if wrong:
                self.add_error(name, wrong)
            seen.update(numbers)
            found[name] = ",".join(numbers)
        return found

    def _wrong(self, numbers: list[str], seen: set[str], first: str, other: bool) -> str:
        own = stock.code_of(self.carrier)
        if not numbers or len(numbers) > MOST or not all(stock.TICKET.fullmatch(number) for number in numbers):
            return "A ticket number has 13 digits; the first three are the airline's."
        if not other and own and any(number[:3] != own for number in numbers):
            return f"Tickets of {self.carrier} begin with {own}. Check the number; if it is right, say so below."
        if not other and any(number[:3] != first for number in numbers):
            return f"All tickets of one order are of one airline: {first}."
        twice = len(set(numbers)) < len(numbers) or bool(seen.intersection(numbers))
        return "This number stands at another traveller already." if twice else ""


def _numbers(typed: Any) -> list[str]:
    """What stands in one field, cut at commas; where each part is a number its blanks and hyphens are left out."""
    return [re.sub(r"[\s-]", "", part) for part in re.split(r"[,;/]", str(typed or "")) if part.strip()]


def _people(situation: Situation) -> list[Passenger]:
    """Those who still need a number, in their order."""
    story = situation.story
    if story is None or story.order is None:
        return []
    return unnumbered(story.order, Passenger.objects.filter(booking=story.booking).order_by("position"))


def _form(situation: Situation) -> type[forms.Form] | None:
    if situation.booking is None:
        return None
    people = tuple((f"{person.given_name} {person.family_name}".strip() or "the traveller",
                    as_sent(person)) for person in _people(situation))
    return type("TicketsFormNow", (TicketsForm,), {"people": people, "carrier": carrier_of(situation.booking)})


def _cannot(situation: Situation) -> str:
    story = situation.story
    if story is None:
        return no_booking(situation)
    order = story.order
    if order is None or order.state not in (OrderState.RESERVED, OrderState.TICKETED):
        return "There is no reservation or ticket that numbers could belong to."
    if story.booking.wish == Wish.CANCEL or (story.booking.closing and order.state == OrderState.RESERVED):
        return "The booking is being cancelled."
    if order.tickets and not _people(situation):
        return "The airline has told us the ticket numbers."
    return ""


def _enter(situation: Situation, params: Params, by: By) -> str:
    story = story_of(situation)
    order, people = story.orders[-1], _people(situation)
    given = [str(params.get(f"private_ticket_{index}", "")).split(",") for index, _ in enumerate(people)]
    if not given or not all(stock.TICKET.fullmatch(number) for numbers in given for number in numbers):
        raise Problem("tickets_missing", "Every traveller needs a ticket number of 13 digits.", status=422,
                      action="Enter the numbers")
    _only_here(order, given)
    order.tickets = [*order.tickets, *(
        {"kind": "ticket", "number": number, "passengers": [person.external_id], "by": BY_STAFF}
        for numbers, person in zip(given, people, strict=True) for number in numbers)]
    if order.state == OrderState.RESERVED:
        order.move(OrderState.TICKETED)
        order.ticketed_at = situation.now
        Diary.objects.create(booking=story.booking, at=situation.now, actor=by.actor, event="order.moved",
                             subject=f"order:{order.pk}", before=OrderState.RESERVED.value,
                             after=OrderState.TICKETED.value, cause="ticket numbers entered")
    if not order.external_id.startswith(LOCATOR):
        order.news_at = situation.now  # the airline may have cancelled: its order is looked at before any money
    order.save(update_fields=["tickets", "state", "ticketed_at", "news_at"])
    wake(story.booking.pk, situation.now)
    count = sum(len(numbers) for numbers in given)
    return f"{count} ticket number{'s are' if count > 1 else ' is'} kept."


def _only_here(order: SupplierOrder, given: list[list[str]]) -> None:
    """A ticket is one journey's: Problem when another order has the number (one look in the index for each)."""
    for index, numbers in enumerate(given):
        named = Q()
        for number in numbers:
            named |= Q(tickets__contains=[{"number": number}])
        other = (SupplierOrder.objects.exclude(tickets=[]).filter(named).exclude(pk=order.pk)
                 .select_related("booking").first())
        if other is not None:
            said = f"This is a ticket of {other.booking.reference}."
            raise Problem("ticket_taken", said, status=422, action="Check the number",
                          field_errors={f"private_ticket_{index}": said})


# --- what will happen -------------------------------------------------------------------------------------------


def _plan(situation: Situation, params: Params) -> Plan:
    story = situation.story
    if story is None or story.order is None:
        return Plan(will=("The numbers are kept with the order and shown to the customer.",))
    reserved = story.order.state == OrderState.RESERVED
    dealt = tuple((_written(person), ", ".join(f"{number[:3]}-{number[3:]}" for number in numbers.split(",")))
                  for index, person in enumerate(_people(situation))
                  if (numbers := str(params.get(f"private_ticket_{index}", ""))))
    look = () if story.order.external_id.startswith(LOCATOR) else ("Airline: get the order",)
    return Plan(
        will=("The numbers are kept with the order and shown to the customer.",
              *(("The reservation becomes a ticket: from now on a cancellation follows the fare's rules.",
                 *_money(story)) if reserved else ()),
              "Numbers that the airline shows later take their place."),
        calls=(*look, *(("Stripe: POST /v1/payment_intents/…/capture",) if reserved and _reserved(story) else ())),
        amounts=(*dealt, *_taken(story)) if reserved else dealt)


def _written(person: Passenger) -> str:
    return as_sent(person) or f"traveller {person.position + 1}"


def _reserved(story: Story) -> bool:
    return story.payment is not None and story.payment.state in (P.AUTHORISED, P.CAPTURING)


def _taken(story: Story) -> tuple[tuple[str, str], ...]:
    """What is taken from the card by it."""
    payment, order = story.payment, story.order
    if payment is None or order is None or not _reserved(story):
        return ()
    due = min(payment.amount_minor, order.total_minor + story.booking.fee_minor)
    return (("Taken from the card", amount_text(due, payment.currency)),)


def _money(story: Story) -> tuple[str, ...]:
    """What becomes of the money, by where it stands."""
    payment = story.payment
    if payment is not None and payment.state == P.CAPTURED:
        return ("The money has been taken already, so the booking is confirmed and the customer gets the tickets.",)
    if payment is not None and _reserved(story):
        until = f" (until {payment.authorised_at + TAKEN_FOR:%-d %b, %H:%M} UTC)" if payment.authorised_at else ""
        return (f"The customer's card is reserved for it{until}: once the airline's order has been looked at, the "
                "money is taken, the booking is confirmed, and the customer gets the tickets.",)
    if story.booking.card_wanted:
        return ("The customer has the link to pay and has not paid. Until they do, the case TICKETED UNPAID is open: "
                "better wait for the card, or record what was paid elsewhere first.",)
    return ("No payment is recorded, and no link to pay is with the customer: the case TICKETED UNPAID opens at once. "
            "Better record the payment, or send the link, before the tickets.",)


ENTER_TICKETS = Action("enter_tickets", "Enter ticket numbers", "order", "bookings.do_tickets", plan=_plan,
                       perform=_enter, unavailable=_cannot, form=_form, danger=True)


# --- who issues them --------------------------------------------------------------------------------------------


def _cannot_hand(situation: Situation) -> str:
    story = situation.story
    if story is None:
        return no_booking(situation)
    waits = story.order is not None and story.order.state == OrderState.RESERVED
    return "" if waits else "No reservation waits for its tickets."


def _hand(situation: Situation, to: User, by: By) -> str:
    story = story_of(situation)
    SupplierOrder.objects.filter(pk=story.orders[-1].pk).update(handler=to)
    story.booking.cases.filter(kind="ticketing_deadline", closed_at=None).update(taken_by=to)
    wake(story.booking.pk, situation.now)  # a driver at work reads the order again instead of writing over it
    return f"The tickets are {'yours' if to.pk == by.operator.pk else f'now with {to.username}'}."


def _to_colleague(situation: Situation, params: Params, by: By) -> str:
    return _hand(situation, colleague(params), by)


TAKE_TICKETING = Action(
    "take_ticketing", "I issue the tickets", "order", "bookings.do_tickets",
    plan=lambda _, __: Plan(
        will=("The reservation is yours in the list of what is to be ticketed, and so is its alert, if it has one.",
              "Nothing is asked of anybody outside, and no mail is sent.")),
    perform=lambda situation, _, by: _hand(situation, by.operator, by), unavailable=_cannot_hand, needs_reason=False,
    short=True)
GIVE_TICKETING = Action(
    "give_ticketing", "Give the tickets to somebody", "order", "bookings.do_tickets",
    plan=lambda _, __: Plan(
        will=("The reservation becomes this colleague's in the list of what is to be ticketed, and so does its alert.",
              "Nothing is asked of anybody outside, and no mail is sent.")),
    perform=_to_colleague, form=lambda _: AssignForm, unavailable=_cannot_hand, needs_reason=False, takes=False)

ACTIONS = (ENTER_TICKETS, TAKE_TICKETING, GIVE_TICKETING)
