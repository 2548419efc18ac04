"""Duffel's JSON in our words. Pure functions, no Django, no network.

Tolerant of missing keys, nulls, unknown types and additions everywhere; strict about money: an amount that is
not a plain decimal string in a known currency raises Unreadable, and so does an object without its id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from fly2any.kernel.letters import straight
from fly2any.kernel.money import Money
from suppliers.reading import Unreadable as Unreadable
from suppliers.reading import count, minutes, web_address
from suppliers.reading import items as items
from suppliers.reading import mapping as mapping
from suppliers.reading import money as money
from suppliers.types import (
    CancelQuote,
    Condition,
    FlightChange,
    FlightSegment,
    FlightSlice,
    OfferInfo,
    OfferPassenger,
    OrderInfo,
    OrderState,
    Place,
    Seat,
    SeatMap,
    Service,
    Ticket,
)

NAME = "duffel"
_GRAIN = timedelta(seconds=2)  # a Date header is cut to the second, and may be kept for one
T = TypeVar("T")
_SEAT_KINDS = {kind: kind for kind in ("seat", "empty", "bassinet", "exit_row", "lavatory", "galley", "closet",
                                       "stairs")} | {"restricted_seat_general": "restricted"}


# --- small readers -------------------------------------------------------------------------------------------

def text(value: Any) -> str:
    """The value if it is text that can be kept, else ""."""
    return straight(value)


def texts(value: Any) -> tuple[str, ...]:
    """The non-empty texts of a list."""
    return tuple(found for found in map(text, value) if found) if isinstance(value, list) else ()


def maybe_money(amount: Any, currency: Any) -> Money | None:
    """As `money`, but None when the amount is absent. Still raises Unreadable for one that is there and odd."""
    return None if amount is None else money(amount, currency)


def moment(value: Any) -> datetime | None:
    """A time in UTC, with or without fractions; None when absent, odd, or without a zone."""
    try:
        stamp = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return stamp.astimezone(UTC) if stamp.tzinfo else None


def _identity(raw: Mapping[str, Any]) -> str:
    found = text(raw.get("id"))
    if not found:
        raise Unreadable("an object without an id")
    return found


def readable(read: Callable[[Mapping[str, Any]], T], raws: Iterable[Mapping[str, Any]]) -> list[T]:
    """What can be read of a list where one bad entry must not hide the others (offers on sale, extras)."""
    found = []
    for raw in raws:
        try:
            found.append(read(raw))
        except Unreadable:
            continue
    return found


# --- offers --------------------------------------------------------------------------------------------------

def place(value: Any) -> Place:
    """An airport or a city."""
    raw = mapping(value)
    city = mapping(raw.get("city"))
    return Place(
        code=text(raw.get("iata_code")), name=text(raw.get("name")),
        city=text(raw.get("city_name")) or text(city.get("name")), country=text(raw.get("iata_country_code")),
        time_zone=text(raw.get("time_zone")), kind="city" if raw.get("type") == "city" else "airport",
        airports=tuple(code for code in (text(item.get("iata_code")) for item in items(raw.get("airports"))) if code),
    )


def condition(value: Any) -> Condition:
    """Whether something is allowed and its fee. A fee that cannot be read is a fee not stated."""
    raw = mapping(value)
    allowed = raw.get("allowed")
    try:
        fee = maybe_money(raw.get("penalty_amount"), raw.get("penalty_currency"))
    except Unreadable:
        fee = None
    return Condition(allowed if isinstance(allowed, bool) else None, fee)


def _bags(raw: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"passenger": text(seat.get("passenger_id")), "kind": text(bag.get("type")),
         "quantity": count(bag.get("quantity"))}
        for seat in items(raw.get("passengers")) for bag in items(seat.get("baggages"))
    )


def segment(raw: Mapping[str, Any]) -> FlightSegment:
    """One flight. The cabin is the first traveller's; all travel in the same one."""
    seat = next(iter(items(raw.get("passengers"))), {})
    marketing, operating = mapping(raw.get("marketing_carrier")), mapping(raw.get("operating_carrier"))
    return FlightSegment(
        external_id=text(raw.get("id")),
        carrier_code=text(marketing.get("iata_code")), carrier_name=text(marketing.get("name")),
        flight_number=text(raw.get("marketing_carrier_flight_number")),
        operating_name=text(operating.get("name")),
        operating_number=text(raw.get("operating_carrier_flight_number")),
        origin=place(raw.get("origin")), destination=place(raw.get("destination")),
        departing_local=text(raw.get("departing_at")), arriving_local=text(raw.get("arriving_at")),
        duration_minutes=minutes(raw.get("duration")), aircraft=text(mapping(raw.get("aircraft")).get("name")),
        origin_terminal=text(raw.get("origin_terminal")), destination_terminal=text(raw.get("destination_terminal")),
        stops=tuple(code for code in (place(stop.get("airport")).code for stop in items(raw.get("stops"))) if code),
        cabin=text(seat.get("cabin_class")), cabin_name=text(seat.get("cabin_class_marketing_name")),
        bags=_bags(raw),
    )


