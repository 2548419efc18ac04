"""Recorded Duffel answers in our words; with keys taken away one by one; and strict about money throughout."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from fly2any.kernel.money import Money
from suppliers.duffel import bodies, mapping
from suppliers.stored import offer_from_json, to_json
from suppliers.types import Leg, OrderRequest, OrderState, SearchQuery, Traveller
from tests.contracts.conftest import payload

LATER = datetime(2026, 11, 21, tzinfo=UTC)
OFFERS = ("offer_zz_return_2pax_hold_services", "offer_to_oneway_instant_services",
          "offer_os_return_hold_no_price_guarantee", "offer_jl_return_null_brand_no_services", "offer")
ORDERS = {
    "order_hold_unpaid": OrderState.HELD, "order_hold_paid": OrderState.TICKETED,
    "order_hold_lapsed": OrderState.LAPSED, "order_instant_paid": OrderState.TICKETED,
    "order_instant_ticketless": OrderState.TICKETED, "order_instant_with_baggage": OrderState.TICKETED,
}


def data(name: str) -> Any:
    raw = payload(f"duffel/{name}.json")
    return raw.get("data", raw)


def test_an_offer_is_read_whole() -> None:
    offer = mapping.offer(data("offer_zz_return_2pax_hold_services"), "orq_1")
    assert (offer.external_id, offer.request_id) == ("off_0000AUde3KwTztSRK1cznH", "orq_1")
    assert (offer.total, offer.base, offer.tax) == (Money(65264, "GBP"), Money(55308, "GBP"), Money(9956, "GBP"))
    assert offer.expires_at == datetime(2023, 4, 14, 9, 58, 21, 400481, tzinfo=UTC)
    assert (offer.instant_only, offer.pay_by) == (False, datetime(2023, 4, 17, 9, 28, 21, tzinfo=UTC))
    assert offer.price_guaranteed_until == datetime(2023, 4, 16, 9, 28, 21, tzinfo=UTC)
    assert (offer.change.allowed, offer.refund.allowed, offer.refund.fee) == (False, True, Money(11000, "GBP"))
    assert [passenger.kind for passenger in offer.passengers] == ["adult", "adult"]
    first = offer.slices[0].segments[0]
    assert (first.carrier_code, first.flight_number, first.operating_name) == ("ZZ", "9902", "Duffel Airways")
    assert (first.origin.code, first.origin.city, first.origin.time_zone) == ("JFK", "New York", "America/New_York")
    assert (first.departing_local, first.duration_minutes) == ("2023-04-21T15:29:00", 361)
    assert (first.origin_terminal, first.aircraft, first.cabin) == ("2", "Boeing 777-300", "economy")
    assert first.bags[0] == {"passenger": offer.passengers[0].external_id, "kind": "checked", "quantity": 1}
    assert offer.services is not None
    bag, _, cfar = offer.services
    assert (bag.kind, bag.price, bag.max_quantity) == ("baggage", Money(2000, "GBP"), 1)
    assert (bag.detail["bag_kind"], bag.detail["weight_kg"]) == ("checked", 23)
    assert cfar.kind == "cancel_for_any_reason"
    assert cfar.detail["refund"] == {"amount": "489.48", "currency": "GBP"}
    assert "terms_and_conditions" in cfar.detail["terms_url"]


@pytest.mark.parametrize("name", OFFERS)
def test_an_offer_is_stored_as_it_was_seen(name: str) -> None:
    offer = mapping.offer(data(name))
    assert offer_from_json(to_json(offer)) == offer


def test_a_real_search_is_read_completely() -> None:
    raw = data("offer_request_v2_live_return_2025")
    offers = [mapping.offer(item, raw["id"]) for item in raw["offers"]]
    assert len(offers) == len(raw["offers"]) > 5
    assert all(offer.services is None and offer.instant_only and offer.live_mode for offer in offers)
    assert {offer.slices[0].comparison_key for offer in offers} - {""}


def test_services_not_asked_for_are_not_services_not_sold() -> None:
    raw = data("offer_zz_return_2pax_hold_services")
    assert mapping.offer({**raw, "available_services": None}).services is None
    assert mapping.offer({**raw, "available_services": []}).services == ()


def test_an_extra_in_another_currency_is_not_sold() -> None:
    raw = data("offer_zz_return_2pax_hold_services")
    raw["available_services"][0]["total_currency"] = "EUR"
    raw["available_services"][1]["total_amount"] = 20.0
    assert [service.kind for service in mapping.offer(raw).services or ()] == ["cancel_for_any_reason"]


@pytest.mark.parametrize(("terms", "allowed", "fee"), [
    (None, None, None),
    ({"allowed": True, "penalty_amount": None, "penalty_currency": None}, True, None),
    ({"allowed": True, "penalty_amount": "50", "penalty_currency": "EUR"}, True, Money(5000, "EUR")),
    ({"allowed": True, "penalty_amount": "0.00", "penalty_currency": "GBP"}, True, Money(0, "GBP")),
    ({"allowed": False, "penalty_amount": None, "penalty_currency": None}, False, None),
    ({"allowed": True, "penalty_amount": 50, "penalty_currency": "EUR"}, True, None),
    ({"allowed": "yes"}, None, None),
])
def test_conditions_say_no_more_than_the_airline_said(terms: Any, allowed: bool | None, fee: Money | None) -> None:
    found = mapping.condition(terms)
    assert (found.allowed, found.fee) == (allowed, fee)


def test_a_negative_base_fare_is_a_real_thing() -> None:
    raw = {**data("offer"), "base_amount": "-1.14", "tax_amount": "41.53", "total_amount": "40.39"}
    assert mapping.offer(raw).base == Money(-114, "GBP")


def without_each_key(raw: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """The same document with one key missing, null, or of another type: every key in turn."""
    found = []

    def walk(node: Any, at: tuple[Any, ...]) -> None:
        if isinstance(node, dict):
            for key in node:
                found.append((*at, key))
                walk(node[key], (*at, key))
        elif isinstance(node, list):
            for number, item in enumerate(node[:1]):
                walk(item, (*at, number))

    walk(raw, path)
    for place in found:
        for odd in ("missing", None, 7, "?", [], {}, [None, 3]):
            changed = copy.deepcopy(raw)
            node = changed
            for step in place[:-1]:
                node = node[step]
            if odd == "missing":
                del node[place[-1]]
            else:
                node[place[-1]] = odd
            yield place, changed


STRICT_OFFER = {"id", "expires_at", "slices", "passengers", "segments", "total_amount", "total_currency",
                "base_amount", "base_currency", "tax_amount", "tax_currency"}
STRICT_ORDER = {"id", "total_amount", "total_currency", "payment_status", "awaiting_payment", "payment_required_by"}


@pytest.mark.failure("D23")
def test_no_missing_or_odd_key_breaks_the_reading_of_an_offer() -> None:
    for place, changed in without_each_key(data("offer")):
        try:
            mapping.offer({**changed, "brand_new_key": {"x": 1}})
        except mapping.Unreadable:
            assert set(place) & STRICT_OFFER, place


@pytest.mark.parametrize("name", ["order_hold_unpaid", "order_instant_paid"])
@pytest.mark.failure("D23")
def test_no_missing_or_odd_key_breaks_the_reading_of_an_order(name: str) -> None:
    for place, changed in without_each_key(data(name)):
        try:
            mapping.order(changed, LATER)
        except mapping.Unreadable:
            assert set(place) & STRICT_ORDER, place


def test_no_missing_or_odd_key_breaks_the_reading_of_seats() -> None:
    raw = data("seat_map_restricted_seat_general")
    raw = raw[0] if isinstance(raw, list) else raw
    raw["cabins"][0]["rows"] = raw["cabins"][0]["rows"][:1]
    for _, changed in without_each_key(raw):
        mapping.seat_map(changed)


# --- orders ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "state"), ORDERS.items())
def test_an_orders_state_is_read_from_the_whole_picture(name: str, state: OrderState) -> None:
    assert mapping.order(data(name), LATER).state == state


def order_with(**status: Any) -> dict[str, Any]:
    paying = {"awaiting_payment": False, "paid_at": None, "payment_required_by": None} | status
    return {"id": "ord_1", "total_amount": "1.00", "total_currency": "GBP", "type": "hold", "documents": [],
            "payment_status": paying}


PAST, FUTURE = "2026-11-20T00:00:00Z", "2026-11-22T00:00:00Z"


@pytest.mark.parametrize(("raw", "state"), [
    (order_with(awaiting_payment=True, payment_required_by=FUTURE), OrderState.HELD),
    (order_with(awaiting_payment=True, payment_required_by=PAST), OrderState.HELD),  # not released yet
    (order_with(payment_required_by=FUTURE, paid_at=PAST), OrderState.TICKETED),
    (order_with(payment_required_by=PAST), OrderState.LAPSED),
    (order_with(payment_required_by=FUTURE) | {"synced_at": "2026-11-22T00:00:01Z"}, OrderState.LAPSED),
    (order_with(payment_required_by=PAST) | {"documents": [{"unique_identifier": "1"}]}, OrderState.TICKETED),
    (order_with() | {"type": "instant"}, OrderState.TICKETED),
    (order_with(awaiting_payment=True, payment_required_by=FUTURE) | {"type": "pay_later"}, OrderState.HELD),
    (order_with(paid_at=PAST) | {"cancelled_at": PAST, "documents": [{}]}, OrderState.CANCELLED),
    (order_with() | {"type": "instant", "cancellation": {"confirmed_at": PAST}}, OrderState.CANCELLED),
    (order_with() | {"type": "instant", "cancellation": {"confirmed_at": None}}, OrderState.TICKETED),
])
def test_every_row_of_the_state_table(raw: dict[str, Any], state: OrderState) -> None:
    assert mapping.order(raw, LATER).state == state


@pytest.mark.parametrize("raw", [order_with(), order_with(payment_required_by=FUTURE),
                                 order_with(awaiting_payment=None, payment_required_by=PAST)])
def test_not_awaiting_payment_alone_proves_neither_paid_nor_lapsed(raw: dict[str, Any]) -> None:
    with pytest.raises(mapping.Unreadable):
        mapping.order(raw, LATER)


def test_an_order_carries_what_the_customer_needs() -> None:
    order = mapping.order(data("order_instant_with_baggage") | {"metadata": {"booking_id": "b-1"}}, LATER)
    assert (order.pnr, order.booking_id, order.total) == ("JRFO3V", "b-1", Money(23220, "GBP"))
    assert [(ticket.kind, ticket.number) for ticket in order.tickets] == [
        ("ticket", "08157414546120"), ("emd", "08118174194745")]
    assert order.actions == ("cancel", "change", "update")
    assert order.itinerary[1].segments[0].flight_number == "422"


def test_cancellations_of_every_captured_shape() -> None:
    quotes = [mapping.cancel_quote(raw) for raw in data("order_cancellations")]
    assert quotes[0].refund == Money(17780, "GBP")
    assert quotes[0].expires_at is None and quotes[0].confirmed_at is not None
    assert quotes[4].refund_to == "awaiting_payment"
    assert mapping.cancel_quote({"id": "ore_1", "refund_amount": None, "refund_currency": None}).refund is None
    with pytest.raises(mapping.Unreadable):
        mapping.cancel_quote({"id": "ore_1", "refund_amount": "1.00", "refund_currency": None})


# --- seats -------------------------------------------------------------------------------------------------------
def test_seats_of_a_real_map() -> None:
    raw = data("seat_map_restricted_seat_general")
    found = mapping.seat_map(raw[0] if isinstance(raw, list) else raw)
    row = found.cabins[0]["rows"][0]
    assert row[0][0].designator == "4A"
    assert row[0][0].services == {"pax_id_1": ("ase_0000Ar2vnxpCaZD4lVq93o", Money(3000, "GBP"))}
    assert (row[1][0].services, row[1][1].kind) == ({}, "restricted")
    assert mapping.seat({"type": "swimming_pool"}).kind == "empty"


# --- small readers -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("text", "minutes"), [("PT6H1M", 361), ("PT02H26M", 146), ("P1DT3H", 1620), ("PT45M", 45),
                                               ("P1W", 10080), ("PT", None), ("P", None), ("6h", None), (None, None)])
def test_durations(text: Any, minutes: int | None) -> None:
    assert mapping.minutes(text) == minutes


def test_times_without_a_zone_are_not_taken_for_utc() -> None:
    assert mapping.moment("2026-01-01T10:00:00") is None
    assert mapping.moment("2026-01-01T10:00:00.5+02:00") == datetime(2026, 1, 1, 8, 0, 0, 500000, tzinfo=UTC)


@pytest.mark.parametrize(("currency", "amount", "minor"), [("JPY", "1000", 1000), ("JPY", "1000.00", 1000),
                                                           ("BHD", "1.234", 1234), ("USD", "-1.1", -110)])
def test_money_keeps_its_currencys_decimals(currency: str, amount: str, minor: int) -> None:
    assert mapping.money(amount, currency) == Money(minor, currency)


@pytest.mark.parametrize(("amount", "currency"), [("1.001", "USD"), ("1.5", "JPY"), ("1.00", "QQQ"), ("1.00", None),
                                                  ("１.00", "USD"), ("+1.00", "USD"), ("1.00\n", "USD"), (1, "USD")])
def test_money_that_is_not_plain_is_refused(amount: Any, currency: Any) -> None:
    with pytest.raises(mapping.Unreadable):
        mapping.money(amount, currency)


# --- what we send ------------------------------------------------------------------------------------------------
ANNA = Traveller("pas_1", "Mrs", "F", "Anna", "Müller", date(1987, 7, 24), "a@example.com", "+442080160509",
                 infant_external_id="pas_2", loyalty=(("BA", "123"),),
                 document={"kind": "passport", "number": "X1", "country": "GB", "expires_on": "2030-04-25"})


def test_a_hold_order_carries_neither_payments_nor_services() -> None:
    request = OrderRequest("off_1", True, (ANNA,), (), None, "b-1", "FLY2A-ABC234")
    assert bodies.order(request) == {
        "type": "hold", "selected_offers": ["off_1"], "metadata": {"booking_id": "b-1", "reference": "FLY2A-ABC234"},
        "passengers": [{
            "id": "pas_1", "title": "mrs", "gender": "f", "given_name": "Anna", "family_name": "Müller",
            "born_on": "1987-07-24", "email": "a@example.com", "phone_number": "+442080160509",
            "infant_passenger_id": "pas_2",
            "identity_documents": [{"type": "passport", "unique_identifier": "X1", "issuing_country_code": "GB",
                                    "expires_on": "2030-04-25"}],
            "loyalty_programme_accounts": [{"airline_iata_code": "BA", "account_number": "123"}],
        }],
    }


def test_an_instant_order_pays_exactly_from_the_balance() -> None:
    request = OrderRequest("off_1", False, (ANNA,), (("ase_1", 2),), Money(1000, "JPY"), "b-1", "FLY2A-ABC234")
    body = bodies.order(request)
    assert body["type"] == "instant"
    assert body["payments"] == [{"type": "balance", "amount": "1000", "currency": "JPY"}]
    assert body["services"] == [{"id": "ase_1", "quantity": 2}]
    assert "services" not in bodies.order(OrderRequest("off_1", False, (ANNA,), (), Money(5, "USD"), "b", "r"))
    assert bodies.balance(Money(5, "USD"))["amount"] == "0.05"


def test_a_search_gives_children_by_age_and_infants_by_type() -> None:
    query = SearchQuery((Leg("JFK", "LON", date(2026, 12, 1)),), adults=2, child_ages=(11, 16), infants=1,
                        cabin="business", max_connections=0)
    assert bodies.search(query) == {
        "slices": [{"origin": "JFK", "destination": "LON", "departure_date": "2026-12-01"}],
        "passengers": [{"type": "adult"}, {"type": "adult"}, {"age": 11}, {"age": 16},
                       {"type": "infant_without_seat"}],
        "cabin_class": "business", "max_connections": 0,
    }


def test_children_and_infants_are_told_by_age_first() -> None:
    kinds = [mapping.passenger({"id": "p", "type": kind, "age": age}).kind for kind, age in (
        ("adult", 14), (None, 1), (None, None), ("infant_without_seat", None), ("child", None), (None, 40),
        ("adult", None))]
    assert kinds == ["child", "infant", "adult", "infant", "child", "adult", "adult"]
