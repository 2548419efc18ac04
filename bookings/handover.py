"""Handing a booking on: its confirmation by mail once more, and a page of its flights for others to see.

A shared page knows nothing by which the booking could be looked up or changed: no references, prices, contact data or
family names, and of the first names only those that the owner ticked.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from bookings import documents, limits, outbox
from bookings.models import Booking, Diary, Outbox, Share
from fly2any.kernel.errors import Problem

RESENDS, RESEND_WINDOW = 3, timedelta(hours=1)
MOST_SHARES = 20
LOOKS, LOOK_WINDOW = 30, timedelta(minutes=15)  # tries of an address; the token itself has 128 bits
AFTER_THE_TRIP = timedelta(days=1)
LASTING = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}


# --- by mail ----------------------------------------------------------------------------------------------------


def send_again(*, booking: Booking, key: uuid.UUID, now: datetime) -> None:
    """Mail the confirmation (or what this status calls for) once more, once for each `key` (a press).

    Problem: throttled after 3 in an hour, nothing_to_send (409) when this status has no mail.
    """
    if sent_again(booking, key) is not None:
        return
    limits.count("resend", str(booking.pk), per=RESEND_WINDOW, limit=RESENDS, now=now)
    with transaction.atomic(durable=True):
        if not outbox.again(booking, key.hex, now):
            raise Problem("nothing_to_send", "There is nothing to send for this booking now.", status=409,
                          action="Look at the booking")
        _diary(booking, now, "confirmation.asked_again")


def sent_again(booking: Booking, key: uuid.UUID) -> Outbox | None:
    """The mail of that press, None when there was no such press."""
    return Outbox.objects.filter(booking=booking, version=f"again-{key.hex}"[:40]).order_by("pk").first()


# --- by a link --------------------------------------------------------------------------------------------------


def share(*, booking: Booking, key: uuid.UUID, names: Iterable[int], lasts: str, now: datetime) -> Share:
    """Make a page of the flights for others. `names`: places in line of the first names to show; `lasts`: "trip" or a
    key of LASTING. The same `key` (a press) makes one share and leads to the same address (`address_of`).

    Problem: no_paper (409) while nothing is booked, too_many_shares (409), invalid_request (400).
    """
    if booking.status not in documents.PRINTED:
        raise Problem("no_paper", "There is nothing to share yet, because this is not booked.", status=409,
                      action="Look at the booking")
    if lasts != "trip" and lasts not in LASTING:
        raise Problem("invalid_request", "Choose how long the link shall work.", status=400, action="Choose again")
    if made_by(booking, key, now) is None:
        limits.pressed("share", booking.pk, now)
    people = set(booking.passengers.values_list("position", flat=True))
    with transaction.atomic(durable=True):
        Booking.objects.select_for_update(of=("self",)).get(pk=booking.pk)
        if sum(1 for _ in active(booking, now)) >= MOST_SHARES:
            raise Problem("too_many_shares", f"{MOST_SHARES} links are in use already.", status=409,
                          action="Take one back first")
        made, new = Share.objects.get_or_create(token_hash=_hash(token_of(booking, key)), defaults={
            "booking": booking, "names": sorted(people & set(names)), "created_at": now,
            "expires_at": ends(booking, lasts, now)})
        if new:
            _diary(booking, now, "share.made", subject=f"share:{made.pk}",
                   cause=f"until {made.expires_at:%Y-%m-%d %H:%M} UTC, {len(made.names)} first names")
    return made


def ends(booking: Booking, lasts: str, now: datetime) -> datetime:
    """When a share that `lasts` so long ends (UTC): "trip" is a day after the last landing, at least a day from now."""
    if lasts in LASTING:
        return now + LASTING[lasts]
    return max(booking.arrives_at or now, now) + AFTER_THE_TRIP


def active(booking: Booking, now: datetime) -> list[Share]:
    """The shares of a booking that work at `now`, the newest first."""
    return list(booking.shares.filter(expires_at__gt=now, revoked_at=None).order_by("-pk"))


def revoke(*, booking: Booking, share_id: int, now: datetime) -> None:
    """Take a share back; its address is a 404 from now on. Safe to repeat. Problem not_found for another's."""
    with transaction.atomic(durable=True):
        found = Share.objects.select_for_update().filter(booking=booking, pk=share_id).first()
        if found is None:
            raise _no_share()
        if found.revoked_at is None:
            found.revoked_at = now
            found.save(update_fields=["revoked_at"])
            _diary(booking, now, "share.revoked", subject=f"share:{found.pk}")


def opened(*, token: str, address: str, now: datetime) -> Share:
    """The share of a token for a visitor from `address`. The same Problem not_found for wrong, expired and revoked."""
    limits.count("share", address, per=LOOK_WINDOW, limit=LOOKS, now=now)
    found = Share.objects.select_related("booking__offer").filter(
        token_hash=_hash(token[:200]), expires_at__gt=now, revoked_at=None).first()
    if found is None or found.booking.status not in documents.PRINTED:
        raise _no_share()
    return found


def token_of(booking: Booking, key: uuid.UUID) -> str:
    """The secret of the share that the press `key` makes: 128 bits that nobody can compute without our key.

    It is derived and not drawn, so that a reload or a second press shows the same address; only its hash is stored.
    """
    drawn = hmac.new(settings.SECRET_KEY.encode(), f"share\0{booking.public_id}\0{key}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(drawn.digest()[:16]).decode().rstrip("=")


def made_by(booking: Booking, key: uuid.UUID, now: datetime) -> Share | None:
    """The share that the press `key` made, while it works."""
    return booking.shares.filter(token_hash=_hash(token_of(booking, key)), expires_at__gt=now, revoked_at=None).first()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _no_share() -> Problem:
    return Problem("not_found", "This link is not valid any more.", status=404,
                   action="Ask the person who sent it to you")


def _diary(booking: Booking, now: datetime, event: str, *, subject: str = "", cause: str = "") -> None:
    who = "guest" if booking.user_id is None else f"user:{booking.user_id}"
    Diary.objects.create(booking=booking, at=now, actor=who, event=event, subject=subject, cause=cause)
