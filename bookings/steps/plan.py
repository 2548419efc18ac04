"""What one step is: rows prepared before the call, the call itself, and what its answer means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bookings.facts import Story
from bookings.flow import Step, retry_after
from bookings.models import CallRecord, Diary, ExternalCall
from fly2any.kernel.errors import Outside, Refused, Unavailable
from fly2any.kernel.exchanges import Exchange

KEY_NOT_USED = frozenset({0, 401, 403, 409, 429})  # no answer, or one that the gateway does not store under the key
OK, REFUSED, UNAVAILABLE, UNKNOWN, NOT_DONE = "ok", "refused", "unavailable", "unknown", "not_done"


@dataclass(frozen=True)
class Asking:
    """A call ready to be made, as plain data: nothing in `run` touches the database."""

    step: Step
    subject: str
    run: Callable[[], Any]
    key: str = ""
    digest: str = ""


@dataclass
class Answer:
    """What came back. `value` is the adapter's answer when the outcome is ok."""

    asking: Asking
    outcome: str
    value: Any = None
    error: Outside | None = None
    milliseconds: int = 0
    call_id: int | None = None
    asked_at: datetime | None = None  # database time, UTC: a picture is as old as the question, not as the answer
    exchanges: list[Exchange] = field(default_factory=list)  # what went over the wire for it

    @property
    def code(self) -> str:
        """Our word for what went wrong, "" when nothing did."""
        return self.error.code if self.error else ""


    def records(self, booking_id: int, attempt: int, now: datetime) -> list[CallRecord]:
        """What went over the wire, as rows to write in the commit that settles this answer. `now`: UTC."""
        began = self.asked_at or now
        return [CallRecord(
            booking_id=booking_id, step=self.asking.step.value, subject=self.asking.subject, attempt=attempt,
            at=began + timedelta(milliseconds=heard.after_ms), vendor=heard.vendor, method=heard.method[:8],
            path=heard.path[:300], key=heard.key, request_id=heard.request_id, status=heard.status,
            milliseconds=heard.milliseconds, outcome=self.outcome, code=self.code[:60], sent=heard.sent, got=heard.got)
            for heard in self.exchanges]


def outcome_of(error: Outside) -> str:
    """Which of the three families an error belongs to."""
    if isinstance(error, Refused):
        return REFUSED
    return UNAVAILABLE if isinstance(error, Unavailable) else UNKNOWN


@dataclass
class Moment:
    """One settling of a booking: its story, the time, who acts, and the diary lines written with it."""

    story: Story
    now: datetime
    actor: str
    lines: list[Diary] = field(default_factory=list)
    seen_at: datetime = field(init=False)  # how old the picture being merged is; news since then is not in it

    def __post_init__(self) -> None:
        self.seen_at = self.now

    def note(self, event: str, subject: str = "", before: str = "", after: str = "", cause: str = "",
             request_id: str = "") -> None:
        """Add a diary line; it is written in the same commit as the facts."""
        self.lines.append(Diary(booking=self.story.booking, at=self.now, actor=self.actor, event=event,
                                subject=subject, before=before, after=after, cause=cause[:200],
                                request_id=request_id[:120]))

    def call(self, step: Step, subject: str) -> ExternalCall | None:
        """The deed's row."""
        return self.story.call(step, subject)

    def ink(self, asking: Asking) -> int:
        """Write down that we are about to ask (I2). The same deed keeps one row and counts its attempts."""
        row = self.call(asking.step, asking.subject)
        if row is None:
            row = ExternalCall(booking=self.story.booking, kind=asking.step.value, subject=asking.subject)
            self.story.calls[(row.kind, row.subject)] = row
        else:
            row.attempts += 1
        row.key, row.digest, row.asked_at = asking.key, asking.digest, self.now
        row.state, row.answered_at, row.retry_at = ExternalCall.State.INTENDED, None, None
        row.detail = {name: value for name, value in row.detail.items() if name != "status"}
        row.save()
        self.note("call.intended", asking.subject, after=asking.step.value, cause=asking.key)
        return row.pk

    def answered(self, answer: Answer) -> None:
        """Write the outcome into the deed's own row, with when it may be tried again."""
        row = self.call(answer.asking.step, answer.asking.subject)
        if row is None:
            if answer.outcome == OK:
                return  # a look that worked leaves no row
            row = ExternalCall(booking=self.story.booking, kind=answer.asking.step.value,
                               subject=answer.asking.subject, asked_at=self.now)
            self.story.calls[(row.kind, row.subject)] = row
        elif row.state == ExternalCall.State.MERGED and answer.call_id is None:
            if answer.outcome == OK and row.outcome == OK:
                return
            row.attempts = row.attempts + 1 if answer.outcome != OK else row.attempts
        self._write_outcome(row, answer)
        if answer.outcome != OK or answer.call_id is not None:
            self.note("call.answered", answer.asking.subject, before=answer.asking.step.value, after=answer.outcome,
                      cause=answer.code, request_id=row.vendor_request_id)

    def _write_outcome(self, row: ExternalCall, answer: Answer) -> None:
        row.state, row.outcome, row.code = ExternalCall.State.MERGED, answer.outcome, answer.code
        row.answered_at, row.milliseconds = self.now, answer.milliseconds
        row.vendor_code = answer.error.vendor_code[:80] if answer.error else ""
        row.vendor_request_id = answer.error.request_id[:120] if answer.error else ""
        if answer.outcome == OK:
            row.retry_at = row.first_failed_at = None
        else:
            row.first_failed_at = row.first_failed_at or self.now
            row.detail = {**row.detail, "status": answer.error.detail.get("status", 0) if answer.error else 0}
            patience = retry_after(row.attempts, f"{row.kind} {row.subject}")
            if answer.error and answer.error.retry_after:
                patience = max(timedelta(seconds=answer.error.retry_after), timedelta(seconds=1))
            row.retry_at = self.now + patience
        row.save()

    def not_done(self, step: Step, subject: str, *, wait: timedelta | None = None) -> None:
        """We looked: the deed was not done. It may be tried again later.

        Under a fresh key only when the gateway answered, for it repeats that answer under the old one. Without an
        answer the request may still be on its way, and only the old key keeps it from being done twice.
        """
        row = self.call(step, subject)
        if row is None:
            return
        row.outcome = REFUSED if row.outcome == REFUSED else NOT_DONE
        row.state = ExternalCall.State.MERGED
        if row.detail.get("status", 0) not in KEY_NOT_USED:
            row.detail = {**row.detail, "rekey": row.detail.get("rekey", 1) + 1}
        row.first_failed_at = row.first_failed_at or self.now
        patience = retry_after(row.attempts, f"{row.kind} {row.subject}")
        row.retry_at = self.now + (wait if wait is not None else patience)
        row.save()

    def done(self, step: Step, subject: str) -> None:
        """We looked: the deed was done after all."""
        row = self.call(step, subject)
        if row is not None and row.outcome != OK:
            row.outcome, row.state, row.code = OK, ExternalCall.State.MERGED, ""
            row.retry_at = row.first_failed_at = None
            row.save()

    def key_attempt(self, step: Step, subject: str) -> int:
        """Which key of this deed is due: a new one only after an answer, and a look that nothing was done."""
        row = self.call(step, subject)
        return int(row.detail.get("rekey", 1)) if row else 1
