"""What travellers and their contact must look like before an airline is asked (ux.md 6). Pure rules.

Input is plain JSON with camelCase names, as pages and API send it. A traveller: position, title, gender, givenName,
familyName, bornOn (YYYY-MM-DD), infantPosition (on the adult whose lap it is), document {kind, number, country,
expiresOn} or None, loyalty [{carrier, number}]. Contact: {email, phone}. Every refusal names its field.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django_countries import countries

from fly2any.kernel.errors import Problem

TITLES = {"mr": "m", "mrs": "f", "ms": "f", "miss": "f", "dr": ""}
GENDERS = ("m", "f")
NAME_LENGTH = 20  # Duffel's limit (duffel.md 3.5)
ADULT_FROM, CHILD_FROM, OLDEST = 18, 2, 120
# ASCII, Latin-1 Supplement and Latin Extended-A letters, with hyphen, apostrophe and space between them
_NAME = re.compile(r"[A-Za-zÀ-ÖØ-öø-ž]+(?:[ '-]{1,2}[A-Za-zÀ-ÖØ-öø-ž]+)*[ '-]?\Z")
_DOCUMENT = re.compile(r"[A-Z0-9]{4,20}\Z")
_LOYALTY = re.compile(r"[A-Z0-9]{3,25}\Z")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "‐": "-", "‑": "-", "–": "-"})


@dataclass(frozen=True)
class Seat:
    """A place in the offer: adult, child or infant; the age that was searched for, where there is one."""

    kind: str
    age: int | None = None


@dataclass(frozen=True)
class Trip:
    """What the offer asks of its travellers. `kept` are documents stored before, by position, as clear JSON."""

    seats: tuple[Seat, ...]
    last_flight: date
    documents_required: bool = False
    document_kinds: tuple[str, ...] = ()
    loyalty_carriers: tuple[str, ...] = ()
    kept: Mapping[int, dict[str, str]] = field(default_factory=dict)


@dataclass
class Person:
    """A traveller as the airline will know them. `document` has kind, number, country, expires_on."""

    position: int
    kind: str
    age: int | None
    title: str
    gender: str
    given_name: str
    family_name: str
    born_on: date
    infant_position: int | None = None
    document: dict[str, str] | None = None
    loyalty: list[list[str]] = field(default_factory=list)


@dataclass(frozen=True)
class Party:
    """Everybody who travels, and how to reach them. The phone number is E.164."""

    people: list[Person]
    email: str
    phone: str


def check(passengers: Sequence[Mapping[str, Any]], contact: Mapping[str, Any], trip: Trip, today: date) -> Party:
    """Read and check a whole party. Raises Problem validation_failed (422) naming every wrong field."""
    wrong: dict[str, str] = {}
    lines = _in_line(passengers, trip, wrong)
    people = [_person(raw, index, trip, today, wrong) for index, raw in enumerate(lines)]
    if len(people) == len(trip.seats):
        _laps(lines, people, trip, wrong)
        _twins(people, wrong)
    email, phone = _email(contact.get("email"), wrong), _phone(contact.get("phone"), wrong)
    if wrong:
        raise Problem("validation_failed", "Some details need your attention.", status=422, action="Fix this",
                      field_errors=wrong)
    return Party([person for person in people if person], email, phone)


def check_contact(contact: Mapping[str, Any]) -> tuple[str, str]:
    """E-mail and phone (E.164) of a contact. Raises Problem validation_failed naming the wrong field."""
    wrong: dict[str, str] = {}
    found = _email(contact.get("email"), wrong), _phone(contact.get("phone"), wrong)
    if wrong:
        raise Problem("validation_failed", "Some details need your attention.", status=422, action="Fix this",
                      field_errors=wrong)
    return found


def age_on(born: date, day: date) -> int:
    """Full years of age on a day."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


# --- one traveller ----------------------------------------------------------------------------------------------


def _in_line(passengers: Sequence[Mapping[str, Any]], trip: Trip, wrong: dict[str, str]) -> list[Mapping[str, Any]]:
    """The travellers in the order of their seats; empty when they cannot be matched."""
    seats = len(trip.seats)
    if len(passengers) != seats:
        wrong["passengers"] = f"This offer is for {seats} traveller{'s' if seats != 1 else ''}: fill in each of them."
        return []
    line: dict[int, Mapping[str, Any]] = {}
    for index, raw in enumerate(passengers):
        position = raw.get("position", index)
        position = index if position is None else position
        if not isinstance(position, int) or isinstance(position, bool) or not 0 <= position < seats or (
                position in line):
            wrong[f"passengers.{index}.position"] = f"Number the travellers from 0 to {seats - 1}, each once."
            return []
        line[position] = raw
    return [line[position] for position in range(seats)]


