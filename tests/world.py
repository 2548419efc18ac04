"""The real outside (sandbox process) and a booking to drive, for tests that run the core in this process."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import DateTimeField

from bookings import services
from bookings.advance import advance
from bookings.drafts import extras
from bookings.models import Booking, Passenger
from bookings.selectors.offers import raw_of
from bookings.selectors.sold import on_offer
from fly2any.kernel import clock
from fly2any.kernel.references import new_reference
from suppliers import places, registry
from suppliers.models import Offer
from suppliers.stored import to_json
from suppliers.types import Leg, OfferInfo, SearchQuery
from tests.sandbox.process import Sandbox

TICKS = [{"code": "dangerous_goods", "version": "1"}, {"code": "names_and_terms", "version": "1"}]
HOLDABLE, INSTANT = "holdable", "instant"


@dataclass
class World:
    """The sandbox and short words for what tests do with it."""

    sandbox: Sandbox
    since: int = 0

    def from_here(self) -> None:
        """Only what happens outside from now on counts."""
        rows = self.sandbox.ledger(since=self.since)
        self.since = rows[-1]["seq"] if rows else self.since

    def offer(self, kind: str = HOLDABLE, origin: str = "JFK", destination: str = "LAX", adults: int = 1,
              bags: int = 0, choose: Callable[[OfferInfo], bool] | None = None, day: date | None = None) -> Offer:
        """Search and keep one offer of that kind, with its services; 40 days ahead unless another day is given."""
        day = day or date.today() + timedelta(days=40)
        supplier = registry.get("duffel")
        found = supplier.search(SearchQuery(legs=(Leg(origin, destination, day),), adults=adults))
        fits = choose or (lambda info: info.instant_only == (kind == INSTANT))
        fitting = [i for i in sorted(found, key=lambda i: i.total.minor) if fits(i)]
        priced = (replace(supplier.offer(i.external_id), request_id=i.request_id) for i in fitting)
        info = next(i for i in priced if not bags or any(s.kind == "baggage" for s in i.services or ()))
        return Offer.objects.create(
            principal="guest:test", supplier="duffel", external_id=info.external_id, request_id=info.request_id,
            total_minor=info.total.minor, currency=info.total.currency, expires_at=info.expires_at,
            searched=to_json(info), priced=to_json(info), priced_at=clock.now())

    def reservable(self, adults: int = 1, ahead: int = 40) -> Offer:
        """An offer of the sandbox's Amadeus that our staff ticket, priced a moment ago."""
        supplier = registry.get("amadeus")
        leg = Leg("JFK", "LAX", date.today() + timedelta(days=ahead))
        found = next(info for info in supplier.search(SearchQuery(legs=(leg,), adults=adults)) if info.owner_code == "6X")
        info = supplier.offer(found.external_id, found.document)
        return Offer.objects.create(
            principal="guest:test", supplier="amadeus", external_id=info.external_id, request_id="",
            total_minor=info.total.minor, currency=info.total.currency, expires_at=info.expires_at,
            searched=to_json(found), priced=to_json(info), priced_at=clock.now(), document=info.document)

    def reserved(self, **where: Any) -> Booking:
        """A wish for such an offer; nothing has been driven yet."""
        done = services.book(booking=self.draft(self.reservable(**where)), hold=False, accepted_minor=None,
                             acknowledgements=TICKS, again=False, now=clock.now())
        return done.booking

    def at_the_consolidator(self, booking: Booking) -> list[dict[str, Any]]:
        """What staff find there by the remark, ended reservations too."""
        found = self.sandbox.http.get("/_amadeus/orders", params={"remark": booking.reference}).json()
        return list(found["orders"] if isinstance(found, dict) else found)

    def consolidator(self, order: Any, deed: str, **more: Any) -> Any:
        """Something happens to the reservation there: ticket, void_tickets, expire, cancel_by_airline."""
        answer = self.sandbox.http.post(f"/_amadeus/orders/{order.pnr}/{deed}", json=more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def draft(self, offer: Offer, services_wanted: int = 0) -> Booking:
        """A complete draft for the offer."""
        info, now = offer.info, clock.now()
        flights = [flight for piece in raw_of(offer)["slices"] for flight in piece["segments"]]
        booking = Booking.objects.create(
            reference=new_reference(), principal=offer.principal, supplier=offer.supplier, offer=offer,
            offer_external_id=offer.external_id, offer_expires_at=offer.expires_at, currency=offer.currency,
            fare_minor=offer.total_minor, contact_email="ada@example.com", contact_phone="+442080160508",
            trip_digest=uuid.uuid4().hex, departs_at=places.utc(flights[0]["departing_local"], flights[0]["origin"]),
            arrives_at=places.utc(flights[-1]["arriving_local"], flights[-1]["destination"]), created_at=now, changed_at=now)
        for position, seat in enumerate(info.passengers):
            Passenger.objects.create(
                booking=booking, position=position, external_id=seat.external_id, kind=seat.kind, title="ms",
                gender="f", given_name="Ada" + "abcdefghi"[position], family_name="Lovelace",
                born_on=date(1990, 12, 10))
        bags = [s for s in info.services or () if s.kind == "baggage"][:services_wanted]
        for bag in bags:
            item = extras.selection(on_offer(offer.priced)[bag.external_id], 1)
            item.booking = booking
            item.save()
        booking.services_minor = sum(bag.price.minor for bag in bags)
        booking.save()
        return booking

    def booked(self, kind: str = HOLDABLE, *, hold: bool = False, bags: int = 0, **where: Any) -> Booking:
        """A booking whose wish is written; nothing has been driven yet."""
        booking = self.draft(self.offer(kind, bags=bags, **where), bags)
        done = services.book(booking=booking, hold=hold, accepted_minor=None, acknowledgements=TICKS, again=False,
                             now=clock.now())
        return done.booking

    def pay(self, booking: Booking, card: str = "4242424242424242", **more: Any) -> Any:
        """The customer confirms in the browser; then the site is told to look."""
        answer = self.sandbox.http.post(f"/_stripe/payment_intents/{self.payment(booking).external_id}/authorise",
                                        json={"card": card, **more})
        assert answer.status_code == 200, answer.text
        booking.payments.update(news_at=None)
        services.look_now(booking=booking, now=clock.now())
        return answer.json()

    def drive(self, booking: Booking, times: int = 1) -> Booking:
        """Advance and read again."""
        for _ in range(times):
            advance(booking.pk)
        booking.refresh_from_db()
        return booking

    @staticmethod
    def payment(booking: Booking) -> Any:
        """The last payment."""
        return booking.payments.order_by("-pk").first()

    @staticmethod
    def order(booking: Booking) -> Any:
        """The last order."""
        return booking.orders.order_by("-pk").first()

    def events(self, vendor: str, event: str) -> list[dict[str, Any]]:
        """Rows of the other side's ledger."""
        return self.sandbox.ledger(vendor=vendor, event=event, since=self.since)


def age(booking: Booking, by: timedelta) -> None:
    """Let `by` pass for one booking: every time that its rows carry moves back."""
    tables = {"bookings_booking": "id", "suppliers_supplierorder": "booking_id", "payments_payment": "booking_id",
              "bookings_externalcall": "booking_id"}
    moved = [f"UPDATE {table} SET {_times(table)} WHERE {column} = %(id)s" for table, column in tables.items()]
    moved.append("UPDATE payments_refund SET requested_at = requested_at - %(by)s, sent_at = sent_at - %(by)s, "
                 "looked_at = looked_at - %(by)s WHERE payment_id IN "
                 "(SELECT id FROM payments_payment WHERE booking_id = %(id)s)")
    with connection.cursor() as cursor:
        cursor.execute("; ".join(moved), {"by": by, "id": booking.pk})


@cache
def _times(table: str) -> str:
    """Moves every time of this table's rows back by `by`."""
    (model,) = (model for model in apps.get_models() if model._meta.db_table == table)
    names = [field.column for field in model._meta.local_fields if isinstance(field, DateTimeField)]
    return ", ".join(f"{name} = {name} - %(by)s" for name in names)


def utc(text: str) -> datetime:
    """An ISO time, aware, UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)
