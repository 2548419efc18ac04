"""What each of Stripe's errors means: codes as a table, and the rule for everything else.

A definite no needs a 4xx with a code or a reason; a 5xx, a lost answer or a running twin is unknown when the call
changes something. Vendor texts stay here: they may quote what was sent.
"""

from __future__ import annotations

import logging
from typing import Any

import stripe

from fly2any.kernel.errors import OutcomeUnknown, Outside, Refused, Unavailable

log = logging.getLogger(__name__)

CODES = {
    "amount_too_small": "amount_too_small",
    "amount_too_large": "amount_too_large",
    "charge_already_captured": "already_captured",
    "capture_charge_authorization_expired": "authorisation_expired",
    "charge_expired_for_capture": "authorisation_expired",
    "charge_already_refunded": "refund_exceeds",
    "charge_disputed": "disputed",
    "refund_disputed_payment": "disputed",
    "resource_missing": "not_found",
}
# payment_intent_unexpected_state: what the intent's present status says about the call
UNEXPECTED = {"succeeded": "already_captured", "canceled": "already_voided"}


def translate(error: stripe.StripeError, *, changes: bool, deed: str, sent: bool) -> Outside:
    """The family and code of a library error.

    `changes`: the call changes something. `sent`: some attempt of it may have reached Stripe without an answer,
    so that even a refused connection or a 429 of a later attempt proves nothing.
    """
    unsure = OutcomeUnknown if changes else Unavailable
    status = error.http_status or 0
    details: dict[str, Any] = {"vendor_code": _vendor_code(error), "request_id": (error.request_id or "")[:100],
                               "detail": {"status": status}}
    if isinstance(error, stripe.APIConnectionError):
        timed_out = "timed out" in str(error)
        family = unsure if sent else Unavailable
        return family("gateway_timeout" if timed_out and sent else "gateway_down", "no answer", **details)
    if isinstance(error, stripe.IdempotencyError):
        log.error("stripe %s: an idempotency key was used with other parameters", deed)
        return Refused("key_reused", "the key was used for something else", **details)
    if status == 409:
        return unsure("twin_running", "the same call is running", **details)
    if isinstance(error, stripe.RateLimitError):
        return (unsure if sent else Unavailable)("gateway_busy", "too many requests", **details)
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return (unsure if sent else Unavailable)("misconfigured", "Stripe does not accept our key", **details)
    if isinstance(error, stripe.CardError):
        return Refused(CODES.get(error.code or "", "card_declined"), "the bank declined", **details)
    if isinstance(error, stripe.InvalidRequestError):
        return Refused(_refusal(error, deed), "Stripe refused the request", **details)
    return unsure("gateway_down" if status >= 500 else "unreadable_answer", "no usable answer", **details)


def unreadable(*, changes: bool, request_id: str = "") -> Outside:
    """The error for a success whose content cannot be trusted, above all its money."""
    return (OutcomeUnknown if changes else Unavailable)(
        "unreadable_answer", "the answer cannot be read", request_id=request_id)


def _refusal(error: stripe.InvalidRequestError, deed: str) -> str:
    if error.code == "payment_intent_unexpected_state":
        intent = getattr(error.error, "payment_intent", None)
        found = UNEXPECTED.get(getattr(intent, "status", "") or "")
        return found or ("authorisation_expired" if deed == "capture" else "wrong_state")
    if error.code in CODES:
        return CODES[error.code]
    if error.http_status == 404:
        return "not_found"
    if deed == "refund" and error.param == "amount":
        return "refund_exceeds"
    return "gateway_refused"


def _vendor_code(error: stripe.StripeError) -> str:
    inner = getattr(error, "error", None)
    code = getattr(inner, "decline_code", None) or error.code or getattr(inner, "code", None)
    return str(code or f"http_{error.http_status or 0}")[:100]
