"""What the paper says: every fact of a booking as ready text. Pages, mails and paper read the same selectors."""

from __future__ import annotations

import io
from email.utils import parseaddr
from typing import Any

import segno
from django.conf import settings

from bookings import letter, selectors
from bookings.documents import check_in, flights
from bookings.models import Booking
from bookings.selectors import words
from bookings.selectors.changes import flight_change
from bookings.status import STATUS_WORDS, Status
from fly2any.kernel.money import Money

View = dict[str, Any]
# status -> title of the paper, tone, what it is good for. Only what is ticketed may say "ticket".
_TITLES: dict[Status, tuple[str, str, str]] = {
    Status.CONFIRMED: ("Your itinerary", "good", ""),
    Status.HOLD: ("Held booking, not valid for travel", "wait",
                  "The airline holds these seats. They are not paid for, and this paper does not let you travel."),
    Status.PENDING_TICKETING: (
        "Reserved booking, not yet valid for travel", "wait",
        "The seats are reserved. This paper does not let you travel; we write to you as soon as it is confirmed."),
    Status.CANCELLING: ("Booking being cancelled, not valid for travel", "wait",
                        "The airline has been asked to cancel this booking."),
    Status.CANCELLED: ("Cancelled booking, not valid for travel", "bad", "This booking is cancelled."),
}
BAG_FEES = ("Additional airline baggage fees may apply: for a carry-on bag and for the first and second checked bag "
            "where they are not included, and for heavier or larger bags.")
_NOT_YET = ("Not confirmed, not valid for travel", "bad", "This booking is not confirmed by the airline.")


def facts_of(booking: Booking) -> View:
    """Everything the paper prints (`itinerary.typ` names each fact), times as the airports' clocks show them."""
    view, said = selectors.booking_view(booking), letter.words(booking)
    title, tone, note = _TITLES.get(Status(booking.status), _NOT_YET)
    found = people(booking, view)
    tickets = list(dict.fromkeys(said["tickets"]))
    return {
        "document_title": f"{title}: {said['route']}, {booking.reference}",
        "title": title, "status": {"word": status_word(booking), "tone": tone},
        "test": "TEST: no real booking, no real money" if settings.SANDBOX else "",
        "lead": [text for text in (_route_line(said["route"], view), note, _change(booking)) if text],
        "references": _references(view),
        "tickets": tickets if booking.status == Status.CONFIRMED else [],
        "tickets_label": "Ticket numbers" if len(tickets) > 1 else "Ticket number",
        "qr": _qr(booking),
        "directions": flights.directions(view),
        "times_note": "All times are local at each airport. The airline may change them: look at your booking online "
                      "before you leave.",
        **_travellers(found), "bags": bag_terms(view),
        "extras": [[what, "All travellers" if place is None else found[place]["name"], on]
                   for place, what, on in flights.extras(view)],
        "prices": [list(line) for line in said["prices"]], "total": said["total"], "paid": _paid(said, booking),
        "parts": [_terms(said, booking), _next(view, booking), _contact(booking)],
        "footer": f"Fly2Any  ·  {booking.reference}  ·  {status_word(booking)}, as of "
                  f"{letter.deadline(booking.changed_at, 'UTC', 'UTC').replace(' (UTC time)', ' UTC')}",
    }


def status_word(booking: Booking) -> str:
    """The status as the pages' lists say it: Confirmed, Held, Reserved …"""
    return STATUS_WORDS[Status(booking.status)][0]


def look_up_link(booking: Booking) -> str:
    """Where the booking is found again: it names the reference, opens nothing without the e-mail address."""
    return f"{settings.SITE_URL}/trips/find?ref={booking.reference}"


def bag_terms(view: View) -> list[str]:
    """What is free and where the airline's fees stand (14 CFR 399.85(c): carry-on, first and second checked bag)."""
    free, airline = view["bagsText"], view["ownerName"] or "the airline"
    where = f"see {view['conditionsUrl']}" if view["conditionsUrl"] else f"see the website of {airline}"
    return [f"Included for each flight: {free[0].lower()}{free[1:]}." if free else "The airline states no free bags.",
            f"{BAG_FEES} For allowances and fees {where}."]


def _route_line(route: str, view: View) -> str:
    count = len(view["passengers"])
    return f"{route}, {count} traveller{'s' if count > 1 else ''}" + (f", {view['brand']}" if view["brand"] else "")


def _change(booking: Booking) -> str:
    """A word of warning while the airline's own change of these flights waits for an answer; "" otherwise."""
    change = flight_change(booking, booking.orders.order_by("-pk").first())
    if change is None or change["state"] == "accepted":
        return ""
    return "The airline wants to change these flights. Look at your booking online before you rely on this paper."


def _references(view: View) -> list[dict[str, str]]:
    return [{"label": "Fly2Any reference", "value": view["reference"]},
            *({"label": one["label"], "value": one["reference"]} for one in view["airlineReferences"])]


