"""`manage.py pg start|stop|status|url`: the embedded PostgreSQL for development."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from fly2any.stack import postgres


class Command(BaseCommand):
    """This command will start, stop or describe the embedded PostgreSQL."""

    help = "The embedded PostgreSQL of this checkout: start, stop, status, url."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the one word that says what to do."""
        parser.add_argument("action", choices=("start", "stop", "status", "url"))

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        """Do it and print one line."""
        folder = settings.POSTGRES_DIR
        try:
            match action:
                case "start":
                    self.stdout.write(postgres.ensure(folder))
                case "stop":
                    self.stdout.write("stopped" if postgres.stop(folder) else "was not running")
                case "status":
                    self.stdout.write("running" if postgres.running(folder) else "not running")
                case _:
                    self.stdout.write(postgres.url(folder))
        except postgres.PostgresError as problem:
            raise CommandError(str(problem)) from problem
