"""Rows that a visitor may see. A stranger gets the same 404 as for a row that does not exist (I12)."""

from __future__ import annotations

import json
import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import DateTimeField
from django.db.models.expressions import RawSQL

from bookings import access, messages
from bookings.models import Booking
from bookings.status import CLOSED, MoneyWord, Progress, Status
from fly2any.kernel import references
from fly2any.kernel.errors import Problem
from payments.models import Payment, Refund
from suppliers.models import Offer, Search

_STATUS_FIELDS = ("id", "reference", "status", "progress", "money", "closing", "closing_detail", "notice", "currency",
                  "accepted_minor", "priced_minor", "agreed_refund_minor", "pay_by", "wished_at")
_STATUS = (f"SELECT {', '.join(_STATUS_FIELDS)}, clock_timestamp() FROM {Booking._meta.db_table} "  # noqa: S608
           f"WHERE reference = %s AND status <> '{Status.DRAFT}' AND (principal = ANY(%s) OR id = ANY(%s))")
_PAYMENT_FIELDS = tuple(field.attname for field in Payment._meta.concrete_fields)
_PAYMENT = (f"SELECT {', '.join(_PAYMENT_FIELDS)} FROM {Payment._meta.db_table} "  # noqa: S608
            "WHERE booking_id = %s ORDER BY id DESC LIMIT 1")
_DONE = frozenset({Status.CONFIRMED, Status.HOLD, Status.PENDING_TICKETING})
_SAID = {
    Progress.RESERVING: "We are asking the airline. {money}",
    Progress.CARD: "Your card is awaited. {money}",
    Progress.BANK: "Your bank is asking you to confirm the payment. {money}",
    Progress.TICKET: "The airline is issuing your ticket. {money}",
    Progress.DONE: "You are booked. {money}",
    Progress.HELD: "The airline holds your seats. {money}",
    Progress.STAFF: "Your seats are reserved; our team issues the tickets. {money}",
    Progress.UNDOING: "We are undoing the booking. {money}",
    Progress.CLOSED: "This booking is closed. {money}",
}


def _none(what: str) -> Problem:
    return Problem("not_found", f"We found no such {what}.", status=404, action="Check the address")


def booking_for(*, principal: str, reference: str) -> Booking:
    """The visitor's booking with this reference. Problem not_found for strangers, and for drafts."""
    wanted = references.normalise(reference[:40])
    found = (Booking.objects.exclude(status=Status.DRAFT).filter(access.visible_to(principal), reference=wanted)
             .select_related("offer").first()) if wanted else None
    if found is None:
        raise _none("booking")
    return found


def draft_for(*, principal: str, public_id: uuid.UUID | str) -> Booking:
    """The visitor's draft (or what became of it) by its public id. Problem not_found for strangers."""
    found = None
    with suppress(ValueError, ValidationError):
        found = (Booking.objects.filter(access.visible_to(principal), public_id=public_id)
                 .select_related("offer").first())
    if found is None:
        raise _none("draft")
    return found


def bookings_of(*, principal: str, after: str | None = None, limit: int = 20) -> list[Booking]:
    """The visitor's bookings, newest first, `limit` (100 at most) of them after the reference `after`; no drafts."""
    rows = Booking.objects.exclude(status=Status.DRAFT).filter(access.visible_to(principal))
    if after:
        last = rows.filter(reference=references.normalise(after[:40])).values_list("pk", flat=True).first()
        rows = rows.filter(pk__lt=last) if last else rows.none()
    return list(rows.select_related("offer").prefetch_related("orders").order_by("-pk")[:max(1, min(limit, 100))])


def search_for(*, principal: str, search_id: uuid.UUID | str) -> Search:
    """The visitor's search. Problem not_found for strangers: searches are never shared (reliability.md 5)."""
    found = _by_id(Search, search_id)
    if found is None or not access.owns(principal, found.principal):
        raise _none("search")
    return found


