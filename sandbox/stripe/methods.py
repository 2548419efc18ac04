"""PaymentMethods and ConfirmationTokens: what the buyer's card becomes before it is charged."""

from __future__ import annotations

import re

from sandbox.stripe import cards, shapes
from sandbox.stripe.desk import Desk, Doc, new_id, public
from sandbox.stripe.errors import StripeError, invalid, missing

TOKEN_SECONDS = 12 * 3600
TEST_EXPIRY = (12, 2034)


def _card_error(code: str, message: str, param: str) -> StripeError:
    return StripeError(402, message, code=code, param=param, kind="card_error")


def create(desk: Desk) -> Doc:
    """POST /v1/payment_methods: from the browser with a number; a shop's server may not send one."""
    given = desk.params
    if given.get("type") != "card":
        raise invalid("The sandbox plays cards only.", param="type")
    card = given.get("card") or {}
    if "number" not in card:
        raise invalid("Missing required param: card[number].", code="parameter_missing", param="card[number]")
    if not desk.browser:
        raise StripeError(
            402,
            "Sending credit card numbers directly to the Stripe API is generally unsafe. "
            "Use Stripe.js, or a test PaymentMethod such as pm_card_visa.",
            began=False,
        )
    number = re.sub(r"[\s-]", "", card["number"])
    _check_card(desk, number, card)
    return public(desk.save(made(desk, number, card["exp_month"], card["exp_year"], given.get("billing_details"))))


def _check_card(desk: Desk, number: str, card: Doc) -> None:
    if not number.isdigit() or not 12 <= len(number) <= 19 or not cards.luhn_ok(number):
        raise _card_error("incorrect_number", "Your card number is incorrect.", "number")
    month, year = card.get("exp_month"), card.get("exp_year")
    if not isinstance(month, int) or not 1 <= month <= 12:
        raise _card_error("invalid_expiry_month", "Your card's expiration month is invalid.", "exp_month")
    today = desk.world.now()
    if not isinstance(year, int) or not today.year <= year <= today.year + 50:
        raise _card_error("invalid_expiry_year", "Your card's expiration year is invalid.", "exp_year")
    if (year, month) < (today.year, today.month):
        raise _card_error("invalid_expiry_month", "Your card's expiration month is invalid.", "exp_month")
    digits = 4 if cards.brand(number) == "amex" else 3
    if not re.fullmatch(rf"\d{{{digits}}}", str(card.get("cvc", ""))):
        raise _card_error("invalid_cvc", "Your card's security code is invalid.", "cvc")


def made(desk: Desk, number: str, month: int, year: int, billing: Doc | None) -> Doc:
    """A card as a PaymentMethod, not yet stored; the number itself is kept only when it is a test card."""
    card = shapes.card_preview(number, number[-4:], cards.brand(number), month, year)
    return shapes.payment_method(new_id(desk.world, "pm"), desk.now, card, shapes.billing(billing), number)


def named(desk: Desk, ident: str, param: str = "payment_method") -> Doc:
    """The stored method of this id, or a new one when it is a test name such as ``pm_card_visa``."""
    if ident in cards.NAMED:
        return desk.save(made(desk, cards.NAMED[ident], *TEST_EXPIRY, None))
    method = desk.get("payment_method", ident)
    if method is None:
        raise missing("PaymentMethod", ident, param, status=400)
    return method


def retrieve(desk: Desk, ident: str) -> Doc:
    """GET /v1/payment_methods/{id}."""
    return public(desk.need("payment_method", ident, "payment_method"))


def create_token(desk: Desk) -> Doc:
    """POST of a ConfirmationToken, by the browser or by Stripe's test helper."""
    given = desk.params
    if "payment_method" not in given:
        raise invalid("Missing required param: payment_method.", code="parameter_missing", param="payment_method")
    method = named(desk, given["payment_method"])
    token = shapes.confirmation_token(
        new_id(desk.world, "ctoken"), desk.now, TOKEN_SECONDS, method, given.get("return_url")
    )
    token["setup_future_usage"] = given.get("setup_future_usage")
    if given.get("shipping"):
        token["shipping"] = {"phone": None, **given["shipping"]}
    token["_elements"] = desk.client
    return public(desk.save(token))


def retrieve_token(desk: Desk, ident: str) -> Doc:
    """GET /v1/confirmation_tokens/{id}."""
    return public(desk.need("confirmation_token", ident, "confirmation_token"))


def spend_token(desk: Desk, ident: str, intent: Doc) -> Doc:
    """The card behind a token, which serves one intent only; raises StripeError when it is spent or too old."""
    token = desk.get("confirmation_token", ident)
    if token is None:
        raise missing("confirmation_token", ident, "confirmation_token", status=400)
    if token["payment_intent"] is not None:
        raise StripeError(
            400,
            f"This ConfirmationToken ({ident}) has already been used.",
            code="token_already_used",
            param="confirmation_token",
        )
    if token["expires_at"] is not None and token["expires_at"] <= desk.now:
        raise StripeError(400, f"This ConfirmationToken ({ident}) has expired.", param="confirmation_token")
    compare_elements(token.get("_elements") or {}, intent)
    token.update(payment_intent=intent["id"], expires_at=None)
    desk.save(token)
    if token["return_url"]:
        intent["_return_url"] = token["return_url"]
    method: Doc = token["_method"]
    return method


def compare_elements(elements: Doc, intent: Doc) -> None:
    """Raise StripeError when the page's Elements were set up for another payment than this intent."""
    for name, mine in (("amount", "amount"), ("currency", "currency"), ("capture_method", "capture_method")):
        told = elements.get(name)
        have = str(intent[mine])
        if told is None or told == have:
            continue
        if name == "capture_method" and {told, have} <= {"automatic", "automatic_async"}:
            continue
        raise StripeError(
            400,
            f"The {name} given to Elements ({told}) does not match the PaymentIntent's ({have}).",
            code="payment_intent_incompatible_payment_method" if name == "capture_method" else None,
            param=name,
        )
