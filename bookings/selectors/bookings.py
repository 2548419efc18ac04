"""One booking (or draft) as a plain dict, for pages, mails and the API alike: design.md 5, ux.md 7 and 10."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

from bookings import messages
from bookings.flow import MAX_DECLINES, Route, Wish
from bookings.models import Booking, Passenger, Selection
from bookings.selectors import offers, references, words
from bookings.status import CLOSED, Progress, Status
from fly2any.kernel import secretbox
from payments.models import Payment, Refund
from payments.types import PaymentState
from suppliers.models import SupplierOrder
from suppliers.types import OrderState

Raw = dict[str, Any]


def booking_view(booking: Booking) -> Raw:
    """Everything a customer may read about a booking. Five queries, six with refunds."""
    raw = offers.raw_of(booking.offer)
    people = list(booking.passengers.all())
    chosen = list(booking.selections.order_by("pk"))
    draft = booking.status == Status.DRAFT
    order = None if draft else SupplierOrder.objects.filter(booking=booking).order_by("-pk").first()
    payment = None if draft else Payment.objects.filter(booking=booking).order_by("-pk").first()
    refunds = list(Refund.objects.filter(payment__booking=booking).select_related("payment").order_by(
        "pk")) if payment else []
    refund = messages.present_refund(refunds)
    said = messages.message_for(booking, payment, refund, **refused_person(booking, people))
    line = words.line_of(raw["passengers"])
    slices = order.itinerary if order and order.itinerary else raw["slices"]
    pnr = order.pnr if order else ""
    return {
        **head(booking, order, payment),
        "money": {"word": booking.money, "sentence": messages.money_sentence(booking, payment, refund)},
        "message": said.as_json() if said else None,
        "pnr": pnr,
        "price": price(booking, raw, chosen, total_minor(booking, order, payment)),
        "slices": [words.flight_slice(item, line) for item in slices],
        "passengers": passengers(raw, people),
        "selections": [selection(item, booking.currency) for item in chosen],
        "news": list(booking.news) if draft else [],
        "contact": {"email": booking.contact_email, "phone": booking.contact_phone, "address": address(people)},
        "airlineReferences": references.of(order, slices, raw["owner_name"]),
        "order": order_view(order),
        "payment": payment_view(payment, refunds),
        "refund": refund_view(refund),
        "deadlines": {"offerExpiresAt": words.iso(booking.offer_expires_at), "payBy": words.iso(booking.pay_by),
                      "windowEndsAt": words.iso(booking.window_ends_at)},
        "consent": consent(booking, order),
        "quote": quote(booking, order, payment),
        "actions": actions(booking, order, payment),
        "conditions": {"change": words.condition(raw["change"]), "refund": words.condition(raw["refund"])},
        "canHold": offers.holdable(raw) and not chosen,
        "hasSeats": any(item.kind == "seat" for item in chosen),
        **_of_the_offer(raw),
    }


def refused_person(booking: Booking, people: list[Passenger]) -> dict[str, str]:
    """The name of the traveller whose details the airline refused, for the message; {} when it named nobody."""
    position = str(booking.closing_detail.get("position", ""))
    named = [person for person in people if str(person.position) == position]
    return {"name": f"{named[0].given_name} {named[0].family_name}"} if named else {}


def _of_the_offer(raw: Raw) -> Raw:
    """What the offer itself says and a booking repeats."""
    return {"documentsRequired": raw["documents_required"], "documentKinds": list(offers.document_kinds(raw)),
            "requires": list(raw.get("requires", ())), "ticketing": offers.ticketing(raw.get("manual", False)),
            "ticketBy": raw.get("ticket_by"),
            "loyaltyCarriers": list(raw["loyalty_carriers"]), "bagsText": words.bags(raw),
            "brand": offers.brand(raw), "ownerName": raw["owner_name"], "ownerCode": raw["owner_code"],
            "conditionsUrl": raw["conditions_url"], "emissionsKg": raw["emissions_kg"]}


def head(booking: Booking, order: SupplierOrder | None = None, payment: Payment | None = None) -> Raw:
    """What identifies a booking and where it stands, without a query; the total is the better for knowing both rows."""
    public = str(booking.public_id)
    return {
        "id": public, "publicId": public, "reference": booking.reference, "bookingReference": booking.reference,
        "offerId": str(booking.offer_id), "status": booking.status, "progress": booking.progress,
        "isHold": booking.chose_hold, "createdAt": words.iso(booking.created_at),
        "expiresAt": words.iso(booking.pay_by or booking.window_ends_at or booking.offer_expires_at)
        if booking.status not in CLOSED and booking.status != Status.CONFIRMED else None,
        "total": words.money(total_minor(booking, order, payment), booking.currency),
    }


def line(booking: Booking) -> Raw:
    """A booking as a line of a list: two queries less than many (orders should be prefetched)."""
    raw = offers.raw_of(booking.offer)
    orders = sorted(booking.orders.all(), key=lambda order: order.pk)
    flights = raw["slices"][0]["segments"]
    order = orders[-1] if orders else None
    return {**head(booking, order), "pnr": order.pnr if order else "", "money": {"word": booking.money},
            "origin": words.place(raw["slices"][0]["origin"]), "ownerName": raw["owner_name"],
            "destination": words.place(raw["slices"][0]["destination"]),
            "departingLocal": flights[0]["departing_local"]}


def total_minor(booking: Booking, order: SupplierOrder | None = None, payment: Payment | None = None) -> int:
    """What the customer pays (minor units): as agreed once there is a wish, the draft's sum before.

    Less than agreed where the airline turned out cheaper: then that is all the payment (or its order) is for. Once the
    card was charged, that amount and no other.
    """
    if booking.wish == Wish.DRAFT or not booking.wished_at:
        return booking.fare_minor + booking.services_minor + booking.fee_minor
    if payment is not None and payment.captured_minor:
        return payment.captured_minor
    found = [booking.accepted_minor]
    if order is not None and order.state in (OrderState.HELD, OrderState.TICKETED) and order.total_minor:
        found.append(order.total_minor + booking.fee_minor)
    if payment is not None and payment.state != PaymentState.VOIDED:
        found.append(payment.amount_minor)
    return min(found)


def price(booking: Booking, raw: Raw, chosen: list[Selection], total: int) -> Raw:
    """The price block with this `total` (minor units). A change of price after the press is a line of its own."""
    lines = [{"label": words.selection_label(item.kind, item.detail) + (f" × {item.quantity}" if item.quantity > 1
                                                                        else ""),
              "amount": words.money(item.unit_minor * item.quantity, booking.currency)} for item in chosen]
    known = booking.fare_minor + booking.services_minor + booking.fee_minor
    change = total - known
    if change:
        label = "Change of price that you accepted" if change > 0 else "The airline lowered the price"
        lines.append({"label": label, "amount": words.money(change, booking.currency)})
    return offers.price_lines(raw, lines, booking.services_minor + change, booking.fee_minor, booking.fare_minor)


def passengers(raw: Raw, people: list[Passenger]) -> list[Raw]:
    """The travellers in line, as far as they are known; a document's number is masked."""
    known = {person.position: person for person in people}
    return [passenger(index, seat, known.get(index)) for index, seat in enumerate(raw["passengers"])]


