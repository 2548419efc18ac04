"""The PaymentIntent calls: what may be asked in which status, and what the parameters mean."""

from __future__ import annotations

import secrets

from sandbox.stripe import attempts, currencies, events, methods, shapes
from sandbox.stripe.desk import Desk, Doc, new_id, public
from sandbox.stripe.errors import StripeError, invalid, wrong_state

CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
CANCELABLE = ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action", "processing")
_EXCLUSIVE = ("automatic_payment_methods", "excluded_payment_method_types", "payment_method_configuration")
_ONLY_WITH_CONFIRM = ("confirmation_token", "return_url", "off_session", "error_on_requires_action", "mandate_data")
_NOT_PLAYED = (
    "application_fee_amount", "customer_account", "hooks", "mandate", "on_behalf_of", "payment_method_configuration",
    "payment_method_data", "transfer_data", "amount_to_confirm",
)  # fmt: skip
_COPIED = (
    "capture_method",
    "confirmation_method",
    "setup_future_usage",
    "transfer_group",
    "allowed_payment_method_types",
)
_BLANKABLE = (
    "description",
    "receipt_email",
    "statement_descriptor_suffix",
    "customer",
    "excluded_payment_method_types",
)
_BROWSER_SEES = (
    "id", "object", "amount", "automatic_payment_methods", "canceled_at", "cancellation_reason", "capture_method",
    "client_secret", "confirmation_method", "created", "currency", "description", "last_payment_error", "livemode",
    "next_action", "payment_method", "payment_method_types", "processing", "receipt_email", "setup_future_usage",
    "shipping", "status",
)  # fmt: skip


def shown(desk: Desk, intent: Doc) -> Doc:
    """An intent as the caller may see it: a publishable key gets the fields a page needs."""
    if desk.browser:
        return {name: intent[name] for name in _BROWSER_SEES}
    return public(intent)


def _check_metadata(metadata: object) -> None:
    if not isinstance(metadata, dict):
        return
    if len(metadata) > 50:
        raise invalid("You can have up to 50 metadata keys.", param="metadata")
    for key, value in metadata.items():
        if len(key) > 40 or len(str(value)) > 500:
            raise invalid("Metadata keys can have up to 40 characters, values up to 500.", param=f"metadata[{key}]")


def _check(desk: Desk) -> None:
    given = desk.params
    for name in _NOT_PLAYED:
        if name in given:
            raise invalid(f"The sandbox does not play `{name}`.", param=name)
    if "allowed_payment_method_types" in given:
        for name in _EXCLUSIVE:
            if name in given:
                raise invalid(
                    f"You may only specify one of these parameters: allowed_payment_method_types, {name}.", param=name
                )
        if "card" not in given["allowed_payment_method_types"]:
            raise invalid("The sandbox plays cards only.", param="allowed_payment_method_types")
    if given.get("statement_descriptor"):
        raise invalid(
            "The `statement_descriptor` parameter is not supported for cards; use `statement_descriptor_suffix`.",
            param="statement_descriptor",
        )
    if len(given.get("statement_descriptor_suffix", "")) > 22:
        raise invalid(
            "The statement descriptor suffix is limited to 22 characters.", param="statement_descriptor_suffix"
        )
    if len(given.get("description", "")) > 1000:
        raise invalid("The description is limited to 1000 characters.", param="description")
    if given.get("customer"):
        desk.need("customer", given["customer"], "customer", status=400)
    _check_metadata(given.get("metadata"))


def _apply(desk: Desk, intent: Doc) -> None:
    given = desk.params
    for name in _COPIED:
        if name in given:
            intent[name] = given[name]
    for name in _BLANKABLE:
        if name in given:
            intent[name] = given[name] or None
    if "automatic_payment_methods" in given:
        automatic = given["automatic_payment_methods"]
        intent["automatic_payment_methods"] = (
            {"allow_redirects": "always", **automatic} if automatic["enabled"] else None
        )
    if given.get("shipping"):
        blank: Doc = {"carrier": None, "phone": None, "tracking_number": None}
        address = {
            **dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")),
            **given["shipping"]["address"],
        }
        intent["shipping"] = {**blank, **given["shipping"], "address": address}
    if given.get("payment_details"):
        intent["payment_details"] = {"customer_reference": None, "order_reference": None, **given["payment_details"]}
    apply_metadata(intent, given.get("metadata"))
    _apply_card_options(intent, (given.get("payment_method_options") or {}).get("card") or {})


