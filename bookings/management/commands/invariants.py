"""`manage.py invariants`: ask the tables whether every promise still holds."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bookings.invariants import RULES, check
from fly2any.kernel import clock


class Command(BaseCommand):
    """This command will print every violation, one line each, and exit 1 when there is any."""

    help = "Check the invariants of the house over all bookings. Exit code 1 and one line for each violation."

    def handle(self, *args: Any, **options: Any) -> None:
        """Check and tell."""
        violations = check(clock.now())
        for found in violations:
            self.stdout.write(f"{found.invariant} {found.reference} {found.detail}")
        if violations:
            raise CommandError(f"{len(violations)} violated")
        self.stdout.write(f"{len(RULES)} invariants hold")
