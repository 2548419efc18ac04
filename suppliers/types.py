"""What every airline supplier means, in our own words; no Django, no vendor.

Times: `*_at` with a zone are UTC; `departing_local` and `arriving_local` are the airport's own clock, with the
zone's name beside them. Money is `fly2any.kernel.money.Money` (minor units). `suppliers.stored` turns
offers into JSON and back, so that an offer is stored as it was seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from fly2any.kernel.money import Money


class OrderState(StrEnum):
    """The airline order's machine (reliability.md 3)."""

    CREATING = "creating"
    HELD = "held"
    RESERVED = "reserved"
    PAYING = "paying"
    TICKETED = "ticketed"
    UNKNOWN = "unknown"
    NOT_CREATED = "not_created"
    LAPSED = "lapsed"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"


LIVE = frozenset({OrderState.HELD, OrderState.RESERVED, OrderState.PAYING, OrderState.TICKETED, OrderState.CANCELLING})
BY_LOCATOR = "locator:"  # how the id of an order begins of which staff found no more than its record locator


@dataclass(frozen=True)
class Leg:
    """One direction of a search: IATA codes of airports or cities, and the date at the origin."""

    origin: str
    destination: str
    date: date


@dataclass(frozen=True)
class SearchQuery:
    """What a customer looks for. Children and infants are given by their age on the last flight's date."""

    legs: tuple[Leg, ...]
    adults: int = 1
    child_ages: tuple[int, ...] = ()
    infants: int = 0
    cabin: str = "economy"  # economy, premium_economy, business, first
    max_connections: int | None = None


@dataclass(frozen=True)
class Condition:
    """Whether something is allowed and what it costs. `allowed` None: not stated. `fee` None: not stated."""

    allowed: bool | None = None
    fee: Money | None = None


@dataclass(frozen=True)
class Place:
    """An airport (or a city in a search box)."""

    code: str
    name: str
    city: str = ""
    country: str = ""
    time_zone: str = ""
    kind: str = "airport"
    airports: tuple[str, ...] = ()


@dataclass(frozen=True)
class FlightSegment:
    """One flight from take-off to landing. `external_id` is the supplier's, and changes with every fetch."""

    external_id: str
    carrier_code: str
    carrier_name: str
    flight_number: str
    operating_name: str
    operating_number: str
    origin: Place
    destination: Place
    departing_local: str  # ISO 8601 without a zone
    arriving_local: str
    duration_minutes: int | None = None
    aircraft: str = ""
    origin_terminal: str = ""
    destination_terminal: str = ""
    stops: tuple[str, ...] = ()
    cabin: str = ""
    cabin_name: str = ""
    # per passenger: {"passenger", "kind": checked|carry_on, "quantity"}, and "weight_kg" where the airline counts kilos
    bags: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class FlightSlice:
    """One direction of the trip."""

    external_id: str
    origin: Place
    destination: Place
    segments: tuple[FlightSegment, ...]
    duration_minutes: int | None = None
    brand: str = ""
    comparison_key: str = ""
    change: Condition = Condition()


@dataclass(frozen=True)
class OfferPassenger:
    """A seat in the offer: the supplier's passenger id, and adult, child or infant."""

    external_id: str
    kind: str  # adult, child, infant
    age: int | None = None


@dataclass(frozen=True)
class Service:
    """Something sold with the offer: `kind` baggage, seat or cancel_for_any_reason. `price` is for one unit."""

    external_id: str
    kind: str
    passenger_ids: tuple[str, ...]
    segment_ids: tuple[str, ...]
    max_quantity: int
    price: Money
    detail: dict[str, Any] = field(default_factory=dict)  # bag_kind, weight_kg, designator, copy, terms_url, refund


# What an offer may ask for beside name, birth date, title, e-mail and phone (`OfferInfo.requires`).
REQUIREMENTS = ("gender", "date_of_birth", "email", "phone", "mobile_phone", "phone_country", "postal_code", "address",
                "invoice_address", "residence", "document_city", "redress")


@dataclass(frozen=True)
class OfferInfo:
    """An offer as the supplier last told it. `services` None: not asked for; (): none sold."""

    supplier: str
    external_id: str
    request_id: str
    total: Money
    base: Money | None
    tax: Money | None
    expires_at: datetime
    owner_code: str
    owner_name: str
    slices: tuple[FlightSlice, ...]
    passengers: tuple[OfferPassenger, ...]
    instant_only: bool
    pay_by: datetime | None = None
    price_guaranteed_until: datetime | None = None
    change: Condition = Condition()
    refund: Condition = Condition()
    documents_required: bool = False
    document_kinds: tuple[str, ...] = ()
    loyalty_carriers: tuple[str, ...] = ()
    services: tuple[Service, ...] | None = None
    emissions_kg: str = ""
    conditions_url: str = ""
    live_mode: bool = False
    manual: bool = False  # reserved by us, ticketed by our staff, no online payment (reliability.md 2)
    ticket_by: datetime | None = None  # a manual offer must be ticketed before this
    requires: tuple[str, ...] = ()  # what the airline wants to know besides, in our words (amadeus.md 3.2)
    rules: tuple[tuple[str, str], ...] = ()  # the airline's own fare rules: title and raw text
    # the supplier's whole offer, character by character, where the supplier keeps none itself; `Offer.document`
    document: str = field(default="", repr=False)


