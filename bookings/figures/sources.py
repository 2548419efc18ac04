"""What is counted, from which rows: one statement per source and hour, each an index scan of that hour's rows.

Every statement answers rows of (metric, dim, n, total, hist) for the hour from %(a)s up to, not including, %(z)s
(UTC). `n` counts, `total` sums (minor units or milliseconds), `hist` spreads times over the buckets of
bookings.figures.buckets.
"""

from __future__ import annotations

from bookings.figures.buckets import GROWTH
from bookings.models import Seen

IN_TIME = 60  # seconds from the making of a message to its being heard
_PARAMETERS: dict[str, int | str] = {
    "seconds": IN_TIME, "results": Seen.Step.RESULTS, "payment": Seen.Step.PAYMENT}


def parameters() -> dict[str, int | str]:
    """What the statements need besides the hour."""
    return dict(_PARAMETERS)


def _bucket(milliseconds: str) -> str:
    return f"CASE WHEN {milliseconds} <= 1 THEN 0 ELSE ceil(ln({milliseconds}) / ln({GROWTH}::float8))::int END"


def _spread(metric: str, rows: str) -> str:
    """Rows of (dim, ms) as one histogram per dim; rows without a time are left out."""
    return f"""SELECT '{metric}', dim, sum(c)::bigint, sum(t)::bigint, jsonb_object_agg(bucket::text, c) FROM (
        SELECT dim, {_bucket("ms")} AS bucket, count(*) AS c, round(sum(ms)) AS t FROM (
            SELECT dim, ms::float8 AS ms FROM ({rows}) AS timed WHERE ms IS NOT NULL) AS one GROUP BY dim, bucket
        ) AS spread GROUP BY dim"""  # noqa: S608  constants only


def _with(plain: str, spread: str) -> str:
    return f"{plain} UNION ALL {spread}"


_SEARCHES = _with("""
WITH mine AS MATERIALIZED (SELECT id, outcome FROM suppliers_search WHERE created_at >= %(a)s AND created_at < %(z)s),
told AS (SELECT entry.key AS supplier, entry.value AS word FROM mine, jsonb_each(mine.outcome) AS entry
    WHERE entry.value->>'code' IS DISTINCT FROM 'sales_paused')  -- not asked, so it did not fail
SELECT 'search.made', '', count(*), 0::bigint, NULL::jsonb FROM mine
UNION ALL SELECT 'search.seen', '', count(*), 0, NULL FROM mine WHERE EXISTS (
    SELECT FROM bookings_seen WHERE subject = mine.id AND step = %(results)s)
UNION ALL SELECT 'search.asked', supplier, count(*), 0, NULL FROM told GROUP BY supplier
UNION ALL SELECT 'search.failed', left(supplier || ':' || coalesce(word->>'code', ''), 80), count(*), 0, NULL
    FROM told WHERE word->>'state' = 'failed' GROUP BY 2
""", _spread("search.time", "SELECT supplier AS dim, (word->>'ms')::float8 AS ms FROM told"))

# the bookings begun in this hour, and how far they have come since
_BOOKINGS = """
WITH mine AS MATERIALIZED (
    SELECT b.id, b.public_id, b.route = 'manual' AND EXISTS (
        SELECT FROM suppliers_supplierorder o WHERE o.booking_id = b.id AND o.external_id <> '') AS reserved
    FROM bookings_booking b WHERE b.created_at >= %(a)s AND b.created_at < %(z)s)
SELECT 'booking.started', '', count(*), 0::bigint, NULL::jsonb FROM mine
UNION ALL SELECT 'booking.reached', '', count(*), 0, NULL FROM mine WHERE reserved OR EXISTS (
    SELECT FROM bookings_seen WHERE subject = mine.public_id AND step = %(payment)s)
    OR EXISTS (SELECT FROM payments_payment p WHERE p.booking_id = mine.id)
UNION ALL SELECT 'booking.completed', '', count(*), 0, NULL FROM mine WHERE reserved OR EXISTS (
    SELECT FROM payments_payment p WHERE p.booking_id = mine.id AND p.captured_at IS NOT NULL)
"""

