"""Whatever is wrong with a request, the answer has one shape and nothing is made."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import DataError, IntegrityError, InterfaceError, InternalError, OperationalError, ProgrammingError
from django.test import Client
from psycopg.errors import ReadOnlySqlTransaction

from bookings.models import Booking
from tests.api.shop import Caller, body, offer, person, refused

pytestmark = pytest.mark.django_db(transaction=True)
UNKNOWN_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"price": 1}, "price"),
    ({"contact": {"email": "a@example.com", "phone": "+442080160508", "fax": "1"}}, "contact.fax"),
    ({"passengers": [person(admin=True)]}, "passengers.0.admin"),
    ({"acceptedTotal": {"amount": "1", "currency": "GBP", "minor": 1}}, "acceptedTotal.minor"),
    ({"services": [{"serviceId": "x", "quantity": 1, "unitMinor": 0}]}, "services.0.unitMinor"),
]


def raw(path: str, data: bytes | str, content_type: str = "application/json", **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Client().post(path, data=data, content_type=content_type, headers=named)


@pytest.mark.parametrize(("more", "path"), UNKNOWN_FIELDS)
def test_an_unknown_field_is_a_400(more: dict[str, Any], path: str) -> None:
    row = offer()
    told = refused(Caller().book(row, data=body(row, **more)), 400, "invalid_request")
    assert told["fieldErrors"] == {path: "Unknown field."}
    assert Booking.objects.count() == 0


@pytest.mark.parametrize(("path", "name"), [
    ("/api/places?q=lon&limit=", "limit"), ("/api/bookings?limit=", "limit"),
    ("/api/flights/search?origin=JFK&destination=LHR&departureDate=2027-01-20&returnDate=", "returnDate"),
    (f"/api/flights/search/{uuid.UUID(int=1)}?changeable=", "changeable")])
def test_an_empty_value_is_not_taken_for_an_absent_one(path: str, name: str) -> None:
    """An empty date of return would be a search for one way."""
    told = refused(Client().get(path), 400, "invalid_request")
    assert list(told["fieldErrors"]) == [name]


def test_missing_fields_are_all_named() -> None:
    told = refused(Caller().post("/api/bookings", {}), 400, "invalid_request")
    assert set(told["fieldErrors"]) == {"offerId", "passengers", "contact", "acceptedTotal", "acknowledgements"}


@pytest.mark.parametrize("broken", ["", "{", "[]", "null", '"text"', '{"a": NaN}', "[" * 30000, b"\xff\xfe{}",
                                    '{"bookingReference": "\\ud800"}', '{"bookingReference": "a\\u0000b"}'])
def test_a_body_that_is_not_a_json_object(broken: bytes | str) -> None:
    answer = raw("/api/payments/confirm", broken)
    assert answer.status_code == 400
    refused(answer, 400, answer.json()["code"])


def test_only_json() -> None:
    for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"):
        refused(raw("/api/bookings", "a=1", kind), 415, "unsupported_media_type")
        refused(Client().generic("POST", "/api/payments/confirm", "", CONTENT_TYPE=kind), 415, "unsupported_media_type")


def test_at_most_64_kib() -> None:
    row = offer()
    fits = json.dumps(body(row, contact={"email": "ada@example.com", "phone": "+442080160508"}))
    refused(raw("/api/bookings", fits + " " * (64 * 1024 + 1 - len(fits))), 413, "too_large")
    assert raw("/api/bookings", fits + " " * (64 * 1024 - len(fits)), Prefer="respond-async").status_code == 202


def test_methods_and_addresses_that_do_not_exist() -> None:
    answer = Caller().put("/api/bookings", {})
    refused(answer, 405, "method_not_allowed")
    assert "POST" in answer["Allow"]
    refused(Caller().get("/api/nothing/here"), 404, "not_found")
    refused(Caller().get("/api/flights/offers/not-a-uuid"), 404, "not_found")
    refused(Caller().post("/api/payments/status/FLY2A-000000"), 405, "method_not_allowed")


@pytest.mark.failure("U6")
def test_strangers_get_404_for_everything() -> None:
    mine = Caller().book(offer()).json()["booking"]
    reference, stranger = mine["bookingReference"], Caller()
    for answer in (
        stranger.get(f"/api/bookings/{reference}"),
        stranger.send("patch", f"/api/bookings/{reference}", {"contact": {"email": "x@example.com"}}),
        stranger.send("delete", f"/api/bookings/{reference}"),
        stranger.post(f"/api/bookings/{reference}/cancellation"),
        stranger.post(f"/api/bookings/{reference}/cancellation/confirm"),
        stranger.get(f"/api/payments/status/{reference}"),
        stranger.post("/api/payments/create-intent", {"bookingReference": reference}),
        stranger.post("/api/payments/confirm", {"bookingReference": reference}),
        stranger.put(f"/api/checkout/{mine['id']}/customize", {"services": []}),
        stranger.post(f"/api/checkout/{uuid.uuid4()}/book", {
            "acceptedTotal": {"amount": "1", "currency": "GBP"}, "acknowledgements": []}),
    ):
        refused(answer, 404, "not_found")
    assert stranger.get("/api/bookings").json()["bookings"] == []
    assert Booking.objects.get().contact_email == "ada@example.com"


def test_an_unknown_offer_is_a_404_and_an_old_one_is_gone() -> None:
    row = offer()
    refused(Caller().book(row, data=body(row, offerId=str(uuid.uuid4()))), 404, "not_found")
    late = offer(expires=timedelta(seconds=-5))
    refused(Caller().get(f"/api/flights/offers/{late.pk}"), 410, "offer_expired")
    refused(Caller().book(late), 409, "offer_expired")


@pytest.mark.failure("W9")
def test_a_bug_tells_its_request_id_and_nothing_else() -> None:
    with mock.patch("bookings.selectors.bookings_of", side_effect=RuntimeError("secret detail")):
        told = refused(Caller().get("/api/bookings"), 500, "internal")
    assert told["requestId"] in told["message"]
    assert "secret" not in json.dumps(told)


def standby() -> InternalError:
    """What Django raises for a write that a standby refuses."""
    error = InternalError("cannot execute statement")
    error.__cause__ = ReadOnlySqlTransaction()
    return error


@pytest.mark.failure("P2")
@pytest.mark.parametrize("trouble", [OperationalError("canceling statement"), InterfaceError("statement"), standby()], ids=repr)
def test_a_database_in_trouble_is_a_503(trouble: Exception) -> None:
    with mock.patch("bookings.selectors.bookings_of", side_effect=trouble):
        answer = Caller().get("/api/bookings")
    assert "statement" not in json.dumps(refused(answer, 503, "unavailable"))
    assert answer["Retry-After"] == "5"


@pytest.mark.parametrize("bug", [DataError("statement"), IntegrityError("statement"), ProgrammingError("statement")], ids=repr)
def test_a_statement_that_never_works_is_a_bug_and_not_trouble(bug: Exception) -> None:
    """503 would have callers send the same again for ever, and nobody would be told."""
    with mock.patch("bookings.selectors.bookings_of", side_effect=bug):
        assert "statement" not in json.dumps(refused(Caller().get("/api/bookings"), 500, "internal"))


@pytest.mark.parametrize(("field", "values"), [
    ("givenName", ["😀", "Ada😀", "علي", "אדה", "Ада", "愛", "<script>alert(1)</script>", "A" * 21, "", "   ", "Ada1",
                   "Ada\u202eevil", "O'''Brien", "-", "A\u200bda"]),
    ("familyName", ["<b>", "Lovelace; DROP TABLE", "李", "L" * 21, ""]),
    ("bornOn", ["2990-01-01", "1990-02-30", "10.12.1990", "", None, "1850-01-01", "2020-01-01", "1990-1-1", "soon"]),
    ("title", ["", "lord", "mr"]),
    ("gender", ["", "x", "male"]),
])
def test_each_bad_detail_of_a_traveller_is_named_at_its_field(field: str, values: list[Any]) -> None:
    row, me = offer(), Caller()
    for value in values:
        told = refused(me.book(row, data=body(row, passengers=[person(**{field: value})])), 422, "validation_failed")
        wrong = "gender" if field == "title" and value == "mr" else field
        assert set(told["fieldErrors"]) == {f"passengers.0.{wrong}"}, value
    assert Booking.objects.count() == 0


@pytest.mark.parametrize(("field", "values"), [
    ("email", ["", "ada", "ada@", "ada@exämple.com", "a b@example.com", "<a>@example.com", "a" * 250 + "@example.com"]),
    ("phone", ["", "12345", "+1", "020 8016 0508", "+44 20 8016 0508 12345678", "phone"]),
])
def test_each_bad_contact_detail_is_named(field: str, values: list[str]) -> None:
    row, me = offer(), Caller()
    for value in values:
        contact = {"email": "ada@example.com", "phone": "+442080160508", field: value}
        answer = me.book(row, data=body(row, contact=contact))
        assert answer.status_code in (400, 422), value
        assert set(answer.json()["fieldErrors"]) == {f"contact.{field}"}, value
    assert Booking.objects.count() == 0
