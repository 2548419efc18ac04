"""Stripe's published test cards: what each number, and each ``pm_card_…`` name, does."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Decline:
    """How an issuer says no. ``decline_code`` is the reason the shop must often not repeat."""

    code: str
    message: str
    decline_code: str | None = None
    advice_code: str | None = None
    network_code: str | None = None


@dataclass(frozen=True)
class Behaviour:
    """What happens to a payment with this card."""

    decline: Decline | None = None
    challenge: bool = False
    challenge_on_request: bool = False
    refund: str = ""  # "late": pending, then succeeded. "fails": succeeded, then failed.
    dispute: str = ""  # the reason of the dispute that follows a capture
    inquiry: bool = False
    risk: str = "normal"
    blocked: bool = False


_NO = "Your card was declined."
GENERIC = Decline("card_declined", _NO, "generic_decline", "try_again_later", "05")
INSUFFICIENT = Decline(
    "card_declined", "Your card has insufficient funds.", "insufficient_funds", "try_again_later", "51"
)
LOST = Decline("card_declined", _NO, "lost_card", "do_not_try_again", "41")
STOLEN = Decline("card_declined", _NO, "stolen_card", "do_not_try_again", "43")
VELOCITY = Decline(
    "card_declined",
    "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
    "card_velocity_exceeded",
    "try_again_later",
    "65",
)
EXPIRED = Decline("expired_card", "Your card has expired.", None, "confirm_card_data", "54")
CVC = Decline("incorrect_cvc", "Your card's security code is incorrect.", None, "confirm_card_data", "N7")
PROCESSING = Decline(
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
    None,
    "try_again_later",
    "96",
)
FRAUD = Decline("card_declined", _NO, "fraudulent")
LIVE_CARD = Decline(
    "card_declined",
    "Your card was declined. Your request was in test mode, but used a non test card.",
    "test_mode_live_card",
)
AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
    "authentication_required",
)
AUTHENTICATION_FAILED = Decline(
    "payment_intent_authentication_failure",
    "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
)

CARDS: dict[str, Behaviour] = {
    "4242424242424242": Behaviour(),
    "4000056655665556": Behaviour(),
    "5555555555554444": Behaviour(),
    "378282246310005": Behaviour(),
    "4000002760003184": Behaviour(challenge=True),
    "4000002500003155": Behaviour(challenge=True),
    "4000000000003220": Behaviour(challenge=True),
    "4000008400001629": Behaviour(challenge=True, decline=GENERIC),
    "4000000000003055": Behaviour(challenge_on_request=True),
    "4000000000000002": Behaviour(decline=GENERIC),
    "4000000000009995": Behaviour(decline=INSUFFICIENT),
    "4000000000009987": Behaviour(decline=LOST),
    "4000000000009979": Behaviour(decline=STOLEN),
    "4000000000006975": Behaviour(decline=VELOCITY),
    "4000000000000069": Behaviour(decline=EXPIRED),
    "4000000000000127": Behaviour(decline=CVC),
    "4000000000000119": Behaviour(decline=PROCESSING),
    "4000000000000341": Behaviour(decline=GENERIC),
    "4100000000000019": Behaviour(decline=FRAUD, risk="highest", blocked=True),
    "4000000000009235": Behaviour(risk="elevated"),
    "4000000000000259": Behaviour(dispute="fraudulent"),
    "4000000000002685": Behaviour(dispute="product_not_received"),
    "4000000000001976": Behaviour(dispute="fraudulent", inquiry=True),
    "4000000000007726": Behaviour(refund="late"),
    "4000000000005126": Behaviour(refund="fails"),
}

# The names are Stripe's; those of the declines and of 3-D Secure are in the fact sheet, the rest
# (pendingRefund, refundFail, riskLevelElevated, radarBlock, createDisputeInquiry) in Stripe's testing page.
NAMED: dict[str, str] = {
    "pm_card_visa": "4242424242424242",
    "pm_card_visa_debit": "4000056655665556",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_amex": "378282246310005",
    "pm_card_authenticationRequired": "4000002760003184",
    "pm_card_authenticationRequiredOnSetup": "4000002500003155",
    "pm_card_threeDSecure2Required": "4000000000003220",
    "pm_card_threeDSecureRequired": "4000000000003220",
    "pm_card_threeDSecureRequiredChargeDeclined": "4000008400001629",
    "pm_card_threeDSecureOptional": "4000000000003055",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedLostCard": "4000000000009987",
    "pm_card_visa_chargeDeclinedStolenCard": "4000000000009979",
    "pm_card_visa_chargeDeclinedVelocityLimitExceeded": "4000000000006975",
    "pm_card_chargeDeclinedExpiredCard": "4000000000000069",
    "pm_card_chargeDeclinedIncorrectCvc": "4000000000000127",
    "pm_card_chargeDeclinedProcessingError": "4000000000000119",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_card_radarBlock": "4100000000000019",
    "pm_card_riskLevelElevated": "4000000000009235",
    "pm_card_createDispute": "4000000000000259",
    "pm_card_createDisputeProductNotReceived": "4000000000002685",
    "pm_card_createDisputeInquiry": "4000000000001976",
    "pm_card_pendingRefund": "4000000000007726",
    "pm_card_refundFail": "4000000000005126",
}

UNKNOWN = "unknown"  # what is kept instead of a number that is not a test card


def behaviour(test_number: str) -> Behaviour:
    """What a kept card does; a number that is no test card is declined, as in Stripe's test mode."""
    return CARDS.get(test_number, Behaviour(decline=LIVE_CARD))


def luhn_ok(number: str) -> bool:
    """Whether the digits pass the check sum that every card number carries."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def brand(number: str) -> str:
    """The card network by the first digits, in Stripe's spelling."""
    if number.startswith(("34", "37")):
        return "amex"
    if number.startswith("4"):
        return "visa"
    if 51 <= int(number[:2]) <= 55 or 2221 <= int(number[:4]) <= 2720:
        return "mastercard"
    if number.startswith(("6011", "65", "644", "645", "646", "647", "648", "649")):
        return "discover"
    return "unknown"


def keep(number: str) -> str:
    """What may be stored of a number: the number itself only when it is a published test card."""
    return number if number in CARDS else UNKNOWN


def fingerprint(number: str) -> str:
    """A stable 16-letter mark of a test card; the same for every real card, so it reveals nothing."""
    return hashlib.sha256(keep(number).encode()).hexdigest()[:16]


def funding(number: str) -> str:
    """Credit, except for Stripe's one debit test card."""
    return "debit" if number == "4000056655665556" else "credit"


def country(number: str) -> str:
    """Where the card was issued; the European 3-D Secure cards are not American."""
    return {"4000002760003184": "DE", "4000002500003155": "FR"}.get(number, "US")
