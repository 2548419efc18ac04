"""Serving: the active model orders the bundles; without one, or with one that cannot be trusted, the rules do."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings

from bookings.bundles import features as trip
from bookings.bundles import rules, scoring
from bookings.models import BundleExample, BundleModel
from fly2any import env

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ranked:
    """The kinds, the likeliest first, and who says so: "rules" or "model 7"."""

    order: list[str]
    ranker: str
    by_model: bool = False
    made_up: bool = False  # the model learned from made-up history (never with real suppliers)


@dataclass(frozen=True)
class _Loaded:
    version: int
    made_up: bool
    weights: scoring.Weights | None  # None: the row cannot be used


_kept: list[_Loaded] = []  # the model this process read last; a row never changes but for `active`


def rank(features: Mapping[str, str], kinds: Sequence[str]) -> Ranked:
    """Order what is offered. One small query; the numbers are read again only when another model became active."""
    loaded = _active()
    if loaded is not None and loaded.weights is not None:
        try:
            order = loaded.weights.order(trip.columns(features), kinds)
            return Ranked(order, f"model {loaded.version}", by_model=True, made_up=loaded.made_up)
        except (ValueError, KeyError, OverflowError):
            logger.exception("bundles.model_failed", extra={"version": loaded.version})
    return Ranked(rules.order(features, kinds), rules.NAME)


def real_suppliers() -> bool:
    """Whether the flights of this site come from anybody but the sandbox."""
    amadeus = bool(settings.AMADEUS_CLIENT_ID) and not env.is_loopback(settings.AMADEUS_API_BASE)
    return not settings.DUFFEL_IS_SANDBOX or amadeus


def forget() -> None:
    """Read the active model afresh next time (for tests; processes notice a new version by themselves)."""
    _kept.clear()


def _active() -> _Loaded | None:
    version = BundleModel.objects.filter(active=True).values_list("version", flat=True).first()
    if version is None:
        return None
    kept = _kept[0] if _kept else None
    if kept is None or kept.version != version:
        kept = _load(version)
        _kept[:] = [kept]
    if kept.made_up and real_suppliers():
        return None
    return kept


def _load(version: int) -> _Loaded:
    row = BundleModel.objects.get(version=version)
    made_up = row.source != BundleExample.Source.REAL
    try:
        if row.features_version != trip.VERSION:
            raise ValueError(f"features of version {row.features_version}")
        return _Loaded(version, made_up, scoring.read(row.weights, row.features))
    except ValueError:
        logger.exception("bundles.model_unusable", extra={"version": version})
        return _Loaded(version, made_up, None)
