"""Book again? Asked when one of the same people is in the air at the same time, about one's own bookings only."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings import twins
from bookings.access import Principal
from bookings.models import Booking
from tests.trail import rows

pytestmark = pytest.mark.django_db

ANNA = ("Anna", "Müller", date(1990, 5, 17))


def trip(*people: tuple[str, str, date], after: timedelta = timedelta(0), **changes: Any) -> Booking:
    """A booking whose only flight leaves so much later than the others'."""
    made = rows.booking(**changes)
    for flight in made.segments.all():
        flight.departs_at, flight.arrives_at = flight.departs_at + after, flight.arrives_at + after
        flight.save()
    who = made.passengers.get()
    for position, (given, family, born) in enumerate(people or (ANNA,)):
        who.pk, who.position, who._state.adding = (None, position, True) if position else (who.pk, 0, False)
        who.given_name, who.family_name, who.born_on = given, family, born
        who.digest = twins.person_digest(given, family, born)
        who.save()
    return made


@pytest.mark.parametrize(("after", "asked"), [
    (timedelta(0), True), (timedelta(hours=7), True), (timedelta(hours=-7), True),
    (timedelta(hours=7, minutes=5), False), (timedelta(hours=-7, minutes=-5), False), (timedelta(days=3), False)])
def test_any_overlap_in_the_air_is_asked_about(after: timedelta, asked: bool) -> None:
    first = trip()
    assert twins.flying_already(trip(after=after), "guest:a") == (first if asked else None)


@pytest.mark.parametrize(("who", "asked"), [
    (("ANNA", "Mu\u0308ller", date(1990, 5, 17)), True), (("An-na", "MÜLLER", date(1990, 5, 17)), True),
    (("Anna", "Müller", date(1990, 5, 18)), False), (("Hanna", "Müller", date(1990, 5, 17)), False),
    (("Annam", "Uller", date(1990, 5, 17)), False)])
def test_a_person_is_a_name_and_a_birth_date(who: tuple[str, str, date], asked: bool) -> None:
    first = trip(("Bo", "Berg", date(1980, 1, 1)), ANNA)
    assert twins.flying_already(trip(who), "guest:a") == (first if asked else None)


def test_strangers_bookings_drafts_and_closed_ones_are_not_looked_at() -> None:
    trip(principal="guest:b")
    trip(wish="draft", wished_at=None, status="DRAFT")
    trip(status="CANCELLED")
    mine = trip()
    assert twins.flying_already(mine, "guest:a") is None
    visitor = Principal("guest:a")
    visitor.also = ("guest:b",)
    found = twins.flying_already(mine, visitor)
    assert found is not None
    assert found.principal == "guest:b"


def test_the_look_is_one_query_through_indexes() -> None:
    trip()
    mine = Booking.objects.prefetch_related("passengers").get(pk=trip().pk)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO bookings_passenger (booking_id, position, external_id, kind, title, gender, given_name,"
                       " family_name, document, numbers, loyalty, digest) SELECT %s, n, '', '', '', '', '', '', '', '',"
                       " '[]', md5(n::text) FROM generate_series(10, 9000) n", [mine.pk])
        cursor.execute("ANALYZE bookings_passenger")
        with CaptureQueriesContext(connection) as seen:
            assert twins.flying_already(mine, "guest:a") is not None
        assert len(seen) == 1
        cursor.execute("EXPLAIN " + seen[0]["sql"])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Seq Scan on bookings_passenger" not in plan
