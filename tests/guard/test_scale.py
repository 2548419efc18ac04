"""Look-ups and chores on a full database: by index, in as many queries as on an empty one.

`GUARD_ROWS=200000 pytest tests/guard/test_scale.py` is the run at size; the suite takes enough rows for the planner to
choose as it would there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from bookings import access, accounts, handover, mail, retention, selectors, sweep, twins
from bookings.admin import find
from bookings.bundles import history
from bookings.models import Account, Booking
from fly2any.kernel import clock
from tests.pages.travel import make

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = int(os.environ.get("GUARD_ROWS", "20000"))
BIG = ("bookings_booking", "bookings_passenger", "bookings_segment", "bookings_outbox", "bookings_share",
       "bookings_changerequest", "bookings_bundleshown", "bookings_selection")


def copied(table: str, model: Any, many: int, **different: str) -> None:
    """`many` copies of the table's only row; `different`: columns as SQL of n (1 …)."""
    names = [field.column for field in model._meta.concrete_fields if field.column != "id" and not field.generated]
    values = ", ".join(different.get(name, f't."{name}"') for name in names)
    columns = ", ".join(f'"{name}"' for name in names)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({columns}) SELECT {values} "
                       f"FROM (SELECT * FROM {table} ORDER BY id LIMIT 1) t, generate_series(1, {many}) n")


