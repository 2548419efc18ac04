"""The detectors on a full database: every query finds its rows by an index, and never reads a whole big table.

`GUARD_ROWS=1000000 pytest tests/detectors/test_scale.py -s` is the run at size (docs/mismatches.md has its figures).
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator

import pytest
from django.db import connection

from bookings import detectors
from bookings.models import Booking, Case, ExternalCall, Outbox
from payments.models import Payment, Refund
from suppliers.models import SupplierOrder
from tests.console import rows
from tests.console.rows import NOW
from tests.detectors.broken import M
from tests.guard.test_scale import copied, plans

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = int(os.environ.get("GUARD_ROWS", "10000"))
BIG = ("bookings_booking", "suppliers_supplierorder", "payments_payment", "payments_refund", "bookings_outbox",
       "bookings_externalcall", "bookings_case")

# partial indexes that hold the few rows a detector wants, and no others: walking one of them whole is the point
SMALL = {"payment_without_order", "payment_reserved", "payment_disputed", "refund_not_done", "booking_parked",
         "outbox_undeliverable", "mail_due", "order_in_doubt", "order_lost", "order_change_open", "order_held",
         "order_to_ticket", "order_watched", "case_queue", "booking_due"}


@pytest.fixture
def full() -> Iterator[int]:
    """Confirmed bookings of a hundred days; one in twenty cancelled and refunded, one in ten expired."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
    mine = rows.confirmed()
    order, payment = SupplierOrder.objects.get(booking=mine), Payment.objects.get(booking=mine)
    rows.refund(payment, 50_000)
    Payment.objects.update(refunded_minor=0)
    ExternalCall.objects.exclude(kind="create_order").delete()
    Outbox.objects.create(kind="confirmed", booking=mine, due_at=NOW, sent_at=NOW, created_at=NOW, version="0")
    ago = f"- n * (interval '100 days' / {ROWS})"
    dates = {name: f"t.{name} {ago}" for name in ("created_at", "settled_at", "changed_at", "departs_at")}
    copied("bookings_booking", Booking, ROWS, public_id="gen_random_uuid()", reference="'N' || n", **dates,
           status="CASE WHEN n % 20 = 0 THEN 'CANCELLED' WHEN n % 10 = 1 THEN 'EXPIRED' ELSE t.status END",
           wish="CASE WHEN n % 20 = 0 THEN 'cancel' ELSE t.wish END",
           closing="CASE WHEN n % 10 = 1 THEN 'hold_lapsed' ELSE '' END")
    of = f"(SELECT min(id) FROM bookings_booking WHERE id > {mine.pk}) + n - 1"
    copied("suppliers_supplierorder", SupplierOrder, ROWS, booking_id=of, external_id="'ord_s' || n",
           offer_external_id="'off_s' || n", pnr="'P' || n", asked_at=f"t.asked_at {ago}",
           ticketed_at=f"CASE WHEN n % 10 = 1 THEN NULL ELSE t.ticketed_at {ago} END", created_at=f"t.created_at {ago}",
           cancelled_at=f"CASE WHEN n % 20 = 0 THEN t.asked_at {ago} END",
           state="CASE WHEN n % 20 = 0 THEN 'cancelled' WHEN n % 10 = 1 THEN 'lapsed' ELSE t.state END")
    first = f"(SELECT min(id) FROM suppliers_supplierorder WHERE id > {order.pk})"
    copied("payments_payment", Payment, ROWS, booking_id=of, external_id="'pi_s' || n", asked_at=f"t.asked_at {ago}",
           looked_at=f"t.looked_at {ago}",
           order_id=f"CASE WHEN n % 10 = 1 THEN NULL ELSE {first} + n - 1 END",
           captured_at=f"CASE WHEN n % 10 = 1 THEN NULL ELSE t.captured_at {ago} END",
           captured_minor="CASE WHEN n % 10 = 1 THEN 0 ELSE t.captured_minor END",
           refunded_minor="CASE WHEN n % 20 = 0 THEN t.captured_minor ELSE 0 END",
           state="CASE WHEN n % 10 = 1 THEN 'voided' ELSE t.state END")
    paid = f"(SELECT min(id) FROM payments_payment WHERE id > {payment.pk})"
    copied("payments_refund", Refund, ROWS // 20, payment_id=f"{paid} + n * 20 - 1", external_id="'re_s' || n",
           **{name: f"t.{name} - 20 * n * (interval '100 days' / {ROWS})" for name in ("requested_at", "sent_at")})
    copied("bookings_outbox", Outbox, ROWS, booking_id=of, version="n::text")
    copied("bookings_externalcall", ExternalCall, ROWS, booking_id=of, subject="'order:' || n + 1000000", key="n::text",
           asked_at=f"t.asked_at {ago}")
    Refund.objects.filter(payment=payment).delete()
    rows.case(mine, "dispute", closed_at=NOW, closed_because="won")
    copied("bookings_case", Case, ROWS // 4, booking_id=of, subject="'s:' || n", kind=(
        "(ARRAY['dispute', 'refund_due', 'ledgers_differ', 'unknown_outcome'])[1 + n % 4]"))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    yield ROWS


def test_every_detector_finds_its_rows_by_index(full: int) -> None:
    wrong = []
    for code, detector in detectors.DETECTORS.items():
        before = time.monotonic()
        found = list(detector.find(NOW + 10 * M))
        took = (time.monotonic() - before) * 1000
        print(f"{code:4} {took:8.1f} ms")  # noqa: T201  with -s: the figures of docs/mismatches.md
        assert found == [], (code, found[:2])
        for sql, plan in plans(lambda find=detector.find: list(find(NOW + 10 * M))):  # type: ignore[misc]
            walked = [f"{index} on {table}" for index, table in re.findall(
                rf"using (\w+) on ({'|'.join(BIG)})\b[^\n]*\n(?!\s+Index Cond)", plan) if index not in SMALL]
            for what in re.findall(rf"Seq Scan on (?:{'|'.join(BIG)})\b", plan) + walked:
                wrong.append(f"{code}: {what}\n{sql[:900]}\n{plan}")
    assert not wrong, "\n\n".join(wrong)
