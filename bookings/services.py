"""The verbs of the wish: validated, written down, committed, and the worker woken. Nothing is asked outside here."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Q

from bookings import limits, locks, outbox, twins
from bookings.facts import load
from bookings.flow import FRESH, HOLD_MARGIN, INSTANT_LAST, INSTANT_START, Route, Wish
from bookings.models import AccessLink, Booking, Diary
from bookings.selectors.bookings import money_back
from bookings.status import (
    CLOSED,
    FINAL,
    MoneyWord,
    Status,
    derive_money,
    derive_progress,
    derive_status,
    wants_consent,
)
from bookings.wake import hint_after_commit, wake
from fly2any.kernel import faultpoints
from fly2any.kernel.errors import Problem
from fly2any.kernel.money import Money
from payments.models import Payment
from payments.types import PaymentState
from suppliers import breaker, pause
from suppliers.models import Offer, OfferClaim, SupplierOrder
from suppliers.types import OfferInfo, OrderState

logger = logging.getLogger(__name__)
TICKS = {"dangerous_goods": "Tick that you have been shown the list of dangerous goods.",  # dot-rules.md 1: these two
         "names_and_terms": "Tick that the names match the travel documents and that you accept the terms."}
MAX_UNPAID_HOLDS = 3
TICKETING_MARGIN = timedelta(hours=6)  # an offer that our staff must ticket sooner than this is not sold
LOOK_EVERY = timedelta(seconds=5)
# what the verbs below may change, and what follows from it
WISHED = ("wish", "route", "chose_hold", "accepted_minor", "acknowledgements", "again_for", "typed",
          "agreed_refund_minor", "quote_wanted", "wished_at", "notice", "priced_minor", "priced_at", "status", "money",
          "progress", "changed_at", "due_at", "wakes", "parked_at", "attempts")
faultpoints.register_commit("wish")


@dataclass(frozen=True)
class Booked:
    """The booking that stands for the wish. `duplicate`: it was there already."""

    booking: Booking
    duplicate: bool = False


# --- booking ----------------------------------------------------------------------------------------------------


def book(*, booking: Booking, hold: bool, accepted_minor: int | None, acknowledgements: list[dict[str, Any]],
         again: bool, now: datetime, visitor: str = "", hold_first: bool = True) -> Booked:
    """The final *book* press: claim the offer, write the wish, wake the worker; one commit.

    `accepted_minor` is the total the customer saw (minor units): compared, never used. `again` confirms a trip of
    somebody who flies at the same time already; `visitor` is who asks (default: the draft's principal). Without
    `hold_first` a booking that is paid now reserves no seat before the card is good (limits.unpaid_seats). Raises
    Problem: draft_incomplete, price_changed, offer_expired, offer_taken, terms_not_accepted, hold_not_possible,
    too_many_holds, same_trip, supplier_down, sales_paused.
    """
    try:
        with transaction.atomic(durable=True):
            fresh, clock = locks.booking_for_update(booking.pk)
            if fresh.wish != Wish.DRAFT:
                return Booked(fresh, duplicate=True)
            _book(fresh, hold, accepted_minor, acknowledgements, again, clock, visitor or fresh.principal, hold_first)
        return Booked(fresh)
    except IntegrityError as error:
        if "offer_is_claimed_once" not in str(error):
            raise
    return claimed_by(offer=booking.offer, principal=booking.principal)


def book_at_once(*, build: Callable[[], Booking], offer: Offer, principal: str, hold: bool,
                 accepted_minor: int | None, acknowledgements: list[dict[str, Any]], again: bool,
                 now: datetime, hold_first: bool = True) -> Booked:
    """Draft and wish in one transaction; the same customer pressing twice gets the first booking back.

    `build` makes the complete draft; it runs inside the transaction, and nothing of it stays when booking fails.
    Raises what `book` raises.
    """
    if OfferClaim.objects.filter(supplier=offer.supplier, offer_key=f"offer:{offer.external_id}").exists():
        return claimed_by(offer=offer, principal=principal)
    try:
        with transaction.atomic(durable=True):
            booking = build()
            _book(booking, hold, accepted_minor, acknowledgements, again, now, principal, hold_first)
        return Booked(booking)
    except IntegrityError as error:
        if "offer_is_claimed_once" not in str(error):
            raise
    return claimed_by(offer=offer, principal=principal)


def claimed_by(*, offer: Offer, principal: str) -> Booked:
    """The booking of the same customer that claimed this offer; Problem offer_taken for anybody else (I12)."""
    claim = (OfferClaim.objects.select_related("booking")
             .filter(supplier=offer.supplier, offer_key__in=_claim_keys(offer))
             .order_by("pk").first())
    if claim is not None and claim.booking.principal == principal:
        return Booked(claim.booking, duplicate=True)
    raise Problem("offer_taken", "This offer is no longer available.", status=409, action="Search again",
                  tip="Fares are sold once; a fresh search shows what is left.")


def _claim_keys(offer: Offer) -> list[str]:
    """An offer is booked once, and of one offer request only one offer (duffel.md 0.5).

    A manual offer stands for itself: its supplier knows no offer requests, and its id is ours (reliability.md 5).
    """
    of_request = [f"request:{offer.request_id}"] if offer.request_id and not is_manual(offer) else []
    return [f"offer:{offer.external_id}", *of_request]


def _book(booking: Booking, hold: bool, accepted_minor: int | None, acknowledgements: list[dict[str, Any]],
          again: bool, now: datetime, visitor: str, hold_first: bool) -> None:
    pause.check(booking.supplier)
    offer = booking.offer
    total = booking.fare_minor + booking.services_minor + booking.fee_minor
    _check_ticks(acknowledgements)
    _check_price(booking, accepted_minor, total)
    extras = booking.selections.exists()
    info = offer.info
    share = hold_first and not hold and not info.manual and holdable(offer, extras=extras)
    route = _route(booking, offer, info, hold, share and _unpaid(booking) < MAX_UNPAID_HOLDS, extras, now)
    if info.manual and not hold_first:
        limits.throttled(limits.HOUR_SECONDS)  # seats that nobody has paid for, above the limit of the address
    # before the limits: the twin of a double press waits here and is told of the first, not of "the same trip"
    OfferClaim.objects.bulk_create([
        OfferClaim(supplier=booking.supplier, offer_key=key, booking=booking) for key in _claim_keys(offer)])
    _check_limits(booking, hold or info.manual, again, visitor)
    booking.wish = Wish.HOLD if hold else Wish.BOOK
    booking.route, booking.chose_hold, booking.accepted_minor = route, hold, total
    seen = offer.total_minor == booking.fare_minor  # another tab may have priced the offer since this draft was
    if seen and offer.priced_at and now - offer.priced_at < FRESH:  # then the worker need not ask again
        booking.priced_minor, booking.priced_at = total, offer.priced_at
    booking.acknowledgements, booking.wished_at, booking.typed = acknowledgements, now, ""
    _diary(booking, now, "wish.written", before=Wish.DRAFT, after=booking.wish, cause=route)
    _save(booking, now)
    outbox.on_wish(booking, now)


def _check_ticks(acknowledgements: list[dict[str, Any]]) -> None:
    given = {item.get("code") for item in acknowledgements}
    missing = {f"acknowledgements.{code}": text for code, text in TICKS.items() if code not in given}
    if missing:
        raise Problem("terms_not_accepted", "Two confirmations are needed before we can book.", status=422,
                      action="Tick both boxes", field_errors=missing)


def _check_price(booking: Booking, accepted_minor: int | None, total: int) -> None:
    if not booking.contact_email or not booking.passengers.exists():
        raise Problem("draft_incomplete", "The travellers' details are missing.", status=422,
                      action="Fill in the travellers", field_errors={"passengers": "Please fill in every traveller."})
    if accepted_minor is not None and accepted_minor != total:
        old, new = Money(accepted_minor, booking.currency), Money(total, booking.currency)
        raise Problem("price_changed", f"The total is {new}, not {old}.", status=409, action=f"Continue at {new}",
                      tip="Nothing was booked or charged.", extra={"total": new.as_json()})


def is_manual(offer: Offer) -> bool:
    """Whether our staff issue the tickets of this offer (reliability.md 2)."""
    return bool((offer.searched if offer.priced is None else offer.priced).get("manual"))


def holdable(offer: Offer, *, extras: bool) -> bool:
    """Whether the airline reserves this offer without payment: never with paid extras, unless our staff ticket it."""
    if is_manual(offer):
        return True
    return not extras and not (offer.searched if offer.priced is None else offer.priced)["instant_only"]


def _route(booking: Booking, offer: Offer, info: OfferInfo, hold: bool, hold_first: bool, extras: bool,
           now: datetime) -> Route:
    """The route of reliability.md 2; raises Problem when the wish has none."""
    instant = info.manual or not holdable(offer, extras=False)
    seats_first = settings.PAY_NOW_HOLD_FIRST and hold_first
    margin = INSTANT_LAST if (hold or seats_first) and not (instant or extras) else INSTANT_START
    late = info.manual and info.ticket_by is not None and now > info.ticket_by - TICKETING_MARGIN
    if late or now > booking.offer_expires_at - (INSTANT_LAST if info.manual else margin):
        raise Problem("offer_expired", "This fare is no longer available.", status=409, action="Check price again")
    if breaker.is_open(booking.supplier, "order"):
        raise Problem("supplier_down", "We can't reach this airline now.", status=503, action="Try again / Others",
                      headers={"Retry-After": "30"})
    if hold and (instant or extras):
        why = "The airline sells this fare only with payment at once." if instant else (
            "Extras cannot be held; remove them or pay now.")
        if info.manual:
            why = "Our team issues these tickets: the seats are reserved unpaid anyway, so there is nothing to hold."
        raise Problem("hold_not_possible", why, status=422, action="Book" if info.manual else "Pay now",
                      field_errors={"isHold": why})
    if info.manual:
        return Route.MANUAL
    if hold or (seats_first and not instant and not extras):
        return Route.HOLD_FIRST
    return Route.AUTH_FIRST


def _check_limits(booking: Booking, unpaid: bool, again: bool, visitor: str) -> None:
    _one_at_a_time(booking, unpaid, again)
    if unpaid and (held := _unpaid(booking)) >= MAX_UNPAID_HOLDS:
        raise Problem("too_many_holds", f"You already hold {held} bookings without payment.", status=409,
                      action="Pay or cancel one of them")
    if again:
        booking.again_for = booking.trip_digest
    if again or (booking.again_for and booking.again_for == booking.trip_digest):
        return
    twin = twins.flying_already(booking, visitor)
    if twin is not None:
        raise Problem("same_trip", "One of these travellers is already booked on a flight at the same time.",
                      status=409, action="Open the existing booking, or confirm that you want to book again",
                      extra={"existing": twin.reference})


def _one_at_a_time(booking: Booking, hold: bool, again: bool) -> None:
    """Of two presses at once, the second counts the first's hold, and sees its travellers in the air."""
    people = [] if again else [person.digest for person in booking.passengers.all() if person.digest]
    names = sorted({*people, *([booking.principal] if hold else [])})
    if names:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(name, 1)) FROM unnest(%s::text[]) name",
                           [names])


