"""Every key that captured and example v2 bodies carry is carried by the sandbox's answers too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.duffel_client import Duffel
from tests.sandbox.process import Sandbox

DATA = Path(__file__).resolve().parents[2] / "sandbox" / "data" / "duffel"
# Keys of captures made before v2, which v2 removed (duffel.md, section 1), and free-form metadata.
REMOVED = (".allowed_passenger_identity_document_types", "[].ngs_shelf")


@pytest.fixture
def duffel(sandbox: Sandbox) -> Duffel:
    return Duffel(sandbox)


def paths(value: Any, at: str = "") -> set[str]:
    """Return the path of every key, lists as ``[]``."""
    if isinstance(value, dict):
        inner = {p for key, below in value.items() for p in paths(below, f"{at}.{key}")}
        return inner | {f"{at}.{key}" for key in value}
    if isinstance(value, list):
        return {p for inner in value for p in paths(inner, f"{at}[]")}
    return set()


def data(name: str) -> Any:
    doc = json.loads((DATA / name).read_text())
    return doc.get("data", doc) if isinstance(doc, dict) else doc


def missing(expected: set[str], got: set[str]) -> list[str]:
    return sorted(p for p in expected - got if not p.startswith((".metadata.", "[].metadata.")) or "maximum" in p)


def offer_paths(name: str) -> set[str]:
    doc = data(name)
    found = paths(doc.get("offers", [doc]))
    return {p for p in found if p not in (f"[]{REMOVED[0]}", REMOVED[1])}


LOYAL = [{"airline_iata_code": "BA", "account_number": "12901014"}]


def test_searches_and_offers(duffel: Duffel) -> None:
    searches = [
        duffel.search(*legs, passengers=[{"type": "adult", "loyalty_programme_accounts": LOYAL}])
        for legs in (
            (("ATL", "FLL", 30), ("FLL", "ATL", 37)),
            (("ATL", "JFK", 30),),
            (("LHR", "SIN", 30),),
            (("NYC", "LON", 30),),
            (("ASU", "PTY", 30), ("PTY", "ASU", 37)),
        )
    ]
    got = set().union(*(paths(s["offers"]) for s in searches))
    heads = set().union(*(paths({k: v for k, v in s.items() if k != "offers"}) for s in searches))
    for name in (
        "captured/offer_request_v2_live_return_2025.json",
        "captured/offer_request_fare_families_2024.json",
        "captured/offer_request_test_zz_2023.json",
        "examples_v2/offer_request.json",
    ):
        # Captured searches say null here; only the documentation's example fills it in.
        expected = {p for p in offer_paths(name) if not p.startswith("[].available_services[]")}
        assert missing(expected, got) == [], name
        assert missing(paths({k: v for k, v in data(name).items() if k != "offers"}), heads) == [], name

    single = set()
    for search in searches:
        for offer in search["offers"][::5]:
            single |= paths([duffel.get(f"/air/offers/{offer['id']}", return_available_services="true")])
    priced = duffel.post(
        f"/air/offers/{searches[2]['offers'][0]['id']}/actions/price",
        {
            "intended_payment_methods": [{"type": "card", "card_id": "card_1"}],
            "intended_services": [
                {"id": s["id"], "quantity": 1}
                for s in duffel.get(f"/air/offers/{searches[2]['offers'][0]['id']}", return_available_services="true")[
                    "available_services"
                ][:1]
            ],
        },
        200,
    )
    for name in (
        "captured/offer_zz_return_2pax_hold_services.json",
        "captured/offer_os_return_hold_no_price_guarantee.json",
        "captured/offer_to_oneway_instant_services.json",
        "captured/offer_jl_return_null_brand_no_services.json",
        "examples_v2/offer.json",
        "examples_v2/offer_priced.json",
    ):
        assert missing(offer_paths(name), single | paths([priced])) == [], name


def test_seat_maps(duffel: Duffel) -> None:
    offer = duffel.offer(("LHR", "JFK", 30))
    got = paths(duffel.get("/air/seat_maps", offer_id=offer["id"]))
    for name in (
        "captured/seat_maps_zz_return_2pax.json",
        "captured/seat_map_restricted_seat_general.json",
        "examples_v2/seat_map.json",
    ):
        doc = data(name)
        assert missing(paths(doc if isinstance(doc, list) else [doc]), got) == [], name


def test_orders_payments_cancellations(duffel: Duffel) -> None:
    held = duffel.order(duffel.offer(("JFK", "LAX", 30), ("LAX", "JFK", 35), hold=True), metadata={"checkout_id": "1"})
    payment = duffel.pay(held)
    paid = duffel.get(f"/air/orders/{held['id']}")
    offer = duffel.offer(("LHR", "MAD", 30), owner="BA", hold=True)
    offer = duffel.get(f"/air/offers/{offer['id']}", return_available_services="true")
    instant_body = duffel.order_body(offer, "instant")
    instant_body["passengers"][0]["loyalty_programme_accounts"] = LOYAL
    instant_body["passengers"][0]["identity_documents"] = [
        {"type": "passport", "unique_identifier": "X1", "issuing_country_code": "GB", "expires_on": "2040-01-01"}
    ]
    bag = offer["available_services"][0]
    chart = duffel.get("/air/seat_maps", offer_id=offer["id"])[0]
    rows = (row for cabin in chart["cabins"] for row in cabin["rows"])
    seats = (e for row in rows for s in row["sections"] for e in s["elements"] if e["available_services"])
    seat = next(seats)["available_services"][0]
    instant_body["services"] = [{"id": bag["id"], "quantity": 1}, {"id": seat["id"], "quantity": 1}]
    cents = sum(round(float(x["total_amount"]) * 100) for x in (offer, bag, seat))
    instant_body["payments"][0]["amount"] = f"{cents // 100}.{cents % 100:02d}"
    instant = duffel.post("/air/orders", instant_body)
    for name, order in (
        ("derived_v2/order_hold_unpaid.json", held),
        ("derived_v2/order_hold_paid.json", paid),
        ("derived_v2/order_instant_paid.json", instant),
        ("derived_v2/order_instant_ticketless.json", instant),
        ("derived_v2/order_instant_with_baggage.json", instant),
        ("examples_v2/order.json", instant),
    ):
        assert missing(paths(data(name)), paths(order) | paths(paid)) == [], name
    assert missing(paths(data("examples_v2/orders_on_hold.json")), paths([held]) | paths([paid])) == []
    assert missing(paths(data("examples_v2/payment.json")), paths(payment)) == []
    quote = duffel.post("/air/order_cancellations", {"order_id": held["id"]})
    assert missing(paths(data("examples_v2/order_cancellation.json")), paths(quote)) == []
    more = duffel.get(f"/air/orders/{held['id']}/available_services")
    assert missing(paths(data("examples_v2/order_available_services.json")), paths(more)) == []


def test_changes_and_webhooks(duffel: Duffel) -> None:
    order = duffel.order(duffel.offer(("LHR", "MAD", 30)), "instant")
    leg = order["slices"][0]
    wanted = {
        "remove": [{"slice_id": leg["id"]}],
        "add": [{"origin": "LHR", "destination": "MAD", "departure_date": leg["segments"][0]["departing_at"][:10]}],
    }
    request = duffel.post("/air/order_change_requests", {"order_id": order["id"], "slices": wanted})
    assert missing(paths(data("examples_v2/order_change_request.json")), paths(request)) == []
    offer = request["order_change_offers"][0]
    assert missing(paths(data("examples_v2/order_change_offer.json")), paths(offer)) == []
    change = duffel.post("/air/order_changes", {"selected_order_change_offer": offer["id"]})
    assert missing(paths(data("examples_v2/order_change.json")), paths(change)) == []
    airline = duffel.sandbox.http.post(f"/_duffel/orders/{order['id']}/schedule_change").json()["data"]
    assert missing(paths(data("examples_v2/airline_initiated_change.json")), paths(airline)) == []
    hook = duffel.post("/air/webhooks", {"url": "http://127.0.0.1:9/x", "events": ["order.created"]})
    assert missing(paths(data("examples_v2/webhook_create_response.json")), paths(hook)) == []
    events = {event["type"]: event for event in duffel.get("/air/webhooks/events")}
    for type, example in data("derived_v2/webhook_events.json").items():
        if type in events:
            assert missing(paths(example), paths(events[type])) == [], type
    assert {"order.created", "order.airline_initiated_change_detected"} <= set(events)


def test_reference_lists(duffel: Duffel) -> None:
    for name, path in (
        ("place_suggestion", "/places/suggestions"),
        ("airport", "/air/airports"),
        ("airline", "/air/airlines"),
        ("aircraft", "/air/aircraft"),
    ):
        got = duffel.get(path, **({"query": "london"} if name == "place_suggestion" else {"limit": 5}))
        assert missing(paths([data(f"examples_v2/{name}.json")]), paths(got)) == [], name


def test_errors(duffel: Duffel) -> None:
    got = duffel.call("POST", "/air/offer_requests", {"slices": []}).json()
    for file in sorted((DATA / "errors").iterdir()):
        expected = {p for p in paths(json.loads(file.read_text())) if p != ".errors[].source"}
        assert missing(expected, paths(got)) == [], file.name
