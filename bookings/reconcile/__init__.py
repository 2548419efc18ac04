"""Our rows against the vendors' lists, both ways, without any webhook (reliability.md 11; docs/reconciliation.md).

Looks, compares and wakes; never decides. Nothing is asked inside a transaction. A turn may be killed anywhere, or
run twice at once: it goes on from the page it had come to, and each difference is one case, once.
"""

from bookings.detectors.balance import watch as watch_balances
from bookings.reconcile.rolling import AHEAD, enlist
from bookings.reconcile.turns import PARTS, full, full_is_due, light, part_names, rematch

__all__ = ["AHEAD", "PARTS", "enlist", "full", "full_is_due", "light", "part_names", "rematch", "watch_balances"]
