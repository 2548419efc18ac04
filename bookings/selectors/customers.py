"""What a signed-in customer need not type again, and the drafts a visitor may go on with."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from bookings import access
from bookings.flow import Wish
from bookings.models import Booking
from bookings.selectors import words
from bookings.selectors.bookings import total_minor
from bookings.selectors.offers import raw_of

MOST_DRAFTS = 2


def known_customer(user: AbstractBaseUser | AnonymousUser) -> dict[str, str]:
    """The first traveller's and the contact's inputs as we know them of the signed-in customer; {} for a guest.

    From their account, and from their last booking, where they travelled under the same name themselves.
    """
    if not user.is_authenticated:
        return {}
    given, family = str(getattr(user, "first_name", "")), str(getattr(user, "last_name", ""))
    known = {"passengers-0-givenName": given, "passengers-0-familyName": family,
             "contact-email": str(getattr(user, "email", ""))}
    last = (Booking.objects.filter(user_id=user.pk).exclude(wish=Wish.DRAFT).prefetch_related("passengers")
            .order_by("-created_at", "-pk").first())
    if last is not None:
        known |= {"contact-email": last.contact_email or known["contact-email"], "contact-phone": last.contact_phone}
        for person in last.passengers.all():
            theirs, mine = (person.given_name, person.family_name), (given, family)
            if [*map(str.casefold, theirs)] == [*map(str.casefold, mine)] and person.born_on:
                known |= {"passengers-0-title": person.title, "passengers-0-gender": person.gender,
                          "passengers-0-bornOn-day": str(person.born_on.day),
                          "passengers-0-bornOn-month": str(person.born_on.month),
                          "passengers-0-bornOn-year": str(person.born_on.year)}
    return {name: value for name, value in known.items() if value}


def open_drafts(*, principal: str, now: datetime) -> list[dict[str, Any]]:
    """The visitor's newest drafts whose offer still lives at `now` (UTC) and that were worked on; two at most.

    `step` is where to go on: review once everybody is known, else passengers.
    """
    rows = (Booking.objects.filter(access.visible_to(principal), wish=Wish.DRAFT, offer_expires_at__gt=now)
            .exclude(typed="", contact_email="").select_related("offer").order_by("-changed_at", "-pk"))
    return [{"publicId": str(row.public_id), "step": "review" if row.contact_email else "passengers",
             "origin": words.place(raw_of(row.offer)["slices"][0]["origin"]),
             "destination": words.place(raw_of(row.offer)["slices"][0]["destination"]),
             "departingLocal": raw_of(row.offer)["slices"][0]["segments"][0]["departing_local"],
             "total": words.money(total_minor(row), row.currency), "expiresAt": words.iso(row.offer_expires_at)}
            for row in rows[:MOST_DRAFTS]]
