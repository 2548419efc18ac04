"""Bodies that are too deep, too long, packed, in another alphabet or lie about themselves: a 4xx, and no row."""

from __future__ import annotations

import copy
import gzip
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client
from gunicorn.config import Config
from gunicorn.http import wsgi
from gunicorn.http.errors import ParseException
from gunicorn.http.parser import RequestParser

from suppliers import registry
from tests.api.fuzz import people
from tests.guard.test_matrix import state
from tests.hostile.test_fields import browser_of, calls
from tests.pages.everything import Airline

pytestmark = pytest.mark.django_db(transaction=True)
HALF, DIGITS = "a\ud800b", 10 ** 4000


@pytest.fixture(autouse=True)
def airline(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[None]:
    settings.WEB_WAIT_SECONDS = 0  # there is no worker to wait for
    monkeypatch.setattr("bookings.limits.count", lambda *_, **__: None)
    with registry.replaced(duffel=Airline()):  # type: ignore[arg-type]
        yield


def leaves(body: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every plain value."""
    pairs = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for step, value in pairs:
        if isinstance(value, dict | list):
            yield from leaves(value, (*at, step))
        else:
            yield (*at, step)


def put(body: Any, at: tuple[Any, ...], value: Any) -> Any:
    """The body with another value there."""
    changed = copy.deepcopy(body)
    inner = changed
    for step in at[:-1]:
        inner = inner[step]
    inner[at[-1]] = value
    return changed


ODD: tuple[Any, ...] = ("\x00", DIGITS, -1, 1e308, [], {}, [[[]]], None, "x" * 9000, "\u202e", "\u0663")


def test_no_value_in_any_place_of_a_body_breaks_a_call() -> None:
    who, tried = people.person_of("customer"), 0
    client = browser_of(who)
    for method, path, told in calls():
        if "requestBody" not in told or told["operationId"] in ("flights_booking_create", "flights_create_order"):
            continue
        wanted = people.aim(told["operationId"], who.principal)
        for at in leaves(wanted.body):
            for odd in (HALF, ODD[tried % len(ODD)]):
                body = json.dumps(put(wanted.body, at, odd))
                answer = client.generic(method.upper(), path.format(**wanted.path), body, content_type="application/json",
                                        headers={"Idempotency-Key": f"k{tried}"})
                tried += 1
                assert answer.status_code < 500, (path, at, odd)
                if odd == HALF:
                    assert answer.status_code in (400, 422), (path, at)
    assert tried > 40


def sent(client: Client, body: bytes, **more: Any) -> Any:
    given = {"content_type": "application/json", **more}
    return client.generic("POST", "/api/payments/confirm", body, **given)


@pytest.mark.parametrize(("body", "more", "status"), [
    (b'{"bookingReference":"a","bookingReference":"b"}', {}, 400), (gzip.compress(b"{}"), {"HTTP_CONTENT_ENCODING": "gzip"}, 400),
    ('{"bookingReference":"a"}'.encode("utf-16"), {"content_type": "application/json; charset=utf-16"}, 400),
    (b'{"a":' * 60_00 + b"1" + b"}" * 60_00, {}, 400), (b'{"bookingReference": ' + b"9" * 5000 + b"}", {}, 400),
    (b"{}", {"CONTENT_LENGTH": "-5"}, 413), (b"{}", {"CONTENT_LENGTH": "9" * 30}, 413),
    (b"{}", {"content_type": "application/json+x"}, 415), (b"{}", {"content_type": ""}, 415)],
    ids=["name twice", "gzip", "utf-16", "deep", "long number", "below nothing", "huge", "other type", "no type"])
def test_a_body_that_lies_is_refused(body: bytes, more: dict[str, Any], status: int) -> None:
    client, before = Client(), state()
    answer = sent(client, body, **more)
    assert answer.status_code == status, answer.content
    assert state() == before


@pytest.mark.parametrize("fields", [{f"f{number}": "x" for number in range(2000)}, {"reference": "x" * 100_000}])
def test_a_form_of_thousands_of_fields_or_too_many_letters_is_refused_with_a_page(fields: dict[str, str]) -> None:
    client, before = Client(raise_request_exception=False), state()
    answer = client.post("/trips/find", fields)
    assert answer.status_code in (400, 413)
    assert state() == before


# --- bodies in pieces ---------------------------------------------------------------------------------------------------

HEAD = "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{}\r\n"
INNER = b"GET /admin/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
NEXT = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"


def pieces(*parts: bytes) -> bytes:
    """A body in chunks, with its end."""
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b""))


def through_gunicorn(raw: bytes) -> list[tuple[str, int]]:
    """Every request that our web server finds in one connection's bytes, and our answer; ("", 400): it reads no further."""
    told: list[tuple[str, int]] = []
    peer, handler = ("198.51.100.7", 5), WSGIHandler()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        try:
            for asked in RequestParser(Config(), iter([raw]), peer):
                _, environ = wsgi.create(asked, ours, peer, ("127.0.0.1", 8000), Config())
                said: list[str] = []
                b"".join(handler(environ, lambda status, *_: said.append(status)))  # noqa: B023  called at once
                told.append((f"{asked.method} {asked.path}", int(said[0][:3])))
        except (ParseException, OSError):
            told.append(("", 400))
    return told


@pytest.mark.parametrize("path", ["/api/checkout", "/api/payments/webhook", "/trips/find"])
@pytest.mark.parametrize("body", [(b"{}",), (INNER,), (b"x" * 8192,) * 32, (b"{", b"}", INNER)])
def test_a_body_in_pieces_is_refused_and_the_next_request_is_the_next(path: str, body: tuple[bytes, ...]) -> None:
    """What carries no length is read as nothing (the proxy gives a length to all); its bytes are never another request."""
    before = state()
    found = through_gunicorn(HEAD.format(path, CHUNKED).encode() + pieces(*body) + NEXT)
    assert [where for where, _ in found] == [f"POST {path}", "GET /healthz"] and found[1][1] == 200
    assert found[0][1] == (403 if path == "/trips/find" else 400)  # a form without its token; no JSON; no signature
    assert state() == before


@pytest.mark.parametrize(("more", "body"), [
    (f"Content-Length: 3\r\n{CHUNKED}", pieces(b"{}")), (f"{CHUNKED}Content-Length: 0\r\n", pieces(b"{}")),
    ("Transfer-Encoding: xchunked\r\n", pieces(b"{}")), ("Transfer-Encoding: chunked, identity\r\n", pieces(b"{}")),
    ("Transfer-Encoding : chunked\r\n", pieces(b"{}")), ("Content-Length: 2\r\nContent-Length: 60\r\n", b"{}"),
    ("Content-Length: +2\r\n", b"{}"), ("Content-Length: -2\r\n", b"{}"), ("Content-Length: 0x2\r\n", b"{}")])
def test_two_lengths_or_an_odd_one_end_the_connection(more: str, body: bytes) -> None:
    """Proxy and web server could take such bytes for different requests: none of them is answered."""
    assert through_gunicorn(HEAD.format("/api/checkout", more).encode() + body + INNER) == [("", 400)]


@pytest.mark.parametrize("chunk", [b"-1\r\n{}\r\n", b"0x2\r\n{}\r\n", b"g\r\n{}\r\n", b"2\n{}\n", b"f" * 40 + b"\r\n{}", b"2\r\n{}XX"])
def test_a_piece_that_lies_about_its_length_ends_the_connection(chunk: bytes) -> None:
    found = through_gunicorn(HEAD.format("/api/checkout", CHUNKED).encode() + chunk + b"0\r\n\r\n" + NEXT)
    assert found[-1] == ("", 400) and "GET /healthz" not in [where for where, _ in found]
