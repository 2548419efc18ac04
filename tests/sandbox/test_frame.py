"""The frame: memory, ledger, clock, faults and webhooks, shown on a vendor with nothing of its own."""

import hashlib
import hmac
import json
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.sandbox.process import ROOT, Sandbox, Site, wait_until

VENDORS = ["tests.sandbox.echo_vendor"]


def things(sandbox: Sandbox) -> list[dict]:
    return sandbox.http.get("/echo/things").json()["things"]


def make(sandbox: Sandbox, path: str = "/echo/things", **body: object) -> httpx.Response:
    return sandbox.http.post(path, json=body)


def test_memory_and_ledger_survive_kill_9(sandbox: Sandbox) -> None:
    made = make(sandbox, colour="red").json()
    fault = sandbox.fault("echo.make", "status", status=503, count=2)
    sandbox.advance(3600)
    sandbox.kill()
    sandbox.start()
    answer = sandbox.http.get("/echo/things").json()
    assert answer == {"things": [made], "red": 1}
    assert [row["id"] for row in sandbox.ledger(event="thing.made")] == [made["id"]]
    assert sandbox.http.get("/_faults").json()["faults"] == [fault]
    assert sandbox.http.get("/_clock").json()["offset_seconds"] == 3600


@pytest.mark.parametrize(("path", "status"), [("/echo/refused", 422), ("/echo/broken", 500)])
def test_a_call_that_fails_leaves_nothing_but_its_request_row(sandbox: Sandbox, path: str, status: int) -> None:
    assert make(sandbox, path).status_code == status
    assert things(sandbox) == []
    assert sandbox.ledger(event="thing.made") == []
    assert [row["status"] for row in sandbox.ledger(event="request")] == [status]


def test_reads_leave_no_request_row(sandbox: Sandbox) -> None:
    things(sandbox)
    assert sandbox.ledger() == []


@pytest.mark.parametrize(("kind", "work"), [("reset_before", 0), ("reset_after", 1)])
def test_reset_before_and_after_the_work(sandbox: Sandbox, kind: str, work: int) -> None:
    sandbox.fault("echo.make", kind)
    with pytest.raises(httpx.ReadError):
        make(sandbox)
    assert len(things(sandbox)) == work
    assert [row["fault"] for row in sandbox.ledger(event="request")] == [kind]
    assert make(sandbox).status_code == 201
    assert sandbox.http.get("/_faults").json()["faults"][0]["fired"] == 1


def test_cut_sends_half_a_body_after_the_work(sandbox: Sandbox) -> None:
    sandbox.fault("echo.*", "cut")
    with pytest.raises(httpx.RemoteProtocolError):
        make(sandbox)
    assert len(things(sandbox)) == 1


def test_garbage_is_a_success_nobody_can_read(sandbox: Sandbox) -> None:
    sandbox.fault("echo.make", "garbage")
    answer = make(sandbox)
    assert answer.status_code == 201
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    assert len(things(sandbox)) == 1


def test_status_before_and_after_the_work(sandbox: Sandbox) -> None:
    sandbox.fault("echo.make", "status", status=503)
    answer = make(sandbox)
    assert (answer.status_code, answer.json()) == (503, {"echo_error": 503})
    assert things(sandbox) == []
    sandbox.fault("echo.make", "status_after", status=502)
    assert make(sandbox).status_code == 502
    assert len(things(sandbox)) == 1
    sandbox.fault("echo.make", "status", status=418, body={"mine": 1})
    assert make(sandbox).json() == {"mine": 1}


def test_late_runs_after_the_caller_was_cut_off(sandbox: Sandbox) -> None:
    sandbox.fault("echo.make", "late", seconds=3600)
    with pytest.raises(httpx.ReadError):
        make(sandbox, colour="blue")
    assert things(sandbox) == []
    sandbox.advance(3601)
    assert [thing["colour"] for thing in things(sandbox)] == ["blue"]
    assert [row["outcome"] for row in sandbox.ledger(event="request")] == ["not_run", "done"]


def test_hang_does_the_work_and_answers_late(sandbox: Sandbox) -> None:
    sandbox.fault("echo.make", "hang", seconds=60)
    with pytest.raises(httpx.ReadTimeout):
        sandbox.http.post("/echo/things", json={}, timeout=0.3)
    assert len(things(sandbox)) == 1


def test_latency_waits_first(sandbox: Sandbox) -> None:
    sandbox.fault("echo.make", "latency", seconds=0.3)
    began = time.monotonic()
    assert make(sandbox).status_code == 201
    assert time.monotonic() - began >= 0.3


def test_the_vendor_answers_its_own_kinds(sandbox: Sandbox) -> None:
    sandbox.fault("echo.make", "202")
    answer = make(sandbox)
    assert (answer.status_code, answer.json()) == (202, {"odd": "202"})
    assert things(sandbox) == []


