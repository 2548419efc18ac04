"""Units, proxy and rolling deploys as docs/operations hands them out, with real processes."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.customer import Customer, Market
from tests.ledgers import differences, sandbox_rows
from tests.operations.units import HOME, UNITS, Deployed
from tests.sandbox.process import wait_until
from tests.stack import ROOT

HOST = "fly2any.test"


# --- units ----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed here")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for unit in UNITS.iterdir():
        (tmp_path / unit.name).write_text(unit.read_text().replace(HOME, str(ROOT)))
    done = subprocess.run(["systemd-analyze", "verify", "--recursive-errors=no", *map(str, sorted(tmp_path.iterdir()))],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == "", done.stderr


def test_units_leave_as_much_time_as_the_programs_need() -> None:
    told = {unit.name: unit.read_text() for unit in UNITS.glob("*.service")}
    for name in ("fly2any-web.service", "fly2any-worker.service", "fly2any-sweeper.service"):
        for line in ("NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=", "Restart=always",
                     "User=fly2any", "KillMode=mixed"):
            assert line in told[name], (name, line)
    assert "--graceful-timeout 40" in told["fly2any-web.service"] and "TimeoutStopSec=45" in told["fly2any-web.service"]
    assert "TimeoutStopSec=190" in told["fly2any-worker.service"]  # a step is ended by force after 180 s


# --- rolling --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with Deployed(tmp_path_factory.mktemp("deployed"), every=1.0) as running:
        yield running


STEPS = {"create_order": "duffel.create_order", "open_payment": "stripe.create_payment_intent",
         "pay_order": "duffel.create_payment", "capture": "stripe.capture"}


@pytest.mark.slow
@pytest.mark.failure("O13")
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("driver", ["worker", "sweeper"])
def test_a_saga_goes_on_in_the_next_release(stack: Deployed, driver: str, step: str) -> None:
    """SIGTERM while the vendor works on a call: the drive ends with its answer kept, the program ends, the next goes on."""
    other = "sweeper" if driver == "worker" else "worker"
    if other in stack.running:
        stack.kill(other)
    if driver not in stack.running:
        stack.restart(driver)
    customer, market = Customer(stack), Market(stack)
    stack.sandbox.fault(STEPS[step], "latency", seconds=3.0, count=1)
    customer.book(market.offer(customer.guest))
    if step in ("pay_order", "capture"):
        customer.pay()
    wait_until(lambda: stack.rows("SELECT 1 FROM bookings_externalcall WHERE kind = %s AND state = 'intended'", step), 60)
    assert stack.terminate(driver) == 0, stack.logs()
    assert not stack.rows("SELECT 1 FROM bookings_externalcall WHERE state = 'intended'")
    stack.restart(driver)
    if step in ("create_order", "open_payment"):
        customer.pay()
    customer.until("CONFIRMED", seconds=90)
    stack.settled(60)
    assert differences(stack.ledger_export(), sandbox_rows(stack.sandbox.url)) == []
    asked = stack.rows("SELECT c.kind, c.attempts FROM bookings_externalcall c JOIN bookings_booking b"
                       " ON b.id = c.booking_id WHERE b.reference = %s", customer.reference)
    assert set(asked) >= {(kind, 1) for kind in STEPS}  # nothing was asked twice


@pytest.mark.slow
def test_a_web_process_ends_its_requests_before_it_goes(stack: Deployed) -> None:
    """SIGTERM while a booking request waits for its outcome: the customer gets the answer, not a broken connection."""
    customer, market = Customer(stack), Market(stack)
    stack.sandbox.fault("duffel.create_order", "latency", seconds=3.0, count=1)
    request = market.offer(customer.guest).post(customer.guest)
    answers: list[httpx.Response] = []
    headers = {name: value for name, value in request.headers.items() if name != "Prefer"}
    waiting = threading.Thread(target=lambda: answers.append(customer.http.post(
        "/api/bookings", json=request.body, headers=headers)))
    waiting.start()
    wait_until(lambda: stack.rows("SELECT 1 FROM bookings_externalcall WHERE kind = 'create_order'"
                                  " AND state = 'intended'"), 40)
    assert stack.terminate("web") == 0
    waiting.join(60)
    assert answers and answers[0].status_code == 201, answers
    stack.restart("web")
