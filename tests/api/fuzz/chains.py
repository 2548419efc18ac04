"""Calls that follow from one another: schemathesis reads from the schema whose answer names what other calls ask for.

A draft that was begun is changed, paid, booked, looked at and cancelled in any order; and so is what came of that.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.errors import Flaky
from schemathesis.generation.stateful.state_machine import StepInput, StepOutput

from tests.api.fuzz.calling import DRAWN, OWN, Run, mix
from tests.api.fuzz.people import aim

STEPS = 12  # calls of one chain


@dataclass
class Followed:
    """What chains came to: how many there were, and the links that led to a 2xx."""

    known: int = 0  # links that schemathesis found in the schema
    chains: int = 0
    calls: int = 0
    links: Counter[str] = field(default_factory=Counter)

    def line(self, role: str) -> str:
        """The sums."""
        return (f"{role:15} {self.chains} chains of {self.calls} calls, of which {self.links.total()} "
                f"followed one of {len(self.links)} (of {self.known}) links to a 2xx")


def follow(run: Run, chains: int, number: int) -> Followed:
    """Let the run's person make that many chains; what went wrong stands in the run's tally."""
    drawn: Any = run.schema.as_state_machine()
    told, numbers = Followed(sum(len(one.outgoing) for one in drawn._transitions.operations.values())), count(number)

    class Chain(drawn):  # type: ignore[misc]
        """One chain."""

        def setup(self) -> None:
            self.dice, self.reference = Random(next(numbers)), ""
            told.chains += 1

        def step(self, input: StepInput) -> StepOutput:
            case, link = input.case, input.transition
            name = case.operation.definition.raw["operationId"]
            wanted = aim(name, run.who.principal)
            path = case.path_parameters
            mix(case, wanted, lambda chances: self.dice.randrange(chances) == 0)
            if link is not None:
                case.path_parameters = path  # as the link led here
            if self.reference and isinstance(case.body, dict) and "bookingReference" in case.body and self.dice.random() < 0.8:
                case.body["bookingReference"] = self.reference
            answer = run.send(case, name, OWN if link is None else DRAWN, recorder=self.recorder)
            self.after_call(answer, case)
            told.calls += 1
            if 200 <= answer.status_code < 300:
                self.reference = _reference(answer) or self.reference
                if link is not None and input.is_applied:
                    told.links[link.id] += 1
            return StepOutput(answer, case)

    while told.chains < chains:
        with suppress(Flaky):  # the same draws led elsewhere, for the rows of earlier chains are still there: begin anew
            seed(number + told.chains)(Chain).run(settings=settings(
                max_examples=chains - told.chains, stateful_step_count=STEPS, deadline=None, database=None,
                phases=[Phase.generate], suppress_health_check=list(HealthCheck)))
    return told


def _reference(answer: Any) -> str:
    """The booking that an answer is about, if it is about one."""
    if not answer.headers.get("content-type", [""])[0].startswith("application/json"):
        return ""
    told = answer.json()
    booking = told.get("booking") if isinstance(told, dict) else None
    return str(booking["reference"]) if isinstance(booking, dict) and booking.get("reference") else ""
