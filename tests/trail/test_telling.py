"""Alerts leave the house by mail and into the chat: in time, once each, without a person in them, and never late."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail as outbound
from django.core.management import CommandError, call_command

from bookings import alerts, cases, chat, mail, sweep, telling
from bookings.models import Case, Heartbeat, Outbox
from fly2any.kernel import clock, http
from tests.trail import rows
from tests.trail.rows import NOW

pytestmark = pytest.mark.django_db(transaction=True)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


class Chat:
    """A chat on loopback: what it was sent, and what it answers."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.answer = 200
        chat_room = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                chat_room.heard.append(body["text"])
                assert list(body) == ["text"] and self.headers["Content-Type"] == "application/json"
                self.send_response(chat_room.answer)
                self.send_header("Location", f"{self.path}?again")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing on the test's output."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def room(settings: Any) -> Iterator[Chat]:
    found = Chat()
    settings.ALERT_EMAIL = "night@example.com"
    settings.ALERT_WEBHOOK_URL = f"http://127.0.0.1:{found.server.server_port}/hooks/SECRETKEY"
    yield found
    found.server.shutdown()


def opened(kind: str = "charged_without_order", at: Any = NOW) -> Case:
    booking = rows.booking()
    case = cases.open_case(kind=kind, subject=f"booking:{booking.pk}", booking=booking, now=at)
    assert case is not None
    return case


def one_round() -> None:
    """A real round of the sweeper, its jobs done at once."""
    sweeper = sweep.Sweeper()
    sweeper._job = lambda name, work: work() if name in ("mail", "chat", "alerts") else None  # type: ignore[assignment,return-value,func-returns-value]
    sweeper.round()


def test_a_critical_case_is_told_by_the_first_round_of_the_sweeper_after_it(room: Chat) -> None:
    assert sweep.Sweeper().every <= 30  # so that two rounds lie within the 60 seconds
    case = opened(at=clock.now())
    one_round()
    assert len(room.heard) == len(outbound.outbox) == 1
    one_round()
    assert len(room.heard) == len(outbound.outbox) == 1
    Case.objects.filter(pk=case.pk).update(alerted_at=clock.now() - alerts.REPEAT)
    one_round()  # queues them
    one_round()
    assert len(room.heard) == len(outbound.outbox) == 2


def test_the_chat_reads_alert_code_reference_severity_age_and_links_but_no_person(room: Chat) -> None:
    case = opened()
    assert chat.send_due(NOW + 3 * MINUTE, 10) == 1
    (said,) = room.heard
    assert case.booking is not None
    for word in ("TEST · CRITICAL · CHARGED WITHOUT ORDER", case.booking.reference, "opened 3 min ago",
                 f"/admin/bookings/case/{case.pk}/change/", "/admin/runbook/charged_without_order/"):
        assert word in said
    for private in (case.booking.contact_email, case.booking.contact_phone, "500", "nna"):
        assert not private or private not in said
    assert "SECRETKEY" not in json.dumps(list(Outbox.objects.values()), default=str)


def test_medium_stays_in_the_console_and_high_is_told_once(room: Chat) -> None:
    opened("unmatched_event")
    assert not Outbox.objects.exists()
    opened("dispute")
    assert sorted(Outbox.objects.values_list("channel", flat=True)) == ["chat", "mail"]
    alerts.repeat(NOW + timedelta(hours=1))
    assert Outbox.objects.count() == 2


def test_a_case_that_becomes_critical_is_told_again_at_once(room: Chat) -> None:
    case = opened("dispute")
    chat.send_due(NOW, 10)
    case.severity = Case.Severity.CRITICAL
    case.save()
    cases.alert(case, NOW + MINUTE, version=(NOW + MINUTE).isoformat())
    assert chat.send_due(NOW + MINUTE, 10) == 1
    assert [said.split(" · ")[1] for said in room.heard] == ["HIGH", "CRITICAL"]


def test_the_same_version_goes_to_a_channel_once(room: Chat) -> None:
    case = opened()
    for _ in range(3):
        cases.alert(case, NOW)
    assert [chat.send_due(NOW + n * MINUTE, 10) for n in range(3)] == [1, 0, 0]


@pytest.mark.parametrize("change", [{"closed_at": NOW, "closed_because": "agree"}, {"taken_by": True}])
def test_a_case_taken_or_closed_meanwhile_is_not_told_late(room: Chat, change: dict[str, Any]) -> None:
    case = opened()
    if change.get("taken_by"):
        change = {"taken_by": get_user_model().objects.create_user("staff", is_staff=True)}
    Case.objects.filter(pk=case.pk).update(**change)
    assert chat.send_due(NOW, 10) == mail.send_due(NOW, 10) == 0
    assert not Outbox.objects.filter(dropped="").exists() and room.heard == []


def test_a_case_somebody_owns_is_told_when_it_turns_critical_and_for_nothing_less(room: Chat) -> None:
    case, olga, ben = opened("unmatched_event"), *(
        get_user_model().objects.create_user(name, is_staff=True) for name in ("olga", "ben"))
    case.taken_by, case.severity = olga, Case.Severity.HIGH
    case.save()
    cases.alert(case, NOW, version="2")
    assert not Outbox.objects.exists()
    case.severity = Case.Severity.CRITICAL
    case.save()
    cases.alert(case, NOW, version="3")
    assert mail.send_due(NOW, 10) == chat.send_due(NOW, 10) == 1
    cases.alert(case, NOW, version="4")
    Case.objects.filter(pk=case.pk).update(taken_by=ben)  # somebody has seen it since
    assert mail.send_due(NOW, 10) == chat.send_due(NOW, 10) == 0


