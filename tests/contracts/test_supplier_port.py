"""What every supplier behind the port must do, asked of recorded answers and of the sandbox alike."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fly2any.kernel.errors import Refused
from suppliers.duffel.adapter import DuffelSupplier
from suppliers.port import Supplier
from suppliers.stored import offer_from_json, to_json
from suppliers.types import OrderState
from tests.contracts import travel
from tests.contracts.conftest import payload
from tests.contracts.scripted import Peer, Says

NOT_FOUND = {"errors": [{"type": "invalid_request_error", "code": "not_found", "message": "x"}], "meta": {}}


class Stage:
    """A supplier and, when its answers are recorded, the tape. `play` queues what the peer says next."""

    def __init__(self, supplier: DuffelSupplier, peer: Peer | None) -> None:
        self.supplier = supplier
        self._peer = peer

    def play(self, *answers: Callable[[], Says]) -> None:
        if self._peer is not None:
            self._peer.says(*(answer() for answer in answers))



@pytest.fixture(params=["recorded", "sandbox"])
def stage(request: pytest.FixtureRequest) -> Stage:
    if request.param == "recorded":
        return Stage(request.getfixturevalue("duffel"), request.getfixturevalue("peer"))
    return Stage(request.getfixturevalue("box_duffel"), None)


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


def test_a_search_gives_offers_that_survive_storage(stage: Stage) -> None:
    stage.play(RECORDED_SEARCH)
    offers = stage.supplier.search(travel.trip("ATL", "FLL", back=True))
    assert offers
    assert len({offer.external_id for offer in offers}) == len(offers)
    for offer in offers:
        assert offer.supplier == stage.supplier.name and offer.request_id
        assert offer.total.minor > 0 and offer.services is None
        assert len(offer.slices) == 2 and all(flight.segments for flight in offer.slices)
        assert [passenger.kind for passenger in offer.passengers] == ["adult"]
        assert offer_from_json(to_json(offer)) == offer


def test_an_offer_is_told_again_with_its_services_and_seats(stage: Stage) -> None:
    stage.play(RECORDED_SEARCH, tape(OFFER), recorded_seats)
    searched = stage.supplier.search(travel.trip("JFK", "LAX"))[0]
    offer = stage.supplier.offer(searched.external_id)
    assert offer.services is not None
    assert all(sold.price.currency == offer.total.currency for sold in offer.services)
    seats = stage.supplier.seat_maps(offer.external_id)
    assert seats and all(one.segment_id and one.cabins for one in seats)


def recorded_seats() -> Says:
    raw = payload("duffel/seat_map_restricted_seat_general.json")
    return Says(200, raw if "data" in raw else {"data": raw})


@pytest.mark.parametrize("deed", ["offer", "order"])
def test_what_does_not_exist_is_a_plain_no(stage: Stage, deed: str) -> None:
    stage.play(lambda: Says(404, NOT_FOUND))
    with pytest.raises(Refused) as caught:
        getattr(stage.supplier, deed)("off_none" if deed == "offer" else "ord_none")
    assert caught.value.code == ("offer_expired" if deed == "offer" else "not_found")


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


def test_the_adapter_has_every_verb_of_the_port_with_its_parameters() -> None:
    for name, verb in inspect.getmembers(Supplier, inspect.isfunction):
        if not name.startswith("_"):
            ours = inspect.signature(getattr(DuffelSupplier, name))
            assert list(ours.parameters) == list(inspect.signature(verb).parameters), name
