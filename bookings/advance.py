"""The driver: take the booking, load the facts, decide, ink, commit, ask, write the answer, again (design.md 1)."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from bookings import cases, outages, outbox
from bookings.decide import decide
from bookings.facts import Story, load
from bookings.flow import LOCAL, Attention, Do, Facts, Rest, Step, Wait, retry_after
from bookings.locks import DriverLock, LostLock, booking_for_update, driver
from bookings.models import Booking, CallRecord, Diary, ExternalCall
from bookings.status import derive_money, derive_progress, derive_status
from bookings.steps import LOCAL_STEPS, STEPS, Answer, Asking, Moment, outcome_of, reserved
from bookings.undo import unreturned
from bookings.wake import wake
from fly2any.kernel import clock, exchanges, faultpoints
from fly2any.kernel.errors import Outside
from suppliers.types import OrderState

logger = logging.getLogger(__name__)
MAX_STEPS = 60  # one drive never asks more often than this; the sweep goes on where it stopped
MAX_ATTEMPTS = 10  # drives that end in an error before the booking is parked (reliability.md 6)
RESCUES = (1, 2, 3)  # seconds between the tries to save a bare outcome (reliability.md 4.4)
faultpoints.register_commit("settle")
faultpoints.register_commit("rescue")
faultpoints.register_commit("failure")


class Drive(StrEnum):
    """How a drive ended."""

    BUSY = "busy"
    SLEEPS = "sleeps"
    LOST = "lost"
    FAILED = "failed"


def advance(booking_id: int, *, actor: str = "worker") -> Drive:
    """Drive one booking as far as it goes. The only path on which anything outside is changed.

    Safe to call at any time, any number of times, from any process: one driver per booking, and what is decided
    depends on the facts alone. Errors of our own are counted, and after ten the booking is parked with a case.
    Whoever is woken while we hold the lock finds us busy and goes away, so once it is free we look for such news.
    """
    while True:
        end, seen = _advance_once(booking_id, actor)
        if end is not Drive.SLEEPS or not Booking.objects.filter(pk=booking_id).exclude(wakes=seen).exists():
            return end


def _advance_once(booking_id: int, actor: str) -> tuple[Drive, int]:
    """One drive under the lock: how it ended, and the wakes it knew of."""
    with driver(booking_id) as lock:
        if lock is None:
            return Drive.BUSY, 0
        try:
            return Drive.SLEEPS, _drive(booking_id, actor, lock)
        except (LostLock, OperationalError, InterfaceError):
            logger.warning("drive.lost", extra={"booking_id": booking_id}, exc_info=True)
            return Drive.LOST, 0  # still due: the next sweep goes on
        except Exception:
            logger.exception("drive.failed", extra={"booking_id": booking_id})
            _count_failure(booking_id)
            return Drive.FAILED, 0


def _drive(booking_id: int, actor: str, lock: DriverLock) -> int:
    """Settle and ask until there is nothing to ask; returns the booking's `wakes` as last seen."""
    answer: Answer | None = None
    story: Story | None = None
    for _ in range(MAX_STEPS):
        try:
            lock.check()
            story, asking, call_id, now = _settle(booking_id, actor, answer, story)
        except (OperationalError, InterfaceError, LostLock):
            if answer is not None:
                _rescue(booking_id, answer)
            raise
        if asking is None:
            return story.booking.wakes
        answer = _ask(asking, call_id, now)
    return story.booking.wakes if story else 0


def _settle(booking_id: int, actor: str, answer: Answer | None,
            story: Story | None) -> tuple[Story, Asking | None, int | None, datetime]:
    """One commit: merge the answer, decide, then ink the next call or go to sleep."""
    with transaction.atomic(durable=True):
        booking, now = booking_for_update(booking_id)
        story = _fresh(story, booking)
        moment = Moment(story=story, now=now, actor=actor)
        before, row = (booking.status, booking.progress), _values(booking)
        if answer is not None:
            _merge(moment, answer)
            _record(moment, answer)
        asking, call_id = _decide(moment)
        _derive(moment, before)
        if answer is not None and answer.outcome == "ok":
            booking.attempts = 0
        changed = [name for name, value in _values(booking).items() if value != row[name]]
        if moment.lines or changed:
            booking.settled_at = booking.changed_at = now
            booking.save(update_fields=[*changed, "settled_at", "changed_at"])
            Diary.objects.bulk_create(moment.lines)
        if answer is not None:
            outages.heard(booking, answer.asking.step, answer.code, now)
        faultpoints.passing("commit.settle.before")
    faultpoints.passing("commit.settle.after")
    if answer is not None:
        faultpoints.passing(f"call.{answer.asking.step.value}.after")
    return story, asking, call_id, now