def offer_for(*, principal: str, offer_id: uuid.UUID | str) -> Offer:
    """An offer by its unguessable id. It holds nothing personal and its claim keeps it from being sold twice, so
    whoever was given the id may look at it and try to book it (reliability.md 5: "by another"). Problem not_found.
    """
    found = _by_id(Offer, offer_id)
    if found is None:
        raise _none("offer")
    return found


def offer_to_book(*, offer_id: uuid.UUID | str) -> tuple[Offer, datetime]:
    """The same with the database's time (UTC) in one query, and without the picture that the priced one replaces."""
    found = (Offer.objects.defer("searched").annotate(
        db_now=RawSQL("clock_timestamp()", (), output_field=DateTimeField())).filter(pk=offer_id).first())
    if found is None:
        raise _none("offer")
    return found, found.db_now.astimezone(UTC)


def _by_id(model: Any, key: uuid.UUID | str) -> Any:
    try:
        return model.objects.filter(pk=key).first()
    except (ValueError, ValidationError):
        return None


# --- the status of a booking on its way -------------------------------------------------------------------------


def status_of(*, principal: str, reference: str) -> dict[str, Any]:
    """Where a booking stands: two queries at most, and nothing is written. `retryAfter` is in seconds (None: final).

    Keys: bookingCreated, bookingPending, bookingReference, status, step, code, message, action, tip, retryAfter.
    """
    booking, now = _booking_and_time(principal, references.normalise(reference[:40]))
    status, progress = Status(booking.status), Progress(booking.progress)
    payment, refund = _money_rows(booking)
    said = messages.message_for(booking, payment, refund)
    sentence = messages.money_sentence(booking, payment, refund)
    pending = status not in _DONE and status not in CLOSED
    return {
        "success": True,
        "bookingCreated": status in _DONE,
        "bookingPending": pending,
        "bookingReference": booking.reference,
        "status": status.value,
        "step": progress.value,
        "code": said.code if said else "",
        "message": said.text if said else _SAID.get(progress, "{money}").format(money=sentence),
        "action": said.action if said else "",
        "tip": said.tip if said else "",
        "retryAfter": _pause(booking, now) if pending else None,
    }


def _booking_and_time(principal: str, reference: str) -> tuple[Booking, datetime]:
    """The booking's few columns and the database's clock. Plain SQL: the most frequent read of the site."""
    with connection.cursor() as cursor:
        cursor.execute(_STATUS, [reference, *access.keys_to(principal)])
        row = cursor.fetchone()
    if row is None:
        raise _none("booking")
    *values, now = row
    booking = Booking.from_db("default", _STATUS_FIELDS, [
        json.loads(value) if name == "closing_detail" else value
        for name, value in zip(_STATUS_FIELDS, values, strict=True)])
    return booking, now


def _money_rows(booking: Booking) -> tuple[Payment | None, Refund | None]:
    """The payment or refund that the sentence needs, one query; none while nothing has happened to the money."""
    if booking.money in (MoneyWord.REFUNDING, MoneyWord.REFUNDED):
        rows = list(Refund.objects.filter(payment__booking_id=booking.pk).select_related("payment").order_by("pk"))
        refund = messages.present_refund(rows)
        return (refund.payment if refund else None), refund
    if booking.money == MoneyWord.NONE and booking.progress != Progress.CARD:
        return None, None
    with connection.cursor() as cursor:
        cursor.execute(_PAYMENT, [booking.pk])
        row = cursor.fetchone()
    return (Payment.from_db("default", _PAYMENT_FIELDS, row) if row else None), None


def _pause(booking: Booking, now: datetime) -> int:
    """How long to wait before asking again: 2, 3, 5 s, and 15 s after a minute (ux.md 8)."""
    if booking.wished_at is None:
        return 2
    age = now - booking.wished_at
    for limit, pause in ((4, 2), (9, 3), (60, 5)):
        if age < timedelta(seconds=limit):
            return pause
    return 15