def _unpaid(booking: Booking) -> int:
    """How many bookings of this customer hold seats that nobody has paid for, the card being awaited included."""
    waiting = Q(chose_hold=True) | Q(route__in=[Route.HOLD_FIRST, Route.MANUAL], money=MoneyWord.NONE)
    return Booking.objects.filter(waiting, principal=booking.principal, wish__in=[Wish.HOLD, Wish.BOOK]).exclude(
        status__in=FINAL).count()


# --- afterwards -------------------------------------------------------------------------------------------------


def accept_price(*, booking: Booking, total_minor: int, now: datetime) -> Booking:
    """The customer agrees to the new, higher total (minor units). Problem price_changed when it moved again."""
    with transaction.atomic(durable=True):
        fresh, clock = locks.booking_for_update(booking.pk)
        asked = wants_consent(load(fresh).picture())
        if asked is None:
            return fresh
        if asked != total_minor:
            new = Money(asked, fresh.currency)
            raise Problem("price_changed", f"The price is now {new}.", status=409, action=f"Continue at {new}",
                          extra={"total": new.as_json()})
        _diary(fresh, clock, "price.accepted", before=str(fresh.accepted_minor), after=str(asked))
        fresh.accepted_minor = asked
        _save(fresh, clock)
        return fresh


def pay_later(*, booking: Booking, now: datetime) -> Booking:
    """A held booking shall now be paid. Problem not_held, past_pay_by, too_many_attempts."""
    with transaction.atomic(durable=True):
        fresh, clock = locks.booking_for_update(booking.pk)
        if fresh.wish == Wish.BOOK:
            return fresh
        order = SupplierOrder.objects.filter(booking=fresh, state=OrderState.HELD).first()
        if fresh.wish != Wish.HOLD or fresh.closing or order is None:
            raise Problem("not_held", "There is no held fare to pay for.", status=409, action="Open the booking")
        if order.pay_by and clock >= order.pay_by - HOLD_MARGIN:
            raise Problem("past_pay_by", "The airline's deadline for this fare has passed.", status=409,
                          action="Search again")
        if sum(Payment.objects.filter(booking=fresh).values_list("declines", flat=True)) >= 5:
            raise Problem("too_many_attempts", "Five attempts were declined, so we stopped.", status=409,
                          action="Contact us")
        fresh.wish, fresh.notice = Wish.BOOK, ""
        _diary(fresh, clock, "wish.written", before=Wish.HOLD, after=Wish.BOOK, cause="pay later")
        _save(fresh, clock)
        return fresh


