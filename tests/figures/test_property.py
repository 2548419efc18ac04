"""Rolled up or added up from the rows themselves: on any history the same numbers."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from bookings.figures import buckets, collecting
from bookings.figures.reading import pieces, sums_of
from payments.models import Payment
from tests.figures import history
from tests.figures.history import HOUR, NOON

SPAN = 40  # hours: over a midnight at least once
FIRST = NOON.replace(day=30) - 20 * HOUR  # and over the end of a month
moments = st.integers(0, SPAN * 3600 - 1).map(lambda seconds: timedelta(seconds=seconds))
payments = st.lists(st.tuples(moments, st.sampled_from(["USD", "EUR", "JPY"]), st.integers(1, 9_000),
                              st.one_of(st.none(), st.integers(1, 90_000)), st.booleans(), st.integers(0, 4), st.booleans()),
                    max_size=6)


class RolledUp(TestCase):
    """A case class, so that every example begins with an empty database."""

    @settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(payments, moments, moments)
    def test_sums_over_any_stretch_are_those_of_the_rows(
            self, made: list, one: timedelta, other: timedelta) -> None:
        for at, currency, minor, ms, captured, declines, secured in made:
            booking = history.booking(FIRST + at, accepted_minor=minor, currency=currency)
            history.payment(booking, FIRST + at, ms=ms, declines=declines, secured=secured,
                            captured_at=FIRST + at + timedelta(milliseconds=ms) if captured and ms is not None else None)
        for number in sorted({int(at.total_seconds() // 3600) for at, *_ in made} | {
                int((at + timedelta(milliseconds=ms or 0)).total_seconds() // 3600) for at, _, _, ms, *_ in made}):
            collecting.count_hour(FIRST + number * HOUR)
        start, end = sorted((FIRST + _hours(one), FIRST + _hours(other)))
        sums, rows = sums_of(start, end), list(Payment.objects.all())
        asked = [row for row in rows if start <= row.asked_at < end]
        tried = [row for row in asked if row.authorised_at or row.declines]
        assert sums.n("payment.tried") == len(tried)
        assert sums.n("payment.authorised") == sum(row.authorised_at is not None for row in tried)
        assert sums.n("payment.declines") == sum(row.declines for row in tried)
        assert sums.n("payment.secured") == sum(row.secured for row in tried)
        taken = [row for row in rows if row.captured_at and start <= row.captured_at < end]
        for currency in ("USD", "EUR", "JPY"):
            assert sums.total("money.captured", currency) == sum(
                row.captured_minor for row in taken if row.currency == currency)
        timed = [(row.authorised_at - row.asked_at).total_seconds() * 1000 for row in tried
                 if row.authorised_at and not row.declines and not row.secured]
        assert sum(sums.spreads["payment.time"].values(), Counter()) == Counter(map(buckets.bucket, timed))
        assert sums.n("booking.started") == sum(start <= row.booking.created_at < end for row in rows)


def _hours(length: timedelta) -> timedelta:
    return timedelta(hours=int(length.total_seconds() // 3600))


@given(st.integers(0, 24 * 800), st.integers(0, 24 * 800))
def test_any_stretch_is_cut_without_a_gap_and_without_an_overlap(one: int, other: int) -> None:
    start, end = sorted((FIRST + one * HOUR, FIRST + other * HOUR))
    cut = pieces(start, end)
    at = start
    for grain, begins, ends in cut:
        assert begins == at < ends
        assert grain == "h" or begins.hour == ends.hour == 0
        assert grain != "m" or begins.day == ends.day == 1
        at = ends
    assert at == end and len(cut) <= 5


def test_a_year_is_months() -> None:
    new_year = NOON.replace(month=1, day=1, hour=0)
    assert pieces(new_year, new_year.replace(year=2027)) == [("m", new_year, new_year.replace(year=2027))]
    assert pytest.approx(buckets.ERROR, abs=1e-4) == 0.0488
