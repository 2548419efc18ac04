"""The dashboard's own tables: rolled-up figures, counts that no other row holds, and first looks. Nothing personal."""

from __future__ import annotations

from django.db import models


class Figure(models.Model):
    """One figure of one hour, day or month (UTC): sums that can be added up, never averages."""

    class Grain(models.TextChoices):
        HOUR = "h", "hour"
        DAY = "d", "day"
        MONTH = "m", "month"

    grain = models.CharField(max_length=1, choices=Grain.choices)
    at = models.DateTimeField()  # where the hour, day or month begins
    metric = models.CharField(max_length=24)  # as in bookings.figures.sources
    dim = models.CharField(max_length=80, blank=True, default="")  # a currency, a supplier, "supplier:code"; or all
    n = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)  # minor units of the currency in `dim`, or milliseconds
    high = models.BigIntegerField(default=0)  # levels: the highest of the samples
    hist = models.JSONField(null=True, blank=True)  # {"bucket": how many}, bookings.figures.buckets

    class Meta:
        constraints = [models.UniqueConstraint(fields=["grain", "at", "metric", "dim"],
                                               name="figure_is_counted_once")]

    def __str__(self) -> str:
        return f"{self.metric} {self.dim} {self.grain} {self.at:%Y-%m-%d %H:%M}"


class Tally(models.Model):
    """How often something happened in one process in one hour (UTC): the process's own running count, set not added."""

    process = models.UUIDField()
    at = models.DateTimeField()
    name = models.CharField(max_length=24)
    dim = models.CharField(max_length=80, blank=True, default="")
    n = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "tallies"
        constraints = [models.UniqueConstraint(fields=["at", "name", "dim", "process"],
                                               name="tally_is_kept_once_per_process")]

    def __str__(self) -> str:
        return f"{self.name} {self.dim} {self.n}"


class Seen(models.Model):
    """That a page was opened once for a search or a draft: the steps of the funnel. Forgotten after 8 days."""

    class Step(models.TextChoices):
        RESULTS = "results", "the results of a search were shown"
        PAYMENT = "payment", "the page with the payment was shown"

    subject = models.UUIDField()  # the search, or the draft's public id
    step = models.CharField(max_length=8, choices=Step.choices)
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "seen"
        constraints = [models.UniqueConstraint(fields=["subject", "step"], name="step_is_seen_once")]
        indexes = [models.Index(fields=["at"], name="seen_by_age")]

    def __str__(self) -> str:
        return f"{self.step} {self.subject}"