def look_now(*, booking: Booking, now: datetime) -> None:
    """The browser says that the customer is back from the bank: look soon. At most one wake in 5 s."""
    with transaction.atomic(durable=True):
        fresh, clock = locks.booking_for_update(booking.pk)
        open_ones = Payment.objects.filter(booking=fresh).exclude(
            state__in=[PaymentState.VOIDED, PaymentState.CAPTURED])
        payment = open_ones.order_by("-pk").first()
        if payment is None or (payment.news_at and clock - payment.news_at < LOOK_EVERY):
            return
        wake(fresh.pk, clock)
        Payment.objects.filter(pk=payment.pk).update(news_at=clock)
        faultpoints.committing("wish")


def ask_quote(*, booking: Booking, now: datetime) -> Booking:
    """What would a cancellation give back? The worker asks the airline. Problem not_cancellable, throttled."""
    limits.pressed("quote", booking.pk, now)
    with transaction.atomic(durable=True):
        fresh, clock = locks.booking_for_update(booking.pk)
        ask_quote_locked(fresh, clock)
        return fresh


def ask_quote_locked(fresh: Booking, clock: datetime) -> None:
    """Want a fresh quote for a booking whose row is locked. `clock` UTC. Raises what `ask_quote` raises."""
    if fresh.wish == Wish.CANCEL or fresh.status in CLOSED:
        raise Problem("already_cancelled", "This booking is cancelled already.", status=409,
                      action="Open the booking")
    live = SupplierOrder.objects.filter(booking=fresh, state__in=[OrderState.HELD, OrderState.RESERVED,
                                                                  OrderState.TICKETED]).first()
    if live is None:
        raise Problem("not_cancellable", "There is no airline order to cancel yet.", status=409,
                      action="Watch status")
    _ticket_of_staff(fresh, live)
    by_hand = live.by_locator  # the airline cannot be asked; without a ticket it costs nothing
    live.quote_id, live.quoted_at = (live.external_id, clock) if by_hand else ("", None)
    live.save(update_fields=["quote_id", "quoted_at"])
    fresh.quote_wanted = not by_hand
    _save(fresh, clock)


