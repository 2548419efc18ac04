"""One search box that understands what it is given: every kind of word is looked up through its own index."""

from __future__ import annotations

import re

from django.db.models import Q

from bookings.models import Passenger
from payments.models import Payment
from suppliers.models import SupplierOrder

LIMIT = 500  # matches taken from each kind of word: the newest
SUPPLIERS = ("duffel", "amadeus")  # the order and payment indexes begin with the vendor's name
GATEWAYS = ("stripe", "phonepe")
_REFERENCE = re.compile(r"(FLY2A-?)?([0-9A-Z]{6})", re.IGNORECASE)


def matching(term: str) -> Q:
    """Which bookings one word means: reference, e-mail, airline reference, order or payment id, or family name."""
    if "@" in term:
        return Q(contact_email__iexact=term)
    ids: set[int] = set()
    orders = SupplierOrder.objects.filter(Q(pnr=term.upper()) | Q(supplier__in=SUPPLIERS, external_id=term))
    ids.update(orders.order_by("-pk").values_list("booking_id", flat=True)[:LIMIT])
    payments = Payment.objects.filter(provider__in=GATEWAYS, external_id=term)
    ids.update(payments.values_list("booking_id", flat=True)[:LIMIT])
    people = Passenger.objects.filter(family_name__in={term, term.upper(), term.lower(), term.title()})
    ids.update(people.order_by("-pk").values_list("booking_id", flat=True)[:LIMIT])
    found = Q(pk__in=ids)
    reference = _REFERENCE.fullmatch(term)
    return found | Q(reference=f"FLY2A-{reference[2].upper()}") if reference else found


def bookings_matching(text: str) -> Q:
    """Which bookings a whole search means: all of it as one name, or every word on its own."""
    words = text.split()
    wanted = Q()
    for word in words:
        wanted &= matching(word)
    return wanted | matching(text.strip()) if len(words) > 1 else wanted


