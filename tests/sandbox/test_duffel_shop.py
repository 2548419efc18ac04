"""What is sold with an offer changes under a tester's hand: ids, prices, what is there; and planes are planes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.duffel_client import Duffel
from tests.sandbox.process import Sandbox


@pytest.fixture
def duffel(sandbox: Sandbox) -> Duffel:
    return Duffel(sandbox)



def _services(duffel: Duffel, offer: Any) -> list[Any]:
    found: list[Any] = duffel.get(f"/air/offers/{offer['id']}", return_available_services="true")["available_services"]
    return found


def _elements(charts: Any) -> list[Any]:
    return [element for chart in charts for cabin in chart["cabins"] for row in cabin["rows"]
            for section in row["sections"] for element in section["elements"]]


def test_services_get_new_ids_new_prices_and_go(duffel: Duffel) -> None:
    offer = duffel.offer(("LHR", "MAD", 30))
    before = _services(duffel, offer)

    def shop(**wanted: Any) -> None:
        answer = duffel.sandbox.http.post(f"/_duffel/offers/{offer['id']}/services", json=wanted)
        assert answer.status_code == 200, answer.text

    shop(renumber="each", percent="10")
    first, second = _services(duffel, offer), _services(duffel, offer)
    assert len({item["id"] for item in (*before, *first, *second)}) == 3 * len(before)
    assert float(first[0]["total_amount"]) == float(before[0]["total_amount"]) * 1.1
    seat = next(e for e in _elements(duffel.get("/air/seat_maps", offer_id=offer["id"])) if e["available_services"])
    shop(gone=["baggage"], seats_gone=[seat["designator"]])
    assert {item["type"] for item in _services(duffel, offer)} == {"cancel_for_any_reason"}
    charts = duffel.get("/air/seat_maps", offer_id=offer["id"])
    assert next(e for e in _elements(charts) if e["designator"] == seat["designator"])["available_services"] == []


def test_a_child_pays_less_for_the_same_seat(duffel: Duffel) -> None:
    offer = duffel.offer(("LHR", "JFK", 30), passengers=[{"type": "adult"}, {"age": 8}])
    seat = next(e for e in _elements(duffel.get("/air/seat_maps", offer_id=offer["id"])) if e["available_services"])
    adult, child = (float(item["total_amount"]) for item in seat["available_services"])
    assert child == adult * 0.6
