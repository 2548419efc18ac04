"""Whether a supplier's flights may be sold now. A pause stops new wishes only: what is wished goes on to its end.

Staff pause and resume; so does the machine when a supplier says that our balance is used up (`cause` balance), and
`manage.py restored` until `manage.py reopen` (`cause` restored). Each cause is lifted for itself, so staff who resume
their own pause sell neither what cannot be ticketed nor on books that nobody has compared.
"""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser

from fly2any.kernel.errors import Problem
from suppliers.models import SalesPause

ALL = ""
STAFF, BALANCE, RESTORED = SalesPause.Cause.STAFF, SalesPause.Cause.BALANCE, SalesPause.Cause.RESTORED
RETRY_AFTER = 300  # seconds: a top-up or a person's decision takes minutes
SAID = "We are not taking new bookings with these airlines at the moment."


def open_pauses() -> list[SalesPause]:
    """Every pause that is not lifted, the oldest first (one query over a handful of rows)."""
    return list(SalesPause.objects.filter(lifted_at=None).order_by("since", "pk"))


def paused_names(names: tuple[str, ...]) -> frozenset[str]:
    """Those of `names` that may not be sold now; one query, not kept: the next caller asks again."""
    if not names:
        return frozenset()
    stopped = set(SalesPause.objects.filter(lifted_at=None).values_list("supplier", flat=True))
    return frozenset(names) if ALL in stopped else frozenset(name for name in names if name in stopped)


def paused(supplier: str) -> str | None:
    """Why new bookings with this supplier are not taken (our words, for staff), or None: go ahead. One query."""
    found = (SalesPause.objects.filter(supplier__in=[ALL, supplier], lifted_at=None)
             .order_by("since", "pk").values_list("reason", flat=True).first())
    return found or None


def check(supplier: str) -> None:
    """Raise Problem sales_paused (503, Retry-After) when new bookings with this supplier are not taken."""
    if paused(supplier) is not None:
        raise Problem("sales_paused", SAID, status=503, action="Other flights",
                      tip="Nothing was booked or charged. Your existing bookings are not affected.",
                      headers={"Retry-After": str(RETRY_AFTER)})


def pause(*, supplier: str, cause: str, reason: str, now: datetime, by: AbstractBaseUser | None = None,
          ) -> SalesPause | None:
    """Stop new bookings with `supplier` ("": all). Returns the new pause, or None when this cause stands already.

    `now`: database time (UTC). May run inside a transaction. Raises ValueError without a reason.
    """
    if not reason.strip():
        raise ValueError("a pause needs a reason")
    row = SalesPause(supplier=supplier, cause=cause, reason=reason.strip()[:500], since=now,
                     by_id=by.pk if by else None)
    SalesPause.objects.bulk_create([row], ignore_conflicts=True)
    return SalesPause.objects.filter(supplier=supplier, cause=cause, lifted_at=None, since=now).first()


def resume(*, supplier: str, cause: str, now: datetime, because: str, by: AbstractBaseUser | None = None) -> bool:
    """Lift the pause of this supplier ("": the one of all) and cause. False when there was none. `now`: UTC."""
    return bool(SalesPause.objects.filter(supplier=supplier, cause=cause, lifted_at=None).update(
        lifted_at=now, lifted_by=by, lifted_because=because.strip()[:500]))


def paused_for_balance(supplier: str) -> bool:
    """Whether the machine has stopped this supplier's sales because our balance is used up."""
    return SalesPause.objects.filter(supplier=supplier, cause=BALANCE, lifted_at=None).exists()
