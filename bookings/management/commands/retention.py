"""`manage.py retention`: forget what is old now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from bookings import retention
from fly2any.kernel import clock


class Command(BaseCommand):
    """The daily forgetting, at once."""

    help = "Delete old offers, requests, attempts, links and messages; erase old travel documents."

    def handle(self, *args: Any, **options: Any) -> None:
        """Forget and say how much."""
        for name, count in retention.run(clock.now()).items():
            self.stdout.write(f"{name}: {count}")
