"""What travellers and their contact must look like before an airline is asked (ux.md 6). Pure rules.

Input is plain JSON with camelCase names, as pages and API send it. A traveller: position, title, gender, givenName,
familyName, bornOn (YYYY-MM-DD), infantPosition (on the adult whose lap it is), document {kind, number, country,
expiresOn, city, remove} or None, knownTravellerNumber, redressNumber, loyalty [{carrier, number}], residence. Contact:
{email, phone, phoneCountry, address {line, postalCode, city, country}}. Every refusal names its field, the reason and
what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from bookings.forms import asked, papers
from bookings.forms import contact as contacts
from bookings.forms.asked import ADDRESS, DOCUMENT_CITY, RESIDENCE, address_fields
from bookings.forms.contact import calling_codes, suggestion
from bookings.forms.names import NAME_LENGTH, name, sent_as, text
from bookings.forms.papers import NUMBERS, Kept, a_date, expires_soon
from fly2any.kernel.errors import Problem

__all__ = ["ADDRESS", "DOCUMENT_CITY", "NAME_LENGTH", "NUMBERS", "RESIDENCE", "Kept", "Party", "Person", "Seat", "Trip",
           "a_date", "address_fields", "age_on", "calling_codes", "check", "check_contact", "expires_soon", "is_secret",
           "sent_as", "suggestion"]
TITLES = {"mr": "m", "mrs": "f", "ms": "f", "miss": "f", "dr": ""}
GENDERS = ("m", "f")
ADULT_FROM, CHILD_FROM, OLDEST = 18, 2, 120


@dataclass(frozen=True)
class Seat:
    """A place in the offer: adult, child or infant; the age that was searched for, where there is one."""

    kind: str
    age: int | None = None


@dataclass(frozen=True)
class Trip:
    """What the offer asks of its travellers. `kept` is what was stored before, by position.

    Ages are judged on `last_flight`, the day the last direction starts; documents must outlast `last_day`, the day
    of the last landing (the same day unless told otherwise).
    """

    seats: tuple[Seat, ...]
    last_flight: date
    documents_required: bool = False
    document_kinds: tuple[str, ...] = ()
    loyalty_carriers: tuple[str, ...] = ()
    kept: Mapping[int, Kept] = field(default_factory=dict)
    last_day: date | None = None
    airline: str = ""
    requires: tuple[str, ...] = ()  # what else the airline asks for (suppliers.types.REQUIREMENTS)

    @property
    def papers(self) -> papers.Asked:
        """The same for the rules of papers."""
        return papers.Asked(self.last_day or self.last_flight, self.documents_required, self.document_kinds,
                            self.loyalty_carriers, several="redress" in self.requires)


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
    numbers: dict[str, str] = field(default_factory=dict)  # security numbers, and what else was asked (forms.asked)
    loyalty: list[list[str]] = field(default_factory=list)


@dataclass(frozen=True)
class Party:
    """Everybody who travels, and how to reach them. The phone number is E.164."""

    people: list[Person]
    email: str
    phone: str


def check(passengers: Sequence[Mapping[str, Any]], contact: Mapping[str, Any], trip: Trip, today: date) -> Party:
    """Read and check a whole party. Raises Problem validation_failed (422) naming every wrong field.

    When ages do not fit the search, the problem carries `searchFor`: the party that the birth dates mean.
    """
    wrong: dict[str, str] = {}
    lines = _in_line(passengers, trip, wrong)
    people = [_person(raw, index, trip, today, wrong) for index, raw in enumerate(lines)]
    if len(people) == len(trip.seats):
        _laps(lines, people, trip, wrong)
        _twins(people, wrong)
    _alone(trip, wrong)
    email, phone = contacts.email(contact.get("email"), wrong), contacts.phone(contact, wrong)
    address = asked.address(contact, trip.requires, wrong)
    if wrong:
        raise _refusal(wrong, searchFor=_party_of(lines, trip, today))
    for person in people[:1]:
        if person:
            person.numbers |= address
    return Party([person for person in people if person], email, phone)


def check_contact(contact: Mapping[str, Any]) -> tuple[str, str]:
    """E-mail and phone (E.164) of a contact. Raises Problem validation_failed naming the wrong field."""
    wrong: dict[str, str] = {}
    found = contacts.email(contact.get("email"), wrong), contacts.phone(contact, wrong)
    if wrong:
        raise _refusal(wrong)
    return found


def _refusal(wrong: dict[str, str], **extra: Any) -> Problem:
    return Problem("validation_failed", "Some details need your attention.", status=422, action="Fix this",
                   field_errors=wrong, extra={key: value for key, value in extra.items() if value})


def age_on(born: date, day: date) -> int:
    """Full years of age on a day."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def is_secret(field_name: str) -> bool:
    """Whether an input of the travellers' form holds a number that is never written back into a page."""
    return field_name.endswith(("-documentNumber", *(f"-{number}" for number in NUMBERS)))


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
    at, before, seat = f"passengers.{index}", len(wrong), trip.seats[index]
    title, gender = text(raw.get("title")).lower().rstrip("."), text(raw.get("gender")).lower()
    if title not in TITLES:
        wrong[f"{at}.title"] = "Choose Mr, Mrs, Ms, Miss or Dr. The airline prints it on the ticket."
    if gender not in GENDERS:
        wrong[f"{at}.gender"] = "Choose the gender in the passport or ID: airlines must send it to the authorities."
    elif TITLES.get(title) and TITLES[title] != gender:
        wrong[f"{at}.gender"] = "Title and gender do not fit together. Airlines refuse that: change one of them."
    given = name(raw.get("givenName"), f"{at}.givenName", "given names", wrong)
    family = name(raw.get("familyName"), f"{at}.familyName", "family name", wrong)
    born = _born(raw.get("bornOn"), f"{at}.bornOn", index, trip, today, wrong)
    kept = trip.kept.get(index) or Kept()
    document = papers.document(raw.get("document"), f"{at}.document", trip.papers, kept.document, wrong)
    numbers = papers.numbers(raw, at, trip.papers, kept.numbers, document is not None, wrong)
    numbers |= asked.residence(raw, at, trip.requires, wrong)
    if document and "document_city" in trip.requires:
        city = (kept.numbers or {}).get(asked.DOCUMENT_CITY, "")
        numbers[asked.DOCUMENT_CITY] = asked.document_city(raw.get("document") or {}, at, city, wrong)
    loyalty = papers.loyalty(raw.get("loyalty"), f"{at}.loyalty", trip.loyalty_carriers, wrong)
    if born is None or len(wrong) > before:
        return None
    return Person(index, seat.kind, seat.age, title, gender, given, family, born, None, document, numbers, loyalty)


