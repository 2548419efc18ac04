"""Fields that nobody asked for: refused by name at every call of the API, and without any effect in a form.

The calls come from the schema: a new one without a valid example in `tests/api/fuzz/people.py` fails here.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as site
from django.core import signing
from django.db import connection
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from bookings import access
from bookings.models import Booking
from suppliers import registry
from tests.api.fuzz import people
from tests.guard.test_matrix import state
from tests.pages.everything import Airline, Seen, booked, undone
from tests.pages.html import Page
from tests.pages.planes import party
from tests.pages.test_bad_input import Form, _Reader

pytestmark = pytest.mark.django_db(transaction=True)
# what an attacker would like to set: money, states, owners, ids of rows and of orders
STRAY: dict[str, Any] = {
    "amount": "0.01", "total": "0.01", "price": 1, "fareMinor": 1, "fare_minor": 1, "accepted_minor": 1, "acceptedMinor": 1,
    "services_minor": 0, "fee_minor": 0, "currency": "JPY", "status": "CONFIRMED", "progress": "done", "money": "charged", "state": "captured",
    "wish": "book", "principal": "guest:eve", "owner": "eve", "user": 1, "user_id": 1, "userId": 1, "is_staff": True,
    "isSuperuser": True, "reference": "FLY2A-000000", "id": 1, "pk": 1, "offer_id": "x", "orderId": "ord_1", "order_id": "ord_1",
    "external_id": "ord_1", "externalId": "pi_1", "paymentIntent": "pi_1", "supplier": "amadeus", "captured_minor": 1,
    "agreed_refund_minor": 10 ** 9, "refund_minor": 10 ** 9, "__proto__": {"admin": True}, "constructor": 1}
GUARDED = {
    "bookings_booking": "principal, user_id, currency, fare_minor, services_minor, fee_minor, accepted_minor, status, progress, money,"
                        " agreed_refund_minor, supplier, offer_external_id, wish",
    "payments_payment": "amount_minor, currency, state, captured_minor, refunded_minor, external_id",
    "payments_refund": "amount_minor, currency, state", "auth_user": "is_staff, is_superuser, is_active",
    "suppliers_supplierorder": "total_minor, currency, state, external_id, supplier",
    "suppliers_offer": "total_minor, currency, supplier", "bookings_selection": "unit_minor, quantity"}


@pytest.fixture(autouse=True)
def airline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("bookings.limits.count", lambda *_, **__: None)
    with registry.replaced(duffel=Airline()):  # type: ignore[arg-type]
        yield


def browser_of(who: people.Person) -> Client:
    client = Client(headers=who.headers)
    for name, value in who.cookies.items():
        client.cookies[name] = value
    return client


def calls() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of every call of the API."""
    document: Any = SchemaGenerator().get_schema(request=None, public=True)
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            yield method, path, told


