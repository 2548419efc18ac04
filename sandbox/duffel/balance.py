"""The agency's balance with the supplier: unlimited unless somebody set an amount."""

from __future__ import annotations

from decimal import Decimal

from sandbox.duffel.errors import refuse
from sandbox.frame import World

KIND = "balance"


def left(world: World) -> Decimal | None:
    """Return what is left, or None when it is unlimited. One pot, whatever the currency."""
    amount = (world.get(KIND, "balance") or {}).get("amount")
    return None if amount is None else Decimal(amount)


def put(world: World, amount: str | None) -> None:
    """Set the balance; None makes it unlimited."""
    world.put(KIND, "balance", {"id": "balance", "amount": amount})


def check(world: World, amount: Decimal, currency: str) -> None:
    """Refuse when the balance is lower than ``amount``."""
    present = left(world)
    if present is not None and present < amount:
        raise refuse("insufficient_balance")


def take(world: World, amount: Decimal, currency: str) -> None:
    """Take ``amount`` (a negative one gives it back)."""
    check(world, amount, currency)
    present = left(world)
    if present is not None:
        put(world, str(present - amount))
