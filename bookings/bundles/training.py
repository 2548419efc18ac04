"""Training: a multinomial logistic regression on classes of trips, judged on the newest part, which it never saw.

1. The examples are split by time: the oldest 60 % to fit, the next 20 % to choose how strongly to regularise, the
   newest 20 % to judge. The final fit uses the first 80 %.
2. Columns are the classes of the trip, which kinds were not offered, and which kind was shown first. People choose
   what stands first more often; the model may explain that away, and the columns "first:" are then averaged into the
   intercepts, so that serving knows nothing of positions and does not feed on its own order.
3. The rules are judged on the same newest part. Their probabilities are how often, in the first 80 %, the first,
   second, ... kind by the rules was the one bought.

This module alone loads scikit-learn, and only `manage.py train_bundles` and the benchmark load this module.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.linear_model import LogisticRegression

from bookings.bundles import features, rules
from bookings.bundles.examples import Example
from bookings.bundles.kinds import KINDS
from bookings.bundles.scoring import Score, Weights, score

LEAST_EXAMPLES = 1000  # below, the newest fifth is too small to tell a model from luck
LEAST_PER_KIND = 20  # choices of a kind before it counts as known
LEAST_KINDS = 3
STRENGTHS = (0.03, 0.1, 0.3, 1.0)  # of regularisation: scikit-learn's C, smaller is stronger
COLUMNS = [f"{name}:{value}" for name, values in features.CLASSES.items() for value in values] + [
    f"without:{kind}" for kind in KINDS]
_FIRST = [f"first:{kind}" for kind in KINDS]
_ALL = {name: at for at, name in enumerate(COLUMNS + _FIRST)}


@dataclass(frozen=True)
class Trained:
    """A model with its scores beside the rules', and whether it may rank."""

    weights: Weights
    examples: int
    left_out: int
    metrics: dict[str, Any]
    model: Score
    rules: Score
    good_enough: bool
    verdict: str
    seconds: float


class TooLittle(Exception):
    """There are not enough examples to train at all."""


def train(examples: Sequence[Example], *, seed: int, left_out: int = 0) -> Trained:
    """A model of `examples` (oldest first) and its verdict. The same examples and seed give the same numbers.

    Raises TooLittle below LEAST_EXAMPLES examples, or when fewer than LEAST_KINDS kinds were bought often enough.
    """
    _check_enough(examples)
    started = time.perf_counter()
    first, second = len(examples) * 6 // 10, len(examples) * 8 // 10
    fit, choose, judge = examples[:first], examples[first:second], examples[second:]
    strength = min(STRENGTHS, key=lambda c: (score(_judged(_fit(fit, c, seed), choose)).log_loss, c))
    weights = _fit(examples[:second], strength, seed)
    model = score(_judged(weights, judge))
    plain = score(_judged_by_rules(_rank_shares(examples[:second]), judge))
    good, verdict = _verdict(model, plain)
    return Trained(weights, len(examples), left_out, {
        "model": model.as_json(), "rules": plain.as_json(), "heldOut": len(judge), "fitted": second,
        "from": str(examples[0].day), "until": str(examples[-1].day), "strength": strength, "seed": seed,
    }, model, plain, good, verdict, time.perf_counter() - started)


def _check_enough(examples: Sequence[Example]) -> None:
    if len(examples) < LEAST_EXAMPLES:
        raise TooLittle(f"{len(examples)} usable examples; {LEAST_EXAMPLES} are needed")
    known = [kind for kind, number in Counter(one.chosen for one in examples).items() if number >= LEAST_PER_KIND]
    if len(known) < LEAST_KINDS:
        raise TooLittle(f"{len(known)} kinds were bought at least {LEAST_PER_KIND} times; {LEAST_KINDS} are needed")


def _row(example: Example) -> list[float]:
    row = [0.0] * len(_ALL)
    for name in (*example.columns, *(f"without:{kind}" for kind in KINDS if kind not in example.offered),
                 f"first:{example.offered[0]}"):
        row[_ALL[name]] = 1.0
    return row


def _fit(examples: Sequence[Example], strength: float, seed: int) -> Weights:
    made = LogisticRegression(C=strength, max_iter=1000, random_state=seed)
    made.fit([_row(one) for one in examples], [one.chosen for one in examples])
    classes, rows = [str(kind) for kind in made.classes_], made.coef_.tolist()
    intercepts = made.intercept_.tolist()
    if len(classes) == 2:  # scikit-learn then tells the second class against the first
        rows, intercepts = [[0.0] * len(_ALL), rows[0]], [0.0, intercepts[0]]
    neutral = [sum(row[_ALL[name]] for name in _FIRST) / len(_FIRST) for row in rows]
    return Weights(
        {kind: round(own + mean, 6) for kind, own, mean in zip(classes, intercepts, neutral, strict=True)},
        {kind: {name: round(row[_ALL[name]], 6) for name in COLUMNS} for kind, row in zip(classes, rows, strict=True)})


def _judged(weights: Weights, examples: Sequence[Example]) -> list[tuple[Sequence[str], Mapping[str, float], str]]:
    return [(weights.order(one.columns, one.offered), weights.probabilities(one.columns, one.offered), one.chosen)
            for one in examples]


def _rank_shares(examples: Sequence[Example]) -> dict[int, list[float]]:
    """By number of kinds offered: how often the rules' first, second, ... was bought; each once more than seen."""
    counts = {number: [1] * number for number in range(2, len(KINDS) + 1)}
    for one in examples:
        counts[len(one.offered)][rules.order(one.features, one.offered).index(one.chosen)] += 1
    return {number: [value / sum(row) for value in row] for number, row in counts.items()}


def _judged_by_rules(shares: Mapping[int, Sequence[float]],
                     examples: Sequence[Example]) -> list[tuple[Sequence[str], Mapping[str, float], str]]:
    judged: list[tuple[Sequence[str], Mapping[str, float], str]] = []
    for one in examples:
        order = rules.order(one.features, one.offered)
        judged.append((order, dict(zip(order, shares[len(order)], strict=True)), one.chosen))
    return judged


def _verdict(model: Score, plain: Score) -> tuple[bool, str]:
    """Better means: a smaller log loss by more than two standard errors, and no worse mean reciprocal rank."""
    gains = [theirs - ours for ours, theirs in zip(model.losses, plain.losses, strict=True)]
    mean = sum(gains) / len(gains)
    error = math.sqrt(sum((gain - mean) ** 2 for gain in gains) / max(1, len(gains) - 1) / len(gains))
    told = f"log loss better by {mean:.4f} ± {error:.4f} on {len(gains)} held-out trips, reciprocal rank " \
           f"{model.mrr:.3f} against {plain.mrr:.3f}"
    if mean > 2 * error and model.mrr >= plain.mrr:
        return True, f"beats the rules: {told}"
    return False, f"does not beat the rules: {told}"
