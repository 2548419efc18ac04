"""Whatever is away for a whole run, or goes away in the middle of one, every journey still ends right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from tests.customer import CHALLENGE_CARD, DECLINED_CARD, INSTANT, Customer, Market
from tests.ledgers import differences, sandbox_rows
from tests.sandbox.process import wait_until
from tests.stack import Stack

RECOVERY_SECONDS = 12  # issue 2: how soon after a kill somebody goes on


def pay_now(stack: Stack, market: Market) -> Customer:
    customer = Customer(stack)
    customer.book(market.offer(customer.guest))
    customer.pay()
    customer.until("CONFIRMED", seconds=40)
    return customer


def pay_now_instant(stack: Stack, market: Market) -> Customer:
    customer = Customer(stack)
    customer.book(market.offer(customer.guest, INSTANT))
    customer.pay(CHALLENGE_CARD, challenge=True)
    customer.until("CONFIRMED", seconds=40)
    return customer


def hold_then_pay(stack: Stack, market: Market) -> Customer:
    customer = Customer(stack)
    customer.book(market.offer(customer.guest), hold=True)
    customer.until("HOLD")
    asked = customer.http.post("/api/payments/create-intent", json={"bookingReference": customer.reference})
    assert asked.status_code in (200, 202), asked.text
    customer.pay()
    customer.until("CONFIRMED", seconds=40)
    return customer


def decline_then_pay(stack: Stack, market: Market) -> Customer:
    customer = Customer(stack)
    customer.book(market.offer(customer.guest))
    intent = customer.pay(DECLINED_CARD)
    wait_until(lambda: stack.value("SELECT declines FROM payments_payment WHERE external_id = %s", intent), 30)
    answer = stack.sandbox.http.post(f"/_stripe/payment_intents/{intent}/authorise", json={})
    assert answer.status_code == 200
    wait_until(lambda: stack.value("SELECT news_at IS NULL OR news_at < now() - interval '5 s' FROM payments_payment"
                                   " WHERE external_id = %s", intent), 20)  # "please look" counts once in 5 s
    customer.come_back()
    customer.until("CONFIRMED", seconds=40)
    return customer


def cancel_with_refund(stack: Stack, market: Market) -> Customer:
    customer = Customer(stack)
    customer.book(market.offer(customer.guest, choose=lambda info: bool(
        not info.instant_only and info.refund.allowed and info.refund.fee is not None)))
    customer.pay()
    customer.until("CONFIRMED", seconds=40)
    stack.settled()  # the mail has gone out: a cancelled booking is not confirmed by mail any more
    customer.cancel()
    customer.until("CANCELLED", seconds=40)
    return customer


JOURNEYS: list[Callable[[Stack, Market], Customer]] = [
    pay_now, pay_now_instant, hold_then_pay, decline_then_pay, cancel_with_refund]


def all_end_right(stack: Stack) -> None:
    """Every journey at once, then: nothing left to do, books and ledgers agree, no promise broken, one mail for each."""
    market = Market(stack)
    with ThreadPoolExecutor(len(JOURNEYS)) as pool:
        customers = list(pool.map(lambda journey: journey(stack, market), JOURNEYS))
    right(stack)
    for customer in customers:
        sent = stack.rows("SELECT count(*) FROM bookings_outbox o JOIN bookings_booking b ON b.id = o.booking_id"
                          " WHERE b.reference = %s AND o.kind = 'confirmed' AND o.sent_at IS NOT NULL",
                          customer.reference)
        assert sent == [(1,)], customer.reference


def right(stack: Stack) -> None:
    stack.settled(40)
    assert differences(stack.ledger_export(), sandbox_rows(stack.sandbox.url)) == []
    assert "invariants hold" in stack.manage("invariants")


# --- away for a whole run -------------------------------------------------------------------------------------------


@pytest.mark.failure("H1")
def test_no_webhook_ever_arrives(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Stack(tmp_path_factory.mktemp("no-webhooks"), every=0.5) as stack:
        stack.sandbox.http.post("/_webhooks", json={"deliver": False})
        all_end_right(stack)
        assert stack.value("SELECT (SELECT count(*) FROM payments_gatewayevent)"
                           " + (SELECT count(*) FROM suppliers_supplierevent)") == 0


@pytest.mark.failure("R1")
def test_the_broker_is_away_from_the_first_minute_on(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Web processes and worker were told of a broker that is not there: the sweeper alone drives."""
    with Stack(tmp_path_factory.mktemp("no-broker"), every=0.5) as stack:
        stack.stop_broker()
        all_end_right(stack)
        drivers = {row[0] for row in stack.rows("SELECT DISTINCT actor FROM bookings_diary")}
        assert "sweeper" in drivers and "worker" not in drivers


# --- gone in the middle ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The site as it is started by `manage.py up`: the sweeper looks every 10 s."""
    with Stack(tmp_path_factory.mktemp("outages"), every=10.0, own_postgres=True) as running:
        yield running


@pytest.fixture
def market(stack: Stack) -> Iterator[Market]:
    yield Market(stack)
    stack.crash_file.unlink(missing_ok=True)
    stack.sandbox.http.delete("/_faults")
    for name in stack.names:
        if stack.ended(name) is not None:
            stack.restart(name)


def now(stack: Stack) -> datetime:
    return stack.value("SELECT clock_timestamp()")  # type: ignore[no-any-return]


