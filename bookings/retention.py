"""What is forgotten, and when (reliability.md 5, 8, 10). Amounts, references and the diary stay for ever."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from bookings import locks
from bookings.flow import Wish
from bookings.models import (
    AccessLink,
    Attempt,
    Booking,
    CallRecord,
    ChangeRequest,
    Diary,
    Idempotency,
    Outbox,
    Passenger,
    Share,
)
from bookings.status import CLOSED, MoneyWord, Status
from fly2any.kernel import faultpoints
from fly2any.kernel.errors import Problem
from payments.models import GatewayEvent
from suppliers.models import Offer, Search, SupplierEvent

BATCH = 200  # deleting an offer reads its row, pictures and all
FOUND = 20_000
IDEMPOTENCY = timedelta(days=7)
OFFERS = timedelta(days=7)
ATTEMPTS = timedelta(days=2)
SHARES = timedelta(days=30)  # after being taken back; an expired one goes at once
DOCUMENTS = timedelta(days=30)  # after the last flight
REQUESTS = timedelta(days=400)  # customers' own words and our answers, after the asking
DRAFTS = timedelta(hours=1)  # after the offer has expired: a fresh price of the same trip need not ask for names again
SIGN_INS = timedelta(days=30)  # who tried to sign in from where, for whoever looks into an attack
MAIL_ADDRESSES = timedelta(days=30)  # where a mail went when that is not the booking's contact
CALLS = timedelta(days=90)  # requests as they went over the wire; the deed itself stays (ExternalCall)
MAILS = timedelta(days=400)  # the text of a mail as sent, as long as a bank may ask what the customer was told
EVENTS = timedelta(days=90)  # messages without a booking; those of a booking stay with it
for _name in ("forgotten", "forget_draft", "erase"):
    faultpoints.register_commit(_name)
_SIGN_INS: tuple[Any, ...] = (AccessAttempt, AccessFailureLog, AccessLog)


def run(now: datetime) -> dict[str, int]:
    """Forget what is old at `now` (UTC), in small commits; returns how many rows of each. Safe to repeat or kill."""
    without_booking = {"booking": None, "received_at__lt": now - EVENTS}
    return {
        "idempotency": _delete(Idempotency.objects.filter(created_at__lt=now - IDEMPOTENCY)),
        "offers": _delete(Offer.objects.filter(~_booked(), created_at__lt=now - OFFERS)),
        "searches": _delete(Search.objects.filter(~Exists(Offer.objects.filter(search=OuterRef("pk"))),
                                                  created_at__lt=now - OFFERS)),
        "attempts": _delete(Attempt.objects.filter(slot__lt=now - ATTEMPTS)),
        "links": _delete(AccessLink.objects.filter(expires_at__lt=now)),
        "shares": _delete(Share.objects.filter(Q(expires_at__lt=now) | Q(revoked_at__lt=now - SHARES))),
        "documents": _blank_documents(now),
        "requests": _blank_requests(now),
        "drafts": forget_drafts(now),
        "mail_addresses": _blank_mail(now),
        "mail_texts": _blank_texts(now),
        "call_records": _delete(CallRecord.objects.filter(at__lt=now - CALLS)),
        "sign_ins": sum(_delete(rows.objects.filter(attempt_time__lt=now - SIGN_INS)) for rows in _SIGN_INS),
        "sessions": _delete(Session.objects.filter(expire_date__lt=now)),
        "gateway_events": _delete(GatewayEvent.objects.filter(**without_booking).exclude(fate="unmatched")),
        "supplier_events": _delete(SupplierEvent.objects.filter(**without_booking).exclude(fate="unmatched")),
    }


def _booked() -> Exists:
    return Exists(Booking.objects.filter(offer=OuterRef("pk")))


def _delete(rows: QuerySet) -> int:
    """Delete in batches, so that no lock is held for long."""
    gone = 0
    while ids := list(rows.order_by("pk").values_list("pk", flat=True)[:FOUND]):  # finding them may read a whole table
        for start in range(0, len(ids), BATCH):
            gone += len(ids[start:start + BATCH])
            faultpoints.passing("commit.forgotten.before")
            rows.model._default_manager.filter(pk__in=ids[start:start + BATCH]).delete()
            faultpoints.passing("commit.forgotten.after")
    return gone


def forget_drafts(now: datetime) -> int:
    """Erase everything personal in drafts that nobody booked, an hour after their offer expired; returns how many.

    Flights, choices and amounts stay. The sweeper runs this every few minutes. `now`: UTC.
    """
    old = Booking.objects.filter(wish=Wish.DRAFT, offer_expires_at__lt=now - DRAFTS).exclude(typed="", contact_email="")
    gone = 0
    while ids := list(old.order_by("offer_expires_at", "pk").values_list("pk", flat=True)[:BATCH]):
        for pk in ids:
            gone += _forget_draft(pk)
    return gone


def _forget_draft(pk: int) -> int:
    with transaction.atomic():
        fresh, _ = locks.booking_for_update(pk)
        if fresh.wish != Wish.DRAFT:  # booked while we looked
            return 0
        fresh.passengers.all().delete()
        fresh.typed = fresh.contact_email = fresh.contact_phone = fresh.trip_digest = fresh.again_for = ""
        fresh.save(update_fields=["typed", "contact_email", "contact_phone", "trip_digest", "again_for"])
        faultpoints.committing("forget_draft")
    return 1


def _blank_documents(now: datetime) -> int:
    """Travel documents of trips whose last flight landed 30 days ago; also of drafts that never became a trip."""
    kept = Passenger.objects.exclude(document="", numbers="")
    old = kept.filter(booking__arrives_at__lt=now - DOCUMENTS) | kept.filter(
        booking__wish="draft", booking__created_at__lt=now - DOCUMENTS) | kept.filter(
        booking__arrives_at=None, booking__created_at__lt=now - timedelta(days=400))
    gone = 0
    while ids := list(old.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        gone += Passenger.objects.filter(pk__in=ids).update(document="", numbers="")
    return gone


def _blank_mail(now: datetime) -> int:
    """Addresses of mails that went out, or never will; what was sent and when stays."""
    old = Outbox.objects.filter(~Q(to=""), created_at__lt=now - MAIL_ADDRESSES).exclude(sent_at=None, dropped="")
    gone = 0
    while ids := list(old.order_by("created_at", "pk").values_list("pk", flat=True)[:BATCH]):
        gone += Outbox.objects.filter(pk__in=ids).update(to="")
    return gone


def _blank_texts(now: datetime) -> int:
    """What mails said, long after they went out; their kind and when they were sent stay."""
    old = Outbox.objects.filter(~Q(text=""), created_at__lt=now - MAILS)
    gone = 0
    while ids := list(old.order_by("created_at", "pk").values_list("pk", flat=True)[:BATCH]):
        gone += Outbox.objects.filter(pk__in=ids).update(subject="", text="")
    return gone


def _blank_requests(now: datetime) -> int:
    """What customers wrote to us, and we to them, long ago; that it was asked and answered stays."""
    old = ChangeRequest.objects.filter(asked_at__lt=now - REQUESTS, answered_at__isnull=False).exclude(words="")
    return old.update(words="", answer="(erased)")


def forget_address(email: str) -> int:
    """Blank an address of somebody erased where no trip holds it: drafts, mails about no booking, tries to sign in.

    Safe to repeat or kill; returns how many rows. Trips have `erase`, the account `accounts.delete`.
    """
    drafts = Booking.objects.filter(wish=Wish.DRAFT, contact_email__iexact=email).order_by("pk")
    gone = sum(_forget_draft(pk) for pk in drafts.values_list("pk", flat=True))
    mails = Outbox.objects.filter(booking=None, to__iexact=email)
    gone += mails.filter(sent_at=None, dropped="").update(to="", dropped="the address was erased")
    gone += mails.update(to="")
    return gone + sum(_delete(rows.objects.filter(username__iexact=email)) for rows in _SIGN_INS)


def erase(booking_id: int, now: datetime) -> None:
    """Blank who travelled and how we reached them, of one finished trip; amounts, references and the diary stay.

    Raises Problem not_finished (409) while the trip lies ahead or money is still on its way.
    """
    with transaction.atomic(durable=True):
        fresh, clock = locks.booking_for_update(booking_id)
        landed = fresh.status == Status.CONFIRMED and fresh.arrives_at is not None and fresh.arrives_at < now
        if not (landed or fresh.status in CLOSED) or fresh.money == MoneyWord.REFUNDING:
            raise Problem("not_finished", "This trip is not finished, so nothing can be erased yet.", status=409)
        fresh.passengers.update(title="", gender="", given_name="", family_name="", born_on=None, age=None,
                                document="", numbers="", loyalty=[], digest="")
        for name in ("contact_email", "contact_phone", "trip_digest", "again_for", "typed"):
            setattr(fresh, name, "")
        fresh.closing_detail, fresh.changed_at = {}, clock
        fresh.acknowledgements = [{**tick, "address": ""} for tick in fresh.acknowledgements]
        fresh.save()
        fresh.requests.exclude(answer="").update(words="", answer="(erased)")
        fresh.orders.update(refusal_detail={}, travellers=[])
        fresh.outbox.update(to="", context={}, subject="", text="")
        fresh.outbox.filter(sent_at=None, dropped="").update(dropped="the booking was erased")
        for rows in (fresh.shares.all(), AccessLink.objects.filter(booking=fresh),
                     Idempotency.objects.filter(booking=fresh)):
            rows.delete()
        Diary.objects.create(booking=fresh, at=clock, actor="staff", event="booking.erased")
        faultpoints.committing("erase")
