"""The gateway against the sandbox's Stripe, which checks every request against Stripe's own schema."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from fly2any.kernel.errors import OutcomeUnknown, Outside, Refused, Unavailable
from fly2any.kernel.money import Money
from payments.gateways.stripe import client as transport
from payments.gateways.stripe.gateway import StripeGateway
from payments.port import Gateway
from payments.types import Intent, PaymentState, RefundState
from tests.sandbox.process import Sandbox, Site, wait_until

USD = Money(59999, "USD")
CHALLENGED, DECLINED, POOR = "4000002760003184", "4000000000000002", "4000000000009995"


def opened(gateway: StripeGateway, payment_id: str = "17", amount: Money = USD) -> Intent:
    return gateway.create(amount=amount, key=f"pi:{payment_id}", payment_id=payment_id, booking_id="b-1",
                          description="FLY2A-ABC234")


def bank(world: Sandbox, path: str, **given: Any) -> dict[str, Any]:
    """What the buyer or the bank does, in the sandbox."""
    answer = world.http.post(f"/_stripe/{path}", json=given)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def pay(world: Sandbox, intent: Intent, card: str = "4242424242424242", **more: Any) -> None:
    bank(world, f"payment_intents/{intent.external_id}/authorise", card=card, **more)


def authorised(world: Sandbox, gateway: StripeGateway, amount: Money = USD) -> Intent:
    intent = opened(gateway, amount=amount)
    pay(world, intent)
    return gateway.get(intent.external_id)


def fails(deed: Callable[[], Any]) -> Outside:
    with pytest.raises(Outside) as caught:
        deed()
    return caught.value


def test_the_adapter_has_every_verb_of_the_port_with_its_parameters() -> None:
    for name, verb in inspect.getmembers(Gateway, inspect.isfunction):
        if not name.startswith("_"):
            ours = inspect.signature(getattr(StripeGateway, name))
            assert list(ours.parameters) == list(inspect.signature(verb).parameters), name


def test_money_is_reserved_then_taken_then_given_back(world: Sandbox, box_stripe: StripeGateway) -> None:
    intent = opened(box_stripe)
    assert (intent.state, intent.client_secret != "", intent.attempt_id) == (PaymentState.OPEN, True, "")
    pay(world, intent)
    held = box_stripe.get(intent.external_id)
    assert (held.state, held.captured_minor, held.card_brand, held.card_last4) == (
        PaymentState.AUTHORISED, 0, "visa", "4242")
    assert held.capture_before and held.capture_before > datetime.now(UTC) + timedelta(days=5)
    assert (held.payment_id, held.booking_id, held.live_mode) == ("17", "b-1", False)

    taken = box_stripe.capture(intent.external_id, amount=USD, key="cap:17")
    assert (taken.state, taken.captured_minor, taken.refunded_minor) == (PaymentState.CAPTURED, 59999, 0)
    assert box_stripe.capture(intent.external_id, amount=USD, key="cap:17") == taken

    part = box_stripe.refund(intent.external_id, amount=Money(9999, "USD"), key="ref:1", refund_id="1")
    assert (part.state, part.amount, part.refund_id) == (RefundState.SUCCEEDED, Money(9999, "USD"), "1")
    assert box_stripe.refund(intent.external_id, amount=Money(9999, "USD"), key="ref:1", refund_id="1") == part
    assert box_stripe.get(intent.external_id).refunded_minor == 9999
    error = fails(lambda: box_stripe.refund(intent.external_id, amount=USD, key="ref:2", refund_id="2"))
    assert (type(error), error.code) == (Refused, "refund_exceeds")
    rest = box_stripe.refund(intent.external_id, amount=Money(50000, "USD"), key="ref:3", refund_id="3")
    assert {refund.external_id for refund in box_stripe.refunds(intent.external_id)} == {part.external_id,
                                                                                        rest.external_id}
    error = fails(lambda: box_stripe.refund(intent.external_id, amount=Money(1, "USD"), key="ref:4", refund_id="4"))
    assert (type(error), error.code) == (Refused, "refund_exceeds")


def test_less_than_reserved_may_be_taken(world: Sandbox, box_stripe: StripeGateway) -> None:
    intent = authorised(world, box_stripe)
    taken = box_stripe.capture(intent.external_id, amount=Money(50000, "USD"), key="cap:17")
    assert (taken.state, taken.captured_minor, taken.amount) == (PaymentState.CAPTURED, 50000, USD)


def test_a_reservation_is_released_and_stays_released(world: Sandbox, box_stripe: StripeGateway) -> None:
    intent = authorised(world, box_stripe)
    assert box_stripe.void(intent.external_id, key="void:17").state == PaymentState.VOIDED
    assert box_stripe.void(intent.external_id, key="void:17").state == PaymentState.VOIDED
    for deed in (lambda: box_stripe.void(intent.external_id, key="void:17:2"),
                 lambda: box_stripe.capture(intent.external_id, amount=USD, key="cap:17")):
        assert (type(error := fails(deed)), error.code) == (Refused, "already_voided")


def test_taken_money_is_not_voided_and_not_taken_twice(world: Sandbox, box_stripe: StripeGateway) -> None:
    intent = authorised(world, box_stripe)
    box_stripe.capture(intent.external_id, amount=USD, key="cap:17")
    for deed in (lambda: box_stripe.void(intent.external_id, key="void:17"),
                 lambda: box_stripe.capture(intent.external_id, amount=USD, key="cap:17:2")):
        assert (type(error := fails(deed)), error.code) == (Refused, "already_captured")
    assert [row["amount"] for row in world.ledger(vendor="stripe") if "captured" in row["event"]] == [59999]


def test_an_unconfirmed_intent_is_closed_and_cannot_be_captured(box_stripe: StripeGateway) -> None:
    intent = opened(box_stripe)
    error = fails(lambda: box_stripe.capture(intent.external_id, amount=USD, key="cap:17"))
    assert (type(error), error.code) == (Refused, "authorisation_expired")
    assert box_stripe.void(intent.external_id, key="void:17").state == PaymentState.VOIDED


@pytest.mark.failure("S9")
def test_an_expired_reservation_is_gone(world: Sandbox, box_stripe: StripeGateway) -> None:
    intent = authorised(world, box_stripe)
    bank(world, f"authorisations/{intent.external_id}/expire")
    assert box_stripe.get(intent.external_id).state == PaymentState.VOIDED


@pytest.mark.parametrize("code", ["charge_expired_for_capture", "capture_charge_authorization_expired"])
def test_a_capture_the_bank_no_longer_honours(world: Sandbox, box_stripe: StripeGateway, code: str) -> None:
    intent = authorised(world, box_stripe)
    bank(world, "capture_fails", code=code)
    error = fails(lambda: box_stripe.capture(intent.external_id, amount=USD, key="cap:17"))
    assert (type(error), error.code) == (Refused, "authorisation_expired")


def test_each_decline_is_one_attempt_and_then_another_card_works(world: Sandbox, box_stripe: StripeGateway) -> None:
    intent = opened(box_stripe)
    seen = []
    for card, kind in ((DECLINED, "card_declined"), (POOR, "insufficient_funds")):
        pay(world, intent, card)
        now = box_stripe.get(intent.external_id)
        assert (now.state, now.decline_kind) == (PaymentState.OPEN, kind)
        assert box_stripe.get(intent.external_id).attempt_id == now.attempt_id
        seen.append(now.attempt_id)
    assert len({"", *seen}) == 3
    pay(world, intent)
    now = box_stripe.get(intent.external_id)
    assert (now.state, now.decline_kind) == (PaymentState.AUTHORISED, "")


def test_a_challenge_waits_for_the_customer(world: Sandbox, box_stripe: StripeGateway) -> None:
    intent = opened(box_stripe)
    pay(world, intent, CHALLENGED)
    now = box_stripe.get(intent.external_id)
    assert (now.state, now.needs_customer) == (PaymentState.OPEN, True)
    bank(world, f"payment_intents/{intent.external_id}/complete_3ds", success=False)
    now = box_stripe.get(intent.external_id)
    assert (now.state, now.needs_customer, now.decline_kind) == (PaymentState.OPEN, False, "auth_failed")
    assert now.attempt_id
    pay(world, intent, CHALLENGED, challenge=True)
    assert box_stripe.get(intent.external_id).state == PaymentState.AUTHORISED


def test_one_key_makes_one_intent_and_other_parameters_are_a_bug(world: Sandbox, box_stripe: StripeGateway) -> None:
    first = opened(box_stripe)
    assert opened(box_stripe).external_id == first.external_id
    error = fails(lambda: opened(box_stripe, amount=Money(1, "USD") + USD))
    assert (type(error), error.code) == (Refused, "key_reused")


def test_an_intent_is_found_by_our_payment(world: Sandbox, box_stripe: StripeGateway) -> None:
    since = datetime.now(UTC) - timedelta(minutes=5)
    made = [opened(box_stripe, payment_id=str(number)) for number in range(3)]
    found = box_stripe.find(payment_id="1", since=since)
    assert found is not None and found.external_id == made[1].external_id
    assert box_stripe.find(payment_id="99", since=since) is None
    assert {intent.external_id for intent in box_stripe.list_intents(since).items} == {one.external_id for one in made}


@pytest.mark.parametrize("amount", [Money(5, "JPY"), Money(1, "USD"), Money(100_000_000, "USD")])
def test_amounts_outside_the_limits(box_stripe: StripeGateway, amount: Money) -> None:
    assert (type(error := fails(lambda: opened(box_stripe, amount=amount))), error.code) in {
        (Refused, "amount_too_small"), (Refused, "amount_too_large")}


@pytest.mark.parametrize("amount", [Money(59999, "JPY"), Money(59990, "BHD"), Money(599, "ISK")])
@pytest.mark.failure("S19")
def test_odd_currencies_come_back_as_they_went(world: Sandbox, box_stripe: StripeGateway, amount: Money) -> None:
    intent = authorised(world, box_stripe, amount)
    taken = box_stripe.capture(intent.external_id, amount=amount, key="cap:17")
    assert (taken.amount, taken.captured_minor) == (amount, amount.minor)


# --- lost answers ----------------------------------------------------------------------------------------------------
LOST = [("reset_before", "gateway_down", False), ("reset_after", "gateway_down", True), ("cut", "gateway_down", True),
        ("garbage", "unreadable_answer", True), ("hang", "gateway_timeout", True)]


@pytest.mark.parametrize(("fault", "code", "done"), LOST)
@pytest.mark.failure("S2")
def test_a_capture_whose_answer_is_lost_is_unknown_and_the_look_tells(
    world: Sandbox, box_stripe: StripeGateway, fault: str, code: str, done: bool,
) -> None:
    intent = authorised(world, box_stripe)
    world.fault("stripe.capture", fault, seconds=2)
    error = fails(lambda: box_stripe.capture(intent.external_id, amount=USD, key="cap:17"))
    assert (type(error), error.code) == (OutcomeUnknown, code)
    assert (box_stripe.get(intent.external_id).state == PaymentState.CAPTURED) is done
    again = settled(lambda: box_stripe.capture(intent.external_id, amount=USD, key="cap:17"))
    assert again.captured_minor == 59999
    assert [row["amount"] for row in world.ledger(vendor="stripe") if "captured" in row["event"]] == [59999]


def settled(deed: Callable[[], Any]) -> Any:
    """Repeat a call with its key while its twin still runs: unknown, and never a no."""
    def once() -> Any:
        try:
            return deed()
        except OutcomeUnknown as error:
            assert error.code == "twin_running"
            return None
    return wait_until(once)


@pytest.mark.parametrize(("fault", "code", "done"), LOST)
@pytest.mark.failure("S3")
def test_a_refund_whose_answer_is_lost_is_not_paid_twice(
    world: Sandbox, box_stripe: StripeGateway, fault: str, code: str, done: bool,
) -> None:
    intent = authorised(world, box_stripe)
    box_stripe.capture(intent.external_id, amount=USD, key="cap:17")
    world.fault("stripe.refund", fault, seconds=2)
    asked = partial(box_stripe.refund, intent.external_id, amount=USD, key="ref:1", refund_id="1")
    assert (type(error := fails(asked)), error.code) == (OutcomeUnknown, code)
    assert [refund.refund_id for refund in box_stripe.refunds(intent.external_id)] == (["1"] if done else [])
    settled(asked)
    assert len(box_stripe.refunds(intent.external_id)) == 1


def test_the_library_repeats_with_our_key_and_succeeds(world: Sandbox, settings: Any) -> None:
    gateway = StripeGateway(transport.build(key="sk_test_sandbox", base=settings.STRIPE_API_BASE),
                            base=settings.STRIPE_API_BASE)
    world.fault("stripe.create_payment_intent", "reset_after")
    intent = opened(gateway)
    assert [found.external_id for found in gateway.list_intents(datetime.now(UTC) - timedelta(minutes=5)).items] == [
        intent.external_id]


@pytest.mark.failure("S5")
def test_a_stored_500_is_repeated_for_its_key_and_a_new_key_gets_on(world: Sandbox, box_stripe: StripeGateway) -> None:
    intent = authorised(world, box_stripe)
    world.fault("stripe.capture", "status", status=500)
    for _ in range(2):
        error = fails(lambda: box_stripe.capture(intent.external_id, amount=USD, key="cap:17"))
        assert (type(error), error.code) == (OutcomeUnknown, "gateway_down")
    assert box_stripe.get(intent.external_id).state == PaymentState.AUTHORISED
    assert box_stripe.capture(intent.external_id, amount=USD, key="cap:17:2").state == PaymentState.CAPTURED


@pytest.mark.failure("S17")
def test_too_many_requests(world: Sandbox, box_stripe: StripeGateway) -> None:
    world.fault("stripe.create_payment_intent", "status", status=429)
    assert (type(error := fails(lambda: opened(box_stripe))), error.code) == (Unavailable, "gateway_busy")


@pytest.mark.failure("S18")
def test_a_wrong_key_is_a_matter_of_configuration(world: Sandbox, settings: Any) -> None:
    gateway = StripeGateway(transport.build(key="sk_live_wrong", base=settings.STRIPE_API_BASE, retries=0),
                            base=settings.STRIPE_API_BASE)
    assert (type(error := fails(lambda: opened(gateway))), error.code) == (Unavailable, "misconfigured")


def test_what_does_not_exist_is_a_plain_no(box_stripe: StripeGateway) -> None:
    assert (type(error := fails(lambda: box_stripe.get("pi_none"))), error.code) == (Refused, "not_found")


# --- disputes, failing refunds, messages -----------------------------------------------------------------------------
def test_a_dispute_is_seen_and_stops_refunds(world: Sandbox, box_stripe: StripeGateway) -> None:
    intent = authorised(world, box_stripe)
    taken = box_stripe.capture(intent.external_id, amount=USD, key="cap:17")
    bank(world, f"charges/{taken.attempt_id}/dispute")
    [dispute] = box_stripe.list_disputes(datetime.now(UTC) - timedelta(minutes=5)).items
    assert (dispute.intent_id, dispute.amount, dispute.reason) == (intent.external_id, USD, "fraudulent")
    assert dispute.answer_by is not None and not dispute.over
    assert box_stripe.get_dispute(dispute.external_id) == dispute
    assert box_stripe.get(intent.external_id).disputed
    error = fails(lambda: box_stripe.refund(intent.external_id, amount=USD, key="ref:1", refund_id="1"))
    assert (type(error), error.code) == (Refused, "disputed")


def test_charges_refunds_and_warnings_are_listed_in_pages(world: Sandbox, box_stripe: StripeGateway) -> None:
    since = datetime.now(UTC) - timedelta(minutes=5)
    intent = authorised(world, box_stripe)
    taken = box_stripe.capture(intent.external_id, amount=USD, key="cap:17")
    made = [box_stripe.refund(intent.external_id, amount=Money(100 + number, "USD"), key=f"ref:{number}",
                              refund_id=str(number)) for number in range(3)]
    [charge] = box_stripe.list_charges(since).items
    assert (charge.external_id, charge.intent_id, charge.captured_minor, charge.refunded_minor) == (
        taken.attempt_id, intent.external_id, USD.minor, 303)
    assert box_stripe.get_charge(charge.external_id) == charge
    listed = box_stripe.list_refunds(since)
    assert [(one.external_id, one.intent_id, one.refund_id) for one in listed.items] == [
        (one.external_id, intent.external_id, one.refund_id) for one in reversed(made)]
    assert [one.external_id for one in box_stripe.list_refunds(since, made[1].external_id).items] == [
        made[0].external_id]
    assert box_stripe.get_refund(made[0].external_id).amount == Money(100, "USD")
    bank(world, f"charges/{taken.attempt_id}/fraud_warning")
    [warning] = box_stripe.list_warnings(since).items
    assert (warning.intent_id, warning.raw_kind) == (intent.external_id, "radar.early_fraud_warning.created")


def test_a_refund_may_fail_later(world: Sandbox, box_stripe: StripeGateway) -> None:
    intent = authorised(world, box_stripe)
    box_stripe.capture(intent.external_id, amount=USD, key="cap:17")
    refund = box_stripe.refund(intent.external_id, amount=USD, key="ref:1", refund_id="1")
    bank(world, f"refunds/{refund.external_id}/fail")
    [now] = box_stripe.refunds(intent.external_id)
    assert (now.state, now.failure) == (RefundState.FAILED, "expired_or_canceled_card")
    assert box_stripe.get(intent.external_id).refunded_minor == 0


def test_signed_messages_arrive_and_are_heard(world: Sandbox, messages: Site, box_stripe: StripeGateway) -> None:
    intent = authorised(world, box_stripe)
    wanted, ours = b"payment_intent.amount_capturable_updated", intent.external_id.encode()
    headers, body = wait_until(lambda: [got for got in messages.got if wanted in got[1] and ours in got[1]])[0]
    notice = box_stripe.read_notice(body, headers)
    assert (notice.kind, notice.intent_id) == ("payment.changed", intent.external_id)
    with pytest.raises(Refused):
        box_stripe.read_notice(body.replace(b"requires", b"Requires"), headers)


def test_messages_that_never_arrived_are_listed(world: Sandbox, messages: Site, box_stripe: StripeGateway) -> None:
    world.fault("webhook:*", "webhook_drop", count=50)
    intent = authorised(world, box_stripe)
    missed = box_stripe.list_undelivered(datetime.now(UTC) - timedelta(minutes=5)).items
    assert intent.external_id in {notice.intent_id for notice in missed}
