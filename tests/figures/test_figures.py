"""Each figure of the dashboard from a small history, with the value that was worked out by hand."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from bookings import figures
from bookings.console.dashboard import panels, tiles
from bookings.figures import buckets, sources
from bookings.figures.definitions import BY_NAME, FIGURES, STEPS
from bookings.figures.reading import read, window
from bookings.models import CallRecord
from suppliers.models import SupplierBalance
from tests.console import rows
from tests.figures import history
from tests.figures.history import DAY, HOUR, NOON

pytestmark = pytest.mark.django_db
NEAR = {"rel": buckets.ERROR + 1e-9}
SECOND = timedelta(seconds=1)


def reading(now: Any = NOON, period: str = "today") -> Any:
    figures.collect(now)
    return read(window(period, now.date(), now), now)


def value(name: str, found: Any) -> float | None:
    figure = BY_NAME[name]
    return figure.measure.value(found.levels if figure.is_level else found.sums)


def test_payments() -> None:
    """Ten tried: nine authorised (two after a decline, two with 3-D Secure), one declined three times; one left."""
    for number in range(9):
        history.payment(history.booking(NOON), NOON, ms=1000 + 500 * number, declines=1 if number < 2 else 0,
                        secured=number in (2, 3))
    history.payment(history.booking(NOON), NOON, declines=3)
    history.payment(history.booking(NOON), NOON)  # nobody tried: neither a success nor a failure
    found = reading()
    assert value("payment-success", found) == 90.0
    assert value("three-d-secure", found) == 20.0
    assert value("declines", found) == pytest.approx(100 * 5 / 14)  # 1 + 1 + 3 of these and 9 authorisations
    assert value("payment-time", found) == pytest.approx(5000, **NEAR)  # of 3000, 3500, 4000, 4500, 5000 the 5th
    assert found.sums.time("payment.time", 0.5) == pytest.approx(4000, **NEAR)
    assert [BY_NAME[name].met(found.sums) for name in ("payment-success", "three-d-secure", "declines", "payment-time")
            ] == [False, True, False, False]


def test_money() -> None:
    for minor, currency in ((10_000, "USD"), (20_001, "USD"), (700, "JPY")):
        made = history.booking(NOON, accepted_minor=minor, currency=currency)
        paid = history.payment(made, NOON, ms=800, captured_at=NOON)
    rows.refund(paid, 300, sent_at=NOON, state="sent")
    rows.refund(history.payment(history.booking(NOON), NOON - DAY, ms=1, captured_at=NOON - 9 * DAY), 5_000, "requested",
                sent_at=None, external_id="")
    found = reading()
    assert tiles.tile(BY_NAME["revenue"], found).values == ["USD 300.01", "JPY 700"]
    assert tiles.tile(BY_NAME["revenue"], found).lines == ["given back: JPY 300"]
    assert tiles.tile(BY_NAME["average-booking"], found).values == ["USD 150.00", "JPY 700"]  # 150.005, half to even
    assert value("bookings", found) == 3
    assert value("refunds-due", found) == 1
    assert tiles.tile(BY_NAME["refunds-due"], found).lines == ["USD 50.00"]
    assert panels.money_table(found) == [
        ("USD", ["USD 300.01", "USD 300.01", "USD 300.01", "USD 300.01", "USD 0.00"]),
        ("JPY", ["JPY 700", "JPY 700", "JPY 700", "JPY 700", "JPY 300"])]


def test_the_funnel() -> None:
    for number in range(20):
        history.search(NOON, seen=number < 15)
    for number in range(5):
        made = history.booking(NOON, seen=number < 3)
        if number == 0:
            history.payment(made, NOON, ms=800, captured_at=NOON)
    found = reading()
    assert [(step.name, step.count, step.of_before, step.of_all) for step in panels.funnel(found.sums)] == [
        ("Searches", 20, "–", "100 %"), ("Results viewed", 15, "75.0 %", "75.0 %"),
        ("Booking started", 5, "33.3 %", "25.0 %"), ("Payment reached", 3, "60.0 %", "15.0 %"),
        ("Completed", 1, "33.3 %", "5.0 %")]
    assert value("conversion", found) == 5.0 and BY_NAME["conversion"].met(found.sums) is True
    assert value("abandonment", found) == pytest.approx(100 * 2 / 3)


def test_cases(django_user_model: Any) -> None:
    person = django_user_model.objects.create_user("solver")
    for minutes in (10, 30, 50):
        history.case(NOON, NOON + timedelta(minutes=minutes), by=person)
    history.case(NOON, NOON + timedelta(minutes=1))
    history.case(NOON - 2 * DAY)
    found = reading(NOON + timedelta(minutes=55))
    assert value("open-cases", found) == 1
    assert value("time-to-solve", found) == pytest.approx(30 * 60_000, **NEAR)
    assert value("healed", found) == 25.0
    assert "the oldest is open for 2 d 0 h" in tiles.tile(BY_NAME["open-cases"], found).lines


def test_suppliers() -> None:
    for ms in (1000, 2000, 3000):
        history.search(NOON, duffel={"state": "done", "ms": ms})
    history.search(NOON, duffel={"state": "failed", "code": "supplier_timeout", "ms": 20_000})
    for outcome, code in (("ok", ""), ("ok", ""), ("refused", "sold_out"), ("unknown", "supplier_timeout")):
        made = history.booking(NOON)
        rows.call(made, "create_order", f"order:{made.pk}", outcome=outcome, code=code, asked_at=NOON)
    for status, ms in ((201, 700), (503, 50), (None, 130_000)):
        CallRecord.objects.create(booking=made, step="create_order", subject="order:1", at=NOON, vendor="duffel",
                                  method="POST", path="/air/orders", status=status, milliseconds=ms, outcome="ok")
    SupplierBalance.objects.create(supplier="duffel", currency="USD", available_minor=123_456, told_at=NOON)
    found = reading()
    assert value("supplier-latency", found) == pytest.approx(20_000, **NEAR)
    assert found.sums.time("search.time", 0.5) == pytest.approx(2000, **NEAR)
    assert value("supplier-failures", found) == 25.0
    assert value("order-failures", found) == 50.0
    assert tiles.tile(BY_NAME["order-failures"], found).lines == [
        "2 of 4 orders", "duffel: sold out 1", "duffel: supplier timeout 1"]
    assert (found.sums.n("call.made", "duffel"), found.sums.n("call.failed", "duffel:create_order")) == (3, 2)
    assert tiles.tile(BY_NAME["supplier-balance"], found).values == ["duffel USD 1,234.56"]


def test_messages() -> None:
    """Five concern us: heard at once, known, 61 s late, recognised late, not recognised. One does not concern us."""
    history.gateway_event(NOON, NOON + 2 * SECOND)
    history.supplier_event(NOON, NOON + 60 * SECOND, "known")
    history.gateway_event(NOON, NOON + 61 * SECOND)
    history.supplier_event(NOON, NOON + SECOND, "heard", tried_at=NOON + 300 * SECOND)
    history.gateway_event(None, NOON, "unmatched")
    history.gateway_event(NOON, NOON + 900 * SECOND, "ignored")
    history.supplier_event(NOON - DAY, NOON - DAY, "given_up")
    found = reading(NOON + HOUR)
    assert value("webhooks-in-time", found) == 40.0
    assert value("webhook-failures", found) == 0
    figures.recount(NOON + HOUR, days=2)
    week = read(window("7d", NOON.date(), NOON + HOUR), NOON + HOUR)
    assert value("webhooks-in-time", week) == pytest.approx(100 * 2 / 6)
    assert value("webhook-failures", week) == 1


def test_the_house() -> None:
    other = "00000000-0000-4000-8000-000000000002"
    history.tally(NOON, "web.5xx", 6, "500")
    history.tally(NOON, "web.5xx", 3, "500", process=other)
    history.tally(NOON, "web.5xx", 1, "503")
    history.tally(NOON, "db.error", 2, "OperationalError")
    history.tally(NOON, "webhook.failed", 4, "stripe")
    history.booking(NOON, due_at=NOON - 90 * SECOND)
    found = reading()
    assert value("server-errors", found) == 10 and BY_NAME["server-errors"].met(found.sums, 1) is False
    assert BY_NAME["server-errors"].met(found.sums, 7) is True  # a week's mean
    assert (value("database-errors", found), value("webhook-failures", found)) == (2, 4)
    assert value("queue-lag", found) == 90 and tiles.tile(BY_NAME["queue-lag"], found).state == tiles.MISSED


def test_nothing_counted_is_no_data_and_never_zero_percent() -> None:
    found = read(window("30d", NOON.date(), NOON), NOON)
    for tile in tiles.tiles(found):
        assert (tile.values, tile.state, tile.moved) == (["no data yet"], tiles.EMPTY, ""), tile.figure.name
    assert all(chart.empty for chart in panels.charts(found))
    assert {step.of_all for step in panels.funnel(found.sums)} == {"no data yet"}
    history.booking(NOON)
    quiet = reading()
    shown = {tile.figure.name: tile.values for tile in tiles.tiles(quiet)}
    assert shown["payment-success"] == shown["healed"] == shown["time-to-solve"] == ["no data yet"]
    assert shown["server-errors"] == ["0"]


def test_a_running_day_is_compared_with_the_same_hours_of_the_day_before() -> None:
    for hour in range(24):
        for _ in range(2):
            made = history.booking(NOON - DAY)
            history.payment(made, NOON, ms=1, captured_at=NOON.replace(hour=0) - DAY + hour * HOUR)
    for hour in range(13):  # one an hour, the running hour included
        history.payment(history.booking(NOON), NOON, ms=1, captured_at=NOON.replace(hour=0) + hour * HOUR)
    figures.recount(NOON + timedelta(minutes=5), days=2)
    found = read(window("today", NOON.date(), NOON), NOON)
    tile = tiles.tile(BY_NAME["bookings"], found)
    assert tile.values == ["13"]
    assert tile.moved == "down 50 %, worse than the day before, to the same hour"  # 12 against 24


def test_every_figure_is_made_of_something_that_is_counted() -> None:
    text = "\n".join([*sources.SOURCES.values(), sources.LEVELS])
    tallies = {"web.5xx", "db.error", "webhook.failed", "webhook.refused"}
    counted = set(re.findall(r"SELECT '([a-z]+\.[a-z]+)'", text)) | tallies
    wanted = {metric for figure in FIGURES for metric in figure.measure.metrics} | {metric for metric, _ in STEPS}
    assert wanted <= counted
    assert {metric for metrics in panels.PARTS.values() for metric in metrics} <= counted
    assert set(panels.PARTS) <= set(BY_NAME) and set(tiles.LINES) <= set(BY_NAME)


def test_the_document_is_the_table() -> None:
    text = (settings.BASE_DIR / "docs" / "figures.md").read_text()
    told = dict(re.findall(r"^\| ([^|]+) \| ([^|]+\|[^|]+\|[^|]+) \|$", text, re.MULTILINE))
    for figure in FIGURES:
        assert told[figure.title] == f"{figure.formula} | {figure.source} | {figure.target or 'none'}"
    assert len(told) == len(FIGURES) + 1  # and the head


