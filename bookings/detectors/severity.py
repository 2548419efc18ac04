"""How urgent a case is at a moment: it begins as its kind says and climbs with its age or towards its deadline.

The one table of it. A kind without a line here stays what `cases.KINDS` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bookings.cases import CRITICAL, HIGH, KINDS, MEDIUM
from bookings.models import Case

Severity = Case.Severity
Steps = tuple[tuple[timedelta, Severity], ...]
M, H, D = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Ladder:
    """`aged`: from this age on; `left`: from so long before the deadline on. In the order in which they are reached."""

    aged: Steps = ()
    left: Steps = ()


LADDERS: dict[str, Ladder] = {
    "reserved_idle": Ladder(aged=((2 * H, CRITICAL),)),
    "unknown_outcome": Ladder(aged=((6 * H, CRITICAL),)),
    "gave_up_unknown": Ladder(aged=((24 * H, HIGH), (48 * H, MEDIUM))),  # the longer, the less likely a late ticket
    "ledgers_differ": Ladder(aged=((24 * H, CRITICAL),)),
    "refund_due": Ladder(left=((48 * H, CRITICAL),)),
    "reserved_too_long": Ladder(aged=((24 * H, CRITICAL),), left=((24 * H, CRITICAL),)),
    "ticketing_deadline": Ladder(left=((24 * H, MEDIUM), (6 * H, HIGH), (2 * H, CRITICAL))),  # told at each step
    "tickets_missing": Ladder(aged=((24 * H, HIGH),), left=((48 * H, CRITICAL),)),
    "change_unanswered": Ladder(left=((timedelta(0), HIGH),)),  # and critical before the departure
    "change_to_accept": Ladder(left=((48 * H, CRITICAL),)),
    "dispute": Ladder(left=((48 * H, CRITICAL),)),
    "webhook_backlog": Ladder(aged=((30 * M, HIGH),)),
    "mail_undelivered": Ladder(aged=((2 * H, HIGH),)),
    "no_progress": Ladder(aged=((15 * M, CRITICAL),)),
    "parked": Ladder(aged=((2 * H, CRITICAL),)),
    "refund_failed": Ladder(aged=((3 * D, CRITICAL),), left=((48 * H, CRITICAL),)),
    "refund_pending": Ladder(aged=((20 * D, CRITICAL),)),  # aged since it was sent
}


def standing(kind: str, *, since: datetime, deadline: datetime | None, now: datetime) -> tuple[Severity, int]:
    """Severity and number of steps reached, at `now` (UTC), of a mismatch that began at `since`.

    Where age and deadline disagree, the more urgent of the two counts.
    """
    ladder, first = LADDERS.get(kind, Ladder()), KINDS[kind].severity
    aged = [step for age, step in ladder.aged if now - since >= age]
    left = [step for rest, step in ladder.left if deadline is not None and deadline - now <= rest]
    reached = [steps[-1] for steps in (aged, left) if steps] or [first]
    return min(reached), len(aged) + len(left)
