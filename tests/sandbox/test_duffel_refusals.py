"""What Duffel refuses when an order is asked for; nothing is ever made by a refused call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.duffel_client import Duffel
from tests.sandbox.process import Sandbox

Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def duffel(sandbox: Sandbox) -> Duffel:
    return Duffel(sandbox)


def first(**values: Any) -> Change:
    return lambda body: body["passengers"][0].update(values)


def same_name(body: dict[str, Any]) -> None:
    body["passengers"][1].update({"given_name": "AMELIA"})


def swap_ids(body: dict[str, Any]) -> None:
    body["passengers"][1]["id"] = body["passengers"][0]["id"]


CASES: list[tuple[str, Change, str, str | None]] = [
    ("no offer", lambda b: b.update(selected_offers=[]), "validation_required", "/selected_offers"),
    ("two offers", lambda b: b["selected_offers"].append("off_2"), "validation_length", "/selected_offers"),
    ("odd type", lambda b: b.update(type="pay_later"), "invalid_order_create_type", None),
    ("one missing", lambda b: b["passengers"].pop(), "order_passengers_incompatible_with_offer", None),
    ("one twice", swap_ids, "order_passengers_incompatible_with_offer", None),
    ("no mail", first(email=None), "validation_required", "/passengers/0/email"),
    ("bad mail", first(email="amelia"), "invalid_email_address", "/passengers/0/email"),
    ("bad phone", first(phone_number="020 8016 0509"), "invalid_phone_number", "/passengers/0/phone_number"),
    ("long name", first(family_name="X" * 21), "invalid_passenger_name", "/passengers/0/family_name"),
    ("odd name", first(given_name="Amelia 2"), "invalid_passenger_name", "/passengers/0/given_name"),
    ("title", first(title="sir"), "invalid_passenger_title", "/passengers/0/title"),
    ("gender", first(gender="x"), "validation_inclusion", "/passengers/0/gender"),
    ("birth", first(born_on="18/04/1990"), "validation_format", "/passengers/0/born_on"),
    ("too young", first(born_on="2024-01-01"), "offer_no_longer_available", None),
    ("same name", same_name, "duplicate_passenger_name", "/passengers"),
    ("no infant", first(infant_passenger_id=None), "validation_required", "/passengers/0/infant_passenger_id"),
    ("hold with services", lambda b: b.update(services=[]), "services_not_allowed_for_order_type", None),
    ("hold with payment", lambda b: b.update(payments=[{"type": "balance"}]), "validation_inclusion", "/payments"),
    ("metadata", lambda b: b.update(metadata={"a": 1}), "validation_type", "/metadata/a"),
    ("metadata key", lambda b: b.update(metadata={"a b": "1"}), "validation_format", "/metadata"),
]  # fmt: skip


def test_refused_orders_make_nothing(duffel: Duffel) -> None:
    party = [{"type": "adult"}, {"age": 34}, {"age": 1}]
    offer = duffel.offer(("LHR", "MAD", 30), hold=True, passengers=party)
    for name, change, code, pointer in CASES:
        body = duffel.order_body(offer)
        change(body)
        assert duffel.refused("POST", "/air/orders", body) == (422, code, pointer), name
    assert duffel.get("/air/orders") == []
    assert duffel.sandbox.ledger(event="order.created") == []
    assert duffel.order(offer)["type"] == "hold"


def test_age_must_be_what_was_searched(duffel: Duffel) -> None:
    offer = duffel.offer(("LHR", "MAD", 30), passengers=[{"age": 40}])
    body = duffel.order_body(offer)
    body["passengers"][0]["born_on"] = "1950-01-01"
    assert duffel.refused("POST", "/air/orders", body)[:2] == (422, "offer_no_longer_available")
    assert duffel.order(offer)["passengers"][0]["type"] == "adult"


def test_instant_payments_must_be_exact(duffel: Duffel) -> None:
    offer = duffel.offer(("LHR", "MAD", 30))
    body = duffel.order_body(offer, "instant", payments=[])
    assert duffel.refused("POST", "/air/orders", body) == (422, "validation_required", "/payments")
    for wrong, code in (
        ({"amount": "1.00"}, "payment_amount_does_not_match_order_amount"),
        ({"currency": "CHF"}, "payment_currency_does_not_match_order_currency"),
        ({"type": "voucher"}, "validation_inclusion"),
        ({"amount": 12.5}, "validation_type"),
    ):
        body = duffel.order_body(offer, "instant")
        body["payments"][0].update(wrong)
        assert duffel.refused("POST", "/air/orders", body)[1] == code
    duffel.sandbox.http.post("/_duffel/balance", json={"amount": "1.00"})
    assert duffel.refused("POST", "/air/orders", duffel.order_body(offer, "instant"))[1] == "insufficient_balance"
    duffel.sandbox.http.post("/_duffel/balance", json={"amount": offer["total_amount"]})
    duffel.order(offer, "instant")
    assert duffel.sandbox.http.get("/_state?kind=balance").json()["docs"][0]["amount"] == "0.00"


def test_instant_only_offers_cannot_be_held(duffel: Duffel) -> None:
    offer = duffel.offer(("ATL", "FLL", 30), ("FLL", "ATL", 40), owner="NK", hold=False)
    assert duffel.refused("POST", "/air/orders", duffel.order_body(offer))[1] == "invalid_order_create_type"
    order = duffel.order(offer, "instant")
    assert (order["documents"], order["payment_status"]["awaiting_payment"]) == ([], False)


def test_services_that_cannot_be_had(duffel: Duffel) -> None:
    offer = duffel.offer(("LHR", "MAD", 30))
    bags = duffel.get(f"/air/offers/{offer['id']}", return_available_services="true")["available_services"]
    for services, code in (
        ([{"id": "ase_0000nothing", "quantity": 1}], "ancillary_service_not_available"),
        ([{"id": bags[0]["id"], "quantity": 9}], "ancillary_service_not_available"),
        ([{"id": bags[0]["id"], "quantity": 1}] * 2, "validation_unique"),
        ([{"quantity": 1}], "validation_required"),
    ):
        body = duffel.order_body(offer, "instant", services=services)
        assert duffel.refused("POST", "/air/orders", body)[1] == code
    assert duffel.get("/air/orders") == []


def test_unknown_things_are_404(duffel: Duffel) -> None:
    for path in (
        "/air/orders/ord_1",
        "/air/offers/off_1",
        "/air/payments/pay_1",
        "/air/order_cancellations/ore_1",
        "/air/nothing",
    ):
        assert duffel.refused("GET", path)[:2] == (404, "not_found"), path
    assert duffel.refused("POST", "/air/order_cancellations", {"order_id": "ord_1"})[0] == 404
    answer = duffel.sandbox.http.post(
        "/duffel/air/orders", content=b"{", headers={"authorization": "Bearer duffel_test_x", "duffel-version": "v2"}
    )
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "malformed_data_parameter")
