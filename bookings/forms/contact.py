"""How we reach a customer: an e-mail address, looked at for slips of the finger, and a phone number as E.164."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django_countries import countries

from bookings.forms.names import text

LONGEST_EMAIL, LONGEST_PHONE = 254, 40
# the addresses most people have; a domain one or two letters away from one of them is probably that one
_DOMAINS = ("gmail.com", "googlemail.com", "yahoo.com", "yahoo.co.uk", "hotmail.com", "hotmail.co.uk", "outlook.com",
            "icloud.com", "live.com", "aol.com", "msn.com", "me.com", "proton.me", "protonmail.com", "gmx.de",
            "gmx.net", "web.de", "orange.fr", "libero.it", "comcast.net",
            "verizon.net", "att.net", "mail.ru", "qq.com", "163.com")
_REAL = frozenset((
    *_DOMAINS, "mail.com", "email.com", "ymail.com", "gmx.com", "gmx.at", "gmx.ch", "mail.de", "live.nl", "live.de",
    "live.fr", "hotmail.de", "hotmail.fr", "hotmail.it", "outlook.de", "outlook.fr", "yahoo.de", "yahoo.fr", "yahoo.ca",
    "yahoo.es", "yahoo.it", "fastmail.com", "rocketmail.com"))
_SHORTEST_GUESSED = 7  # shorter domains are too close to each other


def email(value: Any, wrong: dict[str, str]) -> str:
    """An e-mail address; a sentence in `wrong` at contact.email when it is none."""
    found = text(value)
    told = ""
    if not found:
        told = "Enter your e-mail address, such as anna@example.com. The confirmation goes there."
    elif len(found) > LONGEST_EMAIL:
        told = f"This e-mail address is too long ({LONGEST_EMAIL} characters at most). Enter another one."
    elif not found.isascii():
        told = "Airlines take e-mail addresses in plain letters without accents only. Enter another one."
    else:
        try:
            validate_email(found)
        except ValidationError:
            told = _about(found)
    if told:
        wrong["contact.email"] = told
    return found


def _about(found: str) -> str:
    if "@" not in found:
        return "The @ is missing. Enter an e-mail address such as anna@example.com."
    if " " in found or "," in found or ";" in found:
        return "Enter one e-mail address without spaces, such as anna@example.com."
    return "This is not a complete e-mail address. Enter it as in anna@example.com."


def suggestion(address: str) -> str:
    """The address that was probably meant ("anna@gmail.com" for "anna@gmial.com"), or "". It never blocks anything."""
    local, _, domain = address.strip().rpartition("@")
    domain = domain.lower()
    if not local or len(domain) < _SHORTEST_GUESSED - 1 or domain in _REAL:
        return ""
    for known in _DOMAINS:
        if len(known) >= _SHORTEST_GUESSED and _slips(domain, known) <= (1 if len(known) < 9 else 2):
            return f"{local}@{known}"
    return ""


def _slips(typed: str, meant: str) -> int:
    """Letters left out, added, exchanged or swapped with a neighbour (optimal string alignment)."""
    if abs(len(typed) - len(meant)) > 2:
        return 3
    before: list[int] = []
    last = list(range(len(meant) + 1))
    for row, mine in enumerate(typed, start=1):
        this = [row]
        for column, theirs in enumerate(meant, start=1):
            cost = min(last[column] + 1, this[column - 1] + 1, last[column - 1] + (mine != theirs))
            if row > 1 and column > 1 and mine == meant[column - 2] and typed[row - 2] == theirs:
                cost = min(cost, before[column - 2] + 1)
            this.append(cost)
        before, last = last, this
    return last[-1]


def phone(contact: Mapping[str, Any], wrong: dict[str, str]) -> str:
    """The number as E.164: with + and country code, or as at home with `phoneCountry` (ISO 3166 alpha-2)."""
    typed, country = text(contact.get("phone")), text(contact.get("phoneCountry")).upper()
    at = "contact.phone"
    if not typed:
        wrong[at] = "Enter a phone number. The airline calls only if something changes."
    elif sum(letter.isdigit() for letter in typed) > 15 or len(typed) > LONGEST_PHONE:
        wrong[at] = "This phone number is too long: no number has more than 15 digits. Enter it again."
    elif not typed.startswith(("+", "00", "＋")) and country not in countries:
        wrong["contact.phoneCountry" if country else at] = (
            "Choose the country of the phone number, or begin it with + and the country code, such as +1 212 555 0123.")
    else:
        return _e164(typed, country, wrong)
    return ""


def _e164(typed: str, country: str, wrong: dict[str, str]) -> str:
    if typed.startswith("00"):
        typed = f"+{typed[2:]}"
    try:
        number = phonenumbers.parse(typed, country or None)
        if phonenumbers.is_possible_number(number):  # whether it rings is the airline's to say
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    except phonenumbers.NumberParseException:
        pass
    where = f" in {dict(countries)[country]}" if country in countries and not typed.startswith("+") else ""
    wrong["contact.phone"] = (f"This is not a possible phone number{where}. Check the digits, or enter it with its "
                              "country code, such as +1 212 555 0123.")
    return ""


@lru_cache(maxsize=1)
def calling_codes() -> tuple[tuple[str, str], ...]:
    """Every country with its calling code, for a select: ("DE", "Germany (+49)")."""
    return tuple((code, f"{name} (+{calling})") for code, name in countries
                 if (calling := phonenumbers.country_code_for_region(code)))
