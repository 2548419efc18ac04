"""Signed events that no vendor would send: kept or refused as the rules say, never a failure, nothing else written.

The long form runs with `python -m tests.api.fuzz`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from fly2any.kernel.letters import straight
from payments.models import GatewayEvent
from suppliers.models import SupplierEvent
from tests.guard.test_matrix import state
from tests.hostile.test_bodies import put
from tests.trail import rows
from tests.trail.messages import DUFFEL, STRIPE, duffel_event, post, stripe_event

pytestmark = pytest.mark.django_db(transaction=True)
EXAMPLES, SEED = 5 * int(os.environ.get("FUZZ_EXAMPLES", "6")), int(os.environ.get("FUZZ_SEED", "1"))
INBOX = {STRIPE: GatewayEvent, DUFFEL: SupplierEvent}
BOTH = pytest.mark.parametrize("url", [STRIPE, DUFFEL])
ODD: list[Any] = [None, True, -1, 0, 2 ** 63, 10 ** 30, -10 ** 30, 1e308, "", "\x00", "a\x00b", "\ud800", "x" * 5000, "\u202e", [],
                  {}, [[]], {"id": {}}, {"id": None}, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "NaN"]


def event_of(url: str, number: int = 0) -> dict[str, Any]:
    """A whole event about objects that nobody here has."""
    return (stripe_event(f"evt_{number}", intent="pi_nobody") if url == STRIPE else
            duffel_event(f"wev_{number}", id="ord_nobody", order_id="ord_nobody", offer_id="off_nobody"))


@pytest.fixture(autouse=True)
def nothing_else() -> Iterator[None]:
    """Whatever is sent, no row is written anywhere but in the two inboxes."""
    rows.payment(rows.booking())
    before = state()
    yield
    after = state()
    assert {table for table in after if after[table] != before[table]} <= {"payments_gatewayevent", "suppliers_supplierevent"}


def kept(url: str) -> int:
    return INBOX[url].objects.count()


def places(event: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every path in the event."""
    for name, value in event.items():
        yield (*path, name)
        if isinstance(value, dict):
            yield from places(value, (*path, name))


def sent(url: str, event: Any) -> int:
    """Send it; it is answered with 200 or 400, and a row of the inbox is kept with a 200 only."""
    had = kept(url)
    status = post(url, event if isinstance(event, bytes) else json.dumps(event).encode())
    assert status in (200, 400), (status, event)
    assert kept(url) - had in ((0, 1) if status == 200 else (0,)), (status, event)
    return status


@BOTH
def test_any_odd_value_in_any_place_of_an_event(url: str) -> None:
    number = 0
    for path in places(event_of(url)):
        some = [ODD[(number + step) % len(ODD)] for step in range(3)]  # in turn: every value meets many places
        for odd in ODD if path == ("id",) else some:
            number += 1
            event = put(event_of(url, number), path, odd)
            status = sent(url, event)
            if path == ("id",):
                assert status == (200 if straight(odd) else 400), odd


@BOTH
def test_text_that_no_row_can_hold_names_nothing(url: str) -> None:
    """It would be refused by the database: a 500 makes the vendor send it again for three days."""
    for number, odd in enumerate(("a\x00b", "a\ud800b")):
        for path in [("type",), *(("data", "object", name) for name in ("id", "order_id", "offer_id", "payment_intent"))]:
            event = event_of(url, number)
            if path[-1] in ("order_id", "offer_id") and url == STRIPE:
                continue
            assert sent(url, put(event, path, odd)) == 200, (path, odd)
        assert sent(url, put(event_of(url), ("id",), odd)) == 400


@BOTH
@pytest.mark.parametrize("body", [
    b"", b"[]", b"null", b"1e999", b"\xff\xfe", b'{"id": "evt', b"[" * 100_000, b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    b'{"id": ' + b"9" * 5000 + b"}", b'{"id": NaN}', b"\x00", b" " * 200_000, b'{"id":"e","id":null}'],
    ids=lambda body: repr(body[:12]))
def test_signed_bytes_that_are_no_event_are_refused(url: str, body: bytes) -> None:
    assert sent(url, body) == 400


@BOTH
def test_a_name_that_stands_twice_counts_once(url: str) -> None:
    body = json.dumps(event_of(url)).encode()
    assert sent(url, b'{"id":"first",' + body[1:]) == 200
    assert list(INBOX[url].objects.values_list("event_id", flat=True)) == [event_of(url)["id"]]


@BOTH
def test_drawn_events(url: str) -> None:
    leaf = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.sampled_from(ODD[:12])
    value = st.recursive(leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))

    @seed(SEED)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(st.sampled_from(list(places(event_of(url)))), value), min_size=1, max_size=4),
           st.integers(0, 9), value)
    def once(changes: list[tuple[tuple[str, ...], Any]], number: int, more: Any) -> None:
        event = event_of(url, number)
        for path, odd in sorted(changes, key=lambda change: -len(change[0])):
            event = put(event, path, odd)
        event["more"] = more
        sent(url, event)

    print(f"\nseed {SEED}, {EXAMPLES} events")
    once()