# the payments asked for in this hour: tried means that a bank was asked at least once
_PAYMENTS = _with("""
WITH mine AS MATERIALIZED (
    SELECT asked_at, authorised_at, declines, secured FROM payments_payment
    WHERE asked_at >= %(a)s AND asked_at < %(z)s AND (authorised_at IS NOT NULL OR declines > 0))
SELECT 'payment.tried', '', count(*), 0::bigint, NULL::jsonb FROM mine
UNION ALL SELECT 'payment.authorised', '', count(*), 0, NULL FROM mine WHERE authorised_at IS NOT NULL
UNION ALL SELECT 'payment.attempts', '', coalesce(sum(declines + (authorised_at IS NOT NULL)::int), 0)::bigint, 0, NULL
    FROM mine
UNION ALL SELECT 'payment.declines', '', coalesce(sum(declines), 0)::bigint, 0, NULL FROM mine
UNION ALL SELECT 'payment.secured', '', count(*), 0, NULL FROM mine WHERE secured
""", _spread("payment.time", """SELECT '' AS dim, extract(epoch FROM authorised_at - asked_at) * 1000 AS ms
    FROM mine WHERE authorised_at IS NOT NULL AND declines = 0 AND NOT secured"""))

_MONEY = """
SELECT 'money.captured', currency, count(*), sum(captured_minor)::bigint, NULL::jsonb FROM payments_payment
    WHERE captured_at >= %(a)s AND captured_at < %(z)s GROUP BY currency
UNION ALL SELECT 'money.refunded', currency, count(*), sum(amount_minor)::bigint, NULL FROM payments_refund
    WHERE sent_at >= %(a)s AND sent_at < %(z)s AND state IN ('sent', 'succeeded') GROUP BY currency
"""

# every request as it went over the wire; unanswered ones have no status
_CALLS = _with("""
WITH mine AS MATERIALIZED (
    SELECT vendor, step, status, milliseconds FROM bookings_callrecord WHERE at >= %(a)s AND at < %(z)s)
SELECT 'call.made', vendor, count(*), 0::bigint, NULL::jsonb FROM mine GROUP BY vendor
UNION ALL SELECT 'call.failed', left(vendor || ':' || step, 80), count(*), 0, NULL FROM mine
    WHERE status IS NULL OR status >= 500 OR status = 429 GROUP BY 2
""", _spread("call.time", "SELECT vendor AS dim, milliseconds AS ms FROM mine"))

# one row for each order asked for, with the last answer
_ORDERS = """
WITH mine AS MATERIALIZED (
    SELECT b.supplier, c.outcome, c.code FROM bookings_externalcall c JOIN bookings_booking b ON b.id = c.booking_id
    WHERE c.kind = 'create_order' AND c.asked_at >= %(a)s AND c.asked_at < %(z)s AND c.outcome <> '')
SELECT 'order.asked', supplier, count(*), 0::bigint, NULL::jsonb FROM mine GROUP BY supplier
UNION ALL SELECT 'order.failed', left(supplier || ':' || coalesce(nullif(code, ''), outcome), 80), count(*), 0, NULL
    FROM mine WHERE outcome <> 'ok' GROUP BY 2
"""

