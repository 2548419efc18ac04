"""A small caller of the sandbox's Amadeus, for tests: what a careful client sends, and nothing it keeps."""

from __future__ import annotations

import copy
from typing import Any
from urllib.parse import quote

import httpx

from tests.sandbox.duffel_client import later
from tests.sandbox.process import Sandbox

Json = dict[str, Any]
TOKEN = "/v1/security/oauth2/token"
OFFERS = "/v2/shopping/flight-offers"
PRICING = "/v1/shopping/flight-offers/pricing"
UPSELLING = "/v1/shopping/flight-offers/upselling"
SEATS = "/v1/shopping/seatmaps"
ORDERS = "/v1/booking/flight-orders"
CLIENT = {
    "grant_type": "client_credentials",
    "client_id": "amadeus_sandbox",
    "client_secret": "amadeus_sandbox_secret",
}
JSON_TYPE = "application/vnd.amadeus+json"
AGENCY = {
    "addresseeName": {"firstName": "OUR", "lastName": "AGENCY"},
    "companyName": "OUR AGENCY",
    "purpose": "STANDARD",
    "phones": [{"deviceType": "LANDLINE", "countryCallingCode": "1", "number": "2125550100"}],
    "emailAddress": "desk@example.com",
    "address": {"lines": ["1 Street"], "postalCode": "10001", "cityName": "New York", "countryCode": "US"},
}


class Amadeus:
    """Calls the sandbox as a client of Amadeus would."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.headers = {"authorization": f"Bearer {self.token()}"}

    def token(self, **more: str) -> str:
        """Fetch a token; the call must succeed."""
        answer = self.sandbox.http.post(f"/amadeus{TOKEN}", data={**CLIENT, **more})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def get(self, path: str, **params: Any) -> httpx.Response:
        """GET with the token."""
        return self.sandbox.http.get(f"/amadeus{path}", params=params or None, headers=self.headers)

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """POST a JSON body; the override header goes with every path but that of orders."""
        sent = {**self.headers, "content-type": JSON_TYPE, **headers}
        if not path.startswith(ORDERS):
            sent.setdefault("x-http-method-override", "GET")
        return self.sandbox.http.post(f"/amadeus{path}", json=body, headers=sent)

    def search(self, origin: str, destination: str, days: int = 40, back: int | None = None, **more: Any) -> list[Json]:
        """Search by query and return the offers."""
        asked = {
            "originLocationCode": origin,
            "destinationLocationCode": destination,
            "departureDate": later(days),
            "adults": 1,
            "currencyCode": "USD",
            **({"returnDate": later(back)} if back else {}),
            **more,
        }
        answer = self.get(OFFERS, **asked)
        assert answer.status_code == 200, answer.text
        found: list[Json] = answer.json()["data"]
        return found

    def offer(self, carrier: str = "6X", **more: Any) -> Json:
        """Return the cheapest offer of an airline from New York to London."""
        return next(each for each in self.search("JFK", "LHR", **more) if each["validatingAirlineCodes"] == [carrier])

    def price(self, *offers: Json, include: str = "") -> httpx.Response:
        """Price offers."""
        query = f"?include={include}" if include else ""
        body = {"data": {"type": "flight-offers-pricing", "flightOffers": list(offers)}}
        return self.post(f"{PRICING}{query}", body)

    def priced(self, offer: Json | None = None) -> Json:
        """Price one offer and return it; the call must succeed."""
        answer = self.price(offer or self.offer())
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()["data"]["flightOffers"][0]
        return found

    def order(self, offer: Json | None = None) -> Json:
        """Book an offer and return the order's data; the call must succeed."""
        answer = self.post(ORDERS, order_body(offer or self.priced()))
        assert answer.status_code == 201, answer.text
        found: Json = answer.json()["data"]
        return found

    def look(self, order: Json) -> httpx.Response:
        """GET an order by its id as it stands."""
        return self.get(f"{ORDERS}/{order['id']}")

    def cancel(self, order: Json) -> httpx.Response:
        """DELETE an order."""
        return self.sandbox.http.delete(f"/amadeus{ORDERS}/{order['id']}", headers=self.headers)

    def control(self, path: str, **body: Any) -> Json:
        """Call a control endpoint; it must succeed."""
        answer = self.sandbox.http.post(f"/_amadeus/{path}", json=body)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()["data"]
        return found

    def at_order(self, order: Json, deed: str, **body: Any) -> Json:
        """Let consolidator or airline do something with an order."""
        return self.control(f"orders/{quote(order['id'])}/{deed}", **body)


def traveller(pricing: Json) -> Json:
    """Return a traveller as an order names one."""
    born = {"ADULT": "1982-01-16", "CHILD": "2019-05-05", "HELD_INFANT": "2026-03-03"}[pricing["travelerType"]]
    return {
        "id": pricing["travelerId"],
        "dateOfBirth": born,
        "gender": "FEMALE",
        "name": {"firstName": "JANE", "lastName": "DOE"},
        "contact": {
            "emailAddress": "jane@example.com",
            "phones": [{"deviceType": "MOBILE", "countryCallingCode": "34", "number": "480080076"}],
        },
        "documents": [
            {
                "documentType": "PASSPORT",
                "number": "00000000",
                "expiryDate": "2030-04-14",
                "issuanceCountry": "ES",
                "validityCountry": "ES",
                "nationality": "ES",
                "holder": True,
            }
        ],
    }


def order_body(*offers: Json) -> Json:
    """Return a whole order as a client sends it."""
    return {
        "data": {
            "type": "flight-order",
            "flightOffers": list(offers),
            "travelers": [traveller(each) for each in offers[0]["travelerPricings"]],
            "remarks": {"general": [{"subType": "GENERAL_MISCELLANEOUS", "text": "OURREF F2A-TEST01"}]},
            "ticketingAgreement": {"option": "DELAY_TO_CANCEL", "delay": "2D"},
            "contacts": [copy.deepcopy(AGENCY)],
        }
    }


def code(answer: httpx.Response) -> tuple[int, int]:
    """Return (status, Amadeus' code) of a refused call."""
    return answer.status_code, int(answer.json()["errors"][0]["code"])
