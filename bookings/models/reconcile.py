"""Where the comparing of our rows with the vendors' lists stands, so that a killed one goes on from its page."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class ReconcileRun(models.Model):
    """One comparison of one list, light or full: what it covers, and the page it has come to."""

    class Kind(models.TextChoices):
        LIGHT = "light", "every quarter of an hour"
        FULL = "full", "every night"
        HAND = "hand", "by hand, from a time that somebody named"

    class Stage(models.TextChoices):
        LISTING = "listing", "their list, page by page"
        MISSING = "missing", "rows of ours that their list left out, one by one"
        DONE = "done", "done"

    part = models.CharField(max_length=40)  # intents, charges, orders.duffel, ...
    kind = models.CharField(max_length=6, choices=Kind.choices)
    stage = models.CharField(max_length=8, choices=Stage.choices, default=Stage.LISTING)
    cursor = models.CharField(max_length=400, blank=True, default="")  # their mark, or the last pk of ours
    since = models.DateTimeField()  # what was created outside from here on (UTC)
    started_at = models.DateTimeField()
    moved_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    pages = models.PositiveIntegerField(default=0)
    compared = models.PositiveIntegerField(default=0)  # objects of theirs
    asked = models.PositiveIntegerField(default=0)  # rows of ours looked up one by one
    restarts = models.PositiveSmallIntegerField(default=0)  # the vendor did not know its own mark any more
    trouble = models.CharField(max_length=60, blank=True, default="")  # why it stands still, in our codes

    class Meta:
        constraints = [models.UniqueConstraint(fields=["part", "kind"], condition=Q(finished_at__isnull=True),
                                               name="reconcile_runs_once")]
        indexes = [models.Index(fields=["part", "kind", "-started_at"], name="reconcile_newest"),
                   models.Index(fields=["finished_at"], name="reconcile_by_end")]

    def __str__(self) -> str:
        return f"{self.kind} {self.part} {self.stage}"


class ReconcileSeen(models.Model):
    """A row of ours that the present run has met in their list; forgotten when the run ends."""

    run = models.ForeignKey(ReconcileRun, on_delete=models.CASCADE, related_name="seen")
    row_id = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "row_id"], name="reconcile_sees_once")]

    def __str__(self) -> str:
        return f"{self.run_id} {self.row_id}"
