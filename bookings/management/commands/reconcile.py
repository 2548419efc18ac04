"""`manage.py reconcile`: compare our rows with the airline's and Stripe's lists now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from bookings import reconcile
from bookings.models import Case
from fly2any.kernel import clock


class Command(BaseCommand):
    """The comparison that the sweeper makes every 15 minutes."""

    help = "Compare with the suppliers' and Stripe's lists, both ways; differences become cases."

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare once and say how many cases are open."""
        now = clock.now()
        matched = reconcile.rematch(now)
        reconcile.light(now)
        waiting = Case.objects.filter(closed_at=None).count()
        self.stdout.write(f"messages matched: {matched}, cases open: {waiting}")
