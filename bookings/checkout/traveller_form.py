"""The travellers' form: which fields, with which words, what was typed, and what goes to the drafts."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Any

from django.http import QueryDict
from django_countries import countries

from bookings.checkout import disclosures

TITLES = (("mr", "Mr"), ("mrs", "Mrs"), ("ms", "Ms"), ("miss", "Miss"), ("dr", "Dr"))
GENDERS = (("f", "Female"), ("m", "Male"))
PARTS = (("day", "Day", 2), ("month", "Month", 2), ("year", "Year", 4))
_MONTHS = {name: number for number, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1)}
_DOCUMENT = {"number": "documentNumber", "country": "documentCountry", "issuingCountry": "documentCountry",
             "issuingCountryCode": "documentCountry", "expiresOn": "documentExpiresOn"}
_MOST = 100  # letters of any value: the real limits are the drafts'


def input_id(path: str) -> str:
    """The id of the input that an error's path means: passengers.0.bornOn → passengers-0-bornOn-day."""
    parts = path.split(".")
    if "document" in parts:
        parts = [*parts[:2], _DOCUMENT.get(parts[-1], "documentNumber")]
    if "loyalty" in parts:
        parts = [*parts[:2], "loyaltyCarrier" if parts[-1] == "carrier" else "loyaltyNumber"]
    name = "-".join(parts)
    return f"{name}-day" if parts[-1] in ("bornOn", "documentExpiresOn") else name


def summary(view: dict[str, Any], wrong: dict[str, str]) -> list[dict[str, str]]:
    """The lines of the error summary; with several travellers each line says whose it is."""
    several = len(view["passengers"]) > 1
    lines = []
    for path, text in wrong.items():
        parts = path.split(".")
        whose = f"Traveller {int(parts[1]) + 1}: " if several and parts[0] == "passengers" and len(parts) > 2 else ""
        lines.append({"field": input_id(path), "text": f"{whose}{text}"})
    return lines


def read(data: QueryDict, view: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any], dict[str, str]]:
    """Travellers and contact as the drafts want them, and errors of dates that are no dates, by path."""
    wrong: dict[str, str] = {}
    people = [_read_person(data, person, index, wrong) for index, person in enumerate(view["passengers"])]
    adults_of = {index: _text(data, f"passengers-{index}-infantOn") for index, person
                 in enumerate(view["passengers"]) if person["kind"] == "infant"}
    for infant, adult in adults_of.items():
        if not adult.isdecimal() or int(adult[:2]) >= len(people):
            continue
        if "infantPosition" in people[int(adult[:2])]:
            wrong[f"passengers.{infant}.infantOn"] = "Another infant sits on this adult's lap already. Choose another."
        people[int(adult[:2])]["infantPosition"] = infant
    contact = {"email": _text(data, "contact-email"), "phone": _text(data, "contact-phone")}
    return people, contact, wrong


def _read_person(data: QueryDict, person: dict[str, Any], index: int, wrong: dict[str, str]) -> dict[str, Any]:
    name = f"passengers-{index}"
    read_one: dict[str, Any] = {"position": person["position"]}
    for field in ("title", "gender", "givenName", "familyName"):
        read_one[field] = _text(data, f"{name}-{field}")
    read_one["bornOn"] = _read_date(data, f"{name}-bornOn", f"passengers.{index}.bornOn", "date of birth", wrong)
    number = _text(data, f"{name}-documentNumber")
    expires = _read_date(data, f"{name}-documentExpiresOn", f"passengers.{index}.document.expiresOn",
                         "day the passport expires", wrong) if f"{name}-documentNumber" in data else None
    country = _text(data, f"{name}-documentCountry")
    if number or country or expires:
        read_one["document"] = {"kind": "passport", "number": number, "country": country, "expiresOn": expires}
    carrier, account = _text(data, f"{name}-loyaltyCarrier"), _text(data, f"{name}-loyaltyNumber")
    if carrier or account:
        read_one["loyalty"] = [{"carrier": carrier, "number": account}]
    return read_one


def _read_date(data: QueryDict, name: str, path: str, what: str, wrong: dict[str, str]) -> str | None:
    """An ISO date from three fields; None when nothing was typed or it is no date (then `wrong` says so)."""
    typed = {part: _text(data, f"{name}-{part}") for part, _, _ in PARTS}
    if not any(typed.values()):
        return None
    missing = [part for part, value in typed.items() if not value]
    if missing:
        wrong[path] = f"Enter the {' and '.join(missing)} of the {what}."
        return None
    month = _MONTHS.get(typed["month"][:3].lower()) or typed["month"]
    try:
        return date(int(typed["year"]), int(month), int(typed["day"])).isoformat()
    except ValueError:
        wrong[path] = f"This is not a real date. Enter the {what} as in 27 3 1985."
        return None


_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae", "œ": "oe", "ß": "ss",
                          "þ": "th", "ð": "d", "đ": "d", "ł": "l", "ĳ": "ij", "ı": "i", "ħ": "h", "ŋ": "n"})


def sent_as(given: str, family: str) -> str:
    """How the airline writes a name: MUELLER / ANNA. "" while a part is missing. (js/passengers.js does the same.)"""
    parts = []
    for name in (family, given):
        plain = unicodedata.normalize("NFKD", name.lower().translate(_LETTERS))
        letters = "".join(letter if "a" <= letter <= "z" else " " for letter in plain
                          if not unicodedata.combining(letter))
        parts.append(" ".join(letters.split()).upper())
    return " / ".join(parts) if all(parts) else ""


def _text(data: QueryDict, name: str) -> str:
    return re.sub(r"\s+", " ", data.get(name, "")).strip()[:_MOST]


# --- what the page shows ----------------------------------------------------------------------------------------


