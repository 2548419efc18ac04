"""The three bad answers as every supplier's table of codes names them (fly2any.kernel.errors)."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from fly2any.kernel.errors import OutcomeUnknown, Outside, Refused, Unavailable


class Family(IntEnum):
    """The three bad answers, the gentlest first."""

    REFUSED = 1
    UNAVAILABLE = 2
    UNKNOWN = 3


_CLASSES: dict[Family, type[Outside]] = {
    Family.REFUSED: Refused, Family.UNAVAILABLE: Unavailable, Family.UNKNOWN: OutcomeUnknown,
}


def unsure(changes: bool) -> Family:
    """What a failure at the other end means: unknown after a call that changes something, unavailable otherwise."""
    return Family.UNKNOWN if changes else Family.UNAVAILABLE


def made(family: Family, code: str, message: str, **more: Any) -> Outside:
    """The error of a family."""
    return _CLASSES[family](code, message, **more)
