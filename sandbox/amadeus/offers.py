"""Flight offers as Amadeus writes them, made from the same air that sandbox Duffel sells.

Same airline, number and times on the same day as there, under the same brands, a little cheaper or dearer. The airline
6X flies everywhere, as it does in Amadeus' own test system; it is never sold with a card or at once.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sandbox.amadeus.money import amount
from sandbox.flights import fares
from sandbox.flights.airports import airports
from sandbox.flights.carriers import Carrier
from sandbox.flights.fares import Brand
from sandbox.flights.schedule import Flight, Itinerary
from sandbox.flights.trips import Slice, trips

Json = dict[str, Any]
SIX = Carrier("6X", (), (), "zz", 0.84, True, True, "606")
BY_WEIGHT = frozenset("EK EY QR SV TG AI MH GA TK ET PK UL".split())  # kilograms of baggage, not pieces
NOT_SOLD = frozenset({"AA", "DL", "BA"})  # and nobody without frills
CABINS = {"ECONOMY": "economy", "PREMIUM_ECONOMY": "premium_economy", "BUSINESS": "business", "FIRST": "first"}
LETTERS = {"economy": "QKY", "premium_economy": "WP", "business": "JC", "first": "FA"}
ON_LAP = "HELD_INFANT"
YOUNG_TYPES = {"CHILD": "child", "SEATED_INFANT": "child", ON_LAP: "infant_without_seat"}
SUPPLIER_FEE_CENTS = 450
Trip = tuple[Itinerary, ...]


@dataclass(frozen=True)
class Traveller:
    """One traveller of a search; ``adult`` is the id of the one who holds an infant."""

    id: str
    type: str
    adult: str | None = None


@dataclass(frozen=True)
class Wish:
    """Everything that decides which offers there are. ``hour`` is the time of the search, to the hour, UTC."""

    legs: tuple[Slice, ...]
    party: tuple[Traveller, ...]
    cabin: str
    connections: int
    currency: str
    hour: str
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    with_bags: bool = False
    refundable: bool = False

    @property
    def today(self) -> date:
        """The date of the search, UTC."""
        return datetime.fromisoformat(self.hour).date()


def offers(wish: Wish) -> list[tuple[int, Json]]:
    """Return every offer of a search with the number of its journey, the cheapest first, numbered from 1."""
    found = [
        (journey, offer)
        for journey, (carrier, trip) in enumerate(sold(wish))
        for offer in branded(wish, carrier, trip)
    ]
    found.sort(key=lambda each: Decimal(each[1]["price"]["grandTotal"]))
    number([offer for _, offer in found])
    return found


def sold(wish: Wish) -> Iterator[tuple[Carrier, Trip]]:
    """Yield the journeys that Amadeus sells, with the airline that sells them."""
    for flown_by, journey in trips(wish.legs, wish.connections):
        carrier, trip = flown_by, journey
        if flown_by.code == "ZZ":
            carrier = SIX
            trip = tuple(tuple(replace(flight, carrier=SIX.code) for flight in leg) for leg in journey)
        if carrier.low_cost or carrier.code in NOT_SOLD or carrier.code in wish.without:
            continue
        if not wish.only or carrier.code in wish.only:
            yield carrier, trip


def branded(wish: Wish, carrier: Carrier, trip: Trip) -> Iterator[Json]:
    """Yield an offer for each fare brand of a journey, the cheapest first."""
    for rank, brand in enumerate(fares.brands(carrier, wish.cabin)):
        if (wish.with_bags and not brand.checked) or (wish.refundable and not brand.refund.allowed):
            continue
        yield offer_of(wish, carrier, trip, brand, upsell=rank > 0)


def offer_of(wish: Wish, carrier: Carrier, trip: Trip, brand: Brand, *, upsell: bool) -> Json:
    """Return one offer; its segments still carry no ids."""
    dice = random.Random(f"{carrier.code}{trip[0][0].number}terms")
    departs = trip[0][0].departs.date()
    soon = (departs - wish.today).days < 2
    at_once = carrier is not SIX and (dice.random() < 0.08 or soon)
    by_card = carrier is not SIX and not at_once and dice.random() < 0.06
    return {
        "type": "flight-offer",
        "id": "0",
        "source": "GDS",
        "instantTicketingRequired": at_once,
        "nonHomogeneous": False,
        "oneWay": False,
        "isUpsellOffer": upsell,
        **_ticketing_limit(carrier, wish.today, departs, dice),
        "numberOfBookableSeats": 9 if carrier is SIX else dice.choice((9, 9, 9, 9, 7, 5, 4, 2)),
        "itineraries": [_itinerary(leg) for leg in trip],
        **_priced(wish, carrier, trip, brand),
        "pricingOptions": {
            "fareType": ["PUBLISHED"],
            "includedCheckedBagsOnly": brand.checked > 0,
            "refundableFare": bool(brand.refund.allowed),
            "noPenaltyFare": brand.change.penalty == 0,
        },
        "validatingAirlineCodes": [carrier.code],
        **({"paymentCardRequired": True} if by_card else {}),
        "travelerPricings": [_traveller(wish, each, carrier, trip, brand) for each in wish.party],
    }


def _ticketing_limit(carrier: Carrier, today: date, departs: date, dice: random.Random) -> Json:
    """The time limit: never after the day before departure, today when that is near, for some airlines unknown."""
    days = 5 if carrier is SIX else dice.choice((1, 2, 3, 3, 7))
    last = max(today, min(today + timedelta(days=days), departs - timedelta(days=1)))
    kind = 0 if carrier is SIX else random.Random(carrier.code).randrange(4)
    if kind == 1:  # as live data shows it, whatever the field's name
        return {"lastTicketingDate": last.isoformat(), "lastTicketingDateTime": last.isoformat()}
    if kind == 2:
        return {"lastTicketingDate": last.isoformat(), "lastTicketingDateTime": f"{last.isoformat()}T23:59:00"}
    if kind == 3:  # some offers say nothing
        return {}
    return {"lastTicketingDate": last.isoformat()}


def adult_fare(wish: Wish, carrier: Carrier, trip: Trip, brand: Brand) -> tuple[int, int]:
    """Return (fare, taxes) of one adult in cents of dollars."""
    base = tax = 0
    for leg in trip:
        near = random.Random(f"{carrier.code}{[flight.number for flight in leg]}{leg[0].departs.date()}amadeus")
        usual = fares.base_fare(leg, wish.cabin, carrier, wish.today, wish.hour) * brand.factor
        fare = round(usual * near.uniform(0.955, 1.045) / 100) * 100
        base, tax = base + fare, tax + fares.taxes(fare, leg)
    return base, tax


def _share(wish: Wish, type: str, fare: tuple[int, int]) -> tuple[Decimal, Decimal]:
    base, tax = fares.share(YOUNG_TYPES.get(type), *fare)
    return amount(base, wish.currency), amount(tax, wish.currency)


def _priced(wish: Wish, carrier: Carrier, trip: Trip, brand: Brand) -> Json:
    fare = adult_fare(wish, carrier, trip, brand)
    shares = [_share(wish, each.type, fare) for each in wish.party]
    base = sum((share[0] for share in shares), Decimal(0))
    total = base + sum((share[1] for share in shares), Decimal(0))
    charged = random.Random(f"{carrier.code}fee").random() < 0.2
    fee = amount(SUPPLIER_FEE_CENTS if charged else 0, wish.currency)
    return {
        "price": {
            "currency": wish.currency,
            "total": str(total),
            "base": str(base),
            "fees": [{"amount": str(fee), "type": "SUPPLIER"}, {"amount": "0.00", "type": "TICKETING"}],
            "grandTotal": str(total + fee),
        }
    }


def _itinerary(leg: Itinerary) -> Json:
    ground = sum(int((b.departs - a.arrives).total_seconds() // 60) for a, b in zip(leg, leg[1:], strict=False))
    return {"duration": span(sum(each.minutes for each in leg) + ground), "segments": [_segment(each) for each in leg]}


def _segment(flight: Flight) -> Json:
    dice = random.Random(f"{flight.carrier}{flight.number}")
    start, end = dice.choice(("1", "2", "B", None)), dice.choice(("1", "3", "4", None))
    stops = []
    if flight.stop:
        middle = (flight.departs + (flight.arrives - flight.departs) / 2).replace(minute=0, second=0, microsecond=0)
        leaves = middle.replace(minute=55)
        stops = [
            {
                "iataCode": flight.stop,
                "duration": "PT55M",
                "arrivalAt": middle.isoformat(),
                "departureAt": leaves.isoformat(),
            }
        ]
    return {
        "departure": _end(flight.origin, start, flight.departs),
        "arrival": _end(flight.destination, end, flight.arrives),
        "carrierCode": flight.carrier,
        "number": flight.number,
        "aircraft": {"code": flight.aircraft},
        "operating": {"carrierCode": flight.carrier},
        "duration": span(flight.minutes),
        "id": "",
        "numberOfStops": len(stops),
        **({"stops": stops} if stops else {}),
        "blacklistedInEU": False,
    }


def _end(code: str, terminal: str | None, at: datetime) -> Json:
    return {"iataCode": code, **({"terminal": terminal} if terminal else {}), "at": at.isoformat()}


def span(minutes: int) -> str:
    """Render minutes as Amadeus does: hours are never turned into days."""
    hours, left = divmod(minutes, 60)
    return "PT" + (f"{hours}H" if hours else "") + (f"{left}M" if left or not hours else "")


def _traveller(wish: Wish, each: Traveller, carrier: Carrier, trip: Trip, brand: Brand) -> Json:
    base, tax = _share(wish, each.type, adult_fare(wish, carrier, trip, brand))
    return {
        "travelerId": each.id,
        "fareOption": "STANDARD",
        "travelerType": each.type,
        **({"associatedAdultId": each.adult} if each.adult else {}),
        "price": {"currency": wish.currency, "total": str(base + tax), "base": str(base)},
        "fareDetailsBySegment": [
            _fare_detail(wish, each, carrier, brand, flight) for itinerary in trip for flight in itinerary
        ],
    }


def _fare_detail(wish: Wish, each: Traveller, carrier: Carrier, brand: Brand, flight: Flight) -> Json:
    letters = LETTERS[wish.cabin]
    letter = letters[min(brand.shelf - 1, len(letters) - 1) if wish.cabin == "economy" else brand.checked % 2]
    on_lap = each.type == ON_LAP
    bags: Json = {"quantity": 0 if on_lap else brand.checked}
    if carrier.code in BY_WEIGHT and brand.checked:
        bags = {"weight": 10 if on_lap else 20 + 5 * brand.shelf, "weightUnit": "KG"}
    young = {"CHILD": "CH", ON_LAP: "IN"}.get(each.type, "")
    label = (brand.name or "").upper()
    return {
        "segmentId": "",
        "cabin": wish.cabin.upper(),
        "fareBasis": f"{letter}{brand.shelf}{carrier.code}{flight.origin[0]}N{young}",
        "brandedFare": label.replace(" ", "")[:14],
        "brandedFareLabel": label,
        "class": letter,
        "includedCheckedBags": bags,
        "includedCabinBags": {"quantity": 0 if on_lap else brand.carry_on},
        "amenities": _amenities(brand, carrier),
    }


def _amenities(brand: Brand, carrier: Carrier) -> list[Json]:
    provider = {"name": "BrandedFare"}
    rows = (
        ("PRE RESERVED SEAT ASSIGNMENT", not brand.seat_choice, "PRE_RESERVED_SEAT"),
        ("MEAL SERVICES", carrier.kind == "us", "MEAL"),
        ("REFUNDABLE TICKET", not (brand.refund.allowed and brand.refund.penalty == 0), "BRANDED_FARES"),
        ("CHANGEABLE TICKET", not (brand.change.allowed and brand.change.penalty == 0), "BRANDED_FARES"),
    )
    return [
        {"description": words, "isChargeable": paid, "amenityType": kind, "amenityProvider": provider}
        for words, paid, kind in rows
    ]


def number(found: list[Json]) -> None:
    """Number the offers of one answer from 1, and each flight throughout the answer."""
    numbers: dict[tuple[str, str, str], str] = {}
    for position, offer in enumerate(found, 1):
        _number(offer, str(position), numbers)


def _number(offer: Json, id: str, numbers: dict[tuple[str, str, str], str]) -> None:
    """Give the offer its number and each flight the number it has throughout the answer."""
    offer["id"] = id
    flights = []
    for segment in (each for itinerary in offer["itineraries"] for each in itinerary["segments"]):
        key = (segment["carrierCode"], segment["number"], segment["departure"]["at"])
        segment["id"] = numbers.setdefault(key, str(len(numbers) + 1))
        flights.append(segment["id"])
    for pricing in offer["travelerPricings"]:
        for detail, flight in zip(pricing["fareDetailsBySegment"], flights, strict=True):
            detail["segmentId"] = flight


def segments(offer: Json) -> list[Json]:
    """Return the segments of an offer, in the order they are flown."""
    return [segment for itinerary in offer["itineraries"] for segment in itinerary["segments"]]


def abroad(offer: Json) -> bool:
    """Return whether the journey crosses a border."""
    codes = {segment[end]["iataCode"] for segment in segments(offer) for end in ("departure", "arrival")}
    return len({airports()[code]["country"] for code in codes if code in airports()}) > 1
