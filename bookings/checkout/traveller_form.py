"""The travellers' form as it comes in: what was typed, what it means, and the names of its inputs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from bookings import forms

PARTS = (("day", "Day", 2), ("month", "Month", 2), ("year", "Year", 4))
_MONTHS = {name: number for number, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1)}
_DOCUMENT = {"number": "documentNumber", "country": "documentCountry", "issuingCountry": "documentCountry",
             "issuingCountryCode": "documentCountry", "expiresOn": "documentExpiresOn", "city": "documentCity"}
_ADDRESS = {"line": "addressLine", "postalCode": "postalCode", "city": "addressCity", "country": "addressCountry"}
_INPUT = re.compile(r"(passengers-\d-[A-Za-z]{1,30}(-day|-month|-year)?|contact-[A-Za-z]{1,20})\Z")
MOST = 100  # letters of any value: the real limits are the drafts'


def input_id(path: str) -> str:
    """The id of the input that an error's path means: passengers.0.bornOn → passengers-0-bornOn-day."""
    parts = path.split(".")
    if "document" in parts:
        parts = [*parts[:2], _DOCUMENT.get(parts[-1], "documentNumber")]
    if "loyalty" in parts:
        parts = [*parts[:2], "loyaltyCarrier" if parts[-1] == "carrier" else "loyaltyNumber"]
    if "address" in parts:
        parts = ["contact", _ADDRESS.get(parts[-1], "addressLine")]
    name = "-".join(parts)
    return f"{name}-day" if parts[-1] in ("bornOn", "documentExpiresOn") else name


def summary(view: dict[str, Any], wrong: dict[str, str]) -> list[dict[str, str]]:
    """The lines of the error summary in the order of the page; with several travellers each says whose it is."""
    several = len(view["passengers"]) > 1
    lines = []
    for path, text in wrong.items():
        parts = path.split(".")
        whose = f"Traveller {int(parts[1]) + 1}: " if several and parts[0] == "passengers" and len(parts) > 2 else ""
        lines.append({"field": input_id(path), "text": f"{whose}{text}"})
    return lines


def typed(data: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    """The form's own inputs as they stand, cut to a length of any sense.

    What was not sent at all is as `before`, and so are secret numbers left empty; what shall be removed is not.
    """
    found = {name: data[name][:MOST] for name in data if _INPUT.match(name) and not name.endswith("Remove")}
    whole = {**before, **{name: value for name, value in found.items() if value or not forms.is_secret(name)}}
    gone = tuple(name.removesuffix("Remove") for name in removals(data))
    return {name: value for name, value in whole.items() if not name.startswith(gone)} if gone else whole


def removals(data: Mapping[str, str]) -> dict[str, str]:
    """The boxes that take a stored number out: passengers-0-documentRemove. A number typed again is worth more."""
    return {name: "yes" for name in data if _INPUT.match(name) and name.endswith("Remove") and data[name] == "yes"
            and not data.get(name.replace("documentRemove", "documentNumberRemove").removesuffix("Remove"))}


def read(data: Mapping[str, str],
         view: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any], dict[str, str]]:
    """Travellers and contact as the drafts want them, and errors of dates that are no dates, by path."""
    wrong: dict[str, str] = {}
    people = [_read_person(data, person, index, wrong) for index, person in enumerate(view["passengers"])]
    adults_of = {index: _text(data, f"passengers-{index}-infantOn") for index, person
                 in enumerate(view["passengers"]) if person["kind"] == "infant"}
    for infant, typed_adult in adults_of.items():
        adult = int(typed_adult) if typed_adult in map(str, range(len(people))) else None
        if adult is None:
            continue
        if "infantPosition" in people[adult]:
            wrong[f"passengers.{infant}.infantOn"] = "Another infant sits on this adult's lap already. Choose another."
        people[adult]["infantPosition"] = infant
    contact: dict[str, Any] = {name: _text(data, f"contact-{name}") for name in ("email", "phone", "phoneCountry")}
    contact["address"] = {name: _text(data, f"contact-{field}") for name, field in _ADDRESS.items()}
    return people, contact, wrong


def _read_person(data: Mapping[str, str], person: dict[str, Any], index: int,
                 wrong: dict[str, str]) -> dict[str, Any]:
    name = f"passengers-{index}"
    read_one: dict[str, Any] = {"position": person["position"]}
    for field in ("title", "gender", "givenName", "familyName", "residence"):
        read_one[field] = _text(data, f"{name}-{field}")
    read_one["bornOn"] = _read_date(data, f"{name}-bornOn", f"passengers.{index}.bornOn", "date of birth", wrong)
    if _text(data, f"{name}-documentRemove") == "yes":
        read_one["document"] = {"remove": True}
    else:
        document = _read_document(data, name, index, wrong)
        if document:
            read_one["document"] = document
    for field in forms.NUMBERS:
        number = _text(data, f"{name}-{field}")
        read_one[field] = None if not number and _text(data, f"{name}-{field}Remove") == "yes" else number
    carrier, account = _text(data, f"{name}-loyaltyCarrier"), _text(data, f"{name}-loyaltyNumber")
    if carrier or account:
        read_one["loyalty"] = [{"carrier": carrier, "number": account}]
    return read_one


def _read_document(data: Mapping[str, str], name: str, index: int, wrong: dict[str, str]) -> dict[str, Any] | None:
    number, country = _text(data, f"{name}-documentNumber"), _text(data, f"{name}-documentCountry")
    expires = _read_date(data, f"{name}-documentExpiresOn", f"passengers.{index}.document.expiresOn",
                         "day the passport expires", wrong)
    if not (number or country or expires):
        return None
    return {"kind": "passport", "number": number, "country": country, "expiresOn": expires,
            "city": _text(data, f"{name}-documentCity")}


def _read_date(data: Mapping[str, str], name: str, path: str, what: str, wrong: dict[str, str]) -> str | None:
    """An ISO date from three fields; None when nothing was typed or it is no date (then `wrong` says so)."""
    found = {part: _text(data, f"{name}-{part}") for part, _, _ in PARTS}
    if not any(found.values()):
        return None
    missing = [part for part, value in found.items() if not value]
    if missing:
        wrong[path] = f"Enter the {' and '.join(missing)} of the {what}, too."
        return None
    month = str(_MONTHS.get(found["month"][:3].lower(), found["month"]))
    numbers = [found["year"], month, found["day"]]
    if all(part.isascii() and part.isdecimal() for part in numbers) and len(found["year"]) != 4:
        wrong[path] = f"Write the year of the {what} with four digits, such as 1985."
        return None
    try:
        if not all(part.isascii() and part.isdecimal() and len(part) <= 4 for part in numbers):
            raise ValueError("no number")
        return date(*map(int, numbers)).isoformat()
    except ValueError:
        wrong[path] = f"This is not a real date. Enter the {what} as day, month and year, such as 27 3 1985."
        return None


def _text(data: Mapping[str, str], name: str) -> str:
    return re.sub(r"\s+", " ", data.get(name, "")).strip()[:MOST]
