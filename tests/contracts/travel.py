"""Trips and travellers for the contract tests."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from suppliers.duffel.adapter import DuffelSupplier
from suppliers.types import Leg, OfferInfo, OrderRequest, SearchQuery, Traveller

NAMES = ("Amelia", "Bessie", "Charles", "Dorothy", "Emil", "Frieda")
AGES = {"adult": 36, "child": 7, "infant": 1}


def later(days: int) -> date:
    """The day so many days from now."""
    return datetime.now(UTC).date() + timedelta(days=days)


def trip(origin: str = "JFK", destination: str = "LAX", *, back: bool = False, adults: int = 1,
         child_ages: tuple[int, ...] = (), infants: int = 0) -> SearchQuery:
    """A search some weeks ahead."""
    legs = (Leg(origin, destination, later(40)),) + ((Leg(destination, origin, later(50)),) if back else ())
    return SearchQuery(legs, adults=adults, child_ages=child_ages, infants=infants)


def pick(supplier: DuffelSupplier, query: SearchQuery, *, hold: bool) -> OfferInfo:
    """The first offer that can (or cannot) be held."""
    return next(offer for offer in supplier.search(query) if offer.instant_only is not hold)


def travellers(offer: OfferInfo) -> tuple[Traveller, ...]:
    """Somebody for every seat, of the right age; each infant on an adult's lap."""
    infants = [passenger.external_id for passenger in offer.passengers if passenger.kind == "infant"]
    people = []
    for passenger, name in zip(offer.passengers, NAMES, strict=False):
        years = passenger.age if passenger.age is not None else AGES[passenger.kind]
        lap = infants.pop() if passenger.kind == "adult" and infants else ""
        people.append(Traveller(passenger.external_id, "Ms", "F", name, "Earhart",
                                date.today() - timedelta(days=int(years * 365.25) + 30), "a@example.com",
                                "+442080160509", infant_external_id=lap))
    return tuple(people)


def request(offer: OfferInfo, *, hold: bool, services: tuple[tuple[str, int], ...] = (),
            booking_id: str = "b-1") -> OrderRequest:
    """The order for an offer, with the exact sum of its fare and extras."""
    amount = offer.total
    for sold in offer.services or ():
        for external_id, quantity in services:
            if sold.external_id == external_id:
                amount = amount + sold.price * quantity
    return OrderRequest(offer.external_id, hold, travellers(offer), services, None if hold else amount, booking_id,
                        "FLY2A-ABC234", offer.document)
