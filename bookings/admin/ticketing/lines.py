"""A reservation as one line of the worklist: who flies where, until when, what of the money, and what to do first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.urls import reverse

from bookings.admin import press
from bookings.admin.ticketing.reading import SOON
from bookings.admin.words import span
from bookings.desk import ACTIONS
from bookings.desk.tickets import TAKEN_FOR, as_sent, unnumbered
from bookings.models import Case, Passenger, Segment
from bookings.selectors import words as said
from fly2any.kernel.readonly import amount
from payments.models import Payment
from payments.types import DESK, METHODS
from payments.types import PaymentState as P
from suppliers.models import SupplierOrder
from suppliers.types import OrderState

HURRY = timedelta(hours=6)
NAMED = 4  # travellers shown; the rest is counted


@dataclass(frozen=True)
class Line:
    """What one line says. Times UTC."""

    order: SupplierOrder
    reference: str
    locators: tuple[str, ...]
    people: tuple[str, ...]
    more_people: int
    flights: tuple[tuple[str, str, str], ...]  # route, flight, when it leaves by the airport's clock
    by: str  # the deadline in full
    left: str  # in words
    urgency: str  # late, hurry, soon, ""
    money: str
    money_note: str
    owner: str
    mine: bool
    address: str  # of the case, or of the booking
    about: str  # what the address leads to
    action: str
    action_address: str
    may: bool
    take_key: str  # for the button that takes it; "" when somebody has it
    take_address: str
    give_address: str


def lines_of(orders: Sequence[SupplierOrder], user: User, now: datetime) -> list[Line]:
    """The lines of a page, in four queries however long it is."""
    bookings = [order.booking_id for order in orders]
    people, flights, cases = defaultdict(list), defaultdict(list), dict[int, Case]()
    payments = dict[int, Payment]()
    for person in Passenger.objects.filter(booking__in=bookings).order_by("position"):
        people[person.booking_id].append(person)
    for flight in Segment.objects.filter(booking__in=bookings).order_by("position"):
        flights[flight.booking_id].append(flight)
    for case in Case.objects.filter(booking__in=bookings, closed_at=None).order_by("-severity", "-pk"):
        cases[case.booking_id or 0] = case  # the most urgent comes last
    for payment in Payment.objects.filter(booking__in=bookings).order_by("pk"):
        payments[payment.booking_id] = payment
    return [_line(order, people[order.booking_id], flights[order.booking_id], cases.get(order.booking_id),
                  payments.get(order.booking_id), user, now) for order in orders]


def _line(order: SupplierOrder, people: list[Passenger], flights: list[Segment], case: Case | None,
          payment: Payment | None, user: User, now: datetime) -> Line:
    booking = order.booking
    reserved = order.state == OrderState.RESERVED
    money, note = money_of(order, payment, now)
    name = first_of(order, payment, now)
    about = (f"case/{case.pk}" if case else f"booking/{booking.pk}")
    shown = [person for person in people if reserved] or unnumbered(order, people)
    by, left, urgency = _deadline(order, now)
    return Line(
        order=order, reference=booking.reference, locators=_locators(order),
        people=tuple(_written(person) for person in shown[:NAMED]), more_people=max(len(shown) - NAMED, 0),
        flights=_route(flights), by=by, left=left, urgency=urgency, money=money, money_note=note,
        owner=order.handler.get_username() if order.handler else "", mine=order.handler_id == user.pk,
        address=reverse(f"admin:bookings_{about.partition('/')[0]}_change", args=[about.partition("/")[2]]),
        about="the case" if case else "the booking", action=ACTIONS[name].label,
        action_address=reverse("admin:bookings_booking_verb", args=[booking.pk, name]),
        may=user.has_perm(ACTIONS[name].permission),
        take_key=press.new_key(user.pk, "take_ticketing", f"booking:{booking.pk}") if reserved and not order.handler_id
        else "", take_address=reverse("admin:bookings_booking_verb", args=[booking.pk, "take_ticketing"]),
        give_address=reverse("admin:bookings_booking_verb", args=[booking.pk, "give_ticketing"]) if reserved else "")


def _written(person: Passenger) -> str:
    """As it was sent to the airline; an infant is named as one."""
    name = as_sent(person) or "no name kept"
    return f"{name} (infant)" if person.kind == "infant" else name


def _locators(order: SupplierOrder) -> tuple[str, ...]:
    """The reservation's own locator first, then each airline's: "LH: X4RT2K"."""
    own = order.pnr
    others = [f"{row[0]}: {row[1]}" for row in order.locators
              if isinstance(row, list) and len(row) > 1 and row[1] != own]
    return tuple(one for one in (own, *others) if one)


def _route(flights: list[Segment]) -> tuple[tuple[str, str, str], ...]:
    """Each direction in one line: FRA → JFK → MIA, and when it leaves by the airport's clock."""
    found: dict[int, list[Segment]] = defaultdict(list)
    for flight in flights:
        found[flight.direction].append(flight)
    return tuple((" → ".join([part[0].origin, *(one.destination for one in part)]),
                  f"{part[0].carrier_code} {part[0].flight_number}", _local(part[0].departing_local))
                 for _, part in sorted(found.items()))


