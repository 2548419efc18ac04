"""Whatever is sent, by whomever: no call of the API breaks, and every answer is as the schema says.

`python -m tests.api.fuzz --examples N --chains N --seed S` is the long form.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from suppliers import breaker, registry
from tests.api.fuzz import calling, chains, people
from tests.pages.everything import Airline

pytestmark = pytest.mark.django_db(transaction=True)
CHAINS = int(os.environ.get("FUZZ_CHAINS", "2"))
EXAMPLES, SEED = int(os.environ.get("FUZZ_EXAMPLES", "2")), int(os.environ.get("FUZZ_SEED", "1"))
ALIKE = frozenset({"flights_booking_create", "flights_create_order", "flights_my_orders"})  # other names of handlers
PRINTED = frozenset({"booking_itinerary"})  # a child process each


@pytest.fixture(autouse=True)
def quiet_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An airline that sells what is stored, no search in other threads, no limit; the breaker forgets afterwards."""
    monkeypatch.setattr("bookings.limits.count", lambda *_, **__: None)
    monkeypatch.setattr("bookings.drafts.searching.ThreadPoolExecutor.submit", lambda *_: None)
    with registry.replaced(duffel=Airline()):  # type: ignore[arg-type]
        yield
    breaker.reset()


@pytest.mark.parametrize("role", people.ROLES)
def test_no_call_breaks_and_every_operation_is_reached(role: str) -> None:
    who = people.person_of(role)
    others = [people.person_of(other) for other in people.ROLES if other != role]
    found = calling.Run(calling.load(), who, others).all(EXAMPLES, SEED + people.ROLES.index(role), thrifty=ALIKE | PRINTED if EXAMPLES < 50 else frozenset())
    print(f"\nseed {SEED}, {EXAMPLES} examples", *found.lines(role), sep="\n")
    assert found.wrong == [], "\n\n".join(found.wrong)
    assert found.never_reached() == []


@pytest.mark.parametrize("role", people.ROLES if CHAINS > 10 else ["customer"])
def test_no_chain_of_calls_breaks(role: str) -> None:
    run = calling.Run(calling.load(), people.person_of(role), [])
    told = chains.follow(run, CHAINS, SEED + people.ROLES.index(role))
    print(f"\nseed {SEED}", told.line(role), *run.tally.lines(role), sep="\n")
    assert run.tally.wrong == [], "\n\n".join(run.tally.wrong)
    assert told.links, "no answer led to another call"
