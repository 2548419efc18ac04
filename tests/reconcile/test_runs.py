"""A comparison holds one page, goes on from its page after a kill, and disturbs no other."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings import reconcile
from bookings.models import Case, ReconcileRun, ReconcileSeen
from bookings.reconcile import money, runs
from bookings.reconcile.runs import Kind, Pace, Part
from fly2any.kernel.errors import Refused, Unavailable
from fly2any.kernel.pages import Page
from payments import registry as gateways
from payments.models import Payment
from payments.types import Intent, PaymentState
from suppliers import registry as airlines
from tests.reconcile import outside
from tests.trail import rows
from tests.trail.rows import NOW

pytestmark = pytest.mark.django_db(transaction=True)
AGO = NOW - timedelta(hours=10)


class Killed(BaseException):
    """As good as kill -9: nothing after it runs, what was committed stays."""


@pytest.fixture
def lists() -> Iterator[outside.Lists]:
    both = outside.Lists(size=2)
    with gateways.replaced(both), airlines.replaced(duffel=both):  # type: ignore[arg-type]
        yield both


def payments(number: int) -> list[Payment]:
    """Captured payments that Stripe knows, made ten hours ago."""
    return [rows.payment(rows.booking(status="CONFIRMED"), external_id=f"pi_{at}", state="captured",
                         captured_minor=59999, captured_elsewhere=True, asked_at=AGO, looked_at=AGO)
            for at in range(number)]


def listed(number: int) -> list[Intent]:
    return [outside.intent(f"pi_{at}", created_at=AGO) for at in range(number)]


def present(part: str = "intents", kind: Kind = Kind.FULL) -> ReconcileRun:
    return ReconcileRun.objects.filter(part=part, kind=kind).latest("started_at", "pk")


def test_every_page_is_asked_for_and_every_row_is_met(lists: outside.Lists) -> None:
    payments(5)
    lists.intents = listed(5)
    assert reconcile.full(NOW, ["intents"], rest=0)
    assert lists.asked == [("intents", ""), ("intents", "2"), ("intents", "4")]
    run = present()
    assert (run.stage, run.pages, run.compared, run.asked) == ("done", 3, 5, 0)
    assert lists.looked == []
    assert not ReconcileSeen.objects.exists()


@pytest.mark.parametrize("moment", ["asked", "compared"])
@pytest.mark.parametrize("page", [1, 2, 3, 4])
@pytest.mark.failure("O3")
def test_killed_at_any_page_it_goes_on_from_there_and_misses_nothing(
        lists: outside.Lists, monkeypatch: pytest.MonkeyPatch, page: int, moment: str) -> None:
    ours = payments(9)
    lists.intents = [one for one in listed(8) if one.external_id != "pi_5"]
    lists.unlisted = [outside.intent("pi_5"), outside.intent("pi_8")]
    met: list[str] = []
    compare, calls = money.compare_intents, 0

    def watched(items: tuple[Intent, ...], now: datetime) -> list[int]:
        nonlocal calls
        calls += 1
        if moment == "asked" and calls == page:
            raise Killed
        found = compare(items, now)
        met.extend(intent.external_id for intent in items)
        if moment == "compared" and calls == page:
            raise Killed
        return found

    monkeypatch.setattr(money, "compare_intents", watched)
    with pytest.raises(Killed):
        reconcile.full(NOW, ["intents"], rest=0)
    assert present().pages == page - 1
    lists.asked.clear()
    assert reconcile.full(NOW + timedelta(minutes=1), ["intents"], rest=0)
    assert lists.asked[0] == ("intents", "" if page == 1 else str(2 * (page - 1)))
    assert ReconcileRun.objects.count() == 1
    assert set(met) == {one.external_id for one in lists.intents}
    assert lists.looked == ["pi_5", "pi_8"], "only what the list left out is asked for one by one"
    assert len(ours) == present().compared + present().asked


def test_killed_between_the_rows_that_were_left_out_it_goes_on_there(
        lists: outside.Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    payments(5)
    lists.unlisted = list(listed(5))
    monkeypatch.setattr(runs, "BATCH", 2)
    with monkeypatch.context() as patch:
        patch.setattr(money, "ask_payment", lambda row, now: kill() if row.external_id == "pi_3" else None)

        def kill() -> None:
            raise Killed

        with pytest.raises(Killed):
            reconcile.full(NOW, ["intents"], rest=0)
    assert (present().stage, present().asked) == ("missing", 2)
    assert reconcile.full(NOW, ["intents"], rest=0)
    assert lists.looked == ["pi_2", "pi_3", "pi_4"]
    assert present().asked == 5


@pytest.mark.failure("O5")
def test_a_vendor_that_fails_in_the_middle_is_gone_on_with_and_the_others_run(lists: outside.Lists) -> None:
    payments(4)
    lists.intents = listed(4)
    lists.orders = [outside.order("ord_stranger")]

    def fail(name: str, mark: str) -> None:
        if (name, mark) == ("intents", "2"):
            raise Unavailable("gateway_down")

    lists.fail = fail
    assert not reconcile.full(NOW, rest=0)
    assert (present().stage, present().cursor, present().trouble) == ("listing", "2", "gateway_down")
    assert [case.subject for case in Case.objects.all()] == ["duffel:ord_stranger"]
    lists.fail = lambda name, mark: None
    lists.asked.clear()
    assert reconcile.full_is_due(NOW)
    assert reconcile.full(NOW + timedelta(minutes=1), ["intents"], rest=0)
    assert (lists.asked, present().trouble) == ([("intents", "2")], "")


def test_a_mark_that_the_vendor_has_forgotten_begins_the_list_again(lists: outside.Lists) -> None:
    payments(4)
    lists.intents = listed(4)
    lists.fail = lambda name, mark: forgotten() if mark == "2" and not present().restarts else None

    def forgotten() -> None:
        raise Refused("supplier_refused")

    assert not reconcile.full(NOW, ["intents"], rest=0)
    assert (present().cursor, present().restarts) == ("", 1)
    assert reconcile.full(NOW, ["intents"], rest=0)
    assert present().compared == 6  # the first page twice


def test_light_and_full_turns_have_marks_of_their_own(lists: outside.Lists) -> None:
    payments(4)
    lists.intents = listed(4)
    lists.fail = lambda name, mark: interrupted() if mark else None

    def interrupted() -> None:
        raise Unavailable("gateway_busy")

    assert not reconcile.full(NOW, ["intents"], rest=0)
    stood = present()
    lists.fail = lambda name, mark: None
    for minutes in (0, 15):
        reconcile.light(NOW + timedelta(minutes=minutes), ["intents"])
    after = present()
    assert (after.pk, after.cursor, after.since) == (stood.pk, "2", NOW - timedelta(hours=72))
    assert [run.stage for run in ReconcileRun.objects.filter(kind=Kind.LIGHT)] == ["done", "done"]
    assert reconcile.full(NOW, ["intents"], rest=0)
    assert present().compared == 4


def test_a_turn_by_hand_takes_nobodys_place(lists: outside.Lists) -> None:
    lists.orders = [outside.order("ord_old", created_at=NOW - timedelta(days=9))]
    assert reconcile.full(NOW, ["orders.duffel"], rest=0, since=NOW - timedelta(days=10))
    assert [case.subject for case in Case.objects.all()] == ["duffel:ord_old"]
    assert present("orders.duffel", Kind.HAND).since == NOW - timedelta(days=10)
    assert not ReconcileRun.objects.filter(kind=Kind.FULL).exists()


def test_of_two_that_run_at_once_one_stops(lists: outside.Lists) -> None:
    payments(6)
    lists.intents = listed(6)
    other: list[bool] = []

    def fail(name: str, mark: str) -> None:
        if mark == "2" and not other:
            other.append(True)
            other.append(reconcile.full(NOW, ["intents"], rest=0))

    lists.fail = fail
    assert not reconcile.full(NOW, ["intents"], rest=0)
    assert other == [True, True]
    assert ReconcileRun.objects.get().compared == 6


def test_the_night_is_due_once_and_until_every_list_has_ended(lists: outside.Lists) -> None:
    night = NOW.replace(hour=2, minute=0)
    assert reconcile.full_is_due(night)
    assert reconcile.full(night, [name for name in reconcile.part_names() if name != "refunds"], rest=0)
    assert reconcile.full_is_due(night + timedelta(minutes=1)), "one list is missing"
    assert reconcile.full(night + timedelta(minutes=2), ["refunds"], rest=0)
    assert not reconcile.full_is_due(night + timedelta(hours=23, minutes=59))
    assert reconcile.full_is_due(night + timedelta(days=1))


def test_a_full_turn_rests_between_two_pages() -> None:
    rests: list[float] = []
    pages = {"": Page[Any]((), "a"), "a": Page[Any]((), "b"), "b": Page[Any](())}
    part = Part("x", lambda since, mark: pages[mark], lambda items, now: [], lambda external_id, now: None)
    assert runs.work(part, Kind.FULL, Pace(lambda: NOW, 0.5, rests.append))
    assert rests == [0.5, 0.5]


def test_a_mark_that_stands_still_ends_the_list() -> None:
    part = Part("x", lambda since, mark: Page[Any]((), "a"), lambda items, now: [], lambda external_id, now: None)
    assert runs.work(part, Kind.FULL, Pace(lambda: NOW))
    assert present("x").pages == 2


def test_an_object_that_cannot_be_read_is_a_case_and_stops_nothing(lists: outside.Lists) -> None:
    payments(1)
    lists.intents, lists.unread = listed(1), ("pi_odd",)
    assert reconcile.full(NOW, ["intents"], rest=0)
    assert [(case.kind, case.subject, case.facts) for case in Case.objects.all()] == [
        ("ledgers_differ", "stripe:pi_odd", {"stripe": "cannot be read"})]


@pytest.mark.failure("S18")
def test_a_key_that_is_refused_makes_no_cases(lists: outside.Lists) -> None:
    payments(3)
    lists.fail = lambda name, mark: None

    def refused(intent_id: str) -> Intent:
        raise Refused("misconfigured")

    lists.get = refused  # type: ignore[method-assign]
    assert not reconcile.full(NOW, ["intents"], rest=0)
    assert not Case.objects.exists()
    assert (present().stage, present().trouble) == ("missing", "misconfigured")


class Endless:
    """A list of `number` intents that are made while they are read, 500 a page."""

    name = "stripe"

    def __init__(self, number: int) -> None:
        self.number = number

    def page(self, since: datetime, mark: str) -> Page[Intent]:
        start = int(mark or 0)
        found = tuple(outside.intent(f"pi_{at:06}", state=PaymentState.VOIDED, captured_minor=0)
                      for at in range(start, min(start + 500, self.number)))
        return Page(found, str(start + 500) if start + 500 < self.number else "")


def test_memory_does_not_grow_with_the_list_nor_queries_with_the_page(lists: outside.Lists) -> None:
    peaks, queries = {}, {}
    for number in (2_000, 50_000):
        part = Part(f"i{number}", Endless(number).page, money.compare_intents, money.cannot_be_read,
                    money.listed_payments, money.ask_payment)
        tracemalloc.start()
        assert runs.work(part, Kind.FULL, Pace(lambda: NOW))
        peaks[number] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert present(f"i{number}").compared == number
    assert peaks[50_000] - peaks[2_000] < 48_000 * 5, f"bytes: {peaks}; ids alone would be 60 each"
    payments(8)
    for number in (2, 8):
        with CaptureQueriesContext(connection) as seen:
            money.compare_intents(tuple(listed(number)), NOW)
        queries[number] = len(seen)
    assert queries[2] == queries[8] <= 4


def test_finished_runs_are_forgotten_but_the_last(lists: outside.Lists) -> None:
    for days in (40, 30, 1):
        reconcile.light(NOW - timedelta(days=days), ["intents"])
    assert runs.forget(NOW) == 2
    assert ReconcileRun.objects.get().started_at == NOW - timedelta(days=1)


def test_the_command_compares_what_it_is_told(lists: outside.Lists) -> None:
    lists.orders = [outside.order("ord_stranger", created_at=None)]
    said = StringIO()
    call_command("reconcile", "--full", "--part", "intents", stdout=said)
    assert {name for name, _ in lists.asked} == {"intents"}
    assert "cases open: 0" in said.getvalue()
    call_command("reconcile", "--since", "2026-11-01", stdout=said)
    assert "cases open: 1" in said.getvalue()
    assert lists.since == [datetime.fromisoformat("2026-11-01T00:00:00+00:00")]
    call_command("reconcile", stdout=said)
    assert ReconcileRun.objects.filter(kind=Kind.LIGHT, part="intents").exists()
    with pytest.raises(CommandError, match="no list 'nonsense'"):
        call_command("reconcile", "--part", "nonsense")
    with pytest.raises(CommandError, match="is not a time"):
        call_command("reconcile", "--since", "yesterday")
    lists.down = True
    with pytest.raises(CommandError, match="did not come to its end"):
        call_command("reconcile", "--full", stdout=said)
