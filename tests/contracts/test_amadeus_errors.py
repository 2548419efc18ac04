"""Every row of Amadeus's error table (amadeus.md 5): was anything made, and what do we call it? Pure."""

from __future__ import annotations

from typing import Any

import pytest

from fly2any.kernel.errors import OutcomeUnknown, Outside, Refused, Unavailable
from suppliers.amadeus import errors
from suppliers.amadeus.errors import CANCEL, CREATE, PRICE, READ, SEARCH, SEATS, TOKEN, UPSELL, Call

READS = (TOKEN, SEARCH, PRICE, UPSELL, SEATS, READ)
TRAVELLERS, OFFERS = "/data/travelers[1]/name/firstName", "/data/flightOffers[0]/price"


def body(code: Any, pointer: str = "", **more: Any) -> dict[str, Any]:
    source = {"source": {"pointer": pointer}} if pointer else {}
    return {"errors": [{"code": code, "status": "400", "title": "T", "detail": "No fare applicable", **source, **more}]}


def told(call: Call, status: int, code: Any, pointer: str = "") -> tuple[type[Outside], str]:
    error = errors.from_answer(call, status, body(code, pointer))
    return type(error), error.code


@pytest.mark.parametrize(("call", "status", "code", "pointer", "family", "ours"), [
    # what a create may be refused for
    (CREATE, 400, 37200, "", Refused, "price_changed"),
    (CREATE, 400, "37200", "", Refused, "price_changed"),
    (CREATE, 400, 34651, "", Refused, "sold_out"),
    (CREATE, 400, 34107, "", Refused, "offer_expired"),
    (CREATE, 400, 4926, "", Refused, "offer_expired"),
    (CREATE, 400, 4926, OFFERS, Refused, "offer_expired"),
    (CREATE, 400, 4926, TRAVELLERS, Refused, "passenger_rejected"),
    (CREATE, 400, 36870, "", Refused, "booking_failed_check"),
    (CREATE, 400, 9112, "", Refused, "booking_failed_check"),
    (CREATE, 400, 38034, "", Refused, "services_unavailable"),
    (CREATE, 400, 477, TRAVELLERS, Refused, "passenger_rejected"),
    (CREATE, 400, 32171, TRAVELLERS, Refused, "passenger_rejected"),
    (CREATE, 400, 477, "/data/contacts[0]/phones", Refused, "supplier_refused"),
    (CREATE, 400, 477, "", Refused, "supplier_refused"),
    (CREATE, 400, 32171, OFFERS, Refused, "offer_expired"),
    (CREATE, 400, 1304, "", Refused, "supplier_refused"),
    (CREATE, 400, 34733, "", Refused, "supplier_refused"),
    # what leaves it open whether it was made
    (CREATE, 400, 12345, "", OutcomeUnknown, "unreadable_answer"),
    (CREATE, 409, 12345, "", OutcomeUnknown, "unreadable_answer"),
    (CREATE, 500, 141, "", OutcomeUnknown, "supplier_down"),
    (CREATE, 500, 38189, "", OutcomeUnknown, "supplier_down"),
    (CREATE, 500, 34651, "", OutcomeUnknown, "supplier_down"),
    (CREATE, 404, 38196, "", Unavailable, "misconfigured"),
    # the offer asked again, its other fares, its seats
    (PRICE, 400, 4926, "", Refused, "offer_expired"),
    (PRICE, 400, 34107, "", Refused, "offer_expired"),
    (PRICE, 400, 477, TRAVELLERS, Refused, "supplier_refused"),
    (UPSELL, 400, 39397, "", Refused, "offer_expired"),
    (SEATS, 400, 4481, "", Refused, "supplier_refused"),
    (SEATS, 400, 8791, "", Refused, "supplier_refused"),
    (SEARCH, 400, 425, "", Refused, "supplier_refused"),
    (SEARCH, 500, 141, "", Unavailable, "supplier_down"),
    (PRICE, 400, 12345, "", Unavailable, "unreadable_answer"),
    # orders
    (READ, 404, 1797, "", Refused, "not_found"),
    (READ, 404, 0, "", Refused, "not_found"),
    (CANCEL, 404, 1797, "", Refused, "not_found"),
    (CANCEL, 400, 12345, "", Refused, "not_cancellable"),
    (CANCEL, 400, 477, TRAVELLERS, Refused, "not_cancellable"),
    (CANCEL, 500, 141, "", OutcomeUnknown, "supplier_down"),
    (CANCEL, 429, 38194, "", Unavailable, "supplier_busy"),
])
def test_a_code_means_what_it_means_for_the_call(
        call: Call, status: int, code: Any, pointer: str, family: type[Outside], ours: str) -> None:
    assert told(call, status, code, pointer) == (family, ours)


