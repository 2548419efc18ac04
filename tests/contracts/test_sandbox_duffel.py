"""Duffel misbehaving for real: killed connections, lost answers, published test routes, signed messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fly2any.kernel.errors import OutcomeUnknown, Outside, Refused, Unavailable
from fly2any.kernel.money import Money
from suppliers.duffel.adapter import DuffelSupplier
from suppliers.types import OrderInfo, OrderState
from tests.contracts import travel
from tests.sandbox.process import Sandbox, Site, wait_until


def held(supplier: DuffelSupplier) -> OrderInfo:
    return supplier.create_order(travel.request(travel.pick(supplier, travel.trip(), hold=True), hold=True))


def fails(deed: Callable[[], Any]) -> Outside:
    with pytest.raises(Outside) as caught:
        deed()
    return caught.value


def posts(world: Sandbox, operation: str) -> int:
    """How often the sandbox was asked, whether or not it did it."""
    return sum(1 for row in world.ledger(vendor="duffel", event="request") if row["operation"] == operation)


# (fault, our code, whether the deed was done after all)
LOST: list[tuple[str, str, bool]] = [
    ("reset_before", "supplier_down", False), ("reset_after", "supplier_down", True), ("cut", "supplier_down", True),
    ("garbage", "unreadable_answer", True), ("hang", "supplier_timeout", True),
]


@pytest.mark.parametrize(("fault", "code", "done"), LOST)
def test_an_order_whose_answer_is_lost_is_unknown_and_the_look_tells(
    world: Sandbox, box_duffel: DuffelSupplier, fault: str, code: str, done: bool,
) -> None:
    offer = travel.pick(box_duffel, travel.trip(), hold=True)
    world.fault("duffel.create_order", fault, seconds=2)
    error = fails(lambda: box_duffel.create_order(travel.request(offer, hold=True)))
    assert (type(error), error.code) == (OutcomeUnknown, code)
    found = box_duffel.find_orders(offer.external_id)
    assert [order.booking_id for order in found] == (["b-1"] if done else [])
    assert posts(world, "duffel.create_order") == 1


@pytest.mark.parametrize(("fault", "code", "done"), LOST)
def test_a_payment_whose_answer_is_lost_is_unknown_and_the_look_tells(
    world: Sandbox, box_duffel: DuffelSupplier, fault: str, code: str, done: bool,
) -> None:
    order = held(box_duffel)
    world.fault("duffel.create_payment", fault, seconds=2)
    error = fails(lambda: box_duffel.pay_order(order.external_id, order.total))
    assert (type(error), error.code) == (OutcomeUnknown, code)
    assert box_duffel.paid(order.external_id) is done
    assert box_duffel.order(order.external_id).state == (OrderState.TICKETED if done else OrderState.HELD)
    if done:
        assert fails(lambda: box_duffel.pay_order(order.external_id, order.total)).code == "already_paid"


@pytest.mark.parametrize(("fault", "code", "done"), LOST)
def test_a_cancellation_whose_answer_is_lost_is_unknown_and_the_look_tells(
    world: Sandbox, box_duffel: DuffelSupplier, fault: str, code: str, done: bool,
) -> None:
    order = held(box_duffel)
    quote = box_duffel.quote_cancellation(order.external_id)
    world.fault("duffel.confirm_cancellation", fault, seconds=2)
    error = fails(lambda: box_duffel.confirm_cancellation(quote.external_id))
    assert (type(error), error.code) == (OutcomeUnknown, code)
    assert any(known.confirmed_at for known in box_duffel.cancellations(order.external_id)) is done
    assert (box_duffel.order(order.external_id).state == OrderState.CANCELLED) is done


@pytest.mark.parametrize("kind", ["202", "200_no_order"])
def test_an_accepted_order_is_unknown_until_it_is_seen(world: Sandbox, box_duffel: DuffelSupplier, kind: str) -> None:
    offer = travel.pick(box_duffel, travel.trip(), hold=True)
    world.fault("duffel.create_order", kind, seconds=0.2)
    error = fails(lambda: box_duffel.create_order(travel.request(offer, hold=True)))
    assert (type(error), error.code) == (OutcomeUnknown, "accepted_pending")
    assert wait_until(lambda: box_duffel.find_orders(offer.external_id))[0].state == OrderState.HELD


@pytest.mark.parametrize(("status", "code", "family"), [
    (500, "internal_server_error", OutcomeUnknown), (502, "order_not_created", Refused),
    (422, "insufficient_balance", Refused), (422, "duplicate_booking", OutcomeUnknown),
    (422, "price_changed", Refused), (401, "access_token_not_found", Unavailable),
])
def test_armed_errors_on_an_order(world: Sandbox, box_duffel: DuffelSupplier, status: int, code: str,
                                  family: type[Outside]) -> None:
    offer = travel.pick(box_duffel, travel.trip(), hold=True)
    body = {"meta": {"request_id": "req_1"}, "errors": [{"code": code, "type": "api_error", "message": "x"}]}
    world.fault("duffel.create_order", "status", status=status, body=body)
    assert type(fails(lambda: box_duffel.create_order(travel.request(offer, hold=True)))) is family
    assert box_duffel.find_orders(offer.external_id) == []


def test_a_rate_limit_says_how_long(world: Sandbox, box_duffel: DuffelSupplier) -> None:
    world.fault("duffel.get_order", "status", status=429)
    error = fails(lambda: box_duffel.order("ord_1"))
    assert (type(error), error.code) == (Unavailable, "supplier_busy")
    assert error.retry_after is not None and 1 <= error.retry_after <= 61


def test_a_read_gets_over_a_stumble(world: Sandbox, box_duffel: DuffelSupplier) -> None:
    order = held(box_duffel)
    world.fault("duffel.get_order", "reset_before")
    world.fault("duffel.get_order", "status", status=500)
    assert box_duffel.order(order.external_id).external_id == order.external_id


# --- the published test routes -------------------------------------------------------------------------------------
def test_a_route_without_offers_is_an_empty_answer(box_duffel: DuffelSupplier) -> None:
    assert box_duffel.search(travel.trip("PVD", "RAI")) == []


def test_a_route_whose_offers_are_gone(box_duffel: DuffelSupplier) -> None:
    offer = box_duffel.search(travel.trip("LGW", "LHR"))[0]
    assert (type(error := fails(lambda: box_duffel.offer(offer.external_id))), error.code) == (Refused, "offer_expired")


@pytest.mark.parametrize(("route", "family", "codes"), [
    (("LHR", "LGW"), Refused, {"sold_out", "offer_expired", "supplier_refused"}),
    (("LHR", "STN"), Refused, {"price_changed", "offer_expired"}),
    (("LGW", "STN"), Refused, {"insufficient_balance"}),
    (("LTN", "STN"), OutcomeUnknown, {"accepted_pending"}),
    (("SEN", "STN"), OutcomeUnknown, {"accepted_pending"}),
    (("LCY", "STN"), OutcomeUnknown, {"accepted_pending"}),
])
def test_routes_whose_orders_misbehave(box_duffel: DuffelSupplier, route: tuple[str, str], family: type[Outside],
                                       codes: set[str]) -> None:
    offer = box_duffel.search(travel.trip(*route))[0]
    error = fails(lambda: box_duffel.create_order(travel.request(offer, hold=False)))
    assert type(error) is family
    assert error.code in codes


# --- what an airline says no to ------------------------------------------------------------------------------------
def test_one_offer_makes_one_order(box_duffel: DuffelSupplier) -> None:
    offer = travel.pick(box_duffel, travel.trip(), hold=True)
    box_duffel.create_order(travel.request(offer, hold=True))
    error = fails(lambda: box_duffel.create_order(travel.request(offer, hold=True)))
    assert (type(error), error.code) == (OutcomeUnknown, "already_booked")
    assert len(box_duffel.find_orders(offer.external_id)) == 1


@pytest.mark.parametrize(("change", "field"), [
    ({"given_name": "Лев"}, "given_name"), ({"phone": "12"}, "phone_number"), ({"email": "x"}, "email"),
])
def test_a_traveller_the_airline_does_not_take_is_named(box_duffel: DuffelSupplier, change: dict[str, str],
                                                        field: str) -> None:
    offer = travel.pick(box_duffel, travel.trip(adults=2), hold=True)
    wanted = travel.request(offer, hold=True)
    wanted = replace(wanted, travellers=(wanted.travellers[0], replace(wanted.travellers[1], **change)))
    error = fails(lambda: box_duffel.create_order(wanted))
    assert (type(error), error.code) == (Refused, "passenger_rejected")
    assert (error.detail["field"], error.detail["position"]) == (field, 1)


def test_a_family_with_an_infant_and_bags_is_ticketed_to_the_cent(world: Sandbox, box_duffel: DuffelSupplier) -> None:
    query = travel.trip(back=True, adults=2, child_ages=(7,), infants=1)
    offer = box_duffel.offer(box_duffel.search(query)[0].external_id)
    assert sorted(passenger.kind for passenger in offer.passengers) == ["adult", "adult", "child", "infant"]
    bags = tuple((sold.external_id, 1) for sold in offer.services or () if sold.kind == "baggage")[:2]
    wanted = travel.request(offer, hold=False, services=bags)
    made = box_duffel.create_order(wanted)
    assert (made.state, made.total) == (OrderState.TICKETED, wanted.amount)
    [row] = world.ledger(vendor="duffel", event="order.created")
    assert Money.parse(row["amount"], row["currency"]) == wanted.amount


def test_a_wrong_amount_is_refused(box_duffel: DuffelSupplier) -> None:
    order = held(box_duffel)
    error = fails(lambda: box_duffel.pay_order(order.external_id, order.total + Money(1, order.total.currency)))
    assert (type(error), error.code) == (Refused, "price_changed")
    assert box_duffel.paid(order.external_id) is False


def test_a_lapsed_hold_is_neither_paid_nor_payable(world: Sandbox, box_duffel: DuffelSupplier) -> None:
    order = held(box_duffel)
    world.http.post(f"/_duffel/orders/{order.external_id}/expire_hold")
    assert box_duffel.order(order.external_id).state == OrderState.LAPSED
    assert box_duffel.paid(order.external_id) is False
    assert fails(lambda: box_duffel.pay_order(order.external_id, order.total)).code == "past_pay_by"


def test_a_hold_lapses_by_the_suppliers_clock(world: Sandbox, box_duffel: DuffelSupplier) -> None:
    order = held(box_duffel)
    world.advance(30 * 86400)
    assert box_duffel.order(order.external_id).state == OrderState.LAPSED


def test_only_the_newest_quote_can_be_confirmed(box_duffel: DuffelSupplier) -> None:
    order = held(box_duffel)
    old, new = (box_duffel.quote_cancellation(order.external_id) for _ in range(2))
    assert fails(lambda: box_duffel.confirm_cancellation(old.external_id)).code == "quote_stale"
    assert box_duffel.confirm_cancellation(new.external_id).confirmed_at
    assert fails(lambda: box_duffel.quote_cancellation(order.external_id)).code in {"already_cancelled",
                                                                                   "not_cancellable"}


def test_a_schedule_change_stops_the_payment(world: Sandbox, box_duffel: DuffelSupplier) -> None:
    order = held(box_duffel)
    world.http.post(f"/_duffel/orders/{order.external_id}/schedule_change", json={"minutes": 90})
    assert fails(lambda: box_duffel.pay_order(order.external_id, order.total)).code == "schedule_changed"


def test_signed_messages_arrive_and_are_heard(messages: Site, box_duffel: DuffelSupplier) -> None:
    order = held(box_duffel)
    ours = order.external_id.encode()  # a message of the test before may still be on its way
    headers, body = wait_until(
        lambda: [got for got in messages.got if b"order.created" in got[1] and ours in got[1]])[0]
    notice = box_duffel.read_notice(body, headers)
    assert (notice.kind, notice.order_id, notice.offer_id) == ("order.created", order.external_id, order.offer_id)
    with pytest.raises(Refused):
        box_duffel.read_notice(body.replace(b"ord_", b"ord-"), headers)
