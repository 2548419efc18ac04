"""500 clients book one offer at the same instant: one order at the airline, whatever they send and whoever dies.

In the usual run 500 come to two web servers; the other forms send 120, and 500 with the slow tests.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from tests.customer import Guest, Market, Offered
from tests.ledgers import differences, sandbox_rows
from tests.sandbox.process import wait_until
from tests.stack import Stack
from tests.wire import Answer, Request, at_once

CLIENTS = 500
MANY = pytest.mark.parametrize("clients", [120, pytest.param(CLIENTS, marks=pytest.mark.slow)])
THREADS = 8  # of each web server: so many can be between their first look and their insert at one moment
TAKEN = (409, "offer_taken")


@contextmanager
def held_back(stack: Stack, until: int) -> Iterator[None]:
    """Nobody can write a claim until so many web threads stand before it: the race happens for certain."""

    def hold() -> None:
        with psycopg.connect(stack.database_url) as connection:
            connection.execute("LOCK TABLE suppliers_offerclaim IN EXCLUSIVE MODE")
            held.set()
            end = time.monotonic() + 2.5  # web processes wait 3 s for a lock
            while time.monotonic() < end and waiting(stack) < until:
                time.sleep(0.02)
            seen.append(waiting(stack))

    held, seen = threading.Event(), []
    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)
    yield
    thread.join()
    assert seen[0] >= until, f"only {seen[0]} clients met before the claim"


def waiting(stack: Stack) -> int:
    return int(stack.value("SELECT count(*) FROM pg_locks WHERE NOT granted AND database ="
                           " (SELECT oid FROM pg_database WHERE datname = current_database())"))


def codes(answers: list[Answer]) -> Counter[Any]:
    """How many got which status and code (or, when it is a yes, whether it is a duplicate)."""
    told: Counter[Any] = Counter()
    for answer in answers:
        body = answer.json() if answer.body else {}
        told[answer.status, body.get("code") or ("duplicate" if body.get("duplicate") else "booked")] += 1
    return told


def references(answers: list[Answer]) -> set[str]:
    """The references that any yes named."""
    return {answer.json()["booking"]["bookingReference"] for answer in answers if 200 <= answer.status < 300}


def one_order(stack: Stack, offered: Offered, answers: list[Answer], *, status: str = "PENDING_PAYMENT") -> str:
    """One booking, one order at the airline, one call that asked for it, and nobody saw a 5xx. Returns the reference."""
    told = codes(answers)
    assert not [key for key in told if key[0] == 0 or key[0] >= 500], told
    assert len(references(answers)) == 1, told
    (reference,) = references(answers)
    wait_until(lambda: stack.value("SELECT status FROM bookings_booking WHERE reference = %s", reference) == status, 40)
    stack.settled()
    rows = sandbox_rows(stack.sandbox.url)
    created = [row for row in rows if row["event"] == "order.created" and row["offer_id"] == offered.info.external_id]
    assert [row["metadata"]["reference"] for row in created] == [reference]
    assert asked(stack, reference) == 1
    assert stack.value("SELECT count(*) FROM bookings_booking WHERE offer_id = %s", offered.id) == 1
    assert differences(stack.ledger_export(), rows) == []
    return reference


def asked(stack: Stack, reference: str) -> int:
    """How often this booking's order was asked for, by our own record."""
    return int(stack.value("SELECT coalesce(sum(c.attempts), 0) FROM bookings_externalcall c"
                           " JOIN bookings_booking b ON b.id = c.booking_id"
                           " WHERE b.reference = %s AND c.kind = 'create_order'", reference))


def posts(stack: Stack, since: int) -> int:
    """Orders asked for at the airline, by its own ledger."""
    return sum(row.get("operation") == "duffel.create_order" for row in stack.sandbox.ledger(since=since))


def now(stack: Stack) -> int:
    rows = stack.sandbox.ledger()
    return int(rows[-1]["seq"]) if rows else 0


def crowd(market: Market, ports: list[int], clients: int) -> tuple[Offered, list[tuple[int, Request]]]:
    """So many customers who were given the same offer, and what each sends; every traveller has another name."""
    offered = market.offer(Guest())
    return offered, [(ports[n % len(ports)], offered.post(Guest(), given=f"Ada{chr(97 + n // 26)}{chr(97 + n % 26)}"))
                     for n in range(clients)]


