"""Amadeus's orders: what their records, tickets and silence mean, and how a reservation is given back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from fly2any.kernel.errors import OutcomeUnknown, Outside, Refused, Unavailable
from suppliers.amadeus import orders
from suppliers.amadeus.adapter import AmadeusSupplier
from suppliers.amadeus.reading import Unreadable
from suppliers.types import OrderInfo, OrderState, Ticket
from tests.contracts import examples
from tests.contracts.scripted import Peer, Says

TOKEN, GONE = Says(200, examples.TOKEN), Says(404, {"errors": [{"status": "404", "code": "1797"}]})


def read(**more: Any) -> OrderInfo:
    answer = examples.ordered()
    return orders.order({**answer["data"], **more}, answer)


def tickets(*states: str, kind: str = "ETICKET") -> dict[str, Any]:
    """Tickets of the travellers 1, 2, 3, ... in these states."""
    return {"tickets": [{"documentType": kind, "documentNumber": f"075-000000000{at}", "documentStatus": state, "travelerId": str(at)}
                        for at, state in enumerate(states, start=1) if state]}


# --- states ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("more", "state"), [
    ({}, OrderState.RESERVED), ({"tickets": []}, OrderState.RESERVED), ({"tickets": None}, OrderState.RESERVED),
    (tickets("ISSUED"), OrderState.RESERVED), (tickets("ISSUED", "ISSUED"), OrderState.RESERVED),
    (tickets("ISSUED", "ISSUED", "ISSUED"), OrderState.TICKETED),
    (tickets("ISSUED", "ISSUED", "ISSUED", kind="PTICKET"), OrderState.TICKETED),
    (tickets("ISSUED", "ISSUED", "ISSUED", kind="EMD"), OrderState.RESERVED),
    (tickets("ISSUED", "VOID", "ISSUED"), OrderState.RESERVED), (tickets("VOID", "VOID", "VOID"), OrderState.RESERVED),
    (tickets("REFUNDED", "VOID", "REFUNDED"), OrderState.CANCELLED), (tickets("VOID"), OrderState.RESERVED),
    (tickets("EXCHANGED", "ISSUED", "ISSUED"), OrderState.RESERVED),
])
def test_tickets_decide_what_an_order_is(more: dict[str, Any], state: OrderState) -> None:
    assert read(**more).state is state


def test_ticket_numbers_belong_to_travellers() -> None:
    assert read(**tickets("ISSUED", "VOID", "ISSUED")).tickets == (
        Ticket("ticket", "0750000000001", ("1",)), Ticket("ticket", "0750000000003", ("3",)))


def test_an_order_whose_flights_are_all_cancelled_is_gone() -> None:
    answer = examples.ordered()
    flights = [one for offer in answer["data"]["flightOffers"] for part in offer["itineraries"] for one in part["segments"]]
    for one in flights:
        one["bookingStatus"] = "CANCELLED"
    assert orders.order(answer["data"], answer).state is OrderState.CANCELLED
    flights[0]["bookingStatus"] = "CONFIRMED"
    assert orders.order(answer["data"], answer).state is OrderState.RESERVED


# --- records -----------------------------------------------------------------------------------------------------


def test_the_record_is_found_by_its_system_and_the_airlines_are_kept() -> None:
    records = [{"reference": "AIRL1", "originSystemCode": "UL"}, {"reference": "AAAAAA", "creationDate": "2026-11-21T10:00:00.000", "originSystemCode": "GDS"},
               {"reference": "BBBBBB", "originSystemCode": "GDS"}, {"reference": "", "originSystemCode": "XX"}]
    found = read(associatedRecords=records)
    assert (found.pnr, found.locators) == ("AAAAAA", (("UL", "AIRL1"), ("GDS", "BBBBBB")))
    assert found.created_at == datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
    assert read(associatedRecords=[{"reference": "ONLY1", "originSystemCode": "UL"}]).pnr == "ONLY1"


@pytest.mark.parametrize("missing", ["id", "associatedRecords", "flightOffers"])
def test_an_order_without_identity_or_flights_is_none(missing: str) -> None:
    with pytest.raises(Unreadable):
        read(**{missing: None})


@pytest.mark.parametrize(("more", "by"), [
    ({}, "2018-08-20T20:15"), ({"ticketingAgreement": None}, None), ({"ticketingAgreement": {"option": "CONFIRM", "dateTime": "2018-08-21"}}, None),
    ({"ticketingAgreement": {"option": "DELAY_TO_CANCEL", "dateTime": "2018-08-21"}}, "2018-08-20T10:00"),
    ({"ticketingAgreement": {"option": "DELAY_TO_CANCEL", "delay": "2D"}}, "2018-07-14T10:00"),
    ({"ticketingAgreement": {"option": "DELAY_TO_CANCEL", "delay": "soon"}}, None),
])
def test_a_reservation_must_be_ticketed_before_it_cancels_itself(more: dict[str, Any], by: str | None) -> None:
    found = read(**more).pay_by
    assert (found and found.strftime("%Y-%m-%dT%H:%M")) == by


def test_the_last_ticketing_date_counts_when_it_comes_first() -> None:
    answer = examples.ordered()
    answer["data"]["flightOffers"][0]["lastTicketingDate"] = "2018-08-01"
    assert orders.order(answer["data"], answer).pay_by == datetime(2018, 8, 1, 10, 0, tzinfo=UTC)


def test_our_reference_is_read_back_from_the_remarks() -> None:
    remarks = {"general": [{"text": "FLY2ANY FLY2A-ABC234"}, {"text": "ONLINE BOOKING"}, {}]}
    assert orders.remarks_of({"remarks": remarks}) == ("FLY2ANY FLY2A-ABC234",)
    assert orders.remarks_of({}) == ()


# --- given back --------------------------------------------------------------------------------------------------


def order(**more: Any) -> Says:
    raw = examples.ordered()
    raw["data"] |= more
    return Says(200, raw)


ISSUED = tickets("ISSUED", "ISSUED", "ISSUED")


@pytest.mark.parametrize(("answers", "methods"), [
    ((order(), Says(204, b""), GONE), ["GET", "DELETE", "GET"]),
    ((order(), Says(200, b""), GONE), ["GET", "DELETE", "GET"]),
    ((order(), GONE, GONE), ["GET", "DELETE", "GET"]),
    ((GONE,), ["GET"]),
    ((order(**tickets("REFUNDED", "VOID", "VOID")),), ["GET"]),
    ((order(**tickets("VOID", "VOID", "VOID")), Says(204, b""), GONE), ["GET", "DELETE", "GET"]),
])
def test_a_reservation_that_is_gone_is_cancelled(peer: Peer, amadeus: AmadeusSupplier, answers: tuple[Says, ...], methods: list[str]) -> None:
    peer.says(TOKEN, *answers)
    done = amadeus.confirm_cancellation("ord")
    assert done.confirmed_at is not None and done.order_id == "ord"
    assert [asked.method for asked in peer.asked[1:]] == methods


@pytest.mark.parametrize(("answers", "family", "code"), [
    ((order(), Says(204, b""), order()), OutcomeUnknown, "unreadable_answer"),  # a yes that changed nothing
    ((order(), Says(400, {"errors": [{"code": 99999}]})), Refused, "not_cancellable"),
    ((order(), Says(500, {})), OutcomeUnknown, "supplier_down"),
    ((order(), Says(204, b"", fault="reset")), OutcomeUnknown, "supplier_down"),
    ((order(**ISSUED),), Refused, "not_cancellable"),
    ((order(**tickets("ISSUED")),), Refused, "not_cancellable"),  # partly ticketed
    ((Says(500, {}),), Unavailable, "supplier_down"),
])
def test_anything_else_is_not(peer: Peer, amadeus: AmadeusSupplier, answers: tuple[Says, ...], family: type[Outside], code: str) -> None:
    peer.says(TOKEN, *answers)
    with pytest.raises(Outside) as caught:
        amadeus.confirm_cancellation("ord")
    assert (type(caught.value), caught.value.code) == (family, code)
    assert [asked.method for asked in peer.asked].count("DELETE") <= 1


def test_a_quote_gives_all_back_until_a_ticket_is_issued(peer: Peer, amadeus: AmadeusSupplier) -> None:
    peer.says(TOKEN, order(), order(**ISSUED), order(**tickets("REFUNDED", "VOID", "VOID")), GONE)
    quote = amadeus.quote_cancellation("ord")
    assert (str(quote.refund), quote.refund_to, quote.expires_at, quote.confirmed_at) == ("EUR 689.21", "balance", None, None)
    for code in ("not_cancellable", "already_cancelled", "not_found"):
        with pytest.raises(Refused) as caught:
            amadeus.quote_cancellation("ord")
        assert caught.value.code == code


@pytest.mark.parametrize(("answer", "confirmed"), [(order(), []), (GONE, [True]), (order(**tickets("VOID", "VOID", "VOID")), []),
                                                  (order(**tickets("REFUNDED", "REFUNDED", "REFUNDED")), [True])])
def test_cancellations_are_what_the_order_shows(peer: Peer, amadeus: AmadeusSupplier, answer: Says, confirmed: list[bool]) -> None:
    peer.says(TOKEN, answer)
    assert [bool(one.confirmed_at) for one in amadeus.cancellations("ord")] == confirmed


@pytest.mark.parametrize("change", [
    lambda raw: raw["data"].update(tickets=tickets("VOID", "VOID", "REFUNDED")["tickets"]), lambda raw: raw["data"].pop("associatedRecords"),
    lambda raw: raw["data"]["flightOffers"][0]["price"].update(grandTotal=None, total=None),
])
def test_a_created_order_that_makes_no_sense_is_unknown(peer: Peer, amadeus: AmadeusSupplier, change: Callable[[Any], Any]) -> None:
    answer = examples.fresh(examples.searched())
    peer.says(TOKEN, Says(200, answer))
    document, made = amadeus.search(examples.QUERY)[0].document, examples.ordered()
    change(made)
    peer.says(Says(201, made))
    with pytest.raises(OutcomeUnknown):
        amadeus.create_order(examples.request(document))
