"""`manage.py restored`: the database was restored; make it safe to act on, and take back what the vendors know."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bookings import copies, restoring
from bookings.management.commands.reconcile import time_of
from fly2any.kernel import clock
from fly2any.kernel.errors import Outside


class Command(BaseCommand):
    """Run it once after every restore, before worker and sweeper start (docs/operations.md, Restore)."""

    help = ("After a restore, a roll-back or the promotion of a standby: closes sales, makes ids and pending deeds "
            "safe, asks the vendors for what was lost. May be run again.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        """When the books end, or that nothing is missing."""
        parser.add_argument("--until", metavar="TIME", help="when these books were last written, in UTC (default: as "
                            "they tell themselves)")
        parser.add_argument("--nothing-lost", action="store_true", help="every commit is here (a synchronous standby, "
                            "a planned move, pg_upgrade with the programs stopped): only go on from here")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it and say what was found."""
        now = clock.now()
        try:
            copies.check()
        except copies.RestoredCopy:
            pass
        else:
            if options["until"] is None:
                raise CommandError("these books are at home here; name --until TIME if they were set back all the same")
        if options["nothing_lost"]:
            copies.settle(now)
            self.stdout.write("nothing was lost: worker and sweeper may start")
            return
        until = time_of(options["until"]) or restoring.last_written()
        if until is None or until > now:
            raise CommandError("these books do not tell when they were last written: name --until TIME")
        self._restore(until, now)

    def _restore(self, until: datetime, now: datetime) -> None:
        self._tell(f"books end {until:%Y-%m-%d %H:%M:%S} UTC; sales are closed",
                   restoring.prepare(now, f"Restored: what was written after {until:%Y-%m-%d %H:%M} UTC is lost."))
        try:
            self._tell("asked the vendors", restoring.take_back(until, now))
        except Outside as error:
            raise CommandError(f"a vendor does not answer ({error.code}): run it again; nothing may start before"
                               ) from error
        copies.settle(clock.now(), lost_from=until - restoring.MARGIN)
        self.stdout.write("worker and sweeper may start; then manage.py reconcile --full and manage.py reopen")

    def _tell(self, said: str, done: Counter[str]) -> None:
        self.stdout.write(f"{said}: " + (", ".join(f"{name} {number}" for name, number in done.items()) or "nothing"))