@pytest.mark.parametrize("point", [
    "call.create_order.answered", "call.capture.before", pytest.param("commit.settle.after#3", marks=pytest.mark.slow)])
@pytest.mark.failure("K8")
def test_recovery_starts_within_12_seconds_of_a_kill(stack: Stack, market: Market, point: str) -> None:
    """The worker is killed at the point; the sweeper writes the next line of the diary or asks the next question."""
    customer = Customer(stack)
    stack.crash_file.write_text(point)
    customer.book(market.offer(customer.guest))
    if "capture" in point:
        customer.pay()
    wait_until(lambda: stack.ended("worker") is not None, 30)
    died, seen = now(stack), trace(stack, customer)
    assert not stack.crash_file.exists()
    wait_until(lambda: trace(stack, customer) > seen, 20)
    waited = (now(stack) - died).total_seconds()
    print(f"\nrecovery after {point}: {waited:.1f} s")
    assert waited < RECOVERY_SECONDS
    stack.restart("worker")
    if "capture" not in point:
        customer.pay()
    customer.until("CONFIRMED", seconds=40)
    right(stack)


def trace(stack: Stack, customer: Customer) -> tuple[Any, ...]:
    """What any driver leaves behind as soon as it works: diary lines, calls, and when it last settled."""
    return stack.rows(
        "SELECT (SELECT count(*) FROM bookings_diary d WHERE d.booking_id = b.id),"
        " (SELECT coalesce(sum(attempts), 0) FROM bookings_externalcall c WHERE c.booking_id = b.id), b.settled_at"
        " FROM bookings_booking b WHERE reference = %s", customer.reference)[0]


def being_booked(stack: Stack, market: Market, *, seconds: float) -> Customer:
    """A customer whose order the airline is thinking about, for so many seconds."""
    customer = Customer(stack)
    stack.sandbox.fault("duffel.create_order", "latency", seconds=seconds, count=1)
    customer.book(market.offer(customer.guest))
    wait_until(lambda: stack.rows("SELECT 1 FROM bookings_externalcall c JOIN bookings_booking b ON b.id = c.booking_id"
                                  " WHERE reference = %s AND kind = 'create_order' AND state = 'intended'",
                                  customer.reference), 20)
    return customer


@pytest.mark.failure("R6")
def test_a_worker_outlives_its_broker_with_a_message_in_hand(stack: Stack, market: Market) -> None:
    """Kombu would give unfinished messages back to the broker that is gone, and end the worker over it."""
    customer = being_booked(stack, market, seconds=4.0)
    stack.kill_broker()
    customer.until("PENDING_PAYMENT", seconds=30)
    stack.start_broker()
    customer.pay()
    customer.until("CONFIRMED", seconds=40)
    assert stack.ended("worker") is None, stack.logs()
    right(stack)


@pytest.mark.failure("O15")
def test_a_sweeper_told_to_end_waits_for_no_long_comparison(stack: Stack, market: Market) -> None:
    """It finishes the steps of bookings and the mail in hand; a vendor's long list goes on at the next start."""
    stack.rows("DELETE FROM bookings_heartbeat WHERE name = 'reconcile.light' RETURNING 1")
    slow = stack.sandbox.fault("stripe.list_payment_intents", "latency", seconds=20.0)
    stack.restart("sweeper")
    wait_until(lambda: any(fault["id"] == slow["id"] and fault["fired"]
                           for fault in stack.sandbox.http.get("/_faults").json()["faults"]), 30)
    stack.ask_to_end("sweeper")
    wait_until(lambda: stack.ended("sweeper") is not None, 8)
    assert stack.ended("sweeper") == 0, stack.logs()
    stack.restart("sweeper")
    assert stack.value("SELECT count(*) FROM bookings_reconcilerun WHERE part = 'intents' AND kind = 'light'"
                       " AND finished_at IS NULL") == 1, "the next turn goes on with it"


@pytest.mark.failure("P1")
def test_postgres_restarts_in_the_middle(stack: Stack, market: Market) -> None:
    customer = being_booked(stack, market, seconds=3.0)
    stack.restart_postgres()
    customer.pay()
    customer.until("CONFIRMED", seconds=40)
    right(stack)
    assert orders(stack, customer) == 1


@pytest.mark.failure("D26")
def test_the_outside_dies_in_the_middle_and_comes_back(stack: Stack, market: Market) -> None:
    """The airline has made the order and dies before it can say so; its memory survives."""
    customer = Customer(stack)
    stack.sandbox.fault("duffel.create_order", "hang", seconds=30.0, count=1)
    customer.book(market.offer(customer.guest))
    wait_until(lambda: orders(stack, customer), 20)
    stack.sandbox.kill()
    wait_until(lambda: stack.value("SELECT count(*) FROM suppliers_supplierorder o JOIN bookings_booking b"
                                   " ON b.id = o.booking_id WHERE b.reference = %s AND o.state = 'unknown'",
                                   customer.reference), 20)
    assert customer.status()["status"] == "PENDING"
    stack.restart_sandbox()
    customer.pay()
    customer.until("CONFIRMED", seconds=40)
    assert orders(stack, customer) == 1
    right(stack)


def orders(stack: Stack, customer: Customer) -> int:
    """How often the airline's ledger names this booking's reference."""
    return sum((row.get("metadata") or {}).get("reference") == customer.reference
               for row in stack.sandbox.ledger(vendor="duffel", event="order.created"))
