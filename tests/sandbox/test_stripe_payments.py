"""The sandbox's Stripe through the real SDK: from intent to captured money, every card, every refusal.

The process runs with SANDBOX_VALIDATE=1: any answer or event that does not fit Stripe's schema is a 500 here.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import httpx
import pytest
import stripe

from sandbox.stripe import cards
from tests.sandbox.process import Sandbox, Site, wait_until
from tests.sandbox.stripe_shop import SITE_SECRET, Shop, validate_everything, validate_nothing

VENDORS = ["sandbox.stripe.vendor"]
DAY = 86_400


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


def test_token_hold_capture(shop: Shop) -> None:
    token = shop.v1.test_helpers.confirmation_tokens.create(
        params={"payment_method": "pm_card_visa", "return_url": "http://shop.test/done"}
    )
    intent = shop.intent(
        confirm=True,
        confirmation_token=token.id,
        return_url="http://shop.test/done",
        use_stripe_sdk=True,
        expand=["latest_charge"],
        key="create-1",
    )
    assert (intent.status, intent.amount_capturable, intent.amount_received) == ("requires_capture", 59999, 0)
    charge = intent.latest_charge
    assert isinstance(charge, stripe.Charge) and charge.payment_method_details is not None
    card = charge.payment_method_details.card
    assert card is not None
    assert (card.brand, card.last4, charge.captured) == ("visa", "4242", False)
    assert card.capture_before == charge.created + 7 * DAY
    taken = shop.v1.payment_intents.capture(intent.id)
    assert (taken.status, taken.amount_capturable, taken.amount_received) == ("succeeded", 0, 59999)
    assert isinstance(taken.latest_charge, str)
    assert shop.v1.charges.retrieve(taken.latest_charge).captured is True
    assert shop.money() == [
        ("payment_intent.created", 59999),
        ("payment_intent.authorised", 59999),
        ("payment_intent.captured", 59999),
    ]
    rows = shop.sandbox.ledger(event="request")
    assert [(row["operation"], row["idempotency_key"], row["outcome"]) for row in rows][1] == (
        "stripe.create_payment_intent",
        "create-1",
        "done",
    )
    assert shop.v1.confirmation_tokens.retrieve(token.id).payment_intent == intent.id
    error = refused(shop.intent, confirm=True, confirmation_token=token.id)
    assert error.code == "token_already_used"


def test_partial_capture_and_its_bounds(shop: Shop) -> None:
    intent = shop.paid_with("pm_card_visa")
    assert refused(shop.v1.payment_intents.capture, intent.id, {"amount_to_capture": 60000}).code == "amount_too_large"
    assert refused(shop.v1.payment_intents.capture, intent.id, {"amount_to_capture": 0}).http_status == 400
    taken = shop.v1.payment_intents.capture(intent.id, {"amount_to_capture": 50000})
    assert (taken.status, taken.amount, taken.amount_received) == ("succeeded", 59999, 50000)
    again = refused(shop.v1.payment_intents.capture, intent.id)
    assert (again.code, again.error.payment_intent.id) == ("payment_intent_unexpected_state", intent.id)  # type: ignore[union-attr]
    assert [amount for event, amount in shop.money() if event == "payment_intent.captured"] == [50000]


@pytest.mark.parametrize("method", [None, "pm_card_authenticationRequired", "pm_card_visa"])
def test_cancel_gives_the_hold_back(shop: Shop, method: str | None) -> None:
    intent = shop.paid_with(method) if method else shop.intent()
    held = 59999 if method == "pm_card_visa" else 0
    ended = shop.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "requested_by_customer"})
    assert (ended.status, ended.cancellation_reason) == ("canceled", "requested_by_customer")
    assert (ended.amount_capturable, ended.next_action) == (0, None)
    assert shop.money()[-1] == ("payment_intent.canceled", held)
    for call in (shop.v1.payment_intents.capture, shop.v1.payment_intents.cancel, shop.v1.payment_intents.confirm):
        assert refused(call, intent.id).code == "payment_intent_unexpected_state"


def test_captured_money_cannot_be_cancelled(shop: Shop) -> None:
    intent = shop.captured()
    assert refused(shop.v1.payment_intents.cancel, intent.id).code == "payment_intent_unexpected_state"


DECLINES = [(name, number) for name, number in cards.NAMED.items() if cards.CARDS[number].decline]


@pytest.mark.parametrize(("name", "number"), [row for row in DECLINES if not cards.CARDS[row[1]].challenge])
def test_every_declining_card(shop: Shop, name: str, number: str) -> None:
    error = refused(shop.paid_with, name)
    says = cards.CARDS[number].decline
    assert isinstance(error, stripe.CardError) and says is not None and error.error is not None
    assert (error.http_status, error.code, error.error.decline_code) == (402, says.code, says.decline_code)
    intent = shop.v1.payment_intents.retrieve(error.error.payment_intent.id, {"expand": ["latest_charge"]})
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error is not None and intent.last_payment_error.code == says.code
    charge = intent.latest_charge
    assert isinstance(charge, stripe.Charge) and charge.outcome is not None
    kind = "blocked" if cards.CARDS[number].blocked else "issuer_declined"
    assert (charge.status, charge.failure_code, charge.outcome.type) == ("failed", says.code, kind)
    paid = shop.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert (paid.status, paid.last_payment_error) == ("requires_capture", None)


@pytest.mark.parametrize("number", cards.CARDS)
def test_every_card_number_does_what_its_table_says(shop: Shop, number: str) -> None:
    does = cards.CARDS[number]
    intent = shop.intent()
    answer = shop.control(f"payment_intents/{intent.id}/authorise", card=number)
    if does.challenge:
        assert answer["payment_intent"]["status"] == "requires_action"
        answer = shop.control(f"payment_intents/{intent.id}/complete_3ds", success=True)
    if does.decline:
        assert answer["payment_intent"]["status"] == "requires_payment_method"
        assert answer["error"]["code"] == does.decline.code
        assert answer["error"].get("decline_code") == does.decline.decline_code
        return
    assert (answer["payment_intent"]["status"], answer["error"]) == ("requires_capture", None)
    charge = shop.v1.charges.list(params={"payment_intent": intent.id}).data[0]
    assert charge.outcome is not None and charge.payment_method_details is not None
    card = charge.payment_method_details.card
    assert card is not None and (card.last4, card.brand) == (number[-4:], cards.brand(number))
    assert charge.outcome.risk_level == does.risk
    assert (card.three_d_secure is not None) == does.challenge


def test_challenge_by_redirect_or_by_script(shop: Shop) -> None:
    by_script = shop.paid_with("pm_card_threeDSecure2Required", use_stripe_sdk=True, return_url="http://shop.test/r")
    assert by_script.next_action is not None and by_script.next_action.type == "use_stripe_sdk"
    by_redirect = shop.paid_with("pm_card_threeDSecure2Required", return_url="http://shop.test/r")
    assert by_redirect.next_action is not None and by_redirect.next_action.redirect_to_url is not None
    assert by_redirect.next_action.redirect_to_url.return_url == "http://shop.test/r"
    page = httpx.get(str(by_redirect.next_action.redirect_to_url.url))
    assert "USD 599.99" in page.text and "script-src 'self'" in page.headers["content-security-policy"]
    failed = shop.control(f"payment_intents/{by_redirect.id}/complete_3ds", success=False)
    assert failed["payment_intent"]["status"] == "requires_payment_method"
    assert failed["error"]["code"] == "payment_intent_authentication_failure"
    assert httpx.get(str(by_redirect.next_action.redirect_to_url.url)).status_code == 404
    assert shop.v1.payment_intents.retrieve(by_script.id).status == "requires_action"


@pytest.mark.parametrize("more", [{"off_session": True}, {"error_on_requires_action": True}])
def test_a_challenge_nobody_can_answer_is_a_decline(shop: Shop, more: dict[str, Any]) -> None:
    assert refused(shop.paid_with, "pm_card_authenticationRequired", **more).code == "authentication_required"


def test_optional_challenge_only_when_the_shop_asks(shop: Shop) -> None:
    assert shop.paid_with("pm_card_threeDSecureOptional").status == "requires_capture"
    asked = {"card": {"request_three_d_secure": "any"}}
    assert shop.paid_with("pm_card_threeDSecureOptional", payment_method_options=asked).status == "requires_action"


def test_manual_confirmation_needs_a_second_confirm(shop: Shop) -> None:
    intent = shop.paid_with("pm_card_authenticationRequired", confirmation_method="manual")
    passed = shop.control(f"payment_intents/{intent.id}/complete_3ds", success=True)
    assert passed["payment_intent"]["status"] == "requires_confirmation"
    assert shop.v1.payment_intents.confirm(intent.id).status == "requires_capture"


def test_automatic_capture_takes_the_money_at_once(shop: Shop) -> None:
    intent = shop.paid_with("pm_card_visa", capture_method="automatic")
    assert (intent.status, intent.amount_received) == ("succeeded", 59999)
    assert shop.events() == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


REFUSALS: list[tuple[dict[str, Any], str | None, str]] = [
    ({"payment_method_types": ["card"]}, "payment_method_types_no_longer_supported", "payment_method_types"),
    ({"amount": None}, "parameter_missing", "amount"),
    ({"amount": 19.99}, "parameter_invalid_integer", "amount"),
    ({"amount": 49}, "amount_too_small", "amount"),
    ({"amount": 100_000_000}, "amount_too_large", "amount"),
    ({"amount": -5}, "parameter_invalid_integer", "amount"),
    ({"currency": "xxx"}, None, "currency"),
    ({"currency": "kwd", "amount": 10001}, "parameter_invalid_integer", "amount"),
    ({"amuont": 5}, "parameter_unknown", "amuont"),
    ({"capture_method": "later"}, None, "capture_method"),
    ({"confirm": "yes"}, None, "confirm"),
    ({"automatic_payment_methods": {"enabled": True}}, None, "automatic_payment_methods"),
    ({"payment_details": {"flight_data": "x"}}, "parameter_unknown", "payment_details[flight_data]"),
    ({"statement_descriptor": "FLY2ANY"}, None, "statement_descriptor"),
    ({"statement_descriptor_suffix": "x" * 23}, None, "statement_descriptor_suffix"),
    ({"metadata": {"k" * 41: "v"}}, None, "metadata[" + "k" * 41 + "]"),
    ({"metadata": {f"k{n}": "v" for n in range(51)}}, None, "metadata"),
    ({"return_url": "http://x"}, None, "return_url"),
    ({"customer": "cus_nobody"}, "resource_missing", "customer"),
    ({"confirm": True, "payment_method": "pm_nobody"}, "resource_missing", "payment_method"),
    ({"expand": ["latest_charg"]}, None, "expand"),
    ({"transfer_data": {"destination": "acct_1"}}, None, "transfer_data"),
]


@pytest.mark.parametrize(("params", "code", "param"), REFUSALS)
def test_wrong_parameters_are_refused_and_nothing_exists(
    shop: Shop, params: dict[str, Any], code: str | None, param: str
) -> None:
    error = refused(shop.intent, **params)
    assert isinstance(error, stripe.InvalidRequestError)
    assert (error.http_status, error.code, error.param) == (400, code, param)
    assert shop.money() == [] and shop.events() == []


@pytest.mark.parametrize(("key", "status"), [("sk_live_123456", 401), ("nonsense", 401), ("pk_test_shop12", 403)])
def test_only_a_secret_test_key_may_create(shop: Shop, key: str, status: int) -> None:
    error = refused(shop.v1.payment_intents.create, {"amount": 100, "currency": "usd"}, {"api_key": key})
    assert error.http_status == status


def test_another_version_is_refused(shop: Shop) -> None:
    error = refused(
        shop.v1.payment_intents.create, {"amount": 100, "currency": "usd"}, {"stripe_version": "2024-06-20"}
    )
    assert "2026-10-28.endive" in str(error)


def test_a_publishable_key_sees_its_own_intent_only(shop: Shop) -> None:
    intent = shop.intent()
    url = f"{shop.sandbox.url}/stripe/v1/payment_intents/{intent.id}"
    headers = {"Authorization": "Bearer pk_test_page"}
    seen = httpx.get(url, params={"client_secret": str(intent.client_secret)}, headers=headers).json()
    assert seen["id"] == intent.id and "metadata" not in seen and "latest_charge" not in seen
    assert httpx.get(url, headers=headers).status_code == 400
    assert httpx.get(url, params={"client_secret": f"{intent.id}_secret_x"}, headers=headers).status_code == 400
    for deed in ("capture", "cancel"):
        body = {"client_secret": intent.client_secret}
        assert httpx.post(f"{url}/{deed}", data=body, headers=headers).status_code == 403


def test_a_server_may_not_send_card_numbers(shop: Shop) -> None:
    card: Any = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123"}
    assert refused(shop.v1.payment_methods.create, {"type": "card", "card": card}).http_status == 402


def test_a_number_that_is_no_test_card_is_declined_and_not_kept(shop: Shop) -> None:
    number = "4539578763621486"
    made = httpx.post(
        f"{shop.sandbox.url}/stripe/v1/payment_methods",
        data={
            "type": "card",
            "card[number]": number,
            "card[exp_month]": "12",
            "card[exp_year]": "2034",
            "card[cvc]": "1" * 3,
        },
        headers={"Authorization": "Bearer pk_test_page"},
    ).json()
    error = refused(shop.paid_with, made["id"])
    assert error.error is not None and error.error.decline_code == "test_mode_live_card"
    for kind in ("stripe.method", "stripe.charge", "stripe.key", "stripe.event"):
        assert number not in shop.sandbox.http.get("/_state", params={"kind": kind}).text


def test_update_and_unset_metadata(shop: Shop) -> None:
    intent = shop.intent(metadata={"booking": "B1", "attempt": "1"})
    changed = shop.v1.payment_intents.update(intent.id, {"amount": 61000, "metadata": {"attempt": "", "x": "y"}})
    assert (changed.amount, changed.metadata.to_dict()) == (61000, {"booking": "B1", "x": "y"})
    shop.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert refused(shop.v1.payment_intents.update, intent.id, {"amount": 5}).code == "payment_intent_unexpected_state"
    assert shop.v1.payment_intents.update(intent.id, {"metadata": {"x": "z"}}).metadata["x"] == "z"


def test_lists_page_and_filter(shop: Shop) -> None:
    made = [shop.intent(1000 + n).id for n in range(5)]
    seen = [one.id for one in shop.v1.payment_intents.list(params={"limit": 2}).auto_paging_iter()]
    assert seen == made[::-1]
    before = shop.v1.payment_intents.list(params={"ending_before": made[0], "limit": 2})
    assert [one.id for one in before.data] == [made[2], made[1]] and before.has_more
    shop.sandbox.advance(3600)
    later = shop.intent(2000)
    since = later.created - 60
    assert [one.id for one in shop.v1.payment_intents.list(params={"created": {"gte": since}}).data] == [later.id]
    assert len(shop.v1.payment_intents.list(params={"created": {"lt": since}}).data) == 5
    error = refused(shop.v1.payment_intents.list, {"created": {"gte": "yesterday"}})
    assert error.http_status == 400


def test_a_hold_lapses_after_seven_days(shop: Shop, site: Site) -> None:
    intent, captured = shop.paid_with("pm_card_visa"), shop.captured()
    shop.sandbox.advance(7 * DAY - 60)
    assert shop.v1.payment_intents.retrieve(intent.id).status == "requires_capture"
    shop.sandbox.advance(120)
    ended = shop.v1.payment_intents.retrieve(intent.id)
    assert (ended.status, ended.cancellation_reason, ended.amount_capturable) == ("canceled", "automatic", 0)
    assert shop.v1.payment_intents.retrieve(captured.id).status == "succeeded"
    assert shop.events()[-2:] == ["charge.expired", "payment_intent.canceled"]
    wait_until(lambda: any(b'"charge.expired"' in body for _, body in site.got))


def test_control_expires_a_hold_and_makes_captures_fail(shop: Shop) -> None:
    first, second = shop.paid_with("pm_card_visa"), shop.paid_with("pm_card_visa")
    assert shop.control(f"authorisations/{first.id}/expire")["status"] == "canceled"
    shop.control(f"authorisations/{first.id}/expire", 400)
    shop.control("capture_fails", code="charge_expired_for_capture", count=1)
    error = refused(shop.v1.payment_intents.capture, second.id)
    assert (error.http_status, error.code) == (400, "charge_expired_for_capture")
    assert shop.v1.payment_intents.retrieve(second.id).status == "canceled"
    third = shop.paid_with("pm_card_visa")
    shop.control("capture_fails", code="processing_error")
    assert refused(shop.v1.payment_intents.capture, third.id).code == "processing_error"
    assert shop.v1.payment_intents.capture(third.id).status == "succeeded"


def test_webhooks_are_signed_and_only_subscribed_ones_are_sent(shop: Shop, site: Site) -> None:
    shop.captured()
    wanted = {"payment_intent.amount_capturable_updated", "charge.captured", "payment_intent.succeeded"}
    wait_until(lambda: len(site.got) >= 3)
    for headers, body in site.got:
        assert headers["path"] == "/api/payments/webhook"
        stamp, given = (part.split("=")[1] for part in headers["stripe-signature"].split(","))
        mine = hmac.new(SITE_SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        assert given == mine and abs(time.time() - int(stamp)) < 30
        event = shop.client.construct_event(body, headers["stripe-signature"], SITE_SECRET)
        assert (event.api_version, event.livemode) == ("2026-10-28.endive", False)
    assert {json.loads(body)["type"] for _, body in site.got} == wanted
    assert set(shop.events()) == wanted | {"payment_intent.created", "charge.succeeded"}


def test_an_event_keeps_what_was_true_then(shop: Shop) -> None:
    shop.captured()
    listed = shop.v1.events.list(params={"types": ["payment_intent.amount_capturable_updated"]}).data
    assert [event.data.object["status"] for event in listed] == ["requires_capture"]
    assert listed[0].request is not None and listed[0].request.idempotency_key is not None


def test_undelivered_events_are_listed_until_they_arrive(shop: Shop, site: Site) -> None:
    site.answer = 500
    intent = shop.paid_with("pm_card_visa")
    asked: Any = {"delivery_success": False, "types": ["payment_intent.amount_capturable_updated", "charge.captured"]}
    wait_until(lambda: site.got)
    missing = shop.v1.events.list(params=asked).data
    assert [event.data.object["id"] for event in missing] == [intent.id]
    assert missing[0].pending_webhooks == 1
    site.answer = 200
    wait_until(lambda: shop.v1.events.list(params=asked).data == [])
    assert shop.v1.events.retrieve(missing[0].id).pending_webhooks == 0


def test_another_endpoint_gets_its_own_events_with_its_own_secret(shop: Shop, site: Site) -> None:
    made = shop.v1.webhook_endpoints.create(
        params={"url": f"{site.url}/other", "enabled_events": ["payment_intent.created"]}
    )
    shop.intent()
    wait_until(lambda: site.got)
    headers, body = site.got[0]
    assert headers["path"] == "/other"
    assert (
        shop.client.construct_event(body, headers["stripe-signature"], str(made.secret)).type
        == "payment_intent.created"
    )
    listed = shop.v1.webhook_endpoints.list().data
    assert [one.url for one in listed] == [f"{site.url}/other", f"{site.url}/api/payments/webhook"]
    assert "secret" not in listed[0]
    shop.v1.webhook_endpoints.delete(made.id)
    assert len(shop.v1.webhook_endpoints.list().data) == 1


def test_customers(shop: Shop) -> None:
    made = shop.v1.customers.create(params={"email": "a@example.org", "metadata": {"k": "v"}})
    intent = shop.intent(customer=made.id, expand=["customer"])
    assert isinstance(intent.customer, stripe.Customer) and intent.customer.email == "a@example.org"
    assert [one.id for one in shop.v1.payment_intents.list(params={"customer": made.id}).data] == [intent.id]
    assert shop.v1.customers.update(made.id, {"name": "Ann"}).name == "Ann"
    shop.v1.customers.delete(made.id)
    assert shop.v1.customers.retrieve(made.id).deleted is True


def test_a_confirmation_token_expires(shop: Shop) -> None:
    token = shop.v1.test_helpers.confirmation_tokens.create(params={"payment_method": "pm_card_visa"})
    assert token.expires_at == token.created + 12 * 3600
    shop.sandbox.advance(12 * 3600 + 1)
    assert "has expired" in str(refused(shop.intent, confirm=True, confirmation_token=token.id))
    assert shop.money() == []
