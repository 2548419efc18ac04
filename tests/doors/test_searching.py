"""Each supplier's offers are there when it has answered; a slow or failing one takes nothing from the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings import drafts, selectors
from bookings.drafts.searching import row
from fly2any.kernel import clock
from fly2any.kernel.errors import Unavailable
from suppliers import breaker, registry
from suppliers.models import Offer, Search
from suppliers.stored import offer_from_json
from suppliers.types import Leg, SearchQuery
from tests.trail.rows import offer_json

pytestmark = pytest.mark.django_db(transaction=True)
ME = "guest:me"


class Fake:
    """A supplier that says what it is told to say, when it is told to."""

    def __init__(self, name: str, answer: Callable[[], list[Any]]) -> None:
        self.name, self.answer = name, answer

    def search(self, query: SearchQuery) -> list[Any]:
        return self.answer()


def info(supplier: str, number: int, total: int) -> Any:
    raw = offer_json(f"{supplier}_{number}", total_minor=total)
    raw["supplier"], raw["expires_at"] = supplier, (clock.now() + timedelta(minutes=20)).isoformat()
    raw["slices"][0]["segments"][0]["flight_number"] = str(number)
    return offer_from_json(raw)


def query() -> SearchQuery:
    return SearchQuery((Leg("JFK", "LHR", clock.now().date() + timedelta(days=30)),))


@pytest.fixture(autouse=True)
def _only_ours(settings: Any) -> Iterator[None]:
    settings.DUFFEL_ACCESS_TOKEN = ""
    breaker.reset()
    yield
    breaker.reset()


def eventually(search: Search, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """What the results say once `holds`."""
    end = time.monotonic() + 10
    while True:
        search.refresh_from_db()
        view = selectors.results_view(search, now=clock.now())
        if holds(view) or time.monotonic() > end:
            return view
        time.sleep(0.02)


def states(view: dict[str, Any]) -> dict[str, tuple[str, int, str]]:
    return {one["name"]: (one["state"], one["offers"], one["code"]) for one in view["suppliers"]}


def test_the_quick_ones_offers_are_shown_while_the_slow_one_thinks() -> None:
    go = threading.Event()

    def slow() -> list[Any]:
        go.wait(10)
        return [info("slow", 9, 20000)]

    with registry.replaced(quick=Fake("quick", lambda: [info("quick", 1, 30000)]),  # type: ignore[arg-type]
                           slow=Fake("slow", slow)):  # type: ignore[arg-type]
        search = drafts.search(query=query(), principal=ME, now=clock.now())
        early = eventually(search, lambda view: bool(view["offers"]) and view["answered"] == 1)
        assert early["complete"] is False
        assert states(early) == {"quick": ("done", 1, ""), "slow": ("asking", 0, "")}
        assert [item["total"]["minor"] for item in early["offers"]] == [30000]
        go.set()
        whole = eventually(search, lambda view: view["complete"])
    assert states(whole) == {"quick": ("done", 1, ""), "slow": ("done", 1, "")}
    assert [item["total"]["minor"] for item in whole["offers"]] == [20000, 30000]


def test_a_failing_and_a_silent_supplier_leave_the_others_offers(settings: Any) -> None:
    settings.SEARCH_SECONDS = 0.3
    never = threading.Event()

    def silent() -> list[Any]:
        never.wait(10)
        return [info("silent", 5, 100)]

    def down() -> list[Any]:
        raise Unavailable("supplier_down")

    with registry.replaced(good=Fake("good", lambda: [info("good", 1, 30000)]),  # type: ignore[arg-type]
                           down=Fake("down", down), silent=Fake("silent", silent)):  # type: ignore[arg-type]
        search = drafts.search(query=query(), principal=ME, now=clock.now())
        whole = eventually(search, lambda view: view["complete"])
        never.set()
    assert states(whole) == {"down": ("failed", 0, "supplier_down"), "good": ("done", 1, ""),
                             "silent": ("failed", 0, "supplier_timeout")}
    assert [item["total"]["minor"] for item in whole["offers"]] == [30000]


def test_a_search_that_breaks_in_our_hands_ends_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any) -> Any:
        raise ValueError("no row")

    monkeypatch.setattr("bookings.drafts.searching.row", broken)
    with registry.replaced(good=Fake("good", lambda: [info("good", 1, 30000)])):  # type: ignore[arg-type]
        search = drafts.search(query=query(), principal=ME, now=clock.now())
        whole = eventually(search, lambda view: view["complete"])
    assert Offer.objects.count() == 0
    assert whole["complete"] is True
    assert states(whole) == {"good": ("failed", 0, "internal")}


def test_the_documents_of_many_offers_are_not_masked_twice_in_one_array() -> None:
    search = Search.objects.create(principal=ME, query={})
    with CaptureQueriesContext(connection) as sent:
        Offer.objects.bulk_create([row(search.pk, ME, info("good", number, 30000)) for number in range(3)])
    assert Offer.objects.count() == 3
    assert not [one["sql"] for one in sent if "UNNEST" in one["sql"]]
