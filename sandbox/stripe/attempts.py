"""One attempt to pay: the issuer's answer, the challenge, the hold, the capture, the expiry."""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from sandbox.stripe import cards, events, shapes
from sandbox.stripe.desk import VENDOR_NAME, Desk, Doc, new_id, public
from sandbox.stripe.errors import StripeError, wrong_state

CHALLENGE_ON_REQUEST = frozenset(("any", "challenge"))
DISPUTE_AFTER_SECONDS = 2.0


def _money(intent: Doc, amount: int) -> Doc:
    return {
        "payment_intent": intent["id"],
        "amount": amount,
        "currency": intent["currency"],
        "metadata": intent["metadata"],
    }


def run(desk: Desk, intent: Doc, method: Doc, *, challenged: bool = False) -> None:
    """Try the card once; the intent carries the result. Raises StripeError (402) for a decline."""
    does = cards.behaviour(method["_card"])
    asked = intent["payment_method_options"]["card"]["request_three_d_secure"]
    wants = does.challenge or (does.challenge_on_request and asked in CHALLENGE_ON_REQUEST)
    intent["_attempts"] += 1
    intent["payment_method"] = method["id"]
    if wants and not challenged:
        if desk.params.get("off_session") or desk.params.get("error_on_requires_action"):
            raise _declined(desk, intent, method, cards.AUTHENTICATION_REQUIRED, challenged=None)
        _ask_for_challenge(desk, intent)
        return
    if does.decline:
        raise _declined(desk, intent, method, does.decline, challenged=challenged or None)
    _approved(desk, intent, method, does, challenged)


def _charge(desk: Desk, intent: Doc, method: Doc, challenged: bool | None) -> Doc:
    made = shapes.charge(new_id(desk.world, "ch"), desk.now, intent, method, desk.base_url)
    if challenged is not None:
        made["payment_method_details"]["card"]["three_d_secure"] = shapes.three_d_secure(challenged)
    intent["latest_charge"] = made["id"]
    return made


def _approved(desk: Desk, intent: Doc, method: Doc, does: cards.Behaviour, challenged: bool) -> None:
    charge = _charge(desk, intent, method, challenged or None)
    charge.update(status="succeeded", paid=True, outcome=shapes.outcome(None, does.risk, False))
    card = charge["payment_method_details"]["card"]
    card.update(authorization_code=f"{secrets.randbelow(10**6):06d}", network_transaction_id=secrets.token_hex(8))
    intent.update(next_action=None, last_payment_error=None)
    manual = intent["capture_method"] == "manual"
    desk.note("payment_intent.authorised", charge=charge["id"], **_money(intent, intent["amount"]))
    if manual:
        card["capture_before"] = desk.now + shapes.HOLD_SECONDS
        intent.update(status="requires_capture", amount_capturable=intent["amount"])
        desk.world.later(shapes.HOLD_SECONDS, VENDOR_NAME, "expire", {"intent": intent["id"], "charge": charge["id"]})
    else:
        _settle(desk, intent, charge, intent["amount"])
    desk.save(charge)
    desk.save(intent)
    events.emit(desk, "charge.succeeded", charge)
    kind = "amount_capturable_updated" if manual else "succeeded"
    events.emit(desk, f"payment_intent.{kind}", intent)


def _settle(desk: Desk, intent: Doc, charge: Doc, amount: int) -> None:
    charge.update(captured=True, amount_captured=amount, balance_transaction=new_id(desk.world, "txn"))
    intent.update(status="succeeded", amount_received=amount, amount_capturable=0)
    desk.note("payment_intent.captured", charge=charge["id"], **_money(intent, amount))
    does = cards.behaviour(charge["_card"])
    if does.dispute:
        payload = {"charge": charge["id"], "reason": does.dispute, "inquiry": does.inquiry}
        desk.world.later(DISPUTE_AFTER_SECONDS, VENDOR_NAME, "dispute", payload)


def _declined(desk: Desk, intent: Doc, method: Doc, decline: cards.Decline, *, challenged: bool | None) -> StripeError:
    does = cards.behaviour(method["_card"])
    charge = _charge(desk, intent, method, challenged)
    charge.update(
        failure_code=decline.code,
        failure_message=decline.message,
        outcome=shapes.outcome(decline, does.risk, does.blocked),
    )
    desk.save(charge)
    error = _failed(desk, intent, method, decline, charge["id"])
    events.emit(desk, "charge.failed", charge)
    events.emit(desk, "payment_intent.payment_failed", intent)
    return error


