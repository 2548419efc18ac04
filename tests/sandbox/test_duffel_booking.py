"""Booking through the sandbox's Duffel: hold and pay, instant, cancel, list."""

import hashlib
import hmac
import json
from decimal import Decimal

import pytest

from tests.sandbox.duffel_client import Duffel
from tests.sandbox.process import Sandbox, Site, wait_until


@pytest.fixture
def duffel(sandbox: Sandbox) -> Duffel:
    return Duffel(sandbox)


TRIP = (("JFK", "LAX", 40), ("LAX", "JFK", 50))


def test_hold_then_pay_then_cancel(duffel: Duffel) -> None:
    offer = duffel.offer(*TRIP, hold=True)
    order = duffel.order(offer, metadata={"booking_id": "b-1"})
    status = order["payment_status"]
    assert (order["type"], status["awaiting_payment"], status["paid_at"], order["documents"]) == (
        "hold",
        True,
        None,
        [],
    )
    assert status["payment_required_by"] == offer["payment_requirements"]["payment_required_by"]
    assert (order["offer_id"], order["metadata"], len(order["booking_reference"])) == (
        offer["id"],
        {"booking_id": "b-1"},
        6,
    )

    payment = duffel.pay(order)
    assert (payment["status"], payment["amount"]) == ("succeeded", offer["total_amount"])
    paid = duffel.get(f"/air/orders/{order['id']}")
    assert paid["payment_status"]["awaiting_payment"] is False
    assert paid["payment_status"]["paid_at"]
    assert [d["unique_identifier"] for d in paid["documents"]] == ["1"]
    assert duffel.get("/air/payments", order_id=order["id"]) == [payment]

    quote = duffel.post("/air/order_cancellations", {"order_id": order["id"]})
    assert (quote["refund_amount"], quote["refund_to"], quote["confirmed_at"]) == (
        offer["total_amount"],
        "balance",
        None,
    )
    done = duffel.post(f"/air/order_cancellations/{quote['id']}/actions/confirm", status=200)
    assert done["confirmed_at"]
    cancelled = duffel.get(f"/air/orders/{order['id']}")
    assert (bool(cancelled["cancelled_at"]), cancelled["available_actions"]) == (True, [])

    events = [row["event"] for row in duffel.sandbox.ledger(vendor="duffel") if row["event"] != "request"]
    assert events == ["order.created", "payment.created", "order.paid", "order.cancelled"]


def test_instant_order_with_bag_and_seat(duffel: Duffel) -> None:
    offer = duffel.offer(("LHR", "MAD", 30), passengers=[{"type": "adult"}, {"type": "adult"}])
    offer = duffel.get(f"/air/offers/{offer['id']}", return_available_services="true")
    bag = next(s for s in offer["available_services"] if s["type"] == "baggage")
    chart = duffel.get("/air/seat_maps", offer_id=offer["id"])[0]
    seat = next(
        e
        for c in chart["cabins"]
        for r in c["rows"]
        for s in r["sections"]
        for e in s["elements"]
        if e["available_services"]
    )
    place = seat["available_services"][0]
    services = [{"id": bag["id"], "quantity": 2}, {"id": place["id"], "quantity": 1}]
    total = Decimal(offer["total_amount"]) + 2 * Decimal(bag["total_amount"]) + Decimal(place["total_amount"])
    wrong = duffel.order_body(offer, "instant", services=services)
    assert duffel.refused("POST", "/air/orders", wrong)[:2] == (422, "payment_amount_does_not_match_order_amount")
    payments = [{"type": "balance", "amount": str(total), "currency": offer["total_currency"]}]
    order = duffel.order(offer, "instant", services=services, payments=payments)
    assert order["total_amount"] == str(total)
    assert [(s["type"], s["quantity"]) for s in order["services"]] == [("baggage", 2), ("seat", 1)]
    seated = order["slices"][0]["segments"][0]["passengers"][0]["seat"]
    assert seated["designator"] == seat["designator"]
    assert order["payment_status"]["awaiting_payment"] is False

    again = duffel.search(("LHR", "MAD", 30))["offers"]
    same = next(o for o in again if o["slices"][0]["comparison_key"] == offer["slices"][0]["comparison_key"])
    chart = duffel.get("/air/seat_maps", offer_id=same["id"])[0]
    taken = next(
        e
        for c in chart["cabins"]
        for r in c["rows"]
        for s in r["sections"]
        for e in s["elements"]
        if e["designator"] == seat["designator"]
    )
    assert taken["available_services"] == []


