"""Stripe's objects with every key that Stripe's schema requires, empty where nothing is known yet."""

from __future__ import annotations

from typing import Any

from sandbox.stripe import cards
from sandbox.stripe.errors import words

Doc = dict[str, Any]

HOLD_SECONDS = 7 * 86_400  # customer-initiated online card payments: seven days to capture

_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")
_EVIDENCE = words(
    """
    access_activity_log billing_address cancellation_policy cancellation_policy_disclosure
    cancellation_rebuttal customer_communication customer_email_address customer_name customer_purchase_ip
    customer_signature duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id
    product_description receipt refund_policy refund_policy_disclosure refund_refusal_explanation
    service_date service_documentation shipping_address shipping_carrier shipping_date
    shipping_documentation shipping_tracking_number uncategorized_file uncategorized_text
    """
)


def billing(given: Doc | None = None) -> Doc:
    """Billing details with all their keys."""
    given = given or {}
    address = given.get("address") or {}
    return {
        "address": {name: address.get(name) or None for name in _ADDRESS},
        "email": given.get("email") or None,
        "name": given.get("name") or None,
        "phone": given.get("phone") or None,
        "tax_id": None,
    }


def card_preview(number: str, last4: str, brand: str, month: int, year: int) -> Doc:
    """The ``card`` part of a payment method or of a confirmation token's preview."""
    return {
        "brand": brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "unchecked"},
        "country": cards.country(number),
        "display_brand": "american_express" if brand == "amex" else brand,
        "exp_month": month,
        "exp_year": year,
        "fingerprint": cards.fingerprint(number),
        "funding": cards.funding(number),
        "generated_from": None,
        "last4": last4,
        "networks": {"available": [brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def payment_method(ident: str, now: int, card: Doc, billing_details: Doc, number: str) -> Doc:
    """A card as a PaymentMethod; ``number`` is kept only when it is a test card."""
    return {
        "id": ident,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing_details,
        "card": card,
        "created": now,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
        "_card": cards.keep(number),
    }


_INTENT_EMPTY = words(
    """
    allowed_payment_method_types application application_fee_amount automatic_payment_methods canceled_at
    cancellation_reason customer customer_account description excluded_payment_method_types
    last_payment_error latest_charge managed_payments next_action on_behalf_of payment_method
    payment_method_configuration_details payment_record processing receipt_email review setup_future_usage
    shipping source statement_descriptor statement_descriptor_suffix transfer_data transfer_group
    """
)


def intent(ident: str, now: int, secret: str, amount: int, currency: str) -> Doc:
    """A PaymentIntent before anything was tried."""
    card = {"installments": None, "mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
    return {
        "id": ident,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "capture_method": "automatic_async",
        "client_secret": secret,
        "confirmation_method": "automatic",
        "created": now,
        "currency": currency,
        "livemode": False,
        "metadata": {},
        "payment_method_options": {"card": card},
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
        **dict.fromkeys(_INTENT_EMPTY),
        "_attempts": 0,
        "_return_url": None,
        "_use_stripe_sdk": False,
    }


_CHARGE_EMPTY = words(
    """
    application application_fee application_fee_amount balance_transaction failure_balance_transaction
    failure_code failure_message on_behalf_of outcome receipt_number review source source_transfer
    statement_descriptor transfer_data transfer_group
    """
)


def charge(ident: str, now: int, of: Doc, method: Doc, base_url: str) -> Doc:
    """A charge for the intent ``of`` with a card, not yet decided by the issuer."""
    return {
        "id": ident,
        "object": "charge",
        "amount": of["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "FLY2ANY SANDBOX",
        "captured": False,
        "created": now,
        "currency": of["currency"],
        "customer": of["customer"],
        "description": of["description"],
        "disputed": False,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(of["metadata"]),
        "paid": False,
        "payment_intent": of["id"],
        "payment_method": method["id"],
        "payment_method_details": {"type": "card", "card": _charged_card(of, method["card"])},
        "radar_options": {},
        "receipt_email": of["receipt_email"],
        "receipt_url": f"{base_url}/stripe-js/receipts/{ident}",
        "refunded": False,
        "shipping": of["shipping"],
        "statement_descriptor_suffix": of["statement_descriptor_suffix"],
        "status": "failed",
        **dict.fromkeys(_CHARGE_EMPTY),
        "_card": method["_card"],
    }


def _charged_card(of: Doc, card: Doc) -> Doc:
    return {
        "amount_authorized": of["amount"],
        "authorization_code": None,
        "brand": card["brand"],
        "checks": {**card["checks"], "cvc_check": "pass"},
        "country": card["country"],
        "electronic_commerce_indicator": None,
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "extended_authorization": {"status": "disabled"},
        "fingerprint": card["fingerprint"],
        "funding": card["funding"],
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": card["last4"],
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": {"maximum_amount_capturable": of["amount"], "status": "unavailable"},
        "regulated_status": "unregulated",
        "three_d_secure": None,
        "transaction_link_id": None,
        "wallet": None,
    }


def three_d_secure(passed: bool) -> Doc:
    """What a charge tells about a challenge."""
    return {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05" if passed else None,
        "exemption_indicator": None,
        "result": "authenticated" if passed else "failed",
        "result_reason": None if passed else "rejected",
        "transaction_id": None,
        "version": "2.2.0",
    }


def outcome(decline: cards.Decline | None, risk: str, blocked: bool) -> Doc:
    """A charge's ``outcome``: what the issuer or Radar decided, and how risky it looked."""
    if decline is None:
        kind, network, message, reason = "authorized", "approved_by_network", "Payment complete.", None
    elif blocked:
        kind, network = "blocked", "not_sent_to_network"
        message, reason = "Stripe blocked this payment as too risky.", "highest_risk_level"
    else:
        kind, network = "issuer_declined", "declined_by_network"
        message, reason = "The bank declined the payment.", decline.decline_code or decline.code
    return {
        "advice_code": decline.advice_code if decline else None,
        "network_advice_code": None,
        "network_decline_code": decline.network_code if decline else None,
        "network_status": network,
        "reason": reason,
        "risk_level": risk,
        "risk_score": {"normal": 20, "elevated": 68, "highest": 92}[risk],
        "seller_message": message,
        "type": kind,
    }


def refund(ident: str, now: int, of: Doc, amount: int, reason: str | None, metadata: Doc) -> Doc:
    """A refund of a charge, already sent."""
    return {
        "id": ident,
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": of["id"],
        "created": now,
        "currency": of["currency"],
        "customer": of["customer"],
        "customer_account": None,
        "destination_details": {"type": "card", "card": {"type": "refund"}},
        "metadata": metadata,
        "payment_intent": of["payment_intent"],
        "payment_method": of["payment_method"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def confirmation_token(ident: str, now: int, lifetime: int, method: Doc, return_url: str | None) -> Doc:
    """A ConfirmationToken that carries a card's preview."""
    preview = {
        "allow_redisplay": "unspecified",
        "billing_details": method["billing_details"],
        "card": method["card"],
        "customer": None,
        "customer_account": None,
        "type": "card",
    }
    return {
        "id": ident,
        "object": "confirmation_token",
        "created": now,
        "expires_at": now + lifetime,
        "livemode": False,
        "mandate_data": None,
        "metadata": None,
        "payment_intent": None,
        "payment_method_options": None,
        "payment_method_preview": preview,
        "return_url": return_url,
        "setup_future_usage": None,
        "setup_intent": None,
        "shipping": None,
        "use_stripe_sdk": True,
        "_method": method,
    }


def dispute(ident: str, now: int, of: Doc, reason: str, inquiry: bool) -> Doc:
    """A cardholder's complaint about a captured charge; an inquiry takes no money yet."""
    brand = of["payment_method_details"]["card"]["brand"]
    code = "10.4" if reason == "fraudulent" else "13.1"
    kind = "inquiry" if inquiry else "chargeback"
    card = {"brand": brand, "case_type": kind, "network": brand, "network_reason_code": code}
    return {
        "id": ident,
        "object": "dispute",
        "amount": of["amount_captured"],
        "balance_transactions": [],
        "charge": of["id"],
        "created": now,
        "currency": of["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(_EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": now + 8 * 86_400,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "intended_submission_method": None,
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "network_reason_code": code,
        "payment_intent": of["payment_intent"],
        "payment_method_details": {"type": "card", "card": card},
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }


def customer(ident: str, now: int, given: Doc) -> Doc:
    """A customer with the few fields a checkout fills in."""
    return {
        "id": ident,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": now,
        "default_source": None,
        "description": given.get("description") or None,
        "email": given.get("email") or None,
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": given.get("metadata") or {},
        "name": given.get("name") or None,
        "phone": given.get("phone") or None,
        "shipping": None,
    }


def endpoint(ident: str, now: int, url: str, events: list[str], given: Doc) -> Doc:
    """A webhook endpoint; the secret is shown only in the answer that creates it."""
    return {
        "id": ident,
        "object": "webhook_endpoint",
        "api_version": given.get("api_version"),
        "application": None,
        "created": now,
        "description": given.get("description") or None,
        "enabled_events": events,
        "livemode": False,
        "metadata": given.get("metadata") or {},
        "status": "enabled",
        "url": url,
    }
