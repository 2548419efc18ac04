"""Cases: what a person must look at. One open case per kind and subject; opening is idempotent."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q

from bookings import telling
from bookings.models import Booking, Case, Diary
from bookings.models.trail import Case as CaseRow
from fly2any.kernel.money import Money

CRITICAL, HIGH, MEDIUM, LOW = (CaseRow.Severity.CRITICAL, CaseRow.Severity.HIGH, CaseRow.Severity.MEDIUM,
                               CaseRow.Severity.LOW)
logger = logging.getLogger("alerts")


@dataclass(frozen=True)
class Kind:
    """What a kind of case means: its alert name, how urgent, what happened in plain words, what to do.

    `severity` is where it begins (`detectors.severity` says how it moves). `action` names the one recommended entry of
    `desk.ACTIONS`. `code` is the mismatch of ux.md 12.2 ("" for kinds outside the twenty); `deadline` says where the
    date of such a case comes from ("" when it has none).
    """

    title: str
    severity: CaseRow.Severity
    verdict: str
    advice: str
    action: str = "look_again"
    code: str = ""
    deadline: str = ""


KINDS: dict[str, Kind] = {
    "charged_without_order": Kind(
        "CHARGED WITHOUT ORDER", CRITICAL, "The card was charged and no airline order is live. The refund is queued.",
        "Let the worker send the refund now, see that it goes out, and tell the customer.", "resume", "M1"),
    "reserved_idle": Kind(
        "RESERVED AND IDLE", HIGH, "The card is reserved, there is no airline order, and nobody has worked on this "
        "booking for ten minutes.", "Let the worker go on; release the card if it cannot.", "look_again", "M2",
        "8 hours after the card was reserved"),
    "ticketed_unpaid": Kind(
        "TICKETED UNPAID", CRITICAL, "The ticket is issued and the money could not be taken.",
        "The customer is asked to pay again. Cancel inside the void window if they do not.", "send_pay_link", "M3",
        "the end of the airline's void window"),
    "unknown_outcome": Kind(
        "UNKNOWN OUTCOME", HIGH, "The airline has not told us whether it made this order.",
        "Nothing is sent again. Where the airline lists its orders we keep looking: wait. Where it lists none, find "
        "the reservation by name and remark: attach it, or say that it was not made.", "look_again", "M4",
        "when we stop waiting for an answer; a reservation has cancelled itself by then"),
    "gave_up_unknown": Kind(
        "UNKNOWN OUTCOME", CRITICAL, "No order appeared in time, so the card is released. We watch 72 hours for a late "
        "ticket.", "Ask the airline with the request id.", "look_again", "M4", "72 hours after we gave up"),
    "orphaned_booking": Kind(
        "ORPHANED BOOKING", CRITICAL, "An airline order exists that no paid booking stands for.",
        "Find the customer by the reference in the order, or cancel the order.", "attach_order", "M5",
        "the end of the airline's void window"),
    "orphaned_payment": Kind(
        "ORPHANED PAYMENT", CRITICAL, "Stripe holds a payment that no row of ours stands for.",
        "Release or refund it in Stripe by the link of the case, then write here what you did.", "mark_handled", "M6"),
    "ledgers_differ": Kind(
        "LEDGERS DIFFER", HIGH, "Amount or currency differ between the three records.",
        "Compare the columns and correct the wrong side.", "look_again", "M7"),
    "duplicate_order": Kind(
        "DUPLICATE", CRITICAL, "More than one live order was made for this booking.",
        "Cancel the one the customer was not told of with the airline, not here: here it would be the customer's own.",
        "mark_handled", "M8", "the end of the airline's void window"),
    "duplicate_payment": Kind(
        "DUPLICATE", CRITICAL, "More than one payment of this booking is active.",
        "Look again: one may be released by now. Then void or refund all but one.", "look_again", "M8"),
    "refund_due": Kind(
        "REFUND DUE", HIGH, "Money is owed: the airline cancelled, or the customer wants it back for changed flights.",
        "See that all of it is sent back, at the latest on the legal date.", "refund", "M9",
        "the legal date, 7 business days after the money was due (14 CFR 260.2)"),
    "refunded_but_live": Kind(
        "REFUNDED BUT LIVE", CRITICAL, "Everything was refunded and the order is still live.",
        "Ask what a cancellation gives back, then cancel; or collect the money again.", "quote", "M10",
        "the departure"),
    "reserved_too_long": Kind(
        "RESERVED TOO LONG", HIGH, "The card has been reserved for more than 8 hours and no ticket was issued.",
        "Release the card, unless the ticket is there.", "void", "M11", "the day on which the bank lets the money go"),
    "ticketing_deadline": Kind(
        "TICKETING DEADLINE", MEDIUM, "Seats are reserved, and the tickets must be issued before the airline's "
        "deadline.", "Issue the tickets and enter their numbers.", "enter_tickets", "M12",
        "the airline's ticketing deadline"),
    "tickets_missing": Kind(
        "TICKET NUMBER MISSING", MEDIUM, "The tickets are issued, and a traveller has no ticket number.",
        "Ask the consolidator for the number and enter it; without it the traveller cannot fly.", "enter_tickets",
        "M12", "the departure"),
    "hold_ends": Kind(
        "HOLD ENDS", LOW, "The held fare ends within two hours and the customer has not paid.",
        "Nothing must be done; a friendly word may sell it.", "send_pay_link", "M13", "the end of the hold"),
    "change_unanswered": Kind(
        "SCHEDULE CHANGE", MEDIUM, "The airline changed the flights and the customer has not answered.",
        "Call the customer; the old flights may be gone.", "note", "M14", "the date we asked them to answer by, then "
        "the departure"),
    "change_to_accept": Kind(
        "SCHEDULE CHANGE", HIGH, "The customer accepted changed flights, and the airline does not take the answer from "
        "us.", "Accept the change with the airline by hand.", "look_again", "M14", "the departure"),
    "dispute": Kind(
        "DISPUTE", HIGH, "The customer's bank disputes the charge.", "Answer it in Stripe in time.", "note", "M15",
        "the last day for evidence"),
    "fraud_warning": Kind(
        "DISPUTE", HIGH, "The cardholder's bank suspects fraud; a dispute often follows.",
        "Find out whether the customer is who they say; cancel and refund before the bank disputes it.", "note", "M15"),
    "webhook_backlog": Kind(
        "WEBHOOK BACKLOG", MEDIUM, "Messages have waited for more than 5 minutes.", "Check that the worker runs.",
        "replay", "M16"),
    "unmatched_event": Kind(
        "UNMATCHED EVENT", MEDIUM, "A message named an object that is not ours after 72 hours.",
        "Look the object up at the supplier or in Stripe.", "replay", "M16"),
    "mail_undelivered": Kind(
        "MAIL UNDELIVERED", MEDIUM, "Mail has been waiting for more than 15 minutes, or could not be delivered.",
        "Check the mail server; send the mail again.", "resend_mail", "M17"),
    "supplier_balance": Kind(
        "SUPPLIER BALANCE", HIGH, "Our balance at the supplier is too low.",
        "Top up the balance; new instant tickets fail until then.", "pause_sales", "M18"),
    "parked": Kind(
        "PARKED", HIGH, "The worker failed on this booking again and again and stopped.",
        "Read the last error, then let the worker go on.", "resume", "M19"),
    "no_progress": Kind(
        "NO PROGRESS", HIGH, "Bookings that are due have not been worked on for 3 minutes.",
        "Check that worker and sweeper run and that the database answers.", "look_again", "M19"),
    "detector_failed": Kind(
        "DETECTOR FAILED", HIGH, "One of the detectors of mismatches fails, so its kind of case is not seen.",
        "Read its error in the log; the other detectors go on.", "note", "M19"),
    "recovery_stopped": Kind(
        "RECOVERY STOPPED", CRITICAL, "The sweeper has been silent for 3 minutes.", "Restart the sweeper process.",
        "note", "M19"),
    "refund_failed": Kind(
        "REFUND FAILED", HIGH, "The bank sent the refund back.", "Ask the customer for another way.", "refund", "M20",
        "the legal date, 7 business days after the money was due (14 CFR 260.2)"),
    "refund_pending": Kind(
        "REFUND PENDING", HIGH, "A refund was sent more than 10 days ago and has not arrived.",
        "Ask Stripe where it is; look again.", "look_again", "M20"),
    "compensation_failed": Kind(
        "COMPENSATION FAILED", CRITICAL, "Undoing failed: a void, refund or cancellation keeps being refused.",
        "Look again, then undo it with the airline or in Stripe. A refund that waits here goes out by itself: never "
        "give it in Stripe as well.", "look_again", "M20"),
    "refund_by_hand": Kind(
        "REFUND BY HAND", HIGH, "Money that was taken outside this site is owed to the customer, and no machine can "
        "send it.", "Give it back the way it was paid, then record it here: who did it, how, and the receipt.",
        "record_refund", "", "the legal date, 7 business days after the money was due (14 CFR 260.2)"),
    "cancel_by_hand": Kind(
        "CANCEL BY HAND", HIGH, "A reservation is to be cancelled, and the airline's interface cannot reach it: only "
        "its locator is known.", "Cancel it at the consolidator, then record that here.", "record_cancellation", "",
        "when the reservation cancels itself"),
    "tickets_void": Kind(
        "TICKETS VOID", HIGH, "The airline shows the tickets of a confirmed booking as void, and nobody cancelled it "
        "here.", "Ask the consolidator why. If the trip is cancelled, record what the customer gets back.",
        "record_cancellation"),
    "booking_failed_check": Kind(
        "FAILED, PERHAPS KEPT", MEDIUM, "The airline said no to this reservation and may have kept it all the same. No "
        "money is involved.", "Look at the consolidator by name and remark; cancel what is there.", "mark_handled"),
    "reservation_card_released": Kind(
        "PAY LINK ENDED", MEDIUM, "The card for this reservation is no longer waited for, or was released before the "
        "tickets were issued. Nothing was charged; the seats are still reserved.",
        "Send a new link when the tickets can be issued, or take the payment elsewhere and record it.",
        "send_pay_link"),
    "breaker_open": Kind(
        "BREAKER OPEN", MEDIUM, "A supplier keeps failing; new bookings with it are stopped.",
        "Check the supplier's status page.", "note"),
    "payment_unopened": Kind(
        "PAYMENT NOT OPENED", HIGH, "Stripe has not let us open a payment for half an hour; the customer cannot pay.",
        "Check Stripe's status and our key. We keep asking.", "look_again"),
    "invariant_broken": Kind(
        "INVARIANT BROKEN", HIGH, "The nightly check found a promise of the house broken.",
        "Read what was found, then compare the three records.", "look_again"),
    "change_requested": Kind(
        "CHANGE REQUESTED", MEDIUM, "The customer asks us to change something.",
        "Read their words, do it with the airline, then answer them here: the answer is mailed.", "answer_customer", "",
        "the answer we promised: 24 hours, 4 when the trip begins soon"),
}


def title_of(kind: str) -> str:
    """The name that staff know a kind of case by, also one that is kept from before and known no more."""
    return KINDS[kind].title if kind in KINDS else kind.replace("_", " ").upper()


def open_case(*, kind: str, subject: str, now: datetime, booking: Booking | None = None,
              facts: dict[str, Any] | None = None, deadline: datetime | None = None,
              severity: CaseRow.Severity | None = None, money: Money | None = None,
              seen_at: datetime | None = None) -> Case | None:
    """Open a case unless one of this kind and subject is open. Returns the new case or None. Times UTC.

    `facts` must hold ids, states and amounts only: no personal data. Without `severity` and `money` (at risk) the
    kind's own severity and what the customer agreed to pay. `seen_at`: when a detector saw it.
    """
    known = KINDS[kind]
    if money is None and booking is not None:
        money = Money(booking.accepted_minor, booking.currency)
    case = Case(kind=kind, subject=subject, booking=booking, severity=severity or known.severity, verdict=known.verdict,
                facts=facts or {}, opened_at=now, alerted_at=now, deadline=deadline, seen_at=seen_at,
                money_minor=money.minor if money else None, currency=money.currency if money else "")
    Case.objects.bulk_create([case], ignore_conflicts=True)
    stored = Case.objects.filter(kind=kind, subject=subject, closed_at=None, opened_at=now).first()
    if stored is None:
        return None
    stored.booking = booking
    alert(stored, now)
    return stored


def alert(case: Case, now: datetime, *, version: str = "1") -> None:
    """Say in the log that this case is open and, when it is critical or high, by mail and chat (once a `version`)."""
    known = KINDS[case.kind]
    logger.error("alert", extra={"alert": known.title, "kind": case.kind, "subject": case.subject,
                                 "reference": case.booking.reference if case.booking else ""})
    telling.tell(case, now, version=version)


def heal(*, kind: str, subject: str, now: datetime, because: str = "the records agree again") -> bool:
    """Close an open case of this kind and subject by itself. True when there was one."""
    return bool(Case.objects.filter(kind=kind, subject=subject, closed_at=None).update(
        closed_at=now, closed_because=because))


def heal_unseen(*, kinds: Iterable[str], subjects: Iterable[str], now: datetime,
                because: str = "the records agree again") -> int:
    """Close the open cases of these kinds whose subject begins with one of `subjects` and that were not seen at `now`.

    Call it after everything found at `now` was marked as seen then; cases opened at `now` or later are left alone.
    """
    named = Q()
    for word in subjects:
        named |= Q(subject__startswith=word)
    gone = Case.objects.filter(named, Q(seen_at=None) | Q(seen_at__lt=now), kind__in=list(kinds), closed_at=None,
                               opened_at__lt=now)
    return gone.update(closed_at=now, closed_because=because)


def close(case: Case, *, operator: AbstractBaseUser, because: str, now: datetime) -> bool:
    """Close an open case with a person's reason, once; the diary tells it. Call inside a transaction."""
    done = Case.objects.filter(pk=case.pk, closed_at=None).update(
        closed_at=now, closed_by=operator, closed_because=because)
    if done and case.booking_id:
        Diary.objects.create(booking_id=case.booking_id, at=now, actor=f"staff:{operator.pk}", event="case.handled",
                             subject=f"case:{case.pk}", before=case.kind, cause=because[:200])
    return bool(done)