def _local(text: str) -> str:
    at = said.local(text)
    return f"{at:%-d %b %Y, %H:%M}" if at else text


def _deadline(order: SupplierOrder, now: datetime) -> tuple[str, str, str]:
    """The deadline in full, how long it is away in words, and how urgent that is."""
    if order.state != OrderState.RESERVED:
        since = order.ticketed_at or now
        return f"ticketed {since:%-d %b, %H:%M} UTC", f"a number is missing for {span(now - since)}", "soon"
    if order.pay_by is None:
        return "the airline named none", "as soon as possible", "hurry"
    left = order.pay_by - now
    words = span(left) if left > timedelta(0) else f"overdue by {span(-left)}"
    urgency = next((word for limit, word in ((timedelta(0), "late"), (HURRY, "hurry"), (SOON, "soon"))
                    if left <= limit), "")
    return f"{order.pay_by:%a %-d %b, %H:%M} UTC", words, urgency


def money_of(order: SupplierOrder, payment: Payment | None, now: datetime) -> tuple[str, str]:
    """Where the money stands, in words, and a note to it."""
    due = amount(order.booking.accepted_minor, order.booking.currency)
    if payment is not None and payment.state == P.CAPTURED and payment.provider == DESK:
        return "Paid elsewhere", f"{due}, {METHODS.get(payment.method, 'by hand')}"
    if payment is not None and payment.state in (P.CAPTURED, P.CAPTURING):
        return "Paid by card", due
    if payment is not None and payment.state == P.AUTHORISED:
        until = payment.authorised_at + TAKEN_FOR if payment.authorised_at else None
        return "Card reserved", f"{due}, until {until:%H:%M} UTC ({span(until - now)})" if until else due
    if payment is not None and payment.state == P.VOIDING:
        return "Card being released", "nothing is charged"
    if order.booking.card_wanted:
        return "Link sent", f"{due}, the customer has not paid"
    if payment is not None and payment.authorised_at:
        return "Card released", f"{due}, nothing was charged"
    return "Nothing yet", due


def first_of(order: SupplierOrder, payment: Payment | None, now: datetime) -> str:
    """The name of the one action that comes first: the money, then the tickets; past the deadline a look."""
    if order.state != OrderState.RESERVED:
        return "enter_tickets"
    late = order.pay_by is not None and order.pay_by <= now
    if late and not order.by_locator:
        return "look_again"
    paid = payment is not None and payment.state in (P.AUTHORISED, P.CAPTURED)
    return "enter_tickets" if paid or order.booking.card_wanted else "send_pay_link"
