"""What each of Amadeus's answers means: a table by call, status, code and detail (amadeus.md 5), and how to read it.

The question behind every row is "was anything booked?". One code has several meanings, so the table is asked with the
call. A code nobody knows is *unknown* on the call that books, *unavailable* elsewhere. Of several errors in one answer
the worst counts. Vendor texts never leave this module: reasons are our own words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from fly2any.kernel.errors import OutcomeUnknown, Outside, Unavailable
from suppliers.errors import Family, made, unsure


@dataclass(frozen=True)
class Call:
    """One kind of call: how long its answer may take, whether it may be asked again, whether it books.

    `seconds` is the whole time, repeats included; `override`: a POST that only reads, and says so in a header;
    `gone` is our code for a 404, `stale` for data that no longer fits.
    """

    name: str
    seconds: float
    changes: bool = False
    retried: bool = True
    override: bool = False
    gone: str = "not_found"
    stale: str = "supplier_refused"
    done: frozenset[int] = frozenset({200})


TOKEN = Call("token", 10)
REFERENCE = Call("reference", 10)
SEARCH = Call("search", 25, override=True, gone="misconfigured")
PRICE = Call("price", 25, override=True, gone="offer_expired", stale="offer_expired")
UPSELL = Call("upsell", 6, retried=False, override=True, gone="offer_expired", stale="offer_expired")
SEATS = Call("seats", 25, override=True, gone="offer_expired", stale="offer_expired")
CREATE = Call("create", 60, changes=True, retried=False, gone="offer_expired", stale="offer_expired",
              done=frozenset({201}))
READ = Call("read", 30)
CANCEL = Call("cancel", 30, changes=True, retried=False, stale="not_cancellable", done=frozenset({200, 204}))
CALLS = (TOKEN, REFERENCE, SEARCH, PRICE, UPSELL, SEATS, CREATE, READ, CANCEL)

STALE_TOKEN = frozenset({38190, 38192, 38193})  # a new token and the same request again: it was not carried out
CLOSED = frozenset({38187, 39683, 39686, 41254, 38195})  # our account, or the call itself, is closed or used up

# vendor code -> our code, whatever the call; each is a plain no. "" leaves it to `_meaning`.
CODES: dict[int, str] = {
    37200: "price_changed", 34651: "sold_out", 34107: "offer_expired", 38034: "services_unavailable",
    36870: "booking_failed_check", 9112: "booking_failed_check", 1304: "supplier_refused", 34733: "supplier_refused",
    39397: "offer_expired", 4481: "supplier_refused", 8791: "supplier_refused", 425: "supplier_refused",
    2668: "supplier_refused", 2781: "supplier_refused", 10661: "supplier_refused", 572: "supplier_refused",
    4926: "", 477: "", 32171: "", 1797: "", 38196: "",
}
_ABOUT_PEOPLE = frozenset({477, 32171, 4926, 2781, 572})  # with a pointer into the travellers: their data was refused
_REASONS = {477: "the airline cannot read it in this form", 32171: "it is missing",
            2781: "it is too short or too long", 572: "it is not one of the values the airline knows",
            4926: "the airline does not accept it"}
_TRAVELLER = re.compile(r"travelers?\[?/?(\d+)\]?(?:[/.](.*))?\Z", re.ASCII)


def silence(call: Call, *, sent: bool, late: bool) -> Outside:
    """The error for a call that got no readable answer. Never sent: it certainly did not happen."""
    code = "supplier_timeout" if late else "supplier_down"
    if not sent:
        return Unavailable(code, "no connection")
    return (OutcomeUnknown if call.changes else Unavailable)(code, "no readable answer")


def unreadable(call: Call, request_id: str = "") -> Outside:
    """The error for a success whose content cannot be trusted, above all its money."""
    family = OutcomeUnknown if call.changes else Unavailable
    return family("unreadable_answer", "the answer cannot be read", request_id=request_id)


def codes_of(body: Any) -> list[int]:
    """The vendor's codes in an answer."""
    return [_number(error.get("code")) for error in _errors_in(body)]