@pytest.fixture
def full() -> Iterator[Booking]:
    """One visitor's confirmed booking among many of others, most of them confirmed and long past."""
    from bookings.models import BundleShown, ChangeRequest, Outbox, Passenger, Segment, Share

    now = clock.now()
    mine = make("guest:me", status="CONFIRMED", progress="done", created_at=now, arrives_at=now + timedelta(days=3),
                departs_at=now + timedelta(days=3, hours=-8))
    Passenger.objects.filter(booking=mine).update(digest="d0")
    Outbox.objects.create(kind="confirmed", booking=mine, due_at=now, sent_at=now, created_at=now, version="0")
    Share.objects.create(booking=mine, token_hash="h0", created_at=now, expires_at=now + timedelta(days=1))
    ChangeRequest.objects.create(booking=mine, topic="date", words="w" * 20, asked_at=now, answer_by=now,
                                 answer="a", answered_at=now)
    shown = BundleShown.objects.create(booking=mine, features={}, features_version=1, offered=[], ranker="rules",
                                       shown_at=now)
    copied("bookings_booking", Booking, ROWS, public_id="gen_random_uuid()", reference="'N' || n",
           principal="'guest:' || n / 3", contact_email="'a' || n || '@example.com'", trip_digest="'t' || n",
           created_at="t.created_at - n * interval '1 minute'", arrives_at="t.arrives_at - n * interval '1 hour'",
           wish="CASE WHEN n % 10 = 0 THEN 'draft' ELSE t.wish END",
           status="CASE WHEN n % 10 = 0 THEN 'DRAFT' ELSE t.status END",
           offer_expires_at="t.created_at - n * interval '1 minute'")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE bookings_booking SET contact_email = '' WHERE wish = 'draft'")
    others = f"(SELECT min(id) FROM bookings_booking WHERE id > {mine.pk}) + n - 1"
    copied("bookings_passenger", Passenger, ROWS, booking_id=others, digest="'d' || n", family_name="'F' || n")
    copied("bookings_segment", Segment, ROWS, booking_id=others)
    copied("bookings_outbox", Outbox, ROWS, booking_id=others, version="n::text")
    copied("bookings_share", Share, ROWS, booking_id=others, token_hash="'h' || n")
    copied("bookings_changerequest", ChangeRequest, ROWS, booking_id=others)
    copied("bookings_bundleshown", BundleShown, ROWS // 20, booking_id=f"(SELECT min(id) FROM bookings_booking WHERE id > {mine.pk}) + n * 10 - 1")
    shown.delete()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    yield mine


def plans(work: Callable[[], Any]) -> list[tuple[str, str]]:
    """The plan of every query that `work` makes and that reads: (statement, plan)."""
    with CaptureQueriesContext(connection) as asked:
        work()
    found = []
    for query in asked.captured_queries:
        sql = query["sql"]
        if sql.startswith(("SELECT", "UPDATE", "DELETE")) and "FROM" in sql + "UPDATE FROM":
            with connection.cursor() as cursor:
                cursor.execute("EXPLAIN " + sql.replace("%", "%%"))
                found.append((sql, "\n".join(line for (line,) in cursor.fetchall())))
    return found


def slow(work: Callable[[], Any]) -> list[str]:
    """What reads a whole big table, or walks all of one in the order of its key, throwing rows away."""
    wrong = []
    for sql, plan in plans(work):
        if re.search(rf"Seq Scan on ({'|'.join(BIG)})\b", plan):
            wrong.append(f"{sql[:300]}\n{plan}")
        if re.search(r"Index Scan( Backward)? using bookings_booking_pkey[^\n]*\n\s+Filter: [^\n]*(principal|email)", plan):
            wrong.append(f"{sql[:300]}\n{plan}")
    return wrong


def test_what_visitors_ask_is_found_by_index(full: Booking) -> None:
    now, mine = clock.now(), access.Principal("guest:me")
    mine.granted = frozenset({full.pk + 7, full.pk + 8})
    user = User.objects.create_user("a5@example.com", "a5@example.com")
    Account.objects.create(user=user, created_at=now, verified_at=now)
    signed = access.Principal(f"user:{user.pk}")
    signed.also = ("guest:me",)
    request = RequestFactory().get("/")
    request.user = user
    asked: dict[str, Callable[[], Any]] = {
        "my trips": lambda: selectors.bookings_of(principal=mine, limit=21),
        "my trips, more": lambda: selectors.bookings_of(principal=mine, after=full.reference, limit=21),
        "trips of a customer": lambda: selectors.bookings_of(principal=signed, limit=21),
        "drafts to go on with": lambda: selectors.open_drafts(principal=mine, now=now),
        "twins": lambda: twins.flying_already(full, mine),
        "to join": lambda: accounts.to_join(user, signed),
        "links by mail": lambda: access.mail_links(request, email="A9@example.com", now=now),
        "shares": lambda: handover.active(full, now),
        "requests": lambda: full.requests.filter(answered_at=None).exists(),
        "a customer known": lambda: selectors.known_customer(user),
        "the console by address": lambda: list(Booking.objects.filter(find.bookings_matching("A9@example.com"))[:50]),
        "the console by name": lambda: list(Booking.objects.filter(find.bookings_matching("F77"))[:50]),
    }
    wrong = [f"{name}: {plan}" for name, work in asked.items() for plan in slow(work)]
    assert not wrong, "\n\n".join(wrong)


def test_chores_of_the_sweeper_are_found_by_index(full: Booking) -> None:
    now = clock.now()
    chores: dict[str, Callable[[], Any]] = {
        "due": lambda: sweep.due_bookings(now, 50), "mail": lambda: mail.send_due(now, 5),
        "drafts": lambda: retention.forget_drafts(now), "documents": lambda: retention._blank_documents(now),
        "addresses of mails": lambda: retention._blank_mail(now), "requests": lambda: retention._blank_requests(now),
        "bundles shown": lambda: history.collect(now),
    }
    wrong = [f"{name}: {plan}" for name, work in chores.items() for plan in slow(work)]
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize("many", [3, 20])
def test_the_list_of_trips_takes_as_many_queries_for_three_as_for_twenty(many: int) -> None:
    for _ in range(many):
        make("guest:me", status="CONFIRMED", progress="done")
    with CaptureQueriesContext(connection) as asked:
        assert len(selectors.bookings_of(principal="guest:me", limit=21)) == many
    assert len(asked) == 2