def apply_metadata(doc: Doc, given: object) -> None:
    """Merge metadata as Stripe does: a blank value removes its key, a blank whole removes all."""
    if given == "":
        doc["metadata"] = {}
    elif isinstance(given, dict):
        merged = {**(doc["metadata"] or {}), **given}
        doc["metadata"] = {key: value for key, value in merged.items() if value != ""}


def _apply_card_options(intent: Doc, card: Doc) -> None:
    if "request_three_d_secure" in card:
        intent["payment_method_options"]["card"]["request_three_d_secure"] = card["request_three_d_secure"]
    if card.get("capture_method") == "manual":
        intent["capture_method"] = "manual"


def create(desk: Desk) -> Doc:
    """POST /v1/payment_intents, with the first confirmation when ``confirm`` is true."""
    given = desk.params
    _check(desk)
    currencies.check(given["amount"], given["currency"])
    if not given.get("confirm"):
        for name in _ONLY_WITH_CONFIRM:
            if name in given:
                raise invalid(f"`{name}` can only be used with `confirm: true`.", param=name)
    ident = new_id(desk.world, "pi")
    secret = f"{ident}_secret_{secrets.token_urlsafe(18).replace('-', 'x').replace('_', 'y')}"
    intent = shapes.intent(ident, desk.now, secret, given["amount"], given["currency"])
    if "allowed_payment_method_types" not in given:
        intent["automatic_payment_methods"] = {"allow_redirects": "always", "enabled": True}
    _apply(desk, intent)
    method = _first_method(desk, intent) if "payment_method" in given or "confirmation_token" in given else None
    if given.get("confirm"):
        _check_return_url(desk, intent)
    desk.save(intent)
    money = {"payment_intent": ident, "amount": intent["amount"], "currency": intent["currency"]}
    desk.note("payment_intent.created", metadata=intent["metadata"], **money)
    events.emit(desk, "payment_intent.created", intent)
    if given.get("confirm"):
        _confirm(desk, intent, method)
    return shown(desk, intent)


def _first_method(desk: Desk, intent: Doc) -> Doc:
    given = desk.params
    if "confirmation_token" in given:
        if "payment_method" in given:
            raise invalid("Give either `confirmation_token` or `payment_method`.", param="confirmation_token")
        return desk.save(methods.spend_token(desk, given["confirmation_token"], intent))
    method = methods.named(desk, given["payment_method"])
    intent.update(payment_method=method["id"], status="requires_confirmation")
    return method


def _check_return_url(desk: Desk, intent: Doc) -> None:
    if desk.params.get("return_url"):
        intent["_return_url"] = desk.params["return_url"]
    if "use_stripe_sdk" in desk.params:
        intent["_use_stripe_sdk"] = desk.params["use_stripe_sdk"]
    automatic = intent["automatic_payment_methods"] or {}
    if automatic.get("allow_redirects") == "always" and not intent["_return_url"] and not desk.browser:
        raise invalid(
            "This PaymentIntent is configured to accept payment methods that might redirect your customer "
            "off of your page: you must provide a `return_url`, or set "
            "`automatic_payment_methods[allow_redirects]` to `never`.",
            param="return_url",
        )


def _confirm(desk: Desk, intent: Doc, method: Doc | None) -> None:
    if method is None:
        raise wrong_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method. "
            "Update the PaymentIntent with a payment method and then confirm it again.",
            public(intent),
        )
    challenged = intent.pop("_authenticated", None) == method["id"]
    attempts.run(desk, intent, method, challenged=challenged)


def confirm(desk: Desk, ident: str) -> Doc:
    """POST /v1/payment_intents/{id}/confirm, by the shop or, with the client secret, by the page."""
    intent = _named(desk, ident)
    _check(desk)
    if intent["status"] not in CONFIRMABLE:
        raise wrong_state(
            f"This PaymentIntent's status is {intent['status']}: it could not be confirmed, "
            "because it was confirmed or canceled before.",
            shown(desk, intent),
        )
    methods.compare_elements(desk.client, intent)
    # Refusals first: nothing of a stored document may change before the last of them.
    if "payment_method" in desk.params or "confirmation_token" in desk.params:
        method: Doc | None = _first_method(desk, intent)
    else:
        method = desk.get("payment_method", intent["payment_method"]) if intent["payment_method"] else None
    _apply(desk, intent)
    _check_return_url(desk, intent)
    desk.save(intent)
    try:
        _confirm(desk, intent, method)
    except StripeError as error:
        if desk.browser and "payment_intent" in error.body["error"]:
            error.body["error"]["payment_intent"] = shown(desk, intent)
        raise
    return shown(desk, intent)