@dataclass(frozen=True)
class Seat:
    """A seat or another cell of a cabin row. `services` maps passenger id to (service id, price)."""

    kind: str  # seat, empty, bassinet, exit_row, lavatory, galley, closet, stairs, restricted
    designator: str = ""
    name: str = ""
    disclosures: tuple[str, ...] = ()
    services: dict[str, tuple[str, Money]] = field(default_factory=dict)


@dataclass(frozen=True)
class SeatMap:
    """The seats of one flight: cabins → rows → sections → seats ("rows": [[[Seat, ...], ...], ...])."""

    segment_id: str
    slice_id: str
    cabins: tuple[dict[str, Any], ...]  # {"cabin", "deck", "wings": (first, last) | None, "rows": …}


@dataclass(frozen=True)
class Traveller:
    """A passenger as the airline must know them. `document` is clear text and lives only during the call."""

    external_id: str
    title: str
    gender: str  # m, f
    given_name: str
    family_name: str
    born_on: date
    email: str
    phone: str  # E.164
    infant_external_id: str = ""
    document: dict[str, str] | None = None  # kind, number, country, expires_on
    loyalty: tuple[tuple[str, str], ...] = ()  # (carrier, number)
    known_traveller: str = ""  # US security numbers, clear text like the document
    redress: str = ""
    # what `OfferInfo.requires` asked for: addressLine, postalCode, addressCity, addressCountry, residence, documentCity
    details: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class OrderRequest:
    """Everything an airline order needs. `amount` is None for a hold; it includes the services otherwise."""

    offer_id: str
    hold: bool
    travellers: tuple[Traveller, ...]
    services: tuple[tuple[str, int], ...]
    amount: Money | None
    booking_id: str  # our booking's public id, kept in the order's metadata
    reference: str
    document: str = field(default="", repr=False)  # the offer as the supplier gave it, where it keeps none itself


@dataclass(frozen=True)
class Ticket:
    """A document issued by the airline: `kind` ticket or emd."""

    kind: str
    number: str
    passenger_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class FlightChange:
    """Flights that the airline changed by itself: the directions as they were and as they are to be now."""

    external_id: str
    before: tuple[FlightSlice, ...]
    after: tuple[FlightSlice, ...]
    actions: tuple[str, ...] = ()  # accept, change, cancel
    taken: str = ""  # accepted, cancelled, changed; "" while it is open


@dataclass(frozen=True)
class OrderInfo:
    """An airline order as it stands now. `state` is HELD, RESERVED, TICKETED, LAPSED or CANCELLED.

    `pay_by`: when a held order must be paid, or a reserved one ticketed.
    """

    supplier: str
    external_id: str
    pnr: str
    state: OrderState
    total: Money
    offer_id: str
    booking_id: str  # from the order's metadata, "" when absent
    pay_by: datetime | None = None
    price_guaranteed_until: datetime | None = None
    paid_at: datetime | None = None
    cancelled_at: datetime | None = None
    void_until: datetime | None = None
    created_at: datetime | None = None
    tickets: tuple[Ticket, ...] = ()
    actions: tuple[str, ...] = ()  # cancel, change, update
    itinerary: tuple[FlightSlice, ...] = ()
    change: FlightChange | None = None  # the newest that the airline made by itself
    travellers: tuple[tuple[str, str, str], ...] = ()  # passenger id, given name, family name; clear text
    locators: tuple[tuple[str, str], ...] = ()  # each airline's own reference: (system or carrier code, reference)
    live_mode: bool = False


@dataclass(frozen=True)
class CancelQuote:
    """What a cancellation gives back. `refund` None: not known. `refund_to` balance, airline_credits, ..."""

    external_id: str
    order_id: str
    refund: Money | None
    refund_to: str
    expires_at: datetime | None
    confirmed_at: datetime | None = None


@dataclass(frozen=True)
class Notice:
    """A verified message from a supplier: what happened to which object. Never believed, only heard."""

    event_id: str
    kind: str  # order.created, order.failed, order.changed, order.paid, order.cancelled, ping, unknown
    raw_kind: str
    order_id: str = ""
    offer_id: str = ""
    live_mode: bool = False
    made_at: datetime | None = None  # when the supplier made it, by its own clock
