"""What orders the bundles, and what it learned from: to look at. Changed by `manage.py train_bundles` alone."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from bookings.models import BundleExample, BundleModel
from fly2any.kernel.readonly import ReadOnlyAdmin


@admin.register(BundleModel)
class BundleModelAdmin(ReadOnlyAdmin):
    """Every trained model, how well it did beside the rules, and which one is in use."""

    list_display = ("__str__", "active", "created_at", "examples", "first_place", "reciprocal_rank", "verdict")
    list_filter = ("source",)

    @admin.display(description="first place, model / rules")
    def first_place(self, obj: BundleModel) -> str:
        """How often the kind that was bought stood first, on held-out trips."""
        return _pair(obj.metrics, "top1", 1)

    @admin.display(description="reciprocal rank, model / rules")
    def reciprocal_rank(self, obj: BundleModel) -> str:
        """The mean of one by the place of the kind that was bought, on held-out trips."""
        return _pair(obj.metrics, "mrr", 3)


@admin.register(BundleExample)
class BundleExampleAdmin(ReadOnlyAdmin):
    """What was shown and bought, by classes of trips; nobody can be found in it."""

    list_display = ("day", "source", "chosen", "position", "ranker")
    list_filter = ("source", "chosen")


def _pair(metrics: dict[str, Any], name: str, digits: int) -> str:
    """The model's and the rules' value of a measure."""
    values = [metrics.get(who, {}).get(name) for who in ("model", "rules")]
    if any(value is None for value in values):
        return "–"
    return " / ".join(f"{value:.{digits}%}" if name == "top1" else f"{value:.{digits}f}" for value in values)