def passenger(position: int, seat: Raw, person: Passenger | None) -> Raw:
    """One traveller; the security numbers masked like the document's."""
    numbers = _numbers(person)
    return {
        "position": position, "kind": seat["kind"], "age": seat["age"],
        "title": person.title if person else "", "gender": person.gender if person else "",
        "givenName": person.given_name if person else "", "familyName": person.family_name if person else "",
        "bornOn": _day(person.born_on) if person else None,
        "infantPosition": person.infant_position if person else None,
        "document": masked_document(person.document) | {"city": numbers.get("documentCity", "")}
        if person and person.document else None,
        "residence": numbers.get("residence") or None,
        "knownTravellerNumber": masked(numbers.get("knownTravellerNumber", "")) or None,
        "redressNumber": masked(numbers.get("redressNumber", "")) or None,
        "loyalty": [{"carrier": carrier, "number": number} for carrier, number in person.loyalty] if person else [],
    }


def _numbers(person: Passenger | None) -> dict[str, str]:
    found: dict[str, str] = json.loads(secretbox.unseal(person.numbers)) if person and person.numbers else {}
    return found


def address(people: list[Passenger]) -> Raw | None:
    """The address given for the booking, where the airline asked for one: {line, postalCode, city, country}."""
    kept = _numbers(people[0]) if people else {}
    found = {name: kept.get(key, "") for name, key in (
        ("line", "addressLine"), ("postalCode", "postalCode"), ("city", "addressCity"), ("country", "addressCountry"))}
    return found if any(found.values()) else None


def masked_document(sealed: str) -> Raw:
    """A travel document with only the last two letters of its number."""
    found = json.loads(secretbox.unseal(sealed))
    return {"kind": found.get("kind", ""), "number": masked(found.get("number", "")),
            "country": found.get("country", ""), "expiresOn": found.get("expires_on")}


def masked(number: str) -> str:
    """A number of which only the last two letters are shown."""
    return "•" * max(0, len(number) - 2) + number[-2:]


def selection(item: Selection, currency: str) -> Raw:
    """A chosen extra."""
    return {"serviceId": item.service_external_id, "kind": item.kind,
            "label": words.selection_label(item.kind, item.detail), "passenger": item.passenger_position,
            "segments": item.segment_positions, "quantity": item.quantity,
            "unit": words.money(item.unit_minor, currency),
            "amount": words.money(item.unit_minor * item.quantity, currency)}


