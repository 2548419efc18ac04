"""What a campaign has seen: sagas, steps, faults that fired, rules, decisions, edges of the three state machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from bookings.flow import Attention, Decision, Do, Facts
from bookings.models import Booking, Case, Diary
from payments.models import PAYMENT_MOVES, REFUND_MOVES
from suppliers.models import ORDER_MOVES

MACHINES = {"order": ORDER_MOVES, "payment": PAYMENT_MOVES, "refund": REFUND_MOVES}
EDGES = frozenset(f"{name} {here}→{there}" for name, moves in MACHINES.items() for here, all_ in moves.items() for there in all_)
COUNTED = ("rules", "decisions", "edges", "ends", "cases", "faults", "presses")


@dataclass
class Tally:
    """Counts over all walks of one process; adds up with others."""

    walks: int = 0
    sagas: int = 0
    steps: int = 0
    stormy: int = 0  # steps in which a fault fired
    seconds: float = 0.0  # of processor time, this process alone
    rules: Counter[str] = field(default_factory=Counter)
    decisions: Counter[str] = field(default_factory=Counter)
    edges: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    cases: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    presses: Counter[str] = field(default_factory=Counter)

    def listening(self, decide: Callable[..., Decision]) -> Callable[..., Decision]:
        """`decide`, with every answer counted."""

        def counted(facts: Facts, now: Any) -> Decision:
            decision = decide(facts, now)
            if isinstance(decision, Do):
                self.decisions[decision.step.value] += 1
            elif isinstance(decision, Attention):
                self.decisions[f"attention {decision.kind}"] += 1
            return decision

        return counted

    def end_of_walk(self, faults: Counter[str]) -> None:
        """Count what the walk left in the diary, and the faults that fired on it."""
        self.walks += 1
        self.faults.update(faults)
        for event, before, after in Diary.objects.filter(event__endswith=".moved").values_list("event", "before", "after"):
            self.edges[f"{event.removesuffix('.moved')} {before}→{after}"] += 1
        ends = Booking.objects.exclude(wish="draft").values_list("route", "status", "closing")
        self.sagas += len(ends)
        self.ends.update(f"{route} {status} {closing}".strip() for route, status, closing in ends)
        self.cases.update(Case.objects.values_list("kind", flat=True))

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def add(self, other: dict[str, Any]) -> None:
        """Add what another process wrote."""
        for name, value in other.items():
            if name in COUNTED:
                getattr(self, name).update(value)
            else:
                setattr(self, name, getattr(self, name) + value)

    @property
    def share(self) -> float:
        """The share of steps in which a fault fired, percent."""
        return 100 * self.stormy / max(1, self.steps)

    @property
    def missing(self) -> list[str]:
        """Edges of the state machines that nothing has taken."""
        return sorted(EDGES - self.edges.keys())

    def report(self) -> str:
        """The measurements, for people."""
        lines = [f"{self.sagas} sagas in {self.walks} walks, {self.steps} steps, {self.stormy} of them ({self.share:.1f} %) "
                 f"met a fault that fired; {1000 * self.seconds / max(1, self.steps):.1f} ms of processor a step",
                 f"edges taken: {len(EDGES & self.edges.keys())} of {len(EDGES)}; not: {', '.join(self.missing) or 'none'}"]
        for name in COUNTED:
            lines.append(f"{name}: " + ", ".join(f"{key} {n}" for key, n in getattr(self, name).most_common()))
        return "\n".join(lines)
