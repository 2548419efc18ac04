"""What an audit picture of states and amounts says to a reader, and what differs between two of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bookings.desk import Situation
from bookings.desk.doing import picture
from bookings.models import Case
from fly2any.kernel.readonly import amount

Picture = Mapping[str, Any]
LABELS = {
    "status": "Status", "wish": "Wish", "closing": "Closing because", "money": "Money", "parked": "Worker stopped",
    "order": "Airline order", "order_id": "Order id", "payment": "Payment", "captured_minor": "Taken",
    "refunded_minor": "Given back", "refunds": "Refunds", "case_open": "Case", "owner": "Owner",
    "severity": "Severity", "snoozed_until": "Snoozed until",
}
OF_THE_CASE = frozenset({"case_open", "owner", "severity", "snoozed_until"})


def told(picture: Picture, currency: str, names: Mapping[int, str] | None = None) -> dict[str, tuple[str, str]]:
    """Each value of a picture as label and words. Amounts are minor units of `currency`; `names` are operators'."""
    return {key: (_label(key), _word(key, value, currency, names or {})) for key, value in picture.items()}


def of_the_booking(picture: Picture) -> dict[str, Any]:
    """The part that money and tickets depend on: without who owns the case and how urgent it is."""
    return {key: value for key, value in picture.items() if key not in OF_THE_CASE}


def differences(before: Picture, after: Picture, currency: str,
                names: Mapping[int, str] | None = None) -> list[tuple[str, str, str]]:
    """Label, was, is: of everything that differs between two pictures, in the order of LABELS."""
    was, now = told(before, currency, names), told(after, currency, names)
    keys = sorted({*was, *now}, key=lambda key: ([*LABELS, key].index(key), key))
    return [(_label(key), was.get(key, ("", "–"))[1], now.get(key, ("", "–"))[1]) for key in keys
            if before.get(key) != after.get(key)]


def standing(situation: Situation, before: Picture) -> dict[str, Any]:
    """How a booking stands now, and what of it differs from what a page had shown (`before`; empty: nothing shown)."""
    now, currency = of_the_booking(picture(situation)), situation.booking.currency if situation.booking else ""
    said = told({key: value for key, value in now.items() if value not in ("", None, [], False)}, currency)
    return {"stands": list(said.values()),
            "changed": differences(of_the_booking(before), now, currency) if before else []}


def moved(situation: Situation, before: Picture) -> bool:
    """Whether the booking differs from what a page had shown."""
    return of_the_booking(picture(situation)) != of_the_booking(before)


def _label(key: str) -> str:
    return LABELS.get(key) or key.removeprefix("private_").removesuffix("_minor").replace("_", " ").capitalize()


def _word(key: str, value: Any, currency: str, names: Mapping[int, str]) -> str:
    if key == "refunds":
        return "; ".join(f"{amount(minor, currency)} {state} ({str(cause).replace('_', ' ')})"
                         for cause, state, minor in value) or "none"
    if key == "case_open":
        return "open" if value else "closed"
    if key == "severity" and value in Case.Severity.values:
        return Case.Severity(value).label
    if key == "owner" and value is not None:
        return names.get(value, f"operator {value}")
    if key.endswith("_minor") and isinstance(value, int):
        return amount(value, currency)
    if key.endswith("_id") and value:
        return str(value)
    if key == "snoozed_until" and value:
        return f"{str(value)[:16].replace('T', ' ')} UTC"
    return plainly(value)


def plainly(value: Any) -> str:
    """A stored value without its programmer's dress."""
    if value is None or value in ("", []):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(plainly(one) for one in value)
    return str(value).replace("_", " ") if str(value).islower() else str(value)
