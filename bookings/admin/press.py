"""What a page of an action carries hidden: the key of its one press, and what it showed when it was made.

Both are signed, so that only what a page of ours issued to this person, for this action and object, is believed.
Nothing is stored: looking at a page writes no row.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

from django.core import signing
from django.utils.crypto import constant_time_compare, salted_hmac

_KEY, _SHOWN = "fly2any.console.key", "fly2any.console.shown"
LONGEST = 4000  # characters of what a page says it showed


def new_key(operator_id: int | None, action: str, about: str) -> str:
    """A key for one press by this operator, 55 characters: the twin of a double press finds the same one."""
    nonce = secrets.token_urlsafe(16)
    return f"{nonce}.{_mark(nonce, operator_id, action, about)}"


def is_ours(key: str, operator_id: int | None, action: str, about: str) -> bool:
    """Whether a page of ours issued this key to this operator for this action on this object."""
    nonce, _, mark = key.partition(".")
    return len(key) < 64 and constant_time_compare(mark, _mark(nonce, operator_id, action, about))


def _mark(nonce: str, operator_id: int | None, action: str, about: str) -> str:
    return salted_hmac(_KEY, f"{nonce}|{operator_id}|{action}|{about}", algorithm="sha256").hexdigest()[:32]


def shown(picture: Mapping[str, Any], params: Mapping[str, Any] | None) -> str:
    """What a page showed: the states and amounts, and for which typed values it said what will happen."""
    return signing.dumps({"picture": dict(picture), "of": digest(params)}, salt=_SHOWN, compress=True)


def was_shown(text: str) -> tuple[dict[str, Any], str]:
    """The states and the digest of the typed values that a page showed; empty when it was not our page."""
    if len(text) > LONGEST:
        return {}, ""
    try:
        seen = signing.loads(text, salt=_SHOWN)
    except signing.BadSignature:
        return {}, ""
    return seen["picture"], seen["of"]


def digest(params: Mapping[str, Any] | None) -> str:
    """A keyed hash of typed values: they may be personal, and the page need not say them twice. "" for none."""
    if params is None:
        return ""
    return salted_hmac(_SHOWN, json.dumps(params, sort_keys=True, default=str), algorithm="sha256").hexdigest()
