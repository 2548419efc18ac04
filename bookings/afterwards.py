"""What a customer may ask of us once a booking stands, and how a person of ours answers. No state moves from here."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from bookings import cases, locks, outbox, refund_clock
from bookings.flight_changes import differences
from bookings.flow import Wish
from bookings.models import Booking, Case, ChangeRequest, Diary
from bookings.status import CLOSED, Status
from bookings.wake import wake
from fly2any.kernel import faultpoints
from fly2any.kernel.cards import without_cards
from fly2any.kernel.errors import Problem
from suppliers.models import SupplierOrder
from suppliers.types import OrderState

SHORTEST, LONGEST = 10, 1000  # letters of a request
LONGEST_ANSWER = 2000
ANSWER_IN = timedelta(hours=24)
SOON, ANSWER_SOON = timedelta(hours=72), timedelta(hours=4)  # a trip that begins soon is answered first
Topic = ChangeRequest.Topic


def check_request(raw: Mapping[str, Any]) -> tuple[str, str]:
    """Topic and words of a request. Raises Problem validation_failed naming the wrong field."""
    topic, words = str(raw.get("topic") or ""), clean(str(raw.get("words") or ""))
    wrong = {}
    if topic not in Topic.values:
        wrong["topic"] = "Choose what you would like to change."
    if len(words) < SHORTEST:
        wrong["words"] = "Tell us in a sentence what you would like, such as the new date."
    elif len(words) > LONGEST:
        wrong["words"] = f"Please use at most {LONGEST} letters; these are {len(words)}."
    if wrong:
        raise Problem("validation_failed", "Some details need your attention.", status=422, action="Fix this",
                      field_errors=wrong)
    return topic, words


def clean(text: str) -> str:
    """Text that a person typed, without card numbers, control and direction marks (it could read as something else)."""
    kept = "".join(letter for letter in text.replace("\r\n", "\n")
                   if letter == "\n" or unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co"))
    return without_cards(kept.strip())


def ask(*, booking: Booking, topic: str, words: str, now: datetime) -> ChangeRequest:
    """Keep a customer's request, open its case and write to them; the same press again gives the first request back.

    Problem request_open while another one is open, not_changeable for a booking that has ended.
    """
    with transaction.atomic(durable=True):
        fresh, clock = locks.booking_for_update(booking.pk)
        waiting = fresh.requests.filter(answered_at=None).first()
        if waiting is not None and (waiting.topic, waiting.words) == (topic, words):
            return waiting
        if waiting is not None:
            raise Problem("request_open", "Your first request is still with us.", status=409, action="Open the booking",
                          tip="One request at a time. Answer our mail if you want to add something.")
        if fresh.status in (*CLOSED, Status.DRAFT, Status.CANCELLING):
            raise Problem("not_changeable", "This booking has ended, so nothing can be changed.", status=409,
                          action="Open the booking")
        made = ChangeRequest.objects.create(booking=fresh, topic=topic, words=words, asked_at=clock,
                                            answer_by=answer_by(clock, fresh.departs_at))
        cases.open_case(kind="change_requested", subject=f"request:{made.pk}", booking=fresh, now=clock,
                        deadline=made.answer_by, facts={"request": made.pk, "topic": topic})
        outbox.queue("change_received", fresh, clock, version=str(made.pk))
        _diary(fresh, clock, "request.made", f"request:{made.pk}", after=topic)
        faultpoints.committing("wish")
        return made


def answer_by(now: datetime, departs_at: datetime | None) -> datetime:
    """When we promise an answer: within 24 hours, within 4 when the trip begins in less than 3 days. UTC."""
    soon = departs_at is not None and departs_at - now < SOON
    return now + (ANSWER_SOON if soon else ANSWER_IN)


def request_of(case: Case) -> ChangeRequest | None:
    """The customer's request that a case is about, if it is about one."""
    word, _, key = case.subject.partition(":")
    return ChangeRequest.objects.filter(pk=int(key)).first() if word == "request" and key.isdecimal() else None


def answer_request(*, case: Case, words: str, operator: AbstractBaseUser, now: datetime) -> None:
    """Staff answer a request: the words go to the customer by mail and onto their page, and the case closes.

    Call inside a transaction that holds the booking's row. Problem unavailable, reason_missing, case_closed.
    """
    found = request_of(case)
    if found is None or case.booking is None:
        raise Problem("unavailable", "The customer has not asked us anything here.", status=409)
    words = clean(words)
    if not words:
        raise Problem("reason_missing", "Please write the answer.", status=422, action="Write the answer",
                      field_errors={"private_answer": "Please write the answer."})
    done = ChangeRequest.objects.filter(pk=found.pk, answered_at=None).update(
        answer=words, answered_at=now, answered_by=operator.pk)
    if not done or not cases.close(case, operator=operator, because="The customer was answered.", now=now):
        raise Problem("case_closed", "Somebody has answered this request already.", status=409)
    outbox.queue("change_answered", case.booking, now, version=str(found.pk))
    _diary(case.booking, now, "request.answered", f"request:{found.pk}", actor=f"staff:{operator.pk}")


# --- flights that the airline changed ---------------------------------------------------------------------------


def answer_change(*, booking: Booking, change_id: str, answer: str, now: datetime) -> Booking:
    """Keep the customer's answer to the airline's new flights, "accept" or "refund"; the driver acts on it.

    The first answer stands, however often is pressed. Problem change_gone when the airline has changed them again,
    refund_not_due when the change is not significant, already_cancelled.
    """
    with transaction.atomic(durable=True):
        fresh, clock = locks.booking_for_update(booking.pk)
        order = SupplierOrder.objects.filter(booking=fresh, state=OrderState.TICKETED).order_by("-pk").first()
        change = order.flight_change if order else {}
        if order is None or fresh.wish == Wish.CANCEL or fresh.closing:
            raise Problem("already_cancelled", "This booking is cancelled already.", status=409,
                          action="Open the booking")
        if not change or change["external_id"] != change_id:
            raise Problem("change_gone", "The airline has changed the flights again.", status=409,
                          action="Look at the new flights")
        if order.change_answer or change["taken"]:
            return fresh
        if answer == "refund" and not differences(change["before"], change["after"]).significant:
            raise Problem("refund_not_due", "This change gives no right to a refund; your fare's rules go on.",
                          status=422, action="See what a cancellation gives back")
        order.change_answer, order.change_answered_at = answer, clock
        order.save(update_fields=["change_answer", "change_answered_at"])
        if answer == "refund":
            cases.open_case(kind="refund_due", subject=f"booking:{fresh.pk}", booking=fresh, now=clock,
                            deadline=refund_clock.end_of(refund_clock.legal_date(clock)), facts={"change": change_id})
        cases.heal(kind="change_unanswered", subject=f"booking:{fresh.pk}", now=clock, because="the customer answered")
        _diary(fresh, clock, "flights.answer_given", f"order:{order.pk}", after=answer)
        wake(fresh.pk, clock)
        faultpoints.committing("wish")
        return fresh


def _diary(booking: Booking, now: datetime, event: str, subject: str, *, actor: str = "", after: str = "") -> None:
    who = actor or ("guest" if booking.user_id is None else f"user:{booking.user_id}")
    Diary.objects.create(booking=booking, at=now, actor=who, event=event, subject=subject, after=after)
