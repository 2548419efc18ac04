"""Idempotency keys as Stripe plays them, and what the fault menu does to them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from tests.sandbox.process import Sandbox, Site, wait_until
from tests.sandbox.stripe_shop import Shop, validate_everything, validate_nothing

VENDORS = ["sandbox.stripe.vendor"]


def setup_module() -> None:
    validate_everything()


def teardown_module() -> None:
    validate_nothing()


@pytest.fixture
def shop(sandbox: Sandbox) -> Shop:
    return Shop(sandbox)


def refused(call: Any, *args: Any, **more: Any) -> stripe.StripeError:
    with pytest.raises(stripe.StripeError) as caught:
        call(*args, **more)
    return caught.value


def replayed(answer: Any) -> str | None:
    return answer.last_response.headers.get("Idempotent-Replayed")


def test_the_same_key_replays_the_first_answer(shop: Shop) -> None:
    first, second = shop.intent(key="k"), shop.intent(key="k")
    assert (first.id, replayed(first), replayed(second)) == (second.id, None, "true")
    assert second.last_response.headers["Original-Request"] == first.last_response.headers["Request-Id"]
    shop.v1.payment_intents.confirm(first.id, {"payment_method": "pm_card_visa"}, {"idempotency_key": "c"})
    shop.v1.payment_intents.confirm(first.id, {"payment_method": "pm_card_visa"}, {"idempotency_key": "c"})
    assert shop.intent(key="k").status == "requires_payment_method"
    assert shop.money() == [("payment_intent.created", 59999), ("payment_intent.authorised", 59999)]


def test_a_key_with_other_parameters_is_an_error(shop: Shop) -> None:
    intent = shop.intent(key="k")
    for error in (
        refused(shop.intent, amount=60000, key="k"),
        refused(shop.v1.payment_intents.cancel, intent.id, {}, {"idempotency_key": "k"}),
    ):
        assert isinstance(error, stripe.IdempotencyError) and error.http_status == 400
        assert "can only be used with the same parameters they were first used with" in str(error)
    assert shop.money() == [("payment_intent.created", 59999)]


def test_a_decline_is_remembered_and_a_refused_parameter_is_not(shop: Shop) -> None:
    declined = refused(shop.paid_with, "pm_card_visa_chargeDeclined", key="d")
    again = refused(shop.paid_with, "pm_card_visa_chargeDeclined", key="d")
    assert declined.error is not None and again.error is not None and again.headers is not None
    assert declined.error.payment_intent.id == again.error.payment_intent.id
    assert again.headers["Idempotent-Replayed"] == "true"
    assert refused(shop.intent, amount=1, key="p").code == "amount_too_small"
    assert shop.intent(amount=5000, key="p").amount == 5000


def test_keys_are_forgotten_after_a_day(shop: Shop) -> None:
    first = shop.intent(key="k")
    shop.sandbox.advance(86_300)
    assert shop.intent(key="k").id == first.id
    shop.sandbox.advance(200)
    assert shop.intent(key="k").id != first.id


def test_keys_and_money_survive_kill_9(shop: Shop) -> None:
    intent = shop.paid_with("pm_card_visa", key="k")
    shop.sandbox.kill()
    shop.sandbox.start()
    assert shop.paid_with("pm_card_visa", key="k").id == intent.id
    assert shop.v1.payment_intents.capture(intent.id).amount_received == 59999


def test_fifty_at_once_with_one_key_make_one_intent(shop: Shop) -> None:
    with ThreadPoolExecutor(16) as pool:
        ids = set(pool.map(lambda _: shop.paid_with("pm_card_visa", key="k").id, range(50)))
    assert len(ids) == 1
    assert [event for event, _ in shop.money()] == ["payment_intent.created", "payment_intent.authorised"]


def test_a_twin_of_a_running_call_gets_409(shop: Shop) -> None:
    shop.sandbox.fault("stripe.create_payment_intent", "hang", seconds=1.0)
    slow: list[stripe.PaymentIntent] = []
    thread = threading.Thread(target=lambda: slow.append(shop.intent(key="k")))
    thread.start()
    wait_until(lambda: shop.sandbox.ledger(event="payment_intent.created"))
    error = refused(shop.intent, key="k")
    assert (error.http_status, type(error)) == (409, stripe.APIError)
    assert error.error is not None and error.error.code == "idempotency_key_in_use"
    thread.join()
    assert shop.intent(key="k").id == slow[0].id
    assert shop.money() == [("payment_intent.created", 59999)]


def test_the_sdk_waits_for_its_twin_and_gets_the_same_intent(sandbox: Sandbox) -> None:
    patient = Shop(sandbox, retries=4)
    sandbox.fault("stripe.create_payment_intent", "hang", seconds=0.7)
    with ThreadPoolExecutor(2) as pool:
        ids = {one.id for one in pool.map(lambda _: patient.intent(key="k"), range(2))}
    assert len(ids) == 1


def test_a_lost_answer_is_found_again_with_the_key(sandbox: Sandbox) -> None:
    patient = Shop(sandbox, retries=1)
    intent = patient.paid_with("pm_card_visa")
    sandbox.fault("stripe.capture", "reset_after")
    taken = patient.v1.payment_intents.capture(intent.id, {}, {"idempotency_key": "cap"})
    assert (taken.status, replayed(taken)) == ("succeeded", "true")
    assert [amount for event, amount in patient.money() if event == "payment_intent.captured"] == [59999]


@pytest.mark.parametrize(("kind", "status"), [("status", "requires_capture"), ("status_after", "succeeded")])
def test_a_500_is_remembered_whether_or_not_the_work_was_done(shop: Shop, kind: str, status: str) -> None:
    intent = shop.paid_with("pm_card_visa")
    shop.sandbox.fault("stripe.capture", kind, status=500)
    for _ in range(2):
        error = refused(shop.v1.payment_intents.capture, intent.id, {}, {"idempotency_key": "cap"})
        assert (error.http_status, type(error)) == (500, stripe.APIError)
    assert shop.v1.payment_intents.retrieve(intent.id).status == status
    if status == "requires_capture":
        assert shop.v1.payment_intents.capture(intent.id, {}, {"idempotency_key": "cap:2"}).status == "succeeded"


def test_a_503_from_the_edge_is_not_remembered(sandbox: Sandbox) -> None:
    patient = Shop(sandbox, retries=1)
    sandbox.fault("stripe.create_payment_intent", "status", status=503)
    assert replayed(patient.intent(key="k")) is None
    assert patient.money() == [("payment_intent.created", 59999)]


def test_a_rate_limit_has_stripes_shape(shop: Shop) -> None:
    shop.sandbox.fault("stripe.list_events", "status", status=429)
    assert isinstance(refused(shop.v1.events.list), stripe.RateLimitError)


def test_a_dropped_webhook_is_found_in_the_list(shop: Shop, site: Site) -> None:
    shop.sandbox.fault("webhook:payment_intent.succeeded", "webhook_drop")
    shop.captured()

    def missing() -> list[str]:
        return [event.type for event in shop.v1.events.list(params={"delivery_success": False}).data]

    wait_until(lambda: len(site.got) == 2 and missing() == ["payment_intent.succeeded"])
