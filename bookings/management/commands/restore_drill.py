"""`manage.py restore_drill FILE`: show that a dump can be restored, in a database of its own that goes again."""

from __future__ import annotations

import subprocess
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from bookings.sweep import beat
from fly2any.kernel import clock
from fly2any.stack import dumps

LOCK = 0xD8111  # one drill at a time


class Command(BaseCommand):
    """Run it every week on the newest dump: asks nothing outside, changes nothing here, exit code 1 when it fails."""

    help = "Restore FILE into a new database, check schema, promises and keys there, and drop it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which dump, and the key that opens it."""
        parser.add_argument("file", type=Path, nargs="?")
        parser.add_argument("--identity", type=Path, help="the age identity (private key) file of an encrypted dump")
        parser.add_argument("--inside", action="store_true", help="only the questions about the database at hand")

    def handle(self, *args: Any, file: Path | None, identity: Path | None, inside: bool, **options: Any) -> None:
        """Restore, look, drop."""
        if inside:
            self._inside()
            return
        if file is None:
            raise CommandError("name the dump")
        with connection.cursor() as cursor:  # held as long as this process lives
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
            if not cursor.fetchone()[0]:
                raise CommandError("a drill is under way")
        scratch = {**connection.settings_dict, "NAME": f"drill_{connection.settings_dict['NAME']}"[:63]}
        started = time.monotonic()
        try:
            dumps.drop(scratch)  # of a drill that was cut off
            dumps.create(scratch)
            dumps.restore(file, scratch, identity)
            self.stdout.write(f"restored in {time.monotonic() - started:.1f} s")
            self._look_inside(scratch)
        except dumps.DumpError as problem:
            raise CommandError(str(problem)) from None
        finally:
            dumps.drop(scratch)
        beat("drill", clock.now())
        self.stdout.write(f"the dump is good: {time.monotonic() - started:.1f} s")

    def _look_inside(self, scratch: dict[str, Any]) -> None:
        environ = {**dumps.environ(scratch), "DATABASE_URL": dumps.url(scratch), "DB_POOL": "0"}
        done = subprocess.run([sys.executable, "manage.py", "restore_drill", "--inside"],
                              cwd=settings.BASE_DIR, env=environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise dumps.DumpError(" ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]))
        self.stdout.write(done.stdout.strip())

    def _inside(self) -> None:
        """Schema and promises are whole, the keys open what was sealed last, and these books know they are a copy."""
        from bookings import copies
        from bookings.models import Booking, Passenger
        from fly2any.kernel import secretbox

        try:
            call_command("migrate", check_unapplied=True, verbosity=0)
        except SystemExit as unapplied:
            raise CommandError("the schema of the dump is not the one of this release") from unapplied
        call_command("invariants", stdout=self.stdout)
        sealed = Passenger.objects.exclude(document="").order_by("-pk").values_list("document", flat=True).first()
        if sealed is not None:
            try:
                secretbox.unseal(sealed)
            except Exception as problem:
                raise CommandError("FIELD_ENCRYPTION_KEYS do not open the newest document") from problem
        try:
            copies.check()
        except copies.RestoredCopy:
            self.stdout.write(f"{Booking.objects.count()} bookings, the keys fit, and it knows that it is a copy")
        else:
            raise CommandError("this copy takes itself for the original: worker and sweeper would act on it")
