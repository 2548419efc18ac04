"""Travellers and our agency in the letters and digits that airline systems take. Pure functions.

Names: A to Z, space and hyphen (amadeus.md 3.3: ASCII letters advisable). Phones: the calling code and the digits.
Cities: letters, space and hyphen, 35 at most. Nothing here is kept or logged.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import phonenumbers

from fly2any.kernel.letters import ticket_name
from suppliers.types import Traveller

_NOT_A_LINE = re.compile(r"[^A-Za-z0-9 ,./#-]+", re.ASCII)
_SPACES = re.compile(r"\s+")


def city(value: str) -> str:
    """A city: letters, spaces and hyphens, 35 at most."""
    return ticket_name(value).title()[:35].strip()


def line(value: str) -> str:
    """A line of an address, 35 letters at most."""
    plain = unicodedata.normalize("NFKD", value)
    kept = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return _SPACES.sub(" ", _NOT_A_LINE.sub("", kept)).strip()[:35].strip()


def phone(number: str, kind: str = "MOBILE") -> dict[str, str] | None:
    """An E.164 number as calling code and digits; None when it is none."""
    try:
        known = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return None
    digits = phonenumbers.national_significant_number(known)[:15]
    return {"deviceType": kind, "countryCallingCode": str(known.country_code), "number": digits} if digits else None


@dataclass(frozen=True)
class Agency:
    """Who we are to the airline, and who it calls (settings AMADEUS_AGENCY_*)."""

    company: str
    email: str
    calling_code: str
    phone: str
    street: str
    postcode: str
    city: str
    country: str

    def contact(self) -> dict[str, Any]:
        """The contact of an order: the airline's schedule changes reach us, and our staff reach the customer."""
        called = ticket_name(self.company) or "AGENCY"
        body: dict[str, Any] = {
            "addresseeName": {"firstName": "TRAVEL", "lastName": called}, "companyName": called[:35],
            "purpose": "STANDARD", "emailAddress": self.email,
            "address": {"lines": [line(self.street)], "postalCode": self.postcode, "cityName": city(self.city),
                        "countryCode": self.country}}
        digits = re.sub(r"\D", "", self.phone)[:15]
        if digits:
            body["phones"] = [{"deviceType": "LANDLINE", "countryCallingCode": re.sub(r"\D", "", self.calling_code),
                               "number": digits}]
        return body


def traveller(person: Traveller) -> dict[str, Any]:
    """A traveller of an order, as in the passport."""
    body: dict[str, Any] = {
        "id": person.external_id, "dateOfBirth": person.born_on.isoformat(),
        "gender": {"m": "MALE", "f": "FEMALE"}.get(person.gender.lower(), "UNSPECIFIED"),
        "name": {"firstName": ticket_name(person.given_name), "lastName": ticket_name(person.family_name)}}
    contact: dict[str, Any] = {}
    if person.email:
        contact["emailAddress"] = person.email
    called = phone(person.phone)
    if called:
        contact["phones"] = [called]
    lives = _address(person.details)
    if lives:
        contact["address"] = lives
    if contact:
        body["contact"] = {"purpose": "STANDARD", **contact}
    papers = _papers(person)
    if papers:
        body["documents"] = papers
    if person.loyalty:
        body["loyaltyPrograms"] = [{"programOwner": carrier, "id": number} for carrier, number in person.loyalty]
    return body


def _address(details: Mapping[str, str]) -> dict[str, Any]:
    """Where somebody lives, as far as the offer asked for it (bookings.forms.asked); else nothing."""
    found: dict[str, Any] = {}
    if details.get("addressLine"):
        found["lines"] = [line(details["addressLine"])]
    found |= {"postalCode": details.get("postalCode", ""), "cityName": city(details.get("addressCity", "")),
              "countryCode": details.get("addressCountry") or details.get("residence", "")}
    return {name: value for name, value in found.items() if value}


_DOCUMENTS = {"passport": "PASSPORT", "identity_card": "IDENTITY_CARD", "national_identity_card": "IDENTITY_CARD"}


def _papers(person: Traveller) -> list[dict[str, Any]]:
    """The identity document, and the security numbers that the United States issue."""
    found: list[dict[str, Any]] = []
    document: Mapping[str, str] = person.document or {}
    if document:
        country = document["country"]
        found.append({"documentType": _DOCUMENTS.get(document["kind"], "PASSPORT"), "number": document["number"],
                      "expiryDate": document["expires_on"], "issuanceCountry": country, "validityCountry": country,
                      "nationality": country, "holder": True})
        place = city(person.details.get("documentCity", ""))
        if place:
            found[0]["issuanceLocation"] = place
    found += [{"documentType": kind, "number": number, "issuanceCountry": "US", "validityCountry": "US", "holder": True}
              for kind, number in (("KNOWN_TRAVELER", person.known_traveller), ("REDRESS", person.redress)) if number]
    return found
