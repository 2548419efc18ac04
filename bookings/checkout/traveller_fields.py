"""The travellers' form as it is shown: which fields this offer needs, with which words, and what stands in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django_countries import countries

from bookings import forms
from bookings.checkout import disclosures, programmes
from bookings.checkout.traveller_form import MOST, PARTS, input_id
from bookings.checkout.words import day
from bookings.selectors.bookings import masked

TITLES = (("mr", "Mr"), ("mrs", "Mrs"), ("ms", "Ms"), ("miss", "Miss"), ("dr", "Dr"))
GENDERS = (("f", "Female"), ("m", "Male"))
KINDS = {"adult": "Adult", "child": "Child", "infant": "Infant on an adult's lap"}


@dataclass
class Filled:
    """What stands in the form: what was typed wins over what is stored. `errors` by input."""

    typed: Mapping[str, str] | None
    errors: dict[str, str] = field(default_factory=dict)

    def value(self, name: str, stored: Any) -> str:
        """What stands in an input. A secret number is written back only while it is being mended."""
        if forms.is_secret(name):
            return (self.typed or {}).get(name, "")[:MOST] if self.errors.get(name) else ""
        return self.typed.get(name, "")[:MOST] if self.typed is not None else str(stored or "")

    def field(self, name: str, label: str, stored: Any, **more: Any) -> dict[str, Any]:
        """One input or select."""
        return {"id": name, "label": label, "value": self.value(name, stored), "error": self.errors.get(name, ""),
                **more}

    def date(self, name: str, label: str, stored: str | None, *, section: str | None, **more: Any) -> dict[str, Any]:
        """Three inputs: day, month, year. `section` says whose birthday browsers may fill in (None: no birthday)."""
        year, month, day_ = (stored or "--").split("-")[:3]
        kept = {"day": day_.lstrip("0"), "month": month.lstrip("0"), "year": year}
        parts = [{"id": f"{name}-{part}", "label": word, "maxlength": 9 if part == "month" else most,
                  "value": self.value(f"{name}-{part}", kept[part]),
                  "autocomplete": "off" if section is None else f"{section}bday-{part}"} for part, word, most in PARTS]
        return {"id": name, "label": label, "parts": parts, "error": self.errors.get(f"{name}-day", ""), **more}

    def secret(self, name: str, label: str, stored: str, **more: Any) -> dict[str, Any]:
        """A number that is never written into a page again: only its last two letters are."""
        typed, hint = self.typed or {}, more.pop("hint", "")
        box = f"{name.removesuffix('Number') if 'document' in name else name}Remove"
        kept = "" if self.errors.get(name) else masked(typed.get(name, "")) or stored
        if kept and box not in typed:
            hint = f"Kept safely: {kept}. Enter it again only to change it."
        return self.field(name, label, "", box=box, removed=box in typed, kept=kept, maxlength=30, hint=hint, **more)


def context(view: dict[str, Any], typed: Mapping[str, str] | None, wrong: dict[str, str],
            lead: Mapping[str, str]) -> dict[str, Any]:
    """Everything the template needs. `lead`: what we know of the signed-in customer, for an empty form."""
    untouched = typed is None and not any(person.get("givenName") for person in view["passengers"])
    form = Filled(lead if untouched and lead else typed, {input_id(path): text for path, text in wrong.items()})
    people = [_person(form, view, person, index) for index, person in enumerate(view["passengers"])]
    return {"people": people, "contact": _contact(form, view), "watch_list": disclosures.watch_list(view),
            "documents_required": view.get("documentsRequired", False), "party_error": wrong.get("passengers", ""),
            "kept_numbers": bool(wrong) and any(field.get("kept") for person in people
                                                for field in person["fields"].values()),
            "prefilled": untouched and bool(lead)}


def _contact(form: Filled, view: dict[str, Any]) -> dict[str, Any]:
    stored = view["contact"]
    email = form.field("contact-email", "E-mail address", stored.get("email"), type="email", autocomplete="email",
                       inputmode="email", maxlength=254, hint="The confirmation and every change go there.")
    return {
        "email": email, "meant": forms.suggestion(email["value"]),
        "phoneCountry": form.field("contact-phoneCountry", "Country of the number", "", optional=True,
                                   choices=forms.calling_codes(), autocomplete="country",
                                   hint="Not needed when the number begins with +"),
        "phone": form.field("contact-phone", "Phone number", stored.get("phone"), type="tel", autocomplete="tel",
                            inputmode="tel", maxlength=40,
                            hint="As at home, or with + and country code"),
        "address": _address(form, view),
    }


def _address(form: Filled, view: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of the address that this offer asks for; [] for most."""
    stored = view["contact"].get("address") or {}
    shown: dict[str, dict[str, Any]] = {
        "line": {"label": "Street and house number", "autocomplete": "address-line1", "maxlength": 60},
        "postalCode": {"label": "Postal code", "autocomplete": "postal-code", "maxlength": 12},
        "city": {"label": "Town or city", "autocomplete": "address-level2", "maxlength": 60},
        "country": {"label": "Country", "autocomplete": "country", "choices": list(countries)}}
    return [form.field(input_id(f"contact.address.{part}"), stored=stored.get(part), **shown[part])
            for part in forms.address_fields(tuple(view.get("requires", ())))]


