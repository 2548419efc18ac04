"""Alerts are told again until somebody takes the case; breakers and broken promises become cases by themselves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from celery.signals import worker_ready
from django.contrib.auth import get_user_model

from bookings import alerts, cases, desk, sweep, tasks
from bookings.models import Booking, Case, Heartbeat, Outbox
from fly2any.kernel import clock
from suppliers.models import BreakerState
from tests.trail import rows
from tests.trail.rows import NOW

pytestmark = pytest.mark.django_db(transaction=True)
QUARTER = timedelta(minutes=15)


@pytest.fixture(autouse=True)
def _address(settings: pytest.FixtureRequest) -> None:
    settings.ALERT_EMAIL = "staff@example.com"  # type: ignore[attr-defined]


def opened(kind: str) -> Case:
    booking = rows.booking()
    case = cases.open_case(kind=kind, subject=f"booking:{booking.pk}", booking=booking, now=NOW)
    assert case is not None
    return case


def alarms() -> int:
    return Outbox.objects.filter(kind="case_alert").count()


def staff() -> object:
    return get_user_model().objects.create_user("staff", is_staff=True)


def test_a_critical_case_is_told_every_quarter_of_an_hour() -> None:
    opened("charged_without_order")
    assert alarms() == 1
    assert alerts.repeat(NOW + QUARTER - timedelta(seconds=1)) == 0
    assert alerts.repeat(NOW + QUARTER) == 1
    assert alerts.repeat(NOW + QUARTER) == 0  # a second sweeper in the same moment
    assert alerts.repeat(NOW + 2 * QUARTER) == 1
    assert alarms() == 3
    assert set(Outbox.objects.values_list("to", flat=True)) == {"staff@example.com"}


def test_a_high_case_is_told_once() -> None:
    opened("dispute")
    assert alerts.repeat(NOW + QUARTER) == 0
    assert alarms() == 1


@pytest.mark.parametrize("verb", ["look_again", "mark_handled"])
def test_who_answers_the_case_has_taken_it(verb: str) -> None:
    case = opened("refunded_but_live")
    Booking.objects.filter(pk=case.booking_id).update(status="CONFIRMED", progress="done")
    operator = get_user_model().objects.create_superuser("boss")
    desk.do(desk.ACTIONS[verb], by=desk.By(operator, "seen", "press 1"), params={}, case_id=case.pk)
    assert alerts.repeat(NOW + QUARTER) == 0
    assert alarms() == 1


def test_an_open_breaker_is_a_case_until_the_supplier_answers() -> None:
    row = BreakerState.objects.create(supplier="duffel", kind="order", open_until=NOW, reason="supplier_down")
    alerts.tell(NOW)
    alerts.tell(NOW)
    case = Case.objects.get(kind="breaker_open")
    assert (case.subject, case.facts, case.closed_at) == ("duffel:order", {"reason": "supplier_down"}, None)
    row.open_until = None
    row.save()
    alerts.tell(NOW + timedelta(minutes=1))
    case.refresh_from_db()
    assert case.closed_at == NOW + timedelta(minutes=1)


def test_a_breaker_that_a_person_has_seen_is_not_told_again_within_the_hour() -> None:
    BreakerState.objects.create(supplier="duffel", kind="order", open_until=NOW)
    alerts.breakers(NOW)
    cases.close(Case.objects.get(), operator=staff(), because="known outage", now=NOW)  # type: ignore[arg-type]
    alerts.breakers(NOW + timedelta(minutes=59))
    assert Case.objects.count() == 1
    alerts.breakers(NOW + timedelta(minutes=61))
    assert Case.objects.count() == 2


@pytest.mark.failure("K14")
def test_a_broken_invariant_becomes_one_case() -> None:
    booking = rows.booking(status="PENDING", due_at=None)
    found = alerts.promises(NOW)
    assert found > 0
    broken = Case.objects.filter(kind="invariant_broken", subject=f"I4:{booking.reference}")
    assert broken.count() == 1 and broken.get().booking == booking
    alerts.promises(NOW)
    assert broken.count() == 1


def test_the_sweeper_tells_and_checks_the_promises_once_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    case = opened("charged_without_order")
    Case.objects.filter(pk=case.pk).update(alerted_at=clock.now() - QUARTER)
    Booking.objects.filter(pk=case.booking_id).update(due_at=None)
    asked = []
    monkeypatch.setattr(alerts, "promises", lambda now: asked.append(now))
    monkeypatch.setattr(sweep.reconcile, "light", lambda now: None)
    monkeypatch.setattr(sweep.reconcile, "full_is_due", lambda now: False)
    sweeper = sweep.Sweeper()
    monkeypatch.setattr(sweeper, "_job", lambda name, work: work())
    sweeper.round()
    sweeper.round()
    assert len(asked) == 1
    assert Outbox.objects.filter(kind="case_alert", case=case).count() == 2


@pytest.mark.failure("K12")
def test_while_the_sweeper_is_silent_the_worker_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    Heartbeat.objects.create(name="sweeper", beat_at=NOW - timedelta(minutes=4))
    monkeypatch.setattr(sweep, "_watched_at", -1e9)
    sweep.watch_sweeper(lambda: NOW)
    monkeypatch.setattr(sweep, "_watched_at", -1e9)
    sweep.watch_sweeper(lambda: NOW + QUARTER)
    assert Case.objects.filter(kind="recovery_stopped").count() == 1
    assert alarms() == 2


@pytest.mark.failure("K12")
def test_a_worker_without_work_notices_a_silent_sweeper(monkeypatch: pytest.MonkeyPatch) -> None:
    Heartbeat.objects.create(name="sweeper", beat_at=clock.now() - timedelta(minutes=4))
    assert tasks.watch_over_the_sweeper in [receiver() for _, receiver in worker_ready.receivers]
    monkeypatch.setattr(sweep, "_watched_at", -1e9)
    monkeypatch.setattr(sweep, "WATCH_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(tasks.logger, "exception", lambda word: pytest.fail(word))
    tasks._watch(rounds=2)
    assert Case.objects.filter(kind="recovery_stopped", closed_at=None).count() == 1


def test_mail_waits_neither_for_an_airline_that_does_not_answer_nor_for_long_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    sweeper, silence, mailed = sweep.Sweeper(), threading.Event(), threading.Event()
    monkeypatch.setattr(sweep, "advance", lambda booking_id, actor: silence.wait(20))
    for number in range(sweep.DRIVERS):
        sweeper._drive(number)
    for number in range(sweep.CHORES):
        sweeper._job(f"list {number}", lambda: silence.wait(20))
    sweeper._job("mail", mailed.set)
    try:
        assert mailed.wait(10)
    finally:
        silence.set()
        sweeper._chores.shutdown()
        for pool in (sweeper._pool, sweeper._tellers):
            pool.shutdown()


def test_the_nightly_count_is_not_lost_to_the_count_of_the_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    asked, sweeper = [], sweep.Sweeper()
    holding, begun = threading.Event(), threading.Event()
    monkeypatch.setattr(sweep, "claim_turn", lambda name, now, every: name.startswith("figures"))
    monkeypatch.setattr(sweep.figures, "collect", lambda now: holding.wait(20))
    monkeypatch.setattr(sweep.figures, "recount", lambda now: (asked.append(now), begun.set()))
    for other in ("mail.send_due", "alerts.tell", "telling.healed", "chat.send_due", "reconcile.rematch"):
        monkeypatch.setattr(f"bookings.sweep.{other}", lambda *values: None)
    try:
        sweeper.round()  # both turns fall into one round, and the first is not done yet
        assert begun.wait(10)
    finally:
        holding.set()
        sweeper._chores.shutdown()
    assert len(asked) == 1


def test_the_sweeper_erases_abandoned_drafts_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    words = {"wish": "draft", "status": "DRAFT", "wished_at": None}
    rows.booking(offer_expires_at=clock.now() - timedelta(hours=2), **words)
    monkeypatch.setattr(sweep.reconcile, "light", lambda now: None)
    monkeypatch.setattr(sweep.reconcile, "full_is_due", lambda now: False)
    monkeypatch.setattr(sweep.retention, "run", lambda now: {})
    sweeper = sweep.Sweeper()
    monkeypatch.setattr(sweeper, "_job", lambda name, work: work())
    sweeper.round()
    assert Booking.objects.get(wish="draft").contact_email == ""