def _ticket_of_staff(booking: Booking, order: SupplierOrder) -> None:
    """Problem not_cancellable for a ticket that our staff issued: the consolidator cancels it, by its own rules."""
    if booking.route == Route.MANUAL and order.state == OrderState.TICKETED:
        raise Problem("not_cancellable", "Our team cancels these tickets with the airline for you.", status=409,
                      action="Ask us to cancel")


def cancel(*, booking: Booking, refund_minor: int | None, now: datetime) -> Booking:
    """The customer confirmed the cancellation at the refund they were shown (minor units; None: not known).

    Without a ticket nothing is owed, so a quote is needed only for a ticketed order. Problem quote_missing,
    refund_changed, already_cancelled, not_cancellable (a ticket that our staff issued).
    """
    with transaction.atomic(durable=True):
        fresh, clock = locks.booking_for_update(booking.pk)
        if fresh.wish != Wish.CANCEL:
            cancel_locked(fresh, clock, refund_minor=refund_minor)
        return fresh


def cancel_locked(fresh: Booking, clock: datetime, *, refund_minor: int | None, actor: str = "") -> None:
    """Write the wish to cancel into a booking whose row is locked; `actor` when it is not the customer's own.

    `clock` is the database's (UTC). Raises what `cancel` raises.
    """
    if fresh.wish in (Wish.DRAFT, Wish.CANCEL) or fresh.status in CLOSED:
        raise Problem("already_cancelled", "There is nothing to cancel.", status=409, action="Open the booking")
    order = SupplierOrder.objects.filter(booking=fresh, state=OrderState.TICKETED).first()
    if order is not None:
        if fresh.closing:  # the ticket came after the booking had failed: what it may cost us is for staff to say
            raise Problem("already_cancelled", "This booking has ended already.", status=409, action="Open the booking")
        _ticket_of_staff(fresh, order)
        if not order.quote_id or (order.quote_expires_at and clock >= order.quote_expires_at):
            raise Problem("quote_missing", "The cancellation offer has expired.", status=409,
                          action="Ask for a new one")
        payment = Payment.objects.filter(booking=fresh).order_by("-pk").first()
        owed = money_back(order, payment)
        if refund_minor is not None and refund_minor != owed:
            raise Problem("refund_changed", "The refund has changed.", status=409, action="Look at the new offer")
        fresh.agreed_refund_minor = owed
        if payment is not None and payment.by_hand_minor != payment.by_hand_before_minor:
            payment.by_hand_before_minor = payment.by_hand_minor  # a present: what is agreed now comes on top of it
            payment.save(update_fields=["by_hand_before_minor"])
    _diary(fresh, clock, "wish.written", actor=actor, before=fresh.wish, after=Wish.CANCEL,
           cause=f"refund {fresh.agreed_refund_minor}")
    fresh.wish, fresh.quote_wanted = Wish.CANCEL, False
    _save(fresh, clock)


