"""`manage.py run_sweeper`: drives everything that is due, forever, with Postgres alone."""

from __future__ import annotations

import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookings.copies import RestoredCopy
from bookings.sweep import Sweeper
from fly2any.kernel import counting, settling


class Command(BaseCommand):
    """Sweep every few seconds until SIGTERM or SIGINT; running drives are finished first."""

    help = "Drive due bookings, send mail, reconcile. Needs only the database."

    def add_arguments(self, parser: CommandParser) -> None:
        """`--every`: seconds between sweeps."""
        parser.add_argument("--every", type=float, default=10.0, help="seconds between sweeps (default 10)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        sweeper = Sweeper(every=options["every"])
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sweeper.stopping.set())
        settling.settle()
        counting.start()
        self.stdout.write("sweeping")
        try:
            sweeper.run()
        except RestoredCopy as copy:
            raise CommandError(str(copy)) from None