def _person(raw: Mapping[str, Any], index: int, trip: Trip, today: date, wrong: dict[str, str]) -> Person | None:
    at, before = f"passengers.{index}", len(wrong)
    seat = trip.seats[index]
    title, gender = _text(raw.get("title")).lower().rstrip("."), _text(raw.get("gender")).lower()
    if title not in TITLES:
        wrong[f"{at}.title"] = "Choose Mr, Mrs, Ms, Miss or Dr."
    if gender not in GENDERS:
        wrong[f"{at}.gender"] = "Choose the gender in the passport or ID: airlines must send it to the authorities."
    elif TITLES.get(title) and TITLES[title] != gender:
        wrong[f"{at}.gender"] = "Title and gender do not fit together. Airlines refuse such bookings."
    given = _name(raw.get("givenName"), f"{at}.givenName", "given names", wrong)
    family = _name(raw.get("familyName"), f"{at}.familyName", "family name", wrong)
    born = _born(raw.get("bornOn"), f"{at}.bornOn", index, seat, trip, today, wrong)
    document = _document(raw.get("document"), f"{at}.document", trip, trip.kept.get(index), wrong)
    loyalty = _loyalty(raw.get("loyalty"), f"{at}.loyalty", trip, wrong)
    if born is None or len(wrong) > before:
        return None
    return Person(index, seat.kind, seat.age, title, gender, given, family, born, None, document, loyalty)


def _text(value: Any) -> str:
    return " ".join(unicodedata.normalize("NFC", value).split()) if isinstance(value, str) else ""


def _name(value: Any, at: str, what: str, wrong: dict[str, str]) -> str:
    name = _text(value).translate(_APOSTROPHES)
    if not name:
        wrong[at] = f"Enter the {what} as in the passport. With one name only, enter it in both fields."
    elif len(name) > NAME_LENGTH:
        wrong[at] = (f"Airlines take up to {NAME_LENGTH} letters. Shorten the {what} as in the machine-readable "
                     "lines of the passport.")
    elif not _NAME.match(name):
        wrong[at] = (f"Write the {what} in Latin letters, as in the machine-readable lines of the passport. Hyphen, "
                     "apostrophe and space are fine.")
    return name


def _date(value: Any) -> date | None:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        return None


def _born(value: Any, at: str, index: int, seat: Seat, trip: Trip, today: date, wrong: dict[str, str]) -> date | None:
    if value in (None, ""):
        wrong[at] = "Enter the date of birth."
        return None
    born = _date(value)
    if born is None:
        wrong[at] = "This is not a real date. Write it as 1985-03-27."
    elif born > today:
        wrong[at] = "The date of birth lies in the future."
    elif age_on(born, trip.last_flight) > OLDEST:
        wrong[at] = "Check the year of birth."
    else:
        told = _age_problem(age_on(born, trip.last_flight), seat)
        if told:
            wrong[at] = (f"{told} on the day of the last flight, but this search was for {_as_searched(seat)} as "
                         f"traveller {index + 1}. Correct the date, or search again.")
    return born


def _age_problem(age: int, seat: Seat) -> str:
    fits = {"adult": age >= ADULT_FROM, "infant": age < CHILD_FROM}.get(
        seat.kind, CHILD_FROM <= age < ADULT_FROM and (seat.age is None or age == seat.age))
    return "" if fits else f"This traveller is {age} year{'s' if age != 1 else ''} old"


def _as_searched(seat: Seat) -> str:
    if seat.kind == "child" and seat.age is not None:
        return f"a child of {seat.age}"
    return {"adult": "an adult (18 or older)", "child": "a child (2 to 17)"}.get(seat.kind, "an infant under 2")


