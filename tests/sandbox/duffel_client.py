"""A small caller of the sandbox's Duffel, for tests."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import httpx

from tests.sandbox.process import Sandbox

HEADERS = {"authorization": "Bearer duffel_test_sandbox", "duffel-version": "v2"}


def later(days: int) -> str:
    """Return the date so many days from now."""
    return (date.today() + timedelta(days=days)).isoformat()


class Duffel:
    """Calls the sandbox as a client of Duffel would."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def call(self, method: str, path: str, body: Any = None, **params: Any) -> httpx.Response:
        """Make one call; ``body`` goes into the data envelope."""
        return self.sandbox.http.request(
            method, f"/duffel{path}", params=params, headers=HEADERS, json=None if body is None else {"data": body}
        )

    def get(self, path: str, **params: Any) -> Any:
        """GET and return ``data``; the call must succeed."""
        answer = self.call("GET", path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def post(self, path: str, body: Any = None, status: int = 201) -> Any:
        """POST and return ``data``; the call must answer ``status``."""
        answer = self.call("POST", path, body)
        assert answer.status_code == status, answer.text
        return answer.json()["data"]

    def refused(self, method: str, path: str, body: Any = None, **params: Any) -> tuple[int, str, str | None]:
        """Make a call that must fail; return (status, code, pointer)."""
        answer = self.call(method, path, body, **params)
        error = answer.json()["errors"][0]
        source = error.get("source")
        return answer.status_code, error["code"], source.get("pointer") if isinstance(source, dict) else None

    def search(self, *legs: tuple[str, str, int], passengers: list[dict[str, Any]] | None = None, **more: Any) -> Any:
        """Search; legs are (origin, destination, days ahead)."""
        slices = [{"origin": o, "destination": d, "departure_date": later(days)} for o, d, days in legs]
        return self.post(
            "/air/offer_requests", {"slices": slices, "passengers": passengers or [{"type": "adult"}], **more}
        )

    def offer(self, *legs: tuple[str, str, int], owner: str = "ZZ", hold: bool | None = None, **more: Any) -> Any:
        """Search and return the first offer of an airline (that can be held or not)."""
        for offer in self.search(*legs, **more)["offers"]:
            instant = offer["payment_requirements"]["requires_instant_payment"]
            if offer["owner"]["iata_code"] == owner and hold in (None, not instant):
                return offer
        raise AssertionError("no such offer")

    def order_body(self, offer: Any, type: str = "hold", **more: Any) -> dict[str, Any]:
        """Return the body of an order for every passenger of the offer."""
        given = ["Amelia", "Bessie", "Charles", "Dorothy", "Emil", "Frieda"]
        passengers = [person(p["id"], given[n], p["type"], p["age"]) for n, p in enumerate(offer["passengers"])]
        adults = [p for p, o in zip(passengers, offer["passengers"], strict=True) if o["type"] == "adult"]
        infants = [p["id"] for p in offer["passengers"] if p["type"] == "infant_without_seat"]
        for adult, infant in zip(adults, infants, strict=False):
            adult["infant_passenger_id"] = infant
        body = {"type": type, "selected_offers": [offer["id"]], "passengers": passengers, **more}
        if type == "instant" and "payments" not in more:
            body["payments"] = [
                {"type": "balance", "amount": offer["total_amount"], "currency": offer["total_currency"]}
            ]
        return body

    def order(self, offer: Any, type: str = "hold", **more: Any) -> Any:
        """Order an offer; it must be created."""
        return self.post("/air/orders", self.order_body(offer, type, **more))

    def pay(self, order: Any) -> Any:
        """Pay an order on hold."""
        payment = {"type": "balance", "amount": order["total_amount"], "currency": order["total_currency"]}
        return self.post("/air/payments", {"order_id": order["id"], "payment": payment})


def person(id: str, given: str, type: str | None = "adult", age: int | None = None) -> dict[str, Any]:
    """Return an order passenger whose age fits what was searched for."""
    years = age if age is not None else {"child": 7, "infant_without_seat": 0}.get(type or "adult", 36)
    # Half a year past the birthday on the days these tests travel (within five months from now).
    born = date.today() - timedelta(days=int(years * 365.25) + 30)
    return {
        "id": id,
        "title": "mrs",
        "gender": "f",
        "given_name": given,
        "family_name": "Earhart",
        "born_on": born.isoformat(),
        "email": "amelia@example.com",
        "phone_number": "+442080160509",
    }