def flight_slice(raw: Mapping[str, Any]) -> FlightSlice:
    """One direction."""
    return FlightSlice(
        external_id=text(raw.get("id")), origin=place(raw.get("origin")), destination=place(raw.get("destination")),
        segments=tuple(segment(item) for item in items(raw.get("segments"))),
        duration_minutes=minutes(raw.get("duration")), brand=text(raw.get("fare_brand_name")),
        comparison_key=text(raw.get("comparison_key")),
        change=condition(mapping(raw.get("conditions")).get("change_before_departure")),
    )


def passenger(raw: Mapping[str, Any]) -> OfferPassenger:
    """A seat of the offer. The age decides when it is known, otherwise the type; neither means an adult."""
    age = raw.get("age")
    if not isinstance(age, int) or isinstance(age, bool):
        age = None
    kind = text(raw.get("type"))
    if age is not None:
        kind = "infant" if age < 2 else "child" if age < 18 else "adult"
    elif kind != "child":
        kind = "infant" if kind.startswith("infant") else "adult"
    return OfferPassenger(_identity(raw), kind, age)


def service(raw: Mapping[str, Any]) -> Service:
    """An extra on sale with the offer. Raises Unreadable when its price is odd."""
    meta = mapping(raw.get("metadata"))
    detail: dict[str, Any] = {}
    if raw.get("type") == "baggage":
        detail = {"bag_kind": text(meta.get("type")), "weight_kg": meta.get("maximum_weight_kg"),
                  "length_cm": meta.get("maximum_length_cm"), "height_cm": meta.get("maximum_height_cm"),
                  "depth_cm": meta.get("maximum_depth_cm")}
    elif raw.get("type") == "seat":
        detail = {"designator": text(meta.get("designator")), "name": text(meta.get("name")),
                  "disclosures": list(texts(meta.get("disclosures")))}
    elif raw.get("type") == "cancel_for_any_reason":
        refund = maybe_money(meta.get("refund_amount"), raw.get("total_currency"))
        detail = {"copy": text(meta.get("merchant_copy")),
                  "terms_url": web_address(meta.get("terms_and_conditions_url")),
                  "refund": refund.as_json() if refund else None}
    return Service(
        external_id=_identity(raw), kind=text(raw.get("type")), passenger_ids=texts(raw.get("passenger_ids")),
        segment_ids=texts(raw.get("segment_ids")), max_quantity=count(raw.get("maximum_quantity")),
        price=money(raw.get("total_amount"), raw.get("total_currency")), detail=detail,
    )


