"""The OpenAPI document is complete, without warnings, and tells the truth about real answers."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.urls import get_resolver
from rest_framework import serializers

from bookings.api import schemas, shapes
from tests.api.shop import Caller, offer

CALLS = {
    ("/api/places", "get"), ("/api/flights/search", "get"), ("/api/flights/search/{search_id}", "get"),
    ("/api/flights/offers/{offer_id}", "get"), ("/api/flights/offers/{offer_id}/seat-maps", "get"),
    ("/api/checkout", "post"), ("/api/checkout/{draft_id}/customize", "put"),
    ("/api/checkout/{draft_id}/passengers", "put"), ("/api/checkout/{draft_id}/book", "post"),
    ("/api/bookings", "get"), ("/api/bookings", "post"), ("/api/bookings/{reference}", "get"),
    ("/api/bookings/{reference}", "patch"), ("/api/bookings/{reference}", "delete"),
    ("/api/bookings/{reference}/cancellation", "post"), ("/api/bookings/{reference}/cancellation/confirm", "post"),
    ("/api/bookings/{reference}/itinerary.pdf", "get"), ("/api/bookings/{reference}/calendar.ics", "get"),
    ("/api/payments/create-intent", "post"), ("/api/payments/confirm", "post"),
    ("/api/payments/status/{reference}", "get"), ("/api/flights/booking/create", "post"),
    ("/api/flights/create-order", "post"), ("/api/flights/my-orders", "get"),
}


@pytest.fixture(scope="module")
def document() -> Any:
    from drf_spectacular.generators import SchemaGenerator

    return SchemaGenerator().get_schema(request=None, public=True)


def test_every_call_is_described_with_its_errors(document: Any) -> None:
    found = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert found == CALLS
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            errors = [code for code in told["responses"] if code >= "400"]
            assert errors, (path, method)
            for code in errors:
                shape = told["responses"][code]["content"]["application/json"]["schema"]
                assert shape == {"$ref": "#/components/schemas/Refusal"}
            if method in ("post", "put", "patch"):
                assert "requestBody" in told or path.endswith("cancellation"), (path, method)


def test_the_document_has_no_warning(tmp_path: Any) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yml"))


def test_nothing_under_api_is_left_to_another_handler() -> None:
    for path in ("/api/anything/at/all", "/api/two\nlines"):
        assert get_resolver().resolve(path).func.__name__ == "nothing_here"


def compare(shape: Any, value: Any, at: str) -> None:
    """A real value has exactly the declared fields, all the way down."""
    if value is None:
        assert shape.allow_null, at
    elif isinstance(shape, serializers.ListSerializer | serializers.ListField):
        for item in value:
            compare(shape.child, item, f"{at}[]")
    elif isinstance(shape, serializers.Serializer):
        required = {name for name, field in shape.fields.items() if field.required}
        assert required <= set(value) <= set(shape.fields), (at, set(value) ^ set(shape.fields))
        for name, item in value.items():
            compare(shape.fields[name], item, f"{at}.{name}")
    elif isinstance(shape, serializers.DateTimeField | serializers.UUIDField | serializers.CharField):
        assert isinstance(value, str), at
    elif isinstance(shape, serializers.BooleanField):
        assert isinstance(value, bool), at
    elif isinstance(shape, serializers.IntegerField):
        assert isinstance(value, int), at


@pytest.mark.django_db(transaction=True)
def test_real_answers_have_the_declared_shapes() -> None:
    row, me = offer(kinds="aci"), Caller()
    compare(shapes.PlacesAnswer(), me.get("/api/places?q=lon").json(), "places")
    compare(shapes.OfferAnswer(), me.get(f"/api/flights/offers/{row.pk}").json(), "offer")
    compare(schemas.DraftAnswer(), me.post("/api/checkout", {"offerId": str(row.pk)}).json(), "draft")
    row = offer()
    made = me.book(row).json()
    compare(schemas.BookingAccepted(), made, "accepted")
    compare(schemas.BookingAnswer(), me.get(f"/api/bookings/{made['booking']['reference']}").json(), "booking")
    compare(schemas.BookingsAnswer(), me.get("/api/bookings").json(), "list")
    compare(schemas.StatusAnswer(), me.get(made["statusUrl"]).json(), "status")
    compare(shapes.Refusal(), me.get("/api/bookings/x").json(), "refusal")