def test_one_fault_can_be_disarmed(sandbox: Sandbox) -> None:
    first, second = (sandbox.fault("echo.make", "status", status=status, count=9) for status in (501, 502))
    assert make(sandbox).status_code == 501
    left = sandbox.http.delete("/_faults", params={"id": first["id"]}).json()["faults"]
    assert [fault["id"] for fault in left] == [second["id"]]
    assert make(sandbox).status_code == 502


def test_probability_is_repeatable_by_seed(sandbox: Sandbox) -> None:
    runs = []
    for _ in range(2):
        sandbox.http.delete("/_faults")
        sandbox.fault("echo.make", "status", status=500, probability=0.5, seed=3)
        runs.append([make(sandbox).status_code for _ in range(20)])
    assert runs[0] == runs[1]
    assert 3 < runs[0].count(500) < 17


def test_timers_follow_the_moved_clock_and_survive_kill_9(sandbox: Sandbox) -> None:
    make(sandbox, "/echo/later", seconds=86400)
    sandbox.kill()
    sandbox.start()
    assert sandbox.http.get("/echo/things").json()["things"][0].get("colour") is None
    sandbox.advance(86401)
    assert sandbox.http.get("/echo/things").json()["red"] == 0
    assert things(sandbox)[0]["colour"] == "paint"


def test_webhook_is_signed_and_delivered_once(sandbox: Sandbox, site: Site) -> None:
    made = make(sandbox, "/echo/tell").json()
    wait_until(lambda: site.got)
    headers, body = site.got[0]
    assert headers["path"] == "/hook"
    assert headers["x-echo"] == hmac.new(b"whsec_echo", body, hashlib.sha256).hexdigest()
    assert json.loads(body)["id"] == made["id"]
    wait_until(lambda: _states(sandbox) == ["delivered"])
    assert len(site.got) == 1


def test_webhook_is_retried_until_it_is_taken(sandbox: Sandbox, site: Site) -> None:
    site.answer = 500
    make(sandbox, "/echo/tell")
    wait_until(lambda: site.got)
    site.answer = 200
    wait_until(lambda: _states(sandbox) == ["delivered"])
    assert len(site.got) == 2
    assert site.got[0][1] == site.got[1][1]


def test_webhooks_switched_off_wait(sandbox: Sandbox, site: Site) -> None:
    sandbox.http.post("/_webhooks", json={"deliver": False})
    make(sandbox, "/echo/tell")
    time.sleep(0.2)
    assert (site.got, _states(sandbox)) == ([], ["pending"])
    sandbox.http.post("/_webhooks", json={"deliver": True})
    wait_until(lambda: len(site.got) == 1)


def test_webhook_doubled_and_dropped(sandbox: Sandbox, site: Site) -> None:
    sandbox.fault("webhook:thing.*", "webhook_double")
    sandbox.fault("webhook:lost", "webhook_drop")
    make(sandbox, "/echo/tell", type="lost")
    make(sandbox, "/echo/tell", type="thing.made")
    wait_until(lambda: len(site.got) == 2)
    assert site.got[0][1] == site.got[1][1]
    assert sorted(_states(sandbox)) == ["delivered", "delivered", "dropped"] or wait_until(
        lambda: sorted(_states(sandbox)) == ["delivered", "delivered", "dropped"]
    )


def test_webhook_delayed_and_shuffled(sandbox: Sandbox, site: Site) -> None:
    sandbox.fault("webhook:slow", "webhook_delay", seconds=0.4)
    sandbox.fault("webhook:mixed", "webhook_shuffle", seconds=0.5, count=8)
    first = make(sandbox, "/echo/tell", type="slow").json()["id"]
    second = make(sandbox, "/echo/tell", type="quick").json()["id"]
    wait_until(lambda: len(site.got) == 2)
    assert [json.loads(body)["id"] for _, body in site.got] == [second, first]
    site.got.clear()
    sent = [make(sandbox, "/echo/tell", type="mixed").json()["id"] for _ in range(8)]
    wait_until(lambda: len(site.got) == 8)
    got = [json.loads(body)["id"] for _, body in site.got]
    assert got != sent
    assert sorted(got) == sorted(sent)


def test_a_second_sandbox_on_the_same_memory_or_port_is_one_clear_line(sandbox: Sandbox, tmp_path: Path) -> None:
    for folder, port, says in (
        (sandbox.folder, "0", "another sandbox is using"),
        (tmp_path, str(sandbox.port), "cannot listen on"),
    ):
        command = [sys.executable, "-m", "sandbox", "--port", port, "--data", str(folder)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=20, cwd=ROOT)
        assert ended.returncode == 1
        assert ended.stderr.startswith("sandbox: ")
        assert says in ended.stderr
        assert ended.stderr.count("\n") == 1


def test_raw_routes_of_a_vendor_come_before_its_calls(sandbox: Sandbox) -> None:
    assert sandbox.http.get("/echo/raw").json() == {"raw": True}
    assert things(sandbox) == [{"id": "raw"}]


def _states(sandbox: Sandbox) -> list[str]:
    return [row["state"] for row in sandbox.http.get("/_webhooks").json()["deliveries"]]
