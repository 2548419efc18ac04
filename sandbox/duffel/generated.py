"""Offers for any pair of airports, any date, any party, made from the schedule and the fares."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sandbox.duffel import ids, published
from sandbox.duffel.reference import aircraft, airlines, airport_place
from sandbox.flights import fares
from sandbox.flights.airports import airports
from sandbox.flights.carriers import Carrier
from sandbox.flights.fares import CABIN_NAMES, CURRENCY, Brand, Terms, money
from sandbox.flights.schedule import Flight, Itinerary
from sandbox.flights.trips import Slice, trips

HOUR, DAY = 3600, 86400
LIFETIME = 1800
SECURITY_NUMBERS = ["known_traveler_number", "passenger_redress_number"]
DOCUMENT_TYPES = ["passport", *SECURITY_NUMBERS]


@dataclass(frozen=True)
class Search:
    """Everything that decides which offers there are. ``hour`` is the time of the search, to the hour, UTC."""

    slices: tuple[Slice, ...]
    cabin: str
    party: tuple[tuple[str | None, int | None], ...]  # (type, age)
    max_connections: int | None  # None: one, and whatever was captured
    hour: str

    @property
    def connections(self) -> int:
        """How many changes of plane a generated journey may have per slice."""
        return 1 if self.max_connections is None else self.max_connections

    @property
    def today(self) -> date:
        """The date of the search."""
        return datetime.fromisoformat(self.hour).date()

    @property
    def manner(self) -> str | None:
        """What the route is published to show, if anything."""
        return published.behaviour(self.slices[0].origin, self.slices[0].destination)


@dataclass
class Numbers:
    """Hands out the numbers of one search's ids."""

    used: dict[str, int] = field(
        default_factory=lambda: {"sli": ids.SLICES, "seg": ids.SEGMENTS, "off": ids.OFFERS, "sto": ids.STOPS}
    )

    def next(self, prefix: str) -> str:
        """Return a new id with a blank core."""
        self.used[prefix] += 1
        return ids.make(prefix, self.used[prefix] - 1)


def stamp(seconds: float) -> str:
    """Return the placeholder of a time ``seconds`` after the search."""
    return f"@T+{int(seconds)}@"


def offers(search: Search, numbers: Numbers) -> Iterator[dict[str, Any]]:
    """Yield the offers of a search with blank cores and times relative to the search."""
    for carrier, trip in trips(search.slices, search.connections, search.manner):
        for brand in fares.brands(carrier, search.cabin):
            yield _offer(search, carrier, trip, brand, numbers)


def _offer(
    search: Search, carrier: Carrier, trip: tuple[Itinerary, ...], brand: Brand, numbers: Numbers
) -> dict[str, Any]:
    dice = random.Random(f"{carrier.code}{trip[0][0].origin}{trip[0][-1].destination}documents")
    abroad = any(airports()[f.origin]["country"] != airports()[f.destination]["country"] for i in trip for f in i)
    american = all(airports()[f.origin]["country"] == "US" for i in trip for f in i) and not abroad
    return {
        "id": numbers.next("off"),
        "live_mode": False,
        "partial": False,
        "created_at": stamp(0),
        "updated_at": stamp(0),
        "expires_at": stamp(LIFETIME),
        **_amounts(search, carrier, trip, brand),
        "total_emissions_kg": str(round(sum(f.km for i in trip for f in i) * 0.083 * len(search.party))),
        "owner": airlines()[carrier.code],
        "payment_requirements": payment_requirements(carrier, trip[0][0].departs, search),
        "passenger_identity_documents_required": abroad and carrier.code != "ZZ" and dice.random() < 0.35,
        "supported_passenger_identity_document_types": DOCUMENT_TYPES if abroad else SECURITY_NUMBERS * american,
        "supported_loyalty_programmes": [] if carrier.low_cost or carrier.code == "ZZ" else [carrier.code],
        "available_payment_types": ["balance"],
        "available_airline_credit_ids": [],
        "available_services": None,
        "intended_services": [],
        "intended_payment_methods": [],
        "private_fares": [],
        "conditions": {
            "refund_before_departure": _terms(brand.refund, len(search.party)),
            "change_before_departure": _terms(brand.change, len(search.party)),
        },
        "passengers": passengers(search),
        "slices": [_slice(search, itinerary, brand, carrier, numbers) for itinerary in trip],
    }


