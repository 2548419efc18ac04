"""The eight ways to book or pay twice, each tried through the site's own doors."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from sandbox.clock import real_now
from sandbox.stripe.events import signature
from tests.customer import CHALLENGE_CARD, DECLINED_CARD, INSTANT, Customer, Guest, Market
from tests.ledgers import differences, sandbox_rows
from tests.sandbox.process import wait_until
from tests.stack import Stack
from tests.wire import Request, at_once

PARALLEL = 50


def agree(stack: Stack) -> None:
    """Nothing is left to do, and our books and both ledgers say the same."""
    stack.settled()
    assert differences(stack.ledger_export(), sandbox_rows(stack.sandbox.url)) == []


def events(stack: Stack, intent: str, *names: str) -> Counter[str]:
    """How often the ledger of Stripe names these events for an intent."""
    return Counter(row["event"] for row in stack.sandbox.ledger(vendor="stripe")
                   if row.get("payment_intent") == intent and row["event"] in names)


def mails(stack: Stack, reference: str, kind: str) -> list[str]:
    """Mails of a kind that were sent for a booking, and what lies in the mailbox about it."""
    rows = stack.rows("SELECT o.sent_at FROM bookings_outbox o JOIN bookings_booking b ON b.id = o.booking_id"
                      " WHERE b.reference = %s AND o.kind = %s AND o.sent_at IS NOT NULL", reference, kind)
    found = [mail for mail in stack.mails() if reference in mail]
    assert len(rows) <= len(found)
    return found


def paid(stack: Stack, market: Market, kind: str = "holdable") -> tuple[Customer, str]:
    """A customer with a confirmed booking, and Stripe's id of the payment."""
    customer = Customer(stack)
    customer.book(market.offer(customer.guest, kind))
    intent = customer.pay()
    customer.until("CONFIRMED")
    return customer, intent


@pytest.mark.failure("W4")
def test_1_pressing_book_twice_makes_one_booking(stack: Stack, market: Market) -> None:
    for _ in range(5):
        guest = Guest()
        offered = market.offer(guest)
        answers = at_once([(port, offered.post(guest)) for port in stack.ports])
        told = [answer.json() for answer in answers]
        assert [answer.status for answer in answers] == [202, 202], told
        assert [body.get("duplicate", False) for body in told].count(True) == 1
        assert len({body["booking"]["bookingReference"] for body in told}) == 1
        assert stack.value("SELECT count(*) FROM bookings_booking WHERE principal = %s", guest.principal) == 1
    agree(stack)


def test_2_asking_for_the_payment_many_times_opens_one(stack: Stack, market: Market) -> None:
    customer = Customer(stack)
    reference = customer.book(market.offer(customer.guest))
    intent = customer.intent()
    asked = Request("POST", "/api/payments/create-intent", {"bookingReference": reference})
    addresses = [{**customer.guest.headers, "X-Forwarded-For": f"10.200.0.{n}"} for n in range(20)]
    answers = at_once([(stack.ports[n % 2], Request(asked.method, asked.path, asked.body, headers))
                       for n, headers in enumerate(addresses)])
    assert {answer.status for answer in answers} == {200}
    assert {answer.json()["clientSecret"].partition("_secret_")[0] for answer in answers} == {intent}
    stack.settled()
    made = [row for row in stack.sandbox.ledger(vendor="stripe", event="payment_intent.created")
            if row["payment_intent"] == intent]
    assert len(made) == 1
    assert stack.value("SELECT count(*) FROM payments_payment p JOIN bookings_booking b ON b.id = p.booking_id"
                       " WHERE b.reference = %s", reference) == 1
    agree(stack)


def test_3_all_records_name_the_same_reference(stack: Stack, market: Market) -> None:
    customer, intent = paid(stack, market)
    agree(stack)
    booking = customer.booking()
    (order,) = [row for row in stack.sandbox.ledger(vendor="duffel", event="order.created")
                if (row.get("metadata") or {}).get("reference") == customer.reference]
    stripe = next(doc for doc in stack.sandbox.http.get("/_state", params={"kind": "stripe.intent"}).json()["docs"]
                  if doc["id"] == intent)
    assert booking["reference"] == customer.reference and booking["pnr"]
    assert customer.reference in json.dumps(stripe)
    assert any(line["reference"] == customer.reference and [o["id"] for o in line["orders"]] == [order["order_id"]]
               and [p["id"] for p in line["payments"]] == [intent] for line in stack.ledger_export())
    (mail,) = mails(stack, customer.reference, "confirmed")
    assert booking["pnr"] in mail


def test_4_one_confirmation_mail_however_often_everybody_looks(stack: Stack, market: Market) -> None:
    customer, _ = paid(stack, market)
    for _ in range(3):
        stack.rows("UPDATE bookings_booking SET due_at = now(), wakes = wakes + 1 WHERE reference = %s",
                   customer.reference)
        stack.settled()
    assert len(mails(stack, customer.reference, "confirmed")) == 1


def test_5_a_webhook_that_comes_late_changes_nothing(stack: Stack, market: Market) -> None:
    for name in ("webhook:payment_intent.*", "webhook:charge.*"):
        stack.sandbox.fault(name, "webhook_delay", seconds=4.0, count=6)
    customer, intent = paid(stack, market)
    agree(stack)
    before = stack.rows("SELECT status, money FROM bookings_booking WHERE reference = %s", customer.reference)
    wait_until(lambda: not [d for d in stack.sandbox.http.get("/_webhooks").json()["deliveries"]
                            if d["state"] == "pending"], 20)
    agree(stack)
    assert stack.rows("SELECT status, money FROM bookings_booking WHERE reference = %s", customer.reference) == before
    assert events(stack, intent, "payment_intent.captured") == {"payment_intent.captured": 1}
    stack.sandbox.http.delete("/_faults")


