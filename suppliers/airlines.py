"""What airlines are called, so that two suppliers' flights of one airline carry one name."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

_LIST = Path(__file__).parent / "data" / "airlines.txt"


def name(code: str) -> str:
    """The airline with this IATA code, as Duffel calls it; "" for one that our list does not have."""
    return _names().get(code, "")


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    lines = [line for line in _LIST.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return {code: called for code, _, called in (line.partition(" ") for line in lines)}
