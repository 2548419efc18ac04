"""The official specifications' own examples, as answers and requests of Amadeus. Read afresh each time.

The copies in `sandbox/data/amadeus` are those of the vendor. What contradicts the vendor's own schema is mended here, as
amadeus.md 9.2 says: the misspelt agreement of the order, and dates long past.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from suppliers.types import Leg, OrderRequest, SearchQuery, Traveller

SPECS = Path(__file__).resolve().parents[2] / "sandbox" / "data" / "amadeus"
PAYLOADS = Path(__file__).resolve().parents[1] / "payloads" / "amadeus"
TOKEN = {"type": "amadeusOAuth2Token", "token_type": "Bearer", "access_token": "tok_1", "expires_in": 1799, "state": "approved"}
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)  # before every date of the examples


def _spec(name: str) -> Any:
    return json.loads((SPECS / f"{name}_swagger_specification.json").read_text())


def searched() -> dict[str, Any]:
    """Two offers for one adult, Sydney to Bangkok."""
    return _spec("FlightOffersSearch_v2")["responses"]["GETAirOffersReply"]["schema"]["example"]


def searched_by_post() -> dict[str, Any]:
    """The answer of a POST search."""
    return _spec("FlightOffersSearch_v2")["responses"]["returnAirOffers"]["schema"]["example"]


def priced() -> dict[str, Any]:
    """An offer for an adult and a child, priced."""
    return _spec("FlightOffersPrice_v1")["responses"]["returnQuotation"]["schema"]["example"]


def upsold() -> dict[str, Any]:
    """The fare families of one offer."""
    return _spec("BrandedFaresUpsell_v1")["responses"]["returnUpsell"]["schema"]["example"]


def seat_maps() -> dict[str, Any]:
    """One flight's seats for two travellers: rows of the specification's own example."""
    return json.loads((PAYLOADS / "seat_map.json").read_text())


def ordered() -> dict[str, Any]:
    """An order of an adult, a child and an infant, with bags and seats."""
    found = _spec("FlightCreateOrders_v1")["responses"]["returnFlightOrders"]["schema"]["example"]
    found["data"]["ticketingAgreement"] = found["data"].pop("ticketingAggreement")
    return found


def order_request() -> dict[str, Any]:
    """What the specification's own client sends to create an order."""
    parameters = _spec("FlightCreateOrders_v1")["paths"]["/booking/flight-orders"]["post"]["parameters"]
    return next(one for one in parameters if one.get("in") == "body")["schema"]["example"]


QUERY = SearchQuery((Leg("SYD", "BKK", date(2021, 11, 1)),))


def fresh(answer: dict[str, Any], day: str = "2031-05-01") -> dict[str, Any]:
    """The same answer with last ticketing dates in the future."""
    data = answer["data"]
    for offer in data if isinstance(data, list) else data.get("flightOffers", []):
        offer["lastTicketingDate"] = day
    return answer


def people(*ids: str) -> tuple[Traveller, ...]:
    """Somebody for each id."""
    return tuple(Traveller(key, "mrs", "f", "Amélie-Zoë", "O’Brien Łuk", date(1987, 7, 24), "a@example.com", "+442080160509")
                 for key in ids)


def request(document: str, *ids: str, **more: Any) -> OrderRequest:
    """An order for a stored offer."""
    given: dict[str, Any] = {"offer_id": "am_1", "hold": False, "travellers": people(*(ids or ("1",))), "services": (), "amount": None,
                             "booking_id": "b-1", "reference": "FLY2A-ABC234", "document": document}
    return OrderRequest(**{**given, **more})
