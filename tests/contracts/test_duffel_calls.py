"""What goes over the wire to Duffel, and what comes of plain answers."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import UserDict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import transaction

from fly2any.kernel.errors import Refused, Unavailable
from fly2any.kernel.http import CalledInsideTransaction, HostNotAllowed
from fly2any.kernel.money import Money
from suppliers.duffel import errors
from suppliers.duffel.adapter import DuffelSupplier
from suppliers.duffel.client import CONNECT_SECONDS, DuffelClient
from suppliers.types import Leg, OrderState, SearchQuery
from tests.contracts.conftest import payload
from tests.contracts.scripted import Peer, Says
from tests.contracts.test_duffel_errors import GBP, REQUEST

QUERY = SearchQuery((Leg("ATL", "FLL", date(2026, 12, 1)),))


def made() -> dict[str, Any]:
    order: dict[str, Any] = payload("duffel/order_hold_unpaid.json")
    order["data"] |= {"offer_id": "off_1", "metadata": {"booking_id": "b-1", "reference": "FLY2A-ABC234"}}
    return order


def test_every_request_speaks_v2_and_says_what_it_sends(peer: Peer, duffel: DuffelSupplier) -> None:
    cancellation = payload("duffel/order_cancellation.json")
    peer.says(Says(201, made()), Says(200, cancellation), Says(200, made()))
    duffel.create_order(REQUEST)
    duffel.confirm_cancellation("ore_1")
    duffel.order("ord_1")
    for asked in peer.asked:
        assert asked.headers["duffel-version"] == "v2"
        assert asked.headers["authorization"] == "Bearer duffel_test_x"
        assert asked.headers["accept"] == "application/json"
        assert asked.headers["content-type"] == "application/json"
        assert "gzip" in asked.headers["accept-encoding"]
    create, confirm, read = peer.asked
    assert create.json["data"]["metadata"] == {"booking_id": "b-1", "reference": "FLY2A-ABC234"}
    assert (confirm.path, confirm.body) == ("/air/order_cancellations/ore_1/actions/confirm", b"")
    assert (read.method, read.path) == ("GET", "/air/orders/ord_1")


def test_each_write_has_a_connection_of_its_own_and_reads_share_theirs(peer: Peer, duffel: DuffelSupplier) -> None:
    peer.says(Says(200, made()), Says(200, made()), Says(201, made()), Says(201, made()))
    for _ in range(2):
        duffel.order("ord_1")
    for _ in range(2):
        duffel.create_order(REQUEST)
    first, second, third, fourth = (asked.port for asked in peer.asked)
    assert first == second and len({second, third, fourth}) == 3


def test_a_made_order_is_told(peer: Peer, duffel: DuffelSupplier) -> None:
    peer.says(Says(201, made()))
    order = duffel.create_order(REQUEST)
    assert (order.state, order.offer_id, order.booking_id) == (OrderState.HELD, "off_1", "b-1")
    assert order.pnr and order.pay_by


def test_a_search_is_one_post_that_asks_for_the_offers(peer: Peer, duffel: DuffelSupplier) -> None:
    raw = payload("duffel/offer_request_v2_live_return_2025.json")
    raw["data"]["offers"][0]["total_amount"] = 171.98  # one that cannot be read does not hide the others
    peer.says(Says(201, raw))
    offers = duffel.search(QUERY)
    assert len(offers) == len(raw["data"]["offers"]) - 1
    assert {offer.request_id for offer in offers} == {raw["data"]["id"]}
    asked = peer.asked[0]
    assert asked.query == {"return_offers": ["true"], "supplier_timeout": ["18000"]}
    assert asked.json["data"]["passengers"] == [{"type": "adult"}]


def test_a_search_nobody_can_read_is_no_empty_result(peer: Peer, duffel: DuffelSupplier) -> None:
    peer.says(Says(201, {"data": {"id": "orq_1", "offers": [{"id": "off_1"}]}}), Says(201, {"data": {"offers": []}}),
              Says(201, {"data": {"id": "orq_1", "offers": []}}))
    for _ in range(2):
        with pytest.raises(Unavailable):
            duffel.search(QUERY)
    assert duffel.search(QUERY) == []


def test_an_offer_is_asked_for_with_its_services(peer: Peer, duffel: DuffelSupplier) -> None:
    peer.says(Says(200, payload("duffel/offer_to_oneway_instant_services.json")))
    offer = duffel.offer("off_1/../x")
    assert offer.instant_only and offer.services
    assert peer.asked[0].path == "/air/offers/off_1%2F..%2Fx"
    assert peer.asked[0].query == {"return_available_services": ["true"]}


def test_no_seat_map_is_no_error(peer: Peer, duffel: DuffelSupplier) -> None:
    peer.says(Says(200, {"data": []}), Says(200, payload("duffel/seat_map_restricted_seat_general.json")))
    assert duffel.seat_maps("off_1") == []
    assert duffel.seat_maps("off_1")[0].cabins


def test_a_payment_is_exact(peer: Peer, duffel: DuffelSupplier) -> None:
    peer.says(Says(201, {"data": {"id": "pay_1", "amount": "90.80", "currency": "GBP", "status": "succeeded"}}))
    duffel.pay_order("ord_1", GBP)
    assert peer.asked[0].json == {"data": {"order_id": "ord_1", "payment": {
        "type": "balance", "amount": "90.80", "currency": "GBP"}}}


@pytest.mark.parametrize(("payments", "paid"), [
    ([], False), ([{"status": "failed"}, {"status": "cancelled"}], False), ([{"status": "pending"}], None),
    ([{"status": "pending"}, {"status": "succeeded"}], True), ([{"type": "balance"}], True),
    ([{"status": "brand_new"}], None), ([{"status": "succeeded", "order_id": "ord_other"}], False),
])
def test_whether_it_is_paid(peer: Peer, duffel: DuffelSupplier, payments: list[Any], paid: bool | None) -> None:
    peer.says(Says(200, {"data": payments, "meta": None}))
    assert duffel.paid("ord_1") is paid
    assert peer.asked[0].query["order_id"] == ["ord_1"]


def test_orders_of_another_offer_are_left_out_of_a_look(peer: Peer, duffel: DuffelSupplier) -> None:
    other = payload("duffel/order_instant_paid.json")["data"] | {"offer_id": "off_other"}
    peer.says(Says(200, {"data": [other, made()["data"]], "meta": {"after": None}}))
    assert [order.offer_id for order in duffel.find_orders("off_1")] == ["off_1"]
    assert peer.asked[0].query["offer_id"] == ["off_1"]


def test_a_look_that_cannot_read_an_order_is_no_empty_answer(peer: Peer, duffel: DuffelSupplier) -> None:
    peer.says(Says(200, {"data": [made()["data"] | {"total_amount": None}]}))
    with pytest.raises(Unavailable):
        duffel.find_orders("off_1")


def test_listings_are_followed_to_their_end(peer: Peer, duffel: DuffelSupplier) -> None:
    order = made()["data"]
    peer.says(Says(200, {"data": [order | {"id": "ord_1"}], "meta": {"after": "g2"}}),
              Says(200, {"data": [order | {"id": "ord_2", "total_amount": 1}, order | {"id": "ord_3"}],
                         "meta": {"after": "g3"}}),
              Says(200, {"data": [order | {"id": "ord_4"}], "meta": {"after": "g3"}}))  # stands still
    since = datetime(2026, 11, 21, 8, 0, 1, tzinfo=UTC)
    pages = [duffel.list_orders(since), duffel.list_orders(since, "g2"), duffel.list_orders(since, "g3")]
    assert [one.external_id for page in pages for one in page.items] == ["ord_1", "ord_3", "ord_4"]
    assert [(page.after, page.unread) for page in pages] == [("g2", ()), ("g3", ("ord_2",)), ("", ())]
    assert [asked.query.get("after") for asked in peer.asked] == [None, ["g2"], ["g3"]]
    assert peer.asked[0].query["created_at[after]"] == ["2026-11-21T08:00:00Z"]
    assert peer.asked[0].query["limit"] == ["200"]


def test_all_quotes_of_an_order(peer: Peer, duffel: DuffelSupplier) -> None:
    raws = payload("duffel/order_cancellations.json")["data"]
    peer.says(Says(200, {"data": raws}))
    found = duffel.cancellations("ord_0000AC3F2FPxSwEJdinggK")
    assert [quote.confirmed_at is not None for quote in found] == [True, False]


def test_a_quote_and_its_confirmation(peer: Peer, duffel: DuffelSupplier) -> None:
    raw = payload("duffel/order_cancellation.json")
    peer.says(Says(201, raw), Says(200, raw))
    quote = duffel.quote_cancellation("ord_1")
    assert quote.refund == Money(9080, "GBP")
    assert peer.asked[0].json == {"data": {"order_id": "ord_1"}}
    assert duffel.confirm_cancellation(quote.external_id).confirmed_at


# --- how long, where, and when not -------------------------------------------------------------------------------
def test_the_time_outs_are_those_of_the_rules() -> None:
    assert CONNECT_SECONDS == 3
    assert {call.name: call.seconds for call in errors.CALLS} == {
        "search": 25, "offer": 10, "read": 10, "create": 130, "pay": 130, "quote": 60, "cancel": 60, "accept": 60}
    assert {call.name for call in errors.CALLS if call.changes} == {"create", "pay", "cancel", "accept"}
    assert not any(call.changes and call.retried for call in errors.CALLS)


@pytest.mark.django_db(transaction=True)
def test_no_call_leaves_inside_a_transaction(peer: Peer, duffel: DuffelSupplier) -> None:
    with transaction.atomic(), pytest.raises(CalledInsideTransaction):
        duffel.order("ord_1")
    assert peer.asked == []


def test_no_call_leaves_to_a_host_nobody_named(peer: Peer, settings: Any) -> None:
    settings.DUFFEL_API_BASE = settings.STRIPE_API_BASE = settings.AMADEUS_API_BASE = "https://api.duffel.com"
    with pytest.raises(HostNotAllowed):
        DuffelSupplier(DuffelClient(token="t", base=peer.base)).order("ord_1")
    assert peer.asked == []


def test_the_machines_proxy_and_netrc_are_ignored(peer: Peer, duffel: DuffelSupplier, monkeypatch: Any,
                                                  tmp_path: Any) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    peer.says(Says(200, made()))
    duffel.order("ord_1")
    assert peer.asked[0].headers["authorization"] == "Bearer duffel_test_x"


def test_many_threads_share_one_client(peer: Peer) -> None:
    duffel = DuffelSupplier(DuffelClient(token="t", base=peer.base))
    peer.says(Says(200, made()))
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: duffel.order("ord_1").external_id, range(64)))
    assert len(set(found)) == 1 and len(peer.asked) == 64


# --- webhooks ----------------------------------------------------------------------------------------------------
SIGNED_AT = 1641667496


def signed(body: bytes, secret: str = "a_secret", at: int = SIGNED_AT) -> str:
    """An independent signature: not the code under test."""
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def test_the_published_vector_passes(duffel: DuffelSupplier) -> None:
    vector = payload("duffel/webhook_signature_vector.json")
    notice = duffel.read_notice(vector["body"].encode(), {"X-Duffel-Signature": vector["header"]})
    assert (notice.event_id, notice.kind, notice.raw_kind) == ("eve_0000AFEsrBKZAcKgGtZCnQ", "order.changed",
                                                              "order.updated")


@pytest.mark.parametrize(("name", "kind", "order_id", "offer_id"), [
    ("order.created", "order.created", "ord_0000ABd6wggSct7BoraU1o", "off_0000AEdJFJSX3Q17VeEU01"),
    ("order.creation_failed", "order.failed", "", "off_0000AEdJFJSX3Q17VeEU01"),
    ("payment.created", "order.paid", "", ""),
    ("order.airline_initiated_change_detected", "order.changed", "ord_0000ABd6wggSct7BoraU1o", ""),
    ("ping.triggered", "ping", "", ""),
])
def test_events_are_heard(duffel: DuffelSupplier, name: str, kind: str, order_id: str, offer_id: str) -> None:
    body = json.dumps(payload("duffel/webhook_events.json")[name]).encode()
    notice = duffel.read_notice(body, {"x-duffel-signature": f"t={SIGNED_AT},v1={signed(body)}"})
    assert (notice.kind, notice.order_id, notice.offer_id) == (kind, order_id, offer_id)


def test_unknown_events_are_kept_as_unknown(duffel: DuffelSupplier) -> None:
    body = b'{"id": "wev_1", "type": "order.painted", "data": null, "live_mode": true}'
    notice = duffel.read_notice(body, {"X-Duffel-Signature": f"t={SIGNED_AT},v1={signed(body)}"})
    assert (notice.kind, notice.raw_kind, notice.live_mode) == ("unknown", "order.painted", True)


@pytest.mark.parametrize("header", [
    "t={t},v2=00,v1=00,v1={good}", "v1={good},t={t}", " t={t} , v1={good} ", "t={t},v1={other},v1={new}",
])
def test_any_v1_of_either_secret_will_do(duffel: DuffelSupplier, header: str) -> None:
    body = b'{"id": "wev_1"}'
    filled = header.format(t=SIGNED_AT, good=signed(body), other=signed(body, "x"), new=signed(body, "new_secret"))
    assert duffel.read_notice(body, UserDict({"X-DUFFEL-SIGNATURE": filled})).event_id == "wev_1"


@pytest.mark.parametrize("header", [
    "", "t={t}", "v1={good}", "t={t},v2={good}", "t={t},v1={bad}", "t=,v1={good}", "t={t},t={t},v1={good}",
    "t={t},v1=é", "t=١٦٤,v1={good}", "t=-1,v1={good}", "t={t},v1={upper}", "t={t},v1=",
])
def test_a_signature_that_does_not_fit_is_refused(duffel: DuffelSupplier, header: str) -> None:
    body = b'{"id": "wev_1"}'
    filled = header.format(t=SIGNED_AT, good=signed(body), bad=signed(body + b" "), upper=signed(body).upper())
    with pytest.raises(Refused) as caught:
        duffel.read_notice(body, {"X-Duffel-Signature": filled})
    assert caught.value.code == "bad_signature"


@pytest.mark.parametrize(("age", "good"), [(300, True), (301, False), (-300, True), (-301, False)])
def test_old_and_future_signatures_are_refused(duffel: DuffelSupplier, age: int, good: bool) -> None:
    body, at = b'{"id": "wev_1"}', SIGNED_AT - age
    headers = {"X-Duffel-Signature": f"t={at},v1={signed(body, at=at)}"}
    if good:
        assert duffel.read_notice(body, headers)
    else:
        with pytest.raises(Refused):
            duffel.read_notice(body, headers)


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff\xfe", b'{"id": 5}', b'{"type": "x"}',
                                  b"[" * 100_000])
def test_a_signed_message_that_is_none_is_refused(duffel: DuffelSupplier, body: bytes) -> None:
    with pytest.raises(Refused) as caught:
        duffel.read_notice(body, {"X-Duffel-Signature": f"t={SIGNED_AT},v1={signed(body)}"})
    assert caught.value.code == "unreadable"


def test_without_a_secret_nothing_passes(peer: Peer) -> None:
    supplier = DuffelSupplier(DuffelClient(token="t", base=peer.base), webhook_secret=" , ",
                              clock=lambda: float(SIGNED_AT))
    body = b'{"id": "wev_1"}'
    with pytest.raises(Refused):
        supplier.read_notice(body, {"X-Duffel-Signature": f"t={SIGNED_AT},v1={signed(body, '')}"})


def test_a_message_too_large_is_refused_unread(duffel: DuffelSupplier) -> None:
    body = b"[" + b" " * (256 * 1024) + b"]"
    with pytest.raises(Refused):
        duffel.read_notice(body, {"X-Duffel-Signature": f"t={SIGNED_AT},v1={signed(body)}"})
