"""`manage.py reopen`: sales begin again after a restore, once the books are compared."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bookings import restoring
from fly2any.kernel import clock
from suppliers import pause


class Command(BaseCommand):
    """Refuses while lists are not compared, bookings are due or critical cases are nobody's."""

    help = "Lift the pause that `manage.py restored` made, when everything since is compared and taken."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whoever opens all the same says why."""
        parser.add_argument("--although", metavar="REASON", default="", help="open although something is left; kept")

    def handle(self, *args: Any, although: str, **options: Any) -> None:
        """Look, and lift."""
        now = clock.now()
        left = restoring.unready(now)
        if left and not although.strip():
            raise CommandError("sales stay closed: " + "; ".join(left))
        because = f"opened although: {although.strip()}" if left else "the books agree with the vendors' again"
        if not pause.resume(supplier=pause.ALL, cause=pause.RESTORED, now=now, because=because):
            raise CommandError("sales are not closed by a restore")
        self.stdout.write("sales are open")
