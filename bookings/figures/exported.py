"""What Prometheus is told of the house: read from the tables at each scrape, so that no process has to remember it.

Every web process gives the same answer (take `max` over them), and nothing is missing when a worker died. One
statement, each part through an index of few rows; nothing personal: states, kinds, counts and ages. Recent: of the
last RECENT. The dashboard and the alerts in docs/operations/ are made of these names; `HELP` says what each means.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from django.db import DatabaseError, connection
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from bookings.models import Case
from fly2any.kernel import clock

RECENT = "5 minutes"
HELP = {
    "fly2any_up": "Whether the database answered this scrape.",
    "fly2any_bookings_recent": "Bookings made in the last hour, by what has become of them.",
    "fly2any_due": "Bookings whose time has come and that nobody has driven yet.",
    "fly2any_due_oldest_seconds": "How long the longest of them has waited: the sweeper's lag.",
    "fly2any_parked": "Bookings that the worker gave up on.",
    "fly2any_unknown_outcomes": "Airline orders of which we do not know whether they exist, or were paid.",
    "fly2any_unknown_oldest_seconds": "For how long the oldest of them has been unknown.",
    "fly2any_reserved_oldest_seconds": "For how long the oldest reserved card has waited (8 hours at most).",
    "fly2any_refunds_owed": "Refunds that were asked for and have not been sent.",
    "fly2any_refund_oldest_seconds": "How long the oldest of them has waited.",
    "fly2any_cases_open": "Open cases.",
    "fly2any_cases_untaken": "Open cases that nobody has taken.",
    "fly2any_case_oldest_seconds": "Age of the oldest case that nobody has taken.",
    "fly2any_outbox_waiting": "Mails and alerts that are due and not sent.",
    "fly2any_outbox_oldest_seconds": "How long the oldest of them has been due.",
    "fly2any_inbox_unmatched": "Messages that name nothing of ours yet.",
    "fly2any_heartbeat_age_seconds": "Time since a program or a periodic job last did its round.",
    "fly2any_breaker_open": "1 while new bookings by this kind of call are stopped.",
    "fly2any_sales_paused": "1 while sales are paused.",
    "fly2any_balance_minor": "Our balance with a supplier, minor units, as last told.",
    "fly2any_calls_recent": "Requests to vendors that were answered or given up lately, by how their deed ended.",
    "fly2any_call_seconds_recent": "How long they took: the median and what 95 of 100 did not exceed.",
    "fly2any_connections": "Connections to this database, by program and state.",
    "fly2any_connections_limit": "How many the server allows.",
    "fly2any_transaction_oldest_seconds": "Age of the oldest open transaction of this database.",
    "fly2any_database_bytes": "Size of this database on disk.",
}
_BOOKINGS = """
SELECT 'fly2any_bookings_recent' AS name, jsonb_build_object('status', status) AS labels, count(*)::float8 AS value
    FROM bookings_booking WHERE created_at > %(now)s - interval '1 hour' AND status <> 'DRAFT' GROUP BY status
UNION ALL SELECT 'fly2any_due', '{}', count(*) FROM due
UNION ALL SELECT 'fly2any_due_oldest_seconds', '{}', coalesce(extract(epoch FROM %(now)s - min(due_at)), 0) FROM due
UNION ALL SELECT 'fly2any_parked', '{}', count(*) FROM bookings_booking WHERE parked_at IS NOT NULL
UNION ALL SELECT 'fly2any_unknown_outcomes', '{}', count(*) FROM doubt
UNION ALL SELECT 'fly2any_unknown_oldest_seconds', '{}', coalesce(extract(epoch FROM %(now)s - min(asked_at)), 0)
    FROM doubt
UNION ALL SELECT 'fly2any_reserved_oldest_seconds', '{}', coalesce(extract(epoch FROM %(now)s - min(authorised_at)), 0)
    FROM payments_payment WHERE state IN ('authorised', 'capturing', 'voiding')
UNION ALL SELECT 'fly2any_refunds_owed', jsonb_build_object('currency', currency), count(*) FROM owed GROUP BY currency
UNION ALL SELECT 'fly2any_refund_oldest_seconds', '{}', coalesce(extract(epoch FROM %(now)s - min(requested_at)), 0)
    FROM owed
"""
_PEOPLE = """
UNION ALL SELECT 'fly2any_cases_open', jsonb_build_object('severity', severity, 'kind', kind), count(*)
    FROM cases GROUP BY severity, kind
UNION ALL SELECT 'fly2any_cases_untaken', jsonb_build_object('severity', severity), count(*)
    FROM cases WHERE taken_by_id IS NULL GROUP BY severity
UNION ALL SELECT 'fly2any_case_oldest_seconds', jsonb_build_object('severity', severity),
    extract(epoch FROM %(now)s - min(opened_at)) FROM cases WHERE taken_by_id IS NULL GROUP BY severity
UNION ALL SELECT 'fly2any_outbox_waiting', jsonb_build_object('kind', kind), count(*) FROM unsent GROUP BY kind
UNION ALL SELECT 'fly2any_outbox_oldest_seconds', '{}', coalesce(extract(epoch FROM %(now)s - min(due_at)), 0)
    FROM unsent
