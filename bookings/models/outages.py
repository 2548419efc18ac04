"""How each vendor answers at present, as all drivers together have seen it."""

from __future__ import annotations

from django.db import models


class Outage(models.Model):
    """One row for each vendor: its failures in a row, and when its last outage ended (`bookings.outages`)."""

    vendor = models.CharField(max_length=20, primary_key=True)
    failures = models.PositiveIntegerField(default=0)  # of calls of any kind
    deed_failures = models.PositiveIntegerField(default=0)  # of calls that change something there
    over_at = models.DateTimeField(null=True, blank=True)  # the first good answer after a row of failures

    def __str__(self) -> str:
        return self.vendor