def levels(body: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every object in a body."""
    if isinstance(body, dict):
        yield at
        for name, value in body.items():
            yield from levels(value, (*at, name))
    elif isinstance(body, list):
        for number, value in enumerate(body):
            yield from levels(value, (*at, number))


def known(told: dict[str, Any], at: tuple[Any, ...], document: Any) -> set[str]:
    """The names that the schema lists at this level of the body."""
    def real(shape: Any) -> Any:
        shape = shape["allOf"][0] if "allOf" in shape else shape
        return real(document["components"]["schemas"][shape["$ref"].rpartition("/")[2]]) if "$ref" in shape else shape

    shape = real(told["requestBody"]["content"]["application/json"]["schema"])
    for step in at:
        shape = real(shape["items"] if isinstance(step, int) else shape["properties"][step])
    return set(shape["properties"])


def test_every_object_of_every_body_refuses_and_names_what_it_does_not_list() -> None:
    who = people.person_of("customer")
    client, document = browser_of(who), SchemaGenerator().get_schema(request=None, public=True)
    tried = 0
    for method, path, told in calls():
        if "requestBody" not in told:
            continue
        wanted = people.aim(told["operationId"], who.principal)
        assert wanted.body is not None, f"{told['operationId']} needs a body in tests/api/fuzz/people.py"
        for at in levels(wanted.body):
            stray = {name: value for name, value in STRAY.items() if name not in known(told, at, document)}
            body = copy.deepcopy(wanted.body)
            inner: Any = body
            for step in at:
                inner = inner[step]
            inner.update(stray)
            before = state()
            answer = client.generic(method.upper(), path.format(**wanted.path), json.dumps(body), content_type="application/json")
            assert answer.status_code == 400 and answer.json()["code"] == "invalid_request", (path, at, answer.content)
            names = {".".join(map(str, (*at, name))) for name in stray}
            assert {name for name, why in answer.json()["fieldErrors"].items() if why == "Unknown field."} == names, (path, at)
            assert state() == before, (path, at)
            tried += 1
    assert tried > 30


def test_calls_without_a_body_take_none_and_queries_list_their_names() -> None:
    who = people.person_of("customer")
    client, tried = browser_of(who), 0
    for method, path, told in calls():
        wanted = people.aim(told["operationId"], who.principal)
        address, before = path.format(**wanted.path), state()
        if method != "get" and "requestBody" not in told:
            answer = client.generic(method.upper(), address, json.dumps(STRAY), content_type="application/json")
        elif method == "get" and any(one["in"] == "query" for one in told["parameters"]):
            answer = client.get(address, {**wanted.query, "status": "CONFIRMED", "principal": "guest:eve"})
        else:
            continue
        tried += 1
        assert answer.status_code == 400 and state() == before, (path, answer.status_code)
        assert answer.json()["fieldErrors"]["status"] == "Unknown field.", path
    assert tried >= 7


# --- forms ------------------------------------------------------------------------------------------------------------


def guarded() -> dict[str, list[Any]]:
    """The values that no form may set, of every row."""
    found = {}
    with connection.cursor() as cursor:
        for table, columns in GUARDED.items():
            cursor.execute(f"SELECT {columns} FROM {table}")
            found[table] = sorted(map(repr, cursor.fetchall()))
    return found


def pages(principal: str) -> list[str]:
    """Where the forms of drafts and bookings stand."""
    draft, ready = party(principal, "adult"), booked(principal, "held")
    confirmed, quoted, priced, card = (booked(principal, name) for name in ("confirmed", "confirmed", "consent", "card"))
    quoted.orders.update(quote_id="ore_1", quote_refund_minor=40000, quote_refund_to="balance")
    return [*(f"/checkout/{draft.public_id}/{step}" for step in ("extras", "seats/1", "passengers", "review")),
            *(f"/trips/{confirmed.reference}{step}" for step in ("", "/contact", "/request", "/cancel", "/share")),
            f"/trips/{quoted.reference}/cancel", f"/trips/{priced.reference}/price", f"/trips/{ready.reference}/pay",
            f"/trips/{card.reference}/pay", "/trips/find", "/account/sign-up", "/"]


def effect(client: Client, form: Form, more: dict[str, Any]) -> tuple[int, dict[str, list[Any]]]:
    """What a press makes of the guarded values; it is forgotten afterwards."""
    with undone():
        cookies = client.cookies.copy()
        answer = client.post(form.action, {**more, **form.fields})
        client.cookies = cookies
        return answer.status_code, guarded()


def test_no_form_takes_a_field_that_it_does_not_show(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    principal = access._guest_principal("a-guest")
    client = Client()
    client.cookies[site.GUEST_COOKIE_NAME] = signing.dumps({"id": "a-guest"}, salt=access._SALT)
    seen, pressed = set[Any](), 0
    for address in pages(principal):
        answer = client.get(address, follow=True)
        for form in _Reader().read(Seen("", address, answer, Page(answer.content.decode()))):
            if form.method != "post" or form.key() in seen:
                continue
            seen.add(form.key())
            stray = {name: str(value) for name, value in STRAY.items() if name not in form.fields}
            plain, hostile = effect(client, form, {}), effect(client, form, stray)
            assert hostile == plain, form.action
            assert hostile[0] < 500
            pressed += 1
    assert pressed >= 10 and Booking.objects.exists()
