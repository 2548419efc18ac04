"""Control endpoints under ``/_stripe/``: the buyer, the bank and Stripe's staff without a browser."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.stripe import attempts, cards, disputes, events, intents, methods, refunds
from sandbox.stripe.desk import Desk, Doc, new_id, public
from sandbox.stripe.errors import StripeError

Deed = Callable[[Desk, str, Doc], Doc]


def _pay(desk: Desk, ident: str, given: Doc) -> Doc:
    """The buyer confirms in the browser; a decline is a result here, not an error."""
    number = str(given.get("card", "4242424242424242"))
    if number not in cards.CARDS:
        raise StripeError(400, f"{number} is not a test card.", param="card")
    method = methods.made(desk, number, *methods.TEST_EXPIRY, None)
    desk.save(method)
    desk.browser, desk.params = True, {"payment_method": method["id"], "use_stripe_sdk": True}
    error = None
    try:
        intents.confirm(desk, ident)
    except StripeError as refused:
        if refused.status != 402:
            raise
        error = {name: value for name, value in refused.body["error"].items() if name != "payment_intent"}
    intent = desk.need("payment_intent", ident, "intent")
    if "challenge" in given and intent["status"] == "requires_action":
        attempts.finish_challenge(desk, intent, success=bool(given["challenge"]))
    return {"payment_intent": public(intent), "error": error or intent["last_payment_error"]}


def _decline(desk: Desk, ident: str, given: Doc) -> Doc:
    return _pay(desk, ident, {"card": "4000000000000002", **given})


def _complete_3ds(desk: Desk, ident: str, given: Doc) -> Doc:
    intent = desk.need("payment_intent", ident, "intent")
    attempts.finish_challenge(desk, intent, success=bool(given.get("success", True)))
    return {"payment_intent": public(intent), "error": intent["last_payment_error"]}


def _dispute(desk: Desk, ident: str, given: Doc) -> Doc:
    charge = desk.need("charge", ident, "charge")
    return public(disputes.open_on(desk, charge, given.get("reason", "fraudulent"), bool(given.get("inquiry"))))


def _warn_of_fraud(desk: Desk, ident: str, given: Doc) -> Doc:
    """The cardholder's bank suspects fraud: an event, and later perhaps a dispute."""
    charge = desk.need("charge", ident, "charge")
    warning: Doc = {
        "id": new_id(desk.world, "issfr"),
        "object": "radar.early_fraud_warning",
        "actionable": not charge["refunded"] and not charge["disputed"],
        "charge": charge["id"],
        "created": desk.now,
        "fraud_type": given.get("fraud_type", "unauthorized_use_of_card"),
        "livemode": False,
        "payment_intent": charge["payment_intent"],
    }
    events.emit(desk, "radar.early_fraud_warning.created", warning)
    return warning


def _close_dispute(desk: Desk, ident: str, given: Doc) -> Doc:
    return public(disputes.close(desk, desk.need("dispute", ident, "dispute"), given.get("status", "lost")))


def _expire(desk: Desk, ident: str, given: Doc) -> Doc:
    intent = desk.need("payment_intent", ident, "intent")
    if not attempts.expire(desk, intent):
        raise StripeError(400, f"There is no hold to expire: the intent is {intent['status']}.")
    return public(intent)


def _fail_refund(desk: Desk, ident: str, given: Doc) -> Doc:
    refund = desk.need("refund", ident, "refund")
    if refund["status"] not in ("pending", "succeeded"):
        raise StripeError(400, f"A refund that is {refund['status']} cannot fail.")
    refunds.fail(desk, refund, given.get("failure_reason", "expired_or_canceled_card"))
    return public(refund)


def _capture_fails(desk: Desk, ident: str, given: Doc) -> Doc:
    wanted = {
        "operation": "stripe.capture",
        "kind": "capture_fails",
        "code": given.get("code", "charge_expired_for_capture"),
        "count": given.get("count", 1),
    }
    return desk.world.faults.arm(wanted)


def _door(deed: Deed) -> Callable[[Request], Awaitable[JSONResponse]]:
    async def door(request: Request) -> JSONResponse:
        raw = await request.body()
        world: Any = request.app.state.world
        try:
            with world.transaction():
                given = json.loads(raw) if raw else {}
                body = deed(Desk.unattended(world), request.path_params.get("ident", ""), given)
        except StripeError as error:
            return JSONResponse(error.body, error.status)
        return JSONResponse(body)

    return door


def routes() -> list[Route]:
    """The control endpoints' routes, all POST with a JSON body."""
    doors: dict[str, Deed] = {
        "payment_intents/{ident}/authorise": _pay,
        "payment_intents/{ident}/decline": _decline,
        "payment_intents/{ident}/complete_3ds": _complete_3ds,
        "authorisations/{ident}/expire": _expire,
        "charges/{ident}/dispute": _dispute,
        "charges/{ident}/fraud_warning": _warn_of_fraud,
        "disputes/{ident}/close": _close_dispute,
        "refunds/{ident}/fail": _fail_refund,
        "capture_fails": _capture_fails,
    }
    return [Route(f"/_stripe/{path}", _door(deed), methods=["POST"]) for path, deed in doors.items()]