def offer(raw: Mapping[str, Any], request_id: str = "") -> OfferInfo:
    """An offer. Raises Unreadable without an id, an end, a readable total, flights or travellers.

    Extras in another currency than the offer's are left out: they cannot be paid in one sum.
    """
    total = money(raw.get("total_amount"), raw.get("total_currency"))
    expires_at = moment(raw.get("expires_at"))
    slices = tuple(flight_slice(item) for item in items(raw.get("slices")))
    passengers = tuple(passenger(item) for item in items(raw.get("passengers")))
    if expires_at is None or not passengers or not slices or not all(item.segments for item in slices):
        raise Unreadable("an offer without an end, flights or travellers")
    sold = raw.get("available_services")
    services = None if sold is None else tuple(
        item for item in readable(service, items(sold)) if item.price.currency == total.currency)
    terms, paying, owner = (mapping(raw.get(key)) for key in ("conditions", "payment_requirements", "owner"))
    return OfferInfo(
        supplier=NAME, external_id=_identity(raw), request_id=request_id or text(raw.get("offer_request_id")),
        total=total, base=maybe_money(raw.get("base_amount"), raw.get("base_currency")),
        tax=maybe_money(raw.get("tax_amount"), raw.get("tax_currency")), expires_at=expires_at,
        owner_code=text(owner.get("iata_code")), owner_name=text(owner.get("name")),
        slices=slices, passengers=passengers,
        instant_only=paying.get("requires_instant_payment") is not False,
        pay_by=moment(paying.get("payment_required_by")),
        price_guaranteed_until=moment(paying.get("price_guarantee_expires_at")),
        change=condition(terms.get("change_before_departure")), refund=condition(terms.get("refund_before_departure")),
        documents_required=raw.get("passenger_identity_documents_required") is True,
        document_kinds=texts(raw.get("supported_passenger_identity_document_types")
                             or raw.get("allowed_passenger_identity_document_types")),
        loyalty_carriers=texts(raw.get("supported_loyalty_programmes")), services=services,
        emissions_kg=text(raw.get("total_emissions_kg")),
        conditions_url=web_address(owner.get("conditions_of_carriage_url")), live_mode=raw.get("live_mode") is True,
    )


# --- seats ---------------------------------------------------------------------------------------------------

def seat(raw: Mapping[str, Any]) -> Seat:
    """A cell of a row. An unknown type is empty; a seat nobody sells, or at an odd price, is taken."""
    services = {}
    for sold in items(raw.get("available_services")):
        try:
            price = money(sold.get("total_amount"), sold.get("total_currency"))
            services[text(sold.get("passenger_id"))] = (_identity(sold), price)
        except Unreadable:
            continue
    return Seat(kind=_SEAT_KINDS.get(text(raw.get("type")), "empty"), designator=text(raw.get("designator")),
                name=text(raw.get("name")), disclosures=texts(raw.get("disclosures")), services=services)


def _wings(cabin: Mapping[str, Any]) -> tuple[int, int] | None:
    """The first and the last row over the wings, counted from 0; None where the map does not say."""
    ends = [mapping(cabin.get("wings")).get(key) for key in ("first_row_index", "last_row_index")]
    first, last = (end if isinstance(end, int) and not isinstance(end, bool) else None for end in ends)
    return (first, last) if first is not None and last is not None and 0 <= first <= last else None


def seat_map(raw: Mapping[str, Any]) -> SeatMap:
    """The seats of one flight."""
    cabins = tuple(
        {"cabin": text(cabin.get("cabin_class")), "deck": count(cabin.get("deck")), "wings": _wings(cabin),
         "rows": [[[seat(cell) for cell in items(section.get("elements"))] for section in items(row.get("sections"))]
                  for row in items(cabin.get("rows"))]}
        for cabin in items(raw.get("cabins"))
    )
    return SeatMap(segment_id=text(raw.get("segment_id")), slice_id=text(raw.get("slice_id")), cabins=cabins)


# --- orders --------------------------------------------------------------------------------------------------