@MANY
@pytest.mark.failure("W11")
def test_many_customers(stack: Stack, market: Market, clients: int) -> None:
    offered, wanted = crowd(market, stack.ports[:1], clients)
    since = now(stack)
    with held_back(stack, THREADS):
        answers = at_once(wanted)
    one_order(stack, offered, answers)
    assert codes(answers) == {(202, "booked"): 1, TAKEN: clients - 1}
    assert posts(stack, since) == 1


@pytest.mark.failure("W4")
def test_500_customers_at_two_web_servers(stack: Stack, market: Market) -> None:
    offered, wanted = crowd(market, stack.ports, CLIENTS)
    since = now(stack)
    with held_back(stack, 2 * THREADS):
        answers = at_once(wanted)
    one_order(stack, offered, answers)
    assert codes(answers) == {(202, "booked"): 1, TAKEN: CLIENTS - 1}
    assert posts(stack, since) == 1


@MANY
def test_one_customer_with_one_key(stack: Stack, market: Market, clients: int) -> None:
    guest = Guest()
    offered = market.offer(guest)
    request = offered.post(guest, key="one-key")
    since = now(stack)
    answers = at_once([(stack.ports[n % 2], request) for n in range(clients)])
    one_order(stack, offered, answers)
    told = codes(answers)
    assert set(told) <= {(202, "booked"), (409, "twin_running")}, told
    first = [a for a in answers if a.status == 202 and "idempotent-replayed" not in a.headers]
    assert len(first) == 1
    assert all(a.headers.get("retry-after") for a in answers if a.status == 409)
    assert posts(stack, since) == 1


@MANY
def test_one_customer_with_many_keys(stack: Stack, market: Market, clients: int) -> None:
    guest = Guest()
    offered = market.offer(guest)
    since = now(stack)
    with held_back(stack, 2 * THREADS):
        answers = at_once([(stack.ports[n % 2], offered.post(guest, key=f"key-{n}")) for n in range(clients)])
    one_order(stack, offered, answers)
    assert codes(answers) == {(202, "booked"): 1, (202, "duplicate"): clients - 1}
    assert posts(stack, since) == 1


@MANY
def test_one_key_with_many_bodies(stack: Stack, market: Market, clients: int) -> None:
    guest = Guest()
    offered = market.offer(guest)
    names = [f"Ada{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(clients)]
    since = now(stack)
    answers = at_once([(stack.ports[n % 2], offered.post(guest, key="same", given=name))
                       for n, name in enumerate(names)])
    reference = one_order(stack, offered, answers)
    told = codes(answers)
    assert told[202, "booked"] == 1 and sum(n for (status, _), n in told.items() if status == 422) > 0, told
    assert {status for status, _ in told} <= {202, 409, 422}, told
    (winner,) = [n for n, answer in enumerate(answers) if answer.status == 202]
    assert stack.value("SELECT p.given_name FROM bookings_passenger p JOIN bookings_booking b ON b.id = p.booking_id"
                       " WHERE b.reference = %s", reference) == names[winner]
    assert posts(stack, since) == 1


@MANY
@pytest.mark.failure("W12")
def test_the_winner_is_killed_while_the_airline_works(stack: Stack, market: Market, clients: int) -> None:
    offered, wanted = crowd(market, stack.ports, clients)
    since = now(stack)
    fault = stack.sandbox.fault("duffel.create_order", "hang", seconds=20, count=1)
    stack.kill("sweeper")  # so that the worker is the one who drives
    answers = at_once(wanted)
    wait_until(lambda: posts(stack, since), 20)
    stack.kill("worker")  # the order is made; nobody is left to hear of it
    stack.restart("sweeper")
    one_order(stack, offered, answers)
    assert posts(stack, since) == 1
    assert stack.sandbox.http.get("/_faults").json()["faults"][-1]["id"] == fault["id"]
    stack.restart("worker")


def test_without_the_constraint_two_customers_are_sold_one_offer(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The control run: the same crowd at a site whose tables do not forbid it."""
    with Stack(tmp_path_factory.mktemp("control"), webs=2, every=1.0) as site:
        site.rows("ALTER TABLE suppliers_offerclaim DROP CONSTRAINT offer_is_claimed_once")
        site.rows("DROP INDEX offer_has_one_live_order")
        offered, wanted = crowd(Market(site), site.ports, 50)
        with held_back(site, 4):
            answers = at_once(wanted)
        sold = references(answers)
        assert len(sold) > 1, codes(answers)
        wait_until(lambda: posts(site, 0) > 1, 30)
