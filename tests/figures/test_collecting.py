"""Rolling up: exact sums by hand, twice is once, a kill half-way changes nothing, days end at midnight UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from bookings import figures
from bookings.figures import buckets, collecting
from bookings.models import Figure, Heartbeat, Seen, Tally
from payments.models import Payment
from tests.console import rows
from tests.figures import history
from tests.figures.history import DAY, HOUR, NOON, counted, everything

pytestmark = pytest.mark.django_db


def test_money_counts_when_it_is_captured_and_currencies_stay_apart() -> None:
    for minor, currency, at in ((50_000, "USD", NOON), (30_000, "USD", NOON + timedelta(minutes=59, seconds=59)),
                                (9_000, "EUR", NOON), (70_000, "USD", NOON + HOUR)):
        made = history.booking(NOON, accepted_minor=minor, currency=currency)
        history.payment(made, NOON, ms=900, captured_at=at)
    back = Payment.objects.order_by("pk")[0]
    rows.refund(back, 20_000, sent_at=NOON, state="sent")
    rows.refund(back, 1_000, sent_at=NOON, state="failed", cause="other", external_id="re_failed")
    figures.collect(NOON + HOUR)
    found = counted("h", NOON)
    assert {key: found[key] for key in found if key[0].startswith("money")} == {
        ("money.captured", "USD"): (2, 80_000), ("money.captured", "EUR"): (1, 9_000),
        ("money.refunded", "USD"): (1, 20_000)}
    assert counted("h", NOON + HOUR)["money.captured", "USD"] == (1, 70_000)
    assert counted("d", NOON.replace(hour=0))["money.captured", "USD"] == (3, 150_000)
    assert counted("m", datetime(2026, 11, 1, tzinfo=UTC))["money.captured", "USD"] == (3, 150_000)


def test_a_booking_counts_in_the_hour_it_began_however_late_it_is_paid() -> None:
    history.booking(NOON)  # left at once
    history.booking(NOON, seen=True)  # left at the payment
    paid = history.booking(NOON, seen=True)
    manual = history.booking(NOON, route="manual")
    rows.order(manual, "reserved")
    figures.collect(NOON)
    assert counted("h", NOON)["booking.started", ""] == (4, 0)
    assert counted("h", NOON)["booking.reached", ""] == (3, 0)
    assert counted("h", NOON)["booking.completed", ""] == (1, 0)
    figures.collect(NOON + 2 * HOUR)
    history.payment(paid, NOON + 30 * HOUR, ms=800, captured_at=NOON + 30 * HOUR)
    figures.collect(NOON + 30 * HOUR)
    assert counted("h", NOON)["booking.completed", ""] == (1, 0)
    figures.recount(NOON + 31 * HOUR, days=3)
    assert counted("h", NOON)["booking.completed", ""] == (2, 0)
    assert counted("d", NOON.replace(hour=0))["booking.completed", ""] == (2, 0)


def test_counting_twice_changes_nothing() -> None:
    _a_day(NOON)
    figures.recount(NOON + DAY, days=2)
    once = everything()
    figures.recount(NOON + DAY, days=2)
    figures.collect(NOON + DAY)
    assert [row for row in everything() if not row[2].startswith("level.")] == once
    assert len(once) > 40


@pytest.mark.failure("O8")
def test_a_kill_half_way_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    _a_day(NOON)
    figures.recount(NOON + HOUR, days=2)
    before = everything()
    history.booking(NOON)
    with monkeypatch.context() as patch:
        patch.setattr(collecting, "_fold", _killed)
        with pytest.raises(KeyboardInterrupt):
            collecting.count_hour(NOON)
    assert everything() == before
    collecting.count_hour(NOON)
    assert everything() != before


def _killed(*_: Any) -> None:
    raise KeyboardInterrupt


def test_a_standstill_is_caught_up_in_rounds() -> None:
    history.booking(NOON - 60 * HOUR)
    figures.collect(NOON - 70 * HOUR)
    assert figures.collect(NOON) == collecting.AT_ONCE + 2
    mark = Heartbeat.objects.get(name=collecting.MARK)
    assert mark.note["caught_up"] is False
    assert counted("h", NOON - 60 * HOUR)["booking.started", ""] == (1, 0)
    figures.collect(NOON)
    mark.refresh_from_db()
    assert (mark.beat_at, mark.note["caught_up"]) == (NOON, True)


def test_a_day_ends_at_midnight_utc(settings: Any) -> None:
    midnight = datetime(2026, 11, 1, tzinfo=UTC)  # of a day and of a month
    with connection.cursor() as cursor:
        cursor.execute("SET TIME ZONE 'Asia/Kolkata'")  # whatever the session thinks: half an hour off, too
        try:
            for at in (midnight - timedelta(microseconds=1), midnight):
                history.booking(at)
            figures.recount(midnight + HOUR, days=2)
        finally:
            cursor.execute("SET TIME ZONE 'UTC'")
    assert counted("d", midnight - DAY)["booking.started", ""] == (1, 0)
    assert counted("d", midnight)["booking.started", ""] == (1, 0)
    assert counted("m", datetime(2026, 10, 1, tzinfo=UTC))["booking.started", ""] == (1, 0)
    assert counted("m", midnight)["booking.started", ""] == (1, 0)


def test_levels_keep_the_newest_and_the_highest() -> None:
    first, second = history.case(NOON - HOUR), history.case(NOON - 2 * HOUR)
    collecting.sample(NOON)
    first.closed_at, first.closed_because = NOON + timedelta(minutes=1), "solved"
    first.save()
    collecting.sample(NOON + timedelta(minutes=2))
    row = Figure.objects.get(grain="h", at=NOON, metric="level.cases", dim="")
    assert (row.n, row.high) == (1, 2)
    assert Figure.objects.get(grain="h", at=NOON, metric="level.oldest").n == 2 * 3600 + 120
    second.closed_at, second.closed_because = NOON + timedelta(minutes=3), "solved"
    second.save()
    collecting.sample(NOON + timedelta(minutes=4))
    assert list(Figure.objects.filter(grain="h", metric="level.cases").values_list("n", flat=True)) == [0, 0]
    day = Figure.objects.get(grain="d", metric="level.cases", dim="")
    assert (day.n, day.high) == (0, 2)


def test_percentiles_survive_adding_up() -> None:
    for at, ms in ((NOON, 100), (NOON, 200), (NOON + HOUR, 400), (NOON + HOUR, 8000)):
        history.payment(history.booking(at), at, ms=ms)
    figures.collect(NOON + HOUR)
    row = Figure.objects.get(grain="d", metric="payment.time")
    assert (row.n, row.total) == (4, 8700)
    found = buckets.merged(row.hist)
    assert buckets.percentile(found, 0.5) == pytest.approx(200, rel=buckets.ERROR)
    assert buckets.percentile(found, 0.95) == pytest.approx(8000, rel=buckets.ERROR)


def test_old_hours_tallies_and_looks_go_days_stay() -> None:
    old = NOON - collecting.HOURS_KEPT - DAY
    for grain in ("h", "d", "m"):
        Figure.objects.create(grain=grain, at=old, metric="booking.started", n=1)
    history.tally(old, "web.5xx", 1)
    Seen.objects.create(subject="00000000-0000-4000-8000-000000000001", step="results", at=old)
    figures.recount(NOON, days=1)
    assert set(Figure.objects.filter(at=old).values_list("grain", flat=True)) == {"d", "m"}
    assert (Tally.objects.count(), Seen.objects.count()) == (0, 0)


def _a_day(at: datetime) -> None:
    """A little of everything."""
    history.search(at, seen=True, duffel={"state": "done", "ms": 900}, amadeus={"state": "failed", "code": "down", "ms": 9})
    made = history.booking(at, seen=True)
    history.payment(made, at, ms=1200, captured_at=at)
    history.gateway_event(at, at + timedelta(seconds=2))
    history.supplier_event(at, at + timedelta(seconds=90))
    history.case(at, at + HOUR)
    history.tally(at, "web.5xx", 3, "500")