def _document(value: Any, at: str, trip: Trip, kept: dict[str, str] | None,
              wrong: dict[str, str]) -> dict[str, str] | None:
    """The travel document: new, or the one stored before when no number is typed; None where none is needed."""
    raw = value if isinstance(value, Mapping) else {}
    number = re.sub(r"[\s-]", "", _text(raw.get("number"))).upper()
    expires = _date(raw.get("expiresOn"))
    if not number and kept:
        return {**kept, **({"expires_on": expires.isoformat()} if expires else {})}
    if not number and not trip.documents_required:
        return None
    kinds = trip.document_kinds or ("passport",)
    kind = _text(raw.get("kind")) or "passport"
    country = _text(raw.get("country")).upper()
    if trip.document_kinds and kind not in kinds or not trip.document_kinds and not trip.documents_required:
        wrong[f"{at}.kind"] = "The airline does not take this kind of document when booking."
    if not _DOCUMENT.match(number):
        wrong[f"{at}.number"] = "Enter the number of the passport: 4 to 20 letters and digits."
    if country not in countries:
        wrong[f"{at}.country"] = "Choose the country that issued the passport."
    if expires is None:
        wrong[f"{at}.expiresOn"] = "Enter the day the passport expires, as 2031-05-20."
    elif expires <= trip.last_flight:
        wrong[f"{at}.expiresOn"] = f"The passport must be valid after the last flight on {trip.last_flight:%d %b %Y}."
    return {"kind": kind, "number": number, "country": country, "expires_on": expires.isoformat() if expires else ""}


def _loyalty(value: Any, at: str, trip: Trip, wrong: dict[str, str]) -> list[list[str]]:
    accounts: list[list[str]] = []
    for index, raw in enumerate(value if isinstance(value, list) else []):
        entry = raw if isinstance(raw, Mapping) else {}
        carrier, number = _text(entry.get("carrier")).upper(), re.sub(r"\s", "", _text(entry.get("number"))).upper()
        if carrier not in trip.loyalty_carriers:
            wrong[f"{at}.{index}.carrier"] = "This programme cannot be used with this airline."
        if not _LOYALTY.match(number):
            wrong[f"{at}.{index}.number"] = "Enter the number of the account: 3 to 25 letters and digits."
        accounts.append([carrier, number])
    return accounts


# --- the party --------------------------------------------------------------------------------------------------


def _laps(lines: list[Mapping[str, Any]], people: list[Person | None], trip: Trip, wrong: dict[str, str]) -> None:
    """Each infant on one adult's lap: as asked (`infantPosition` of an adult), the rest in order."""
    infants = [index for index, seat in enumerate(trip.seats) if seat.kind == "infant"]
    adults = [index for index, seat in enumerate(trip.seats) if seat.kind == "adult"]
    if len(infants) > len(adults):
        wrong["passengers"] = "Each infant under 2 sits on an adult's lap: no more infants than adults."
        return
    lap: dict[int, int] = {}  # infant -> adult
    for index, raw in enumerate(lines):
        infant = raw.get("infantPosition")
        if infant is None:
            continue
        if index not in adults or infant not in infants or infant in lap:
            wrong[f"passengers.{index}.infantPosition"] = "Each infant sits on the lap of one adult."
            return
        lap[infant] = index
    free = [adult for adult in adults if adult not in lap.values()]
    for infant in infants:
        if infant not in lap:
            lap[infant] = free.pop(0)
    for infant, adult in lap.items():
        person = people[adult]
        if person is not None:
            person.infant_position = infant


def _twins(people: list[Person | None], wrong: dict[str, str]) -> None:
    """Airlines refuse two travellers with the same name in one booking."""
    seen: dict[tuple[str, str], int] = {}
    for person in people:
        if person is None:
            continue
        name = (person.given_name.casefold(), person.family_name.casefold())
        if name in seen:
            wrong[f"passengers.{person.position}.givenName"] = (
                f"Traveller {seen[name] + 1} has the same name. Airlines refuse two travellers with one name: add a "
                "second given name, or book them separately.")
        seen.setdefault(name, person.position)


def _email(value: Any, wrong: dict[str, str]) -> str:
    email = _text(value)
    try:
        validate_email(email)
        email.encode("ascii")
        if len(email) > 254:
            raise ValidationError("too long")
    except (ValidationError, UnicodeEncodeError):
        wrong["contact.email"] = "Enter an e-mail address such as anna@example.com."
    return email


def _phone(value: Any, wrong: dict[str, str]) -> str:
    try:
        number = phonenumbers.parse(_text(value)[:40], None)
        if phonenumbers.is_possible_number(number):  # whether it rings is the airline's to say
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    except phonenumbers.NumberParseException:
        pass
    wrong["contact.phone"] = "Enter the phone number with its country code, such as +1 212 555 0123."
    return ""
