"""Our minor units against Stripe's, which differ for some currencies (stripe.md 2, Amounts)."""

from __future__ import annotations

from fly2any.kernel.errors import Refused
from fly2any.kernel.money import Money, MoneyError, exponent

ZERO_DECIMAL = frozenset({"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV",
                          "XAF", "XOF", "XPF"})
THREE_DECIMAL = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
MOST = 99_999_999


def to_stripe(amount: Money) -> int:
    """Stripe's integer for this amount. Raises Refused amount_not_chargeable, amount_too_small or amount_too_large.

    ISK goes with two decimals though it has none; three-decimal currencies must end in 0.
    """
    try:
        shift = _decimals(amount.currency) - exponent(amount.currency)
    except MoneyError as error:
        raise Refused("amount_not_chargeable", "unknown currency") from error
    scaled, rest = (amount.minor * 10**shift, 0) if shift >= 0 else divmod(amount.minor, 10**-shift)
    if rest or (amount.currency in THREE_DECIMAL and scaled % 10):
        raise Refused("amount_not_chargeable", f"{amount} cannot be charged to a card exactly")
    if scaled <= 0:
        raise Refused("amount_too_small", f"{amount} cannot be charged")
    if scaled > MOST:
        raise Refused("amount_too_large", f"{amount} is more than one payment can carry")
    return scaled


def minor_from_stripe(scaled: int, currency: str) -> int:
    """Our minor units for Stripe's integer. Raises MoneyError when they are not whole."""
    shift = _decimals(currency) - exponent(currency)
    minor, rest = divmod(scaled, 10**shift) if shift >= 0 else (scaled * 10**-shift, 0)
    if rest:
        raise MoneyError(f"{scaled} is not a whole amount of {currency}")
    return minor


def _decimals(currency: str) -> int:
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2
