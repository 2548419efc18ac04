"""The limits of a search, and asking all suppliers at once without holding a connection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connections, transaction

from fly2any.kernel.errors import Outside, Refused, Unavailable
from suppliers import breaker, registry, search
from suppliers.types import Leg, SearchQuery

TODAY = date(2026, 11, 21)
GOOD = SearchQuery(legs=(Leg("JFK", "LON", TODAY), Leg("LON", "JFK", TODAY)))


class Fake:
    """A supplier whose search does what the test says."""

    def __init__(self, search: Callable[[], list[Any]]) -> None:
        self.answer = search

    def search(self, query: SearchQuery) -> list[Any]:
        return self.answer()


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    breaker.reset()
    yield
    breaker.reset()


def test_a_good_search_is_allowed() -> None:
    assert search.validate(GOOD, TODAY) == {}
    last = TODAY + timedelta(days=330)
    assert search.validate(replace(GOOD, legs=(Leg("JFK", "LON", last),)), TODAY) == {}
    assert search.validate(replace(GOOD, adults=4, child_ages=(2, 17), infants=3), TODAY) == {}


@pytest.mark.parametrize(("change", "field"), [
    ({"legs": ()}, "legs"),
    ({"legs": (Leg("JFK", "LON", TODAY),) * 5}, "legs"),
    ({"legs": (Leg("JFK", "LON", TODAY - timedelta(days=1)),)}, "departureDate"),
    ({"legs": (Leg("JFK", "LON", TODAY + timedelta(days=331)),)}, "departureDate"),
    ({"legs": (Leg("JFK", "LON", TODAY + timedelta(days=2)), Leg("LON", "JFK", TODAY + timedelta(days=1)))},
     "returnDate"),
    ({"legs": (Leg("QQQ", "LON", TODAY),)}, "origin"),
    ({"legs": (Leg("JFK", "", TODAY),)}, "destination"),
    ({"legs": (Leg("JFK", "JFK", TODAY),)}, "destination"),
    ({"legs": (Leg("LHR", "LON", TODAY),)}, "destination"),
    ({"adults": 0}, "adults"),
    ({"adults": -1, "infants": -1}, "infants"),
    ({"adults": 10}, "adults"),
    ({"adults": 5, "child_ages": (3, 4, 5, 6, 7)}, "adults"),
    ({"adults": 1, "infants": 2}, "infants"),
    ({"child_ages": (1,)}, "children"),
    ({"child_ages": (18,)}, "children"),
    ({"cabin": "cattle"}, "cabin"),
])
def test_a_search_outside_the_limits_says_where_and_why(change: dict[str, Any], field: str) -> None:
    wrong = search.validate(replace(GOOD, **change), TODAY)
    assert wrong[field].endswith(".")


@pytest.mark.django_db(transaction=True)
def test_suppliers_are_asked_at_the_same_time_and_one_failing_does_not_spoil_the_others(settings: Any) -> None:
    settings.DUFFEL_ACCESS_TOKEN = ""
    both = threading.Barrier(2, timeout=5)

    def good() -> list[Any]:
        both.wait()
        return ["an offer"]

    def bad() -> list[Any]:
        both.wait()
        raise Refused("supplier_refused")

    with registry.replaced(one=Fake(good), two=Fake(bad)):
        found = dict(search.run(GOOD))
    assert found["one"] == ["an offer"]
    assert isinstance(found["two"], Refused)


@pytest.mark.django_db(transaction=True)
@pytest.mark.failure("D20")
def test_a_silent_supplier_is_given_up_at_the_deadline(settings: Any) -> None:
    settings.DUFFEL_ACCESS_TOKEN = ""
    never = threading.Event()

    def silent() -> list[Any]:
        never.wait(10)
        return []

    with registry.replaced(one=Fake(silent), two=Fake(lambda: ["an offer"])):
        found = dict(search.run(GOOD, seconds=0.2))
    never.set()
    assert isinstance(found["one"], Unavailable) and found["one"].code == "supplier_timeout"
    assert found["two"] == ["an offer"]


@pytest.mark.django_db(transaction=True)
def test_each_has_a_deadline_of_its_own_and_the_patient_one_is_still_heard(settings: Any) -> None:
    settings.DUFFEL_ACCESS_TOKEN = settings.AMADEUS_CLIENT_ID = ""
    settings.SEARCH_SECONDS_OF = {"hasty": 0.05, "patient": 15}
    given_up = threading.Event()

    def patient() -> list[Any]:
        assert given_up.wait(10), "the hasty one was waited for longer than its own deadline"
        return ["an offer"]

    with registry.replaced(hasty=Fake(lambda: [given_up.wait(10)]), patient=Fake(patient)):
        answers = search.run(GOOD)
        name, answer = next(answers)
        given_up.set()
        assert (name, isinstance(answer, Unavailable)) == ("hasty", True)
        assert list(answers) == [("patient", ["an offer"])]


@pytest.mark.django_db(transaction=True)
def test_a_supplier_that_hangs_keeps_no_thread_from_another(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DUFFEL_ACCESS_TOKEN = settings.AMADEUS_CLIENT_ID = ""
    monkeypatch.setattr(search, "THREADS", 1)
    monkeypatch.setattr(search, "_pools", {})
    never = threading.Event()
    with registry.replaced(hangs=Fake(lambda: [never.wait(10)]), works=Fake(lambda: ["an offer"])):
        settings.SEARCH_SECONDS_OF = {"hangs": 0.05}
        for _ in range(2):
            found = dict(search.run(GOOD))
            assert found["works"] == ["an offer"]
            assert isinstance(found["hangs"], Unavailable)
        assert found["hangs"].code == "supplier_busy", "the second found its thread still taken"
    never.set()


@pytest.mark.django_db(transaction=True)
def test_each_answer_comes_when_it_is_there_and_waits_without_a_connection(settings: Any) -> None:
    settings.DUFFEL_ACCESS_TOKEN = ""
    told = threading.Event()
    callers = connections["default"]
    held: list[object] = []

    def slow() -> list[Any]:
        told.wait(10)
        held.append(callers.connection)
        return ["a late offer"]

    with registry.replaced(slow=Fake(slow), quick=Fake(lambda: ["an offer"])):
        answers = search.run(GOOD)
        assert next(answers) == ("quick", ["an offer"])
        callers.ensure_connection()  # the caller stores the offers
        threading.Timer(0.2, told.set).start()
        assert list(answers) == [("slow", ["a late offer"])]
    assert held == [None]


@pytest.mark.django_db(transaction=True)
def test_our_own_bug_is_an_unavailable_supplier(settings: Any) -> None:
    settings.DUFFEL_ACCESS_TOKEN = ""

    def broken() -> list[Any]:
        raise KeyError("slices")

    with registry.replaced(one=Fake(broken)):
        found = dict(search.run(GOOD))
    assert isinstance(found["one"], Unavailable)


@pytest.mark.django_db(transaction=True)
@pytest.mark.failure("W8")
def test_no_database_connection_is_held_while_suppliers_think(settings: Any) -> None:
    settings.DUFFEL_ACCESS_TOKEN = ""
    breaker.is_open("one", "search")
    assert connections["default"].connection is not None
    callers = connections["default"]  # the calling thread's own wrapper, looked at from the supplier's thread
    held: list[object] = []

    def watch() -> list[Any]:
        held.append(callers.connection)
        return []

    with registry.replaced(one=Fake(watch)):
        list(search.run(GOOD))
    assert held == [None]


@pytest.mark.django_db(transaction=True)
def test_a_search_inside_a_transaction_is_a_mistake() -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="transaction"):
        search.run(GOOD)


@pytest.mark.django_db(transaction=True)
def test_a_supplier_with_an_open_breaker_is_not_asked(settings: Any) -> None:
    settings.DUFFEL_ACCESS_TOKEN = ""
    asked: list[int] = []

    def down() -> list[Any]:
        asked.append(1)
        raise Unavailable("supplier_down")

    with registry.replaced(one=Fake(down)):
        for _ in range(7):
            found: list[tuple[str, list[Any] | Outside]] = list(search.run(GOOD))
    assert len(asked) == 5
    assert isinstance(found[0][1], Unavailable)