def _named(desk: Desk, ident: str) -> Doc:
    intent = desk.need("payment_intent", ident, "intent")
    if desk.secret_given is not None and desk.secret_given != intent["client_secret"]:
        raise invalid(
            "The client_secret provided does not match the client_secret associated with the PaymentIntent.",
            code="payment_intent_invalid_parameter",
            param="client_secret",
        )
    return intent


def retrieve(desk: Desk, ident: str) -> Doc:
    """GET /v1/payment_intents/{id}."""
    return shown(desk, _named(desk, ident))


def update(desk: Desk, ident: str) -> Doc:
    """POST /v1/payment_intents/{id}; money and card only before anything was taken."""
    intent = _named(desk, ident)
    _check(desk)
    given = desk.params
    harmless = {"metadata", "description", "receipt_email", "expand"}
    if set(given) - harmless and intent["status"] not in CONFIRMABLE:
        raise wrong_state(
            f"This PaymentIntent could not be updated because it has a status of {intent['status']}.", public(intent)
        )
    method = methods.named(desk, given["payment_method"]) if given.get("payment_method") else None
    if "amount" in given or "currency" in given:
        money = {name: given[name] if name in given else intent[name] for name in ("amount", "currency")}
        currencies.check(money["amount"], money["currency"])
        intent.update(money)
    _apply(desk, intent)
    if method:
        intent.update(payment_method=method["id"], status="requires_confirmation")
    return public(desk.save(intent))


def capture(desk: Desk, ident: str) -> Doc:
    """POST /v1/payment_intents/{id}/capture: all of the hold, or less."""
    intent = _named(desk, ident)
    _check(desk)
    if intent["status"] != "requires_capture":
        raise wrong_state(
            f"This PaymentIntent could not be captured because it has a status of {intent['status']}. "
            "Only a PaymentIntent with one of the following statuses may be captured: requires_capture.",
            public(intent),
        )
    _misfortune(desk, intent)
    given = desk.params
    amount: int = given["amount_to_capture"] if "amount_to_capture" in given else intent["amount_capturable"]
    if amount > intent["amount_capturable"]:
        raise StripeError(
            400,
            f"The amount_to_capture ({amount}) is greater than the amount that can be captured "
            f"({intent['amount_capturable']}).",
            code="amount_too_large",
            param="amount_to_capture",
        )
    if amount < 1:
        raise invalid(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount_to_capture",
        )
    apply_metadata(intent, desk.params.get("metadata"))
    attempts.capture(desk, intent, amount)
    return public(intent)


def _misfortune(desk: Desk, intent: Doc) -> None:
    fault = desk.world.use_fault("stripe.capture", "capture_fails")
    if fault is None:
        return
    code = fault.get("code", "charge_expired_for_capture")
    if "expired" in code or "expiration" in code:
        attempts.expire(desk, intent)
        message = "The charge cannot be captured as its authorization has expired."
    else:
        message = "The charge could not be captured."
    kind = "invalid_request_error" if code == "charge_expired_for_capture" else "card_error"
    raise StripeError(
        400 if kind == "invalid_request_error" else 402,
        message,
        code=code,
        kind=kind,
        charge=intent["latest_charge"],
        payment_intent=public(intent),
    )


def cancel(desk: Desk, ident: str) -> Doc:
    """POST /v1/payment_intents/{id}/cancel: gives a hold back; impossible once money was taken."""
    intent = _named(desk, ident)
    if intent["status"] not in CANCELABLE:
        raise wrong_state(
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. "
            f"Only a PaymentIntent with one of the following statuses may be canceled: {', '.join(CANCELABLE)}.",
            public(intent),
        )
    attempts.release(desk, intent, desk.params.get("cancellation_reason"))
    return public(intent)
