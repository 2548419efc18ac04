"""What the bundle recommender learns from, and what it has learned: classes of trips, never people."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class BundleShown(models.Model):
    """The bundles a draft's page showed last, until the booking is confirmed (or forgotten)."""

    booking = models.OneToOneField("bookings.Booking", on_delete=models.CASCADE, related_name="bundles_shown")
    features = models.JSONField()  # {"nights": "2-3", ...}: classes as in bookings.bundles.features
    features_version = models.PositiveSmallIntegerField()
    offered = models.JSONField()  # [{"kind", "buys": [bag, seat, flex]}] in the order shown
    ranker = models.CharField(max_length=20)  # "rules" or "model 7"
    took_fare = models.BooleanField(default=False)  # the bundle with the flexible fare was chosen
    shown_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "bundles shown"
        indexes = [models.Index(fields=["shown_at"], name="bundles_shown_by_age")]

    def __str__(self) -> str:
        return f"bundles of booking {self.booking_id}"


class BundleExample(models.Model):
    """One confirmed booking (or a made-up one) for learning. No link to the booking, no time but a day."""

    class Source(models.TextChoices):
        REAL = "real", "a confirmed booking"
        MADE_UP = "made up", "made up by make_bundle_history"

    source = models.CharField(max_length=8, choices=Source.choices)
    day = models.DateField()  # of the confirmation, UTC
    features = models.JSONField()
    features_version = models.PositiveSmallIntegerField()
    offered = models.JSONField()  # [kind] in the order shown
    ranker = models.CharField(max_length=20)
    chosen = models.CharField(max_length=12, blank=True, default="")  # "": a combination that is no bundle
    position = models.PositiveSmallIntegerField(null=True, blank=True)  # where the chosen one stood, from 0

    class Meta:
        indexes = [models.Index(fields=["source", "day"], name="bundle_example_by_day")]

    def __str__(self) -> str:
        return f"{self.source}: {self.chosen or 'something else'}"


class BundleModel(models.Model):
    """A trained ranking: numbers as JSON, how well it did on trips it had not seen, and whether it is used."""

    version = models.PositiveIntegerField(unique=True)
    created_at = models.DateTimeField()
    source = models.CharField(max_length=8, choices=BundleExample.Source.choices)
    examples = models.PositiveIntegerField()
    features_version = models.PositiveSmallIntegerField()
    features = models.JSONField()  # the names of the columns, "nights:2-3"
    weights = models.JSONField()  # {"intercepts": {kind: number}, "weights": {kind: {column: number}}}
    metrics = models.JSONField()  # on the held-out last part: {"model": {...}, "rules": {...}}
    verdict = models.CharField(max_length=300)  # why it may (not) rank
    good_enough = models.BooleanField()  # enough data and better than the rules on the held-out part
    active = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["active"], condition=Q(active=True), name="one_bundle_model_is_active"),
            models.CheckConstraint(condition=Q(active=False) | Q(good_enough=True),
                                   name="active_bundle_model_beat_the_rules"),
        ]

    def __str__(self) -> str:
        return f"model {self.version}" + (" (made-up history)" if self.source != BundleExample.Source.REAL else "")
