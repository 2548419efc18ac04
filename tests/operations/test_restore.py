"""A database is lost with everything written since its dump: nothing is sold twice, and every lost booking is a case."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from bookings import restoring
from bookings.models import Diary
from fly2any import env
from fly2any.kernel import clock
from fly2any.stack import dumps
from tests.customer import INSTANT, Customer, Market, Offered
from tests.ledgers import Outside, sandbox_rows
from tests.sandbox.process import wait_until
from tests.stack import ROOT, Stack
from tests.trail import rows

REFUNDABLE = "refundable"


def database(stack: Stack) -> dict[str, Any]:
    return env.database(stack.database_url, pool=False, pool_size=1, statement_timeout_ms=30_000)


def paid(stack: Stack, offered: Offered, customer: Customer) -> Customer:
    customer.book(offered)
    customer.pay()
    customer.until("CONFIRMED", seconds=40)
    return customer


def buy(stack: Stack, market: Market, kind: str = "holdable") -> Customer:
    customer = Customer(stack)
    fits = (lambda info: bool(not info.instant_only and info.refund.allowed and info.refund.fee is not None
                              )) if kind == REFUNDABLE else None
    return paid(stack, market.offer(customer.guest, "holdable" if kind == REFUNDABLE else kind, choose=fits), customer)


class Story:
    """What happened before and after the dump, and then the loss of everything after it."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.stack, self.file = stack, folder / "night.dump"
        market = Market(stack)
        self.kept = buy(stack, market)
        self.held = Customer(stack)
        self.held.book(market.offer(self.held.guest), hold=True)
        self.held.until("HOLD")
        self.cancelled = buy(stack, market, REFUNDABLE)
        self.looking = Customer(stack)
        self.seen = market.offer(self.looking.guest)  # found before the dump, booked after it
        stack.settled(40)
        stack.manage("backup", str(self.file))
        self.drill = stack.manage("restore_drill", str(self.file))
        self._after_the_dump(market)
        self._lose()

    def _after_the_dump(self, market: Market) -> None:
        self.lost = [buy(self.stack, market, INSTANT), paid(self.stack, self.seen, self.looking)]
        self.lost_payments = self.stack.rows(
            "SELECT p.external_id, p.captured_minor, p.id FROM payments_payment p JOIN bookings_booking b"
            " ON b.id = p.booking_id WHERE b.reference = ANY(%s)", [one.reference for one in self.lost])
        self.held.http.post("/api/payments/create-intent", json={"bookingReference": self.held.reference})
        self.held.pay()
        self.held.until("CONFIRMED", seconds=40)
        self.quote = self.cancelled.cancel()
        self.cancelled.until("CANCELLED", seconds=40)
        self.stack.settled(40)
        self.outside = Outside.read(sandbox_rows(self.stack.sandbox.url))

    def _lose(self) -> None:
        for name in self.stack.names:
            self.stack.kill(name)
        dumps.drop(database(self.stack))
        dumps.create(database(self.stack))
        dumps.restore(self.file, database(self.stack))

    def money_outside(self) -> list[tuple[Any, ...]]:
        """Everything the vendors hold, to be compared with itself later."""
        now = Outside.read(sandbox_rows(self.stack.sandbox.url))
        return [*((o.id, o.state, len(o.paid)) for o in now.orders.values()),
                *((p.id, p.state, p.captured_minor, p.refunded_minor, p.captures) for p in now.payments.values())]


