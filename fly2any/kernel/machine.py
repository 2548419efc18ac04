"""State machines as data: which state may follow which."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

State = TypeVar("State", bound=StrEnum)


class IllegalMove(RuntimeError):
    """A fact was asked to make a move that its machine does not have."""


def move(row: Any, to: State, moves: Mapping[State, frozenset[State]]) -> bool:
    """Set `row.state` if the machine `moves` allows it; False when it is there already. Raises IllegalMove."""
    here = type(to)(row.state)
    if here == to:
        return False
    if to not in moves[here]:
        raise IllegalMove(f"{row._meta.model_name} {row.pk}: {here} → {to}")
    row.state = to
    return True
