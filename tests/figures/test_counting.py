"""Counts kept in memory: written once however often they are written, kept while the database is away, never a person."""

from __future__ import annotations

import logging
import os
import uuid
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from bookings.models import Seen, Tally
from fly2any import counted
from fly2any.kernel import counting
from fly2any.kernel.counting import Counts

pytestmark = pytest.mark.django_db


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    fresh = Counts()
    monkeypatch.setattr(counting, "_here", fresh)
    return fresh


def tallies() -> dict[tuple[str, str], int]:
    return {(row.name, row.dim): row.n for row in Tally.objects.all()}


@pytest.mark.failure("O8")
def test_a_count_is_written_as_it_stands_so_writing_twice_counts_once(counts: Counts) -> None:
    for _ in range(3):
        counting.add("web.5xx", "500")
    assert counts.write() == 1
    assert counts.write() == 0
    counting.add("web.5xx", "500")
    counts.write()
    assert tallies() == {("web.5xx", "500"): 4}
    other = Counts()  # another process has a row of its own
    other.add("web.5xx", "500")
    other.write()
    assert sorted(Tally.objects.values_list("n", flat=True)) == [1, 4]


def test_a_database_that_is_away_loses_nothing(counts: Counts, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = uuid.uuid4()
    counting.add("db.error", "OperationalError")
    counting.look(subject, "results")
    with monkeypatch.context() as patch:
        patch.setattr(Counts, "_put", lambda *_: (_ for _ in ()).throw(OperationalError("away")))
        with pytest.raises(OperationalError):
            counts.write()
    counting.add("db.error", "OperationalError")
    counts.write()
    assert tallies() == {("db.error", "OperationalError"): 2}
    assert Seen.objects.get().subject == subject


def test_a_look_counts_once_for_ever(counts: Counts) -> None:
    subject = uuid.uuid4()
    for step in ("results", "results", "payment"):
        counting.look(subject, step)
        counts.write()
    assert sorted(Seen.objects.values_list("step", flat=True)) == ["payment", "results"]


def test_memory_is_bounded(counts: Counts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MOST", 2)
    for name in ("a", "b", "c", "a"):
        counting.add(name)
    counts.write()
    assert tallies() == {("a", ""): 2, ("b", ""): 1}


@pytest.mark.parametrize(("path", "status", "counted_"), [
    ("/", 500, 1), ("/api/x", 503, 1), ("/", 200, 0), ("/", 404, 0), ("/readyz", 503, 0)])
def test_answers_that_say_we_failed_are_counted(counts: Counts, path: str, status: int, counted_: int) -> None:
    def answer(request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=status)

    counted.CountingMiddleware(answer)(RequestFactory().get(path))
    counts.write()
    assert tallies() == ({("web.5xx", str(status)): 1} if counted_ else {})


def test_each_logged_database_error_counts_once(counts: Counts) -> None:
    logger = logging.getLogger("tests.figures")
    logger.addHandler(counted.DatabaseErrors())
    logger.propagate = False
    for error in (OperationalError("gone"), IntegrityError("twice"), ValueError("ours")):
        try:
            raise error
        except Exception:
            logger.exception("first")
            logger.exception("again")
    try:
        try:
            raise DatabaseError("inside")
        except DatabaseError as inner:
            raise RuntimeError("around") from inner
    except RuntimeError:
        logger.exception("wrapped")
    counts.write()
    assert tallies() == {("db.error", "OperationalError"): 1, ("db.error", "DatabaseError"): 1}


def test_an_unproven_message_is_counted(counts: Counts, client: Client) -> None:
    assert client.post("/api/payments/webhook", b"{}", content_type="application/json").status_code == 400
    counts.write()
    assert {name: n for (name, _), n in tallies().items()} == {"webhook.refused": 1}


def test_only_programs_write(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    monkeypatch.setattr(counting.threading, "Thread", lambda **words: started.append(words) or _Quiet())
    monkeypatch.setattr(counting.atexit, "register", lambda *_: None)
    monkeypatch.setattr(counting, "_writing", [])
    counting.add("x")
    assert started == []
    counting.start()
    counting.start()  # once per process
    assert len(started) == 1


def test_a_forked_process_counts_from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting.threading, "Thread", lambda **_: _Quiet())
    monkeypatch.setattr(counting.atexit, "register", lambda *_: None)
    monkeypatch.setattr(counting, "_writing", [os.getpid() + 1])  # its parent
    monkeypatch.setattr(counting, "_here", counting.Counts())
    parents = counting._here.process
    counting.add("x")
    counting.start()
    assert counting._here.process != parents and not counting._here._counts and not counting._here._changed


class _Quiet:
    def start(self) -> None:
        """Nothing runs in a test."""
