"""What a mail says about a booking: the same picture that pages show (`selectors.booking_view`), ready to print.

Flight times keep their airport's clock, deadlines name the place whose clock they use, money carries its currency.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bookings import messages, policy, refund_clock, selectors
from bookings.flow import HOLD_MARGIN, Route
from bookings.models import Booking, ChangeRequest
from bookings.selectors import words as said
from bookings.selectors.changes import flight_change
from fly2any.kernel.money import Money
from payments.models import Refund
from suppliers.models import SupplierOrder
from suppliers.types import OrderState

View = dict[str, Any]


def words(booking: Booking) -> View:
    """Everything the templates of templates/mail may say about a booking."""
    view = selectors.booking_view(booking)
    order = booking.orders.order_by("-pk").first()
    payment = booking.payments.order_by("-pk").first()
    names = [_traveller(person) for person in view["passengers"]]
    zone = booking.offer.searched["slices"][0]["origin"].get("time_zone", "")
    city = _city(view["slices"][0]["origin"]) if view["slices"] else ""
    return {
        "reference": view["reference"],
        "pnr": view["pnr"], "references": view["airlineReferences"],
        "tickets": [ticket["number"] for ticket in (view["order"] or {}).get("tickets", [])],
        "airline": view["ownerName"],
        "route": _route(view["slices"]),
        "money": view["money"]["sentence"],
        "reason": _reason(view),
        "directions": [_direction(index, part, names) for index, part in enumerate(view["slices"])],
        "travellers": names,
        "extras": view["selections"],
        "prices": _prices(view["price"]),
        "total": view["price"]["total"]["text"],
        "paid": view["payment"]["captured"]["text"] if view["payment"] else "",
        "card": messages.card_words(payment),
        "paid_with": messages.paid_with(payment),
        "ticketed": bool(order and order.state == OrderState.TICKETED),
        "manual": booking.route == Route.MANUAL,
        "ticket_by": deadline(order.pay_by if order and order.state == OrderState.RESERVED else None, zone, city),
        "card_by": deadline(order.pay_by - HOLD_MARGIN if order and order.pay_by else None, zone, city),
        "change_terms": view["conditions"]["change"],
        "refund_terms": view["conditions"]["refund"],
        "conditions_url": view["conditionsUrl"],
        "free_until": deadline(free_until(booking, order), zone, city),
        "pay_by": deadline(booking.pay_by, zone, city),
        "new_total": view["consent"]["new"]["text"] if view["consent"] else "",
        "agreed_refund": str(Money(booking.agreed_refund_minor, booking.currency))
        if booking.agreed_refund_minor else "",
        "airline_cancelled": booking.closing == "airline_cancelled",
        "owed": booking.money in ("charged", "refunding", "refunded"),
        "refund_by": refund_by(order, booking),
    }


def change_words(booking: Booking, order: SupplierOrder | None) -> View | None:
    """The airline's change of flights: what differs, both sides, and until when we ask for an answer."""
    found = flight_change(booking, order)
    if found is None or order is None:
        return None
    names = ["" for _ in booking.offer.searched["passengers"]]
    start = booking.offer.searched["slices"][0]["origin"]
    sides = [(word, part, new) for word, parts, new in (("As booked", found["before"], False),
                                                        ("Now", found["after"], True)) for part in parts]
    return {**found, "answer_by": deadline(order.change_answer_by, start.get("time_zone", ""), _city(start)),
            "sides": [{"title": f"{word}: {_city(part['origin'])} to {_city(part['destination'])}", "new": new,
                       "segments": [_segment(segment, names) for segment in part["segments"]]}
                      for word, part, new in sides]}


def request_words(request: ChangeRequest) -> dict[str, str]:
    """A customer's request and our answer to it, as they were written."""
    booking = request.booking
    start = booking.offer.searched["slices"][0]["origin"]
    return {"topic": request.get_topic_display(), "words": request.words, "answer": request.answer,
            "answer_by": deadline(request.answer_by, start.get("time_zone", ""), _city(start))}


def refund_by(order: SupplierOrder | None, booking: Booking) -> str:
    """The last day for sending back what is due since the airline cancelled."""
    day = refund_clock.legal_date((order.cancelled_at if order else None) or booking.changed_at)
    return f"{day:%A} {day.day} {day:%B %Y}"


def refund_words(refund: Refund) -> View:
    """The amount of one refund and the card it goes to, or the way it was given back by hand."""
    back = messages.BACK_TO.get(refund.method) or messages.card_words(refund.payment)
    return {"amount": str(Money(refund.amount_minor, refund.currency)), "card": back, "by_hand": bool(refund.method)}


