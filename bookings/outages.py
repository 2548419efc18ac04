"""When an outage of a vendor ends, what has waited for it is tried again within minutes, not at its next hourly try.

Every answer that a driver settles counts (`note`), in the same commit and in one row for each vendor, so all processes
see the same. Five failures in a row are an outage (reliability.md 7); calls that change something have a row of their
own, for a vendor may still show what it can no longer do. The first good answer ends it. The sweeper then brings the
waits that grew meanwhile forward, spread over five minutes (`bring_forward`); a try that fails again waits as before.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from bookings.flow import Step
from bookings.models import Booking, ExternalCall, Outage
from payments import registry

IN_A_ROW = 5
SPREAD = timedelta(minutes=5)
LATE = timedelta(minutes=3)  # a call that began in the outage may end as long after it (time-outs are 130 s)
REMEMBERED = timedelta(hours=2)  # no wait that began in an outage is longer
BATCH = 500
SICK = ("supplier_down", "supplier_timeout", "gateway_down", "gateway_timeout", "unreadable_answer", "misconfigured",
        "provider_off")
BUSY = ("supplier_busy", "gateway_busy", "twin_running")  # says neither; their waits are as long as they asked for
MONEY = (Step.OPEN_PAYMENT, Step.LOOK_PAYMENT, Step.CAPTURE, Step.VOID, Step.SEND_REFUND, Step.LOOK_REFUND)
DEEDS = (Step.CREATE_ORDER, Step.PAY_ORDER, Step.CONFIRM_CANCEL, Step.ACCEPT_CHANGE, Step.OPEN_PAYMENT, Step.CAPTURE,
         Step.VOID, Step.SEND_REFUND)
_FAILED = f"""
INSERT INTO {Outage._meta.db_table} (vendor, failures, deed_failures) VALUES (%(vendor)s, 1, %(deed)s::int)
ON CONFLICT (vendor) DO UPDATE SET failures = {Outage._meta.db_table}.failures + 1,
    deed_failures = {Outage._meta.db_table}.deed_failures + %(deed)s::int"""  # noqa: S608
_ANSWERED = f"""
UPDATE {Outage._meta.db_table} SET
    over_at = CASE WHEN failures >= {IN_A_ROW} OR (%(deed)s AND deed_failures >= {IN_A_ROW}) THEN %(now)s
        ELSE over_at END,
    failures = 0, deed_failures = CASE WHEN %(deed)s THEN 0 ELSE deed_failures END
WHERE vendor = %(vendor)s AND (failures > 0 OR (%(deed)s AND deed_failures > 0))"""  # noqa: S608
# Rows that are being driven are left to their driver, and looked at again a minute later.
_FORWARD = f"""
WITH waiting AS (
    SELECT c.id, b.id AS booking, %(now)s + abs(hashint8(b.id) %% %(spread)s) * interval '1 second' AS again
    FROM {ExternalCall._meta.db_table} c JOIN {Booking._meta.db_table} b ON b.id = c.booking_id
    WHERE c.retry_at > %(soon)s AND c.answered_at <= %(over)s AND c.code = ANY(%(sick)s)
        AND CASE WHEN c.kind = ANY(%(money)s) THEN %(vendor)s = %(gateway)s ELSE b.supplier = %(vendor)s END
        AND b.due_at > %(now)s AND b.parked_at IS NULL
    LIMIT {BATCH} FOR NO KEY UPDATE OF b, c SKIP LOCKED),
tried AS (UPDATE {ExternalCall._meta.db_table} c SET retry_at = w.again FROM waiting w WHERE c.id = w.id)
UPDATE {Booking._meta.db_table} b SET wakes = wakes + 1, due_at = least(b.due_at, w.again)
FROM (SELECT DISTINCT booking, again FROM waiting) w WHERE b.id = w.booking"""  # noqa: S608


def heard(booking: Booking, step: Step, code: str, now: datetime) -> None:
    """Count the answer to a step of this booking, as `note`."""
    note(registry.gateway().name if step in MONEY else booking.supplier, code, now, deed=step in DEEDS)


def note(vendor: str, code: str, now: datetime, *, deed: bool = False) -> None:
    """Count one answer of a vendor: `code` is our word for what went wrong, "" for an answer that can be used.

    A plain no is a good answer. Call it last in a transaction: all who ask this vendor count in one row.
    """
    if code in BUSY:
        return
    with connection.cursor() as cursor:
        cursor.execute(_FAILED if code in SICK else _ANSWERED, {"vendor": vendor, "deed": deed, "now": now})


def bring_forward(now: datetime) -> int:
    """Bring forward what waits for a vendor that is well again. Returns how many bookings (`now`: database time, UTC).

    One query when no outage has ended in the last two hours; safe to run twice at once.
    """
    found = 0
    for vendor, over_at in Outage.objects.filter(over_at__gt=now - REMEMBERED).values_list("vendor", "over_at"):
        told: dict[str, Any] = {
            "vendor": vendor, "gateway": registry.gateway().name, "over": (over_at or now) + LATE, "now": now,
            "soon": now + SPREAD, "spread": int(SPREAD.total_seconds()), "sick": list(SICK), "money": list(MONEY)}
        moved = 1
        while moved:
            with connection.cursor() as cursor:
                cursor.execute(_FORWARD, told)
                moved = cursor.rowcount
            found += moved
    return found
