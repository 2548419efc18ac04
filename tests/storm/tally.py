"""What a campaign has seen: walks, steps, faults, decisions, edges of the three state machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bookings.flow import Attention, Decision, Do, Facts
from bookings.models import Booking, Case, Diary
from payments.models import PAYMENT_MOVES, REFUND_MOVES
from suppliers.models import ORDER_MOVES

MACHINES = {"order": ORDER_MOVES, "payment": PAYMENT_MOVES, "refund": REFUND_MOVES}


@dataclass
class Tally:
    """Counts over all walks of this process."""

    walks: int = 0
    steps: int = 0
    with_fault: int = 0
    deeds: Counter[str] = field(default_factory=Counter)
    decisions: Counter[str] = field(default_factory=Counter)
    edges: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    cases: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

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

    def end_of_walk(self) -> None:
        """Count what the walk left in the diary."""
        self.walks += 1
        for event, before, after in Diary.objects.filter(event__endswith=".moved").values_list(
                "event", "before", "after"):
            self.edges[event.removesuffix(".moved"), before, after] += 1
        self.ends.update(f"{status} {closing}".strip() for status, closing in
                         Booking.objects.exclude(wish="draft").values_list("status", "closing"))
        self.cases.update(Case.objects.values_list("kind", flat=True))

    def report(self) -> str:
        """The measurements, for people."""
        lines = [f"{self.walks} walks, {self.steps} steps, {self.with_fault} of them "
                 f"({100 * self.with_fault / max(1, self.steps):.0f} %) met a fault"]
        for name in ("deeds", "decisions", "ends", "cases", "faults"):
            lines.append(f"{name}: " + ", ".join(f"{key} {n}" for key, n in getattr(self, name).most_common()))
        for name, moves in MACHINES.items():
            known = {(str(here), str(there)) for here, theirs in moves.items() for there in theirs}
            seen = {(before, after) for machine, before, after in self.edges if machine == name}
            missing = ", ".join(f"{a}→{b}" for a, b in sorted(known - seen))
            lines.append(f"{name} edges taken: {len(seen & known)} of {len(known)}; not: {missing or 'none'}")
        return "\n".join(lines)
