"""Stripe's error answers, as one exception."""

from __future__ import annotations

from typing import Any


class StripeError(Exception):
    """Ends a call with Stripe's error body.

    ``began`` is False for refusals that come before execution (unknown parameter, wrong key);
    Stripe does not remember those under the idempotency key.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str = "invalid_request_error",
        began: bool = True,
        **extra: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.began = began
        error: dict[str, Any] = {"type": kind, "message": message}
        if code:
            error["code"] = code
            error["doc_url"] = f"https://docs.stripe.com/error-codes#{code.replace('_', '-')}"
        if param:
            error["param"] = param
        error.update({name: value for name, value in extra.items() if value is not None})
        self.body: dict[str, Any] = {"error": error}

    @property
    def code(self) -> str | None:
        """Stripe's machine-readable word for the refusal, when it has one."""
        return self.body["error"].get("code")


def invalid(message: str, *, code: str | None = None, param: str | None = None) -> StripeError:
    """A refusal of the parameters themselves (400, never stored under an idempotency key)."""
    return StripeError(400, message, code=code, param=param, began=False)


def missing(kind: str, ident: str, param: str, *, status: int = 404) -> StripeError:
    """The answer for an id nobody has."""
    return StripeError(status, f"No such {kind}: '{ident}'", code="resource_missing", param=param, began=status == 400)


def wrong_state(message: str, intent: dict[str, Any]) -> StripeError:
    """The answer for a call that the intent's present status does not allow."""
    return StripeError(400, message, code="payment_intent_unexpected_state", payment_intent=intent)


def words(text: str) -> tuple[str, ...]:
    """A list of names written as plain text."""
    return tuple(text.split())
