"""What a model says of a trip, in plain Python, and how good a ranking was. No scikit-learn here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bookings.bundles.kinds import KINDS

LEAST = 1e-6  # a probability that is never less: one surprise must not make the mean infinite


@dataclass(frozen=True)
class Weights:
    """A multinomial logistic model as numbers: one intercept and one weight per column for each kind."""

    intercepts: Mapping[str, float]
    weights: Mapping[str, Mapping[str, float]]

    def probabilities(self, columns: Sequence[str], kinds: Sequence[str]) -> dict[str, float]:
        """How likely each of `kinds` is for a trip with these columns; they add up to 1. A kind never seen: the least.

        A kind that is not offered counts as the column "without:<kind>".
        """
        active = [*columns, *(f"without:{kind}" for kind in KINDS if kind not in kinds)]
        scores = {kind: self.intercepts[kind] + sum(self.weights[kind].get(column, 0.0) for column in active)
                  for kind in kinds if kind in self.intercepts}
        top = max(scores.values(), default=0.0)
        raw = {kind: math.exp(scores[kind] - top) if kind in scores else LEAST for kind in kinds}
        whole = sum(raw.values())
        return {kind: value / whole for kind, value in raw.items()}

    def order(self, columns: Sequence[str], kinds: Sequence[str]) -> list[str]:
        """The kinds, the likeliest first."""
        likely = self.probabilities(columns, kinds)
        return sorted(kinds, key=lambda kind: (-likely[kind], KINDS.index(kind)))

    def as_json(self) -> dict[str, Any]:
        """What is stored."""
        return {"intercepts": dict(self.intercepts), "weights": {kind: dict(row) for kind, row in self.weights.items()}}


def read(raw: Any, columns: Sequence[str]) -> Weights:
    """Stored numbers. Raises ValueError for anything that is not a complete, finite model with just these columns."""
    try:
        intercepts = {str(kind): float(value) for kind, value in raw["intercepts"].items()}
        weights = {str(kind): {str(name): float(value) for name, value in row.items()}
                   for kind, row in raw["weights"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("not a model") from error
    numbers = [*intercepts.values(), *(value for row in weights.values() for value in row.values())]
    if not intercepts or set(intercepts) != set(weights) or not set(intercepts) <= set(KINDS):
        raise ValueError("kinds do not fit")
    if any(set(row) != set(columns) for row in weights.values()) or not all(map(math.isfinite, numbers)):
        raise ValueError("columns do not fit")
    return Weights(intercepts, weights)


@dataclass(frozen=True)
class Score:
    """How well a ranking did. `losses`: per example, to compare two rankings on the same ones."""

    log_loss: float
    top1: float
    mrr: float
    losses: tuple[float, ...]

    def as_json(self) -> dict[str, float]:
        """Rounded, without the single examples."""
        return {"logLoss": round(self.log_loss, 4), "top1": round(self.top1, 4), "mrr": round(self.mrr, 4)}


def score(judged: Sequence[tuple[Sequence[str], Mapping[str, float], str]]) -> Score:
    """Log loss, share of first places, mean reciprocal rank of (order, probabilities, chosen). Raises on none."""
    losses = tuple(-math.log(max(likely[chosen], LEAST)) for _, likely, chosen in judged)
    ranks = [order.index(chosen) + 1 for order, _, chosen in judged]
    number = len(judged)
    return Score(sum(losses) / number, sum(rank == 1 for rank in ranks) / number,
                 sum(1 / rank for rank in ranks) / number, losses)
