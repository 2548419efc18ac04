"""Idempotency keys: the first answer once work began, kept 24 hours, errors and 500s too."""

from __future__ import annotations

import time
from typing import Any

from sandbox.frame import Answer, World
from sandbox.stripe.errors import StripeError

LIFE_SECONDS = 24 * 3600
LONGEST_KEY = 255
LONGEST_RUN = 30.0
KIND = "stripe.key"


def earlier(world: World, key: str, mark: str, now: int) -> Answer | None:
    """The stored answer for this key, or None when the call is to be done.

    Raises StripeError: 400 for a key used with other parameters, 409 while its first call still runs.
    """
    if len(key) > LONGEST_KEY:
        raise StripeError(400, "Idempotency keys can have up to 255 characters.", kind="idempotency_error", began=False)
    kept = world.get(KIND, key)
    if kept is None or now - kept["at"] >= LIFE_SECONDS:
        return None
    if kept["mark"] != mark:
        raise StripeError(
            400,
            "Keys for idempotent requests can only be used with the same parameters they were first used with. "
            f"Try using a key other than '{key}' if you meant to execute a different request.",
            kind="idempotency_error",
            began=False,
        )
    if kept["running_until"] > time.time():
        raise StripeError(
            409,
            f"There is currently another in-progress request using this Idempotent Key {key}. Please try again later.",
            code="idempotency_key_in_use",
            kind="idempotency_error",
            began=False,
        )
    replay = {"Idempotent-Replayed": "true", "Original-Request": kept["request"]}
    return Answer(kept["status"], kept["body"], replay)


def keep(world: World, key: str, mark: str, now: int, request: str, status: int, body: Any) -> None:
    """Remember an answer. While a fault holds it back (``hang``), the call counts as still running."""
    held = world.fault.get("kind") == "hang"
    until = time.time() + min(float(world.fault.get("seconds", LONGEST_RUN)), LONGEST_RUN) if held else 0.0
    world.put(
        KIND,
        key,
        {"mark": mark, "at": now, "request": request, "status": status, "body": body, "running_until": until},
    )
