"""The queue and its search read a page's worth of rows, however many there are. `GUARD_ROWS=100000` is the run at size."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings.admin import find
from bookings.admin.queue import reading
from bookings.admin.queue.asked import TABS, Asked
from bookings.models import Booking, Case, Passenger, Segment
from fly2any.kernel import clock
from payments.models import Payment
from suppliers.models import SupplierOrder
from tests.console import rows
from tests.guard.test_scale import copied

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = int(os.environ.get("GUARD_ROWS", "20000"))
MOST = 1500  # rows that one step of a plan may touch: a bounded count is 1000
KINDS = ("unknown_outcome", "charged_without_order", "webhook_backlog", "mail_undelivered", "dispute")


def cases(owner: str, kinds: tuple[str, ...] = KINDS, opened: int = ROWS, closed: int = ROWS) -> None:
    """So many open and so many closed cases; `owner` is SQL of n."""
    chosen = f"(ARRAY{list(kinds)})[n % {len(kinds)} + 1]"
    with connection.cursor() as cursor:
        for end, many in (("NULL", opened), ("now() - n * interval '1 minute'", closed)):
            cursor.execute(
                "INSERT INTO bookings_case (kind, subject, severity, verdict, facts, currency, opened_at, deadline, "
                "taken_by_id, snoozed_because, closed_at, closed_because) "
                f"SELECT {chosen}, 'object:' || n, n % 4 + 1, 'What happened.', '{{}}', '', "
                "now() - n * interval '7 seconds', CASE WHEN n % 3 = 0 THEN NULL ELSE now() + n * interval '1 second' END, "
                f"{owner}, '', {end}, {repr('') if end == 'NULL' else repr('done')} FROM generate_series(1, {many}) n")
        cursor.execute("ANALYZE bookings_case")


def touched(work: Callable[[], Any]) -> list[tuple[int, str]]:
    """The most rows that a step of each query's plan touched, with the query and its plan."""
    with CaptureQueriesContext(connection) as asked:
        work()
    found = []
    for query in asked.captured_queries:
        if "SELECT" in query["sql"] and "clock_timestamp" not in query["sql"]:
            with connection.cursor() as cursor:
                cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF, BUFFERS OFF) " + query["sql"].replace("%", "%%"))
                plan = cursor.fetchone()[0]
            plan = json.loads(plan) if isinstance(plan, str) else plan
            each = sorted(steps(plan[0]["Plan"]))
            found.append((each[-1][0], f"{query['sql'][:400]}\n{each[-3:]}"))
    assert found
    return found


def steps(plan: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """Rows given and thrown away by every step of a plan, and its name."""
    thrown = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
    name = f"{plan['Node Type']} {plan.get('Index Name', plan.get('Relation Name', ''))}"
    yield int((plan["Actual Rows"] + thrown) * plan["Actual Loops"]), f"{name}: {plan.get('Filter', '')[:200]}"
    for part in plan.get("Plans", ()):
        yield from steps(part)


def too_many(asked: dict[str, Callable[[], Any]]) -> list[str]:
    return [f"{name}: {rows} rows\n{text}" for name, work in asked.items() for rows, text in touched(work) if rows > MOST]


@pytest.mark.parametrize(("owner", "kinds"), [("NULL", KINDS), ("{other}", KINDS), ("{me}", KINDS[:1])],
                         ids=["nobody's", "somebody else's", "mine"])
def test_no_part_of_the_queue_reads_more_than_it_counts(owner: str, kinds: tuple[str, ...]) -> None:
    me, other = (User.objects.create_superuser(name, password="x") for name in ("me", "other"))
    finance = User.objects.create_user("finance")
    cases(owner.format(me=me.pk, other=other.pk), kinds)
    now = clock.now()
    asked: dict[str, Callable[[], Any]] = {"counts": lambda: reading.counts(me, now),
                                           "counts of who may do little": lambda: reading.counts(finance, now)}
    for name in TABS:
        asked[name] = lambda name=name: reading.page(Asked(tab=name), me, now)
        seen = reading.keys(Asked(tab=name), me, now, ROWS // 2 + 1)
        if seen:
            last = Case.objects.get(pk=seen[-1])
            place = reading.place_of(last, reading.order_of(TABS[name]))
            asked[f"{name}, deep"] = lambda name=name, place=place: reading.page(Asked(tab=name, after=place), me, now)
            asked[f"{name}, back"] = lambda name=name, place=place: reading.page(Asked(tab=name, before=place), me, now)
    for choice in ({"severity": "2"}, {"kind": "dispute"}, {"owner": "me"}, {"owner": "nobody"}, {"older": "1"}):
        asked[str(choice)] = lambda choice=choice: reading.page(Asked(tab="open", **choice), me, now)
    asked["export of 1000"] = lambda: reading.keys(Asked(tab="open"), me, now, 1000)
    assert not (wrong := too_many(asked)), "\n\n".join(wrong)


def bookings(many: int = ROWS) -> Booking:
    """One finished booking and so many others of as many people, a hundredth of them with one family name."""
    mine = rows.confirmed()
    mine.orders.update(tickets=[{"kind": "ticket", "number": "2200000000000"}])
    copied("bookings_booking", Booking, many, public_id="gen_random_uuid()", reference="'N' || n",
           contact_email="'a' || n || '@example.com'", contact_phone="'+491600' || 1000000 + n", due_at="NULL")
    others = f"(SELECT min(id) FROM bookings_booking WHERE id > {mine.pk}) + n - 1"
    copied("bookings_passenger", Passenger, many, booking_id=others,
           family_name="CASE WHEN n % 100 = 0 THEN 'Smith' ELSE 'F' || n END", given_name="'G' || n % 50")
    copied("bookings_segment", Segment, many, booking_id=others,
           departing_local="to_char(timestamp '2026-12-01' + n % 300 * interval '1 day', 'YYYY-MM-DD\"T\"HH24:MI:SS')")
    copied("suppliers_supplierorder", SupplierOrder, many, booking_id=others, external_id="'ord_n' || n",
           offer_external_id="'off_n' || n", pnr="'P' || n",
           tickets="jsonb_build_array(jsonb_build_object('kind', 'ticket', 'number', (2200000000000 + n)::text))")
    copied("payments_payment", Payment, many, booking_id=others, external_id="'pi_n' || n",
           order_id="(SELECT min(id) FROM suppliers_supplierorder) + n")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return mine


WORDS = {"reference": "FLY2A-000077", "code": "AB12CD", "pnr": "P77", "order": "ord_n77", "payment": "pi_n77",
         "refund": "re_none", "ticket": "220-0000000077", "email": "A77@example.com", "phone": "0160 01000077",
         "name": "f77", "many of a name": "SMITH", "name and date": "smith 2026-12-11", "both names": "G0 Smith"}


def test_every_kind_of_word_is_found_by_index() -> None:
    mine = bookings()
    asked: dict[str, Callable[[], Any]] = {
        name: lambda word=word: list(Booking.objects.filter(find.bookings_matching(word)).order_by("-pk")[:51])
        for name, word in {**WORDS, "uuid": str(mine.public_id)}.items()}
    assert not (wrong := too_many(asked)), "\n\n".join(wrong)
