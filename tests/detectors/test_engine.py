"""What every detector gets from the engine: once, in step with time, answered, snoozed, killed, failing, at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from bookings import alerts, cases, decide, detectors, facts, sweep
from bookings.detectors import engine
from bookings.detectors.finding import Detector, Finding
from bookings.flow import Attention
from bookings.models import Booking, Case, Heartbeat, Outbox
from fly2any.kernel import clock
from fly2any.kernel.money import Money
from payments.models import Payment
from tests.console import rows
from tests.console.rows import NOW
from tests.detectors import broken
from tests.detectors.broken import CRITICAL, HIGH, H, M, open_cases

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _address(settings: Any) -> None:
    settings.ALERT_EMAIL = "staff@example.com"


def alarms() -> int:
    return Outbox.objects.filter(kind="case_alert", channel="mail").count()


def only() -> Case:
    (case,) = open_cases()
    return case


def close(case: Case, now: datetime = NOW) -> None:
    cases.close(case, operator=get_user_model().objects.create_user("ops"), because="known", now=now)


# --- time -------------------------------------------------------------------------------------------------------


def test_a_case_that_becomes_critical_is_told_again_once_and_one_that_calms_down_is_not() -> None:
    made = broken.unknown_outcome()
    detectors.run(NOW, ["M4"])
    assert (only().severity, alarms()) == (HIGH, 1)
    for minutes in (0, 1):
        detectors.run(NOW + 6 * H + minutes * M, ["M4"])
    assert (only().severity, alarms()) == (CRITICAL, 2)
    made.mend()
    broken.gave_up_unknown()
    detectors.run(NOW + 6 * H + 2 * M, ["M4"])
    detectors.run(NOW + 30 * H, ["M4"])
    assert (only().severity, alarms()) == (HIGH, 3), "a late ticket is less likely now: nobody is woken for that"


@pytest.mark.failure("A4")
def test_the_ticketing_deadline_is_told_24_6_and_2_hours_before() -> None:
    broken.ticketing_deadline()
    told = []
    for hours in (0, 16, 17, 18, 21, 22):
        detectors.run(NOW + hours * H, ["M12"])
        told.append(alarms())
    assert told == [1, 1, 2, 2, 3, 3]


def test_a_snoozed_case_is_kept_up_to_date_in_silence_and_wakes_when_it_becomes_critical() -> None:
    broken.ticketing_deadline()
    detectors.run(NOW, ["M12"])
    Case.objects.update(snoozed_until=NOW + 40 * H, snoozed_because="the agency opens at nine")
    detectors.run(NOW + 18 * H, ["M12"])
    assert (only().seen_at, only().snoozed_until, alarms()) == (NOW + 18 * H, NOW + 40 * H, 1)
    assert alerts.repeat(NOW + 18 * H) == 0
    detectors.run(NOW + 21 * H, ["M12"])
    assert (only().severity, only().snoozed_until, only().snoozed_because, alarms()) == (CRITICAL, None, "", 2)


def test_a_snoozed_critical_case_is_not_told_every_quarter_of_an_hour() -> None:
    broken.refunded_but_live()
    detectors.run(NOW, ["M10"])
    Case.objects.update(snoozed_until=NOW + 2 * H)
    assert [alerts.repeat(NOW + hours * H) for hours in (1, 2)] == [0, 1]


# --- one case, whoever opens it first -----------------------------------------------------------------------------


def test_what_the_driver_raised_is_the_same_case_and_gets_its_values_and_date() -> None:
    made = broken.cancelled_and_not_refunded()
    assert made.booking is not None
    assert decide.decide(facts.load(made.booking).picture(), NOW) == Attention("refund_due")
    cases.open_case(kind="refund_due", subject=made.subject, booking=made.booking, now=NOW - M)
    detectors.run(NOW, ["M1", "M9"])
    case = only()
    assert (case.opened_at, case.deadline, case.seen_at) == (NOW - M, made.deadline, NOW)
    assert case.facts == {"order": f"ord_{made.booking.pk:04}", "state": "cancelled", "owed": "USD 500.00",
                          "refunded": "USD 0.00", "legal date": "2026-12-03 04:59:00 UTC"}
    assert (case.money_minor, case.currency) == (50_000, "USD")


def test_a_case_closed_before_any_detector_saw_it_stays_closed_until_its_values_change() -> None:
    made = broken.charged_without_order()
    cases.open_case(kind="charged_without_order", subject=made.subject, booking=made.booking, now=NOW - M)
    close(Case.objects.get())
    detectors.run(NOW, ["M1"])
    detectors.run(NOW + M, ["M1"])
    assert open_cases() == []
    assert made.change is not None
    made.change()
    detectors.run(NOW + 2 * M, ["M1"])
    assert only().facts["refunded"] == "USD 200.00"


def test_a_mismatch_that_healed_and_comes_back_is_a_new_case() -> None:
    broken.dispute()
    detectors.run(NOW, ["M15"])
    Payment.objects.update(disputed=False)
    detectors.run(NOW + M, ["M15"])
    Payment.objects.update(disputed=True)
    detectors.run(NOW + 2 * M, ["M15"])
    assert Case.objects.count() == 2 and only().opened_at == NOW + 2 * M


def test_the_driver_goes_on_although_a_detector_opened_the_case_first() -> None:
    made = broken.charged_for_a_lost_order()
    detectors.run(NOW, ["M1"])
    assert made.booking is not None
    decision = decide.decide(facts.load(made.booking).picture(), NOW)
    assert not isinstance(decision, Attention) and "refund" in str(decision)


def test_money_taken_while_the_seats_were_held_is_told_until_it_is_back() -> None:
    booking = rows.booking(status="CANCELLING", wish="cancel")
    rows.order(booking, "cancelling", ticketed_at=None)
    paid = rows.payment(booking, order=None, captured_elsewhere=True)
    cases.open_case(kind="charged_without_order", subject=f"booking:{booking.pk}", booking=booking, now=NOW)
    detectors.run(NOW + 5 * M, ["M1", "M9"])
    booking.orders.update(state="cancelled")
    detectors.run(NOW + 6 * M, ["M1", "M9"])
    assert only().kind == "charged_without_order"
    Booking.objects.update(agreed_refund_minor=40_000)
    rows.refund(paid, 40_000)
    detectors.run(NOW + 7 * M, ["M1", "M9"])
    assert open_cases() == []


# --- what goes wrong ----------------------------------------------------------------------------------------------


def found(*subjects: str, kind: str = "dispute") -> Detector:
    return Detector("M15", "test", {kind: "a rule"}, lambda now: (Finding(kind, one) for one in subjects), ("t:",))


def test_killed_half_way_it_is_done_at_the_next_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engine.DETECTORS, "M15", found("t:old"))
    detectors.run(NOW - M, ["M15"])

    def killed(now: datetime) -> Iterator[Finding]:
        yield from (Finding("dispute", f"t:{number}") for number in range(engine.BATCH + 1))
        raise KeyboardInterrupt

    monkeypatch.setitem(engine.DETECTORS, "M15", Detector("M15", "test", {"dispute": "a rule"}, killed, ("t:",)))
    with pytest.raises(KeyboardInterrupt):
        detectors.run(NOW, ["M15"])
    assert Case.objects.filter(closed_at=None).count() == engine.BATCH + 1, "the old one is not closed by half a run"
    monkeypatch.setitem(engine.DETECTORS, "M15", found("t:0", "t:1", "t:0"))
    assert detectors.run(NOW + M, ["M15"]).healed == engine.BATCH - 1
    assert {case.subject for case in open_cases()} == {"t:0", "t:1"}
    assert Case.objects.filter(subject="t:0").count() == 1


@pytest.mark.failure("O9")
def test_one_that_fails_is_a_case_and_does_not_silence_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(now: datetime) -> Iterator[Finding]:
        yield Finding("dispute", "t:1")
        raise ValueError("a bug of ours")

    broken.refunded_but_live()
    monkeypatch.setattr(engine, "DETECTORS", {
        "M15": Detector("M15", "test", {"dispute": "a rule"}, fails, ("t:",)), "M10": detectors.DETECTORS["M10"]})
    assert detectors.run(NOW).failed == ("M15",)
    assert [(case.kind, case.subject) for case in open_cases()] == [
        ("detector_failed", "detector:M15"), ("refunded_but_live", open_cases()[1].subject)]
    assert Case.objects.get(kind="detector_failed").facts == {"error": "ValueError"}
    assert Heartbeat.objects.get(name=engine.HEARTBEAT).note["failed"] == ["M15"]
    engine.DETECTORS["M15"] = found()
    detectors.run(NOW + M)
    assert [case.kind for case in open_cases()] == ["refunded_but_live"]


def test_postgres_forbids_a_second_open_case_of_one_mismatch() -> None:
    broken.unknown_outcome()
    detectors.run(NOW, ["M4"])
    again = only()
    again.pk, again.opened_at = None, NOW + H
    with pytest.raises(IntegrityError, match="case_is_opened_once"), transaction.atomic():
        again.save(force_insert=True)


@pytest.mark.django_db(transaction=True)
def test_two_at_once_open_one_case_and_tell_it_once() -> None:
    broken.unknown_outcome()
    for now in (NOW, NOW + 6 * H):
        ready = Barrier(2)

        def look(_: int, now: datetime = now, ready: Barrier = ready) -> None:
            ready.wait()
            try:
                detectors.run(now, ["M4"])
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(look, range(2)))
    assert (only().severity, alarms()) == (CRITICAL, 2)


def test_a_run_asks_as_many_queries_for_many_findings_as_for_few() -> None:
    asked = []
    for number in (3, 20):
        for _ in range(number):
            rows.payment(rows.booking(status="CONFIRMED"), "authorised", disputed=True, asked_at=NOW)
        detectors.run(NOW + number * M, ["M15"])
        with CaptureQueriesContext(connection) as counted:
            detectors.run(NOW + number * M + M, ["M15"])
        asked.append(len(counted))
    assert len(open_cases()) == 23 and asked[0] == asked[1]


# --- reporting from outside ---------------------------------------------------------------------------------------


def test_what_only_a_vendors_list_shows_is_reported_and_not_closed_by_our_own_detectors() -> None:
    detectors.report(Finding("orphaned_booking", "duffel:ord_9", facts={"state": "ticketed"}, also={"seen": 1},
                             money=Money(12_300, "EUR"), deadline=NOW + H), NOW)
    detectors.report(Finding("orphaned_booking", "duffel:ord_9", facts={"state": "ticketed"}, also={"seen": 2}), NOW + M)
    detectors.run(NOW + 2 * M, ["M5"])
    case = only()
    assert (case.facts, case.deadline) == ({"state": "ticketed", "seen": 2}, NOW + H)
    assert (case.money_minor, case.currency, case.seen_at) == (12_300, "EUR", NOW + M)


def test_two_detectors_of_one_code_become_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "DETECTORS", {})
    engine.register(found("t:1"), Detector("M15", "other", {"duplicate_order": "another"}, lambda now: [
        Finding("duplicate_order", "u:1")], ("u:",)))
    both = engine.DETECTORS["M15"]
    assert (both.kinds, both.subjects, both.rule) == (("dispute", "duplicate_order"), ("t:", "u:"), "a rule another")
    assert detectors.run(NOW).found == 2
    assert detectors.rule_of("detector_failed") == detectors.rule_of("change_requested") == ""


# --- the sweeper --------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_sweeper_runs_them_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    sweeper = sweep.Sweeper()
    monkeypatch.setattr(sweeper, "_job", lambda name, work: ran.append(name))
    sweeper.round()
    sweeper.round()
    assert ran.count("detectors") == 1
    Heartbeat.objects.filter(name="detectors").update(beat_at=clock.now() - sweep.DETECT_EVERY)
    sweeper.round()
    assert ran.count("detectors") == 2


def test_while_the_sweeper_is_silent_the_worker_looks_whether_anything_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    broken.recovery_stopped()
    broken.no_progress()
    monkeypatch.setattr(sweep, "_watched_at", -1e9)
    monkeypatch.setattr(sweep.mail, "send_due", lambda now, limit: 0)
    sweep.watch_sweeper(lambda: NOW)
    assert {case.kind for case in open_cases()} == {"recovery_stopped", "no_progress"}
    close(Case.objects.get(kind="recovery_stopped"))
    monkeypatch.setattr(sweep, "_watched_at", -1e9)
    sweep.watch_sweeper(lambda: NOW + M)
    assert {case.kind for case in open_cases()} == {"no_progress"}, "known, and not told again"


@pytest.mark.failure("K14")
def test_a_promise_kept_again_closes_its_case() -> None:
    made = rows.booking(status="PENDING", due_at=None)
    alerts.promises(NOW)
    assert Case.objects.filter(kind="invariant_broken", subject=f"I4:{made.reference}", closed_at=None).exists()
    Booking.objects.update(due_at=NOW + H)
    alerts.promises(NOW + M)
    assert not Case.objects.filter(subject=f"I4:{made.reference}", closed_at=None).exists()
