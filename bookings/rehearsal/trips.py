"""Practice bookings: made through the doors that customers use, driven by the one driver, then left as they stand."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import timedelta
from string import ascii_lowercase
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction

from bookings import drafts, services
from bookings.advance import advance
from bookings.locks import driver
from bookings.models import Booking
from bookings.rehearsal import outside
from bookings.wake import wake
from fly2any.kernel import clock
from payments.models import Payment
from suppliers.models import Offer, SupplierOrder
from suppliers.types import Leg, SearchQuery

GOOD_CARD = "4242424242424242"
TICKS = [{"code": code, "version": "rehearsal"} for code in ("dangerous_goods", "names_and_terms")]
CONTACT = {"email": "practice@rehearsal.example", "phone": "+442080160508"}
PAIRS = (("BOS", "MIA"), ("JFK", "LAX"), ("SFO", "SEA"), ("ORD", "DEN"))
TABLES = {"bookings_booking": "id", "suppliers_supplierorder": "booking_id", "payments_payment": "booking_id",
          "bookings_externalcall": "booking_id", "bookings_outbox": "booking_id"}


class StageNotSet(RuntimeError):
    """The practice booking did not come to where the mismatch begins."""


def booked(*, instant: bool, hold: bool = False, manual: bool = False) -> Booking:
    """A booking of one made-up traveller whose wish is written; nobody drives it yet. Raises StageNotSet.

    `manual`: of an offer that our staff ticket (Amadeus).
    """
    principal = f"guest:rehearsal-{secrets.token_hex(12)}"
    offer = _offer(principal, instant, manual)
    given = "Practice" + "".join(secrets.choice(ascii_lowercase) for _ in range(8))
    person = {"title": "ms", "givenName": given, "familyName": "Rehearsal", "bornOn": "1990-12-10", "gender": "f"}
    build = drafts.complete_draft(offer=offer, principal=principal, user=AnonymousUser(), services=(),
                                  passengers=[person], contact=CONTACT, now=clock.now())
    return services.book_at_once(
        build=build, offer=offer, principal=principal, hold=hold, accepted_minor=None, acknowledgements=TICKS,
        again=True, now=clock.now()).booking


def _offer(principal: str, instant: bool, manual: bool) -> Offer:
    for origin, destination in PAIRS:
        day = clock.now().date() + timedelta(days=40 + secrets.randbelow(120))
        query = SearchQuery(legs=(Leg(origin, destination, day),), adults=1)
        search = drafts.search(query=query, principal=principal, now=clock.now())
        drafts.wait_for_search(search.pk, 20.0)
        for offer in Offer.objects.filter(search=search).order_by("total_minor"):
            info = offer.info
            if (info.manual, info.instant_only and not info.manual) == (manual, instant and not manual) and not (
                    info.documents_required):
                return drafts.price_offer(offer_id=offer.pk, principal=principal, now=clock.now())
    kind = "fare to be ticketed by hand" if manual else "instant fare" if instant else "holdable fare"
    raise StageNotSet(f"the sandbox sells no {kind}")


def drive(booking: Booking, until: Callable[[Booking], bool], turns: int = 6) -> Booking:
    """Drive until the booking is where the scene begins. Raises StageNotSet with where it stands."""
    for _ in range(turns):
        with transaction.atomic():
            wake(booking.pk, clock.now())
        advance(booking.pk, actor="rehearsal")
        booking.refresh_from_db()
        if until(booking):
            return booking
    raise StageNotSet(f"{booking.reference} stands at {booking.status}, {booking.progress}")


def authorised(card: str = GOOD_CARD, *, instant: bool = True) -> Booking:
    """A booking whose card has just been reserved; nobody has looked at it since."""
    booking = drive(booked(instant=instant), lambda b: payment_of(b) is not None and payment_of(b).state == "open")
    return give_card(booking, card)


def give_card(booking: Booking, card: str = GOOD_CARD) -> Booking:
    """The customer confirms their card on their page, and we hear of it."""
    outside.control(f"/_stripe/payment_intents/{payment_of(booking).external_id}/authorise", {"card": card})
    _heard(booking)
    return booking


def confirmed(card: str = GOOD_CARD) -> Booking:
    """A booking that is paid and ticketed."""
    return drive(authorised(card), lambda b: b.status == "CONFIRMED")


def _heard(booking: Booking) -> None:
    Payment.objects.filter(booking=booking).update(news_at=clock.now())


def payment_of(booking: Booking) -> Any:
    """The last payment, or None."""
    return Payment.objects.filter(booking=booking).order_by("-pk").first()


def order_of(booking: Booking) -> Any:
    """The last order, or None."""
    return SupplierOrder.objects.filter(booking=booking).order_by("-pk").first()


def look(booking: Booking) -> None:
    """Have both sides looked at when the booking is driven next."""
    now = clock.now()
    SupplierOrder.objects.filter(booking=booking).update(news_at=now)
    Payment.objects.filter(booking=booking).update(news_at=now)


def park(booking: Booking) -> Booking:
    """Stop driving it, as ten errors of ours would: it waits for a person."""
    for _ in range(100):
        with driver(booking.pk) as lock:  # nobody is in the middle of a step
            if lock is not None:
                Booking.objects.filter(pk=booking.pk).update(parked_at=clock.now(), attempts=10, due_at=None)
                booking.refresh_from_db()
                return booking
        time.sleep(0.1)
    raise StageNotSet(f"{booking.reference} is being driven without an end")


def age(booking: Booking, by: timedelta) -> None:
    """Let `by` pass for this booking: every time its rows carry moves back. For practice bookings only."""
    seconds = by.total_seconds()
    with connection.cursor() as cursor:
        for table, column in TABLES.items():
            cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_name = %s "
                           "AND table_schema = current_schema() AND data_type = 'timestamp with time zone'", [table])
            moves = ", ".join(f"{name} = {name} - make_interval(secs => %(by)s)" for (name,) in cursor.fetchall())
            cursor.execute(f"UPDATE {table} SET {moves} WHERE {column} = %(id)s", {"by": seconds, "id": booking.pk})  # noqa: S608
    booking.refresh_from_db()