def test_after_an_outage_only_the_newest_telling_goes_out(room: Chat) -> None:
    opened()
    room.answer = 503
    assert chat.send_due(NOW, 10) == 0
    alerts.repeat(NOW + alerts.REPEAT)
    room.answer = 200
    assert chat.send_due(NOW + alerts.REPEAT, 10) == 1
    assert len(room.heard) == 2


@pytest.mark.failure("M8")
def test_a_chat_that_fails_is_tried_again_ever_later_and_holds_no_mail_up(
        room: Chat, caplog: pytest.LogCaptureFixture) -> None:
    opened("dispute")
    room.answer = 500
    row, at, waits = Outbox.objects.get(channel="chat"), NOW, []
    for _ in range(6):
        assert chat.send_due(at, 10) == 0
        row.refresh_from_db()
        waits.append(round((row.due_at - at).total_seconds()))
        at = row.due_at
    assert waits == [10, 30, 60, 300, 900, 900] and len(room.heard) == 6
    assert chat.send_due(at - SECOND, 10) == 0 and len(room.heard) == 6
    assert mail.send_due(NOW, 10) == 1
    assert "SECRETKEY" not in caplog.text
    chat.send_due(NOW + timedelta(hours=25), 10)
    row.refresh_from_db()
    assert row.dropped == "undeliverable"


def test_no_redirect_is_followed_and_only_the_address_of_the_setting_is_called(room: Chat, settings: Any) -> None:
    room.answer = 302
    with pytest.raises(http.NotDelivered, match="HTTP 302"):
        http.post_json(settings.ALERT_WEBHOOK_URL, {"text": "x"})
    assert len(room.heard) == 1
    with pytest.raises(http.HostNotAllowed):
        http.post_json("https://chat.example/hooks/x", {"text": "x"})
    settings.ALERT_WEBHOOK_URL = "http://chat.example/hooks/x"
    with pytest.raises(http.HostNotAllowed):
        http.post_json(settings.ALERT_WEBHOOK_URL, {"text": "x"})


def test_a_closed_port_is_told_without_the_address(settings: Any) -> None:
    settings.ALERT_WEBHOOK_URL = "http://127.0.0.1:9/hooks/SECRETKEY"
    with pytest.raises(http.NotDelivered) as failed:
        http.post_json(settings.ALERT_WEBHOOK_URL, {"text": "x"})
    assert "SECRETKEY" not in str(failed.value) and failed.value.__cause__ is None


def test_an_alert_does_not_wait_behind_the_mails_of_customers(room: Chat) -> None:
    for n in range(3):
        booking = rows.booking(status="CONFIRMED", progress="done")
        Outbox.objects.create(kind="refund_sent", version=f"{n}", booking=booking, due_at=NOW - MINUTE, created_at=NOW)
    opened()
    claimed = mail._claim(NOW)
    assert claimed is not None and claimed.kind == "case_alert"


def test_a_critical_case_that_heals_says_so_once(room: Chat) -> None:
    case = opened(at=clock.now())
    quiet = opened("dispute", at=clock.now())
    one_round()
    for one in (case, quiet):
        cases.heal(kind=one.kind, subject=one.subject, now=clock.now())
    for _ in range(3):
        one_round()
    assert [said.split(" · ")[1] for said in room.heard] == ["CRITICAL", "HIGH", "HEALED"]
    assert [message.subject.split(":")[0] for message in outbound.outbox][2:] == ["Healed"]
    assert "It closed by itself: the records agree again" in room.heard[-1]


def test_nobody_is_told_of_a_case_that_a_person_closed(room: Chat) -> None:
    case = opened()
    chat.send_due(NOW, 10)
    boss = get_user_model().objects.create_superuser("boss")
    cases.close(case, operator=boss, because="done", now=NOW)
    assert telling.healed(NOW + MINUTE) == 0 and not Outbox.objects.filter(kind="case_healed").exists()


def test_while_the_sweeper_is_silent_the_worker_sends_too(room: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    Heartbeat.objects.create(name="sweeper", beat_at=NOW - 4 * MINUTE)
    monkeypatch.setattr(sweep, "_watched_at", -1e9)
    sweep.watch_sweeper(lambda: NOW)
    assert "RECOVERY STOPPED" in room.heard[0] and len(outbound.outbox) == 1


@pytest.mark.failure("M9")
def test_a_watcher_outside_learns_that_recovery_stopped_and_that_alerts_do_not_leave(room: Chat) -> None:
    with pytest.raises(CommandError, match="no sweeper since ever"):
        call_command("check_alive")
    Heartbeat.objects.create(name="sweeper", beat_at=clock.now())
    call_command("check_alive")
    opened(at=clock.now() - 3 * MINUTE)
    with pytest.raises(CommandError, match="ALERTS NOT TOLD: 2"):
        call_command("check_alive")


def test_without_an_address_nothing_is_queued_and_the_case_stands_in_the_console() -> None:
    assert opened().alerted_at == NOW
    assert not Outbox.objects.exists() and telling.healed(NOW) == 0
