"""The three bad answers of the outside world, and the one kind of complaint we make to a caller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Outside(Exception):
    """Something outside did not answer with a plain yes.

    `code` is one of our own words (see docs/messages), `vendor_code` what the vendor called it,
    `request_id` the vendor's id for support. Never carries a raw body.
    """

    def __init__(self, code: str, message: str = "", *, vendor_code: str = "", request_id: str = "",
                 detail: Mapping[str, Any] | None = None, retry_after: float | None = None) -> None:
        super().__init__(message or code)
        self.code = code
        self.message = message
        self.vendor_code = vendor_code
        self.request_id = request_id
        self.detail = dict(detail or {})
        self.retry_after = retry_after


class Refused(Outside):
    """No, and no again: nothing was made. Undo what depends on it."""


class Unavailable(Outside):
    """It did not happen; ask later (`retry_after` seconds when the vendor said so)."""


class OutcomeUnknown(Outside):
    """It may have happened. Look before doing anything else; never repeat it blindly."""


class Problem(Exception):
    """A request we cannot serve, told in a way the customer can act on.

    `code` is stable, `message` says what is wrong, `action` what to do next, `tip` an optional hint,
    `field_errors` maps a field path to a sentence. `status` is the HTTP status.
    """

    def __init__(self, code: str, message: str, *, status: int = 400, action: str = "", tip: str = "",
                 field_errors: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None,
                 extra: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.action = action
        self.tip = tip
        self.field_errors = dict(field_errors or {})
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})
