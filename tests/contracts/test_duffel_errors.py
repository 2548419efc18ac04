"""Every row of Duffel's error table, asked over real HTTP: was anything made, and what do we call it?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from fly2any.kernel.errors import OutcomeUnknown, Outside, Refused, Unavailable
from fly2any.kernel.money import Money
from suppliers.duffel import client, errors
from suppliers.duffel.adapter import DuffelSupplier
from suppliers.duffel.client import DuffelClient
from suppliers.types import OrderRequest, Traveller
from tests.contracts.conftest import payload
from tests.contracts.scripted import Peer, Says, unused_port

REQUEST = OrderRequest(
    offer_id="off_1", hold=True, services=(), amount=None, booking_id="b-1", reference="FLY2A-ABC234",
    travellers=(Traveller("pas_1", "Mrs", "F", "Amelia", "Earhart", date(1987, 7, 24), "a@example.com",
                          "+442080160509"),),
)
GBP = Money(9080, "GBP")
Deed = Callable[[DuffelSupplier], Any]
DEEDS: dict[str, Deed] = {
    "create": lambda s: s.create_order(REQUEST),
    "pay": lambda s: s.pay_order("ord_1", GBP),
    "cancel": lambda s: s.confirm_cancellation("ore_1"),
    "quote": lambda s: s.quote_cancellation("ord_1"),
    "offer": lambda s: s.offer("off_1"),
    "order": lambda s: s.order("ord_1"),
    "find": lambda s: s.find_orders("off_1"),
    "paid": lambda s: s.paid("ord_1"),
    "seats": lambda s: s.seat_maps("off_1"),
}
WRITES = ("create", "pay", "cancel")
READS = ("quote", "offer", "order", "find", "paid", "seats")


def body(*codes: str, **extra: Any) -> dict[str, Any]:
    """An error body in Duffel's shape. Its `meta.status` is wrong on purpose: only the HTTP status counts."""
    return {"meta": {"status": 401, "request_id": "req_body"},
            "errors": [{"type": "validation_error", "code": code, "title": "t", "message": "vendor text", **extra}
                       for code in codes]}


def fails(supplier: DuffelSupplier, deed: str) -> Outside:
    with pytest.raises(Outside) as caught:
        DEEDS[deed](supplier)
    return caught.value


# --- codes: (code, HTTP status, deed, family, our code) ---------------------------------------------------------
ROWS: list[tuple[str, int, str, type[Outside], str]] = [
    ("offer_no_longer_available", 422, "create", Refused, "sold_out"),
    ("offer_no_longer_available", 422, "offer", Refused, "offer_expired"),
    ("offer_expired", 422, "create", Refused, "offer_expired"),
    ("price_changed", 422, "create", Refused, "price_changed"),
    ("price_changed", 422, "pay", Refused, "price_changed"),
    ("payment_amount_does_not_match_order_amount", 422, "pay", Refused, "price_changed"),
    ("payment_currency_does_not_match_order_currency", 422, "pay", Refused, "price_changed"),
    ("offer_request_already_booked", 422, "create", OutcomeUnknown, "already_booked"),
    ("order_creation_already_attempted", 422, "create", OutcomeUnknown, "already_booked"),
    ("duplicate_booking", 422, "create", OutcomeUnknown, "already_booked"),
    ("order_not_created", 502, "create", Refused, "supplier_refused"),
    ("internal_server_error", 500, "create", OutcomeUnknown, "supplier_down"),
    ("internal_server_error", 500, "offer", Unavailable, "supplier_down"),
    ("airline_unknown", 400, "create", OutcomeUnknown, "supplier_down"),
    ("airline_unknown", 504, "pay", OutcomeUnknown, "supplier_down"),
    ("airline_internal", 500, "cancel", OutcomeUnknown, "supplier_down"),
    ("airline_internal", 500, "quote", Unavailable, "supplier_down"),
    ("airline_unknown", 400, "order", Unavailable, "supplier_down"),
    ("insufficient_balance", 422, "create", Refused, "insufficient_balance"),
    ("insufficient_balance", 422, "pay", Refused, "insufficient_balance"),
    ("ancillary_service_not_available", 422, "create", Refused, "services_unavailable"),
    ("services_not_allowed_for_order_type", 422, "create", Refused, "services_unavailable"),
    ("invalid_phone_number", 422, "create", Refused, "passenger_rejected"),
    ("invalid_email_address", 422, "create", Refused, "passenger_rejected"),
    ("invalid_passenger_name", 422, "create", Refused, "passenger_rejected"),
    ("invalid_passenger_title", 422, "create", Refused, "passenger_rejected"),
    ("duplicate_passenger_name", 422, "create", Refused, "passenger_rejected"),
    ("invalid_loyalty_card", 422, "create", Refused, "passenger_rejected"),
    ("order_passengers_incompatible_with_offer", 422, "create", Refused, "passenger_rejected"),
    ("validation_required", 422, "create", Refused, "supplier_refused"),
    ("validation_format", 422, "create", Refused, "supplier_refused"),
    ("validation_length", 422, "create", Refused, "supplier_refused"),
    ("validation_inclusion", 422, "create", Refused, "supplier_refused"),
    ("validation_type", 422, "create", Refused, "supplier_refused"),
    ("validation_unique", 422, "create", Refused, "supplier_refused"),
    ("invalid_order_create_type", 400, "create", Refused, "supplier_refused"),
    ("schedule_changed", 422, "pay", Refused, "schedule_changed"),
    ("past_payment_required_by_date", 422, "pay", Refused, "past_pay_by"),
    ("already_paid", 422, "pay", Refused, "already_paid"),
    ("already_cancelled", 422, "pay", Refused, "already_cancelled"),
    ("already_cancelled", 422, "cancel", Refused, "already_cancelled"),
    ("order_type_not_eligible_for_payment", 422, "pay", Refused, "supplier_refused"),
    ("order_cancellation_stale", 422, "cancel", Refused, "quote_stale"),
    ("order_not_cancellable", 422, "quote", Refused, "not_cancellable"),
    ("order_not_changeable", 422, "order", Refused, "supplier_refused"),
    ("stale_airline_initiated_change_accept", 422, "order", Refused, "quote_stale"),
    ("rate_limit_exceeded", 429, "create", Unavailable, "supplier_busy"),
    ("missing_version_header", 400, "create", Unavailable, "misconfigured"),
    ("invalid_version_header", 400, "create", Unavailable, "misconfigured"),
    ("unsupported_version", 400, "offer", Unavailable, "misconfigured"),
    ("missing_content_type_header", 400, "cancel", Unavailable, "misconfigured"),
    ("missing_authorization_header", 401, "create", Unavailable, "misconfigured"),
    ("access_token_not_found", 401, "create", Unavailable, "misconfigured"),
    ("expired_access_token", 401, "order", Unavailable, "misconfigured"),
    ("insufficient_permissions", 403, "pay", Unavailable, "misconfigured"),
    ("not_found", 404, "order", Refused, "not_found"),
    ("not_found", 404, "offer", Refused, "offer_expired"),
    ("not_found", 404, "create", Refused, "offer_expired"),
    ("not_found", 404, "cancel", Refused, "not_found"),
]


