"""What goes over the wire to Stripe, and what comes of plain answers (the sandbox tests hold it to the schema)."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe
from django.db import transaction

from fly2any.kernel.errors import Refused, Unavailable
from fly2any.kernel.http import CalledInsideTransaction
from fly2any.kernel.money import Money
from payments.gateways.stripe import client as transport
from payments.gateways.stripe import mapping
from payments.gateways.stripe.amounts import minor_from_stripe, to_stripe
from payments.gateways.stripe.gateway import EVENT_TYPES, StripeGateway
from payments.types import PaymentState, RefundState
from tests.contracts.conftest import payload
from tests.contracts.scripted import Peer, Says

USD = Money(59999, "USD")
SINCE = datetime(2026, 11, 1, tzinfo=UTC)


def intent(**more: Any) -> dict[str, Any]:
    raw: dict[str, Any] = payload("stripe/fixtures.json")["resources"]["payment_intent"]
    return raw | {"amount": 59999, "currency": "usd", "status": "requires_payment_method", "last_payment_error": None,
                  "metadata": {"payment_id": "17", "booking": "b-1"}} | more


CHARGE = {"id": "ch_1", "object": "charge", "amount_refunded": 500, "disputed": True, "payment_method_details": {
    "card": {"brand": "visa", "last4": "4242", "capture_before": 1_800_000_000}}}


def test_an_intent_is_opened_for_a_card_and_captured_by_hand(peer: Peer, stripe_gateway: StripeGateway) -> None:
    peer.says(Says(200, intent()))
    found = stripe_gateway.create(amount=USD, key="pi:17", payment_id="17", booking_id="b-1",
                                  description="FLY2A-ABC234")
    assert (found.state, found.amount, found.payment_id, found.booking_id) == (PaymentState.OPEN, USD, "17", "b-1")
    assert found.client_secret and found.client_secret not in repr(found)
    asked = peer.asked[0]
    assert asked.form == {
        "amount": ["59999"], "currency": ["usd"], "capture_method": ["manual"], "description": ["FLY2A-ABC234"],
        "allowed_payment_method_types[0]": ["card"], "metadata[payment_id]": ["17"], "metadata[booking]": ["b-1"],
        "expand[0]": ["latest_charge"],
    }
    assert asked.headers["idempotency-key"] == "pi:17"
    assert asked.headers["stripe-version"] == "2026-10-28.endive"
    assert "x-stripe-client-telemetry" not in asked.headers


def test_capture_void_refund_carry_our_own_keys(peer: Peer, stripe_gateway: StripeGateway) -> None:
    refund = {"id": "re_1", "object": "refund", "amount": 500, "currency": "usd", "status": "pending",
              "metadata": {"refund_id": "9"}}
    peer.says(Says(200, intent(status="succeeded", amount_received=59999, latest_charge=CHARGE)),
              Says(200, intent(status="canceled")), Says(200, refund))
    captured = stripe_gateway.capture("pi_1", amount=USD, key="cap:17")
    voided = stripe_gateway.void("pi_1", key="void:17")
    given = stripe_gateway.refund("pi_1", amount=Money(500, "USD"), key="ref:9", refund_id="9")
    assert (captured.state, captured.captured_minor, captured.refunded_minor) == (PaymentState.CAPTURED, 59999, 500)
    assert (captured.card_brand, captured.card_last4, captured.disputed) == ("visa", "4242", True)
    assert captured.capture_before == datetime.fromtimestamp(1_800_000_000, UTC)
    assert voided.state == PaymentState.VOIDED
    assert (given.state, given.amount, given.refund_id) == (RefundState.SENT, Money(500, "USD"), "9")
    assert [(asked.path, asked.headers["idempotency-key"]) for asked in peer.asked] == [
        ("/v1/payment_intents/pi_1/capture", "cap:17"), ("/v1/payment_intents/pi_1/cancel", "void:17"),
        ("/v1/refunds", "ref:9")]
    assert peer.asked[0].form["amount_to_capture"] == ["59999"]
    assert peer.asked[2].form == {"payment_intent": ["pi_1"], "amount": ["500"], "metadata[refund_id]": ["9"]}


@pytest.mark.parametrize(("status", "state", "waits"), [
    ("requires_payment_method", PaymentState.OPEN, False), ("requires_confirmation", PaymentState.OPEN, False),
    ("requires_action", PaymentState.OPEN, True), ("processing", PaymentState.OPEN, False),
    ("requires_capture", PaymentState.AUTHORISED, False), ("succeeded", PaymentState.CAPTURED, False),
    ("canceled", PaymentState.VOIDED, False),
])
def test_every_status(
    peer: Peer, stripe_gateway: StripeGateway, status: str, state: PaymentState, waits: bool,
) -> None:
    peer.says(Says(200, intent(status=status, latest_charge="ch_bare")))
    found = stripe_gateway.get("pi_1")
    assert (found.state, found.needs_customer, found.card_last4) == (state, waits, "")
    assert peer.asked[0].query == {"expand[0]": ["latest_charge"]}


@pytest.mark.parametrize(("decline", "code", "kind"), [
    ("generic_decline", "card_declined", "card_declined"),
    ("insufficient_funds", "card_declined", "insufficient_funds"),
    ("lost_card", "card_declined", "card_declined"), ("stolen_card", "card_declined", "card_declined"),
    ("fraudulent", "card_declined", "card_declined"), ("merchant_blacklist", "card_declined", "card_declined"),
    (None, "expired_card", "expired_card"), (None, "incorrect_cvc", "incorrect_cvc"),
    ("invalid_cvc", "card_declined", "incorrect_cvc"), ("authentication_required", "card_declined", "auth_failed"),
    (None, "payment_intent_authentication_failure", "auth_failed"), (None, "processing_error", "processing_error"),
    ("try_again_later", "card_declined", "processing_error"), ("brand_new", "brand_new", "card_declined"),
    (None, None, ""),
])
def test_declines_say_no_more_than_the_customer_may_hear(decline: str | None, code: str | None, kind: str) -> None:
    failure = {"decline_code": decline, "code": code} if code else None
    found = mapping.intent(intent(last_payment_error=failure))
    assert (found.decline_kind, found.decline_code) == (kind, decline or code or "")


def test_each_attempt_has_a_name_of_its_own() -> None:
    def attempt(**more: Any) -> str:
        return mapping.intent(intent(**more)).attempt_id

    declined = {"code": "card_declined", "charge": "ch_1", "payment_method": {"id": "pm_1"}}
    challenge = {"code": "payment_intent_authentication_failure", "payment_method": {"id": "pm_2"}}
    assert attempt() == ""
    assert attempt(last_payment_error=declined, latest_charge=CHARGE) == "ch_1"
    assert attempt(last_payment_error=declined | {"charge": "ch_2"}) == "ch_2"
    assert attempt(last_payment_error=challenge) == "pm_2:payment_intent_authentication_failure"
    assert attempt(status="requires_capture", latest_charge={"id": "ch_3"}) == "ch_3"


@pytest.mark.parametrize(("ours", "theirs"), [
    (Money(1099, "USD"), 1099), (Money(1099, "JPY"), 1099), (Money(5, "ISK"), 500), (Money(12340, "BHD"), 12340),
    (Money(12300, "MGA"), 123), (Money(10_00, "HUF"), 1000), (Money(5000, "UGX"), 5000),
    (Money(99_999_999, "USD"), 99_999_999),
])
def test_amounts_in_stripes_units(ours: Money, theirs: int) -> None:
    assert to_stripe(ours) == theirs
    assert minor_from_stripe(theirs, ours.currency) == ours.minor


def test_a_króna_is_not_a_hundredth_on_the_way_back(peer: Peer, stripe_gateway: StripeGateway) -> None:
    peer.says(Says(200, intent(amount=500, currency="isk", status="succeeded", amount_received=500)))
    found = stripe_gateway.get("pi_1")
    assert (found.amount, found.captured_minor) == (Money(5, "ISK"), 5)
    with pytest.raises(mapping.Unreadable):
        mapping.intent(intent(amount=550, currency="isk"))


# --- listings ----------------------------------------------------------------------------------------------------
def page(*rows: dict[str, Any], more: bool = False) -> Says:
    return Says(200, {"object": "list", "data": list(rows), "has_more": more, "url": "/v1/x"})


def test_an_intent_is_found_by_our_own_id(peer: Peer, stripe_gateway: StripeGateway) -> None:
    peer.says(page(intent(id="pi_1", metadata={}), intent(id="pi_2", status="canceled"), more=True),
              page(intent(id="pi_3", status="requires_capture"), intent(id="pi_4")))
    found = stripe_gateway.find(payment_id="17", since=SINCE)
    assert found is not None and found.external_id == "pi_3"
    assert [asked.query.get("starting_after") for asked in peer.asked] == [None, ["pi_2"]]
    assert peer.asked[0].query["created[gte]"] == [str(int(SINCE.timestamp()))]
    assert peer.asked[0].query["limit"] == ["100"]


def test_none_is_found_when_there_is_none(peer: Peer, stripe_gateway: StripeGateway) -> None:
    peer.says(page(intent(metadata={"payment_id": "18"})))
    assert stripe_gateway.find(payment_id="17", since=SINCE) is None


def test_refunds_and_disputes_are_listed(peer: Peer, stripe_gateway: StripeGateway) -> None:
    refunds = [{"id": f"re_{status}", "amount": 5, "currency": "usd", "status": status, "failure_reason": None}
               for status in ("pending", "requires_action", "succeeded", "failed", "canceled", "brand_new")]
    dispute = {"id": "dp_1", "amount": 5, "currency": "usd", "status": "needs_response", "reason": "fraudulent",
               "payment_intent": {"id": "pi_1"}, "evidence_details": {"due_by": 1795000000}}
    peer.says(page(*refunds), page(dispute))
    assert [refund.state for refund in stripe_gateway.refunds("pi_1")] == [
        RefundState.SENT, RefundState.SENT, RefundState.SUCCEEDED, RefundState.FAILED, RefundState.FAILED,
        RefundState.SENT]
    assert [(found.intent_id, found.status, found.over, found.answer_by)
            for found in stripe_gateway.list_disputes(SINCE).items] == [
        ("pi_1", "needs_response", False, datetime.fromtimestamp(1795000000, UTC))]


def test_charges_are_listed_and_a_released_reservation_is_no_refund(peer: Peer, stripe_gateway: StripeGateway) -> None:
    charge = {"amount": 500, "currency": "usd", "status": "succeeded", "payment_intent": "pi_1", "created": 1795000000}
    peer.says(page(charge | {"id": "ch_1", "captured": True, "amount_captured": 500, "amount_refunded": 100},
                   charge | {"id": "ch_2", "captured": False, "amount_refunded": 500, "refunded": True},
                   charge | {"id": "ch_3", "captured": False, "status": "failed"}))
    assert [(one.external_id, one.good, one.captured_minor, one.refunded_minor)
            for one in stripe_gateway.list_charges(SINCE).items] == [
        ("ch_1", True, 500, 100), ("ch_2", True, 0, 0), ("ch_3", False, 0, 0)]
    assert peer.asked[0].path.endswith("/v1/charges")


def test_a_list_is_asked_for_page_by_page_and_odd_objects_are_named(peer: Peer, stripe_gateway: StripeGateway) -> None:
    peer.says(page(intent(id="pi_1"), intent(id="pi_2", status="brand_new"), more=True), page(intent(id="pi_3")))
    first = stripe_gateway.list_intents(SINCE)
    assert ([one.external_id for one in first.items], first.after, first.unread) == (["pi_1"], "pi_2", ("pi_2",))
    last = stripe_gateway.list_intents(SINCE, first.after)
    assert ([one.external_id for one in last.items], last.after) == (["pi_3"], "")
    assert [asked.query.get("starting_after") for asked in peer.asked] == [None, ["pi_2"]]
    peer.says(page(intent(id="pi_4", status="brand_new")))
    with pytest.raises(Unavailable):  # nothing is decided from half a list
        stripe_gateway.find(payment_id="17", since=SINCE)


def test_fraud_warnings_are_found_by_their_events(peer: Peer, stripe_gateway: StripeGateway) -> None:
    peer.says(page({"id": "evt_1", "object": "event", "type": "radar.early_fraud_warning.created", "livemode": False,
                    "data": {"object": {"id": "issfr_1", "object": "radar.early_fraud_warning", "charge": "ch_1",
                                        "payment_intent": "pi_1"}}}))
    [found] = stripe_gateway.list_warnings(SINCE).items
    assert (found.object_id, found.intent_id) == ("issfr_1", "pi_1")
    assert peer.asked[0].query["types[0]"] == ["radar.early_fraud_warning.created"]


def test_undelivered_events_are_asked_for_by_name_and_not_too_far_back(
    peer: Peer, stripe_gateway: StripeGateway,
) -> None:
    event = {"id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "livemode": False,
             "data": {"object": {"id": "pi_1", "object": "payment_intent"}}}
    peer.says(page(event))
    found = stripe_gateway.list_undelivered(datetime(2020, 1, 1, tzinfo=UTC)).items
    assert [(notice.event_id, notice.intent_id) for notice in found] == [("evt_1", "pi_1")]
    query = peer.asked[0].query
    assert query["delivery_success"] == ["false"]
    assert len(EVENT_TYPES) <= 20 and query["types[0]"] == [EVENT_TYPES[0]]
    assert int(query["created[gte]"][0]) > time.time() - 31 * 86400


# --- when not ----------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_no_call_leaves_inside_a_transaction(peer: Peer, stripe_gateway: StripeGateway) -> None:
    with transaction.atomic(), pytest.raises(CalledInsideTransaction):
        stripe_gateway.get("pi_1")
    assert peer.asked == []


def test_the_time_outs_are_those_of_the_rules() -> None:
    assert (transport.CONNECT_SECONDS, transport.READ_SECONDS, transport.RETRIES) == (3, 20, 2)


def test_many_threads_share_one_client(peer: Peer) -> None:
    gateway = StripeGateway(transport.build(key="sk_test_x", base=peer.base), base=peer.base)
    peer.says(Says(200, intent()))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: gateway.get("pi_1").state, range(64)))
    assert set(found) == {PaymentState.OPEN} and len(peer.asked) == 64


# --- webhooks ----------------------------------------------------------------------------------------------------
EVENT = {"id": "evt_1", "object": "event", "type": "payment_intent.amount_capturable_updated", "livemode": False,
         "data": {"object": {"id": "pi_1", "object": "payment_intent"}}}


def headers(body: bytes, secret: str = "whsec_new", age: int = 0) -> dict[str, str]:
    """An independent signature: not the library's own."""
    at = int(time.time()) - age
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={at},v1={digest},v0=00"}