def _born(value: Any, at: str, index: int, trip: Trip, today: date, wrong: dict[str, str]) -> date | None:
    if value in (None, ""):
        wrong[at] = "Enter the date of birth. Airlines need it for every traveller."
        return None
    born = a_date(value)
    if born is None:
        wrong[at] = "This is not a real date. Write it as 1985-03-27."
    elif born > today:
        wrong[at] = "The date of birth lies in the future. Check the year."
    elif age_on(born, trip.last_flight) > OLDEST:
        wrong[at] = "Check the year of birth: nobody travels at this age. Write it with four digits, such as 1985."
    elif not _fits(age := age_on(born, trip.last_flight), trip.seats[index]):
        wrong[at] = (f"This traveller is {age} year{'s' if age != 1 else ''} old on the day of the last flight "
                     f"({trip.last_flight:%d %b %Y}), but this search was for {_as_searched(trip.seats[index])} as "
                     f"traveller {index + 1}. Correct the date, or search again.")
    return born


def _fits(age: int, seat: Seat) -> bool:
    return {"adult": age >= ADULT_FROM, "infant": age < CHILD_FROM}.get(
        seat.kind, CHILD_FROM <= age < ADULT_FROM and (seat.age is None or age == seat.age))


def _as_searched(seat: Seat) -> str:
    if seat.kind == "child" and seat.age is not None:
        return f"a child of {seat.age}"
    return {"adult": "an adult (18 or older)", "child": "a child (2 to 17)"}.get(seat.kind, "an infant under 2")


def _party_of(lines: Sequence[Mapping[str, Any]], trip: Trip, today: date) -> dict[str, Any] | None:
    """The party that the birth dates mean, where it is another than was searched for; None while a date is missing."""
    born = [a_date(raw.get("bornOn")) for raw in lines]
    days = [day for day in born if day is not None and day <= today]
    ages = [age_on(day, trip.last_flight) for day in days]
    if not lines or len(days) != len(lines) or max(ages) > OLDEST:
        return None
    if all(_fits(age, seat) for age, seat in zip(ages, trip.seats, strict=True)):
        return None
    return {"adults": sum(age >= ADULT_FROM for age in ages), "infants": sum(age < CHILD_FROM for age in ages),
            "childAges": [age for age in ages if CHILD_FROM <= age < ADULT_FROM]}


# --- the party --------------------------------------------------------------------------------------------------


def _alone(trip: Trip, wrong: dict[str, str]) -> None:
    """Children are not booked without an adult here: airlines want to be told by a grown-up, in person."""
    if not any(seat.kind == "adult" for seat in trip.seats):
        wrong["passengers"] = alone_text(trip.airline)


def alone_text(airline: str) -> str:
    """Why children are not booked alone, and what to do instead."""
    return ("Travellers under 18 cannot be booked without an adult here. Search again with an adult on the same "
            f"flights, or call {airline or 'the airline'}: it books children who travel alone itself.")


def _laps(lines: list[Mapping[str, Any]], people: list[Person | None], trip: Trip, wrong: dict[str, str]) -> None:
    """Each infant on one adult's lap: as asked (`infantPosition` of an adult), the rest in order."""
    infants = [index for index, seat in enumerate(trip.seats) if seat.kind == "infant"]
    adults = [index for index, seat in enumerate(trip.seats) if seat.kind == "adult"]
    if len(infants) > len(adults):
        wrong["passengers"] = ("Each infant under 2 sits on an adult's lap: no more infants than adults. Search again "
                               "with another adult.")
        return
    lap: dict[int, int] = {}  # infant -> adult
    for index, raw in enumerate(lines):
        infant = raw.get("infantPosition")
        if infant is None:
            continue
        if index not in adults or infant not in infants or infant in lap:
            wrong[f"passengers.{index}.infantPosition"] = "Each infant sits on the lap of one adult. Choose another."
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
        called = (person.given_name.casefold(), person.family_name.casefold())
        if called in seen:
            wrong[f"passengers.{person.position}.givenName"] = (
                f"Traveller {seen[called] + 1} has the same name. Airlines refuse two travellers with one name: add a "
                "second given name, or book them separately.")
        seen.setdefault(called, person.position)
