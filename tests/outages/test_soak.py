"""The soak (docs/soak.md): its plan repeats itself, its questions can be answered with no, and two minutes of it pass."""

from __future__ import annotations

import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from bench.soak import verdict
from bench.soak.plan import AN_HOUR, NEEDS_BROKER, SECOND, plan
from bench.soak.watch import Life, Watch, grows
from tests.stack import ROOT


def test_a_number_repeats_the_plan_and_another_makes_another() -> None:
    assert plan(7, 60) == plan(7, 60)
    assert plan(7, 60) != plan(8, 60)


@pytest.mark.parametrize("minutes", [2, 5, 60])
def test_a_plan_has_every_kind_of_trouble_and_spares_one_of_each_pair(minutes: int) -> None:
    deeds, broker = plan(3, minutes), set(AN_HOUR) | {"rolling_restart", "migrate"}
    assert {deed.what for deed in deeds} == broker
    assert {deed.what for deed in plan(3, minutes, broker=False)} == broker - NEEDS_BROKER
    assert all(0 < deed.at < minutes * 60 for deed in deeds)
    killed = [deed for deed in deeds if deed.what in ("kill", "kill_child")]
    assert all((deed.whom in SECOND) == (deed.at <= minutes * 30) for deed in killed)
    assert not [deed for deed in plan(3, minutes, broker=False) if "worker" in deed.whom]


@pytest.mark.parametrize(("waited", "how", "broken"), [
    (29.9, "200", False), (30.1, "200", True), (30.1, "refused", True), (0.1, "500", True), (0.1, "503", False),
    (0.1, "refused", False), (0.1, "broken", False)])
def test_who_waited_too_long_or_met_an_error_is_a_breach(waited: float, how: str, broken: bool) -> None:
    told, wrong = verdict.waiting([["api book", 1.0, 0.2, "200"], ["api book", 2.0, waited, how]])
    assert bool(wrong) == broken
    assert told["seconds"]["api book"]["max"] == max(waited, 0.2)


def test_a_broken_promise_and_nobody_there_are_breaches_and_a_customer_who_left_is_none() -> None:
    ends = [["hold", "left: held, not paid", 4], ["hold", "CONFIRMED", 9]]
    assert verdict.stories(ends) == []
    assert len(verdict.stories([*ends, ["hold", "WRONG: AssertionError two", 1], ["hold", "UNREACHABLE: book", 2]])) == 2


@pytest.mark.parametrize(("last", "leaks"), [(150.0, False), (170.0, False), (190.0, True)])
def test_memory_that_grows_from_the_first_to_the_last_quarter_is_a_leak(last: float, leaks: bool) -> None:
    """Counted after the first minutes, in which every process fills its caches."""
    life = Life("web, a process", 1, [(at, 90.0 if at < 180 else 150 + (last - 150) * (at - 180) / 1620)
                                      for at in range(0, 1801, 5)])
    assert life.judged[0][0] == 180
    assert grows(life.judged) == leaks


class Site:
    """Rows of an outbox, and the folder that mails are written to."""

    def __init__(self, folder: Path, rows: list[tuple[Any, ...]]) -> None:
        self.folder, self._rows = folder, rows
        (folder / "mail").mkdir()

    def went(self, number: int) -> None:
        """One mail of this row arrives."""
        message = EmailMessage()
        message["Message-ID"] = f"<outbox-{number}@127.0.0.1>"
        name = f"{len(list((self.folder / 'mail').iterdir()))}.eml"
        (self.folder / "mail" / name).write_bytes(message.as_bytes())

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """The outbox; the two other questions find nothing."""
        return self._rows if statement.startswith("SELECT id, kind") else []


@pytest.mark.parametrize(("row", "copies", "broken"), [
    ((1, "confirmed", True, "", 1, True), 1, False), ((1, "confirmed", True, "", 1, True), 0, True),
    ((1, "confirmed", True, "", 1, True), 2, True), ((1, "confirmed", True, "", 2, True), 2, False),
    ((1, "confirmed", False, "", 1, True), 0, True), ((1, "confirmed", False, "", 1, True), 1, True),
    ((1, "hold_reminder_2", False, "", 0, False), 0, False), ((1, "confirmed", False, "no longer confirmed", 1, True), 0,
                                                              False)])
def test_every_mail_goes_out_once(tmp_path: Path, row: tuple[Any, ...], copies: int, broken: bool) -> None:
    site = Site(tmp_path, [row])
    for _ in range(copies):
        site.went(row[0])
    assert bool(verdict.mails(site)[1]) == broken  # type: ignore[arg-type]
    site.went(99)
    assert any("nobody wrote it" in wrong for wrong in verdict.mails(site)[1])  # type: ignore[arg-type]


def test_a_program_that_takes_ever_more_connections_is_a_breach() -> None:
    watch = Watch(None, 0.0)  # type: ignore[arg-type]
    watch.connections["web"] = [(at, 12 + at // 100) for at in range(0, 1800, 5)]
    watch.connections["worker"] = [(at, 4 + at % 3) for at in range(0, 1800, 5)]
    told, wrong = verdict.connections(watch, 1800.0)
    assert [line.partition(" ")[0] for line in wrong] == ["web"]
    assert told["worker"]["most"] == 6
    assert verdict.connections(watch, 120.0) == ({}, []), "pools are still filling"


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--no-redis",)], ids=["redis", "no redis"])
def test_two_minutes_of_the_soak_end_right(tmp_path_factory: pytest.TempPathFactory, more: tuple[str, ...]) -> None:
    out = tmp_path_factory.mktemp("soak")
    done = subprocess.run([sys.executable, "-m", "bench.soak", "--minutes", "2", "--rate", "1", "--seed", "1", "--out",
                           str(out), *more], cwd=ROOT, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