@pytest.mark.parametrize("secret", ["whsec_new", "whsec_old"])
def test_either_secret_will_do_while_one_replaces_the_other(stripe_gateway: StripeGateway, secret: str) -> None:
    body = json.dumps(EVENT).encode()
    notice = stripe_gateway.read_notice(body, headers(body, secret))
    assert (notice.event_id, notice.kind, notice.intent_id) == ("evt_1", "payment.changed", "pi_1")


@pytest.mark.parametrize(("kind", "thing", "ours", "intent_id"), [
    ("payment_intent.succeeded", {"id": "pi_1", "object": "payment_intent"}, "payment.captured", "pi_1"),
    ("charge.expired", {"id": "ch_1", "object": "charge", "payment_intent": "pi_1"}, "payment.changed", "pi_1"),
    ("charge.refunded", {"id": "ch_1", "object": "charge", "payment_intent": "pi_1"}, "refund.changed", "pi_1"),
    ("charge.refund.updated", {"id": "re_1", "object": "refund", "payment_intent": "pi_1"}, "refund.changed", "pi_1"),
    ("refund.failed", {"id": "re_1", "object": "refund", "payment_intent": {"id": "pi_1"}}, "refund.changed", "pi_1"),
    ("charge.dispute.created", {"id": "dp_1", "object": "dispute", "payment_intent": "pi_1"}, "dispute.changed",
     "pi_1"),
    ("customer.created", {"id": "cus_1", "object": "customer"}, "unknown", ""),
    ("payment_intent.succeeded", None, "payment.captured", ""),
])
def test_events_are_heard(stripe_gateway: StripeGateway, kind: str, thing: Any, ours: str, intent_id: str) -> None:
    body = json.dumps(EVENT | {"type": kind, "data": {"object": thing}, "livemode": True}).encode()
    notice = stripe_gateway.read_notice(body, headers(body))
    assert (notice.kind, notice.intent_id, notice.raw_kind, notice.live_mode) == (ours, intent_id, kind, True)