def _values(booking: Booking) -> dict[str, object]:
    """The row as it stands, to see what changed."""
    return {field.name: getattr(booking, field.attname) for field in booking._meta.concrete_fields}


def _fresh(story: Story | None, booking: Booking) -> Story:
    """The facts we hold, unless there is news: whatever changes them from outside also raises `wakes`."""
    if story is None or story.booking.wakes != booking.wakes:
        return load(booking)
    story.booking = booking
    return story


def _merge(moment: Moment, answer: Answer) -> None:
    moment.seen_at = answer.asked_at or moment.now
    moment.answered(answer)
    STEPS[answer.asking.step].merge(moment, answer)


def _record(moment: Moment, answer: Answer) -> None:
    """Keep what went over the wire, in the same commit as what it meant (I8)."""
    deed = moment.call(answer.asking.step, answer.asking.subject)
    CallRecord.objects.bulk_create(
        answer.records(moment.story.booking.pk, deed.attempts if deed else 1, moment.now))


def _decide(moment: Moment) -> tuple[Asking | None, int | None]:
    """Ask `decide` until it names a call or a rest; local steps and cases are done on the way."""
    story, booking = moment.story, moment.story.booking
    _merge_rescued(moment)
    for _ in range(20):
        decision = decide(story.picture(), moment.now)
        match decision:
            case Do(step, value) if step in LOCAL:
                LOCAL_STEPS[step](moment, value)
            case Do(step, value):
                spec = STEPS[step]
                asking = spec.ask(moment, value)
                if booking.due_at is None or booking.due_at > moment.now:
                    booking.due_at = moment.now  # if we die now, the next sweep goes on
                return asking, moment.ink(asking) if spec.inked else None
            case Attention(kind):
                cases.open_case(kind=kind, subject=f"booking:{booking.pk}", booking=booking, now=moment.now)
                story.cases.add(kind)
                moment.note("case.opened", after=kind)
            case Wait(until):
                booking.due_at = max(until, moment.now + timedelta(seconds=1))
                return None, None
            case Rest():
                booking.due_at = None
                return None, None
    raise RuntimeError("decide does not come to an end")


def _merge_rescued(moment: Moment) -> None:
    """Merge bare outcomes that a driver saved after it had lost its connection."""
    for row in list(moment.story.calls.values()):
        if row.state != ExternalCall.State.ANSWERED:
            continue
        row.state = ExternalCall.State.MERGED
        row.save(update_fields=["state"])
        order, payment = moment.story.order, moment.story.payment
        if row.external_id and row.kind == Step.CREATE_ORDER and order and row.subject == f"order:{order.pk}":
            if order.state == OrderState.NOT_CREATED:  # others have given it up meanwhile: adopted, and then cancelled
                order.attach_id = order.attach_id or row.external_id
            else:
                order.external_id = order.external_id or row.external_id
            order.save(update_fields=["external_id", "attach_id"])
        elif row.external_id and row.kind == Step.OPEN_PAYMENT and payment and row.subject == f"payment:{payment.pk}":
            payment.external_id = payment.external_id or row.external_id
            payment.save(update_fields=["external_id"])
        moment.note("call.rescued", row.subject, after=row.outcome)


