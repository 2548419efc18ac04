"""How we talk to Amadeus: one token for all, a hard end to each call, nothing sent twice, nothing personal kept."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from django.db import transaction

from fly2any.kernel import exchanges
from fly2any.kernel.errors import OutcomeUnknown, Outside, Refused, Unavailable
from fly2any.kernel.http import CalledInsideTransaction, HostNotAllowed
from suppliers.amadeus import adapter, errors, wire
from suppliers.amadeus.adapter import AmadeusSupplier
from suppliers.types import Leg, SearchQuery
from tests.contracts import examples
from tests.contracts.conftest import amadeus_supplier
from tests.contracts.scripted import Peer, Says, unused_port

TOKEN = Says(200, examples.TOKEN)
TOKEN_PATH, ORDERS = "/v1/security/oauth2/token", "/v1/booking/flight-orders"
TYPE = "application/vnd.amadeus+json"


def order(**more: Any) -> Says:
    return Says(200, examples.ordered(), {"Content-Type": TYPE}, **more)


def made(**more: Any) -> Says:
    return Says(201, examples.ordered(), {"Content-Type": TYPE}, **more)


def refused(status: int, code: Any, **more: Any) -> Says:
    return Says(status, {"errors": [{"status": status, "code": code, "title": "VENDOR TITLE", "detail": "vendor detail", **more}]})


def stored(amadeus: AmadeusSupplier, peer: Peer) -> str:
    """The document of an offer, as a search gave it. Uses up a token and a search answer."""
    peer.says(TOKEN, Says(200, examples.fresh(examples.searched())))
    return amadeus.search(examples.QUERY)[0].document


def fails(deed: Callable[[], Any]) -> Outside:
    with pytest.raises(Outside) as caught:
        deed()
    return caught.value


# --- the token ---------------------------------------------------------------------------------------------------


@pytest.mark.failure("A15")
def test_twenty_cold_threads_fetch_one_token(peer: Peer) -> None:
    amadeus, start = amadeus_supplier(peer.base), threading.Barrier(20)
    peer.says(TOKEN, order())

    def look(_: int) -> str:
        start.wait(10)
        return amadeus.order("ord").pnr

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(look, range(20))) == {"2ZYVAL"}
    paths = [asked.path for asked in peer.asked]
    assert paths.count(TOKEN_PATH) == 1 and len(paths) == 21
    assert {asked.headers.get("authorization") for asked in peer.asked[1:]} == {"Bearer tok_1"}


def test_the_token_call_carries_what_the_contract_wants_and_so_does_each_call(peer: Peer) -> None:
    amadeus = amadeus_supplier(peer.base, token_fields={"guest_office_id": "NYC1S2345"}, reference="fly2any")
    peer.says(TOKEN, order())
    amadeus.order("ord")
    assert peer.asked[0].form == {"grant_type": ["client_credentials"], "client_id": ["amadeus_sandbox"],
                                  "client_secret": ["amadeus_sandbox_secret"], "guest_office_id": ["NYC1S2345"]}
    assert "authorization" not in peer.asked[0].headers
    assert peer.asked[1].headers["ama-client-ref"].startswith("fly2any-")
    assert peer.asked[1].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize("code", sorted(errors.STALE_TOKEN))
@pytest.mark.failure("A14")
def test_a_token_that_is_not_good_any_more_is_fetched_again_once(peer: Peer, amadeus: AmadeusSupplier, code: int) -> None:
    peer.says(TOKEN, refused(401, str(code)), Says(200, {**examples.TOKEN, "access_token": "tok_2"}), order())
    assert amadeus.order("ord").pnr == "2ZYVAL"
    assert [asked.headers.get("authorization") for asked in peer.asked] == [None, "Bearer tok_1", None, "Bearer tok_2"]
    peer.says(refused(401, code), TOKEN, refused(401, code))
    assert fails(lambda: amadeus.order("ord")).code == "misconfigured"
    assert len(peer.asked) == 7  # and not a third time


def test_a_create_that_the_token_stopped_was_not_carried_out_and_goes_again(peer: Peer, amadeus: AmadeusSupplier) -> None:
    document = stored(amadeus, peer)
    peer.says(refused(401, 38192), TOKEN, made())
    assert amadeus.create_order(examples.request(document)).pnr == "2ZYVAL"


def test_a_token_is_used_until_ten_seconds_before_its_end(peer: Peer, amadeus: AmadeusSupplier) -> None:
    peer.says(Says(200, {**examples.TOKEN, "expires_in": 5}), order(), TOKEN, order(), order())
    for _ in range(3):
        amadeus.order("ord")
    assert [asked.path == TOKEN_PATH for asked in peer.asked] == [True, False, True, False, False]


@pytest.mark.parametrize("answer", [
    Says(401, {"error": "invalid_client", "error_description": "x", "code": 38187, "title": "Invalid parameters"}),
    Says(400, {"error": "unsupported_grant", "code": "38187"}), Says(403, b"<html>"), Says(410, {}),
])
@pytest.mark.failure("A17")
def test_credentials_that_are_not_taken_turn_the_provider_off(peer: Peer, amadeus: AmadeusSupplier, answer: Says) -> None:
    peer.says(answer)
    error = fails(lambda: amadeus.order("ord"))
    assert isinstance(error, Unavailable) and error.code == "provider_off"
    assert len(peer.asked) == 1


@pytest.mark.parametrize(("answer", "code"), [
    (Says(200, {"access_token": ""}), "unreadable_answer"), (Says(200, {}), "unreadable_answer"),
    (Says(200, [1]), "unreadable_answer"), (Says(204, b""), "unreadable_answer"), (Says(500, {}), "supplier_down"),
    (Says(429, {"errors": [{"code": 38194}]}), "supplier_busy"), (Says(200, b"", fault="reset"), "supplier_down"),
])
def test_without_a_token_nothing_was_sent_not_even_an_order(peer: Peer, amadeus: AmadeusSupplier, answer: Says, code: str) -> None:
    document = stored(amadeus, peer)
    amadeus._client._token.forget("Bearer tok_1")
    peer.says(answer)
    error = fails(lambda: amadeus.create_order(examples.request(document)))
    assert isinstance(error, Unavailable)
    assert error.code == code
    assert ORDERS not in [asked.path for asked in peer.asked]


# --- how long, and how often -------------------------------------------------------------------------------------


def test_the_time_outs_are_those_of_the_rules() -> None:
    assert wire.CONNECT_SECONDS == 3
    assert {call.name: call.seconds for call in errors.CALLS} == {
        "token": 10, "reference": 10, "search": 25, "price": 25, "upsell": 6, "seats": 25, "create": 60, "read": 30, "cancel": 30}
    assert not any(call.changes and call.retried for call in errors.CALLS)


@pytest.mark.parametrize("fault", ["drip", "drip_head", "hang"])
@pytest.mark.failure("A16")
def test_a_slow_answer_cannot_hold_a_worker(peer: Peer, fault: str) -> None:
    amadeus = amadeus_supplier(peer.base, seconds={"read": 0.4})
    peer.says(TOKEN, order(fault=fault))
    error = fails(lambda: amadeus.order("ord"))
    assert isinstance(error, Unavailable) and error.code == "supplier_timeout"
    if fault != "hang":
        assert peer.hung_up.wait(5), "our side left the connection open"
    assert len(peer.asked) == 2  # no time was left to ask again


@pytest.mark.failure("A16")
def test_a_create_that_trickles_in_is_unknown_and_a_kept_connection_is_not_reused_after_it(peer: Peer) -> None:
    amadeus = amadeus_supplier(peer.base, seconds={"create": 0.4})
    document = stored(amadeus, peer)
    peer.says(made(fault="drip"))
    error = fails(lambda: amadeus.create_order(examples.request(document)))
    assert isinstance(error, OutcomeUnknown) and error.code == "supplier_timeout"
    peer.says(order())
    assert amadeus.order("ord").pnr == "2ZYVAL"


@pytest.mark.parametrize("trouble", [Says(500, {}), Says(503, b"<html>"), Says(200, b"", fault="reset"), order(fault="cut"),
                                     Says(429, {"errors": [{"code": 38194, "status": 429}]}), refused(500, 38189)])
def test_a_read_is_asked_again_twice(peer: Peer, amadeus: AmadeusSupplier, trouble: Says) -> None:
    peer.says(TOKEN, trouble, trouble, order())
    assert amadeus.order("ord").pnr == "2ZYVAL"
    peer.says(trouble)
    assert isinstance(fails(lambda: amadeus.order("ord")), Unavailable)
    assert len(peer.asked) == 4 + 3


@pytest.mark.parametrize(("trouble", "family", "code"), [
    (Says(500, {}), OutcomeUnknown, "supplier_down"), (Says(502, b"<html>"), OutcomeUnknown, "supplier_down"),
    (made(fault="reset"), OutcomeUnknown, "supplier_down"), (made(fault="cut"), OutcomeUnknown, "supplier_down"),
    (Says(201, b"{"), OutcomeUnknown, "unreadable_answer"), (Says(201, b""), OutcomeUnknown, "unreadable_answer"),
    (Says(201, {"data": {}}), OutcomeUnknown, "unreadable_answer"), (Says(201, [1]), OutcomeUnknown, "unreadable_answer"),
    (Says(200, {"data": {}}), OutcomeUnknown, "unreadable_answer"), (Says(202, {}), OutcomeUnknown, "unreadable_answer"),
    (Says(302, b"", {"Location": "/elsewhere"}), OutcomeUnknown, "unreadable_answer"),
    (refused(400, 99999), OutcomeUnknown, "unreadable_answer"), (refused(500, 34651), OutcomeUnknown, "supplier_down"),
    (refused(429, 38194), Unavailable, "supplier_busy"),
])
def test_an_order_is_sent_once_whatever_happens(
        peer: Peer, amadeus: AmadeusSupplier, trouble: Says, family: type[Outside], code: str) -> None:
    document = stored(amadeus, peer)
    peer.says(trouble)
    error = fails(lambda: amadeus.create_order(examples.request(document)))
    assert (type(error), error.code) == (family, code)
    assert [asked.path for asked in peer.asked].count(ORDERS) == 1


def test_an_order_that_never_left_was_not_made(peer: Peer, amadeus: AmadeusSupplier, settings: Any) -> None:
    document = stored(amadeus, peer)
    settings.AMADEUS_API_BASE = base = f"http://127.0.0.1:{unused_port()}"
    amadeus._client._base, amadeus._client._vendor.port = base, int(base.rsplit(":", 1)[1])
    error = fails(lambda: amadeus.create_order(examples.request(document)))
    assert isinstance(error, Unavailable) and error.code == "supplier_down"


def test_an_order_has_a_connection_of_its_own_and_reads_share_one(peer: Peer, amadeus: AmadeusSupplier) -> None:
    document = stored(amadeus, peer)
    peer.says(order(), order(), made())
    amadeus.order("ord")
    amadeus.order("ord")
    amadeus.create_order(examples.request(document))
    ports = [asked.port for asked in peer.asked]
    assert len(set(ports[:4])) == 1 and ports[4] not in ports[:4]


# --- what is refused, tolerated, ignored -------------------------------------------------------------------------


@pytest.mark.failure("A19")
def test_a_redirect_is_refused(peer: Peer, amadeus: AmadeusSupplier) -> None:
    peer.says(TOKEN, Says(302, b"", {"Location": f"{peer.base}/elsewhere"}))
    assert isinstance(fails(lambda: amadeus.order("ord")), Unavailable)
    assert "/elsewhere" not in [asked.path for asked in peer.asked]


@pytest.mark.parametrize(("kind", "encoding"), [
    ("application/json; charset=utf-8", "utf-8"), (f'{TYPE};charset="UTF-8"', "utf-8"), ("application/json; charset=ISO-8859-1", "latin-1"),
    ("text/plain", "utf-8"), ("application/json", "utf-8-sig"),
])
@pytest.mark.failure("A18")
def test_any_charset_and_type_is_read(peer: Peer, amadeus: AmadeusSupplier, kind: str, encoding: str) -> None:
    raw = examples.ordered()
    raw["data"]["travelers"][0]["name"]["lastName"] = "MÜLLER"
    peer.says(TOKEN, Says(200, json.dumps(raw, ensure_ascii=False).encode(encoding), {"Content-Type": kind}))
    assert amadeus.order("ord").travellers[0] == ("1", "STEPHANE", "MÜLLER")


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("body", [[1], None, 5, {"data": None}, {"data": [1]}, {}, b"", b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_no_order_is_no_order(peer: Peer, amadeus: AmadeusSupplier, body: Any) -> None:
    peer.says(TOKEN, Says(200, body))
    error = fails(lambda: amadeus.order("ord"))
    assert isinstance(error, Unavailable) and error.code == "unreadable_answer"


@pytest.mark.failure("A19")
def test_the_machines_proxy_is_ignored(peer: Peer, amadeus: AmadeusSupplier, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    peer.says(TOKEN, order())
    assert amadeus.order("ord").pnr == "2ZYVAL"


@pytest.mark.django_db(transaction=True)
def test_no_call_leaves_inside_a_transaction(peer: Peer, amadeus: AmadeusSupplier) -> None:
    with transaction.atomic(), pytest.raises(CalledInsideTransaction):
        amadeus.order("ord")
    assert peer.asked == []


def test_no_call_leaves_to_a_host_nobody_named(peer: Peer, amadeus: AmadeusSupplier, settings: Any) -> None:
    settings.AMADEUS_API_BASE = settings.DUFFEL_API_BASE = settings.STRIPE_API_BASE = settings.AMADEUS_API_BASE = "https://travel.api.amadeus.com"
    with pytest.raises(HostNotAllowed):
        amadeus.order("ord")
    assert peer.asked == []


# --- what is asked -----------------------------------------------------------------------------------------------


def test_a_simple_search_is_a_get(peer: Peer, amadeus: AmadeusSupplier) -> None:
    back = SearchQuery((Leg("SYD", "BKK", date(2031, 1, 1)), Leg("BKK", "SYD", date(2031, 1, 9))), adults=2, child_ages=(14, 5), infants=1,
                       max_connections=0)
    peer.says(TOKEN, Says(200, {"meta": {"count": 0}, "data": []}))
    assert amadeus.search(back) == []
    asked = peer.asked[1]
    assert (asked.method, asked.path, asked.body) == ("GET", adapter.SEARCH, b"")
    assert {name: values[0] for name, values in asked.query.items()} == {
        "originLocationCode": "SYD", "destinationLocationCode": "BKK", "departureDate": "2031-01-01", "returnDate": "2031-01-09",
        "adults": "3", "children": "1", "infants": "1", "nonStop": "true", "max": "50", "currencyCode": "USD"}
    assert "x-http-method-override" not in asked.headers or asked.headers["x-http-method-override"] == "GET"


def test_a_search_of_several_cities_or_for_a_cabin_is_a_post_that_says_it_only_reads(peer: Peer, amadeus: AmadeusSupplier) -> None:
    several = SearchQuery((Leg("SYD", "BKK", date(2031, 1, 1)), Leg("SIN", "SYD", date(2031, 1, 9))), adults=1, child_ages=(14, 5), infants=1,
                          cabin="business", max_connections=1)
    peer.says(TOKEN, Says(200, {"data": []}))
    amadeus.search(several)
    asked = peer.asked[1]
    assert (asked.method, asked.headers["x-http-method-override"]) == ("POST", "GET")
    assert asked.json["travelers"] == [{"id": "1", "travelerType": "ADULT"}, {"id": "2", "travelerType": "ADULT"},
                                       {"id": "3", "travelerType": "CHILD"},
                                       {"id": "4", "travelerType": "HELD_INFANT", "associatedAdultId": "1"}]
    assert asked.json["searchCriteria"]["flightFilters"] == {
        "cabinRestrictions": [{"cabin": "BUSINESS", "coverage": "MOST_SEGMENTS", "originDestinationIds": ["1", "2"]}],
        "connectionRestriction": {"maxNumberOfConnections": 1}}


def test_pricing_asks_for_bags_and_rules_and_says_it_only_reads(peer: Peer, amadeus: AmadeusSupplier) -> None:
    document = stored(amadeus, peer)
    peer.says(Says(200, {"data": {"flightOffers": [examples.fresh(examples.searched())["data"][0]]}}))
    amadeus.offer("am_1", document)
    asked = peer.asked[-1]
    assert (asked.method, asked.path, asked.headers["x-http-method-override"]) == ("POST", adapter.PRICE, "GET")
    assert asked.query == {"include": ["bags,detailed-fare-rules"]}


def test_an_order_id_that_comes_encoded_goes_encoded_once(peer: Peer, amadeus: AmadeusSupplier) -> None:
    peer.says(TOKEN, order())
    server_saw = []
    for given in ("eJzTd9f3NjIJdzUGAAp%2fAiY%3D", "eJzTd9f3NjIJdzUGAAp/AiY="):
        amadeus.order(given)
        server_saw.append(peer.asked[-1].path)
    assert server_saw == [f"{ORDERS}/eJzTd9f3NjIJdzUGAAp%2FAiY%3D"] * 2
    with pytest.raises(ValueError, match="empty"):
        amadeus.order("")
    assert fails(lambda: amadeus.order("locator:ABC123")).code == "not_supported"


# --- nothing leaks -----------------------------------------------------------------------------------------------
MARKS = ("amadeus_sandbox_secret", "tok_1", "Zzmark", "zzmark@example.com", "2080169999", "1977-03-29", "ZZ9PASSPORT", "ZZLOYAL",
         "FLY2ANY FLY2A-ABC234", "vendor detail")


def test_neither_logs_nor_call_records_know_a_secret_or_a_person(
        peer: Peer, amadeus: AmadeusSupplier, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.DEBUG)
    person = examples.people("1")[0].__class__(
        "1", "mr", "m", "Zzmarkgiven", "Zzmarkfamily", date(1977, 3, 29), "zzmark@example.com", "+442080169999",
        document={"kind": "passport", "number": "ZZ9PASSPORT", "country": "DE", "expires_on": "2035-01-01"}, loyalty=(("PR", "ZZLOYAL"),))
    raw = examples.ordered()
    raw["data"]["travelers"][0]["name"] = {"firstName": "ZZMARKGIVEN", "lastName": "ZZMARKFAMILY"}
    raw["data"]["remarks"] = {"general": [{"subType": "GENERAL_MISCELLANEOUS", "text": "FLY2ANY FLY2A-ABC234"}]}
    with exchanges.listening() as heard:
        document = stored(amadeus, peer)
        peer.says(Says(201, raw, {"Ama-Request-Id": "0001abc"}),
                  refused(400, 477, source={"pointer": "/data/travelers[0]/name/firstName", "example": "Zzmarkgiven"}))
        amadeus.create_order(examples.request(document, travellers=(person,)))
        told = fails(lambda: amadeus.create_order(examples.request(document, travellers=(person,))))
    assert [(one.vendor, one.method, one.path.partition("?")[0], one.status) for one in heard] == [
        ("amadeus", "POST", TOKEN_PATH, 200), ("amadeus", "GET", adapter.SEARCH, 200), ("amadeus", "POST", ORDERS, 201),
        ("amadeus", "POST", ORDERS, 400)]
    assert heard[2].request_id == "0001abc" and heard[2].got["data"]["id"] == raw["data"]["id"]
    assert heard[2].sent["data"]["flightOffers"][0]["price"]["grandTotal"] == "355.34"
    written = json.dumps([one.__dict__ for one in heard]) + caplog.text + "".join(capsys.readouterr()) + repr(told.__dict__) + str(told)
    assert [mark for mark in MARKS if mark.casefold() in written.casefold()] == []


def test_the_packages_own_logger_has_no_handler_and_no_voice(peer: Peer) -> None:
    for _ in range(3):
        amadeus_supplier(peer.base)
    assert logging.getLogger("amadeus").handlers == []
    assert not logging.getLogger("amadeus").isEnabledFor(logging.DEBUG)


def test_the_wire_stops_reading_what_is_too_long(peer: Peer, amadeus: AmadeusSupplier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MOST_BYTES", 2000)
    peer.says(TOKEN, order())
    assert isinstance(fails(lambda: amadeus.order("ord")), Unavailable)


def test_a_refusal_of_the_wrong_call_is_not_repeated(peer: Peer, amadeus: AmadeusSupplier) -> None:
    peer.says(TOKEN, refused(404, 1797))
    error = fails(lambda: amadeus.order("ord"))
    assert isinstance(error, Refused) and error.code == "not_found" and len(peer.asked) == 2