def _amounts(search: Search, carrier: Carrier, trip: tuple[Itinerary, ...], brand: Brand) -> dict[str, str]:
    base = tax = 0
    for itinerary in trip:
        fare = round(fares.base_fare(itinerary, search.cabin, carrier, search.today, search.hour) * brand.factor)
        for type, _ in search.party:
            one = fares.share(type, fare, fares.taxes(fare, itinerary))
            base, tax = base + one[0], tax + one[1]
    cents = {"total": base + tax, "base": base, "tax": tax}
    amounts = {f"{name}_amount": money(value) for name, value in cents.items()}
    return {**amounts, **{f"{name}_currency": CURRENCY for name in cents}}


def payment_requirements(carrier: Carrier, departs: datetime, search: Search) -> dict[str, Any]:
    """Return whether the offer can be held, and until when, as Duffel says it."""
    ahead = (departs.date() - search.today).days
    holds = carrier.holds and ahead >= 5
    if search.manner == "all_hold":
        holds = True
    if not holds:
        return {"requires_instant_payment": True, "price_guarantee_expires_at": None, "payment_required_by": None}
    if carrier.code == "ZZ":
        guarantee, due = (48 * HOUR, 72 * HOUR) if ahead >= 5 else (2 * HOUR, 4 * HOUR)
        return {
            "requires_instant_payment": False,
            "price_guarantee_expires_at": stamp(guarantee),
            "payment_required_by": stamp(due),
        }
    guaranteed = carrier.code not in ("LH", "OS", "LX", "SN")
    return {
        "requires_instant_payment": False,
        "price_guarantee_expires_at": stamp(24 * HOUR) if guaranteed else None,
        "payment_required_by": stamp(24 * HOUR),
    }


def passengers(search: Search) -> list[dict[str, Any]]:
    """Return the passengers as offers show them."""
    return [
        {
            "id": ids.make("pas", ids.PASSENGERS + number),
            "type": type,
            "age": age,
            "fare_type": None,
            "given_name": None,
            "family_name": None,
            "loyalty_programme_accounts": [],
        }
        for number, (type, age) in enumerate(search.party)
    ]


def comparison_key(flights: list[tuple[str, str, str]]) -> str:
    """Return the key that offers of the same flights share, whatever their brand."""
    return base64.b64encode(hashlib.sha256(repr(flights).encode()).digest()[:6]).decode()


def span(minutes: int) -> str:
    """Render minutes as an ISO 8601 duration."""
    days, rest = divmod(minutes, 1440)
    hours, left = divmod(rest, 60)
    clock = (f"{hours}H" if hours else "") + (f"{left}M" if left else "")
    return "P" + (f"{days}D" if days else "") + (f"T{clock}" if clock else "")


def _terms(terms: Terms, people: int) -> dict[str, Any] | None:
    if terms.allowed is None:
        return None
    if not terms.allowed:
        return {"allowed": False, "penalty_amount": None, "penalty_currency": None}
    return {"allowed": True, "penalty_amount": money((terms.penalty or 0) * people), "penalty_currency": CURRENCY}