def test_6_a_failed_payment_buys_no_ticket_and_the_next_card_does(stack: Stack, market: Market) -> None:
    customer = Customer(stack)
    customer.book(market.offer(customer.guest, INSTANT))
    intent = customer.pay(DECLINED_CARD)
    wait_until(lambda: stack.value("SELECT declines FROM payments_payment WHERE external_id = %s", intent) == 1, 20)
    stack.settled()
    assert customer.status()["status"] == "PENDING_PAYMENT"
    assert not [row for row in stack.sandbox.ledger(vendor="duffel", event="order.created")
                if (row.get("metadata") or {}).get("reference") == customer.reference]
    assert customer.pay(CHALLENGE_CARD, challenge=True) == intent
    customer.until("CONFIRMED")
    agree(stack)
    assert events(stack, intent, "payment_intent.captured") == {"payment_intent.captured": 1}


@pytest.mark.failure("W10")
def test_7_webhook_status_poll_and_browser_return_at_once(stack: Stack, market: Market) -> None:
    customer = Customer(stack)
    reference = customer.book(market.offer(customer.guest))
    stack.sandbox.http.post("/_webhooks", json={"deliver": False})  # ours come all at once instead
    intent = customer.pay(tell=False)
    bodies = sent_about(stack, intent)
    requests = []
    for n in range(PARALLEL):
        headers = {**customer.guest.headers, "X-Forwarded-For": f"10.201.0.{n}"}
        body = bodies[n % len(bodies)]
        requests += [
            Request("POST", "/api/payments/webhook", body, signature(body, "whsec_sandbox_stripe", real_now())),
            Request("GET", f"/api/payments/status/{reference}", None, headers),
            Request("POST", "/api/payments/confirm", {"bookingReference": reference}, headers)]
    answers = at_once([(stack.ports[n % 2], request) for n, request in enumerate(requests)])
    assert {answer.status for answer in answers} <= {200, 202}, Counter(answer.status for answer in answers)
    customer.until("CONFIRMED")
    stack.sandbox.http.post("/_webhooks", json={"deliver": True})
    agree(stack)
    assert events(stack, intent, "payment_intent.captured") == {"payment_intent.captured": 1}
    assert len(mails(stack, reference, "confirmed")) == 1
    assert stack.value("SELECT count(*) FROM payments_gatewayevent WHERE intent_id = %s", intent) == len(
        {json.loads(body)["id"] for body in sent_about(stack, intent)})


def test_8_the_same_message_and_the_same_request_twice_change_nothing(stack: Stack, market: Market) -> None:
    guest = Guest()
    offered = market.offer(guest)
    request = offered.post(guest, key="twice")
    customer = Customer(stack, guest)
    (first,) = at_once([(stack.ports[0], request)])
    customer.reference = first.json()["booking"]["bookingReference"]
    intent = customer.pay()
    customer.until("CONFIRMED")
    agree(stack)
    before, outside = fingerprint(stack), len(stack.sandbox.ledger())
    (again,) = at_once([(stack.ports[1], request)])
    assert (again.status, again.json()) == (first.status, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    for body in sent_about(stack, intent):
        answer = stack.http.post("/api/payments/webhook", content=body,
                                 headers=signature(body, "whsec_sandbox_stripe", real_now()))
        assert answer.status_code == 200
    stack.settled()
    assert fingerprint(stack) == before
    assert len(stack.sandbox.ledger()) == outside


@pytest.mark.failure("W13")
def test_the_status_endpoint_writes_nothing(stack: Stack, market: Market) -> None:
    """It answers from a database in which writing is forbidden, where booking cannot work."""
    customer, _ = paid(stack, market)
    agree(stack)
    other = market.offer(customer.guest)
    stack.forbid_writing(True)
    try:
        stack.restart("web2")
        reader = Customer(stack, customer.guest, stack.urls[1])
        reader.reference = customer.reference
        for _ in range(3):
            said = reader.status()
        assert (said["status"], said["bookingReference"]) == ("CONFIRMED", customer.reference)
        first = reader.http.get(f"/api/payments/status/{customer.reference}")
        again = reader.http.get(f"/api/payments/status/{customer.reference}",
                                headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        refused = reader.http.post("/api/bookings", json=other.body())
        assert refused.status_code >= 500
    finally:
        stack.forbid_writing(False)
        stack.restart("web2")


def sent_about(stack: Stack, intent: str) -> list[bytes]:
    """Stripe's messages about a payment, as it sends them."""
    docs: list[dict[str, Any]] = stack.sandbox.http.get("/_state", params={"kind": "stripe.event"}).json()["docs"]
    found = [doc for doc in docs if intent in json.dumps(doc["data"]) and doc["pending_webhooks"]]
    assert found
    return [json.dumps(doc).encode() for doc in found]


def fingerprint(stack: Stack) -> list[tuple[Any, ...]]:
    """Every fact we hold about bookings, orders, payments, refunds and mails."""
    return [*stack.rows("SELECT reference, status, money, wish, accepted_minor FROM bookings_booking ORDER BY id"),
            *stack.rows("SELECT external_id, state, total_minor FROM suppliers_supplierorder ORDER BY id"),
            *stack.rows("SELECT external_id, state, captured_minor, refunded_minor FROM payments_payment ORDER BY id"),
            *stack.rows("SELECT kind, booking_id, sent_at FROM bookings_outbox ORDER BY id")]
