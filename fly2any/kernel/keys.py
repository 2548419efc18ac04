"""Idempotency keys for calls to the outside, derived from our own rows so that a resume repeats them."""

import hashlib
import hmac
import json
from typing import Any


def derive(deed: str, row_id: int | str, attempt: int = 1) -> str:
    """The key of one deed on one row: `cap:17`, and `cap:17:2` after a stored 5xx (reliability.md 4)."""
    return f"{deed}:{row_id}" if attempt == 1 else f"{deed}:{row_id}:{attempt}"


def digest(value: Any) -> str:
    """SHA-256 of a JSON-able value in canonical form; equal values give equal digests."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def keyed_digest(secret: str, value: Any) -> str:
    """HMAC-SHA256 of a JSON-able value: comparable, but not guessable without the secret."""
    return hmac.new(secret.encode(), digest(value).encode(), hashlib.sha256).hexdigest()
