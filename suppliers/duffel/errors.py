"""What each of Duffel's answers means: one table of codes, one of statuses, and the rule that reads them.

The question behind every row is "was anything booked?" (duffel.md 6 and 7, reliability.md 4). A code that the
table does not know is *unknown* on a call that changes something, and *unavailable* on one that does not. Of
several errors in one answer the worst counts. Vendor texts never leave this module: reasons are our own words.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from fly2any.kernel.errors import OutcomeUnknown, Outside, Unavailable
from suppliers.errors import Family, made, unsure


@dataclass(frozen=True)
class Call:
    """One kind of call: how long its answer may take, and whether it changes anything at the airline.

    `seconds` is the whole answer's time; `changes` decides between unknown and unavailable; `retried` marks safe
    reads that may be asked again within the same request; `gone` is our code for a 404.
    """

    name: str
    seconds: float
    changes: bool = False
    retried: bool = False
    gone: str = "not_found"
    done: frozenset[int] = frozenset({200, 201})


SEARCH = Call("search", 25)
OFFER = Call("offer", 10, retried=True, gone="offer_expired")
READ = Call("read", 10, retried=True)
CREATE = Call("create", 130, changes=True, gone="offer_expired", done=frozenset({201}))
PAY = Call("pay", 130, changes=True, done=frozenset({201}))
QUOTE = Call("quote", 60)
CANCEL = Call("cancel", 60, changes=True)
ACCEPT = Call("accept", 60, changes=True)
CALLS = (SEARCH, OFFER, READ, CREATE, PAY, QUOTE, CANCEL, ACCEPT)

# vendor code -> (family, our code). Families of failures at the airline's end depend on the call: see _FAILURES.
CODES: dict[str, tuple[Family, str]] = {
    "offer_no_longer_available": (Family.REFUSED, "sold_out"),
    "offer_expired": (Family.REFUSED, "offer_expired"),
    "price_changed": (Family.REFUSED, "price_changed"),
    "payment_amount_does_not_match_order_amount": (Family.REFUSED, "price_changed"),
    "payment_currency_does_not_match_order_currency": (Family.REFUSED, "price_changed"),
    "offer_request_already_booked": (Family.UNKNOWN, "already_booked"),
    "order_creation_already_attempted": (Family.UNKNOWN, "already_booked"),
    "duplicate_booking": (Family.UNKNOWN, "already_booked"),
    "order_not_created": (Family.REFUSED, "supplier_refused"),
    "insufficient_balance": (Family.REFUSED, "insufficient_balance"),
    "ancillary_service_not_available": (Family.REFUSED, "services_unavailable"),
    "services_not_allowed_for_order_type": (Family.REFUSED, "services_unavailable"),
    "validation_required": (Family.REFUSED, "passenger_rejected"),
    "validation_format": (Family.REFUSED, "passenger_rejected"),
    "validation_length": (Family.REFUSED, "passenger_rejected"),
    "validation_inclusion": (Family.REFUSED, "passenger_rejected"),
    "validation_type": (Family.REFUSED, "passenger_rejected"),
    "validation_unique": (Family.REFUSED, "passenger_rejected"),
    "invalid_phone_number": (Family.REFUSED, "passenger_rejected"),
    "invalid_email_address": (Family.REFUSED, "passenger_rejected"),
    "invalid_passenger_name": (Family.REFUSED, "passenger_rejected"),
    "invalid_passenger_title": (Family.REFUSED, "passenger_rejected"),
    "duplicate_passenger_name": (Family.REFUSED, "passenger_rejected"),
    "invalid_loyalty_card": (Family.REFUSED, "passenger_rejected"),
    "order_passengers_incompatible_with_offer": (Family.REFUSED, "passenger_rejected"),
    "invalid_order_create_type": (Family.REFUSED, "supplier_refused"),
    "schedule_changed": (Family.REFUSED, "schedule_changed"),
    "past_payment_required_by_date": (Family.REFUSED, "past_pay_by"),
    "already_paid": (Family.REFUSED, "already_paid"),
    "already_cancelled": (Family.REFUSED, "already_cancelled"),
    "order_type_not_eligible_for_payment": (Family.REFUSED, "supplier_refused"),
    "order_cancellation_stale": (Family.REFUSED, "quote_stale"),
    "order_not_cancellable": (Family.REFUSED, "not_cancellable"),
    "order_not_changeable": (Family.REFUSED, "supplier_refused"),
    "stale_airline_initiated_change_accept": (Family.REFUSED, "quote_stale"),
    "rate_limit_exceeded": (Family.UNAVAILABLE, "supplier_busy"),
    "missing_version_header": (Family.UNAVAILABLE, "misconfigured"),
    "invalid_version_header": (Family.UNAVAILABLE, "misconfigured"),
    "unsupported_version": (Family.UNAVAILABLE, "misconfigured"),
    "missing_content_type_header": (Family.UNAVAILABLE, "misconfigured"),
    "missing_authorization_header": (Family.UNAVAILABLE, "misconfigured"),
    "access_token_not_found": (Family.UNAVAILABLE, "misconfigured"),
    "expired_access_token": (Family.UNAVAILABLE, "misconfigured"),
    "insufficient_permissions": (Family.UNAVAILABLE, "misconfigured"),
}

# The airline or Duffel itself stumbled: unknown when the call changes something, unavailable otherwise.
_FAILURES = frozenset({"internal_server_error", "airline_unknown", "airline_internal"})

# Statuses that mean a definite no whatever the body says.
_STATUSES: dict[int, tuple[Family, str]] = {
    401: (Family.UNAVAILABLE, "misconfigured"),
    403: (Family.UNAVAILABLE, "misconfigured"),
    406: (Family.UNAVAILABLE, "misconfigured"),
    429: (Family.UNAVAILABLE, "supplier_busy"),
}

# Why a passenger was not accepted: the field when the answer names none, and the reason in our words.
_REASONS: dict[str, tuple[str, str]] = {
    "validation_required": ("", "it is missing"),
    "validation_format": ("", "the airline cannot read it in this form"),
    "validation_length": ("", "it is too short or too long"),
    "validation_inclusion": ("", "it is not one of the values the airline knows"),
    "validation_type": ("", "the airline cannot read it in this form"),
    "validation_unique": ("", "it is given twice"),
    "invalid_phone_number": ("phone_number", "it is not a valid phone number"),
    "invalid_email_address": ("email", "it is not a valid e-mail address"),
    "invalid_passenger_name": ("name", "it has letters or a length the airline cannot take"),
    "invalid_passenger_title": ("title", "it does not fit the traveller"),
    "duplicate_passenger_name": ("name", "two travellers have the same name"),
    "invalid_loyalty_card": ("loyalty", "the airline does not know this number"),
    "order_passengers_incompatible_with_offer": ("born_on", "the travellers differ from those searched for"),
}


def silence(call: Call, *, connected: bool, code: str = "supplier_timeout") -> Outside:
    """The error for a call that got no readable answer. Never connected: it certainly did not happen."""
    if not connected:
        return Unavailable("supplier_down", "no connection")
    return (OutcomeUnknown if call.changes else Unavailable)(code, "no readable answer")


def accepted(request_id: str = "") -> OutcomeUnknown:
    """The error for 200 and 202 where only a finished order or payment would do: it may still come."""
    return OutcomeUnknown("accepted_pending", "accepted, outcome not known yet", request_id=request_id)


def unreadable(call: Call, request_id: str = "") -> Outside:
    """The error for a success whose content cannot be trusted, above all its money."""
    family = OutcomeUnknown if call.changes else Unavailable
    return family("unreadable_answer", "the answer cannot be read", request_id=request_id)


def from_answer(call: Call, status: int, body: Any, *, request_id: str = "",
                retry_after: float | None = None) -> Outside:
    """The error that an answer of status 3xx to 5xx (or an unexpected 2xx) means for this call."""
    found = _errors_in(body)
    rows = [_row(call, status, error) for error in found] or [_bare(call, status)]
    place = max(range(len(rows)), key=lambda index: (rows[index][0], -index))
    family, code = rows[place]
    error = found[place] if found else {}
    vendor_code = str(error.get("code") or f"http_{status}")
    detail: dict[str, Any] = {"status": status}
    if code == "passenger_rejected":
        code, detail = _passenger(vendor_code, error, detail)
    wait = retry_after if code == "supplier_busy" else None
    return made(family, code, f"Duffel answered {vendor_code}", vendor_code=vendor_code,
                            request_id=request_id or _request_id(body), detail=detail, retry_after=wait)


def seconds_until(reset: str, date: str, now: datetime) -> float:
    """Seconds until `ratelimit-reset` (an HTTP date), by the server's own clock when it gave one; 1 to 300."""
    try:
        until = parsedate_to_datetime(reset)
        if until.tzinfo is None:
            until = until.replace(tzinfo=UTC)
    except (TypeError, ValueError):
        return 60.0
    return min(300.0, max(1.0, (until - served_at(date, now)).total_seconds()))


