"""What an operation of Amadeus is: where it is, what it is called, which file describes it, who does it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.amadeus import schema
from sandbox.frame import Answer

Handler = Callable[..., Answer]


@dataclass(frozen=True)
class Operation:
    """One endpoint. The handler gets (call, world, what was asked, **placeholders); ``{id}`` may hold slashes.

    ``spec`` is the beginning of the specification's file name in ``sandbox/data/amadeus``; ``override`` says that the
    header ``X-HTTP-Method-Override: GET`` must be sent.
    """

    method: str
    path: str
    short_name: str
    handler: Handler
    spec: str
    override: bool = False
    pattern: re.Pattern[str] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>.+)", self.path)))

    @property
    def name(self) -> str:
        """The name for the fault menu and the ledger."""
        return f"amadeus.{self.short_name}"

    @property
    def contract(self) -> schema.Contract:
        """What the specification says of it."""
        return schema.contract(self.spec, self.method, re.sub(r"^/v\d|\{\w+\}", _plain, self.path))


def _plain(found: re.Match[str]) -> str:
    return "" if found[0].startswith("/v") else "{}"
