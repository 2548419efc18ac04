"""What every supplier behind the port must do, asked of recorded answers and of the sandbox alike."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fly2any.kernel.errors import Refused
from fly2any.kernel.money import Money
from suppliers.amadeus.adapter import AmadeusSupplier
from suppliers.duffel.adapter import DuffelSupplier
from suppliers.port import Supplier
from suppliers.stored import offer_from_json, to_json
from suppliers.types import OrderState, SearchQuery
from tests.contracts import examples, travel
from tests.contracts.conftest import payload
from tests.contracts.scripted import Peer, Says

NOT_FOUND = {"errors": [{"type": "invalid_request_error", "code": "not_found", "message": "x"}], "meta": {}}


class Stage:
    """A supplier and, when its answers are recorded, the tape. `play` queues what the peer says next."""

    def __init__(self, supplier: Any, peer: Peer | None) -> None:
        self.supplier = supplier
        self._peer = peer

    def play(self, *answers: Callable[[], Says]) -> None:
        if self._peer is not None:
            self._peer.says(*(answer() for answer in answers))


@pytest.fixture(params=["recorded", "sandbox"])
def stage(request: pytest.FixtureRequest) -> Stage:
    """Duffel: what only it does (holds that are paid, instant orders, listings)."""
    if request.param == "recorded":
        return Stage(request.getfixturevalue("duffel"), request.getfixturevalue("peer"))
    return Stage(request.getfixturevalue("box_duffel"), None)


@pytest.fixture(params=["duffel recorded", "duffel sandbox", "amadeus recorded", "amadeus sandbox"])
def any_stage(request: pytest.FixtureRequest) -> Stage:
    """Each supplier in turn: what both must do."""
    name, _, where = request.param.partition(" ")
    if where == "sandbox":
        return Stage(request.getfixturevalue(f"box_{name}"), None)
    return Stage(request.getfixturevalue(name), request.getfixturevalue("peer"))


def tape(name: str, status: int = 200, **change: Any) -> Callable[[], Says]:
    """A recorded answer with some keys of its object changed."""
    def answer() -> Says:
        raw = payload(f"duffel/{name}.json")
        raw = raw if "data" in raw else {"data": raw}
        raw["data"] = raw["data"] | change
        return Says(status, raw)
    return answer


def listed(name: str, **change: Any) -> Callable[[], Says]:
    """A recorded object as the only one of a list."""
    def answer() -> Says:
        raw = tape(name, **change)().body
        return Says(200, {"data": [raw["data"]], "meta": {"limit": 50, "before": None, "after": None}})
    return answer


RECORDED_SEARCH = tape("offer_request_v2_live_return_2025", 201)
OFFER_SEARCH = "offer_request_test_zz_2023"
OFFER = "offer_zz_return_2pax_hold_services"
HELD_OFFER = "off_0000AUde3KwTztSRK1cznH"


def amadeus_says(make: Callable[[], Any], status: int = 200) -> Callable[[], Says]:
    return lambda: Says(status, make())


AMADEUS_TOKEN = amadeus_says(lambda: examples.TOKEN)
AMADEUS_OFFERS = amadeus_says(lambda: examples.fresh(examples.searched()))
AMADEUS_PRICED = amadeus_says(lambda: {"data": {"type": "flight-offers-pricing", "flightOffers": examples.fresh(examples.searched())["data"][:1]}})
AMADEUS_SEATS = amadeus_says(examples.seat_maps)
AMADEUS_ORDER = amadeus_says(examples.ordered)
AMADEUS_GONE = amadeus_says(lambda: {"errors": [{"status": 404, "code": 1797, "title": "NOT FOUND"}]}, 404)
QUOTE = {"order_id": payload("duffel/order_hold_unpaid.json")["data"]["id"], "refund_amount": "10.00", "refund_to": "balance", "refund_currency": "USD", "confirmed_at": None, "id": "ore_1"}
DONE = {**QUOTE, "confirmed_at": "2026-01-02T00:00:00Z"}
# What each supplier's tape says, by what is asked of it. A Duffel order is told as of the offer that it was made from.
TAPES: dict[str, dict[str, list[Callable[[], Says]]]] = {
    "duffel": {
        "search": [RECORDED_SEARCH], "offer": [tape(OFFER)], "seats": [lambda: recorded_seats()],
        "missing": [lambda: Says(404, NOT_FOUND)], "hold": [tape(OFFER_SEARCH, 201), tape(OFFER)],
        "create": [tape("order_hold_unpaid", 201, offer_id=HELD_OFFER, metadata={"booking_id": "b-1"})],
        "look": [tape("order_hold_unpaid", offer_id=HELD_OFFER, metadata={"booking_id": "b-1"})],
        "quote": [lambda: Says(201, {"data": QUOTE})], "cancel": [lambda: Says(200, {"data": DONE})],
        "cancelled": [lambda: Says(200, {"data": [DONE]}), tape("order_hold_unpaid", cancelled_at="2026-01-02T00:00:00Z")]},
    "amadeus": {
        "search": [AMADEUS_TOKEN, AMADEUS_OFFERS], "offer": [AMADEUS_PRICED], "seats": [AMADEUS_SEATS],
        "missing": [AMADEUS_TOKEN, AMADEUS_GONE], "hold": [AMADEUS_TOKEN, AMADEUS_OFFERS, AMADEUS_PRICED],
        "create": [amadeus_says(examples.ordered, 201)], "look": [AMADEUS_ORDER], "quote": [AMADEUS_ORDER],
        "cancel": [AMADEUS_ORDER, lambda: Says(204, b""), AMADEUS_GONE], "cancelled": [AMADEUS_GONE, AMADEUS_GONE]},
}


def recorded_trip(stage: Stage) -> SearchQuery:
    """What the tape was recorded for; the sandboxes sell it too."""
    return travel.trip("SYD", "BKK") if stage.supplier.name == "amadeus" else travel.trip("ATL", "FLL", back=True)


def test_a_search_gives_offers_that_survive_storage(any_stage: Stage) -> None:
    any_stage.play(*TAPES[any_stage.supplier.name]["search"])
    asked = recorded_trip(any_stage)
    offers = any_stage.supplier.search(asked)
    assert offers
    assert len({offer.external_id for offer in offers}) == len(offers)
    for offer in offers:
        assert offer.supplier == any_stage.supplier.name and bool(offer.request_id) is not offer.manual
        assert offer.total.minor > 0 and offer.services is None and bool(offer.document) is offer.manual
        assert len(offer.slices) == len(asked.legs) and all(flight.segments for flight in offer.slices)
        assert [passenger.kind for passenger in offer.passengers] == ["adult"]
        raw = to_json(offer)
        assert offer.document not in json.dumps(raw) or not offer.document
        assert offer_from_json(raw) == replace(offer, document="")


def test_an_offer_is_told_again_with_its_services_and_seats(any_stage: Stage) -> None:
    tapes = TAPES[any_stage.supplier.name]
    any_stage.play(*tapes["search"], *tapes["offer"], *tapes["seats"])
    supplier = any_stage.supplier
    searched = supplier.search(recorded_trip(any_stage) if supplier.name == "amadeus" else travel.trip("JFK", "LAX"))[0]
    offer = supplier.offer(searched.external_id, searched.document)
    assert offer.services is not None and bool(offer.document) is offer.manual
    assert all(sold.price.currency == offer.total.currency for sold in offer.services)
    seats = supplier.seat_maps(offer.external_id, offer.document)
    assert all(one.segment_id and one.cabins for one in seats)
    assert seats or offer.manual  # an Amadeus airline may have no map


@pytest.mark.parametrize("deed", ["offer", "order"])
def test_what_does_not_exist_is_a_plain_no(any_stage: Stage, deed: str) -> None:
    any_stage.play(*TAPES[any_stage.supplier.name]["missing"])
    with pytest.raises(Refused) as caught:
        getattr(any_stage.supplier, deed)("off_none" if deed == "offer" else "ord_none")
    assert caught.value.code == ("offer_expired" if deed == "offer" else "not_found")


def test_seats_are_held_looked_at_and_given_back(any_stage: Stage) -> None:
    supplier, tapes = any_stage.supplier, TAPES[any_stage.supplier.name]
    any_stage.play(*tapes["hold"])
    query = travel.trip("SYD", "BKK") if supplier.name == "amadeus" else travel.trip(adults=2, back=True)
    chosen = next(one for one in supplier.search(query) if one.manual or not one.instant_only)
    offer = supplier.offer(chosen.external_id, chosen.document)
    any_stage.play(*tapes["create"], *tapes["look"], *tapes["quote"], *tapes["cancel"], *tapes["cancelled"])
    made = supplier.create_order(travel.request(offer, hold=True))
    assert made.state is (OrderState.RESERVED if offer.manual else OrderState.HELD)
    assert (made.offer_id, made.booking_id) == (offer.external_id, "b-1")
    assert made.pnr and made.pay_by and not made.tickets and made.itinerary
    seen = supplier.order(made.external_id)
    assert (seen.external_id, seen.pnr, seen.state, seen.total) == (made.external_id, made.pnr, made.state, made.total)
    quote = supplier.quote_cancellation(made.external_id)
    assert quote.refund is not None and quote.confirmed_at is None
    assert supplier.confirm_cancellation(quote.external_id).confirmed_at
    assert any(known.confirmed_at for known in supplier.cancellations(made.external_id))
    try:
        assert supplier.order(made.external_id).state is OrderState.CANCELLED
    except Refused as error:
        assert error.code == "not_found" and offer.manual


def test_what_a_supplier_of_reservations_cannot_do_it_refuses(amadeus: AmadeusSupplier) -> None:
    for deed in (lambda: amadeus.pay_order("o", Money(1, "USD")), lambda: amadeus.paid("o"), lambda: amadeus.accept_change("c"),
                 lambda: amadeus.read_notice(b"{}", {})):
        with pytest.raises(Refused) as caught:
            deed()
        assert caught.value.code in ("not_supported", "bad_signature")
    assert not amadeus.lists_orders and amadeus.find_orders("am_1") == []
    assert amadeus.list_orders(datetime.now(UTC)).items == () and amadeus.balances() == ()


def recorded_seats() -> Says:
    raw = payload("duffel/seat_map_restricted_seat_general.json")
    return Says(200, raw if "data" in raw else {"data": raw})


def test_a_hold_is_made_found_paid_and_cancelled(stage: Stage) -> None:
    stage.play(tape(OFFER_SEARCH, 201), tape("offer_zz_return_2pax_hold_services"))
    supplier = stage.supplier
    offer = supplier.offer(travel.pick(stage.supplier, travel.trip(adults=2, back=True), hold=True).external_id)
    ours = {"offer_id": offer.external_id, "metadata": {"booking_id": "b-1"}}
    total = payload("duffel/order_hold_unpaid.json")["data"]
    payment = {"id": "pay_1", "status": "succeeded", "amount": total["total_amount"],
               "currency": total["total_currency"]}

    stage.play(tape("order_hold_unpaid", 201, **ours), listed("order_hold_unpaid", **ours),
               lambda: Says(200, {"data": [], "meta": None}))
    held = supplier.create_order(travel.request(offer, hold=True))
    assert (held.state, held.offer_id, held.booking_id) == (OrderState.HELD, offer.external_id, "b-1")
    assert held.pnr and held.pay_by and not held.tickets
    assert [order.external_id for order in supplier.find_orders(offer.external_id)] == [held.external_id]
    assert supplier.paid(held.external_id) is False

    paid = {**ours, "id": held.external_id, "payment_status": {"awaiting_payment": False,
                                                              "paid_at": "2026-01-01T00:00:00Z"}}
    stage.play(lambda: Says(201, {"data": payment}), lambda: Says(200, {"data": [payment]}),
               tape("order_hold_unpaid", **paid))
    supplier.pay_order(held.external_id, held.total)
    assert supplier.paid(held.external_id) is True
    now = supplier.order(held.external_id)
    assert (now.state, now.total) == (OrderState.TICKETED, held.total)

    quote = {"order_id": held.external_id, "refund_amount": total["total_amount"], "refund_to": "balance",
             "refund_currency": total["total_currency"], "confirmed_at": None, "id": "ore_1"}
    done = {**quote, "confirmed_at": "2026-01-02T00:00:00Z"}
    stage.play(lambda: Says(201, {"data": quote}), lambda: Says(200, {"data": done}),
               lambda: Says(200, {"data": [done]}),
               tape("order_hold_unpaid", **paid, cancelled_at=done["confirmed_at"]))
    quoted = supplier.quote_cancellation(held.external_id)
    assert (quoted.order_id, quoted.refund, quoted.confirmed_at) == (held.external_id, held.total, None)
    assert supplier.confirm_cancellation(quoted.external_id).confirmed_at
    assert [known.external_id for known in supplier.cancellations(held.external_id) if known.confirmed_at] == [
        quoted.external_id]
    assert supplier.order(held.external_id).state == OrderState.CANCELLED


def test_recent_orders_are_streamed(stage: Stage) -> None:
    stage.play(tape(OFFER_SEARCH, 201), tape(OFFER), tape("order_hold_unpaid", 201, offer_id=HELD_OFFER),
               listed("order_hold_unpaid"))
    offer = stage.supplier.offer(travel.pick(stage.supplier, travel.trip(adults=2), hold=True).external_id)
    made = stage.supplier.create_order(travel.request(offer, hold=True))
    since = datetime.now(UTC) - timedelta(minutes=5)
    assert [order.external_id for order in stage.supplier.list_orders(since).items] == [made.external_id]


def test_an_instant_order_is_paid_with_the_order(stage: Stage) -> None:
    stage.play(tape(OFFER_SEARCH, 201), tape(OFFER),
               tape("order_instant_paid", 201, offer_id=HELD_OFFER, metadata={"booking_id": "b-2"}))
    offer = stage.supplier.offer(next(iter(stage.supplier.search(travel.trip(adults=2)))).external_id)
    bag = next((sold for sold in offer.services or () if sold.kind == "baggage"), None)
    services = ((bag.external_id, 1),) if bag else ()
    made = stage.supplier.create_order(travel.request(offer, hold=False, services=services, booking_id="b-2"))
    assert (made.state, made.booking_id) == (OrderState.TICKETED, "b-2")


@pytest.mark.parametrize("adapter", [DuffelSupplier, AmadeusSupplier])
def test_the_adapter_has_every_verb_of_the_port_with_its_parameters(adapter: type) -> None:
    for name, verb in inspect.getmembers(Supplier, inspect.isfunction):
        if not name.startswith("_"):
            ours = inspect.signature(getattr(adapter, name))
            assert list(ours.parameters) == list(inspect.signature(verb).parameters), name
    assert isinstance(adapter.name, str) and isinstance(adapter.lists_orders, bool)  # type: ignore[attr-defined]
