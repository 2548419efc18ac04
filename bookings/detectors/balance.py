"""Our balance with a supplier: low is a case; used up pauses its sales, and they go on by themselves when it is not.

Where a supplier tells its balance, that decides. Duffel does not (its dashboard alone shows it), so the refusals for
lack of balance decide: `REFUSALS` different bookings without one paid order in between. Sales go on when an order is
paid again (bookings that wait for the top-up are asked for again), when staff say so, or, as a trial, after half an
hour; after a trial the first refusal is enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Max, Q

from bookings.detectors.finding import Detector, Finding
from bookings.flow import Step
from bookings.models import ExternalCall
from fly2any.kernel.money import Money
from suppliers import balance, pause
from suppliers import registry as airlines
from suppliers.models import SalesPause, SupplierOrder

REFUSED = "insufficient_balance"
REFUSALS = 3
LOOKED_BACK = timedelta(hours=1)
TRIAL = timedelta(minutes=30)
TOLD_LATELY = timedelta(hours=1)
REMEMBERED = timedelta(hours=24)  # how long a refusal keeps the case open when no order was tried since
PAID_WITHIN = timedelta(hours=72)  # how old an order may be when it is paid
TRIED = "we try again"


@dataclass(frozen=True)
class Standing:
    """What is known of one supplier's account. `told`: minor units by currency; `refused`: bookings since `paid_at`."""

    told: dict[str, int]
    refused: int
    refused_at: datetime | None
    paid_at: datetime | None

    @property
    def empty(self) -> bool:
        """Whether it told that nothing is left, in any currency."""
        return bool(self.told) and max(self.told.values()) <= 0

    @property
    def low(self) -> dict[str, int]:
        """The currencies that are below their threshold."""
        return {currency: minor for currency, minor in self.told.items()
                if minor < max(settings.BALANCE_LOW.get(currency, 0), 1)}


def ask(now: datetime) -> None:
    """Fetch and keep the balance of every supplier that tells it. Raises Outside."""
    for name in airlines.names():
        balance.keep(name, airlines.get(name).balances(), now)


def watch(now: datetime) -> None:
    """Pause the sales of suppliers whose balance is used up, and let them go on. `now`: database time (UTC)."""
    for name in airlines.names():
        open_one = SalesPause.objects.filter(supplier=name, cause=pause.BALANCE, lifted_at=None).first()
        if open_one is None:
            _stop(name, now)
        else:
            _go_on(name, open_one, now)


def _stop(name: str, now: datetime) -> None:
    last = SalesPause.objects.filter(supplier=name, cause=pause.BALANCE).order_by("-since").first()
    lifted = last.lifted_at if last else None
    state = standing(name, max(now - LOOKED_BACK, lifted or now - LOOKED_BACK), now)
    on_trial = last is not None and last.lifted_because == TRIED and lifted is not None and lifted > now - LOOKED_BACK
    if state.empty:
        pause.pause(supplier=name, cause=pause.BALANCE, reason="our balance with the supplier is zero", now=now)
    elif not state.told and state.refused >= (1 if on_trial else REFUSALS):
        pause.pause(supplier=name, cause=pause.BALANCE, now=now,
                    reason="the supplier refuses bookings because our balance is too low")


def _go_on(name: str, stopped: SalesPause, now: datetime) -> None:
    state = standing(name, stopped.since, now)
    if state.told:
        because = "" if state.empty else "the balance was topped up"
    elif state.paid_at is not None:
        because = "an order was paid again"
    else:
        because = TRIED if now - stopped.since >= TRIAL else ""
    if because:
        pause.resume(supplier=name, cause=pause.BALANCE, now=now, because=because)


def standing(name: str, since: datetime, now: datetime) -> Standing:
    """What its answers say from `since` to `now` (UTC). Three short queries."""
    paid = SupplierOrder.objects.filter(
        Q(paid_at__gt=since) | Q(hold=False, ticketed_at__gt=since), supplier=name, created_at__gt=now - PAID_WITHIN)
    times = paid.aggregate(paid=Max("paid_at"), ticketed=Max("ticketed_at"))
    paid_at = max((at for at in times.values() if at is not None and at > since), default=None)
    calls = ExternalCall.objects.filter(
        kind__in=[Step.CREATE_ORDER.value, Step.PAY_ORDER.value], asked_at__gt=paid_at or since, code=REFUSED,
        booking__supplier=name)
    refused = calls.order_by("-asked_at").values_list("booking_id", "asked_at")[:50]
    return Standing(balance.of(name, now - TOLD_LATELY), len({booking for booking, _ in refused}),
                    max((at for _, at in refused), default=None), paid_at)


# --- M18 --------------------------------------------------------------------------------------------------------


def low_balances(now: datetime) -> Iterator[Finding]:
    """M18: a balance below its threshold, or a refusal for lack of balance that no paid order has followed."""
    for name in airlines.names():
        state, stopped = standing(name, now - REMEMBERED, now), pause.paused_for_balance(name)
        for currency, minor in state.low.items():
            yield Finding("supplier_balance", f"supplier:{name}:{currency}", None,
                          {"threshold": str(Money(settings.BALANCE_LOW.get(currency, 0), currency))},
                          {"left": str(Money(minor, currency)), "sales": "paused" if stopped else "open"})
        if state.refused or (stopped and not state.told):
            yield Finding("supplier_balance", f"supplier:{name}", None,
                          {"answer": REFUSED}, {"bookings refused": state.refused,
                                                "sales": "paused" if stopped else "open"}, since=state.refused_at)


DETECTORS = (
    Detector("M18", "supplier balance", {
        "supplier_balance": "A supplier's balance is below our threshold, or it refused a booking for lack of balance "
        "and no order was paid since."}, low_balances, subjects=("supplier:",), healed="the balance is enough again"),
)
