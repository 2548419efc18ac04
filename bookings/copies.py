"""Whether this database is the one that was written last. A copy of it must not act: it repeats what was done already.

A dump that was restored, a cluster that was rolled back and a standby that was promoted all look whole, and know
nothing of the orders and charges made since. So the books carry the name of the place they were written in: the
cluster's own identifier, its timeline and the database. Whoever finds itself elsewhere stops, until
`manage.py restored` has said what is lost.
"""

from __future__ import annotations

import time
from datetime import datetime

from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.db.utils import ProgrammingError

from bookings.models import Home
from fly2any.kernel import clock

LOOK_EVERY_SECONDS = 10.0
_HERE = """SELECT system_identifier::text || '/' || timeline_id || '/' ||
  (SELECT oid FROM pg_database WHERE datname = current_database()) FROM pg_control_system(), pg_control_checkpoint()"""
SAID = ("These books were written in another database (a restored dump, a rolled-back cluster, a promoted standby): "
        "nothing is done with them. Run `manage.py restored` (docs/operations.md, Restore).")
_looked_at = float("-inf")


class RestoredCopy(ImproperlyConfigured):
    """This database is a copy of the one that was written last; the message says what to do."""


def here() -> str:
    """The place this connection writes to: cluster / timeline / database; "" where the server does not tell."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_HERE)
            return str(cursor.fetchone()[0])
    except ProgrammingError:  # a hosted PostgreSQL may keep its control data to itself
        return ""


def check() -> None:
    """Raise RestoredCopy when these books were written elsewhere; a new database takes its own place for home."""
    global _looked_at
    present = here()
    home = Home.objects.filter(pk=1).first()
    if home is None:
        Home.objects.bulk_create([Home(pk=1, identifier=present, since=clock.now())], ignore_conflicts=True)
    elif present and home.identifier and home.identifier != present:
        raise RestoredCopy(SAID)
    _looked_at = time.monotonic()


def check_now_and_then() -> None:
    """`check`, at most once in LOOK_EVERY_SECONDS by this process. Raises RestoredCopy."""
    if time.monotonic() - _looked_at >= LOOK_EVERY_SECONDS:
        check()


def settle(now: datetime, lost_from: datetime | None = None) -> None:
    """From now on this database is the one that acts. `lost_from`: nothing written since then is left (UTC)."""
    gap = {"lost_from": lost_from, "lost_until": now} if lost_from else {}
    Home.objects.update_or_create(pk=1, defaults={"identifier": here(), "since": now, **gap})


def in_gap(moment: datetime | None) -> bool:
    """Whether `moment` (UTC) lies in the stretch of time that the last restore has cost."""
    return moment is not None and Home.objects.filter(lost_from__lte=moment, lost_until__gte=moment).exists()
