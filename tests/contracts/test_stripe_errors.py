"""Every way a call to Stripe can end badly, over real HTTP and the real library: which family, which code."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from fly2any.kernel.errors import OutcomeUnknown, Outside, Refused, Unavailable
from fly2any.kernel.money import Money
from payments.gateways.stripe import client as transport
from payments.gateways.stripe import errors
from payments.gateways.stripe.gateway import StripeGateway
from tests.contracts.conftest import payload
from tests.contracts.scripted import Peer, Says, unused_port

USD = Money(59999, "USD")
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
DEEDS: dict[str, Callable[[StripeGateway], Any]] = {
    "create": lambda g: g.create(amount=USD, key="pi:1", payment_id="1", booking_id="b", description="FLY2A-ABC234"),
    "capture": lambda g: g.capture("pi_1", amount=USD, key="cap:1"),
    "void": lambda g: g.void("pi_1", key="void:1"),
    "refund": lambda g: g.refund("pi_1", amount=USD, key="ref:1", refund_id="9"),
    "get": lambda g: g.get("pi_1"),
    "find": lambda g: g.find(payment_id="1", since=SINCE),
    "refunds": lambda g: g.refunds("pi_1"),
    "recent": lambda g: g.list_intents(SINCE),
    "charges": lambda g: g.list_charges(SINCE),
    "refunded": lambda g: g.list_refunds(SINCE),
    "disputes": lambda g: g.list_disputes(SINCE),
    "warnings": lambda g: g.list_warnings(SINCE),
    "one refund": lambda g: g.get_refund("re_1"),
    "one charge": lambda g: g.get_charge("ch_1"),
    "one dispute": lambda g: g.get_dispute("dp_1"),
    "undelivered": lambda g: g.list_undelivered(SINCE),
}
WRITES = ("create", "capture", "void", "refund")
READS = tuple(name for name in DEEDS if name not in WRITES)


def body(code: str | None = None, kind: str = "invalid_request_error", **extra: Any) -> dict[str, Any]:
    return {"error": {"type": kind, "message": "vendor text", **({"code": code} if code else {}), **extra}}


def fails(gateway: StripeGateway, deed: str) -> Outside:
    with pytest.raises(Outside) as caught:
        DEEDS[deed](gateway)
    return caught.value


ROWS: list[tuple[str, int, Any, type[Outside], str]] = [
    ("create", 400, body("amount_too_small"), Refused, "amount_too_small"),
    ("create", 400, body("amount_too_large"), Refused, "amount_too_large"),
    ("create", 400, body("parameter_unknown"), Refused, "gateway_refused"),
    ("create", 400, body(kind="idempotency_error"), Refused, "key_reused"),
    ("capture", 402, body("card_declined", "card_error", decline_code="generic_decline"), Refused, "card_declined"),
    ("capture", 400, body("charge_already_captured"), Refused, "already_captured"),
    ("capture", 400, body("capture_charge_authorization_expired"), Refused, "authorisation_expired"),
    ("capture", 402, body("capture_charge_authorization_expired", "card_error"), Refused, "authorisation_expired"),
    ("capture", 400, body("charge_expired_for_capture"), Refused, "authorisation_expired"),
    ("capture", 400, body("payment_intent_unexpected_state", payment_intent={"status": "succeeded"}), Refused,
     "already_captured"),
    ("capture", 400, body("payment_intent_unexpected_state", payment_intent={"status": "canceled"}), Refused,
     "already_voided"),
    ("capture", 400, body("payment_intent_unexpected_state", payment_intent={"status": "requires_payment_method"}),
     Refused, "authorisation_expired"),
    ("capture", 400, body("payment_intent_unexpected_state"), Refused, "authorisation_expired"),
    ("void", 400, body("payment_intent_unexpected_state", payment_intent={"status": "processing"}), Refused,
     "wrong_state"),
    ("void", 400, body("payment_intent_unexpected_state", payment_intent={"status": "succeeded"}), Refused,
     "already_captured"),
    ("refund", 400, body("charge_already_refunded"), Refused, "refund_exceeds"),
    ("refund", 400, body(param="amount"), Refused, "refund_exceeds"),
    ("refund", 400, body("refund_disputed_payment"), Refused, "disputed"),
    ("refund", 400, body("charge_disputed"), Refused, "disputed"),
    ("get", 404, body("resource_missing"), Refused, "not_found"),
    ("capture", 404, body(), Refused, "not_found"),
    ("capture", 409, body("idempotency_key_in_use", "idempotency_error"), OutcomeUnknown, "twin_running"),
    ("capture", 409, body("lock_timeout", "idempotency_error"), OutcomeUnknown, "twin_running"),
    ("get", 409, body("lock_timeout", "idempotency_error"), Unavailable, "twin_running"),
    ("create", 429, body("rate_limit"), Unavailable, "gateway_busy"),
    ("create", 400, body("rate_limit"), Unavailable, "gateway_busy"),
    ("create", 401, body(), Unavailable, "misconfigured"),
    ("create", 403, body(), Unavailable, "misconfigured"),
    ("create", 500, body(kind="api_error"), OutcomeUnknown, "gateway_down"),
    ("capture", 503, b"<html>", OutcomeUnknown, "gateway_down"),
    ("get", 500, body(kind="api_error"), Unavailable, "gateway_down"),
    ("capture", 302, b"", OutcomeUnknown, "unreadable_answer"),
    ("capture", 200, b"{\"id\":", OutcomeUnknown, "unreadable_answer"),
    ("capture", 200, [], OutcomeUnknown, "unreadable_answer"),
    ("capture", 200, {"id": "pi_1", "object": "payment_intent"}, OutcomeUnknown, "unreadable_answer"),
    ("get", 200, {"id": "pi_1", "object": "payment_intent"}, Unavailable, "unreadable_answer"),
    ("recent", 200, {"object": "list", "data": None}, Unavailable, "unreadable_answer"),
]


@pytest.mark.parametrize(("deed", "status", "what", "family", "ours"), ROWS)
def test_an_error_means_what_the_table_says(
    peer: Peer, stripe_gateway: StripeGateway, deed: str, status: int, what: Any, family: type[Outside], ours: str,
) -> None:
    peer.says(Says(status, what, {"Request-Id": "req_1", "Location": "/v1/elsewhere"}))
    error = fails(stripe_gateway, deed)
    assert (type(error), error.code) == (family, ours)
    assert "vendor text" not in str(error)
    assert len(peer.asked) == 1


def test_every_code_of_the_table_has_a_row() -> None:
    asked = {row[2]["error"].get("code") for row in ROWS if isinstance(row[2], dict) and "error" in row[2]}
    assert asked >= set(errors.CODES)


@pytest.mark.parametrize("status", ["paid", "", None, 1])
def test_an_unknown_status_decides_nothing(peer: Peer, stripe_gateway: StripeGateway, status: Any) -> None:
    intent = payload("stripe/fixtures.json")["resources"]["payment_intent"] | {"status": status}
    peer.says(Says(200, intent))
    assert (type(error := fails(stripe_gateway, "capture")), error.code) == (OutcomeUnknown, "unreadable_answer")
    assert (type(error := fails(stripe_gateway, "get")), error.code) == (Unavailable, "unreadable_answer")


@pytest.mark.parametrize(("field", "value"), [("amount", 10.99), ("amount", "1099"), ("amount", None),
                                              ("amount", True), ("currency", None), ("currency", "zzz"),
                                              ("amount_received", "0"), ("id", "")])
def test_money_that_cannot_be_read_is_no_answer(
    peer: Peer, stripe_gateway: StripeGateway, field: str, value: Any,
) -> None:
    intent = payload("stripe/fixtures.json")["resources"]["payment_intent"]
    peer.says(Says(200, intent | {"status": "succeeded", field: value}))
    assert (type(error := fails(stripe_gateway, "capture")), error.code) == (OutcomeUnknown, "unreadable_answer")


@pytest.mark.parametrize("fault", ["reset", "cut", "hang"])
@pytest.mark.parametrize("deed", WRITES)
def test_a_lost_answer_to_a_write_is_unknown(
    peer: Peer, stripe_gateway: StripeGateway, hasty_stripe: StripeGateway, deed: str, fault: str,
) -> None:
    peer.says(Says(200, {}, fault=fault))
    error = fails(hasty_stripe if fault == "hang" else stripe_gateway, deed)
    assert type(error) is OutcomeUnknown
    assert error.code == ("gateway_timeout" if fault == "hang" else "gateway_down")


@pytest.mark.parametrize("deed", READS)
def test_a_lost_answer_to_a_read_is_unavailable(peer: Peer, stripe_gateway: StripeGateway, deed: str) -> None:
    peer.says(Says(200, {}, fault="reset"))
    assert type(fails(stripe_gateway, deed)) is Unavailable


@pytest.mark.parametrize("deed", [*WRITES, *READS])
@pytest.mark.failure("S17")
def test_a_refused_connection_certainly_did_nothing(settings: Any, deed: str) -> None:
    base = settings.STRIPE_API_BASE = f"http://127.0.0.1:{unused_port()}"
    gateway = StripeGateway(transport.build(key="sk_test_x", base=base, retries=0), base=base)
    assert (type(error := fails(gateway, deed)), error.code) == (Unavailable, "gateway_down")


def test_repeats_carry_the_same_key_and_the_same_body(peer: Peer) -> None:
    intent = payload("stripe/fixtures.json")["resources"]["payment_intent"]
    peer.says(Says(fault="reset"), Says(500, body(kind="api_error")), Says(200, intent))
    gateway = StripeGateway(transport.build(key="sk_test_x", base=peer.base), base=peer.base)
    DEEDS["create"](gateway)
    assert {asked.headers["idempotency-key"] for asked in peer.asked} == {"pi:1"}
    assert len({asked.body for asked in peer.asked}) == 1
    assert len(peer.asked) == 3


@pytest.mark.parametrize("last", [Says(429, body("rate_limit")), Says(401, body())])
def test_a_definite_no_to_a_repeat_does_not_settle_the_first_attempt(peer: Peer, last: Says) -> None:
    """The first attempt may have been carried out; only its answer was lost."""
    peer.says(Says(fault="reset"), last)
    gateway = StripeGateway(transport.build(key="sk_test_x", base=peer.base, retries=1), base=peer.base)
    assert type(fails(gateway, "capture")) is OutcomeUnknown
    assert type(fails(gateway, "get")) is Unavailable
    assert (type(error := fails(gateway, "capture")), len(peer.asked)) == (Unavailable, 4), error


def test_a_write_needs_a_key_and_an_id(peer: Peer, stripe_gateway: StripeGateway) -> None:
    for deed in (lambda: stripe_gateway.capture("pi_1", amount=USD, key=""),
                 lambda: stripe_gateway.capture("", amount=USD, key="cap:1"),
                 lambda: stripe_gateway.get(""), lambda: stripe_gateway.refunds("")):
        with pytest.raises(ValueError, match="empty id|our own key"):
            deed()
    assert peer.asked == []


@pytest.mark.parametrize(("amount", "code"), [
    (Money(12345, "BHD"), "amount_not_chargeable"), (Money(12345, "MGA"), "amount_not_chargeable"),
    (Money(0, "USD"), "amount_too_small"), (Money(-5, "USD"), "amount_too_small"),
    (Money(100_000_000, "USD"), "amount_too_large"), (Money(1_000_000, "ISK"), "amount_too_large"),
    (Money(5, "QQQ"), "amount_not_chargeable"),
])
def test_an_amount_a_card_cannot_take_is_refused_here(
    peer: Peer, stripe_gateway: StripeGateway, amount: Money, code: str,
) -> None:
    with pytest.raises(Refused) as caught:
        stripe_gateway.capture("pi_1", amount=amount, key="cap:1")
    assert (caught.value.code, peer.asked) == (code, [])
