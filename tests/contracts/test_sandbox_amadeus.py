"""The adapter against the sandbox's Amadeus: extras, families, tickets, every kind of trouble. Nothing off contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from fly2any.kernel.errors import OutcomeUnknown, Outside, Refused, Unavailable
from fly2any.kernel.money import Money
from suppliers.amadeus.adapter import AmadeusSupplier
from suppliers.types import OfferInfo, OrderInfo, OrderRequest, OrderState
from tests.contracts import travel
from tests.sandbox.process import Sandbox, wait_until

CREATE = "amadeus.create_order"


@pytest.fixture(autouse=True)
def _on_contract(world: Sandbox) -> Iterator[None]:
    """Whatever a test asks, neither its requests nor the answers leave the official specifications."""
    yield
    assert ledger(world, "schema.request") + ledger(world, "schema.answer") == []


def ledger(world: Sandbox, event: str) -> list[dict[str, Any]]:
    return world.ledger(vendor="amadeus", event=event)


def priced(box: AmadeusSupplier, **party: Any) -> OfferInfo:
    found = box.search(travel.trip("JFK", "LHR", back=True, **party))[0]
    return box.offer(found.external_id, found.document)


def request(offer: OfferInfo, **more: Any) -> OrderRequest:
    return replace(travel.request(offer, hold=False), **more)


def reserved(box: AmadeusSupplier, **party: Any) -> OrderInfo:
    return box.create_order(request(priced(box, **party)))


def fails(deed: Callable[[], Any]) -> Outside:
    with pytest.raises(Outside) as caught:
        deed()
    return caught.value


def test_bags_seats_and_laps_are_booked_at_the_sum_that_was_shown(box_amadeus: AmadeusSupplier, world: Sandbox) -> None:
    offer = priced(box_amadeus, adults=2, child_ages=(8, 14), infants=1)
    assert [(one.kind, one.age) for one in offer.passengers] == [
        ("adult", None), ("adult", None), ("child", 14), ("child", 8), ("infant", None)]
    bag = next(one for one in offer.services or () if one.max_quantity and one.kind == "baggage")
    maps = box_amadeus.seat_maps(offer.external_id, offer.document)
    service, price = next(seat.services["2"] for one in maps for cabin in one.cabins for row in cabin["rows"] for part in row
                          for seat in part if "2" in seat.services)
    people = [replace(one, infant_external_id="") for one in travel.travellers(offer)]
    people[1] = replace(people[1], infant_external_id=offer.passengers[4].external_id)
    amount = offer.total + bag.price + price
    made = box_amadeus.create_order(request(offer, travellers=tuple(people), services=((bag.external_id, 1), (service, 1)), amount=amount))
    assert (made.total, made.state, len(made.travellers)) == (amount, OrderState.RESERVED, 5)
    assert ledger(world, "order.created")[0]["remarks"] == ["FLY2ANY FLY2A-ABC234"]
    assert made.locators and made.pay_by is not None
    again = box_amadeus.order(made.external_id)  # numbered anew, fees and brands gone
    assert [(one.carrier_code, one.flight_number, one.departing_local) for part in again.itinerary for one in part.segments] == [
        (one.carrier_code, one.flight_number, one.departing_local) for part in offer.slices for one in part.segments]


def test_fare_families_are_asked_for_and_can_be_priced(box_amadeus: AmadeusSupplier) -> None:
    offer = priced(box_amadeus)
    family = box_amadeus.offer_siblings(offer.external_id, offer.document)
    assert len({one.slices[0].brand for one in family}) == len(family) > 1
    assert len({one.external_id for one in (*family, offer)}) == len(family) + 1
    dearest = max(family, key=lambda one: one.total.minor)
    assert box_amadeus.offer(dearest.external_id, dearest.document).total == dearest.total


def test_tickets_are_seen_when_the_consolidator_has_issued_them_all(box_amadeus: AmadeusSupplier, world: Sandbox) -> None:
    made = reserved(box_amadeus, adults=2)
    world.http.post(f"/_amadeus/orders/{made.pnr}/ticket", json={"partly": True})
    partly = box_amadeus.order(made.external_id)
    assert partly.state is OrderState.RESERVED and len(partly.tickets) == 1
    assert fails(lambda: box_amadeus.quote_cancellation(made.external_id)).code == "not_cancellable"
    world.http.post(f"/_amadeus/orders/{made.pnr}/ticket")
    done = box_amadeus.order(made.external_id)
    assert done.state is OrderState.TICKETED
    assert {one.passenger_ids for one in done.tickets} == {("1",), ("2",)} and all(one.number for one in done.tickets)
    assert fails(lambda: box_amadeus.confirm_cancellation(made.external_id)).code == "not_cancellable"
    world.http.post(f"/_amadeus/orders/{made.pnr}/void_tickets")
    assert box_amadeus.order(made.external_id).state is OrderState.RESERVED


@pytest.mark.parametrize(("event", "gone"), [("expire", True), ("cancel_by_airline", False)])
def test_a_reservation_that_ends_by_itself_is_seen(box_amadeus: AmadeusSupplier, world: Sandbox, event: str, gone: bool) -> None:
    made = reserved(box_amadeus)
    assert world.http.post(f"/_amadeus/orders/{made.pnr}/{event}").status_code < 300
    if gone:
        assert fails(lambda: box_amadeus.order(made.external_id)).code == "not_found"
    else:
        assert box_amadeus.order(made.external_id).state is OrderState.CANCELLED
    assert [one.confirmed_at is not None for one in box_amadeus.cancellations(made.external_id)] == [True]


def test_several_records_are_all_kept(box_amadeus: AmadeusSupplier, world: Sandbox) -> None:
    world.fault(CREATE, "several_records")
    made = reserved(box_amadeus)
    assert sum(system == "GDS" for system, _ in made.locators) == 1 and made.pnr not in dict(made.locators).values()


def test_when_prices_move_nothing_is_booked_at_the_old_one(box_amadeus: AmadeusSupplier, world: Sandbox) -> None:
    offer = priced(box_amadeus)
    world.http.post("/_amadeus/offers/reprice", json={"percent": 5})
    assert fails(lambda: box_amadeus.create_order(request(offer))).code == "price_changed"
    again = box_amadeus.offer(offer.external_id, offer.document)
    assert again.total.minor > offer.total.minor
    assert fails(lambda: box_amadeus.create_order(request(again, amount=offer.total))).code == "price_changed"
    assert box_amadeus.create_order(request(again)).total == again.total


def test_a_revoked_token_stops_nothing(box_amadeus: AmadeusSupplier, world: Sandbox) -> None:
    offer = priced(box_amadeus)
    world.http.post("/_amadeus/tokens/revoke")
    made = box_amadeus.create_order(request(offer))
    world.http.post("/_amadeus/tokens/revoke")
    assert box_amadeus.order(made.external_id).pnr == made.pnr


@pytest.mark.parametrize(("fault", "family", "code", "made"), [
    ({"kind": "status", "code": 34651}, Refused, "sold_out", 0), ({"kind": "status", "code": 37200}, Refused, "price_changed", 0),
    ({"kind": "status", "code": 36870}, Refused, "booking_failed_check", 0), ({"kind": "status", "code": 38034}, Refused, "services_unavailable", 0),
    ({"kind": "status", "code": 38194}, Unavailable, "supplier_busy", 0), ({"kind": "status", "code": 38195}, Unavailable, "provider_off", 0),
    ({"kind": "status", "code": 38197}, Unavailable, "provider_off", 0), ({"kind": "status", "code": 41254}, Unavailable, "provider_off", 0),
    ({"kind": "status", "code": 39683}, Unavailable, "provider_off", 0), ({"kind": "status", "code": 141}, OutcomeUnknown, "supplier_down", 0),
    ({"kind": "status", "status": 502}, OutcomeUnknown, "supplier_down", 0), ({"kind": "status_after", "code": 141}, OutcomeUnknown, "supplier_down", 1),
    ({"kind": "reset_before"}, OutcomeUnknown, "supplier_down", 0), ({"kind": "reset_after"}, OutcomeUnknown, "supplier_down", 1),
    ({"kind": "cut"}, OutcomeUnknown, "supplier_down", 1), ({"kind": "garbage"}, OutcomeUnknown, "unreadable_answer", 1),
    ({"kind": "hang", "seconds": 3}, OutcomeUnknown, "supplier_timeout", 1), ({"kind": "silence", "seconds": 3}, OutcomeUnknown, "supplier_timeout", 0),
    ({"kind": "drip", "seconds": 4}, OutcomeUnknown, "supplier_timeout", 1), ({"kind": "late", "seconds": 0.1}, OutcomeUnknown, "supplier_down", 1),
])
def test_every_trouble_of_a_create_is_told_for_what_it_is(
        box_amadeus: AmadeusSupplier, world: Sandbox, fault: dict[str, Any], family: type[Outside], code: str, made: int) -> None:
    offer = priced(box_amadeus)
    kind = fault.pop("kind")
    world.fault(CREATE, kind, **fault)
    error = fails(lambda: box_amadeus.create_order(request(offer)))
    assert (type(error), error.code) == (family, code)
    if made:
        assert wait_until(lambda: ledger(world, "order.created"))
    assert len(ledger(world, "order.created")) == made
    sent = [row for row in ledger(world, "request") if row["operation"] == CREATE and row["outcome"] != "not_run"]
    assert len(sent) == 1 if made else len(sent) <= 1


@pytest.mark.parametrize("operation", ["search", "price", "get_order", "cancel_order", "token"])
def test_a_charset_changes_nothing(box_amadeus: AmadeusSupplier, world: Sandbox, operation: str) -> None:
    world.fault(f"amadeus.{operation}", "charset", count=None)
    made = reserved(box_amadeus)
    assert box_amadeus.order(made.external_id).total == made.total
    assert box_amadeus.confirm_cancellation(made.external_id).confirmed_at


def test_an_empty_yes_to_a_cancellation_is_looked_after(box_amadeus: AmadeusSupplier, world: Sandbox) -> None:
    made = reserved(box_amadeus)
    world.fault("amadeus.cancel_order", "200_empty")
    assert box_amadeus.confirm_cancellation(made.external_id).confirmed_at
    assert fails(lambda: box_amadeus.order(made.external_id)).code == "not_found"


def test_passports_that_are_asked_for_are_said(box_amadeus: AmadeusSupplier, world: Sandbox) -> None:
    world.fault("amadeus.price", "documents", count=None)
    offer = priced(box_amadeus)
    assert offer.documents_required
    document = {"kind": "passport", "number": "X1234567", "country": "GB", "expires_on": "2040-01-01"}
    details = {"documentCity": "London", "addressLine": "1 Strand", "postalCode": "WC2N 5HR", "addressCity": "London", "addressCountry": "GB"}
    people = tuple(replace(one, document=document, details=details, known_traveller="TT12345", redress="123456") for one in travel.travellers(offer))
    assert box_amadeus.create_order(request(offer, travellers=people)).pnr


def test_an_offer_in_another_currency_is_another(box_amadeus: AmadeusSupplier, world: Sandbox) -> None:
    found = box_amadeus.search(travel.trip("JFK", "LHR"))[0]
    world.fault("amadeus.price", "other_currency")
    assert box_amadeus.offer(found.external_id, found.document).total.currency != found.total.currency


def test_nothing_is_found_and_nothing_is_wrong(box_amadeus: AmadeusSupplier, world: Sandbox) -> None:
    world.fault("amadeus.search", "no_offers")
    assert box_amadeus.search(travel.trip("JFK", "LHR")) == []
    world.fault("amadeus.seatmaps", "seats_occupied")
    offer = priced(box_amadeus)
    taken = [seat for one in box_amadeus.seat_maps(offer.external_id, offer.document) for cabin in one.cabins for row in cabin["rows"]
             for part in row for seat in part]
    assert taken and not any(seat.services for seat in taken)
    assert isinstance(offer.total, Money)