def from_answer(call: Call, status: int, body: Any, *, request_id: str = "",
                retry_after: float | None = None) -> Outside:
    """The error that an answer of any other status than the call's plain yes means."""
    found = _errors_in(body)
    rows = [_row(call, status, error) for error in found] or [_bare(call, status)]
    place = max(range(len(rows)), key=lambda index: (rows[index][0], -index))
    family, code = rows[place]
    error = found[place] if found else {}
    number = _number(error.get("code"))
    detail: dict[str, Any] = {"status": status}
    if code == "passenger_rejected":
        detail |= _passenger(number, _pointer(error))
    elif code == "supplier_refused" and _pointer(error):
        detail["field"] = _pointer(error)[:100]
    return made(family, code, f"Amadeus answered {number or status}", vendor_code=str(number or f"http_{status}"),
                            request_id=request_id, detail=detail,
                            retry_after=(retry_after or 10.0) if code == "supplier_busy" else None)


def _errors_in(body: Any) -> list[dict[str, Any]]:
    """The answer's errors; the token's own shape has the code beside `error`."""
    if not isinstance(body, dict):
        return []
    errors = body.get("errors")
    if isinstance(errors, list):
        return [error for error in errors if isinstance(error, dict)]
    return [body] if "error" in body else []


def _number(code: Any) -> int:
    """A code as a number: it may come as text, with zeros before it; 0 when there is none."""
    try:
        return int(code)
    except (TypeError, ValueError):
        return 0


def _pointer(error: dict[str, Any]) -> str:
    source = error.get("source")
    return str(source.get("pointer") or source.get("parameter") or "") if isinstance(source, dict) else ""


def _row(call: Call, status: int, error: dict[str, Any]) -> tuple[Family, str]:
    number = _number(error.get("code"))
    if number in CLOSED or (status == 403 and number in (0, 38197)):
        return Family.UNAVAILABLE, "provider_off"
    if status == 429 or number == 38194:
        return Family.UNAVAILABLE, "supplier_busy"
    if status >= 500 or number not in CODES:
        return _bare(call, status)
    if call is CANCEL and number != 1797:
        return Family.REFUSED, call.stale
    if number in _ABOUT_PEOPLE and call is CREATE and _TRAVELLER.search(_pointer(error)):
        return Family.REFUSED, "passenger_rejected"
    return _meaning(call, status, number, error)


def _meaning(call: Call, status: int, number: int, error: dict[str, Any]) -> tuple[Family, str]:
    """What a known code says about this call. 32171 and 4926 without a traveller: the offer no longer fits."""
    if number == 1797:
        return Family.REFUSED, call.gone
    if number == 38196:
        return Family.UNAVAILABLE, "misconfigured"
    if number == 4926 or (number == 32171 and _pointer(error).startswith("/data/flightOffers")):
        return Family.REFUSED, call.stale
    return Family.REFUSED, CODES[number] or "supplier_refused"


def _bare(call: Call, status: int) -> tuple[Family, str]:
    """What a status alone says, when the body has no code that we know."""
    if status == 401:
        return Family.UNAVAILABLE, "misconfigured"
    if status in (403, 410):
        return Family.UNAVAILABLE, "provider_off"
    if status == 429:
        return Family.UNAVAILABLE, "supplier_busy"
    if status == 404 and call is not CREATE:
        return Family.REFUSED, call.gone
    if call is CANCEL and 400 <= status < 500:
        return Family.REFUSED, call.stale
    code = "supplier_down" if status >= 500 else "unreadable_answer"
    return unsure(call.changes), code


_FIELDS = {"firstName": "given_name", "lastName": "family_name", "dateOfBirth": "born_on", "gender": "gender",
           "emailAddress": "email", "number": "phone_number", "countryCallingCode": "phone_number",
           "expiryDate": "expires_on", "issuanceCountry": "country", "nationality": "country",
           "loyaltyPrograms": "loyalty"}


def _passenger(number: int, pointer: str) -> dict[str, Any]:
    """Which field of which traveller was not accepted; `position` counts as we sent them."""
    found = _TRAVELLER.search(pointer)
    named = re.split(r"[/.\[\]]+", (found[2] or "") if found else "")
    parts = [part for part in named if part and not part.isdecimal()]
    field = _FIELDS.get(parts[-1], parts[-1]) if parts else ""
    if "documents" in parts and field == "phone_number":
        field = "document"
    return {"field": field, "position": int(found[1]) if found else None,
            "reason": _REASONS.get(number, "the airline does not accept it")}
