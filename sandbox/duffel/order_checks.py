"""Everything Duffel checks before it asks the airline for an order."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

from sandbox.duffel import offers, search
from sandbox.duffel.errors import refuse, required
from sandbox.duffel.requests import Doc, amount, day, moment, objects
from sandbox.frame import World

TITLES = ("mr", "ms", "mrs", "miss", "dr")
PHONE = re.compile(r"\+[1-9]\d{6,14}")
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
# Letters of ASCII, Latin-1 Supplement and Latin Extended-A, space, hyphen, apostrophe.
NAME = re.compile(r"[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u017f' -]{1,20}")
METADATA_KEY = re.compile(r"[A-Za-z0-9_-]{1,40}")
PAYMENT_TYPES = ("balance", "arc_bsp_cash")


def chosen_offer(asked: Doc, world: World) -> tuple[Doc, Doc]:
    """Return (offer, its request); refuses what can no longer be booked."""
    selected = required(asked, "selected_offers", "")
    if not isinstance(selected, list):
        raise refuse("validation_type", "/selected_offers")
    if len(selected) != 1 or not isinstance(selected[0], str):
        raise refuse("validation_length", "/selected_offers")
    offer, request = offers.any_age(world, selected[0])
    if request["order_id"]:
        raise refuse("offer_request_already_booked", "/selected_offers")
    if request["attempted"]:
        raise refuse("order_creation_already_attempted")
    if offer["id"] in request["gone"]:
        raise refuse("offer_no_longer_available")
    if world.now() >= moment(offer["expires_at"]):
        raise refuse("offer_expired")
    return offer, request


def order_type(asked: Doc, offer: Doc) -> str:
    """Return ``instant`` or ``hold``; refuses a hold on an offer that wants its money at once."""
    type = asked.get("type", "instant")
    if type not in ("instant", "hold"):
        raise refuse("invalid_order_create_type")
    if type == "hold" and offer["payment_requirements"]["requires_instant_payment"]:
        raise refuse("invalid_order_create_type")
    if type == "hold" and "services" in asked:
        raise refuse("services_not_allowed_for_order_type")
    if type == "hold" and asked.get("payments"):
        raise refuse("validation_inclusion", "/payments")
    return str(type)


def passengers(asked: Doc, offer: Doc, request: Doc) -> list[Doc]:
    """Return the passengers as the order keeps them, in the offer's order."""
    given = objects(required(asked, "passengers", ""), "/passengers")
    wanted = {passenger["id"]: passenger for passenger in offer["passengers"]}
    for number, passenger in enumerate(given):
        required(passenger, "id", f"/passengers/{number}")
    if Counter(p["id"] for p in given) != Counter(list(wanted)):
        raise refuse("order_passengers_incompatible_with_offer")
    travel = date.fromisoformat(request["legs"][-1][2])
    found = [
        _passenger(passenger, wanted[passenger["id"]], f"/passengers/{number}", offer, travel)
        for number, passenger in enumerate(given)
    ]
    names = Counter((p["given_name"].casefold(), p["family_name"].casefold()) for p in found)
    if max(names.values()) > 1:
        raise refuse("duplicate_passenger_name", "/passengers")
    _infants(found)
    order = list(wanted)
    return sorted(found, key=lambda passenger: order.index(passenger["id"]))


def services(asked: Doc, offer: Doc, request: Doc, world: World) -> list[tuple[Doc, int]]:
    """Return the chosen services with their quantities."""
    return offers.chosen_services(world, request, offer, objects(asked.get("services") or [], "/services"))


def payment(asked: Doc, due: Decimal, currency: str) -> Doc:
    """Return the one payment of an instant order; it must be exactly what is due."""
    given = objects(required(asked, "payments", ""), "/payments")
    if len(given) != 1:
        raise refuse("validation_length", "/payments")
    return matching_payment(given[0], due, currency, "/payments/0")


def matching_payment(given: Doc, due: Decimal, currency: str, at: str) -> Doc:
    """Return the payment; refuses another amount, currency or kind."""
    if required(given, "type", at) not in PAYMENT_TYPES:
        raise refuse("validation_inclusion", f"{at}/type")
    if required(given, "currency", at) != currency:
        raise refuse("payment_currency_does_not_match_order_currency")
    if amount(required(given, "amount", at), f"{at}/amount") != due:
        raise refuse("payment_amount_does_not_match_order_amount")
    return {"type": given["type"], "amount": str(due), "currency": currency}


