"""`manage.py backup FILE`: a whole, consistent dump of the database while the site runs."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from bookings.sweep import beat
from fly2any.kernel import clock
from fly2any.stack import dumps


class Command(BaseCommand):
    """The dump holds personal data; FIELD_ENCRYPTION_KEYS are not in it and are kept elsewhere."""

    help = "Dump the database into FILE (pg_dump, custom format), encrypted with --age for what leaves the house."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to, and for whom."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--age", default="", metavar="RECIPIENT", help="encrypt to this age public key (age1…)")

    def handle(self, *args: Any, file: Path, age: str, **options: Any) -> None:
        """Dump; the file appears whole or not at all."""
        try:
            dumps.make(connection.settings_dict, file.absolute(), age)
        except dumps.DumpError as problem:
            raise CommandError(str(problem)) from None
        beat("backup", clock.now())
        self.stdout.write(f"{file}: {file.stat().st_size:,} bytes")