def _qr(booking: Booking) -> dict[str, str]:
    drawn = io.BytesIO()
    segno.make(look_up_link(booking), error="m", micro=False).save(
        drawn, kind="svg", border=4, xmldecl=False, dark="#14262e")
    return {"svg": drawn.getvalue().decode(), "alt": f"QR code of {look_up_link(booking)}",
            "caption": "Open this booking. You also need your e-mail address."}


def people(booking: Booking, view: View) -> list[View]:
    """The travellers in line: `name`, `kind`, `tickets` (once confirmed), `loyalty`, `extras` as (what, on)."""
    ids = {person.external_id: person.position for person in booking.passengers.all()}
    order = booking.orders.order_by("-pk").first()
    numbers: dict[int, dict[str, None]] = {}
    for ticket in order.tickets if order is not None and booking.status == Status.CONFIRMED else ():
        for one in ticket.get("passengers", ()):
            numbers.setdefault(ids.get(one, -1), {})[ticket["number"]] = None
    extras = flights.extras(view)
    return [{"name": _name(person), "kind": _kind(person), "tickets": list(numbers.get(at, ())),
             "loyalty": [f"{item['carrier']} {item['number']}" for item in person["loyalty"]],
             "extras": [(what, on) for place, what, on in extras if place == at]}
            for at, person in enumerate(view["passengers"])]


def _name(person: View) -> str:
    return " ".join(filter(None, (words.TITLES.get(person["title"], ""), person["givenName"], person["familyName"])))


def _travellers(found: list[View]) -> View:
    """The table of travellers; columns that would be empty for everybody are left out."""
    lines = [[one["name"], one["kind"], ", ".join(one["tickets"]), ", ".join(one["loyalty"])] for one in found]
    head = ["Name, as in the travel document", "Age group", "Ticket", "Frequent flyer"]
    kept = [at for at in range(len(head)) if at < 2 or any(line[at] for line in lines)]
    return {"traveller_head": [head[at] for at in kept], "travellers": [[line[at] for at in kept] for line in lines]}


def _kind(person: View) -> str:
    return {"adult": "Adult", "child": "Child", "infant": "Infant on lap"}.get(person["kind"], person["kind"].title())


def _paid(said: View, booking: Booking) -> list[str]:
    if said["paid"] and booking.money in ("charged", "refunding", "refunded"):
        return [f"Paid: {said['paid']} with {said['card']}. {said['money']}"]
    return [said["money"]]


def _terms(said: View, booking: Booking) -> View:
    lines = [f"Changes: {said['change_terms']}.", f"Cancelling: {said['refund_terms']}."]
    if said["free_until"] and booking.status == Status.CONFIRMED:
        lines.append(f"Free cancellation until {said['free_until']}.")
    if said["pay_by"] and booking.status == Status.HOLD:
        lines.append(f"Pay by {said['pay_by']}. If you do nothing, the airline lets the seats go and you owe nothing.")
    if said["pay_by"] and booking.status == Status.PENDING_TICKETING:
        lines.append(f"We issue the tickets by {said['pay_by']}. Until then you can cancel free of charge.")
    if booking.status == Status.CANCELLED and booking.agreed_refund_minor:
        lines.append(f"Agreed refund: {Money(booking.agreed_refund_minor, booking.currency)}.")
    lines.append("If the airline cancels or significantly changes a flight to, from or within the United States and "
                 "you do not accept the change, you get your money back in the form you paid.")
    if said["conditions_url"]:
        lines.append(f"The airline's conditions: {said['conditions_url']}")
    return {"title": "Terms of this fare", "lines": lines}


def _next(view: View, booking: Booking) -> View:
    if booking.status != Status.CONFIRMED:
        return {"title": "What happens next", "lines": [
            f"Look at the present state of this booking: {look_up_link(booking)}",
            "Names must match the travel documents. They cannot be exchanged for other travellers."]}
    return {"title": "Before you fly", "lines": before_you_fly(view)}


def before_you_fly(view: View) -> list[str]:
    """What a traveller with a ticket should know: check-in, documents, time, dangerous goods."""
    site, airline = check_in.site_of(view["ownerCode"]), view["ownerName"] or "the airline"
    known_as = view["airlineReferences"][0]["reference"] if view["airlineReferences"] else ""
    return [f"Check in with {airline}{f' at {site}' if site else ' on its website or in its app'}, with the airline "
            f"reference {known_as} and a family name. Most airlines open check-in 24 to 48 hours before departure.",
            "Take the travel document whose name stands here. Look up entry and transit rules of every country on "
            "the way.",
            "Be at the airport early: about 2 hours before a domestic and 3 hours before an international flight, "
            "unless the airline says otherwise.",
            "Dangerous goods must not be carried: explosives, fireworks, gases, flammable liquids, corrosives, "
            "poisons. Spare lithium batteries and e-cigarettes go into the cabin, never into checked bags."]


def _contact(booking: Booking) -> View:
    support = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    return {"title": "Help", "lines": [
        f"Write to {support}, every day, around the clock, and name {booking.reference}.",
        f"See, change or cancel this booking: {look_up_link(booking)}"]}