def metadata(value: Any) -> dict[str, str]:
    """Return order metadata: at most 50 pairs of short strings."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise refuse("validation_type", "/metadata")
    if len(value) > 50:
        raise refuse("validation_length", "/metadata")
    for key, text in value.items():
        if not METADATA_KEY.fullmatch(key):
            raise refuse("validation_format", "/metadata")
        if not isinstance(text, str):
            raise refuse("validation_type", f"/metadata/{key}")
        if len(text) > 500:
            raise refuse("validation_length", f"/metadata/{key}")
    return dict(value)


def _passenger(given: Doc, searched: Doc, at: str, offer: Doc, travel: date) -> Doc:
    for name, pattern, code in (
        ("given_name", NAME, "invalid_passenger_name"),
        ("family_name", NAME, "invalid_passenger_name"),
        ("email", EMAIL, "invalid_email_address"),
        ("phone_number", PHONE, "invalid_phone_number"),
    ):
        text = required(given, name, at)
        if not isinstance(text, str) or not pattern.fullmatch(text.strip() if name.endswith("name") else text):
            raise refuse(code, f"{at}/{name}")
    if required(given, "title", at) not in TITLES:
        raise refuse("invalid_passenger_title", f"{at}/title")
    if required(given, "gender", at) not in ("m", "f"):
        raise refuse("validation_inclusion", f"{at}/gender")
    born = day(required(given, "born_on", at), f"{at}/born_on")
    _age(born, searched, travel, f"{at}/born_on")
    _documents(given, offer, at)
    return {
        "id": given["id"],
        "type": searched["type"] or "adult",
        "title": given["title"],
        "gender": given["gender"],
        "given_name": given["given_name"].strip(),
        "family_name": given["family_name"].strip(),
        "born_on": born.isoformat(),
        "email": given["email"],
        "phone_number": given["phone_number"],
        "infant_passenger_id": given.get("infant_passenger_id"),
        "loyalty_programme_accounts": given.get("loyalty_programme_accounts") or searched["loyalty_programme_accounts"],
        "user_id": given.get("user_id"),
    }


def _age(born: date, searched: Doc, travel: date, at: str) -> None:
    """The airline checks the age on the last day of travel against what was searched for."""
    age = travel.year - born.year - ((travel.month, travel.day) < (born.month, born.day))
    if age < 0 or age > 130:
        raise refuse("validation_inclusion", at)
    if searched["age"] is not None:
        if age != searched["age"]:
            raise refuse("offer_no_longer_available")
    elif {"infant_without_seat": age >= 2, "child": age < 2, "adult": age < 12}[searched["type"] or "adult"]:
        raise refuse("offer_no_longer_available")


def _documents(given: Doc, offer: Doc, at: str) -> None:
    documents = objects(given.get("identity_documents") or [], f"{at}/identity_documents")
    if offer["passenger_identity_documents_required"] and not documents:
        raise refuse("validation_required", f"{at}/identity_documents")
    if len(documents) > 1:
        raise refuse("validation_length", f"{at}/identity_documents")
    for number, document in enumerate(documents):
        here = f"{at}/identity_documents/{number}"
        if required(document, "type", here) not in offer["supported_passenger_identity_document_types"]:
            raise refuse("validation_inclusion", f"{here}/type")
        identifier = required(document, "unique_identifier", here)
        if not isinstance(identifier, str) or not re.fullmatch(r"[A-Za-z0-9]{1,30}", identifier):
            raise refuse("validation_format", f"{here}/unique_identifier")
        country = required(document, "issuing_country_code", here)
        if not isinstance(country, str) or not re.fullmatch(r"[A-Z]{2}", country):
            raise refuse("validation_format", f"{here}/issuing_country_code")
        if document["type"] == "passport":
            day(required(document, "expires_on", here), f"{here}/expires_on")


def _infants(found: list[Doc]) -> None:
    """Each infant without a seat sits on the lap of exactly one adult."""
    infants = {p["id"] for p in found if p["type"] == "infant_without_seat"}
    carried: Counter[str] = Counter()
    for number, passenger in enumerate(found):
        id = passenger["infant_passenger_id"]
        if id is None:
            continue
        if id not in infants or passenger["type"] != "adult":
            raise refuse("validation_inclusion", f"/passengers/{number}/infant_passenger_id")
        carried[id] += 1
    if any(carried[id] != 1 for id in infants):
        raise refuse("validation_required", "/passengers/0/infant_passenger_id")


def request_of(world: World, order: Doc) -> Doc:
    """Return the offer request an order came from."""
    request = search.family(world, order["offer_id"])
    if request is None:
        raise refuse("not_found")
    return request