@pytest.mark.parametrize(("code", "status", "deed", "family", "ours"), ROWS)
def test_a_code_means_what_the_table_says(
    peer: Peer, duffel: DuffelSupplier, code: str, status: int, deed: str, family: type[Outside], ours: str,
) -> None:
    peer.says(Says(status, body(code), {"x-request-id": "req_head"}))
    error = fails(duffel, deed)
    assert (type(error), error.code, error.vendor_code) == (family, ours, code)
    assert error.request_id == "req_head"
    assert "vendor text" not in str(error)


def test_every_code_of_the_table_has_a_row() -> None:
    assert {row[0] for row in ROWS} >= set(errors.CODES)


@pytest.mark.parametrize("status", [200, 202])
@pytest.mark.parametrize("deed", ["create", "pay"])
def test_an_acceptance_without_the_end_of_it_is_unknown(
    peer: Peer, duffel: DuffelSupplier, deed: str, status: int,
) -> None:
    peer.says(Says(status, payload("duffel/order_hold_unpaid.json")))
    error = fails(duffel, deed)
    assert (type(error), error.code) == (OutcomeUnknown, "accepted_pending")
    assert len(peer.asked) == 1


def test_a_cancellation_that_is_not_confirmed_yet_is_unknown(peer: Peer, duffel: DuffelSupplier) -> None:
    quote = payload("duffel/order_cancellation.json")
    quote["data"]["confirmed_at"] = None
    peer.says(Says(200, quote), Says(202, {"data": {}}))
    for _ in range(2):
        assert (type(error := fails(duffel, "cancel")), error.code) == (OutcomeUnknown, "accepted_pending")