def _person(form: Filled, view: dict[str, Any], person: dict[str, Any], index: int) -> dict[str, Any]:
    name = f"passengers-{index}"
    section = "" if index == 0 else f"section-{name} "  # the browser's own data are the first traveller's
    fields = {
        "title": form.field(f"{name}-title", "Title", person.get("title"), choices=TITLES,
                            autocomplete=f"{section}honorific-prefix", hint="The airline prints it on the ticket."),
        "gender": form.field(f"{name}-gender", "Gender in the passport or ID", person.get("gender"), choices=GENDERS,
                             autocomplete="off", hint="Airlines must send it to the authorities."),
        "givenName": form.field(f"{name}-givenName", "Given names", person.get("givenName"), maxlength=60,
                                autocomplete=f"{section}given-name"),
        "familyName": form.field(f"{name}-familyName", "Family name", person.get("familyName"), maxlength=60,
                                 autocomplete=f"{section}family-name"),
        "bornOn": form.date(f"{name}-bornOn", "Date of birth", person.get("bornOn"), section=section,
                            hint=_age_hint(view, person)),
        **_residence(form, view, person, name), **_lap(form, view, person, index), **_papers(form, view, person, name),
    }
    given, family = fields["givenName"]["value"], fields["familyName"]["value"]
    return {"id": name, "number": index + 1, "kind": KINDS[person["kind"]] + (
        f", {person['age']} years" if person["kind"] == "child" and person.get("age") is not None else ""),
        "fields": fields, "sentAs": forms.sent_as(given, family),
        "numbers": (numbers := [fields[name] for name in forms.NUMBERS if name in fields]),
        "open_numbers": _used(numbers),
        "open_passport": _used([fields[name] for name in ("documentNumber", "documentCountry", "documentExpiresOn")
                                if name in fields]),
        "open_loyalty": _used([fields[name] for name in ("loyaltyCarrier", "loyaltyNumber") if name in fields])}


def _residence(form: Filled, view: dict[str, Any], person: dict[str, Any], name: str) -> dict[str, Any]:
    """The country where the traveller lives, where the airline asks for it."""
    if "residence" not in view.get("requires", ()):
        return {}
    return {"residence": form.field(f"{name}-residence", "Lives in", person.get("residence"), choices=list(countries),
                                    autocomplete="off", hint="The airline asks for it with this fare.")}


def _used(fields: list[dict[str, Any]]) -> bool:
    """Whether something folded away must be seen: it is filled in, or wrong."""
    return any(field.get("value") or field["error"] or field.get("kept") or any(
        part["value"] for part in field.get("parts", ())) for field in fields)


def _age_hint(view: dict[str, Any], person: dict[str, Any]) -> str:
    """Which ages fit this seat, on which day, with an example."""
    last = day(date.fromisoformat(view["slices"][-1]["segments"][0]["departingLocal"][:10]))
    fits = {"adult": "18 or older", "infant": "under 2"}.get(
        person["kind"], f"{person['age']} years old" if person.get("age") is not None else "2 to 17 years old")
    example = {"adult": "27 3 1985", "infant": "27 3 2026"}.get(person["kind"], "27 3 2018")
    return f"For example {example}. {fits.capitalize()} on {last}, the day of the last flight."


def _lap(form: Filled, view: dict[str, Any], person: dict[str, Any], index: int) -> dict[str, Any]:
    """Whose lap an infant sits on; asked only where there is a choice."""
    adults = [at for at, other in enumerate(view["passengers"]) if other["kind"] == "adult"]
    if person["kind"] != "infant" or len(adults) < 2:
        return {}
    stored = next((str(at) for at, other in enumerate(view["passengers"])
                   if other.get("infantPosition") == person["position"]), "")
    return {"infantOn": form.field(f"passengers-{index}-infantOn", "Travels on the lap of", stored, autocomplete="off",
                                   choices=[(str(at), f"Traveller {at + 1}") for at in adults])}


def _papers(form: Filled, view: dict[str, Any], person: dict[str, Any], name: str) -> dict[str, Any]:
    """Passport, security numbers and loyalty, as far as the offer requires or supports them."""
    kinds, fields = view.get("documentKinds") or [], {}
    if view.get("documentsRequired") or "passport" in kinds:
        fields.update(_document(form, name, person.get("document") or {}))
        if "document_city" in view.get("requires", ()):
            fields["documentCity"] = form.field(
                f"{name}-documentCity", "Town where it was issued", (person.get("document") or {}).get("city"),
                maxlength=60, autocomplete="off", hint="As it stands in the passport.")
    words = {"knownTravellerNumber": "For TSA PreCheck, Global Entry, NEXUS or SENTRI.",
             "redressNumber": "Only if the US Department of Homeland Security gave you one."}
    for number, (kind, label, _) in forms.NUMBERS.items():
        if kind in kinds and (not view.get("documentsRequired") or "redress" in view.get("requires", ())):
            fields[number] = form.secret(f"{name}-{number}", label, person.get(number) or "", optional=True,
                                         hint=words[number])
    if view.get("loyaltyCarriers"):
        kept = (person.get("loyalty") or [{}])[0]
        fields["loyaltyCarrier"] = form.field(f"{name}-loyaltyCarrier", "Programme", kept.get("carrier"), optional=True,
                                              choices=programmes.choices(view), autocomplete="off")
        fields["loyaltyNumber"] = form.field(f"{name}-loyaltyNumber", "Membership number", kept.get("number"),
                                             optional=True, maxlength=30)
    return fields


def _document(form: Filled, name: str, stored: dict[str, Any]) -> dict[str, Any]:
    """The passport's fields."""
    return {
        "documentNumber": form.secret(f"{name}-documentNumber", "Passport number", stored.get("number") or "",
                                      hint="Letters and digits, as on the page with the photo."),
        "documentCountry": form.field(f"{name}-documentCountry", "Country that issued it", stored.get("country"),
                                      choices=list(countries), autocomplete="off"),
        "documentExpiresOn": form.date(f"{name}-documentExpiresOn", "Expires on", stored.get("expiresOn"),
                                       section=None, hint="It must be valid after your last flight."),
    }