def order_state(raw: Mapping[str, Any], now: datetime) -> OrderState:
    """HELD, TICKETED, LAPSED or CANCELLED, by the table of duffel.md 4. Raises Unreadable when no row of it fits.

    `awaiting_payment` false alone proves nothing: a lapsed hold shows it too, but only when its time is up. By
    whose clock? Never ours: `now` is when the answer was sent, `synced_at` when the airline last said so.
    """
    status = mapping(raw.get("payment_status"))
    if raw.get("cancelled_at") or mapping(raw.get("cancellation")).get("confirmed_at"):
        return OrderState.CANCELLED
    if status.get("paid_at") or items(raw.get("documents")) or raw.get("type") == "instant":
        return OrderState.TICKETED
    awaiting, pay_by = status.get("awaiting_payment"), moment(status.get("payment_required_by"))
    if awaiting is True:
        return OrderState.HELD
    latest = max(now, moment(raw.get("synced_at")) or now) + _GRAIN
    if awaiting is False and pay_by is not None and pay_by <= latest:
        return OrderState.LAPSED
    raise Unreadable("an order that is neither held, paid, lapsed nor cancelled")


def order(raw: Mapping[str, Any], now: datetime) -> OrderInfo:
    """An airline order. Raises Unreadable without an id, with an odd total, or in no state that we know."""
    status, notes = mapping(raw.get("payment_status")), mapping(raw.get("metadata"))
    cancellation = mapping(raw.get("cancellation"))
    return OrderInfo(
        supplier=NAME, external_id=_identity(raw), pnr=text(raw.get("booking_reference")),
        state=order_state(raw, now), total=money(raw.get("total_amount"), raw.get("total_currency")),
        offer_id=text(raw.get("offer_id")), booking_id=text(notes.get("booking_id")),
        pay_by=moment(status.get("payment_required_by")),
        price_guaranteed_until=moment(status.get("price_guarantee_expires_at")), paid_at=moment(status.get("paid_at")),
        cancelled_at=moment(raw.get("cancelled_at")) or moment(cancellation.get("confirmed_at")),
        void_until=moment(raw.get("void_window_ends_at")), created_at=moment(raw.get("created_at")),
        tickets=tuple(
            Ticket("ticket" if item.get("type") == "electronic_ticket" else "emd",
                   text(item.get("unique_identifier")), texts(item.get("passenger_ids")))
            for item in items(raw.get("documents"))),
        actions=texts(raw.get("available_actions")),
        itinerary=tuple(flight_slice(item) for item in items(raw.get("slices"))),
        change=flight_change(raw.get("airline_initiated_changes")),
        travellers=tuple((text(item.get("id")), text(item.get("given_name")), text(item.get("family_name")))
                         for item in items(raw.get("passengers"))),
        live_mode=raw.get("live_mode") is True,
    )


def flight_change(value: Any) -> FlightChange | None:
    """The newest of the airline's own changes; times are ISO 8601 of one zone, so their text sorts."""
    raws = [raw for raw in items(value) if text(raw.get("id"))]
    if not raws:
        return None
    raw = max(raws, key=lambda raw: text(raw.get("created_at")))
    return FlightChange(
        external_id=text(raw.get("id")),
        before=tuple(flight_slice(item) for item in items(raw.get("removed"))),
        after=tuple(flight_slice(item) for item in items(raw.get("added"))),
        actions=texts(raw.get("available_actions")), taken=text(raw.get("action_taken")),
    )


def cancel_quote(raw: Mapping[str, Any]) -> CancelQuote:
    """A cancellation, quoted or confirmed. Raises Unreadable without an id or with an odd amount."""
    return CancelQuote(
        external_id=_identity(raw), order_id=text(raw.get("order_id")),
        refund=maybe_money(raw.get("refund_amount"), raw.get("refund_currency")),
        refund_to=text(raw.get("refund_to")), expires_at=moment(raw.get("expires_at")),
        confirmed_at=moment(raw.get("confirmed_at")),
    )
