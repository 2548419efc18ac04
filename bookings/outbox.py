"""Which mails a change of facts calls for: rows written in the same commit, sent later by `mail`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from bookings.models import Booking, Case, Outbox
from bookings.status import Progress, Status
from bookings.wake import hint_mail

REMINDERS = {"hold_reminder_24": timedelta(hours=24), "hold_reminder_2": timedelta(hours=2)}
_BY_STATUS = {
    Status.CONFIRMED: "confirmed",
    Status.HOLD: "hold_created",
    Status.PENDING_TICKETING: "reserved",
    Status.FAILED: "not_booked",
    Status.EXPIRED: "expired",
    Status.CANCELLED: "cancelled",
}


def queue(kind: str, booking: Booking | None, now: datetime, *, version: str = "1", due_at: datetime | None = None,
          to: str = "", case: Case | None = None, context: dict[str, Any] | None = None,
          channel: str = Outbox.Channel.MAIL) -> None:
    """Queue one mail; the same (kind, booking, case, version, channel) is queued once for ever. Times UTC."""
    Outbox.objects.bulk_create(
        [Outbox(kind=kind, booking=booking, case=case, version=version, to=to, channel=channel,
                context=context or {},
                due_at=due_at or now, created_at=now)],
        ignore_conflicts=True,
    )
    hint_mail()


RECEIVED_AFTER = timedelta(minutes=2)  # most bookings have said more by then


def on_wish(booking: Booking, now: datetime) -> None:
    """A booking was wished: if nothing more can be said in two minutes, say that it is written down."""
    queue("received", booking, now, due_at=now + RECEIVED_AFTER)


def again(booking: Booking, key: str, now: datetime) -> str:
    """Queue once more the mail of the booking's present status, once for `key`; returns its kind, "" for none."""
    kind = _BY_STATUS.get(Status(booking.status), "")
    if kind:
        queue(kind, booking, now, version=f"again-{key}"[:40])
    return kind


def repeat(row: Outbox, now: datetime) -> None:
    """Queue a mail of a booking once more, the same about the same, to the booking's present contact."""
    times = Outbox.objects.filter(booking=row.booking, kind=row.kind, version__contains="~").count() + 1
    mark = f"~{times}"
    queue(row.kind, row.booking, now, version=f"{row.first_version[-(40 - len(mark)):]}{mark}")


def on_change(booking: Booking, before: tuple[str, str], now: datetime) -> None:
    """Queue what the change from `before` (status, progress) to the booking's present state calls for."""
    status, progress = Status(booking.status), Progress(booking.progress)
    if booking.closing == "airline_cancelled" and status in (Status.CANCELLING, Status.CANCELLED):
        queue("airline_cancelled", booking, now)  # at once, and once: the right to the money back comes first
    elif status != before[0] and status in _BY_STATUS and booking.closing != "airline_cancelled":
        queue("schedule_changed" if booking.closing == "schedule_changed" else _BY_STATUS[status], booking, now)
        if status is Status.HOLD and booking.pay_by:
            for kind, early in REMINDERS.items():
                if booking.pay_by - early > now:
                    queue(kind, booking, now, due_at=booking.pay_by - early)
    if progress != before[1]:
        if progress is Progress.CHECKING:
            queue("checking", booking, now)
        elif progress is Progress.CONSENT:
            queue("price_changed", booking, now, version=str(booking.priced_minor or booking.wakes))
