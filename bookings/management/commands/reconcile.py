"""`manage.py reconcile`: compare our rows with the airline's and Stripe's lists now."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bookings import reconcile
from bookings.models import Case
from fly2any.kernel import clock


class Command(BaseCommand):
    """The comparison that the sweeper makes every 15 minutes, or the whole one of every night."""

    help = ("Compare with the suppliers' and Stripe's lists, both ways; differences become cases. "
            "A comparison that was killed goes on from its page.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How much is compared, and what."""
        parser.add_argument("--full", action="store_true", help="the nightly comparison: 72 hours (refunds 30 days, "
                            "disputes 180), our rows in their lists and their objects in ours")
        parser.add_argument("--part", action="append", default=[], metavar="NAME", help="only this list; may be given "
                            "more than once: intents, charges, refunds, disputes, warnings, undelivered, orders.duffel")
        parser.add_argument("--since", metavar="TIME", help="compare what was created since then, in UTC "
                            "(2026-11-21 or 2026-11-21T08:00): a comparison of its own beside those of the sweeper")
        parser.add_argument("--rest", type=float, default=0.0, metavar="SECONDS", help="pause between two pages of "
                            "--full or --since, so that customers keep most of a vendor's limit (the sweeper: 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare once and say how many cases are open."""
        now, parts = clock.now(), options["part"]
        unknown = sorted(set(parts) - set(reconcile.part_names()))
        if unknown:
            raise CommandError(f"there is no list {unknown[0]!r}: {', '.join(reconcile.part_names())}")
        since = time_of(options["since"])
        matched = 0 if parts else reconcile.rematch(now)
        done = True
        if options["full"] or since is not None:
            done = reconcile.full(now, parts, rest=options["rest"], since=since)
        else:
            reconcile.light(now, parts)
        waiting = Case.objects.filter(closed_at=None).count()
        self.stdout.write(f"messages matched: {matched}, cases open: {waiting}")
        if not done:
            raise CommandError("a list did not come to its end (see the log); the next start goes on from its page")


def time_of(text: str | None) -> datetime | None:
    """A time as it is typed (UTC when it names no zone). Raises CommandError when it is none."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text!r} is not a time such as 2026-11-21T08:00") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
