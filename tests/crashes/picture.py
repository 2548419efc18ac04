"""How a world stands, in one statement: what must be the same whether a fault happened or not."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection

# what never came to exist outside, or what something would have cost that is over, says nothing about where a booking stands
_BOOKING = """json_build_array(b.due_at IS NOT NULL, b.due_at IS NOT NULL AND b.due_at <= $1, b.wish, b.status, b.closing, b.money,
    b.progress, b.accepted_minor, b.parked_at IS NOT NULL,
    (SELECT json_agg(json_build_array(state, CASE WHEN state NOT IN ('cancelled', 'lapsed') THEN total_minor END, change_answer, quote_id <> '') ORDER BY id)
        FROM suppliers_supplierorder WHERE booking_id = b.id),
    (SELECT json_agg(json_build_array(state, captured_minor, refunded_minor, disputed) ORDER BY id)
        FROM payments_payment WHERE booking_id = b.id AND (external_id <> '' OR state <> 'voided')),
    (SELECT json_agg(json_build_array(split_part(r.cause, '~', 1), r.state, r.amount_minor) ORDER BY r.id)
        FROM payments_refund r JOIN payments_payment p ON p.id = r.payment_id WHERE p.booking_id = b.id))"""
_MAILS = "kind <> 'checking'"  # told while an answer is missing
_PARTS = {
    "bookings": ("bookings_booking b", _BOOKING, "b.wish <> 'draft'", "b.id"),
    "cases": ("bookings_case", "kind", "closed_at IS NULL", "kind"),
    "mails": ("bookings_outbox", "json_build_array(kind, channel, dropped)", _MAILS, "kind, channel, dropped"),
    "unsent": ("bookings_outbox", "kind", f"{_MAILS} AND sent_at IS NULL AND dropped = ''", "kind"),
    "deeds": ("bookings_staffaction", "json_build_array(verb, key)", "NOT starts_with(key, $2)", "verb, key"),
    "proposals": ("bookings_proposal", "json_build_array(verb, decision)", "true", "verb, decision"),
    "heard": ("payments_gatewayevent", "json_build_array(raw_kind, fate)", "true", "raw_kind, fate"),
    "told": ("suppliers_supplierevent", "json_build_array(raw_kind, fate)", "true", "raw_kind, fate"),
    "disputes": ("payments_dispute", "status", "true", "status"),
}
_STATEMENT = "PREPARE picture (timestamptz, text) AS SELECT " + ", ".join(
    f"(SELECT coalesce(json_agg({what} ORDER BY {order}), '[]') FROM {table} WHERE {where})"
    for table, what, where, order in _PARTS.values())
_prepared_on: Any = None


def taken(now: datetime, by_hand: str) -> dict[str, Any]:
    """Facts and deeds at `now` (UTC), without times and ids; deeds whose key begins with `by_hand` are left out."""
    global _prepared_on
    with connection.cursor() as cursor:
        if _prepared_on is None or _prepared_on is not connection.connection:
            cursor.execute(_STATEMENT)
            _prepared_on = connection.connection
        cursor.execute("EXECUTE picture (%s, %s)", [now, by_hand])
        return dict(zip(_PARTS, cursor.fetchone(), strict=True))