UNION ALL SELECT 'fly2any_inbox_unmatched', jsonb_build_object('provider', provider), count(*)
    FROM payments_gatewayevent WHERE fate = 'unmatched' GROUP BY provider
UNION ALL SELECT 'fly2any_inbox_unmatched', jsonb_build_object('provider', provider), count(*)
    FROM suppliers_supplierevent WHERE fate = 'unmatched' GROUP BY provider
"""
_HOUSE = """
UNION ALL SELECT 'fly2any_heartbeat_age_seconds', jsonb_build_object('name', name),
    extract(epoch FROM %(now)s - beat_at)
    FROM bookings_heartbeat WHERE name IN
    ('sweeper', 'detectors.last', 'reconcile.light', 'figures', 'retention', 'invariants', 'backup', 'drill')
UNION ALL SELECT 'fly2any_breaker_open', jsonb_build_object('supplier', supplier, 'kind', kind),
    (open_until IS NOT NULL)::int FROM suppliers_breakerstate
UNION ALL SELECT 'fly2any_sales_paused', jsonb_build_object('supplier', supplier, 'cause', cause), 1
    FROM suppliers_salespause WHERE lifted_at IS NULL
UNION ALL SELECT 'fly2any_balance_minor', jsonb_build_object('supplier', supplier, 'currency', currency),
    available_minor FROM suppliers_supplierbalance
UNION ALL SELECT 'fly2any_connections', jsonb_build_object('program', coalesce(nullif(application_name, ''), 'unnamed'),
    'state', coalesce(state, 'unknown')), count(*) FROM pg_stat_activity WHERE datname = current_database()
    GROUP BY 2
UNION ALL SELECT 'fly2any_connections_limit', '{}', current_setting('max_connections')::float8
UNION ALL SELECT 'fly2any_transaction_oldest_seconds', '{}',
    coalesce(extract(epoch FROM clock_timestamp() - min(xact_start)), 0)
    FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
UNION ALL SELECT 'fly2any_database_bytes', '{}', pg_database_size(current_database())
"""
_CALLS = """
UNION ALL SELECT 'fly2any_calls_recent', jsonb_build_object('vendor', vendor, 'step', step, 'outcome', outcome),
    count(*) FROM calls GROUP BY vendor, step, outcome
UNION ALL SELECT 'fly2any_call_seconds_recent', jsonb_build_object('vendor', vendor, 'step', step,
    'quantile', q::text), percentile_cont(q) WITHIN GROUP (ORDER BY milliseconds) / 1000
    FROM calls, unnest(ARRAY[0.5, 0.95]) AS q GROUP BY vendor, step, q
"""
_STATEMENT = f"""
WITH due AS MATERIALIZED (
    SELECT due_at FROM bookings_booking WHERE due_at <= %(now)s AND due_at IS NOT NULL AND parked_at IS NULL),
doubt AS MATERIALIZED (SELECT asked_at FROM suppliers_supplierorder WHERE state IN ('creating', 'unknown', 'paying')),
owed AS MATERIALIZED (SELECT currency, requested_at FROM payments_refund WHERE state = 'requested'),
cases AS MATERIALIZED (SELECT severity, kind, opened_at, taken_by_id FROM bookings_case WHERE closed_at IS NULL),
unsent AS MATERIALIZED (
    SELECT kind, due_at FROM bookings_outbox WHERE sent_at IS NULL AND dropped = '' AND due_at <= %(now)s),
calls AS MATERIALIZED (SELECT vendor, step, outcome, milliseconds FROM bookings_callrecord
    WHERE at > %(now)s - interval '{RECENT}')
{_BOOKINGS}{_PEOPLE}{_HOUSE}{_CALLS}"""  # noqa: S608
_SEVERITIES = {str(value): label for value, label in Case.Severity.choices}


def read() -> list[tuple[str, dict[str, str], float]]:
    """Name, labels and value of everything that stands now. One statement after the clock. Raises a database error."""
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT, {"now": now})
        rows = cursor.fetchall()
    return [(name, _labels(labels), float(value)) for name, labels, value in rows]


def _labels(found: str) -> dict[str, str]:
    labels = {name: str(value) for name, value in json.loads(found).items()}
    return {**labels, "severity": _SEVERITIES[labels["severity"]]} if "severity" in labels else labels


class _Tables:
    """A collector of prometheus_client over `read`."""

    def collect(self) -> Iterator[Metric]:
        """Every family, also those without a row now: a query must tell "none" from "not exported"."""
        try:
            rows, up = read(), 1.0
        except DatabaseError:
            rows, up = [], 0.0
        grouped: dict[str, list[tuple[dict[str, str], float]]] = {name: [] for name in HELP}
        grouped["fly2any_up"].append(({}, up))
        for name, labels, value in rows:
            grouped[name].append((labels, value))
        for name, samples in grouped.items():
            family = GaugeMetricFamily(name, HELP[name])
            for labels, value in samples:
                family.add_sample(name, labels, value)
            yield family


def exposition() -> bytes:
    """The text that /metrics adds to the counters of the web processes."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Tables())
    return generate_latest(registry)
