"""What a mail says about a booking, in words ready to print: read from the rows, never typed by hand.

Flight times keep their airport's clock, deadlines name the place whose clock they use, money carries its currency.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bookings.models import Booking, Passenger, Selection
from bookings.status import MoneyWord
from fly2any.kernel.money import Money
from payments.models import Payment, Refund
from payments.types import RefundState
from suppliers.models import SupplierOrder
from suppliers.stored import slice_from_json
from suppliers.types import Condition, FlightSegment, FlightSlice, OfferInfo, Place

FREE_FOR = timedelta(hours=24)  # our policy (dot-rules.md 2.5), where the airline gives everything back
FREE_IF_AHEAD = timedelta(days=7)
TITLES = {"mr": "Mr", "ms": "Ms", "mrs": "Mrs", "miss": "Miss", "dr": "Dr"}
REASONS = {
    "offer_expired": "This fare ran out before the airline could accept the booking.",
    "sold_out": "The airline sold the last seat at this fare.",
    "payment_window": "The time for paying ran out.",
    "hold_lapsed": "The airline's deadline for paying passed.",
    "too_many_attempts": "Five card payments were declined, so we stopped.",
    "payment_unavailable": "The card payment could not be opened.",
    "schedule_changed": "The airline changed the times or flights of this trip.",
    "airline_cancelled": "The airline cancelled this booking.",
    "passenger_rejected": "The airline did not accept a traveller's details.",
    "captured_without_order": "The airline did not make the booking.",
}


def words(booking: Booking) -> dict[str, Any]:
    """Everything the templates of templates/mail may say about a booking."""
    offer = booking.offer.info
    order = booking.orders.order_by("-pk").first()
    payment = booking.payments.order_by("-pk").first()
    slices = tuple(slice_from_json(raw) for raw in order.itinerary) if order and order.itinerary else offer.slices
    zone = slices[0].origin if slices else None
    people = list(booking.passengers.order_by("position"))
    names = {person.external_id: _traveller(person) for person in people}
    return {
        "reference": booking.reference,
        "pnr": order.pnr if order else "",
        "tickets": [ticket["number"] for ticket in order.tickets] if order else [],
        "airline": offer.owner_name,
        "route": _route(slices),
        "money": money_sentence(booking, payment),
        "directions": [_direction(index, part, names) for index, part in enumerate(slices)],
        "travellers": [_traveller(person) for person in people],
        "extras": [_extra(chosen, booking.currency) for chosen in booking.selections.order_by("pk")],
        "prices": _prices(booking, offer),
        "total": str(Money(booking.accepted_minor, booking.currency)),
        "paid": _paid(payment),
        "card": card(payment),
        "change_terms": condition_text(offer.change),
        "refund_terms": condition_text(offer.refund),
        "conditions_url": offer.conditions_url,
        "free_until": _at(free_until(booking, order), zone),
        "pay_by": _at(booking.pay_by, zone),
        "new_total": str(Money(booking.priced_minor, booking.currency)) if booking.priced_minor else "",
        "reason": REASONS.get(booking.closing, "The airline did not confirm this booking."),
        "agreed_refund": _agreed(booking),
        "airline_cancelled": booking.closing == "airline_cancelled",
    }


def money_sentence(booking: Booking, payment: Payment | None) -> str:
    """The sentence that every message ends with, from the recorded state of the money (ux.md 0)."""
    match MoneyWord(booking.money):
        case MoneyWord.RESERVED:
            return "The amount is reserved on your card, not charged."
        case MoneyWord.CHARGED if payment:
            return f"Your payment of {Money(payment.captured_minor, payment.currency)} is safe."
        case MoneyWord.REFUNDING if payment:
            return f"{_refunds(payment)} is on its way back to {card(payment)}."
        case MoneyWord.REFUNDED if payment:
            return f"{_refunds(payment)} has been sent back to {card(payment)}."
    return "You have not been charged."


def refund_words(refund: Refund) -> dict[str, str]:
    """The amount of one refund and the card it goes to."""
    return {"amount": str(Money(refund.amount_minor, refund.currency)), "card": card(refund.payment)}


def card(payment: Payment | None) -> str:
    """"Visa ending 4242", or "your card" while we do not know it."""
    if payment is None or not payment.card_last4:
        return "your card"
    return f"{(payment.card_brand or 'card').replace('_', ' ').title()} ending {payment.card_last4}"


def condition_text(condition: Condition) -> str:
    """Whether the fare can be changed or refunded, in the words of ux.md 5."""
    if condition.allowed is None:
        return "Not stated by the airline"
    if not condition.allowed:
        return "Not allowed"
    if condition.fee is None:
        return "Allowed, the airline sets the fee"
    return f"{condition.fee} fee" if condition.fee.minor else "Free"


def free_until(booking: Booking, order: SupplierOrder | None) -> datetime | None:
    """Until when cancelling costs nothing (UTC): 24 hours, and never longer than the airline takes it back free.

    None when the trip began within a week of booking or the airline made no such promise (dot-rules.md 2.5).
    """
    booked = booking.wished_at
    if order is None or order.void_until is None or booked is None or booking.departs_at is None:
        return None
    return min(order.void_until, booked + FREE_FOR) if booking.departs_at - booked >= FREE_IF_AHEAD else None


def _refunds(payment: Payment) -> Money:
    going = (RefundState.REQUESTED, RefundState.SENT, RefundState.SUCCEEDED)
    amounts = payment.refunds.filter(state__in=going).values_list("amount_minor", flat=True)
    return Money(sum(amounts), payment.currency)


def _paid(payment: Payment | None) -> str:
    return str(Money(payment.captured_minor, payment.currency)) if payment and payment.captured_minor else ""


def _agreed(booking: Booking) -> str:
    return str(Money(booking.agreed_refund_minor, booking.currency)) if booking.agreed_refund_minor else ""


def _prices(booking: Booking, offer: OfferInfo) -> list[tuple[str, str]]:
    """The parts of the total, in the order of every price block. Their sum is the total."""
    def amount(minor: int) -> str:
        return str(Money(minor, booking.currency))

    lines = [("Fare, taxes and charges", amount(booking.fare_minor))]
    if offer.tax and offer.tax.currency == booking.currency and 0 <= offer.tax.minor <= booking.fare_minor:
        lines = [("Fare", amount(booking.fare_minor - offer.tax.minor)),
                 ("Taxes and charges", amount(offer.tax.minor))]
    if booking.services_minor:
        lines.append(("Extras", amount(booking.services_minor)))
    if booking.fee_minor:
        lines.append(("Our service fee", amount(booking.fee_minor)))
    known = booking.fare_minor + booking.services_minor + booking.fee_minor
    if booking.accepted_minor != known:
        lines.append(("Change of price that you accepted", amount(booking.accepted_minor - known)))
    return lines


def _traveller(person: Passenger) -> str:
    return " ".join(filter(None, (TITLES.get(person.title, ""), person.given_name, person.family_name)))


def _extra(chosen: Selection, currency: str) -> dict[str, str]:
    label = {"baggage": "Bag", "seat": "Seat", "cancel_for_any_reason": "Cancel for any reason"}.get(
        chosen.kind, chosen.kind)
    times = f" × {chosen.quantity}" if chosen.quantity > 1 else ""
    return {"label": f"{label} {chosen.detail}{times}".strip(),
            "amount": str(Money(chosen.unit_minor * chosen.quantity, currency))}


# --- flights ----------------------------------------------------------------------------------------------------


def _route(slices: tuple[FlightSlice, ...]) -> str:
    if not slices:
        return ""
    first, last = slices[0], slices[-1]
    back = len(slices) > 1 and last.destination.code == first.origin.code
    names = f"{_city(first.origin)} to {_city(first.destination if back else last.destination)}"
    return f"{names} and back" if back else names


def _direction(index: int, part: FlightSlice, names: dict[str, str]) -> dict[str, Any]:
    return {"title": f"{('Outbound', 'Return')[index] if index < 2 else f'Flight {index + 1}'}: "
            f"{_city(part.origin)} to {_city(part.destination)}",
            "brand": part.brand, "duration": _duration(part.duration_minutes),
            "segments": [_segment(segment, names) for segment in part.segments]}


def _segment(segment: FlightSegment, names: dict[str, str]) -> dict[str, Any]:
    departing, arriving = _local(segment.departing_local), _local(segment.arriving_local)
    days = (arriving.date() - departing.date()).days if departing and arriving else 0
    return {
        "number": f"{segment.carrier_code} {segment.flight_number}", "carrier": segment.carrier_name,
        "operated_by": segment.operating_name or segment.carrier_name,
        "departing": _print(departing) if departing else segment.departing_local,
        "arriving": (_print(arriving) if arriving else segment.arriving_local) + (f" ({days:+d} day)" if days else ""),
        "origin": _airport(segment.origin, segment.origin_terminal),
        "destination": _airport(segment.destination, segment.destination_terminal),
        "duration": _duration(segment.duration_minutes), "cabin": segment.cabin_name or segment.cabin.title(),
        "bags": bags_text(segment, names),
    }


def bags_text(segment: FlightSegment, names: dict[str, str]) -> str:
    """What may be brought free of charge; `names` are the travellers by the supplier's passenger id."""
    allowed = {external_id: {"carry_on": 0, "checked": 0} for external_id in names}
    for bag in segment.bags:
        counts = allowed.get(str(bag.get("passenger")))
        if counts is not None and bag.get("kind") in counts:
            counts[bag["kind"]] += int(bag.get("quantity") or 0)
    if not segment.bags or not allowed:
        return "the airline states no free bags"
    told = {external_id: f"{counts['carry_on']} carry-on and {counts['checked']} checked"
            for external_id, counts in allowed.items()}
    if len(set(told.values())) == 1:
        return f"{next(iter(told.values()))} per traveller included"
    return "; ".join(f"{names[external_id]}: {text}" for external_id, text in told.items())


def _city(place: Place) -> str:
    return place.city or place.name or place.code


def _airport(place: Place, terminal: str) -> str:
    name = f"{place.name or _city(place)} ({place.code})"
    return f"{name}, terminal {terminal}" if terminal else name


def _duration(minutes: int | None) -> str:
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes else ""


def _local(text: str) -> datetime | None:
    """An airport's own time, without a zone."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _print(moment: datetime) -> str:
    return f"{moment:%a} {moment.day} {moment:%b %Y, %H:%M}"


def _at(moment: datetime | None, near: Place | None) -> str:
    """A deadline on the clock of the place where the trip begins, with its name; "" when there is none."""
    if moment is None:
        return ""
    if near is not None and near.time_zone:
        try:
            return f"{_print(moment.astimezone(ZoneInfo(near.time_zone)))} ({_city(near)} time)"
        except (ZoneInfoNotFoundError, ValueError):
            pass
    return f"{_print(moment)} (UTC)"