def served_at(date: str, now: datetime) -> datetime:
    """The server's own time from its Date header, or ours when it gave none."""
    try:
        stamp = parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return now
    return stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)


def _errors_in(body: Any) -> list[dict[str, Any]]:
    errors = body.get("errors") if isinstance(body, dict) else None
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _request_id(body: Any) -> str:
    meta = body.get("meta") if isinstance(body, dict) else None
    return str(meta.get("request_id") or "") if isinstance(meta, dict) else ""


def _row(call: Call, status: int, error: dict[str, Any]) -> tuple[Family, str]:
    code = str(error.get("code") or "")
    if code == "not_found":
        return Family.REFUSED, call.gone
    if code == "offer_no_longer_available" and not call.changes:
        return Family.REFUSED, "offer_expired"
    if code in CODES:
        return CODES[code]
    if code in _FAILURES:
        return _told(call, "supplier_down")
    if status == 503:  # Duffel's own: nothing was made
        return Family.UNAVAILABLE, "supplier_down"
    return _bare(call, status)


def _bare(call: Call, status: int) -> tuple[Family, str]:
    """What a status alone says, when the body has no code that we know."""
    if status in _STATUSES:
        return _STATUSES[status]
    if status == 404 and not call.changes:
        return Family.REFUSED, call.gone
    if 400 <= status < 500:
        return _told(call, "unreadable_answer")
    return _told(call, "supplier_down" if status >= 500 else "unreadable_answer")


def _told(call: Call, code: str) -> tuple[Family, str]:
    return unsure(call.changes), code


def _passenger(vendor_code: str, error: dict[str, Any], detail: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Say which field of which traveller was not accepted, or that it was something else in our request."""
    source = error.get("source")
    pointer = str(source.get("pointer") or "") if isinstance(source, dict) else ""
    parts = [part for part in pointer.split("/") if part and part != "data"]
    field, reason = _REASONS[vendor_code]
    if vendor_code.startswith("validation_") and parts[:1] != ["passengers"]:
        return "supplier_refused", {**detail, "field": "/".join(parts)}
    passenger = int(parts[1]) if len(parts) > 1 and parts[1].isdecimal() else None
    names = [part for part in parts[2:] if not part.isdecimal()]
    return "passenger_rejected", {**detail, "field": names[-1] if names else field,
                                  "position": passenger, "reason": reason}