def free_until(booking: Booking, order: SupplierOrder | None) -> datetime | None:
    """Until when cancelling costs nothing (UTC): 24 hours, and never longer than the airline takes it back free.

    None when the trip began within a week of booking or the airline made no such promise (dot-rules.md 2.5).
    """
    if order is None or booking.wished_at is None or booking.departs_at is None:
        return None
    return policy.free_until(booked_at=booking.wished_at, departs_at=booking.departs_at, full_refund=False,
                             void_until=order.void_until)


def deadline(moment: datetime | None, zone: str, city: str) -> str:
    """A deadline on the clock of the place where the trip begins, with its name; "" when there is none."""
    if moment is None:
        return ""
    try:
        return f"{_print(moment.astimezone(ZoneInfo(zone)))} ({city} time)"
    except (ZoneInfoNotFoundError, ValueError):
        return f"{_print(moment)} (UTC)"


def _reason(view: View) -> str:
    """Why it ended, without the money sentence, which stands by itself."""
    if view["message"] is None:
        return "The airline did not confirm this booking."
    return str(view["message"]["text"]).replace(view["money"]["sentence"], "").strip()


def _prices(price: View) -> list[tuple[str, str]]:
    """The lines of the price block, word for word those of the pages (`parts/price.html`); their sum is the total."""
    lines = [("Fare", price["base"]), ("Taxes and charges", price["taxes"])] if price["base"] else [
        ("Fare with taxes and charges", price["fare"])]
    lines += [(item["label"], item["amount"]) for item in price["services"]]
    return [*((label, amount["text"]) for label, amount in lines),
            ("Our fee", price["fee"]["text"] if price["fee"] else "None")]


def _traveller(person: View) -> str:
    return " ".join(filter(None, (said.TITLES.get(person["title"], ""), person["givenName"], person["familyName"])))


# --- flights ----------------------------------------------------------------------------------------------------


def _route(slices: list[View]) -> str:
    if not slices:
        return "your trip"
    first, last = slices[0], slices[-1]
    back = len(slices) > 1 and last["destination"]["code"] == first["origin"]["code"]
    names = f"{_city(first['origin'])} to {_city(first['destination'] if back else last['destination'])}"
    return f"{names} and back" if back else names


def _direction(index: int, part: View, names: list[str]) -> View:
    name = ("Outbound", "Return")[index] if index < 2 else f"Flight {index + 1}"
    return {"title": f"{name}: {_city(part['origin'])} to {_city(part['destination'])}", "brand": part["brand"],
            "duration": _duration(part["durationMinutes"]),
            "segments": [_segment(segment, names) for segment in part["segments"]]}


def _segment(segment: View, names: list[str]) -> View:
    days = f" ({segment['nextDay']:+d} day)" if segment["nextDay"] else ""
    return {
        "number": f"{segment['carrierCode']} {segment['flightNumber']}", "carrier": segment["carrierName"],
        "operated_by": segment["operatingName"] or segment["carrierName"],
        "departing": _local(segment["departingLocal"]), "arriving": _local(segment["arrivingLocal"]) + days,
        "origin": _airport(segment["origin"], segment["terminals"]["departure"]),
        "destination": _airport(segment["destination"], segment["terminals"]["arrival"]),
        "duration": _duration(segment["durationMinutes"]),
        "cabin": segment["cabinName"] or segment["cabin"].title(), "bags": bags_text(segment["bags"], names),
    }


def bags_text(bags: list[View], names: list[str]) -> str:
    """What may be brought free of charge on one flight; `names` are the travellers in line."""
    allowed = [{"carry_on": 0, "checked": 0} for _ in names]
    for bag in bags:
        place = bag["passenger"]
        if place is not None and place < len(names) and bag["kind"] in ("carry_on", "checked"):
            allowed[place][bag["kind"]] += int(bag["quantity"] or 0)
    told = [f"{counts['carry_on']} carry-on and {counts['checked']} checked" for counts in allowed]
    if not bags or not told:
        return "the airline states no free bags"
    if len(set(told)) == 1:
        return f"{told[0]} per traveller included"
    return "; ".join(f"{name}: {text}" for name, text in zip(names, told, strict=True))


def _city(place: View) -> str:
    return str(place["city"] or place["name"] or place["code"])


def _airport(place: View, terminal: str) -> str:
    name = f"{place['name'] or _city(place)} ({place['code']})"
    return f"{name}, terminal {terminal}" if terminal else name


def _duration(minutes: int | None) -> str:
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes else ""


def _local(text: str) -> str:
    moment = said.local(text)
    return _print(moment) if moment else text


def _print(moment: datetime) -> str:
    return f"{moment:%a} {moment.day} {moment:%b %Y, %H:%M}"