@pytest.mark.parametrize("call", errors.CALLS)
@pytest.mark.parametrize(("status", "code"), [(401, 38187), (401, 39683), (401, 39686), (403, 38197), (403, 0), (410, 41254), (410, 0),
                                              (429, 38195), (429, "38195")])
@pytest.mark.failure("A17")
def test_a_closed_account_turns_the_provider_off_whatever_was_asked(call: Call, status: int, code: Any) -> None:
    assert told(call, status, code) == (Unavailable, "provider_off")


@pytest.mark.parametrize("call", errors.CALLS)
def test_too_many_requests_is_no_answer_and_waits(call: Call) -> None:
    error = errors.from_answer(call, 429, body(38194))
    assert (type(error), error.code, error.retry_after) == (Unavailable, "supplier_busy", 10.0)


@pytest.mark.parametrize("call", errors.CALLS)
@pytest.mark.parametrize("code", [38190, 38191, 38192, 38193])
def test_a_token_that_stays_bad_is_our_own_fault(call: Call, code: int) -> None:
    assert told(call, 401, code) == (Unavailable, "misconfigured")


@pytest.mark.parametrize("call", READS)
@pytest.mark.parametrize("strange", [None, [], "x", {}, {"errors": None}, {"errors": [None, 5]}, {"errors": [{"code": None}]},
                                     {"errors": [{"code": "abc", "source": "x"}]}])
@pytest.mark.failure("A18")
def test_a_read_never_stumbles_over_a_strange_error(call: Call, strange: Any) -> None:
    assert isinstance(errors.from_answer(call, 500, strange), Unavailable)
    assert isinstance(errors.from_answer(CREATE, 500, strange), OutcomeUnknown)
    assert isinstance(errors.from_answer(CREATE, 400, strange), OutcomeUnknown)


def test_of_several_errors_the_worst_counts() -> None:
    several = {"errors": [*body(37200)["errors"], *body(12345)["errors"]]}
    assert isinstance(errors.from_answer(CREATE, 400, several), OutcomeUnknown)


@pytest.mark.parametrize(("pointer", "field", "position"), [
    ("/data/travelers[1]/name/firstName", "given_name", 1), ("/data/travelers/2/name/lastName", "family_name", 2),
    ("/data/travelers[0]/dateOfBirth", "born_on", 0), ("/data/travelers[0]/contact/phones[0]/number", "phone_number", 0),
    ("/data/travelers[0]/contact/emailAddress", "email", 0), ("/data/travelers[3]/documents[0]/number", "document", 3),
    ("/data/travelers[0]/documents[0]/expiryDate", "expires_on", 0), ("/data/travelers[0]", "", 0),
])
def test_a_refused_traveller_is_named_by_place_and_field(pointer: str, field: str, position: int) -> None:
    error = errors.from_answer(CREATE, 400, body(477, pointer))
    assert (error.detail["field"], error.detail["position"]) == (field, position)
    assert error.detail["reason"] == "the airline cannot read it in this form"
    assert "fare applicable" not in str(error.detail) + str(error)


def test_the_vendors_code_is_kept_for_support() -> None:
    error = errors.from_answer(CREATE, 400, body("34651"), request_id="req_1")
    assert (error.vendor_code, error.request_id, error.detail) == ("34651", "req_1", {"status": 400})
    assert errors.from_answer(READ, 502, None).vendor_code == "http_502"
