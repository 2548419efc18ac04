"""Which database cluster these books live in, and which stretch of time a restore has cost."""

from __future__ import annotations

from django.db import models


class Home(models.Model):
    """One row: the cluster, timeline and database that these books were written in (`bookings.copies`)."""

    identifier = models.CharField(max_length=80)  # system identifier / timeline / database
    since = models.DateTimeField()
    lost_from = models.DateTimeField(null=True, blank=True)  # the last restore: what was written from here on is gone
    lost_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="home_is_one")]

    def __str__(self) -> str:
        return self.identifier
