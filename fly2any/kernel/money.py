"""Money as an integer of minor units with its currency; the only place that knows decimals."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache

import moneyed


class MoneyError(ValueError):
    """An amount or currency that cannot be money: unknown currency, too many decimals, or mixed currencies."""


@lru_cache(maxsize=256)
def exponent(currency: str) -> int:
    """Number of decimals of an ISO 4217 currency (USD 2, JPY 0, BHD 3). Raises MoneyError when unknown."""
    try:
        sub_unit = moneyed.get_currency(currency).sub_unit
    except moneyed.CurrencyDoesNotExist as error:
        raise MoneyError(f"unknown currency {currency!r}") from error
    return len(str(sub_unit)) - 1


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An exact amount: `minor` is an integer of the currency's smallest unit."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.minor, int) or isinstance(self.minor, bool):
            raise MoneyError("minor units must be an integer")

    @classmethod
    def parse(cls, amount: str | Decimal, currency: str) -> Money:
        """Read a supplier's decimal string such as "599.99". Raises MoneyError rather than round."""
        if not isinstance(amount, str | Decimal):
            raise MoneyError("an amount is a string or a Decimal, never a float")
        try:
            scaled = Decimal(amount).scaleb(exponent(currency))
            if scaled != scaled.to_integral_value():
                raise MoneyError(f"{amount} has more decimals than {currency} allows")
            return cls(int(scaled), currency)
        except (InvalidOperation, ValueError) as error:
            if isinstance(error, MoneyError):
                raise
            raise MoneyError(f"{amount!r} is not an amount") from error

    @property
    def amount(self) -> Decimal:
        """The decimal amount, with exactly the currency's decimals."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def __str__(self) -> str:
        return f"{self.currency} {self.amount:,}"

    def _same(self, other: Money) -> None:
        if not isinstance(other, Money) or other.currency != self.currency:
            raise MoneyError(f"cannot combine {self} with {other}")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __mul__(self, quantity: int) -> Money:
        return Money(self.minor * quantity, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._same(other)
        return self.minor < other.minor

    def __le__(self, other: Money) -> bool:
        self._same(other)
        return self.minor <= other.minor

    def as_json(self) -> dict[str, str]:
        """`{"amount": "599.99", "currency": "USD"}` as the public API writes it."""
        return {"amount": str(self.amount), "currency": self.currency}
