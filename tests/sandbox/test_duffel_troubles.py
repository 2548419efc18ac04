"""Duffel told to misbehave: published test routes, unknown outcomes, changes the airline makes."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.sandbox.duffel_client import Duffel, later
from tests.sandbox.process import Sandbox, Site, wait_until


@pytest.fixture
def duffel(sandbox: Sandbox) -> Duffel:
    return Duffel(sandbox)


def test_routes_about_searching(duffel: Duffel) -> None:
    assert duffel.search(("PVD", "RAI", 30))["offers"] == []
    held = duffel.search(("JFK", "EWR", 30))["offers"]
    assert held
    assert not any(o["payment_requirements"]["requires_instant_payment"] for o in held)
    assert {len(o["slices"][0]["segments"]) for o in duffel.search(("LHR", "DXB", 30))["offers"]} == {2}
    bare = duffel.search(("BTS", "MRU", 30))["offers"][0]
    assert bare["slices"][0]["segments"][0]["passengers"][0]["baggages"] == []
    asked = {
        "slices": [{"origin": "STN", "destination": "LHR", "departure_date": later(9)}],
        "passengers": [{"type": "adult"}],
    }
    assert duffel.refused("POST", "/air/offer_requests", asked)[0] == 504
    stop = duffel.search(("DXB", "AMS", 30))["offers"][0]["slices"][0]["segments"][0]["stops"]
    assert len(stop) == 1
    plain = duffel.search(("BTS", "ABV", 30))["offers"][0]
    assert duffel.get(f"/air/offers/{plain['id']}", return_available_services="true")["available_services"] == []
    gone = duffel.search(("LGW", "LHR", 30))["offers"][0]
    assert duffel.refused("GET", f"/air/offers/{gone['id']}")[:2] == (422, "offer_no_longer_available")


def test_routes_about_ordering(duffel: Duffel) -> None:
    dearer = duffel.offer(("LHR", "STN", 30))
    assert float(duffel.get(f"/air/offers/{dearer['id']}")["total_amount"]) > float(dearer["total_amount"])
    other = duffel.offer(("LHR", "STN", 30))
    assert duffel.refused("POST", "/air/orders", duffel.order_body(other, "instant"))[1] == "price_changed"
    refused = duffel.offer(("LHR", "LGW", 30))
    assert duffel.refused("POST", "/air/orders", duffel.order_body(refused, "instant"))[:2] == (
        502,
        "order_not_created",
    )
    poor = duffel.offer(("LGW", "STN", 30))
    assert duffel.refused("POST", "/air/orders", duffel.order_body(poor, "instant"))[1] == "insufficient_balance"
    assert duffel.sandbox.ledger(event="order.created") == []


def test_route_that_answers_200_has_the_order_at_once(duffel: Duffel, site: Site) -> None:
    offer = duffel.offer(("LTN", "STN", 30), hold=True)
    answer = duffel.call("POST", "/air/orders", duffel.order_body(offer))
    assert (answer.status_code, answer.json()["data"]) == (200, {})
    order = duffel.get("/air/orders", offer_id=offer["id"])[0]
    assert site.got == []
    duffel.sandbox.advance(31)
    wait_until(lambda: site.got)
    assert json.loads(site.got[0][1])["data"]["object"]["order_id"] == order["id"]
    assert duffel.call("POST", "/air/payments", _payment(order)).status_code == 200


@pytest.mark.parametrize(
    ("route", "made", "event"), [(("SEN", "STN"), 1, "order.created"), (("LCY", "STN"), 0, "order.creation_failed")]
)
def test_routes_that_answer_202(duffel: Duffel, site: Site, route: tuple[str, str], made: int, event: str) -> None:
    offer = duffel.offer((*route, 30))
    body = duffel.order_body(offer, "instant", metadata={"booking_id": "b"})
    assert duffel.call("POST", "/air/orders", body).status_code == 202
    assert duffel.refused("POST", "/air/orders", body)[1] == "order_creation_already_attempted"
    assert duffel.get("/air/orders", offer_id=offer["id"]) == []
    duffel.sandbox.advance(61)
    found = duffel.get("/air/orders", offer_id=offer["id"])
    assert len(found) == made
    wait_until(lambda: site.got)
    told = json.loads(site.got[0][1])
    assert (told["type"], told["data"]["object"]["offer_id"]) == (event, offer["id"])
    if made:
        assert found[0]["metadata"] == {"booking_id": "b"}
    else:
        assert duffel.sandbox.ledger(event="order.creation_failed")[0]["metadata"] == {"booking_id": "b"}


def test_202_by_fault_for_orders_and_payments(duffel: Duffel) -> None:
    offer = duffel.offer(("LHR", "MAD", 30), hold=True)
    duffel.sandbox.fault("duffel.create_order", "202", seconds=600, then="created")
    assert duffel.call("POST", "/air/orders", duffel.order_body(offer)).status_code == 202
    duffel.sandbox.advance(601)
    order = duffel.get("/air/orders", offer_id=offer["id"])[0]
    duffel.sandbox.fault("duffel.create_payment", "202", seconds=600)
    answer = duffel.call("POST", "/air/payments", _payment(order))
    assert (answer.status_code, answer.json()["data"]["status"]) == (202, "pending")
    assert duffel.get(f"/air/orders/{order['id']}")["payment_status"]["paid_at"] is None
    duffel.sandbox.advance(601)
    assert duffel.get("/air/payments", order_id=order["id"])[0]["status"] == "succeeded"
    assert duffel.get(f"/air/orders/{order['id']}")["payment_status"]["paid_at"]


@pytest.mark.parametrize(("then", "count"), [("exists", 1), ("nothing", 0), ("failed", 0)])
def test_200_without_an_order(duffel: Duffel, then: str, count: int) -> None:
    offer = duffel.offer(("LHR", "MAD", 30))
    duffel.sandbox.fault("duffel.create_order", "200_no_order", then=then, seconds=5)
    answer = duffel.call("POST", "/air/orders", duffel.order_body(offer, "instant"))
    assert (answer.status_code, answer.json()["data"]) == (200, {})
    duffel.sandbox.advance(6)
    assert len(duffel.get("/air/orders", offer_id=offer["id"])) == count


def test_a_lost_answer_leaves_an_order_that_can_be_found(duffel: Duffel) -> None:
    offer = duffel.offer(("LHR", "MAD", 30))
    body = duffel.order_body(offer, "instant", metadata={"booking_id": "b-7"})
    duffel.sandbox.fault("duffel.create_order", "reset_after")
    with pytest.raises(httpx.ReadError):
        duffel.call("POST", "/air/orders", body)
    assert [o["metadata"] for o in duffel.get("/air/orders", offer_id=offer["id"])] == [{"booking_id": "b-7"}]
    assert duffel.refused("POST", "/air/orders", body)[1] == "offer_request_already_booked"


def test_a_late_order_appears_after_everyone_looked(duffel: Duffel) -> None:
    offer = duffel.offer(("LHR", "MAD", 30))
    duffel.sandbox.fault("duffel.create_order", "late", seconds=600)
    with pytest.raises(httpx.ReadError):
        duffel.call("POST", "/air/orders", duffel.order_body(offer, "instant"))
    assert duffel.get("/air/orders", offer_id=offer["id"]) == []
    duffel.sandbox.advance(601)
    assert len(duffel.get("/air/orders", offer_id=offer["id"])) == 1


@pytest.mark.parametrize(
    ("status", "code"), [(429, "rate_limit_exceeded"), (500, "internal_server_error"), (503, "service_unavailable")]
)
def test_statuses_in_duffels_shape(duffel: Duffel, status: int, code: str) -> None:
    duffel.sandbox.fault("duffel.create_order", "status", status=status)
    offer = duffel.offer(("LHR", "MAD", 30))
    body = duffel.order_body(offer, "instant")
    assert duffel.refused("POST", "/air/orders", body)[:2] == (status, code)
    assert duffel.get("/air/orders") == []
    duffel.sandbox.fault("duffel.create_order", "status", status=502, code="order_not_created")
    assert duffel.refused("POST", "/air/orders", body)[:2] == (502, "order_not_created")


def test_the_airline_changes_the_flights_of_a_paid_order(duffel: Duffel, site: Site) -> None:
    offer = duffel.offer(("LHR", "LTN", 30))
    order = duffel.order(offer, "instant")
    change = wait_until(lambda: duffel.get("/air/airline_initiated_changes", order_id=order["id"]))[0]
    wait_until(lambda: "order.airline_initiated_change_detected" in [json.loads(body)["type"] for _, body in site.got])
    event = next(e for e in (json.loads(body) for _, body in site.got) if e["type"].endswith("change_detected"))
    assert event["data"]["object"] == {"id": order["id"], "aic_id": change["id"]}
    accepted = duffel.post(f"/air/airline_initiated_changes/{change['id']}/actions/accept", status=200)
    assert accepted["action_taken"] == "accepted"
    now = duffel.get(f"/air/orders/{order['id']}")
    assert now["slices"][0]["segments"][0]["departing_at"] == change["added"][0]["segments"][0]["departing_at"]
    assert now["slices"][0]["id"] != order["slices"][0]["id"]
    stale = f"/air/airline_initiated_changes/{change['id']}/actions/accept"
    assert duffel.refused("POST", stale)[1] == "stale_airline_initiated_change_accept"


def test_a_changed_unpaid_hold_cannot_be_paid_and_tells_nobody(duffel: Duffel, site: Site) -> None:
    order = duffel.order(duffel.offer(("LHR", "MAD", 30), hold=True))
    duffel.sandbox.http.post(f"/_duffel/orders/{order['id']}/schedule_change", json={"minutes": 200})
    assert duffel.refused("POST", "/air/payments", _payment(order))[1] == "schedule_changed"
    assert [r["type"] for r in duffel.sandbox.http.get("/_webhooks").json()["deliveries"]] == ["order.created"]


def test_airline_cancels_and_hold_expires_on_demand(duffel: Duffel) -> None:
    order = duffel.order(duffel.offer(("LHR", "MAD", 30)), "instant")
    duffel.sandbox.http.post(f"/_duffel/orders/{order['id']}/cancel_by_airline")
    assert duffel.get(f"/air/orders/{order['id']}")["cancelled_at"]
    assert duffel.sandbox.ledger(event="order.cancelled")[0]["refund_amount"] == order["total_amount"]
    held = duffel.order(duffel.offer(("LHR", "MAD", 30), hold=True))
    duffel.sandbox.http.post(f"/_duffel/orders/{held['id']}/expire_hold")
    assert duffel.refused("POST", "/air/payments", _payment(held))[1] == "past_payment_required_by_date"
    assert duffel.refused("POST", "/air/order_cancellations", {"order_id": held["id"]})[1] == "order_not_cancellable"


def test_airline_credits_route(duffel: Duffel) -> None:
    order = duffel.order(duffel.offer(("LTN", "SYD", 30)), "instant")
    quote = duffel.post("/air/order_cancellations", {"order_id": order["id"]})
    assert (quote["refund_to"], quote["airline_credits"][0]["credit_amount"]) == (
        "airline_credits",
        order["total_amount"],
    )


def test_changing_an_order_costs_125(duffel: Duffel) -> None:
    order = duffel.order(duffel.offer(("LHR", "MAD", 30)), "instant")
    wanted = {
        "remove": [{"slice_id": order["slices"][0]["id"]}],
        "add": [{"origin": "LHR", "destination": "MAD", "departure_date": later(44), "cabin_class": "economy"}],
    }
    request = duffel.post("/air/order_change_requests", {"order_id": order["id"], "slices": wanted})
    offer = request["order_change_offers"][0]
    assert (offer["change_total_amount"], offer["penalty_total_amount"]) == ("125.00", "25.00")
    change = duffel.post("/air/order_changes", {"selected_order_change_offer": offer["id"]})
    payment = {"type": "balance", "amount": "125.00", "currency": order["total_currency"]}
    done = duffel.post(f"/air/order_changes/{change['id']}/actions/confirm", {"payment": payment}, 200)
    assert done["confirmed_at"]
    now = duffel.get(f"/air/orders/{order['id']}")
    assert now["slices"][0]["segments"][0]["departing_at"][:10] == later(44)
    assert now["total_amount"] == offer["new_total_amount"]


def test_a_bag_can_be_added_to_a_paid_order(duffel: Duffel) -> None:
    order = duffel.order(duffel.offer(("LHR", "MAD", 30)), "instant")
    bag = duffel.get(f"/air/orders/{order['id']}/available_services")[0]
    body = {
        "payment": {"type": "balance", "amount": bag["total_amount"], "currency": bag["total_currency"]},
        "add_services": [{"id": bag["id"], "quantity": 1}],
    }
    more = duffel.post(f"/air/orders/{order['id']}/services", body, 200)
    assert [s["type"] for s in more["services"]] == ["baggage"]
    assert float(more["total_amount"]) == pytest.approx(float(order["total_amount"]) + float(bag["total_amount"]))
    assert duffel.get(f"/air/orders/{order['id']}/available_services") == []


def _payment(order: dict) -> dict:
    payment = {"type": "balance", "amount": order["total_amount"], "currency": order["total_currency"]}
    return {"order_id": order["id"], "payment": payment}