def context(view: dict[str, Any], data: QueryDict | None, wrong: dict[str, str]) -> dict[str, Any]:
    """Everything the template needs; typed values win over stored ones."""
    errors = {input_id(path): text for path, text in wrong.items()}
    form = _Fields(data, errors)
    adults = [index for index, person in enumerate(view["passengers"]) if person["kind"] == "adult"]
    people = [_person(form, view, person, index, adults) for index, person in enumerate(view["passengers"])]
    contact = {
        "email": form.field("contact-email", "E-mail address", view["contact"].get("email"), type="email",
                            autocomplete="email", inputmode="email", hint="The confirmation goes here."),
        "phone": form.field("contact-phone", "Phone number", view["contact"].get("phone"), type="tel",
                            autocomplete="tel", inputmode="tel",
                            hint="With the country code, such as +1 212 555 0123. The airline calls only if something "
                                 "changes."),
    }
    return {"people": people, "contact": contact, "watch_list": disclosures.watch_list(view),
            "documents_required": view.get("documentsRequired", False)}


class _Fields:
    """Makes the fields of the page out of what was typed or stored."""

    def __init__(self, data: QueryDict | None, errors: dict[str, str]) -> None:
        self.data = data
        self.errors = errors

    def value(self, name: str, stored: Any) -> str:
        """What stands in an input."""
        return self.data.get(name, "")[:_MOST] if self.data is not None else str(stored or "")

    def field(self, name: str, label: str, stored: Any, **more: Any) -> dict[str, Any]:
        """One input or select."""
        return {"id": name, "label": label, "value": self.value(name, stored), "error": self.errors.get(name, ""),
                **more}

    def date(self, name: str, label: str, stored: str | None, *, birthday: bool, **more: Any) -> dict[str, Any]:
        """Three inputs: day, month, year."""
        year, month, day = (stored or "--").split("-")[:3]
        kept = {"day": day.lstrip("0"), "month": month.lstrip("0"), "year": year}
        parts = [{"id": f"{name}-{part}", "label": word, "maxlength": 9 if part == "month" else most,
                  "value": self.value(f"{name}-{part}", kept[part]),
                  "autocomplete": f"section-{name} bday-{part}" if birthday else "off"} for part, word, most in PARTS]
        return {"id": name, "label": label, "parts": parts, "error": self.errors.get(f"{name}-day", ""), **more}


def _person(form: _Fields, view: dict[str, Any], person: dict[str, Any], index: int,
            adults: list[int]) -> dict[str, Any]:
    name = f"passengers-{index}"
    auto = f"section-{name}"
    word = {"adult": "Adult", "child": "Child", "infant": "Infant on an adult's lap"}[person["kind"]]
    age = f", {person['age']} years" if person.get("age") and person["kind"] == "child" else ""
    fields = {
        "title": form.field(f"{name}-title", "Title", person.get("title"), choices=TITLES,
                            autocomplete=f"{auto} honorific-prefix", hint="Airlines print it on the ticket."),
        "gender": form.field(f"{name}-gender", "Gender in the passport or ID", person.get("gender"), choices=GENDERS,
                             hint="Airlines must send it to border and security authorities."),
        "givenName": form.field(f"{name}-givenName", "Given names", person.get("givenName"), maxlength=60,
                                autocomplete=f"{auto} given-name"),
        "familyName": form.field(f"{name}-familyName", "Family name", person.get("familyName"), maxlength=60,
                                 autocomplete=f"{auto} family-name"),
        "bornOn": form.date(f"{name}-bornOn", "Date of birth", person.get("bornOn"), birthday=True,
                            hint="For example 27 3 1985"),
    }
    if person["kind"] == "infant":
        fields["infantOn"] = form.field(f"{name}-infantOn", "Travels on the lap of", _adult_of(view, index),
                                        choices=[(str(adult), f"Traveller {adult + 1}") for adult in adults])
    if view.get("documentsRequired") or view.get("documentKinds"):
        fields.update(_document(form, name, person.get("document") or {}))
    if view.get("loyaltyCarriers"):
        kept = (person.get("loyalty") or [{}])[0]
        fields["loyaltyCarrier"] = form.field(
            f"{name}-loyaltyCarrier", "Programme of", kept.get("carrier"), optional=True,
            choices=[(code, code) for code in view["loyaltyCarriers"]])
        fields["loyaltyNumber"] = form.field(f"{name}-loyaltyNumber", "Membership number", kept.get("number"),
                                             optional=True, maxlength=30)
    return {"id": name, "heading": f"Traveller {index + 1}: {word}{age}", "fields": fields,
            "sentAs": sent_as(fields["givenName"]["value"], fields["familyName"]["value"])}


def _document(form: _Fields, name: str, stored: dict[str, Any]) -> dict[str, Any]:
    """The passport's fields. A stored number is never written back into a page."""
    kept = f"Stored: {stored['number']}. Enter it again to change it." if stored.get("number") else ""
    return {
        "documentNumber": form.field(f"{name}-documentNumber", "Passport number", "", maxlength=20, hint=kept),
        "documentCountry": form.field(f"{name}-documentCountry", "Country that issued it", stored.get("country"),
                                      choices=list(countries), autocomplete="off"),
        "documentExpiresOn": form.date(f"{name}-documentExpiresOn", "Expires on", stored.get("expiresOn"),
                                       birthday=False, hint="It must be valid after your last flight."),
    }


def _adult_of(view: dict[str, Any], infant: int) -> str:
    """The adult whose lap an infant sits on; the n-th infant's is the n-th adult until somebody says otherwise."""
    for index, person in enumerate(view["passengers"]):
        if person.get("infantPosition") == infant:
            return str(index)
    return ""