# --- statuses without a code that we know: (status, body, family on a write, family on a read) -------------------
STRANGE: list[tuple[int, Any, type[Outside], type[Outside]]] = [
    (400, body("brand_new_code"), OutcomeUnknown, Unavailable),
    (422, body("brand_new_code"), OutcomeUnknown, Unavailable),
    (409, {}, OutcomeUnknown, Unavailable),
    (404, b"<html>", OutcomeUnknown, Refused),
    (401, b"<html>", Unavailable, Unavailable),
    (429, b"", Unavailable, Unavailable),
    (406, {"errors": []}, Unavailable, Unavailable),
    (500, b"<html>oops", OutcomeUnknown, Unavailable),
    (500, body("brand_new_code"), OutcomeUnknown, Unavailable),
    (502, body("brand_new_code"), OutcomeUnknown, Unavailable),
    (502, b"bad gateway", OutcomeUnknown, Unavailable),
    (503, body("service_unavailable"), Unavailable, Unavailable),  # Duffel's own 503: nothing was made
    (503, b"<html>a proxy's 503", OutcomeUnknown, Unavailable),
    (504, body("gateway_timeout"), OutcomeUnknown, Unavailable),
    (302, b"", OutcomeUnknown, Unavailable),
    (204, b"", OutcomeUnknown, Unavailable),
    (201, b"{\"data\":", OutcomeUnknown, Unavailable),
    (201, [], OutcomeUnknown, Unavailable),
    (201, {"data": None}, OutcomeUnknown, Unavailable),
    (201, {"data": {"id": "ord_1"}}, OutcomeUnknown, Unavailable),
]


@pytest.mark.parametrize(("status", "what", "write", "read"), STRANGE)
def test_an_answer_nobody_knows_is_never_a_no_to_a_write(
    peer: Peer, duffel: DuffelSupplier, status: int, what: Any, write: type[Outside], read: type[Outside],
) -> None:
    peer.says(Says(status, what, {"Location": "/elsewhere"}))
    assert type(fails(duffel, "create")) is write
    assert len(peer.asked) == 1
    assert type(fails(duffel, "order")) is read


def test_of_several_errors_the_worst_counts(peer: Peer, duffel: DuffelSupplier) -> None:
    peer.says(Says(422, body("invalid_phone_number", "duplicate_booking")))
    assert (type(error := fails(duffel, "create")), error.code) == (OutcomeUnknown, "already_booked")


# --- no answer at all ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("fault", ["reset", "cut", "hang"])
@pytest.mark.parametrize("deed", WRITES)
def test_a_lost_answer_to_a_write_is_unknown_and_never_sent_again(
    peer: Peer, duffel: DuffelSupplier, hasty_duffel: DuffelSupplier, deed: str, fault: str,
) -> None:
    peer.says(Says(201, payload("duffel/order_hold_unpaid.json"), fault=fault))
    error = fails(hasty_duffel if fault == "hang" else duffel, deed)
    assert type(error) is OutcomeUnknown
    assert error.code == ("supplier_timeout" if fault == "hang" else "supplier_down")
    assert len(peer.asked) == 1


@pytest.mark.parametrize("fault", ["reset", "cut", "hang"])
@pytest.mark.parametrize("deed", READS)
def test_a_lost_answer_to_a_read_is_unavailable(
    peer: Peer, duffel: DuffelSupplier, hasty_duffel: DuffelSupplier, deed: str, fault: str,
) -> None:
    peer.says(Says(200, {"data": []}, fault=fault))
    assert type(fails(hasty_duffel if fault == "hang" else duffel, deed)) is Unavailable


@pytest.mark.parametrize("deed", [*WRITES, *READS])
@pytest.mark.failure("S17")
def test_a_refused_connection_certainly_did_nothing(settings: Any, deed: str) -> None:
    base = f"http://127.0.0.1:{unused_port()}"
    settings.DUFFEL_API_BASE = base
    supplier = DuffelSupplier(DuffelClient(token="t", base=base, seconds={"offer": 0.1, "read": 0.1}))
    assert (type(error := fails(supplier, deed)), error.code) == (Unavailable, "supplier_down")


# --- retries and waiting ---------------------------------------------------------------------------------------
def test_a_read_is_asked_again_after_a_failure(peer: Peer, duffel: DuffelSupplier) -> None:
    peer.says(Says(500, body("internal_server_error")), Says(502, b"no"),
              Says(200, payload("duffel/order_hold_unpaid.json")))
    assert duffel.order("ord_1").pnr
    assert len(peer.asked) == 3


def test_a_read_is_asked_three_times_at_most(peer: Peer, duffel: DuffelSupplier) -> None:
    peer.says(Says(500, body("internal_server_error")))
    assert type(fails(duffel, "order")) is Unavailable
    assert len(peer.asked) == 3


def test_repeats_wait_with_full_jitter() -> None:
    assert (client.TRIES, client.BACKOFF.multiplier, client.BACKOFF.max, client.BACKOFF.min) == (3, 0.5, 8, 0)


@pytest.mark.parametrize("says", [Says(429, body("rate_limit_exceeded")), Says(404, body("not_found")),
                                  Says(401, body("access_token_not_found"))])
def test_a_read_that_was_answered_is_not_asked_again(peer: Peer, duffel: DuffelSupplier, says: Says) -> None:
    peer.says(says)
    fails(duffel, "order")
    assert len(peer.asked) == 1