@pytest.fixture
def stack(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with Stack(tmp_path_factory.mktemp("restore"), every=0.5) as running:
        yield running


def killed(stack: Stack, point: str) -> None:
    """`manage.py restored` is killed where it passes the point; whoever starts after it still does nothing."""
    stack.crash_file.write_text(point)
    words, environ = [sys.executable, "manage.py", "restored"], {**stack._environ("manage"), "CRASH_FILE": str(stack.crash_file)}
    done = subprocess.run(words, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, f"{point} was not passed: {done.stdout}{done.stderr}"
    with pytest.raises(AssertionError, match="manage.py restored"):
        stack.manage("run_sweeper")


@pytest.mark.failure("O11", "O14")
@pytest.mark.parametrize("cut_off_at", [
    ["commit.row_taken_back.after"],
    pytest.param(["commit.restore.before", "commit.restore.after", "call.restore_page.answered",
                  "commit.row_taken_back.before", "call.restore_page.answered#2", "call.restore_page.answered#3"],
                 marks=pytest.mark.slow)])
def test_a_restored_dump_agrees_with_the_vendors_before_anything_is_sold(
        stack: Stack, tmp_path: Path, cut_off_at: list[str]) -> None:
    story = Story(stack, tmp_path)
    assert "the dump is good" in story.drill and "knows that it is a copy" in story.drill
    before = story.money_outside()

    with pytest.raises(AssertionError, match="manage.py restored"):
        stack.manage("run_sweeper")

    following = stack.value("SELECT last_value + 1 FROM payments_payment_id_seq")
    assert following in {number for _, _, number in story.lost_payments}  # left alone, Stripe would know its key
    for point in cut_off_at:
        killed(stack, point)
    assert story.money_outside() == before
    stack.manage("restored")
    assert stack.value("SELECT min(last_value) FROM pg_sequences WHERE sequencename LIKE 'payments%%'") >= 10**9
    opened = stack.rows("SELECT kind, subject, money_minor FROM bookings_case WHERE closed_at IS NULL")
    told = {subject: (kind, minor) for kind, subject, minor in opened}
    for external_id, captured, _ in story.lost_payments:
        assert told[f"stripe:{external_id}"] == ("orphaned_payment", captured)
    lost = {one.reference for one in story.lost}
    for order in story.outside.orders.values():
        if order.reference in lost:
            assert told[f"duffel:{order.id}"] == ("orphaned_booking", order.amount.minor)
    refund = next(p for p in story.outside.payments.values() if p.refunded_minor)
    assert ("ledgers_differ", refund.refunded_minor) in told.values()

    for name in stack.names:
        stack.restart(name)
    again = story.looking.http.post("/api/bookings", json=story.seen.body())
    assert again.status_code in (409, 410, 503), again.text  # closed, and its offer may be booked
    hook = stack.sandbox.http.post("/_webhooks", json={"deliver": True})
    assert hook.status_code == 200
    wait_until(lambda: stack.value("SELECT status FROM bookings_booking WHERE reference = %s",
                                   story.held.reference) == "CONFIRMED", 40)
    wait_until(lambda: stack.value("SELECT status FROM bookings_booking WHERE reference = %s",
                                   story.cancelled.reference) == "CANCELLED", 40)
    with pytest.raises(AssertionError, match="sales stay closed"):
        stack.manage("reopen")

    stack.settled(40)
    assert story.money_outside() == before  # nothing bought, charged or given back a second time
    stack.manage("reconcile", "--full")
    someone = stack.value("INSERT INTO auth_user (password, is_superuser, username, first_name, last_name, email, is_staff,"
                          " is_active, date_joined) VALUES ('!', false, 'finance', '', '', '', true, true, now()) RETURNING id")
    stack.rows("UPDATE bookings_case SET taken_by_id = %s WHERE closed_at IS NULL", someone)
    if len(cut_off_at) > 1:
        reopening_is_killed(stack)
    assert "sales are open" in stack.manage("reopen")

    newcomer = buy(stack, Market(stack))  # new rows, new keys: Stripe answers for this payment alone
    number = stack.value("SELECT p.id FROM payments_payment p JOIN bookings_booking b ON b.id = p.booking_id"
                         " WHERE b.reference = %s", newcomer.reference)
    assert number > 10**9 and number not in {one[2] for one in story.lost_payments}
    assert "invariants hold" in stack.manage("invariants")


@pytest.mark.django_db(transaction=True)
@pytest.mark.failure("O14")
def test_the_books_end_where_they_did_although_a_run_that_was_cut_off_has_written_in_them() -> None:
    """Or the second run would not ask the vendors for what was lost."""
    now = clock.now()
    booking = rows.booking(route="manual", supplier="amadeus", wish="book")
    ended = now - timedelta(hours=3)
    Diary.objects.create(booking=booking, at=ended, actor="worker", event="order.asked")
    assert restoring.prepare(now, "restored")["reservations"] == 1
    assert Diary.objects.filter(actor="restore", at=now).count() == 2
    assert restoring.last_written() == ended


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("age") is None, reason="age is not installed here: apt-get install age")
@pytest.mark.django_db(transaction=True)
def test_a_dump_for_another_house_is_opened_by_its_key_alone(tmp_path: Path) -> None:
    right, wrong, file = tmp_path / "right.key", tmp_path / "wrong.key", tmp_path / "night.dump.age"
    for key in (right, wrong):
        subprocess.run(["age-keygen", "-o", str(key)], check=True, capture_output=True)
    recipient = subprocess.run(["age-keygen", "-y", str(right)], check=True, capture_output=True, text=True).stdout.strip()
    booking = rows.booking(contact_email="ada.marked@example.com")
    call_command("backup", str(file), age=recipient)
    sealed = file.read_bytes()
    assert sealed.startswith(b"age-encryption.org/v1") and b"PGDMP" not in sealed and b"ada.marked" not in sealed
    copy = {**connection.settings_dict, "NAME": "opened"}
    try:
        for key, opens in ((wrong, False), (right, True)):
            dumps.drop(copy)
            dumps.create(copy)
            with contextlib.nullcontext() if opens else pytest.raises(dumps.DumpError, match="this identity"):
                dumps.restore(file, copy, key)
        with psycopg.connect(dumps.url(copy)) as there:
            found = there.execute("SELECT reference, contact_email FROM bookings_booking").fetchall()
        assert found == [(booking.reference, "ada.marked@example.com")]
    finally:
        dumps.drop(copy)


def start(stack: Stack, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "manage.py", *words], cwd=ROOT, env=stack._environ("manage"),
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def reopening_is_killed(stack: Stack) -> None:
    """While it waits for the row that it is about to change; then sales are closed as before."""
    with psycopg.connect(stack.database_url) as held:
        held.execute("SELECT 1 FROM suppliers_salespause FOR UPDATE")
        opening = start(stack, "reopen")
        wait_until(lambda: stack.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                                       " AND datname = current_database()"), 30)
        opening.kill()
        opening.wait()
        stack.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                   " AND datname = current_database()")  # else the server ends the one statement that it has heard
    assert stack.value("SELECT count(*) FROM suppliers_salespause WHERE lifted_at IS NULL") == 1


@pytest.mark.slow
@pytest.mark.failure("O14")
def test_a_drill_that_is_killed_leaves_nothing_that_the_next_one_does_not_take_away(stack: Stack, tmp_path: Path) -> None:
    buy(stack, Market(stack))
    stack.settled(40)
    file, left = tmp_path / "night.dump", "SELECT count(*) FROM pg_database WHERE datname = 'drill_' || current_database()"
    stack.manage("backup", str(file))
    drill = start(stack, "restore_drill", str(file))
    wait_until(lambda: stack.value(left), 60)
    with pytest.raises(AssertionError, match="a drill is under way"):
        stack.manage("restore_drill", str(file))
    drill.kill()
    drill.wait()
    assert stack.value(left) == 1
    told = wait_until(lambda: drilled(stack, file), 30)  # the server has yet to notice that its client is gone
    assert "the dump is good" in told and stack.value(left) == 0


def drilled(stack: Stack, file: Path) -> str:
    try:
        return stack.manage("restore_drill", str(file))
    except AssertionError as refusal:
        assert "under way" in str(refusal)
        time.sleep(0.2)
        return ""