def _derive(moment: Moment, before: tuple[str, str]) -> None:
    """Status, progress and money word follow from the facts; changes are told in the diary and by mail."""
    booking, picture = moment.story.booking, moment.story.picture()
    booking.status, booking.money = derive_status(picture), derive_money(picture)
    booking.progress = derive_progress(picture)
    if booking.status != before[0]:
        moment.note("status.changed", before=before[0], after=booking.status, cause=booking.closing)
    if before != (booking.status, booking.progress):
        outbox.on_change(booking, before, moment.now)
    for refund in moment.story.refunds:
        if refund.state == "succeeded":
            outbox.queue("refund_sent", booking, moment.now, version=str(refund.pk))
            if "refund_due" in moment.story.cases and _all_back(picture):
                cases.heal(kind="refund_due", subject=f"booking:{booking.pk}", now=moment.now, because="refunded")
    reserved.heal(moment, picture)
    if "refund_failed" in moment.story.cases and not _comes_back(picture):
        cases.heal(kind="refund_failed", subject=f"booking:{booking.pk}", now=moment.now, because="sent again")
    asks_again = picture.payment is not None and picture.payment.state == "open"  # not while a card is still reserved
    if "ticketed_unpaid" in moment.story.cases and booking.status == "PENDING_PAYMENT" and asks_again:
        outbox.queue("pay_needed", booking, moment.now)


def _all_back(f: Facts) -> bool:
    """Whether the customer has what the ticket cost; our own fee aside."""
    p, o = f.payment, f.order
    return p is not None and o is not None and p.refunded_minor >= min(o.cost_minor, p.captured_minor) > 0


def _comes_back(f: Facts) -> bool:
    """Whether a refund failed that nobody has sent again, or is on its way again."""
    return bool(unreturned(f.refunds)) or any(r.state in ("requested", "sent") for r in f.refunds)


def _ask(asking: Asking, call_id: int | None, asked_at: datetime) -> Answer:
    """Make the call, outside any transaction. Every way it can end is one of four outcomes."""
    name = asking.step.value
    faultpoints.passing(f"call.{name}.before")
    started = time.monotonic()
    answer = Answer(asking, "ok", call_id=call_id, asked_at=asked_at)
    try:
        with exchanges.listening() as answer.exchanges:
            answer.value = asking.run()
    except Outside as error:
        answer.outcome, answer.error = outcome_of(error), error
    answer.milliseconds = int((time.monotonic() - started) * 1000)
    faultpoints.passing(f"call.{name}.answered")
    return answer


def _rescue(booking_id: int, answer: Answer) -> None:
    """Save the bare outcome over a new connection, into the call's own row only; the next driver merges it."""
    if answer.call_id is None:
        return
    found = getattr(answer.value, "external_id", "") or ""
    for pause in (*RESCUES, 0):
        try:
            connection.close()
            with transaction.atomic(durable=True):
                mine = ExternalCall.objects.filter(pk=answer.call_id, state=ExternalCall.State.INTENDED)
                attempts = list(mine.values_list("attempts", flat=True))
                if mine.update(state=ExternalCall.State.ANSWERED, outcome=answer.outcome, code=answer.code,
                               external_id=found, milliseconds=answer.milliseconds) and answer.asked_at:
                    CallRecord.objects.bulk_create(answer.records(booking_id, attempts[0], answer.asked_at))
                    wake(booking_id, clock.now())  # whoever drove on meanwhile took it for unknown
                faultpoints.passing("commit.rescue.before")
            faultpoints.passing("commit.rescue.after")
        except DatabaseError:
            time.sleep(pause)
        else:
            return
    logger.error("outcome.unsaved", extra={"call_id": answer.call_id, "outcome": answer.outcome})


def _count_failure(booking_id: int) -> None:
    """A bug counts as an attempt, is heard, and ends as a case, never as a loop."""
    try:
        with transaction.atomic(durable=True):
            booking, now = booking_for_update(booking_id)
            booking.attempts += 1
            booking.due_at = now + retry_after(booking.attempts, f"booking:{booking.pk}")
            if booking.attempts >= MAX_ATTEMPTS:
                booking.parked_at = now
                cases.open_case(kind="parked", subject=f"booking:{booking.pk}", booking=booking, now=now)
            booking.save(update_fields=["attempts", "due_at", "parked_at"])
            faultpoints.committing("failure")
    except DatabaseError:
        logger.exception("failure.uncounted", extra={"booking_id": booking_id})