BODY = json.dumps(EVENT).encode()
BAD: list[Callable[[], dict[str, str]]] = [
    dict, lambda: {"Stripe-Signature": ""}, lambda: {"Stripe-Signature": "nonsense"},
    lambda: {"Stripe-Signature": "t=1,v1=00"}, lambda: headers(BODY, "whsec_other"), lambda: headers(BODY + b" "),
    lambda: headers(BODY, age=302), lambda: headers(BODY, age=-302),
    lambda: {"Stripe-Signature": headers(BODY)["Stripe-Signature"].replace("v1=", "v0=")},
    lambda: {"Stripe-Signature": f"t={int(time.time())},v1=é"},
]


@pytest.mark.parametrize("made", BAD)
def test_a_signature_that_does_not_fit_is_refused(
    stripe_gateway: StripeGateway, made: Callable[[], dict[str, str]],
) -> None:
    with pytest.raises(Refused) as caught:
        stripe_gateway.read_notice(BODY, made())
    assert caught.value.code == "bad_signature"


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'{"object": "event"}', b'{"id": "evt_1"}', b"[" * 100_000,
                                  b'{"object": "v2.core.event", "id": "e"}'])
def test_a_signed_message_that_is_no_event_is_refused(stripe_gateway: StripeGateway, body: bytes) -> None:
    with pytest.raises(Refused) as caught:
        stripe_gateway.read_notice(body, headers(body))
    assert caught.value.code == "unreadable"


def test_bytes_that_are_no_text_are_refused(stripe_gateway: StripeGateway) -> None:
    with pytest.raises(Refused):
        stripe_gateway.read_notice(b"\xff\xfe", headers(b"\xff\xfe"))


def test_without_a_secret_nothing_passes(peer: Peer) -> None:
    gateway = StripeGateway(transport.build(key="sk_test_x", base=peer.base), base=peer.base, webhook_secret=" ,")
    with pytest.raises(Refused):
        gateway.read_notice(BODY, headers(BODY, ""))


def test_the_librarys_own_signature_passes_too(stripe_gateway: StripeGateway) -> None:
    header = stripe.WebhookSignature.generate_signature_header(BODY.decode(), "whsec_old")
    assert stripe_gateway.read_notice(BODY, {"stripe-signature": header}).event_id == "evt_1"
