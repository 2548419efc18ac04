"""Lengths of time in fixed logarithmic buckets: they can be added up, and a year's percentile is still honest. Pure.

Bucket i > 0 holds what is above GROWTH^(i-1) and at most GROWTH^i milliseconds, bucket 0 everything up to 1 ms. A
percentile is told as the geometric middle of its bucket, so it is never more than 4.9 % from the value it stands for.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

GROWTH = 1.1
ERROR = math.sqrt(GROWTH) - 1  # how far a told percentile may be from the true one: 4.9 %


def bucket(milliseconds: float) -> int:
    """The bucket of a length of time."""
    return 0 if milliseconds <= 1 else math.ceil(math.log(milliseconds) / math.log(GROWTH))


def middle(number: int) -> float:
    """What is told of a bucket, in milliseconds."""
    return 1.0 if number <= 0 else GROWTH ** (number - 0.5)


def merged(*parts: Mapping[str, int] | None) -> Counter[int]:
    """Histograms as stored (bucket as text: how many), added up."""
    found: Counter[int] = Counter()
    for part in parts:
        for number, many in (part or {}).items():
            found[int(number)] += many
    return found


def percentile(found: Mapping[int, int], share: float) -> float | None:
    """The time (ms) that `share` of them did not exceed, by nearest rank; None when there are none."""
    left = math.ceil(sum(found.values()) * share)
    for number in sorted(found):
        left -= found[number]
        if left <= 0:
            return middle(number) if found[number] else None
    return None
