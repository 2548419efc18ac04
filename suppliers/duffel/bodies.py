"""What we send to Duffel: search and order bodies, from our own words. Pure functions (duffel.md 3.1 and 3.5)."""

from __future__ import annotations

from typing import Any

from fly2any.kernel.money import Money
from suppliers.types import OrderRequest, SearchQuery, Traveller


def search(query: SearchQuery) -> dict[str, Any]:
    """The body of an offer request. Children are given by age, infants by type: their age at the airline must be the
    searched one, and a baby may be under one or over."""
    passengers: list[dict[str, Any]] = [{"type": "adult"} for _ in range(query.adults)]
    passengers += [{"age": age} for age in query.child_ages]
    passengers += [{"type": "infant_without_seat"} for _ in range(query.infants)]
    body: dict[str, Any] = {
        "slices": [{"origin": leg.origin, "destination": leg.destination, "departure_date": leg.date.isoformat()}
                   for leg in query.legs],
        "passengers": passengers,
        "cabin_class": query.cabin,
    }
    if query.max_connections is not None:
        body["max_connections"] = query.max_connections
    return body


def order(request: OrderRequest) -> dict[str, Any]:
    """The body of an order: a hold carries neither payments nor services, not even empty ones."""
    body: dict[str, Any] = {
        "type": "hold" if request.hold else "instant",
        "selected_offers": [request.offer_id],
        "passengers": [_traveller(person) for person in request.travellers],
        "metadata": {"booking_id": request.booking_id, "reference": request.reference},
    }
    if request.hold:
        if request.services:
            raise ValueError("a hold order takes no services")
        return body
    if request.amount is None:
        raise ValueError("an instant order needs its exact amount")
    if request.services:
        body["services"] = [{"id": service, "quantity": quantity} for service, quantity in request.services]
    body["payments"] = [balance(request.amount)]
    return body


def balance(amount: Money) -> dict[str, str]:
    """A payment from our balance at Duffel."""
    return {"type": "balance", "amount": f"{amount.amount:f}", "currency": amount.currency}


def _papers(person: Traveller) -> list[dict[str, str]]:
    """The one identity document that Duffel takes for a traveller; the security numbers are issued by the US."""
    found: list[dict[str, str]] = []
    if person.document:
        found.append({
            "type": person.document["kind"], "unique_identifier": person.document["number"],
            "issuing_country_code": person.document["country"], "expires_on": person.document["expires_on"]})
    found += [{"type": kind, "unique_identifier": number, "issuing_country_code": "US"} for kind, number in (
        ("known_traveler_number", person.known_traveller), ("passenger_redress_number", person.redress)) if number]
    if len(found) > 1:
        raise ValueError("Duffel takes one identity document for each traveller")
    return found


def _traveller(person: Traveller) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": person.external_id, "title": person.title.lower(), "gender": person.gender.lower(),
        "given_name": person.given_name, "family_name": person.family_name, "born_on": person.born_on.isoformat(),
        "email": person.email, "phone_number": person.phone,
    }
    if person.infant_external_id:
        body["infant_passenger_id"] = person.infant_external_id
    papers = _papers(person)
    if papers:
        body["identity_documents"] = papers
    if person.loyalty:
        body["loyalty_programme_accounts"] = [
            {"airline_iata_code": carrier, "account_number": number} for carrier, number in person.loyalty]
    return body
