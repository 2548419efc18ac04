"""`manage.py make_bundle_history`: made-up choices of bundles, to try training with. Writes no booking, ever."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookings.bundles import made_up
from bookings.models import BundleExample
from fly2any.kernel import clock

BATCH = 2000


class Command(BaseCommand):
    """Plausible, seeded, and marked as made up in every row."""

    help = "Make up a history of chosen bundles, marked as made up, to try train_bundles with."

    def add_arguments(self, parser: CommandParser) -> None:
        """How many, and where to."""
        parser.add_argument("--bookings", type=int, default=5000)
        parser.add_argument("--seed", type=int, default=1)
        where = parser.add_mutually_exclusive_group(required=True)
        where.add_argument("--out", type=Path, metavar="FILE", help="JSON lines")
        where.add_argument("--into-training-table", action="store_true",
                           help="into the training table, in place of the made-up rows there")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make them up."""
        number = options["bookings"]
        if not 1 <= number <= made_up.MOST:
            raise CommandError(f"--bookings must be between 1 and {made_up.MOST}.")
        rows = made_up.history(number, options["seed"], clock.now().date())
        if options["out"]:
            with options["out"].open("w") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)
            self.stdout.write(f"{number} made-up choices written to {options['out']}.")
            return
        BundleExample.objects.filter(source=BundleExample.Source.MADE_UP).delete()
        BundleExample.objects.bulk_create(
            (BundleExample(**{**row, "day": date.fromisoformat(row["day"])}) for row in rows), batch_size=BATCH)
        self.stdout.write(f"{number} made-up choices are in the training table, marked as made up. "
                          "Train with: manage.py train_bundles --made-up")
