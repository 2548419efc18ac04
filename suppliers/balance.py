"""What our account with each supplier holds, as it was last told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from fly2any.kernel.money import Money
from suppliers.models import SupplierBalance


def keep(supplier: str, told: Iterable[Money], now: datetime) -> None:
    """Store what a supplier has just told (`now`: database time, UTC); what it told before is overwritten."""
    for money in told:
        SupplierBalance.objects.update_or_create(
            supplier=supplier, currency=money.currency, defaults={"available_minor": money.minor, "told_at": now})


def of(supplier: str, since: datetime) -> dict[str, int]:
    """What the supplier has told since then (UTC): minor units by currency. Empty when it does not tell."""
    rows = SupplierBalance.objects.filter(supplier=supplier, told_at__gte=since)
    return dict(rows.values_list("currency", "available_minor"))