def test_an_offer_and_its_request_are_used_once(duffel: Duffel) -> None:
    offers = duffel.search(*TRIP)["offers"]
    duffel.order(next(o for o in offers if not o["payment_requirements"]["requires_instant_payment"]))
    for offer in offers[:3]:
        body = duffel.order_body(offer, "instant")
        assert duffel.refused("POST", "/air/orders", body) == (422, "offer_request_already_booked", "/selected_offers")
        assert duffel.refused("GET", f"/air/offers/{offer['id']}")[1] == "offer_no_longer_available"
    assert len(duffel.get("/air/orders")) == 1
    rows = duffel.sandbox.ledger(event="request")
    assert [r["outcome"] for r in rows if r["operation"] == "duffel.create_order"] == [
        "done",
        "refused",
        "refused",
        "refused",
    ]


def test_offers_expire(duffel: Duffel) -> None:
    offer = duffel.offer(*TRIP, hold=True)
    duffel.sandbox.advance(1801)
    assert duffel.refused("GET", f"/air/offers/{offer['id']}")[:2] == (422, "offer_no_longer_available")
    assert duffel.refused("POST", "/air/orders", duffel.order_body(offer))[:2] == (422, "offer_expired")


def test_an_unpaid_hold_lapses(duffel: Duffel) -> None:
    order = duffel.order(duffel.offer(*TRIP, hold=True))
    duffel.sandbox.advance(73 * 3600)
    lapsed = wait_until(lambda: duffel.sandbox.ledger(event="order.lapsed"))
    assert lapsed[0]["order_id"] == order["id"]
    now = duffel.get(f"/air/orders/{order['id']}")
    assert (now["payment_status"]["awaiting_payment"], now["payment_status"]["paid_at"], now["cancelled_at"]) == (
        False,
        None,
        None,
    )
    payment = {"type": "balance", "amount": order["total_amount"], "currency": order["total_currency"]}
    body = {"order_id": order["id"], "payment": payment}
    assert duffel.refused("POST", "/air/payments", body)[1] == "past_payment_required_by_date"


def test_payment_refusals(duffel: Duffel) -> None:
    order = duffel.order(duffel.offer(*TRIP, hold=True))

    def refusal(amount: str, currency: str = order["total_currency"]) -> str:
        payment = {"type": "balance", "amount": amount, "currency": currency}
        return duffel.refused("POST", "/air/payments", {"order_id": order["id"], "payment": payment})[1]

    assert refusal("1.00") == "payment_amount_does_not_match_order_amount"
    assert refusal(order["total_amount"], "CHF") == "payment_currency_does_not_match_order_currency"
    duffel.sandbox.http.post("/_duffel/balance", json={"amount": "1.00"})
    assert refusal(order["total_amount"]) == "insufficient_balance"
    duffel.sandbox.http.post("/_duffel/balance", json={"amount": None})
    duffel.sandbox.http.post(f"/_duffel/orders/{order['id']}/reprice", json={"percent": 3})
    assert refusal(order["total_amount"]) == "price_changed"
    duffel.pay(duffel.get(f"/air/orders/{order['id']}"))
    assert refusal(order["total_amount"]) == "already_paid"
    instant = duffel.order(duffel.offer(*TRIP), "instant")
    body = {"order_id": instant["id"], "payment": {"type": "balance", "amount": "1.00", "currency": "USD"}}
    assert duffel.refused("POST", "/air/payments", body)[1] == "order_type_not_eligible_for_payment"


def test_price_after_the_guarantee(duffel: Duffel) -> None:
    order = duffel.order(duffel.offer(*TRIP, hold=True))
    duffel.sandbox.advance(50 * 3600)
    dearer = duffel.get(f"/air/orders/{order['id']}")
    assert Decimal(dearer["total_amount"]) > Decimal(order["total_amount"])
    assert dearer["payment_status"]["price_guarantee_expires_at"] is None
    assert duffel.get(f"/air/orders/{order['id']}")["total_amount"] == dearer["total_amount"]
    payment = {"type": "balance", "amount": order["total_amount"], "currency": order["total_currency"]}
    assert duffel.refused("POST", "/air/payments", {"order_id": order["id"], "payment": payment})[1] == "price_changed"
    assert duffel.pay(dearer)["amount"] == dearer["total_amount"]


def test_only_the_newest_quote_counts(duffel: Duffel) -> None:
    order = duffel.order(duffel.offer(*TRIP, hold=True))
    first = duffel.post("/air/order_cancellations", {"order_id": order["id"]})
    second = duffel.post("/air/order_cancellations", {"order_id": order["id"]})
    assert (second["refund_amount"], second["refund_to"]) == ("0.00", "awaiting_payment")

    def confirm(quote: dict) -> str:
        return duffel.refused("POST", f"/air/order_cancellations/{quote['id']}/actions/confirm")[1]

    assert confirm(first) == "order_cancellation_stale"
    duffel.sandbox.advance(21 * 60)
    assert confirm(second) == "order_cancellation_stale"
    third = duffel.post("/air/order_cancellations", {"order_id": order["id"]})
    duffel.post(f"/air/order_cancellations/{third['id']}/actions/confirm", status=200)
    assert confirm(third) == "already_cancelled"
    assert [q["id"] for q in duffel.get("/air/order_cancellations", order_id=order["id"])] == [
        third["id"],
        second["id"],
        first["id"],
    ]


