"""A booking refused for a traveller's detail, as a draft again: the same offer, nothing typed twice."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from bookings.drafts.booking import User, refresh, start
from bookings.drafts.rows import draft_for_update
from bookings.models import Booking, Passenger, Selection
from bookings.status import Status
from fly2any.kernel.errors import Problem

FIXABLE = "passenger_rejected"


def start_again(*, booking: Booking, principal: str, user: User, now: datetime) -> Booking:
    """The draft with the refused booking's travellers, contact and extras, freshly priced.

    Raises Problem not_fixable (409), and what `start` raises when the offer cannot be had any more.
    """
    if booking.status != Status.FAILED or booking.closing != FIXABLE:
        raise Problem("not_fixable", "There is nothing to correct in this booking.", status=409,
                      action="Open the booking")
    draft = start(offer_id=booking.offer_id, principal=principal, user=user, now=now)
    with transaction.atomic(durable=True):
        fresh = draft_for_update(draft)
        if not fresh.passengers.exists():
            people, extras = list(booking.passengers.all()), list(booking.selections.all())
            for person in people:
                person.pk, person.booking = None, fresh
            for extra in extras:
                extra.pk, extra.booking = None, fresh
            Passenger.objects.bulk_create(people)
            Selection.objects.bulk_create(extras)
            fresh.services_minor, fresh.trip_digest = booking.services_minor, booking.trip_digest
            fresh.contact_email, fresh.contact_phone = booking.contact_email, booking.contact_phone
            fresh.save(update_fields=["services_minor", "trip_digest", "contact_email", "contact_phone"])
    return refresh(booking=fresh, now=now)[0]