def _failed(desk: Desk, intent: Doc, method: Doc, decline: cards.Decline, charge: str | None) -> StripeError:
    detail: dict[str, Any] = {
        "charge": charge,
        "decline_code": decline.decline_code,
        "advice_code": decline.advice_code,
        "network_decline_code": decline.network_code,
        "payment_method": public(method),
    }
    kind = "invalid_request_error" if decline is cards.AUTHENTICATION_FAILED else "card_error"
    error = StripeError(402, decline.message, code=decline.code, kind=kind, **detail)
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        last_payment_error=dict(error.body["error"]),
    )
    desk.save(intent)
    desk.note(
        "payment_intent.declined",
        code=decline.code,
        decline_code=decline.decline_code,
        **_money(intent, intent["amount"]),
    )
    error.body["error"]["payment_intent"] = public(intent)
    return error


def _ask_for_challenge(desk: Desk, intent: Doc) -> None:
    token = secrets.token_urlsafe(18)
    intent["_challenge"] = token
    page = f"{desk.base_url}/stripe-js/challenge?payment_intent={intent['id']}&token={token}"
    if intent["_use_stripe_sdk"] or not intent["_return_url"]:
        action: Doc = {
            "type": "use_stripe_sdk",
            "use_stripe_sdk": {
                "type": "three_d_secure_redirect",
                "source": new_id(desk.world, "src"),
                "stripe_js": page,
            },
        }
    else:
        action = {
            "type": "redirect_to_url",
            "redirect_to_url": {"return_url": intent["_return_url"], "url": f"{page}&redirect=1"},
        }
    intent.update(status="requires_action", next_action=action, last_payment_error=None)
    desk.save(intent)
    desk.note("payment_intent.challenged", **_money(intent, intent["amount"]))
    events.emit(desk, "payment_intent.requires_action", intent)


def finish_challenge(desk: Desk, intent: Doc, *, success: bool) -> None:
    """The cardholder passed or failed the challenge; the intent carries what came of it. Never raises a decline."""
    if intent["status"] != "requires_action":
        raise wrong_state(f"This PaymentIntent's status is {intent['status']}: no challenge is open.", public(intent))
    method = desk.need("payment_method", intent["payment_method"], "payment_method")
    intent.pop("_challenge", None)
    if not success:
        _failed(desk, intent, method, cards.AUTHENTICATION_FAILED, None)
        events.emit(desk, "payment_intent.payment_failed", intent)
    elif intent["confirmation_method"] == "manual":
        intent.update(status="requires_confirmation", next_action=None, _authenticated=method["id"])
        desk.save(intent)
    else:
        with suppress(StripeError):  # a decline is on the intent, where the page and the server look
            run(desk, intent, method, challenged=True)


def back_to_shop(intent: Doc) -> str | None:
    """The return address with the three parameters that Stripe adds, or None when there is none."""
    if not intent["_return_url"]:
        return None
    parts = urlsplit(intent["_return_url"])
    status = {"requires_payment_method": "failed", "processing": "pending"}.get(intent["status"], "succeeded")
    query = [
        *parse_qsl(parts.query, keep_blank_values=True),
        ("payment_intent", intent["id"]),
        ("payment_intent_client_secret", intent["client_secret"]),
        ("redirect_status", status),
    ]
    return urlunsplit(parts._replace(query=urlencode(query)))


def capture(desk: Desk, intent: Doc, amount: int) -> None:
    """Take ``amount`` minor units of the hold and release the rest."""
    charge = desk.need("charge", intent["latest_charge"], "charge")
    _settle(desk, intent, charge, amount)
    desk.save(charge)
    desk.save(intent)
    events.emit(desk, "charge.captured", charge)
    events.emit(desk, "payment_intent.succeeded", intent)


def release(desk: Desk, intent: Doc, reason: str | None) -> None:
    """End an intent: nothing can be taken with it any more, and a hold is given back."""
    released = intent["amount_capturable"]
    intent.update(
        status="canceled",
        canceled_at=desk.now,
        cancellation_reason=reason,
        amount_capturable=0,
        next_action=None,
    )
    intent.pop("_challenge", None)
    desk.save(intent)
    desk.note("payment_intent.canceled", reason=reason, **_money(intent, released))
    events.emit(desk, "payment_intent.canceled", intent)


def expire(desk: Desk, intent: Doc) -> bool:
    """The issuer takes a hold back after its time; False when there is none."""
    if intent["status"] != "requires_capture":
        return False
    charge = desk.need("charge", intent["latest_charge"], "charge")
    events.emit(desk, "charge.expired", charge)
    release(desk, intent, "automatic")
    return True
