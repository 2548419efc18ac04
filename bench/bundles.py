"""The learned order of the bundles against the rules, on MADE-UP history: several seeds, held-out newest fifth.

Made-up history says whether the machinery learns, not what real travellers buy.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from datetime import date
from typing import Any

SEEDS = (1, 2, 3, 4, 5)
PAGES = 2000


@dataclass
class Found:
    """Per seed: the scores of rules and model. Times: seconds to train, microseconds to rank the bundles of a page."""

    examples: int
    rules: list[dict[str, float]] = field(default_factory=list)
    model: list[dict[str, float]] = field(default_factory=list)
    better: int = 0
    seconds: list[float] = field(default_factory=list)
    rank_us: float = 0.0
    rules_us: float = 0.0

    def mean(self, who: str, what: str) -> str:
        """Mean ± standard deviation over the seeds."""
        values = [row[what] for row in getattr(self, who)]
        return f"{statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}"


def measure(examples: int) -> Found:
    """Train and judge on each seed; then time serving with the last model. Needs no database."""
    from bookings.bundles import rules, training

    found, trained, sample = Found(examples), None, []
    for seed in SEEDS:
        sample = _examples(examples, seed)
        trained = training.train(sample, seed=seed)
        found.rules.append(trained.metrics["rules"])
        found.model.append(trained.metrics["model"])
        found.better += trained.good_enough
        found.seconds.append(trained.seconds)
    assert trained is not None
    some = sample[:PAGES]
    found.rank_us = _microseconds(lambda one: trained.weights.order(one.columns, one.offered), some)
    found.rules_us = _microseconds(lambda one: rules.order(one.features, one.offered), some)
    return found


def run(table: Any, results: dict[str, Any], quick: bool) -> None:
    """Measure and print."""
    found = results["bundles"] = measure(1500 if quick else 6000)
    table.line(f"  bundles, MADE-UP history of {found.examples} trips, {len(SEEDS)} seeds, newest fifth held out "
               "(mean ± standard deviation)")
    for what, name in (("logLoss", "log loss"), ("top1", "bought one first"), ("mrr", "reciprocal rank")):
        table.line(f"    {name:<18} rules {found.mean('rules', what)}   model {found.mean('model', what)}")
    table.line(f"    the model beat the rules on {found.better} of {len(SEEDS)} seeds; training "
               f"{statistics.median(found.seconds):.1f} s; ranking a page {found.rank_us:.1f} µs by the model, "
               f"{found.rules_us:.1f} µs by the rules")


def _examples(number: int, seed: int) -> list[Any]:
    from bookings.bundles import examples, made_up

    rows = ({**row, "day": date.fromisoformat(row["day"])} for row in made_up.history(number, seed, date(2026, 11, 21)))
    return examples._usable(rows)[0]


def _microseconds(work: Any, sample: list[Any]) -> float:
    started = time.perf_counter()
    for one in sample:
        work(one)
    return (time.perf_counter() - started) / len(sample) * 1e6
