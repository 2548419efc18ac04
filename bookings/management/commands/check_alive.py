"""`manage.py check_alive`: for a watcher outside the site. Exit code 1 and one line for each thing that has stopped."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from bookings import telling
from bookings.models import Heartbeat, Outbox
from bookings.sweep import SILENT
from fly2any.kernel import clock

UNTOLD = timedelta(minutes=2)


class Command(BaseCommand):
    """Run it every minute from another machine's scheduler; it needs the database and nothing else."""

    help = "Say whether the sweeper beats and alerts leave the house. Exit code 1 when not."

    def handle(self, *args: Any, **options: Any) -> None:
        """Look, and fail with what is wrong."""
        try:
            now = clock.now()
            beat = Heartbeat.objects.filter(name="sweeper").values_list("beat_at", flat=True).first()
            untold = Outbox.objects.filter(kind=telling.TOLD, created_at__lt=now - UNTOLD, sent_at=None, dropped="",
                                           case__closed_at=None, case__taken_by=None).count()
        except DatabaseError as error:
            raise CommandError(f"the database does not answer: {type(error).__name__}") from None
        wrong = []
        if beat is None or now - beat > SILENT:
            since = "ever" if beat is None else f"{beat:%Y-%m-%d %H:%M} UTC"
            wrong.append(f"RECOVERY STOPPED: no sweeper since {since}")
        if untold:
            wrong.append(f"ALERTS NOT TOLD: {untold} wait for more than {int(UNTOLD.total_seconds() // 60)} minutes")
        if wrong:
            raise CommandError("; ".join(wrong))
        self.stdout.write("alive")