def _slice(search: Search, itinerary: Itinerary, brand: Brand, carrier: Carrier, numbers: Numbers) -> dict[str, Any]:
    ground = sum(
        int((b.departs - a.arrives).total_seconds() // 60) for a, b in zip(itinerary, itinerary[1:], strict=False)
    )
    key = comparison_key([(f.carrier, f.number, f.departs.isoformat()) for f in itinerary])
    return {
        "id": numbers.next("sli"),
        "comparison_key": key,
        "ngs_shelf": brand.shelf,
        "fare_brand_name": brand.name,
        "origin_type": "airport",
        "destination_type": "airport",
        "origin": airport_place(itinerary[0].origin),
        "destination": airport_place(itinerary[-1].destination),
        "duration": span(sum(f.minutes for f in itinerary) + ground),
        "conditions": {
            "change_before_departure": _terms(brand.change, 1),
            "refund_before_departure": _terms(brand.refund, 1),
            "advance_seat_selection": brand.seat_choice,
            "priority_boarding": brand.shelf >= 3,
            "priority_check_in": brand.shelf >= 4 if carrier.kind != "low" else None,
        },
        "segments": [_segment(search, flight, brand, carrier, numbers) for flight in itinerary],
    }


def _segment(search: Search, flight: Flight, brand: Brand, carrier: Carrier, numbers: Numbers) -> dict[str, Any]:
    airline = airlines()[flight.carrier]
    dice = random.Random(f"{flight.carrier}{flight.number}")
    return {
        "id": numbers.next("seg"),
        "aircraft": aircraft(flight.aircraft) if not carrier.low_cost else None,
        "origin": airport_place(flight.origin),
        "destination": airport_place(flight.destination),
        "origin_terminal": dice.choice(("1", "2", "B", None)),
        "destination_terminal": dice.choice(("1", "3", "4", None)),
        "departing_at": flight.departs.isoformat(),
        "arriving_at": flight.arrives.isoformat(),
        "duration": span(flight.minutes),
        "distance": f"{flight.km:.6f}",
        "marketing_carrier": airline,
        "marketing_carrier_flight_number": flight.number.zfill(4),
        "operating_carrier": airline,
        "operating_carrier_flight_number": flight.number.zfill(4) if dice.random() < 0.9 else None,
        "stops": _stops(flight, numbers),
        "passengers": [
            _segment_passenger(search, number, brand, carrier, flight) for number in range(len(search.party))
        ],
    }


def _segment_passenger(search: Search, number: int, brand: Brand, carrier: Carrier, flight: Flight) -> dict[str, Any]:
    on_lap = search.party[number][0] == "infant_without_seat"
    bags = [
        {"type": "checked", "quantity": 0 if on_lap else brand.checked},
        {"type": "carry_on", "quantity": 0 if on_lap else brand.carry_on},
    ]
    letter = {"economy": "Q", "premium_economy": "W", "business": "J", "first": "F"}[search.cabin]
    wide = flight.km > 6000
    amenities = (
        None
        if carrier.low_cost
        else {
            "wifi": {"available": True, "cost": "free" if wide else "paid"},
            "power": {"available": wide or carrier.kind == "us"},
            "seat": {"type": "standard", "pitch": "32" if wide else "30", "legroom": "standard"},
        }
    )
    return {
        "passenger_id": ids.make("pas", ids.PASSENGERS + number),
        "cabin_class": search.cabin,
        "cabin_class_marketing_name": CABIN_NAMES[search.cabin],
        "fare_basis_code": f"{letter}{brand.shelf}{carrier.code}{flight.origin[0]}N",
        "baggages": [] if search.manner == "no_baggage" else bags,
        "cabin": {"name": search.cabin, "marketing_name": CABIN_NAMES[search.cabin], "amenities": amenities},
        "conditions": {
            "priority_boarding": brand.shelf >= 3,
            "priority_check_in": brand.shelf >= 4,
            "advance_seat_selection": brand.seat_choice,
        },
    }


def _stops(flight: Flight, numbers: Numbers) -> list[dict[str, Any]]:
    if flight.stop is None:
        return []
    middle = flight.departs + (flight.arrives - flight.departs) / 2
    middle = middle.replace(minute=0, second=0, microsecond=0)
    return [
        {
            "id": numbers.next("sto"),
            "airport": airport_place(flight.stop),
            "arriving_at": middle.isoformat(),
            "departing_at": middle.replace(minute=55).isoformat(),
            "duration": "PT55M",
        }
    ]
