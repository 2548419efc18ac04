"""Everything that can go wrong with Amadeus, once each: what the caller sees, and what really happened."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.sandbox.amadeus_client import ORDERS, SEATS, TOKEN, Amadeus, code, order_body
from tests.sandbox.process import Sandbox, wait_until

VENDORS = ("sandbox.amadeus.vendor",)
CREATE = "amadeus.create_order"


@pytest.fixture
def amadeus(sandbox: Sandbox) -> Iterator[Amadeus]:
    """A caller; afterwards every answer the sandbox gave must have fitted."""
    yield Amadeus(sandbox)
    assert sandbox.ledger(event="schema.answer") == []
    assert sandbox.ledger(event="sandbox_bug") == []


def created(sandbox: Sandbox) -> int:
    return len(sandbox.ledger(event="order.created"))


def last_create(sandbox: Sandbox) -> tuple[str, str | None]:
    row = [each for each in sandbox.ledger(event="request") if each["operation"] == CREATE][-1]
    return row["outcome"], row["fault"]


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (34651, 400), (37200, 400), (36870, 400), (4926, 400), (38034, 400), (34107, 400), (477, 400), (38194, 429),
        (38195, 429), (141, 500), (38189, 500), (41254, 410), (38197, 403), (39683, 401), (38192, 401),
    ],
)  # fmt: skip
def test_a_refused_reservation_is_not_made(amadeus: Amadeus, sandbox: Sandbox, number: int, status: int) -> None:
    body = order_body(amadeus.priced())
    sandbox.fault(CREATE, "status", code=number)
    assert code(amadeus.post(ORDERS, body)) == (status, number)
    assert created(sandbox) == 0
    assert amadeus.post(ORDERS, body).status_code == 201


def test_an_error_may_come_although_the_reservation_was_made(amadeus: Amadeus, sandbox: Sandbox) -> None:
    body = order_body(amadeus.priced())
    sandbox.fault(CREATE, "status_after", code=141)
    assert code(amadeus.post(ORDERS, body)) == (500, 141)
    assert created(sandbox) == 1


@pytest.mark.parametrize(
    ("kind", "made"), [("hang", 1), ("silence", 0), ("reset_before", 0), ("reset_after", 1), ("cut", 1), ("drip", 1)]
)
def test_no_answer_with_and_without_a_reservation(amadeus: Amadeus, sandbox: Sandbox, kind: str, made: int) -> None:
    body = order_body(amadeus.priced())
    sandbox.fault(CREATE, kind, seconds=30)
    with pytest.raises(httpx.TransportError):
        sandbox.http.post(
            f"/amadeus{ORDERS}",
            json=body,
            headers={**amadeus.headers, "content-type": "application/vnd.amadeus+json"},
            timeout=0.4,
        )
    assert created(sandbox) == made
    assert last_create(sandbox) == ("done" if made else "not_run", kind)


def test_a_reservation_may_be_made_after_the_connection_was_lost(amadeus: Amadeus, sandbox: Sandbox) -> None:
    body = order_body(amadeus.priced())
    sandbox.fault(CREATE, "late", seconds=60)
    with pytest.raises(httpx.TransportError):
        amadeus.post(ORDERS, body)
    assert created(sandbox) == 0
    sandbox.advance(61)
    wait_until(lambda: created(sandbox) == 1)


def test_a_dripping_body_comes_whole_and_slowly(amadeus: Amadeus, sandbox: Sandbox) -> None:
    sandbox.fault("amadeus.search", "drip", seconds=0.5)
    before = time.monotonic()
    assert amadeus.search("JFK", "LHR")
    assert time.monotonic() - before >= 0.4


def test_garbage_a_gateways_page_and_a_charset(amadeus: Amadeus, sandbox: Sandbox) -> None:
    body = order_body(amadeus.priced())
    sandbox.fault(CREATE, "garbage")
    answer = amadeus.post(ORDERS, body)
    assert (answer.status_code, answer.headers["content-type"]) == (201, "text/html")
    sandbox.fault(CREATE, "status", status=502)
    answer = amadeus.post(ORDERS, body)
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html")
    sandbox.fault(CREATE, "charset")
    answer = amadeus.post(ORDERS, body)
    assert answer.headers["content-type"] == "application/vnd.amadeus+json; charset=utf-8"
    assert answer.status_code == 201
    assert created(sandbox) == 2


def test_several_records_for_one_order(amadeus: Amadeus, sandbox: Sandbox) -> None:
    priced = amadeus.priced()
    sandbox.fault(CREATE, "several_records")
    order = amadeus.order(priced)
    assert [each["originSystemCode"] for each in order["associatedRecords"]] == ["6X", "GDS", "GDS"]
    assert order["flightOffers"][0]["nonHomogeneous"] is True


def test_cancelling_answers_an_empty_200_or_nothing_at_all(amadeus: Amadeus, sandbox: Sandbox) -> None:
    first, second = amadeus.order(), amadeus.order()
    sandbox.fault("amadeus.cancel_order", "200_empty")
    answer = amadeus.cancel(first)
    assert (answer.status_code, answer.content) == (200, b"")
    sandbox.fault("amadeus.cancel_order", "reset_after")
    with pytest.raises(httpx.TransportError):
        amadeus.cancel(second)
    assert [amadeus.look(each).status_code for each in (first, second)] == [404, 404]


def test_the_token_call_fails_in_its_own_shape(amadeus: Amadeus, sandbox: Sandbox) -> None:
    for number, status in ((38187, 401), (38194, 429), (38189, 500)):
        sandbox.fault("amadeus.token", "status", code=number)
        answer = sandbox.http.post(f"/amadeus{TOKEN}", data={})
        assert (answer.status_code, answer.json()["code"]) == (status, number)
        assert set(answer.json()) == {"error", "error_description", "code", "title"}


def test_a_price_may_come_in_another_currency(amadeus: Amadeus, sandbox: Sandbox) -> None:
    offer = amadeus.offer()
    sandbox.fault("amadeus.price", "other_currency")
    priced = amadeus.priced(offer)
    assert (priced["price"]["currency"], priced["price"]["billingCurrency"]) == ("EUR", "EUR")
    assert {each["price"]["currency"] for each in priced["travelerPricings"]} == {"EUR"}
    assert amadeus.order(priced)["flightOffers"][0]["price"]["currency"] == "EUR"


def test_nothing_found_no_seat_free_and_passports_wanted(amadeus: Amadeus, sandbox: Sandbox) -> None:
    offer = amadeus.offer()
    sandbox.fault("amadeus.search", "no_offers")
    assert amadeus.search("JFK", "LHR") == []
    sandbox.fault("amadeus.seatmaps", "seats_occupied")
    seats = amadeus.post(SEATS, {"data": [offer]}).json()["data"][0]
    assert seats["availableSeatsCounters"] == [{"travelerId": "1", "value": 0}]
    sandbox.fault("amadeus.price", "documents", count=None)
    answer: Any = amadeus.price(offer).json()["data"]
    assert answer["bookingRequirements"]["travelerRequirements"][0]["documentRequired"] is True
    body = order_body(answer["flightOffers"][0])
    del body["data"]["travelers"][0]["documents"]
    refused = amadeus.post(ORDERS, body)
    assert code(refused) == (400, 32171)
    assert refused.json()["errors"][0]["source"] == {"pointer": "/data/travelers/0/documents"}


def test_an_answer_of_the_sandbox_that_does_not_fit_is_written_down(sandbox: Sandbox) -> None:
    sandbox.fault(CREATE, "status", code=34651, detail=5)
    assert code(sandbox.http.post(f"/amadeus{ORDERS}", json={})) == (400, 34651)
    (row,) = sandbox.ledger(event="schema.answer")
    assert row["operation"] == CREATE
    assert row["problems"] == ["/errors/0/detail: 5 is not of type 'string'"]


def test_a_path_that_is_not_there(amadeus: Amadeus) -> None:
    assert code(amadeus.get("/v1/booking/flight-orders-list")) == (404, 38196)
