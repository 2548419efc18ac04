"""Who calls the API, and a valid call of every operation with rows of their own."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core import signing
from django.test import Client

from bookings import access
from bookings.models import Booking
from fly2any.kernel import clock
from tests.api.shop import CONTACT, TICKS, body, offer, person
from tests.pages.everything import booked, found
from tests.pages.planes import party
from tests.pages.travel import make

ROLES = ("guest", "customer", "other customer", "staff")
OPEN = frozenset({"places", "flights_search", "offer", "seat_maps", "checkout_start", "bookings_create", "flights_booking_create",
                  "flights_create_order", "bookings_list", "flights_my_orders"})  # nobody's row is named in these


@dataclass(frozen=True)
class Person:
    """A caller: how our rows name them, and what their browser sends along."""

    role: str
    principal: str
    headers: dict[str, str]
    cookies: dict[str, str]


@dataclass(frozen=True)
class Aim:
    """A valid call: what stands in the path, the query and the body."""

    path: dict[str, Any] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] | None = None


def person_of(role: str) -> Person:
    """Somebody new in that role, with the cookies of their browser."""
    client, csrf = Client(), secrets.token_hex(16)
    if role == "guest":
        token = secrets.token_urlsafe(24)
        principal = access._guest_principal(token)
        client.cookies[settings.GUEST_COOKIE_NAME] = signing.dumps({"id": token}, salt=access._SALT)
    else:
        user = User.objects.create_user(f"{role}-{csrf}", is_staff=role == "staff", is_superuser=role == "staff")
        client.force_login(user)
        principal = f"user:{user.pk}"
    client.cookies[settings.CSRF_COOKIE_NAME] = csrf
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    return Person(role, principal, {"X-CSRFToken": csrf}, cookies)


def aim(operation: str, owner: str) -> Aim:
    """A call of that operation on new rows of `owner` which must be answered with a 2xx."""
    return _AIMS[operation](owner)


def _search(owner: str) -> Aim:
    day = clock.now().date() + timedelta(days=40)
    return Aim(query={"origin": "JFK", "destination": "LHR", "departureDate": day.isoformat()})


def _results(owner: str) -> Aim:
    return Aim(path={"search_id": found(owner).rpartition("=")[2]})


def _of_an_offer(owner: str) -> Aim:
    return Aim(path={"offer_id": str(offer().pk)})


def _start(owner: str) -> Aim:
    return Aim(body={"offerId": str(offer().pk)})


def _customize(owner: str) -> Aim:
    return Aim(path=_draft(party(owner, "adult")), body={"services": []})


def _passengers(owner: str) -> Aim:
    return Aim(path=_draft(party(owner, "adult")), body={"passengers": [person(position=0)], "contact": CONTACT})


def _book(owner: str) -> Aim:
    ready = make(owner, wish="draft", status="DRAFT", wished_at=None, accepted_minor=0, trip_digest=secrets.token_hex(8))
    return Aim(path=_draft(ready), body={"acceptedTotal": {"amount": "599.99", "currency": "USD"}, "acknowledgements": TICKS,
                                         "isHold": False, "bookAgain": True})


def _create(owner: str) -> Aim:
    return Aim(body=body(offer(), bookAgain=True))


def _nothing(owner: str) -> Aim:
    return Aim()


def _booking(state: str, sent: Callable[[Booking], dict[str, Any]] | None = None) -> Callable[[str], Aim]:
    def made(owner: str) -> Aim:
        booking = booked(owner, state)
        return Aim(path={"reference": booking.reference}, body=sent(booking) if sent else None)

    return made


def _confirm_cancellation(owner: str) -> Aim:
    booking = booked(owner, "confirmed")
    booking.orders.update(quote_id="ore_1", quote_refund_minor=40000, quote_refund_to="balance")
    return Aim(path={"reference": booking.reference}, body={"acceptedRefund": {"amount": "400.00", "currency": "USD"}})


def _payment(state: str, **sent: Any) -> Callable[[str], Aim]:
    def made(owner: str) -> Aim:
        booking = booked(owner, state)
        booking.payments.update(client_secret="pi_1_secret_1")
        return Aim(body={"bookingReference": booking.reference, **sent})

    return made


def _draft(booking: Booking) -> dict[str, Any]:
    return {"draft_id": str(booking.public_id)}


_AIMS: dict[str, Callable[[str], Aim]] = {
    "places": lambda owner: Aim(query={"q": "lon"}), "flights_search": _search, "flights_results": _results,
    "offer": _of_an_offer, "seat_maps": _of_an_offer, "checkout_start": _start, "checkout_customize": _customize,
    "checkout_passengers": _passengers, "checkout_book": _book, "bookings_list": _nothing, "flights_my_orders": _nothing,
    "bookings_create": _create, "flights_booking_create": _create, "flights_create_order": _create,
    "booking": _booking("confirmed"), "booking_cancel_quote": _booking("confirmed"),
    "booking_change": _booking("confirmed", lambda booking: {"contact": {"email": "new@example.com"}}),
    "cancellation_quote": _booking("confirmed", lambda booking: {}), "cancellation_confirm": _confirm_cancellation,
    "booking_itinerary": _booking("confirmed"), "booking_calendar": _booking("confirmed"),
    "payment_create_intent": _payment("card", amount={"amount": "599.99", "currency": "USD"}),
    "payment_confirm": _payment("card"), "payment_status": _booking("card"),
}
