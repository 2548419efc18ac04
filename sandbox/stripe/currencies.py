"""What amounts Stripe takes in which currency (minor units; facts of the sheet, section 2)."""

from __future__ import annotations

from sandbox.stripe.errors import invalid, words

MAXIMUM = 99_999_999
_CODES = words(
    """
    usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad
    cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl
    hrk htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga
    mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron
    rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs
    vnd vuv wst xaf xcd xof xpf yer zar zmw
    """
)
_THREE_DECIMALS = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))
_NO_DECIMALS = words(
    """
    bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf
    """
)
_MINIMUM = {
    "usd": 50, "eur": 50, "gbp": 30, "chf": 50, "aed": 200, "hkd": 400, "huf": 17500, "czk": 1500,
    "bgn": 100, "mxn": 1000, "myr": 200, "ron": 200, "aud": 50, "cad": 50, "sgd": 50, "nzd": 50,
    "brl": 50, "inr": 50, "jpy": 50, "dkk": 250, "nok": 300, "sek": 300, "pln": 200, "thb": 1000,
}  # fmt: skip


def decimals(currency: str) -> int:
    """How many decimal places Stripe's minor units have in this currency."""
    return 0 if currency in _NO_DECIMALS else 3 if currency in _THREE_DECIMALS else 2


def check(amount: int, currency: str) -> None:
    """Raise StripeError (400) unless Stripe would take this amount in this currency."""
    if currency not in _CODES:
        raise invalid(f"Invalid currency: {currency}.", param="currency")
    if amount > MAXIMUM:
        raise invalid("Amount must be no more than 99999999.", code="amount_too_large", param="amount")
    if amount < 1:
        raise invalid(
            "This value must be greater than or equal to 1.", code="parameter_invalid_integer", param="amount"
        )
    if amount < _MINIMUM.get(currency, 1):
        raise invalid(
            f"Amount must be at least {_MINIMUM[currency]} {currency} (minor units)",
            code="amount_too_small",
            param="amount",
        )
    if currency in _THREE_DECIMALS and amount % 10:
        raise invalid(
            f"Amounts in {currency} must end in 0: the smallest part is not supported.",
            code="parameter_invalid_integer",
            param="amount",
        )
