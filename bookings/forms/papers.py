"""Travel documents, US security numbers and loyalty accounts: only what the offer requires or supports."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django_countries import countries

from bookings.forms.names import text

SIX_MONTHS = 6
_DOCUMENT = re.compile(r"[A-Z0-9]{4,20}\Z")
_LOYALTY = re.compile(r"[A-Z0-9]{3,25}\Z")
# field -> (Duffel's document kind, what it is called, how it looks)
NUMBERS = {
    "knownTravellerNumber": ("known_traveler_number", "Known Traveller Number", re.compile(r"[A-Z0-9]{8,25}\Z")),
    "redressNumber": ("passenger_redress_number", "Redress Number", re.compile(r"[A-Z0-9]{7,13}\Z")),
}


@dataclass(frozen=True)
class Kept:
    """What is stored of a traveller already, in clear: the document, and the security numbers by field name."""

    document: dict[str, str] | None = None
    numbers: dict[str, str] | None = None


@dataclass(frozen=True)
class Asked:
    """What an offer asks of a traveller's papers. `last_day` is the day of the last landing."""

    last_day: date
    required: bool
    kinds: tuple[str, ...]
    loyalty_carriers: tuple[str, ...]
    several: bool = False  # whether it takes a security number beside the passport


def a_date(value: Any) -> date | None:
    """A date, or an ISO text of one; None for anything else."""
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        return None


def document(value: Any, at: str, asked: Asked, kept: dict[str, str] | None,
             wrong: dict[str, str]) -> dict[str, str] | None:
    """The travel document: new, or the one stored before where nothing else is typed; None where none is needed."""
    raw = value if isinstance(value, Mapping) else {}
    number = re.sub(r"[\s-]", "", text(raw.get("number"))).upper()
    expires = a_date(raw.get("expiresOn"))
    if raw.get("remove") is True and not asked.required:
        return None
    country = text(raw.get("country")).upper()
    if not number and kept:
        number, country = kept["number"], country or kept["country"]
        expires = expires or a_date(kept.get("expires_on"))
    if not number and not asked.required and not expires and not country:
        return None
    kind = text(raw.get("kind")) or "passport"
    if asked.kinds and kind not in asked.kinds or not asked.kinds and not asked.required:
        wrong[f"{at}.kind"] = "The airline does not take this kind of document when booking. Leave it out."
    if not _DOCUMENT.match(number):
        wrong[f"{at}.number"] = "Enter the number on the passport's photo page: 4 to 20 letters and digits."
    if country not in countries:
        wrong[f"{at}.country"] = "Choose the country that issued the passport."
    _expiry(expires, at, asked, wrong)
    return {"kind": kind, "number": number, "country": country, "expires_on": expires.isoformat() if expires else ""}


def _expiry(expires: date | None, at: str, asked: Asked, wrong: dict[str, str]) -> None:
    if expires is None:
        wrong[f"{at}.expiresOn"] = "Enter the day the passport expires, as 2031-05-20."
    elif expires <= asked.last_day:
        wrong[f"{at}.expiresOn"] = ("The passport must be valid after the last flight, which lands on "
                                    f"{asked.last_day:%d %b %Y}. Renew it first, or enter the new one.")


def expires_soon(expires_on: str, last_day: date) -> bool:
    """Whether a passport is valid for less than six months after the last landing: many countries then refuse entry."""
    expires = a_date(expires_on)
    if expires is None:
        return False
    months = last_day.year * 12 + last_day.month - 1 + SIX_MONTHS
    return (expires.year * 12 + expires.month - 1, expires.day) < (months, last_day.day)


def numbers(raw: Mapping[str, Any], at: str, asked: Asked, kept: dict[str, str] | None, has_document: bool,
            wrong: dict[str, str]) -> dict[str, str]:
    """Security numbers by field name. A field that is absent or empty keeps what is stored, null removes it.

    The supplier takes one identity document for each traveller (duffel.md 3.5), and these count as such.
    """
    found: dict[str, str] = {}
    for field, (kind, called, pattern) in NUMBERS.items():
        typed = re.sub(r"[\s-]", "", text(raw.get(field))).upper()
        stored = (kept or {}).get(field, "")
        number = typed or (stored if field not in raw or raw[field] is not None else "")
        if not number:
            continue
        if kind not in asked.kinds:
            wrong[f"{at}.{field}"] = f"This airline takes no {called} when booking. Leave it out, add it at check-in."
        elif not pattern.match(number):
            wrong[f"{at}.{field}"] = f"This is not a {called}. Enter it as on the card, or leave the field empty."
        elif (has_document or found) and not asked.several:
            other = "passport" if has_document else "Known Traveller Number"
            wrong[f"{at}.{field}"] = (f"The airline takes only one of these with the booking. Keep the {other} here "
                                      f"and give the {called} on the airline's website later, or the other way round.")
        found[field] = number
    return found


def loyalty(value: Any, at: str, carriers: tuple[str, ...], wrong: dict[str, str]) -> list[list[str]]:
    """Frequent flyer accounts as [carrier, number]."""
    accounts: list[list[str]] = []
    for index, raw in enumerate(value if isinstance(value, list) else []):
        entry = raw if isinstance(raw, Mapping) else {}
        carrier, number = text(entry.get("carrier")).upper(), re.sub(r"[\s-]", "", text(entry.get("number"))).upper()
        if not carrier and number:
            wrong[f"{at}.{index}.carrier"] = "Choose the programme this membership number belongs to."
        elif carrier not in carriers:
            wrong[f"{at}.{index}.carrier"] = "This programme cannot be used with this airline. Choose another, or none."
        if not _LOYALTY.match(number):
            wrong[f"{at}.{index}.number"] = ("Enter the membership number: 3 to 25 letters and digits. Without one, "
                                             "leave programme and number empty.")
        accounts.append([carrier, number])
    return accounts