def change_contact(*, booking: Booking, email: str, phone: str, now: datetime) -> Booking:
    """Where we write and call. The airline keeps what it was told at booking. The address before is told of it.

    Problem throttled: each change mails the address before, which may be anybody's.
    """
    limits.pressed("contact", booking.pk, now)
    with transaction.atomic(durable=True):
        fresh, clock = locks.booking_for_update(booking.pk)
        change_contact_locked(fresh, clock, email=email, phone=phone)
        faultpoints.committing("wish")
        return fresh


def change_contact_locked(fresh: Booking, clock: datetime, *, email: str, phone: str, actor: str = "") -> None:
    """The same for a booking whose row is locked; `actor` when it is not the customer. `clock` UTC."""
    if fresh.contact_email and fresh.contact_email.casefold() != email.casefold():
        outbox.queue("contact_changed", fresh, clock, to=fresh.contact_email, version=clock.isoformat())
        AccessLink.objects.filter(booking=fresh).delete()  # who reads the mailbox before has no key any more
    fresh.contact_email, fresh.contact_phone, fresh.changed_at = email, phone, clock
    fresh.save(update_fields=["contact_email", "contact_phone", "changed_at"])
    _diary(fresh, clock, "contact.changed", actor=actor)


def wait_for(*, booking_id: int, seconds: float, until: Callable[[Booking], bool]) -> Booking:
    """Look again and again until `until` holds or the time is up; no database connection is held meanwhile."""
    deadline, pause = time.monotonic() + seconds, 0.05
    while True:
        booking = Booking.objects.get(pk=booking_id)
        if until(booking) or time.monotonic() >= deadline:
            return booking
        connection.close()
        time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
        pause = min(pause * 1.5, 0.5)


def _derived(booking: Booking) -> None:
    picture = load(booking).picture() if booking.status != Status.DRAFT else None
    if picture is None:
        booking.status = Status.PENDING
        return
    booking.status, booking.money = derive_status(picture), derive_money(picture)
    booking.progress = derive_progress(picture)


def _save(booking: Booking, now: datetime) -> None:
    """Save a changed wish with what follows from it, and wake the driver, in the present transaction."""
    _derived(booking)
    booking.changed_at = booking.due_at = now
    booking.wakes, booking.parked_at, booking.attempts = booking.wakes + 1, None, 0
    booking.save(update_fields=WISHED)
    hint_after_commit(booking.pk)
    faultpoints.committing("wish")


def _diary(booking: Booking, now: datetime, event: str, *, actor: str = "", before: str = "", after: str = "",
           cause: str = "") -> None:
    who = actor or ("guest" if booking.user_id is None else f"user:{booking.user_id}")
    Diary.objects.create(booking=booking, at=now, actor=who, event=event, before=before, after=after,
                         cause=cause[:200])