# A message is heard when its booking is told: at once, or when its row of ours appeared (tried_at). Late ones include
# those that nobody has recognised yet. Without the sender's time the clock runs from our own receiving.
_WEBHOOKS = _with("""
WITH mine AS MATERIALIZED (
    SELECT provider AS dim, fate, coalesce(made_at, received_at) AS made,
        CASE WHEN fate = 'heard' THEN coalesce(tried_at, received_at) WHEN fate = 'known' THEN received_at END AS heard
    FROM payments_gatewayevent WHERE received_at >= %(a)s AND received_at < %(z)s AND fate <> 'ignored'
    UNION ALL
    SELECT provider, fate, coalesce(made_at, received_at),
        CASE WHEN fate = 'heard' THEN coalesce(tried_at, received_at) WHEN fate = 'known' THEN received_at END
    FROM suppliers_supplierevent WHERE received_at >= %(a)s AND received_at < %(z)s AND fate <> 'ignored')
SELECT 'webhook.came', dim, count(*), 0::bigint, NULL::jsonb FROM mine GROUP BY dim
UNION ALL SELECT 'webhook.late', dim, count(*), 0, NULL FROM mine
    WHERE heard IS NULL OR heard > made + %(seconds)s * interval '1 second' GROUP BY dim
UNION ALL SELECT 'webhook.lost', dim, count(*), 0, NULL FROM mine WHERE fate = 'given_up' GROUP BY dim
""", _spread("webhook.time", """SELECT dim, greatest(extract(epoch FROM heard - made), 0) * 1000 AS ms
    FROM mine WHERE heard IS NOT NULL"""))

_CASES = _with("""
WITH gone AS MATERIALIZED (
    SELECT closed_by_id, opened_at, closed_at FROM bookings_case WHERE closed_at >= %(a)s AND closed_at < %(z)s)
SELECT 'case.opened', severity::text, count(*), 0::bigint, NULL::jsonb FROM bookings_case
    WHERE opened_at >= %(a)s AND opened_at < %(z)s GROUP BY severity
UNION ALL SELECT 'case.closed', '', count(*), 0, NULL FROM gone
UNION ALL SELECT 'case.healed', '', count(*), 0, NULL FROM gone WHERE closed_by_id IS NULL
""", _spread("case.time", """SELECT '' AS dim, extract(epoch FROM closed_at - opened_at) * 1000 AS ms
    FROM gone WHERE closed_by_id IS NOT NULL"""))

_TALLIES = """
SELECT name, dim, sum(n)::bigint, 0::bigint, NULL::jsonb FROM bookings_tally
    WHERE at >= %(a)s AND at < %(z)s GROUP BY name, dim
"""

SOURCES = {"searches": _SEARCHES, "bookings": _BOOKINGS, "payments": _PAYMENTS, "money": _MONEY, "calls": _CALLS,
           "orders": _ORDERS,

           "webhooks": _WEBHOOKS, "cases": _CASES, "tallies": _TALLIES}

# how things stand at this moment; the same columns, and nothing of it can be counted afterwards
LEVELS = """
WITH open AS MATERIALIZED (SELECT severity, opened_at FROM bookings_case WHERE closed_at IS NULL),
owed AS MATERIALIZED (SELECT currency, amount_minor, requested_at FROM payments_refund WHERE state = 'requested')
SELECT 'level.cases', '', count(*), 0::bigint, NULL::jsonb FROM open
UNION ALL SELECT 'level.cases', severity::text, count(*), 0, NULL FROM open GROUP BY severity
UNION ALL SELECT 'level.oldest', '', coalesce(extract(epoch FROM %(now)s - min(opened_at)), 0)::bigint, 0, NULL
    FROM open
UNION ALL SELECT 'level.refunds', '', count(*), 0, NULL FROM owed
UNION ALL SELECT 'level.refunds', currency, count(*), sum(amount_minor)::bigint, NULL FROM owed GROUP BY currency
UNION ALL SELECT 'level.queue', '', coalesce(greatest(extract(epoch FROM %(now)s - min(due_at)), 0), 0)::bigint, 0, NULL
    FROM bookings_booking WHERE due_at IS NOT NULL AND parked_at IS NULL
UNION ALL SELECT 'level.balance', supplier || ':' || currency, 1, available_minor, NULL FROM suppliers_supplierbalance
"""
