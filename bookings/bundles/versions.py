"""Trained models as rows: kept for ever, one active at most; which one ranks is decided here."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from bookings.bundles import features, ranking
from bookings.models import BundleExample, BundleModel


class NotAllowed(Exception):
    """This model may not rank on this site; says why."""


def keep(*, weights: dict[str, Any], columns: list[str], source: str, examples: int, metrics: dict[str, Any],
         verdict: str, good_enough: bool, now: datetime) -> BundleModel:
    """Store a model under the next version, not active."""
    with transaction.atomic():
        last = BundleModel.objects.aggregate(last=Max("version"))["last"] or 0
        return BundleModel.objects.create(
            version=last + 1, created_at=now, source=source, examples=examples, features_version=features.VERSION,
            features=columns, weights=weights, metrics=metrics, verdict=verdict[:300], good_enough=good_enough)


def activate(version: int) -> BundleModel:
    """Let this version rank from now on. Raises NotAllowed, and then nothing changes."""
    with transaction.atomic():
        row = BundleModel.objects.select_for_update().filter(version=version).first()
        if row is None:
            raise NotAllowed(f"There is no model {version}.")
        if row.source != BundleExample.Source.REAL and ranking.real_suppliers():
            raise NotAllowed(f"Model {version} learned from made-up history; with real suppliers it may never rank.")
        if not row.good_enough:
            raise NotAllowed(f"Model {version} may not rank: it {row.verdict}.")
        if row.features_version != features.VERSION:
            raise NotAllowed(f"Model {version} knows classes of version {row.features_version}; "
                             f"this release has version {features.VERSION}. Train again.")
        BundleModel.objects.filter(active=True).exclude(pk=row.pk).update(active=False)
        BundleModel.objects.filter(pk=row.pk).update(active=True)
        row.active = True
    return row


def use_rules() -> int:
    """No model ranks from now on; returns how many did."""
    return BundleModel.objects.filter(active=True).update(active=False)