def test_a_429_says_how_long_to_wait_by_the_suppliers_own_clock(peer: Peer, duffel: DuffelSupplier) -> None:
    peer.says(Says(429, body("rate_limit_exceeded"), {"ratelimit-reset": "Tue, 24 Nov 2020 08:22:42 GMT",
                                                      "date": "Tue, 24 Nov 2020 08:22:00 GMT"}))
    assert fails(duffel, "create").retry_after is not None
    now = datetime(2020, 11, 24, 8, 22, 0, tzinfo=UTC)
    ours = datetime(2026, 1, 1, tzinfo=UTC)
    assert errors.seconds_until("Tue, 24 Nov 2020 08:22:42 GMT", "Tue, 24 Nov 2020 08:22:00 GMT", ours) == 42
    assert errors.seconds_until("Tue, 24 Nov 2020 08:22:42 GMT", "", now) == 42
    assert errors.seconds_until("Tue, 24 Nov 2020 08:20:00 GMT", "", now) == 1
    assert errors.seconds_until("Tue, 24 Nov 2099 08:20:00 GMT", "", now) == 300
    assert errors.seconds_until("", "", now) == errors.seconds_until("42", "", now) == 60


# --- which passenger, which field --------------------------------------------------------------------------------
def test_a_rejected_passenger_is_named_in_our_own_words(peer: Peer, duffel: DuffelSupplier) -> None:
    source = {"field": "given_name", "pointer": "/passengers/1/given_name"}
    peer.says(Says(422, body("validation_length", source=source)))
    error = fails(duffel, "create")
    assert (type(error), error.code) == (Refused, "passenger_rejected")
    assert error.detail == {"status": 422, "field": "given_name", "position": 1,
                            "reason": "it is too short or too long"}


def test_a_code_without_a_place_still_names_the_field(peer: Peer, duffel: DuffelSupplier) -> None:
    peer.says(Says(422, body("invalid_phone_number", source="iberia")))
    detail = fails(duffel, "create").detail
    assert (detail["field"], detail["position"]) == ("phone_number", None)


# --- strict about money ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("amount", [None, 90.8, 9080, "", "90,80", "1e3", "NaN", "Infinity", "90.805", " 90.80"])
def test_a_made_order_whose_price_cannot_be_read_is_unknown(peer: Peer, duffel: DuffelSupplier, amount: Any) -> None:
    order = payload("duffel/order_hold_unpaid.json")
    order["data"] |= {"total_amount": amount, "offer_id": "off_1"}
    peer.says(Says(201, order))
    assert (type(error := fails(duffel, "create")), error.code) == (OutcomeUnknown, "unreadable_answer")
    assert (type(error := fails(duffel, "order")), error.code) == (Unavailable, "unreadable_answer")


def test_an_order_of_another_offer_is_not_ours(peer: Peer, duffel: DuffelSupplier) -> None:
    peer.says(Says(201, payload("duffel/order_hold_unpaid.json")))
    assert (type(error := fails(duffel, "create")), error.code) == (OutcomeUnknown, "unreadable_answer")


@pytest.mark.parametrize(("data", "family", "code"), [
    ({"amount": "90.80", "currency": "GBP", "status": "pending"}, OutcomeUnknown, "accepted_pending"),
    ({"amount": "90.80", "currency": "GBP", "status": "failed", "failure_reason": "x"}, Refused, "supplier_refused"),
    ({"amount": "90.80", "currency": "GBP", "status": "brand_new"}, OutcomeUnknown, "unreadable_answer"),
    ({"amount": "90.81", "currency": "GBP", "status": "succeeded"}, OutcomeUnknown, "unreadable_answer"),
    ({"amount": 90.8, "currency": "GBP"}, OutcomeUnknown, "unreadable_answer"),
])
def test_a_payment_counts_only_when_it_is_ours_to_the_cent(
    peer: Peer, duffel: DuffelSupplier, data: dict[str, Any], family: type[Outside], code: str,
) -> None:
    peer.says(Says(201, {"data": data}))
    assert (type(error := fails(duffel, "pay")), error.code) == (family, code)


def test_nothing_is_sent_for_an_empty_id(peer: Peer, duffel: DuffelSupplier) -> None:
    for deed in (lambda: duffel.order(""), lambda: duffel.offer(""), lambda: duffel.confirm_cancellation("")):
        with pytest.raises(ValueError, match="empty id"):
            deed()
    assert peer.asked == []


def test_a_hold_takes_no_services_and_an_instant_order_needs_its_amount(peer: Peer, duffel: DuffelSupplier) -> None:
    for wrong in (replace(REQUEST, services=(("ase_1", 1),)), replace(REQUEST, hold=False)):
        with pytest.raises(ValueError, match="order"):
            duffel.create_order(wrong)
    assert peer.asked == []