def order_view(order: SupplierOrder | None) -> Raw | None:
    """The airline's order."""
    if order is None:
        return None
    return {"state": order.state, "pnr": order.pnr, "isHold": order.hold,
            "tickets": [{"kind": item["kind"], "number": item["number"]} for item in order.tickets],
            "payBy": words.iso(order.pay_by), "priceGuaranteedUntil": words.iso(order.price_guaranteed_until),
            "voidUntil": words.iso(order.void_until), "cancelledAt": words.iso(order.cancelled_at),
            "changed": order.changed}


def payment_view(payment: Payment | None, refunds: list[Refund]) -> Raw | None:
    """The present payment; the client secret only while the customer can use it."""
    if payment is None:
        return None
    is_open = payment.state == PaymentState.OPEN
    return {"state": payment.state, "amount": words.money(payment.amount_minor, payment.currency),
            "captured": words.money(payment.captured_minor, payment.currency),
            "refunded": words.money(payment.refunded_minor, payment.currency),
            "authorised": payment.authorised_at is not None,
            "clientSecret": payment.client_secret if is_open else None, "needsCustomer": payment.needs_customer,
            "cardBrand": payment.card_brand, "cardLast4": payment.card_last4, "declines": payment.declines,
            "declineKind": payment.decline_kind, "attemptsLeft": max(0, MAX_DECLINES - payment.declines)}


def refund_view(refund: Refund | None) -> Raw | None:
    """The refund that matters now."""
    if refund is None:
        return None
    return {"state": refund.state, "amount": words.money(refund.amount_minor, refund.currency),
            "card": messages.card_words(refund.payment), "requestedAt": words.iso(refund.requested_at),
            "sentAt": words.iso(refund.sent_at), "doneAt": words.iso(refund.done_at)}


def consent(booking: Booking, order: SupplierOrder | None) -> Raw | None:
    """Old and new total while the customer must agree to a higher price."""
    if booking.progress != Progress.CONSENT:
        return None
    held = order is not None and order.state in (OrderState.HELD, OrderState.RESERVED)
    new = order.total_minor + booking.fee_minor if held and order else booking.priced_minor
    if new is None or new <= booking.accepted_minor:
        return None
    return {"old": words.money(booking.accepted_minor, booking.currency),
            "new": words.money(new, booking.currency),
            "difference": words.money(new - booking.accepted_minor, booking.currency)}


def quote(booking: Booking, order: SupplierOrder | None, payment: Payment | None) -> Raw | None:
    """What a cancellation gives back, when the airline has told us (or when nothing has been paid)."""
    if order is None or not order.quote_id or booking.status in CLOSED or booking.quote_wanted:
        return None
    ticketed = order.state == OrderState.TICKETED
    back = money_back(order, payment) if ticketed else left_of(payment)  # without a ticket all of it comes back
    paid = payment.captured_minor if payment and payment.captured_minor else booking.accepted_minor
    return {"refund": words.money(back, booking.currency), "refundTo": order.quote_refund_to,
            "penalty": words.money(max(0, paid - back), booking.currency) if ticketed else None,
            "expiresAt": words.iso(order.quote_expires_at), "known": order.quote_refund_minor is not None}


def left_of(payment: Payment | None) -> int:
    """What of a payment has not been given back, minor units; 0 for one that was never taken."""
    return payment.captured_minor - payment.refunded_minor if payment else 0


def money_back(order: SupplierOrder, payment: Payment | None) -> int:
    """What the customer gets for cancelling at the airline's quote, minor units: never more than what is left."""
    quoted = (order.quote_refund_minor or 0) if order.quote_refund_to == "balance" else 0
    if payment is None or not payment.captured_minor:
        return quoted
    return min(quoted, payment.captured_minor - payment.refunded_minor)


def actions(booking: Booking, order: SupplierOrder | None, payment: Payment | None) -> list[str]:
    """What the customer may do now. Only what the airline really allows (ux.md 10)."""
    if booking.wish == Wish.DRAFT:
        return ["customize", "passengers", "book"]
    found = []
    if booking.status == Status.HOLD or (payment is not None and payment.state == PaymentState.OPEN):
        found.append("pay")
    if booking.progress == Progress.CONSENT:
        found.append("accept_price")
    if booking.wish != Wish.CANCEL and not booking.closing and order is not None and (
            order.state in (OrderState.HELD, OrderState.RESERVED) or (
                order.state == OrderState.TICKETED and "cancel" in order.actions and booking.route != Route.MANUAL)):
        found.append("cancel")
    if booking.status not in CLOSED:
        found.append("change_contact")
    return found


def _day(moment: date | datetime | None) -> str | None:
    return moment.isoformat() if moment else None
