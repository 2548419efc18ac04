"""Money going back: refunds with their caps and their late news, disputes and who wins them."""

from __future__ import annotations

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


def refund(shop: Shop, intent: stripe.PaymentIntent, **more: Any) -> stripe.Refund:
    return shop.v1.refunds.create(params={"payment_intent": intent.id, **more})  # type: ignore[typeddict-item]


def refused(shop: Shop, intent: stripe.PaymentIntent, **more: Any) -> stripe.StripeError:
    with pytest.raises(stripe.StripeError) as caught:
        refund(shop, intent, **more)
    return caught.value


def charge_of(shop: Shop, intent: stripe.PaymentIntent) -> stripe.Charge:
    return shop.v1.charges.list(params={"payment_intent": intent.id}).data[0]


def test_refunds_in_parts_never_exceed_the_charge(shop: Shop) -> None:
    intent = shop.captured()
    first = refund(shop, intent, amount=20000, metadata={"refund_id": "1"}, reason="requested_by_customer")
    assert (first.status, first.amount, first.reason) == ("succeeded", 20000, "requested_by_customer")
    error = refused(shop, intent, amount=40000)
    assert error.http_status == 400 and "unrefunded amount on charge (39999)" in str(error)
    rest = refund(shop, intent)
    assert rest.amount == 39999
    assert refused(shop, intent).code == "charge_already_refunded"
    charge = charge_of(shop, intent)
    assert (charge.amount_refunded, charge.refunded) == (59999, True)
    listed = shop.v1.refunds.list(params={"payment_intent": intent.id}).data
    assert [(one.id, one.metadata.to_dict()) for one in listed if one.metadata is not None] == [
        (rest.id, {}),
        (first.id, {"refund_id": "1"}),
    ]
    assert shop.v1.refunds.retrieve(first.id).amount == 20000
    assert [row for row in shop.money() if row[0].startswith("refund")] == [
        ("refund.created", 20000),
        ("refund.succeeded", 20000),
        ("refund.created", 39999),
        ("refund.succeeded", 39999),
    ]


def test_a_partly_captured_hold_refunds_what_was_taken_only(shop: Shop) -> None:
    intent = shop.v1.payment_intents.capture(shop.paid_with("pm_card_visa").id, {"amount_to_capture": 30000})
    assert refused(shop, intent, amount=30001).http_status == 400
    assert refund(shop, intent).amount == 30000


def test_uncaptured_money_is_not_refunded(shop: Shop) -> None:
    intent = shop.paid_with("pm_card_visa")
    assert refused(shop, intent).code == "payment_intent_unexpected_state"
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.refunds.create(params={"charge": charge_of(shop, intent).id})
    assert [row for row in shop.money() if row[0].startswith("refund")] == []


@pytest.mark.parametrize(
    "more", [{"amount": 0}, {"amount": -1}, {"reason": "customer_cancelled"}, {"instructions_email": "a@b.c"}]
)
def test_wrong_refund_parameters(shop: Shop, more: dict[str, Any]) -> None:
    assert refused(shop, shop.captured(), **more).http_status == 400


def test_a_late_refund_is_pending_first(shop: Shop, site: Site) -> None:
    intent = shop.captured("pm_card_pendingRefund")
    made = refund(shop, intent)
    assert (made.status, made.pending_reason) == ("pending", "processing")
    assert ("refund.succeeded", 59999) not in shop.money()
    shop.sandbox.advance(10)
    settled = shop.v1.refunds.retrieve(made.id)
    assert settled.status == "succeeded" and "pending_reason" not in settled
    assert ("refund.succeeded", 59999) in shop.money()
    assert shop.events()[-3:] == ["refund.created", "charge.refunded", "refund.updated"]
    wait_until(lambda: any(b'"refund.updated"' in body for _, body in site.got))


def test_a_refund_that_comes_back(shop: Shop) -> None:
    intent = shop.captured("pm_card_refundFail")
    made = refund(shop, intent, amount=10000)
    assert made.status == "succeeded"
    shop.sandbox.advance(10)
    failed = shop.v1.refunds.retrieve(made.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert charge_of(shop, intent).amount_refunded == 0
    assert shop.events()[-2:] == ["refund.updated", "refund.failed"]
    assert shop.money()[-1] == ("refund.failed", 10000)
    assert refund(shop, intent).amount == 59999


def test_control_lets_any_refund_fail(shop: Shop) -> None:
    made = refund(shop, shop.captured())
    assert shop.control(f"refunds/{made.id}/fail", failure_reason="declined")["status"] == "failed"
    shop.control(f"refunds/{made.id}/fail", 400)


@pytest.mark.parametrize(
    ("method", "reason", "status"),
    [
        ("pm_card_createDispute", "fraudulent", "needs_response"),
        ("pm_card_createDisputeProductNotReceived", "product_not_received", "needs_response"),
        ("pm_card_createDisputeInquiry", "fraudulent", "warning_needs_response"),
    ],
)
def test_cards_that_are_disputed_after_capture(shop: Shop, site: Site, method: str, reason: str, status: str) -> None:
    held = shop.paid_with(method)
    shop.sandbox.advance(10)
    assert shop.v1.disputes.list().data == []
    shop.v1.payment_intents.capture(held.id)
    shop.sandbox.advance(10)
    found = shop.v1.disputes.list(params={"payment_intent": held.id}).data
    assert [(one.reason, one.status, one.amount) for one in found] == [(reason, status, 59999)]
    assert charge_of(shop, held).disputed is True
    wait_until(lambda: any(b'"charge.dispute.created"' in body for _, body in site.got))
    if status == "needs_response":
        assert refused(shop, held).code == "refund_disputed_payment"
    else:
        assert refund(shop, held).status == "succeeded"


@pytest.mark.parametrize(("evidence", "status"), [("winning_evidence", "won"), ("losing_evidence", "lost")])
def test_evidence_decides_a_dispute(shop: Shop, evidence: str, status: str) -> None:
    intent = shop.captured()
    made = shop.control(f"charges/{charge_of(shop, intent).id}/dispute", reason="product_not_received")
    shop.control(f"charges/{charge_of(shop, intent).id}/dispute", 400)
    closed = shop.v1.disputes.update(made["id"], {"evidence": {"uncategorized_text": evidence}})
    assert (closed.status, closed.evidence_details.has_evidence) == (status, True)
    wanted = ["charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed"]
    assert shop.events(types=[*wanted]) == wanted
    told = shop.v1.events.list(params={"types": wanted}).data[::-1]
    assert [event.data.object["evidence_details"]["has_evidence"] for event in told] == [False, True, True]
    if status == "won":
        assert refund(shop, intent).status == "succeeded"
    else:
        assert refused(shop, intent).code == "refund_disputed_payment"


def test_control_closes_a_dispute_once(shop: Shop) -> None:
    intent = shop.captured()
    made = shop.control(f"charges/{charge_of(shop, intent).id}/dispute")
    assert shop.control(f"disputes/{made['id']}/close", status="lost")["status"] == "lost"
    shop.control(f"disputes/{made['id']}/close", 400, status="won")
