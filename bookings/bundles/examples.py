"""Examples to learn from, out of the training table or a file of made-up ones, oldest first."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from bookings.bundles import features
from bookings.bundles.kinds import KINDS
from bookings.models import BundleExample

MOST = 200_000  # the newest ones count


@dataclass(frozen=True)
class Example:
    """A trip by its classes, the kinds in the order shown, and the one that was bought."""

    day: date
    features: Mapping[str, str]
    offered: Sequence[str]
    chosen: str

    @property
    def columns(self) -> list[str]:
        """Its columns. Raises ValueError for a class that does not exist."""
        return features.columns(self.features)


def from_table(source: str) -> tuple[list[Example], int]:
    """The usable examples of one source, oldest first, and how many were left out."""
    rows = BundleExample.objects.filter(source=source).order_by("-day", "-pk")[:MOST]
    return _usable({"day": row.day, "features": row.features, "offered": row.offered, "chosen": row.chosen,
                     "features_version": row.features_version} for row in reversed(rows))


def from_file(path: Path) -> tuple[list[Example], int]:
    """The same from a file of `make_bundle_history`. Raises ValueError unless every line says that it is made up."""
    lines = [json.loads(line) for line in path.read_text().splitlines() if line]
    if any(line.get("source") != BundleExample.Source.MADE_UP for line in lines):
        raise ValueError(f"{path} holds lines that are not marked as made up")
    lines.sort(key=lambda line: line["day"])
    return _usable({**line, "day": date.fromisoformat(line["day"])} for line in lines)


def _usable(rows: Iterable[Mapping[str, Any]]) -> tuple[list[Example], int]:
    """Left out: other versions of the classes, combinations that are no bundle, nothing to choose from."""
    found: list[Example] = []
    left = 0
    for row in rows:
        example = Example(row["day"], row["features"], row["offered"], row["chosen"])
        if row["features_version"] == features.VERSION and _whole(example):
            found.append(example)
        else:
            left += 1
    return found, left


def _whole(example: Example) -> bool:
    if example.chosen not in example.offered or len(example.offered) < 2 or not set(example.offered) <= set(KINDS):
        return False
    try:
        return bool(example.columns)
    except ValueError:
        return False
