"""What some airlines ask for besides: where travellers live, an address, the place a passport was issued.

Only what the offer requires is asked (`suppliers.types.REQUIREMENTS`) and kept; it is sealed with the travellers'
numbers and erased with them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from django_countries import countries

from bookings.forms.names import text

ADDRESS = ("addressLine", "postalCode", "addressCity", "addressCountry")  # as kept with the first traveller
RESIDENCE, DOCUMENT_CITY = "residence", "documentCity"
LONGEST_LINE = 35  # letters of a line and of a city, as airline systems take them (amadeus.md 3.3)
_POSTCODE = re.compile(r"[A-Z0-9][A-Z0-9 -]{1,9}\Z")
_FIELDS = {"line": "addressLine", "postalCode": "postalCode", "city": "addressCity", "country": "addressCountry"}


def address_fields(requires: tuple[str, ...]) -> tuple[str, ...]:
    """The parts of an address that this offer needs, in the order in which they are asked: line, postalCode, …"""
    if {"address", "invoice_address"} & set(requires):
        return ("line", "postalCode", "city", "country")
    return ("postalCode", "country") if "postal_code" in requires else ()


def address(contact: Mapping[str, Any], requires: tuple[str, ...], wrong: dict[str, str]) -> dict[str, str]:
    """The contact's address {line, postalCode, city, country} by the names under which it is kept; {} when not needed.

    What is wrong is told at contact.address.<part>.
    """
    asked = address_fields(requires)
    given = contact.get("address")
    raw: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    found = {part: text(raw.get(part)) for part in asked}
    for part in ("country", "postalCode"):
        if part in found:
            found[part] = found[part].upper()
    for part, value in found.items():
        told = _told(part, value)
        if told:
            wrong[f"contact.address.{part}"] = told
    return {_FIELDS[part]: value for part, value in found.items()}


def _told(part: str, value: str) -> str:
    """What is wrong with a part of an address; "" when nothing is."""
    if part == "country":
        return "" if value in countries else "Choose the country of your address."
    if part == "postalCode":
        return "" if _POSTCODE.match(value) else "Enter the postal code of your address, such as 10001 or SW1A 1AA."
    what = "street and house number" if part == "line" else "town or city"
    if not value:
        return f"Enter the {what} of your address."
    if len(value) > LONGEST_LINE:
        return f"Airlines take {LONGEST_LINE} letters here at most. Shorten the {what}."
    return "" if _latin(value) else f"Airlines take Latin letters only. Enter the {what} in Latin letters."


def residence(raw: Mapping[str, Any], at: str, requires: tuple[str, ...], wrong: dict[str, str]) -> dict[str, str]:
    """The country where a traveller lives (ISO 3166), where the airline asks for it."""
    if "residence" not in requires:
        return {}
    country = text(raw.get(RESIDENCE)).upper()
    if country not in countries:
        wrong[f"{at}.{RESIDENCE}"] = "Choose the country where this traveller lives. The airline asks for it."
    return {RESIDENCE: country}


def document_city(document: Mapping[str, Any], at: str, kept: str, wrong: dict[str, str]) -> str:
    """The place where a passport was issued; what is kept stands when nothing is typed."""
    place = text(document.get("city")) or kept
    if not place or len(place) > LONGEST_LINE or not _latin(place):
        wrong[f"{at}.document.city"] = "Enter the town where the passport was issued, as it stands in it."
    return place


def _latin(value: str) -> bool:
    return all(not letter.isalpha() or unicodedata.name(letter, "").startswith("LATIN") for letter in value)
