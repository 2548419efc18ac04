"""Cases: what a person must look at. One open case per kind and subject; opening is idempotent."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser

from bookings import telling
from bookings.models import Booking, Case, Diary
from bookings.models.trail import Case as CaseRow

CRITICAL, HIGH, MEDIUM, LOW = (CaseRow.Severity.CRITICAL, CaseRow.Severity.HIGH, CaseRow.Severity.MEDIUM,
                               CaseRow.Severity.LOW)
logger = logging.getLogger("alerts")


@dataclass(frozen=True)
class Kind:
    """What a kind of case means: its alert name, how urgent, what happened in plain words, what to do."""

    title: str
    severity: CaseRow.Severity
    verdict: str
    advice: str


KINDS: dict[str, Kind] = {
    "unknown_outcome": Kind("UNKNOWN OUTCOME", HIGH, "The airline has not told us whether it made this order.",
                            "Wait: we keep looking. Nothing is sent again. Look again when the airline has answered."),
    "gave_up_unknown": Kind("UNKNOWN OUTCOME", CRITICAL, "No order appeared in time, so the card is released. "
                            "We watch 72 hours for a late ticket.", "Ask the airline with the request id."),
    "orphaned_booking": Kind("ORPHANED BOOKING", CRITICAL, "An airline order exists that no paid booking stands for.",
                             "Find the customer by the reference in the order, or cancel the order."),
    "orphaned_payment": Kind("ORPHANED PAYMENT", CRITICAL, "Stripe holds a payment that no row of ours stands for.",
                             "Find its booking by the metadata; void or refund it."),
    "charged_without_order": Kind("CHARGED WITHOUT ORDER", CRITICAL, "The card was charged and no airline order is "
                                  "live. The refund is queued.", "Check that the refund goes out; tell the customer."),
    "ticketed_unpaid": Kind("TICKETED UNPAID", CRITICAL, "The ticket is issued and the money could not be taken.",
                            "The customer is asked to pay again. Cancel inside the void window if they do not."),
    "compensation_failed": Kind("COMPENSATION FAILED", CRITICAL, "Undoing failed: a void, refund or cancellation "
                                "keeps being refused.", "Look again, then undo it with the airline or in Stripe."),
    "refund_failed": Kind("REFUND FAILED", HIGH, "The bank sent the refund back.", "Ask the customer for another way."),
    "refunded_but_live": Kind("REFUNDED BUT LIVE", CRITICAL, "Everything was refunded and the order is still live.",
                              "Cancel the order or collect the money again."),
    "dispute": Kind("DISPUTE", HIGH, "The customer's bank disputes the charge.", "Answer it in Stripe in time."),
    "ledgers_differ": Kind("LEDGERS DIFFER", HIGH, "Amount or currency differ between the three records.",
                           "Compare the columns and correct the wrong side."),
    "duplicate_order": Kind("DUPLICATE", CRITICAL, "More than one live order was made for this booking.",
                            "Cancel all but one."),
    "supplier_balance": Kind("SUPPLIER BALANCE", HIGH, "The supplier refused because our balance is too low.",
                             "Top up the balance; new instant tickets fail until then."),
    "parked": Kind("PARKED", HIGH, "The worker failed on this booking again and again and stopped.",
                   "Read the last error, then look again."),
    "recovery_stopped": Kind("RECOVERY STOPPED", CRITICAL, "The sweeper has been silent for 3 minutes.",
                             "Restart the sweeper process."),
    "unmatched_event": Kind("UNMATCHED EVENT", MEDIUM, "A message named an object that is not ours after 72 hours.",
                            "Look the object up at the supplier or in Stripe."),
    "mail_undelivered": Kind("MAIL UNDELIVERED", MEDIUM, "Mail has been waiting for more than 15 minutes.",
                             "Check the mail server."),
    "breaker_open": Kind("BREAKER OPEN", MEDIUM, "A supplier keeps failing; new bookings with it are stopped.",
                         "Check the supplier's status page."),
    "payment_unopened": Kind("PAYMENT NOT OPENED", HIGH, "Stripe has not let us open a payment for half an hour; the "
                             "customer cannot pay.", "Check Stripe's status and our key. We keep asking."),
    "invariant_broken": Kind("INVARIANT BROKEN", HIGH, "The nightly check found a promise of the house broken.",
                             "Read what was found, then compare the three records."),
    "change_requested": Kind("CHANGE REQUESTED", MEDIUM, "The customer asks us to change something.",
                             "Read their words, do it with the airline, then answer them here: the answer is mailed."),
    "change_unanswered": Kind("SCHEDULE CHANGE", MEDIUM, "The airline changed the flights and the customer has not "
                              "answered in time.", "Call the customer; the old flights may be gone."),
    "change_to_accept": Kind("SCHEDULE CHANGE", HIGH, "The customer accepted changed flights, and the airline does "
                             "not take the answer from us.", "Accept the change with the airline by hand."),
    "refund_due": Kind("REFUND DUE", HIGH, "The customer wants their money back for significantly changed flights.",
                       "Cancel the order with the airline for a full refund, at the latest on the legal date."),
    "webhook_backlog": Kind("WEBHOOK BACKLOG", MEDIUM, "Messages have waited for more than 5 minutes.",
                            "Check that the worker runs."),
}


def open_case(*, kind: str, subject: str, now: datetime, booking: Booking | None = None,
              facts: dict[str, Any] | None = None, deadline: datetime | None = None) -> Case | None:
    """Open a case unless one of this kind and subject is open. Returns the new case or None. Times UTC.

    `facts` must hold ids, states and amounts only: no personal data.
    """
    known = KINDS[kind]
    case = Case(kind=kind, subject=subject, booking=booking, severity=known.severity, verdict=known.verdict,
                facts=facts or {}, opened_at=now, alerted_at=now, deadline=deadline,
                money_minor=booking.accepted_minor if booking else None, currency=booking.currency if booking else "")
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


def close(case: Case, *, operator: AbstractBaseUser, because: str, now: datetime) -> bool:
    """Close an open case with a person's reason, once; the diary tells it. Call inside a transaction."""
    done = Case.objects.filter(pk=case.pk, closed_at=None).update(
        closed_at=now, closed_by=operator, closed_because=because)
    if done and case.booking_id:
        Diary.objects.create(booking_id=case.booking_id, at=now, actor=f"staff:{operator.pk}", event="case.handled",
                             subject=f"case:{case.pk}", before=case.kind, cause=because[:200])
    return bool(done)