def test_listing_by_offer_may_lag(duffel: Duffel) -> None:
    duffel.sandbox.fault("duffel.list_orders", "listing_lag", seconds=3600)
    order = duffel.order(duffel.offer(*TRIP, hold=True))
    assert duffel.get("/air/orders", offer_id=order["offer_id"]) == []
    assert duffel.get("/air/orders") == []
    assert duffel.get(f"/air/orders/{order['id']}")["id"] == order["id"]
    duffel.sandbox.advance(3601)
    assert [o["id"] for o in duffel.get("/air/orders", offer_id=order["offer_id"])] == [order["id"]]


def test_listing_pages_and_created_at(duffel: Duffel) -> None:
    made = []
    for _ in range(5):
        made.append(duffel.order(duffel.offer(("LHR", "MAD", 30), hold=True)))
        duffel.sandbox.advance(60)
    first = duffel.call("GET", "/air/orders", limit=3).json()
    second = duffel.call("GET", "/air/orders", limit=3, after=first["meta"]["after"]).json()
    assert [o["id"] for o in first["data"] + second["data"]] == [o["id"] for o in reversed(made)]
    assert second["meta"]["after"] is None
    recent = duffel.get("/air/orders", **{"created_at[after]": made[2]["created_at"]})
    assert [o["id"] for o in recent] == [made[4]["id"], made[3]["id"]]
    assert duffel.refused("GET", "/air/orders", limit=201)[:2] == (400, "invalid_pagination")


def test_webhooks_are_signed_with_the_secret_as_given(duffel: Duffel, site: Site) -> None:
    order = duffel.order(duffel.offer(*TRIP, hold=True))
    wait_until(lambda: site.got)
    headers, body = site.got[0]
    stamp, given = (part.split("=")[1] for part in headers["x-duffel-signature"].split(","))
    assert given == hmac.new(b"whsec_sandbox_duffel", stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    event = json.loads(body)
    assert (headers["path"], event["type"], event["idempotency_key"]) == (
        "/api/suppliers/duffel/webhook",
        "order.created",
        order["id"],
    )
    assert event["data"]["object"] == {"id": order["id"], "order_id": order["id"], "offer_id": order["offer_id"]}
    wait_until(lambda: duffel.get("/air/webhooks/events", delivery_success="true"))


def test_registered_webhooks_get_their_own_secret(duffel: Duffel, site: Site) -> None:
    made = duffel.post("/air/webhooks", {"url": f"{site.url}/mine", "events": ["order.created"]})
    assert "secret" not in duffel.get(f"/air/webhooks/{made['id']}")
    duffel.call("POST", f"/air/webhooks/{made['id']}/actions/ping")
    headers, body = next((h, b) for h, b in site.got if h["path"] == "/mine")
    stamp = headers["x-duffel-signature"].split(",")[0][2:]
    digest = hmac.new(made["secret"].encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["x-duffel-signature"] == f"t={stamp},v1={digest}"
    duffel.order(duffel.offer(*TRIP, hold=True))
    wait_until(lambda: {h["path"] for h, _ in site.got} == {"/mine", "/api/suppliers/duffel/webhook"})
    site.answer = 500
    assert duffel.refused("POST", f"/air/webhooks/{made['id']}/actions/ping")[:2] == (422, "webhook_client_error")
    assert duffel.call("DELETE", f"/air/webhooks/{made['id']}").status_code == 204
    assert duffel.get("/air/webhooks") == []


def test_metadata_is_replaced(duffel: Duffel) -> None:
    order = duffel.order(duffel.offer(*TRIP, hold=True), metadata={"a": "1"})
    changed = duffel.call("PATCH", f"/air/orders/{order['id']}", {"metadata": {"b": "2"}}).json()["data"]
    assert changed["metadata"] == {"b": "2"}
    assert duffel.get(f"/air/orders/{order['id']}")["metadata"] == {"b": "2"}


def test_state_survives_kill_9(duffel: Duffel) -> None:
    offer = duffel.offer(*TRIP, hold=True)
    order = duffel.order(offer)
    fresh = duffel.offer(("LHR", "MAD", 30))
    duffel.sandbox.kill()
    duffel.sandbox.start()
    assert duffel.get(f"/air/orders/{order['id']}") == order
    assert duffel.get(f"/air/offers/{fresh['id']}")["total_amount"] == fresh["total_amount"]
    assert duffel.refused("POST", "/air/orders", duffel.order_body(offer))[1] == "offer_request_already_booked"
