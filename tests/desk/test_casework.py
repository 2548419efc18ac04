"""Resume, note, assign, snooze, wake, mark handled: when they may be done, and what is kept of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bookings import desk
from bookings.models import Booking, Case, Diary, StaffAction
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from tests.console import rows
from tests.desk.pressing import Desk, form_errors, somebody

pytestmark = pytest.mark.django_db


def test_resume_lets_the_worker_go_on_and_is_told_once_per_key(at_desk: Desk) -> None:
    b = rows.booking(parked_at=rows.NOW, attempts=10, due_at=rows.NOW)
    case = rows.case(b, "parked")
    done = at_desk.press("resume", case=case, key="press-1")
    b.refresh_from_db()
    case.refresh_from_db()
    assert (b.parked_at, b.attempts) == (None, 0) and b.due_at is not None and b.due_at > rows.NOW
    assert case.closed_at is not None and case.closed_by is None
    assert (done.row.before["parked"], done.row.after["parked"]) == (True, False)
    again = at_desk.press("resume", case=case, key="press-1")
    assert again.again and StaffAction.objects.count() == 1
    assert at_desk.why_not("resume", booking=b) == "", "an unfinished one may be hurried"
    assert "nothing left" in at_desk.why_not("resume", booking=rows.confirmed())


def test_a_note_is_kept_and_takes_nothing(at_desk: Desk) -> None:
    case = rows.case(rows.confirmed())
    at_desk.press("note", case=case, reason="The airline calls back at four.")
    case.refresh_from_db()
    assert case.taken_by is None
    assert StaffAction.objects.get().reason == "The airline calls back at four."
    assert Diary.objects.get(event="staff.note").cause == "The airline calls back at four."
    assert at_desk.why_not("note") != ""


def test_a_case_goes_to_a_colleague_who_is_there(at_desk: Desk) -> None:
    case, colleague, gone = rows.case(rows.confirmed()), somebody(), somebody()
    gone.is_active = False
    gone.save()
    at_desk.press("assign", case=case, to=colleague.pk)
    case.refresh_from_db()
    assert case.taken_by == colleague
    assert "to" in form_errors(desk.ACTIONS["assign"], desk.situation_of(case=case), to=gone.pk)
    with pytest.raises(Problem, match="cannot take cases"):
        at_desk.press("assign", case=case, params={"to": gone.pk})


def test_a_case_sleeps_and_is_woken(at_desk: Desk) -> None:
    case = rows.case(rows.confirmed(), "dispute")
    assert "does not sleep" in at_desk.why_not("wake", case=case)
    at_desk.press("snooze", case=case, hours=24, reason="The bank answers tomorrow.")
    case.refresh_from_db()
    assert case.snoozed_until is not None and case.snoozed_because == "The bank answers tomorrow."
    assert timedelta(hours=23) < case.snoozed_until - clock.now() <= timedelta(hours=24)
    at_desk.press("wake", case=case)
    case.refresh_from_db()
    assert (case.snoozed_until, case.snoozed_because) == (None, "")


def test_nothing_critical_late_or_longer_than_its_deadline_sleeps(at_desk: Desk) -> None:
    critical = rows.case(rows.confirmed(), "charged_without_order")
    late = rows.case(rows.confirmed(), "dispute", deadline=clock.now() - timedelta(minutes=1))
    soon = rows.case(rows.confirmed(), "dispute", deadline=clock.now() + timedelta(hours=2))
    assert "critical" in at_desk.why_not("snooze", case=critical)
    assert "deadline" in at_desk.why_not("snooze", case=late)
    with pytest.raises(Problem, match="must be solved by"):
        at_desk.press("snooze", case=soon, hours=4)
    assert "hours" in form_errors(desk.ACTIONS["snooze"], desk.situation_of(case=soon), hours=24 * 15)
    assert not StaffAction.objects.exists() and not Case.objects.exclude(snoozed_until=None).exists()


@pytest.mark.parametrize("parked", [True, False])
def test_the_last_case_of_a_booking_that_the_worker_left_stays_open(at_desk: Desk, parked: bool) -> None:
    b = rows.booking(due_at=None, parked_at=rows.NOW if parked else None)
    case = rows.case(b, "parked" if parked else "compensation_failed")
    assert at_desk.why_not("mark_handled", case=case)
    with pytest.raises(Problem):
        at_desk.press("mark_handled", case=case)
    other = rows.case(b, "unknown_outcome")
    assert at_desk.why_not("mark_handled", case=case) == ""
    other.delete()
    Booking.objects.filter(pk=b.pk).update(due_at=clock.now(), parked_at=None)
    case.refresh_from_db()
    at_desk.press("mark_handled", case=case)


@pytest.mark.parametrize("name", ["resume", "assign", "snooze", "wake", "note"])
def test_who_may_not_is_refused_and_nothing_is_written(at_desk: Desk, name: str) -> None:
    case = rows.case(rows.confirmed(), "dispute")
    with pytest.raises(Problem) as refused:
        at_desk.press(name, case=case, by=somebody("do_look_again"), params={})
    assert refused.value.code == "forbidden" and not StaffAction.objects.exists()
