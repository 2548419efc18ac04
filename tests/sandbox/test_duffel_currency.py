"""One search is priced in one currency, as Duffel prices in the organisation's own."""

from __future__ import annotations

from decimal import Decimal

from sandbox.duffel.currency import in_currency
from tests.sandbox.process import Sandbox

HEADERS = {"Authorization": "Bearer duffel_test_x", "Duffel-Version": "v2", "Accept": "application/json"}


def test_amounts_and_their_sum_are_turned_together() -> None:
    offer = {"base_amount": "100.01", "base_currency": "USD", "tax_amount": "33.34", "tax_currency": "USD",
             "total_amount": "133.35", "total_currency": "USD",
             "conditions": {"refund": {"penalty_amount": None, "penalty_currency": "USD"}}}
    turned = in_currency(offer, "GBP")
    assert Decimal(turned["base_amount"]) + Decimal(turned["tax_amount"]) == Decimal(turned["total_amount"])
    assert turned["total_currency"] == "GBP" and in_currency(offer, "USD") is offer
    assert turned["conditions"]["refund"]["penalty_amount"] is None


def test_a_search_with_captured_and_made_fares_has_one_currency(sandbox: Sandbox) -> None:
    slices = [{"origin": "JFK", "destination": "LAX", "departure_date": "2027-02-03"}]
    answer = sandbox.http.post("/duffel/air/offer_requests?return_offers=true", headers=HEADERS,
                               json={"data": {"slices": slices, "passengers": [{"type": "adult"}]}})
    offers = answer.json()["data"]["offers"]
    assert len({offer["owner"]["iata_code"] for offer in offers}) > 1
    assert {offer["total_currency"] for offer in offers} == {"GBP"}
