"""One search box that understands what it is given: every kind of word is looked up through its own index."""

from __future__ import annotations

import re
import uuid
from collections.abc import Set as AbstractSet
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Reverse

from bookings.models import Booking, Passenger
from payments.models import Dispute, Payment, Refund
from suppliers.models import SupplierOrder

LIMIT = 500  # matches taken from each kind of word
SUPPLIERS = ("duffel", "amadeus")  # the order and payment indexes begin with the vendor's name
GATEWAYS = ("stripe", "phonepe")
SHORTEST_PHONE, LONGEST_PHONE = 7, 15  # digits
DATES = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d%b%Y", "%d%b%y", "%d-%b-%Y")
SHORTEST_DATE = 7  # letters: 6 are a reference
LOCATOR = re.compile(r"[0-9A-Za-z]{5,8}")  # an airline's own; two letters would be the airline
_REFERENCE = re.compile(r"(FLY2A-?)?([0-9A-Z]{6})", re.IGNORECASE)
_NUMBER = re.compile(r"\+?[\d\s().\-/]+")
_LONG_DATE = re.compile(r"\b(\d{1,2})\.?\s+([A-Za-z]{3,9})\.?,?\s+(\d{4})\b")


def bookings_matching(text: str) -> Q:
    """Which bookings a whole search means: a number, a name with or without a flight date, or every word on its own."""
    text, days = without_dates(text[:200])
    if not text:
        return Q(pk__in=())
    if _NUMBER.fullmatch(text) and len(_digits(text)) >= SHORTEST_PHONE:
        return Q(pk__in=_numbered(text))
    words = text.replace("/", " ").split()[:6]
    exact = {word: _exact(word) for word in words}
    among = set[int]().union(*exact.values()) if len(exact) > 1 else set[int]()
    wanted = Q()
    for word in words:
        named = [] if "@" in word else _named([word], days, among)
        wanted &= _flying(exact[word], days) | Q(pk__in=named)
    return wanted | Q(pk__in=_named(words, days)) if len(words) > 1 else wanted


def _exact(term: str) -> set[int]:
    """Bookings that one word names: reference, e-mail, airline reference, an id or a number."""
    if "@" in term:
        return set(Booking.objects.filter(contact_email__iexact=term).values_list("pk", flat=True)[:LIMIT])
    ids = _by_id(term)
    if len(_digits(term)) >= SHORTEST_PHONE and _NUMBER.fullmatch(term):
        ids |= _numbered(term)
    reference = _REFERENCE.fullmatch(term)
    if reference:
        ids.update(Booking.objects.filter(reference=f"FLY2A-{reference[2].upper()}").values_list("pk", flat=True))
    return ids


def without_dates(text: str) -> tuple[str, tuple[date, ...]]:
    """The words that are no dates, and the dates: 2026-12-20, 20.12.2026, 20DEC26, 20 Dec 2026; 3/4/2026 is two."""
    days: list[date] = []
    for day, month, year in _LONG_DATE.findall(text):
        days += _dates(f"{day}{month[:3]}{year}")
    text = _LONG_DATE.sub(lambda found: " " if _dates(f"{found[1]}{found[2][:3]}{found[3]}") else found[0], text)
    words = text.split()
    for word in words:
        days += _dates(word)
    return " ".join(word for word in words if not _dates(word)), tuple(dict.fromkeys(days))


def _dates(word: str) -> list[date]:
    found: list[date] = []
    if len(word) < SHORTEST_DATE:
        return found
    for form in DATES:
        try:
            day = datetime.strptime(word, form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
        if 2000 <= day.year < 2100:
            found.append(day)
    return found


def _by_id(term: str) -> set[int]:
    """Bookings by an id of ours, the airline's or the bank's, or by the airline's reference."""
    ids: set[int] = set()
    orders = SupplierOrder.objects.filter(Q(pnr=term.upper()) | Q(supplier__in=SUPPLIERS, external_id=term))
    if LOCATOR.fullmatch(term):
        theirs = SupplierOrder.objects.filter(locators__contains=[[term.upper()]]).exclude(locators=[])
        ids.update(theirs.values_list("booking_id", flat=True)[:LIMIT])
    ids.update(orders.values_list("booking_id", flat=True)[:LIMIT])
    ids.update(Payment.objects.filter(provider__in=GATEWAYS, external_id=term).values_list("booking_id", flat=True))
    if "_" in term:
        for rows in (Refund.objects.filter(external_id=term), Dispute.objects.filter(external_id=term)):
            ids.update(rows.values_list("payment__booking_id", flat=True))
    with suppress(ValueError):
        ids.update(Booking.objects.filter(public_id=uuid.UUID(term)).values_list("pk", flat=True))
    return ids


def _numbered(text: str) -> set[int]:
    """Bookings by a ticket number or by the end of a telephone number, however either is written."""
    digits, ids = _digits(text), set[int]()
    if len(digits) in (13, 14):
        written = {text.strip(), digits, f"{digits[:3]}-{digits[3:]}", digits[:13], f"{digits[:3]}-{digits[3:13]}"}
        tickets = Q()
        for number in sorted(written):
            tickets |= Q(tickets__contains=[{"number": number}])
        orders = SupplierOrder.objects.filter(tickets).exclude(tickets=[])
        ids.update(orders.values_list("booking_id", flat=True)[:LIMIT])
    ending = _digits(text.replace("(0)", "")).lstrip("0")
    if SHORTEST_PHONE <= len(ending) <= LONGEST_PHONE:
        reached = Booking.objects.alias(ending=Reverse("contact_phone")).exclude(contact_phone="")
        ids.update(reached.filter(ending__startswith=ending[::-1]).values_list("pk", flat=True)[:LIMIT])
    return ids


def _named(words: list[str], days: tuple[date, ...], among: AbstractSet[int] = frozenset()) -> list[int]:
    """Bookings of travellers with this family name, or with a first name before or after it: the newest, and `among`.

    `among` are bookings that something else said names: one of them fits however many newer ones share the name.
    """
    names = Q(family_name__iexact=" ".join(words))
    for at in range(1, min(len(words), 5)):
        one, two = " ".join(words[:at]), " ".join(words[at:])
        names |= Q(family_name__iexact=two, given_name__istartswith=one)
        names |= Q(family_name__iexact=one, given_name__istartswith=two)
    people: QuerySet[Passenger, Any] = Passenger.objects.filter(names)
    if days:
        people = people.filter(_on(days, "booking__segments__departing_local"))
    newest = list(people.order_by("-pk").values_list("booking_id", flat=True)[:LIMIT])
    return newest + list(people.filter(booking__in=among).values_list("booking_id", flat=True)) if among else newest


def _on(days: tuple[date, ...], column: str) -> Q:
    wanted = Q()
    for day in days:
        wanted |= Q(**{f"{column}__startswith": day.isoformat()})
    return wanted


def _flying(ids: set[int], days: tuple[date, ...]) -> Q:
    """These bookings, of them only those with a flight on one of the days."""
    if not days or not ids:
        return Q(pk__in=ids)
    flying = Booking.objects.filter(_on(days, "segments__departing_local"), pk__in=ids)
    return Q(pk__in=set(flying.values_list("pk", flat=True)))


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter in "0123456789")
