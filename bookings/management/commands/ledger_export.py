"""`manage.py ledger_export`: our books as JSON lines, to hold against the airline's and Stripe's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

BATCH = 1000
# one statement per 1,000 bookings, so that a booking's rows are all seen at the same instant
_LINES = """
SELECT b.id, jsonb_build_object(
    'reference', b.reference, 'status', b.status,
    'case', (SELECT c.kind FROM bookings_case c WHERE c.booking_id = b.id AND c.closed_at IS NULL
             ORDER BY c.severity, c.opened_at, c.id LIMIT 1),
    'supplier', b.supplier, 'currency', b.currency, 'agreed_amount_minor', b.accepted_minor,
    'fee_minor', b.fee_minor,
    'retained_minor', (SELECT coalesce(sum(p.captured_minor - p.refunded_minor), 0)::bigint
                       FROM payments_payment p WHERE p.booking_id = b.id),
    'orders', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', o.external_id, 'state', o.state) ORDER BY o.id),
                               '[]'::jsonb) FROM suppliers_supplierorder o WHERE o.booking_id = b.id),
    'payments', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                     'id', p.external_id, 'state', p.state, 'captured_minor', p.captured_minor,
                     'refunded_minor', p.refunded_minor, 'by_hand_minor', (
                         SELECT coalesce(sum(r.amount_minor), 0)::bigint FROM payments_refund r
                         WHERE r.payment_id = p.id AND r.state = 'succeeded' AND r.external_id LIKE 'desk:%%'))
                     ORDER BY p.id), '[]'::jsonb)
                 FROM payments_payment p WHERE p.booking_id = b.id))::text
FROM bookings_booking b WHERE b.id > %s AND b.wish <> 'draft' ORDER BY b.id LIMIT %s
"""
KEYS = ("reference", "status", "case", "supplier", "agreed_amount_minor", "retained_minor", "orders", "payments",
        "currency", "fee_minor")


def lines() -> Iterator[dict[str, Any]]:
    """One dictionary per booking that was wished, oldest first; amounts in minor units of its currency."""
    after = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_LINES, [after, BATCH])
            rows = cursor.fetchall()
        for _, text in rows:
            found = json.loads(text)
            yield {key: found[key] for key in KEYS}
        if len(rows) < BATCH:
            return
        after = rows[-1][0]


class Command(BaseCommand):
    """Print one JSON line per booking."""

    help = "One line of JSON per booking: status, agreed and retained amounts, orders and payments."

    def handle(self, *args: Any, **options: Any) -> None:
        """Stream; at no time more than 1,000 bookings are in memory."""
        for line in lines():
            self.stdout.write(json.dumps(line, separators=(", ", ": ")))
