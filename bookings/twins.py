"""Is one of these travellers on another flight at the same time? Asked of the visitor's own bookings only (ux.md 6).

People are found by a keyed hash of name and birth date through an index, never by a search in clear text; a
stranger's booking of the same people is never looked at, so that nobody learns from us who flies when.
"""

from __future__ import annotations

import unicodedata
from datetime import date

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from bookings import access
from bookings.flow import Wish
from bookings.models import Booking, Segment
from bookings.status import CLOSED
from fly2any.kernel import keys
from fly2any.kernel.letters import ticket_name


def person_digest(given_name: str, family_name: str, born_on: date) -> str:
    """A keyed hash of a person: accents, case, hyphens and spaces make no difference, the birth date does."""
    return keys.keyed_digest(settings.SECRET_KEY, ["person", _letters(given_name, family_name), born_on.isoformat()])


def name_digest(given_name: str, family_name: str) -> str:
    """A keyed hash of a name alone, to see whether ours and the airline's agree; compared as `person_digest` does."""
    given, family = (ticket_name(name) or name for name in (given_name, family_name))  # an airline may say MUELLER
    return keys.keyed_digest(settings.SECRET_KEY, ["name", _letters(given, family)])


def _letters(given_name: str, family_name: str) -> str:
    plain = unicodedata.normalize("NFKD", f"{given_name}|{family_name}").casefold()
    return "".join(letter for letter in plain if letter.isalnum() or letter == "|")


def flying_already(booking: Booking, visitor: str) -> Booking | None:
    """The visitor's first live booking with one of the same people in the air at the same time; None without one.

    `visitor`: a principal (`bookings.access`), whose guest's and granted bookings count too.
    """
    people = [person.digest for person in booking.passengers.all() if person.digest]
    if not people:
        return None
    mine = Segment.objects.filter(booking_id=booking.pk, departs_at__lt=OuterRef("segments__arrives_at"),
                                  arrives_at__gt=OuterRef("segments__departs_at"))
    own = access.visible_to(visitor) | Q(principal=booking.principal)
    return (Booking.objects.filter(own, Exists(mine), passengers__digest__in=people)
            .exclude(pk=booking.pk).exclude(wish=Wish.DRAFT).exclude(status__in=CLOSED).order_by("pk").first())
