"""Webhook intake: signed Stripe events about open payments, each of another booking, at the site's own door."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any

from bench.stage import cpu_seconds, percentile, spent
from tests.stack import Stack
from tests.wire import Request, steadily

SECRET = "whsec_sandbox_stripe"
PATH = "/api/payments/webhook"


@dataclass
class Intake:
    """What was measured: events a second, latencies in milliseconds, CPU milliseconds an event by program."""

    rate: float
    p50: float
    p99: float
    cpu: dict[str, float]
    refused: int


def events(intents: list[str]) -> list[bytes]:
    """One event for each payment intent, as Stripe sends them."""
    return [json.dumps({
        "id": f"evt_bench_{time.time_ns():x}_{number}", "object": "event", "api_version": "2026-10-28.basil",
        "created": int(time.time()), "livemode": False, "pending_webhooks": 1,
        "type": "payment_intent.amount_capturable_updated", "request": {"id": None, "idempotency_key": None},
        "data": {"object": {
            "id": intent, "object": "payment_intent", "amount": 59999, "amount_capturable": 59999, "currency": "usd",
            "status": "requires_capture", "latest_charge": f"ch_{number}", "metadata": {"booking": "FLY2A-000000"}}},
    }).encode() for number, intent in enumerate(intents)]


def signed(port: int, body: bytes) -> bytes:
    """The whole request with Stripe's signature, made beforehand so that the clients cost little."""
    stamp = int(time.time())
    digest = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return Request("POST", PATH, body, {"Stripe-Signature": f"t={stamp},v1={digest}"}).raw(f"127.0.0.1:{port}")


def measure(stack: Stack, intents: list[str], clients: int = 16) -> Intake:
    """Deliver one event per intent with so many connections."""
    port = stack.ports[0]
    steadily(port, [signed(port, body) for body in events(["pi_warm"] * 50)], 4)
    work = [signed(port, body) for body in events(intents)]
    before = cpu_seconds(stack)
    answers, seconds = steadily(port, work, clients)
    cost = spent(before, cpu_seconds(stack))
    times = [answer.seconds * 1000 for answer in answers]
    return Intake(len(answers) / seconds, percentile(times, 0.5), percentile(times, 0.99),
                  {name: 1000 * used / len(answers) for name, used in cost.items()},
                  sum(answer.status != 200 for answer in answers))


def clone(stack: Stack, table: str, source: int, number: int, changes: str) -> None:
    """Copies of a row with `changes` (SQL: a jsonb expression that may use `n`, 1 to `number`)."""
    stack.rows(f"""
        INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, to_jsonb(source) || jsonb_build_object(
            'id', nextval(pg_get_serial_sequence('{table}', 'id'))) || ({changes}))).*
        FROM {table} source, generate_series(1, {number}) n WHERE source.id = {source}""")


def sleeping_bookings(stack: Stack, reference: str, number: int) -> list[str]:
    """Copies of a booking with an open payment, far from due, each with a payment of its own; their intents."""
    booking: Any = stack.value("SELECT id FROM bookings_booking WHERE reference = %s", reference)
    payment: Any = stack.value("SELECT id FROM payments_payment WHERE booking_id = %s", booking)
    clone(stack, "bookings_booking", booking, number, """jsonb_build_object(
        'reference', 'B' || n, 'public_id', gen_random_uuid(), 'trip_digest', '', 'due_at', NULL)""")
    clone(stack, "payments_payment", payment, number, """jsonb_build_object(
        'external_id', 'pi_bench_' || n, 'order_id', NULL,
        'booking_id', (SELECT id FROM bookings_booking WHERE reference = 'B' || n))""")
    return [f"pi_bench_{n}" for n in range(1, number + 1)]
