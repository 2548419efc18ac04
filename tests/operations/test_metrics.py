"""What Prometheus is told: true, complete for the dashboard and the alerts, and cheap."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import DatabaseError
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from bookings.figures import exported
from bookings.models import Booking, CallRecord, Case, Heartbeat
from fly2any.kernel import clock
from suppliers import pause
from suppliers.models import SupplierOrder
from tests.trail.rows import booking, order

DOCS = Path(__file__).resolve().parents[2] / "docs"
_NAME = re.compile(r"\b(?:fly2any|django)_[a-z0-9_]+")


def asked_for() -> set[str]:
    """The names in the queries of the dashboard and of the rules."""
    board = json.loads((DOCS / "operations" / "dashboard.json").read_text())
    queries = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    rules = re.findall(r"^        expr: (>-\n(?:          .*\n)+|.*\n)", (DOCS / "operations" / "alerts.yml").read_text(), re.M)
    assert len(queries) > 20 and len(rules) > 20
    return {name for query in [*queries, *rules] for name in _NAME.findall(query)}


@pytest.mark.django_db
def test_the_dashboard_and_the_alerts_ask_only_for_what_is_exported(client: Client, settings: LazySettings) -> None:
    client.get("/healthz")  # a histogram has no line before the first answer
    text = client.get("/metrics").content.decode()
    told = set(re.findall(r"^# TYPE (\S+)", text, re.M)) | set(re.findall(r"^([a-z_0-9]+)[{ ]", text, re.M))
    assert asked_for() - told == set()
    assert {name for name in exported.HELP if name not in told} == set()


def test_every_alert_names_a_chapter_that_exists() -> None:
    links = re.findall(r'runbook: "(docs/[a-z]+\.md)(?:#([a-z0-9_-]+))?"', (DOCS / "operations" / "alerts.yml").read_text())
    assert len(links) > 20
    for page, anchor in links:
        text = (DOCS.parent / page).read_text()
        headings = {re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).strip().replace(" ", "-")
                    for line in text.splitlines() if line.startswith("#")}
        assert not anchor or f'<a id="{anchor}">' in text or anchor in headings, (page, anchor)


@pytest.mark.django_db
def test_they_say_how_the_house_stands(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    now = clock.now()
    late = booking(due_at=now - timedelta(seconds=90), created_at=now, wished_at=now)
    booking(parked_at=now)
    order(late, state="unknown", external_id="", asked_at=now - timedelta(minutes=7))
    assert SupplierOrder.objects.get().state == "unknown"
    Case.objects.create(kind="dispute", subject="stripe:pi_1", severity=Case.Severity.HIGH, verdict="v",
                        opened_at=now - timedelta(hours=1))
    Heartbeat.objects.create(name="sweeper", beat_at=now - timedelta(seconds=40))
    for milliseconds in (100, 200, 9000):
        CallRecord.objects.create(booking=late, step="create_order", subject="order:1", at=now, vendor="duffel",
                                  method="POST", path="/air/orders", milliseconds=milliseconds, outcome="ok")
    pause.pause(supplier="", cause=pause.RESTORED, reason="test", now=now)
    with django_assert_num_queries(2):
        found = {(name, *sorted(labels.items())): value for name, labels, value in exported.read()}
    assert found["fly2any_due",] == 1 and 85 < found["fly2any_due_oldest_seconds",] < 300
    assert found["fly2any_parked",] == 1 and found["fly2any_unknown_outcomes",] == 1
    assert 415 < found["fly2any_unknown_oldest_seconds",] < 600
    assert found["fly2any_cases_open", ("kind", "dispute"), ("severity", "high")] == 1
    assert found["fly2any_cases_untaken", ("severity", "high")] == 1
    assert 35 < found["fly2any_heartbeat_age_seconds", ("name", "sweeper")] < 300
    calls = ("step", "create_order"), ("vendor", "duffel")
    assert found["fly2any_calls_recent", ("outcome", "ok"), *calls] == 3
    assert found["fly2any_call_seconds_recent", ("quantile", "0.5"), *calls] == 0.2
    assert found["fly2any_sales_paused", ("cause", "restored"), ("supplier", "")] == 1
    assert found["fly2any_bookings_recent", ("status", "PENDING")] == 1
    assert found["fly2any_connections_limit",] >= 1
    assert Booking.objects.count() == 2


def test_a_scrape_is_answered_without_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise DatabaseError("away")

    monkeypatch.setattr(exported, "read", away)
    assert b"\nfly2any_up 0.0\n" in exported.exposition()
