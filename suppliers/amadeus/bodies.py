"""What we send to Amadeus, from our own words. Pure functions; offers are put in as the text they came in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Any

from suppliers.amadeus import people
from suppliers.amadeus.mapping import TEEN, last_ticketing
from suppliers.amadeus.reading import items, mapping, text
from suppliers.types import OrderRequest, SearchQuery, Traveller

MOST_OFFERS = 50
REMARK = "FLY2ANY"  # staff find an order whose answer was lost by this word and our reference
_CABINS = {"economy": "ECONOMY", "premium_economy": "PREMIUM_ECONOMY", "business": "BUSINESS", "first": "FIRST"}


def simple(query: SearchQuery, currency: str = "") -> dict[str, Any] | None:
    """The parameters of a GET search: one way or there and back, in economy; None for anything else.

    A cabin is asked for by POST: there it holds for most of the flights, by GET for at least one of them only.
    """
    legs = query.legs
    back = len(legs) == 2 and (legs[1].origin, legs[1].destination) == (legs[0].destination, legs[0].origin)
    if not (len(legs) == 1 or back) or query.cabin != "economy" or query.max_connections not in (None, 0):
        return None
    teens = sum(age >= TEEN for age in query.child_ages)
    params: dict[str, Any] = {
        "originLocationCode": legs[0].origin, "destinationLocationCode": legs[0].destination,
        "departureDate": legs[0].date.isoformat(), "adults": query.adults + teens, "max": MOST_OFFERS}
    if currency:
        params["currencyCode"] = currency
    if back:
        params["returnDate"] = legs[1].date.isoformat()
    for name, number in (("children", len(query.child_ages) - teens), ("infants", query.infants)):
        if number:
            params[name] = number
    if query.max_connections == 0:
        params["nonStop"] = "true"
    return params


def search(query: SearchQuery, currency: str = "") -> str:
    """The body of a POST search: several cities, a cabin, or a limit of connections."""
    legs = [{"id": str(number), "originLocationCode": leg.origin, "destinationLocationCode": leg.destination,
             "departureDateTimeRange": {"date": leg.date.isoformat()}}
            for number, leg in enumerate(query.legs, start=1)]
    filters: dict[str, Any] = {"cabinRestrictions": [{
        "cabin": _CABINS.get(query.cabin, "ECONOMY"), "coverage": "MOST_SEGMENTS",
        "originDestinationIds": [leg["id"] for leg in legs]}]}
    if query.max_connections is not None:
        filters["connectionRestriction"] = {"maxNumberOfConnections": min(query.max_connections, 2)}
    asked = {"currencyCode": currency} if currency else {}
    return json.dumps({**asked, "originDestinations": legs, "travelers": _party(query), "sources": ["GDS"],
                       "searchCriteria": {"maxFlightOffers": MOST_OFFERS, "flightFilters": filters}})


def _party(query: SearchQuery) -> list[dict[str, str]]:
    """Adults first, then who is priced as one, children, and each infant on the lap of an adult."""
    kinds = ["ADULT"] * (query.adults + sum(age >= TEEN for age in query.child_ages))
    kinds += ["CHILD"] * sum(age < TEEN for age in query.child_ages)
    found = [{"id": str(number), "travelerType": kind} for number, kind in enumerate(kinds, start=1)]
    return found + [{"id": str(len(kinds) + number), "travelerType": "HELD_INFANT", "associatedAdultId": str(number)}
                    for number in range(1, query.infants + 1)]


def pricing(offer: str) -> str:
    """The body of Price for one offer."""
    return f'{{"data":{{"type":"flight-offers-pricing","flightOffers":[{offer}]}}}}'


def upselling(offer: str) -> str:
    """The body of Upsell for one offer."""
    return f'{{"data":{{"type":"flight-offers-upselling","flightOffers":[{offer}]}}}}'


def seat_maps(offer: str) -> str:
    """The body of a seat map call for one offer."""
    return f'{{"data":[{offer}]}}'


class NotOnOffer(ValueError):
    """A chosen service does not fit the offer."""


def with_services(offer: Mapping[str, Any], services: Sequence[tuple[str, int]]) -> str:
    """The offer with the chosen bags and seats put in, to be priced again. Raises NotOnOffer."""
    changed: dict[str, Any] = json.loads(json.dumps(offer))
    for service, quantity in services:
        kind, person, where, what = (*service.split(":"), "", "", "", "")[:4]
        details = [detail for one in changed["travelerPricings"] if text(one.get("travelerId")) == person
                   for detail in one["fareDetailsBySegment"] if text(detail.get("segmentId")) in where.split("-")]
        if kind not in ("bag", "seat") or not details or not what:
            raise NotOnOffer(kind)
        for detail in details:
            extras = detail.setdefault("additionalServices", {})
            if kind == "seat":
                extras["chargeableSeat"] = {"number": what}
            elif what == "pc":
                extras["chargeableCheckedBags"] = {"quantity": quantity}
            else:
                extras["chargeableCheckedBags"] = {"weight": int(what.removesuffix("kg")), "weightUnit": "KG"}
    return json.dumps(changed, ensure_ascii=False)


def order(request: OrderRequest, text_of_offer: str, offer: Mapping[str, Any], agency: people.Agency, days: int,
          today: date) -> str:
    """The body of an order: the offer as Price gave it, who travels, who we are, and when it cancels itself.

    `days`: how long staff may take; `today` by UTC. The offer's own text is put in untouched.
    """
    data = {
        "type": "flight-order",
        "travelers": [people.traveller(person) for person in request.travellers],
        "remarks": {"general": [{"subType": "GENERAL_MISCELLANEOUS", "text": f"{REMARK} {request.reference}"}]},
        "ticketingAgreement": {"option": "DELAY_TO_CANCEL", "delay": f"{delay(offer, days, today)}D"},
        "contacts": [agency.contact()],
    }
    rest = json.dumps(data, ensure_ascii=False)[1:-1]
    return f'{{"data":{{"flightOffers":[{text_of_offer}],{rest}}}}}'


def delay(offer: Mapping[str, Any], days: int, today: date) -> int:
    """Days until the reservation cancels itself (at 00:00 of that day): never past the last ticketing day, at least 1.

    Neither past the day of departure: a reservation that has flown away cancels nothing.
    """
    left = [days]
    limit = last_ticketing(offer)
    if limit is not None:
        left.append((limit.date() - today).days)
    first = next(iter(items(mapping(next(iter(items(offer.get("itineraries"))), {})).get("segments"))), {})
    with suppress(ValueError):
        left.append((date.fromisoformat(text(mapping(first.get("departure")).get("at"))[:10]) - today).days)
    return max(1, min(left))


def on_laps(offer: Mapping[str, Any], travellers: Sequence[Traveller]) -> dict[str, str]:
    """Which adult carries which infant, by the offer's ids, where the customer chose another than the offer did."""
    chosen = {person.infant_external_id: person.external_id for person in travellers if person.infant_external_id}
    return {text(one.get("travelerId")): chosen[text(one.get("travelerId"))]
            for one in items(offer.get("travelerPricings"))
            if chosen.get(text(one.get("travelerId")), text(one.get("associatedAdultId"))) != text(
                one.get("associatedAdultId"))}


def with_laps(offer: Mapping[str, Any], laps: Mapping[str, str]) -> dict[str, Any]:
    """The offer with the infants on the laps that were chosen, to be priced again."""
    changed: dict[str, Any] = json.loads(json.dumps(offer))
    for one in changed["travelerPricings"]:
        if text(one.get("travelerId")) in laps:
            one["associatedAdultId"] = laps[text(one.get("travelerId"))]
    return changed
