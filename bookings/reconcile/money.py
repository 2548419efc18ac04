"""Stripe's intents, charges and refunds against our payments and refunds, both ways."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from bookings.detectors import Finding, report
from bookings.models import Booking
from bookings.reconcile.differences import bookings_named, look_then_report, news, no_longer, young
from fly2any.kernel.errors import Refused
from fly2any.kernel.money import Money
from payments import registry as gateways
from payments.models import Payment, Refund
from payments.types import BY_HAND, ChargeInfo, Intent, PaymentState, RefundInfo, RefundState

BUSY = (PaymentState.NEW, PaymentState.CAPTURING, PaymentState.VOIDING)
HOLDING = (PaymentState.AUTHORISED, PaymentState.CAPTURING, PaymentState.CAPTURED)
SENT = (RefundState.SENT, RefundState.SUCCEEDED)
ASKED_BEFORE = timedelta(days=2)  # a card is awaited for hours; the index is by asked_at


def subject_of(external_id: str) -> str:
    """How a case names an object of the gateway."""
    return f"{gateways.gateway().name}:{external_id}"


def _rows(external_ids: Iterable[str]) -> dict[str, Payment]:
    wanted = [external_id for external_id in external_ids if external_id]
    rows = Payment.objects.filter(provider=gateways.gateway().name, external_id__in=wanted).select_related("booking")
    return {row.external_id: row for row in rows}


def cannot_be_read(external_id: str, now: datetime) -> None:
    """An object whose money or state makes no sense to us: somebody must look at it."""
    row = _rows([external_id]).get(external_id)
    report(Finding("ledgers_differ", subject_of(external_id), row.booking_id if row else None,
                   {"stripe": "cannot be read"}), now)


# --- intents ----------------------------------------------------------------------------------------------------


def compare_intents(intents: tuple[Intent, ...], now: datetime) -> list[int]:
    """A page of intents against our payments: two queries where all agree. Returns the keys of the rows met."""
    known = _rows(intent.external_id for intent in intents)
    strangers = Strangers([intent for intent in intents if intent.external_id not in known])
    agreed = []
    for intent in intents:
        row = known.get(intent.external_id)
        if row is None:
            strangers.see(intent, now)
        elif _compare(row, intent, now):
            agreed.append(subject_of(intent.external_id))
    no_longer(agreed)
    return [row.pk for row in known.values()]


def listed_payments(since: datetime, until: datetime) -> QuerySet[Payment]:
    """Our payments of the window whose intents their list should show."""
    return (Payment.objects.exclude(state=PaymentState.VOIDED).exclude(external_id="")
            .filter(provider=gateways.gateway().name, asked_at__gt=since, asked_at__lt=until).select_related("booking"))


def ask_payment(row: Payment, now: datetime) -> None:
    """One payment that no list showed."""
    try:
        intent = gateways.gateway().get(row.external_id)
    except Refused as refusal:
        if refusal.code != "not_found":
            raise
        report(Finding("ledgers_differ", subject_of(row.external_id), row.booking_id,
                       {"ours": row.state, "stripe": refusal.code}, money=Money(row.amount_minor, row.currency)), now)
        return
    _compare(row, intent, now)


class Strangers:
    """Intents of one page that no row of ours names; what their metadata names is read at once."""

    def __init__(self, intents: list[Intent]) -> None:
        numbers = [int(intent.payment_id) for intent in intents if intent.payment_id.isdecimal()]
        self._payments = {str(row.pk): row for row in Payment.objects.filter(
            pk__in=[number for number in numbers if number < 2**63]).select_related("booking")} if numbers else {}
        self._bookings = bookings_named(intent.booking_id for intent in intents)
        owners = {booking.pk for booking in self._bookings.values()} | {
            row.booking_id for row in self._payments.values()}
        self._paid = set(Payment.objects.filter(booking__in=owners, state__in=HOLDING).exclude(
            external_id="").values_list("booking_id", flat=True)) if owners else set()

    def see(self, intent: Intent, now: datetime) -> None:
        """An answer of Stripe that never reached our row is the driver's work; anything else is an orphan."""
        mine = self._payments.get(intent.payment_id)
        if mine is not None and not mine.external_id and mine.state == PaymentState.NEW:
            news(mine.booking_id, now, payment_id=mine.pk)
            return
        finding = self.finding(intent)
        if finding is not None and not young(intent.created_at, now):
            report(finding, now)

    def finding(self, intent: Intent) -> Finding | None:
        """What a stranger means now: a second payment of a booking that has one, an orphan, or nothing (no money)."""
        if not money_held(intent):
            return None
        mine = self._payments.get(intent.payment_id)
        booking: Booking | None = mine.booking if mine else self._bookings.get(intent.booking_id)
        kind = "duplicate_payment" if booking is not None and booking.pk in self._paid else "orphaned_payment"
        return Finding(kind, subject_of(intent.external_id), booking.pk if booking else None,
                       {"state": intent.state.value, "amount": str(intent.amount),
                        "captured_minor": intent.captured_minor, "refunded_minor": intent.refunded_minor},
                       money=intent.amount)


def money_held(intent: Intent) -> bool:
    """Whether money is, or may yet be, taken by this intent."""
    return intent.state is not PaymentState.VOIDED and not 0 < intent.captured_minor <= intent.refunded_minor


def difference(row: Payment, intent: Intent) -> dict[str, Any] | None:
    """In what a payment and its intent differ, in words; None when they agree."""
    if (intent.amount.minor, intent.amount.currency) != (row.amount_minor, row.currency):
        return {"ours": f"{row.currency} {row.amount_minor}",
                "stripe": f"{intent.amount.currency} {intent.amount.minor}"}
    ours = (row.state, row.captured_minor, row.refunded_minor)
    theirs = (intent.state.value, intent.captured_minor, intent.refunded_minor)
    if row.state in BUSY or ours == theirs or (*ours[:2], row.refunded_minor - given_by_hand(row)) == theirs:
        return None
    words = "{}, captured {}, refunded {}"
    return {"ours": words.format(*ours), "stripe": words.format(*theirs)}


def given_by_hand(row: Payment) -> int:
    """What of a payment's refunds was given back at our desk, so that no gateway knows it; minor units."""
    given = Refund.objects.filter(payment=row, state=RefundState.SUCCEEDED, external_id__startswith=BY_HAND)
    return sum(given.values_list("amount_minor", flat=True))


def _compare(row: Payment, intent: Intent, now: datetime) -> bool:
    """Whether they agree; a difference is told."""
    facts = difference(row, intent)
    if facts is None:
        return True
    finding = Finding("ledgers_differ", subject_of(intent.external_id), row.booking_id, facts, money=intent.amount)
    if (intent.amount.minor, intent.amount.currency) != (row.amount_minor, row.currency):
        report(finding, now)  # looking does not change what was agreed
        return False
    look_then_report(finding, row.looked_at, lambda: news(row.booking_id, now, payment_id=row.pk), now)
    return False


# --- charges ----------------------------------------------------------------------------------------------------


def compare_charges(charges: tuple[ChargeInfo, ...], now: datetime) -> list[int]:
    """A page of charges against our payments; declined attempts say nothing. Returns the keys of the rows met."""
    good = [charge for charge in charges if charge.good]
    known = _rows(charge.intent_id for charge in good)
    for charge in good:
        row = known.get(charge.intent_id)
        if row is None:
            _charge_without_row(charge, now)
        else:
            _compare_charge(row, charge, now)
    return [row.pk for row in known.values()]


def charged_payments(since: datetime, until: datetime) -> QuerySet[Payment]:
    """Our payments whose charge was made in the window, so that their list should show it."""
    return (Payment.objects.filter(provider=gateways.gateway().name, authorised_at__gt=since, authorised_at__lt=until,
                                   asked_at__gt=since - ASKED_BEFORE, state__in=HOLDING)
            .exclude(external_id="").select_related("booking"))


def _charge_without_row(charge: ChargeInfo, now: datetime) -> None:
    """Its intent is told by the list of intents; a charge without one is told here."""
    if charge.intent_id or young(charge.created_at, now) or not charge_holds(charge):
        return
    report(_of_charge(charge), now)


def _of_charge(charge: ChargeInfo) -> Finding:
    return Finding("orphaned_payment", subject_of(charge.external_id), None,
                   {"object": "charge", "amount": str(charge.amount), "captured_minor": charge.captured_minor,
                    "refunded_minor": charge.refunded_minor}, money=charge.amount)


def charge_holds(charge: ChargeInfo) -> bool:
    """Whether a charge keeps money."""
    return charge.good and charge.captured_minor > charge.refunded_minor


def _compare_charge(row: Payment, charge: ChargeInfo, now: datetime) -> None:
    """What was taken, given back and disputed by this charge."""
    ours = (row.currency, row.captured_minor, row.refunded_minor)
    theirs = (charge.amount.currency, charge.captured_minor, charge.refunded_minor)
    same = ours == theirs or (*ours[:2], row.refunded_minor - given_by_hand(row)) == theirs
    if row.state in BUSY or (same and (row.disputed or not charge.disputed)):
        return
    if same:  # disputed: the driver opens the case
        news(row.booking_id, now, payment_id=row.pk)
        return
    words = "{} captured {}, refunded {}"
    finding = Finding("ledgers_differ", subject_of(row.external_id), row.booking_id,
                      {"ours": words.format(*ours), "stripe": words.format(*theirs)}, money=charge.amount)
    look_then_report(finding, row.looked_at, lambda: news(row.booking_id, now, payment_id=row.pk), now)


# --- refunds ----------------------------------------------------------------------------------------------------


def compare_refunds(refunds: tuple[RefundInfo, ...], now: datetime) -> list[int]:
    """A page of refunds against ours, by their id or by our own in the metadata. Returns the keys of the rows met."""
    known = {row.external_id: row for row in _refunds(external_id__in=[info.external_id for info in refunds])}
    lost = [int(info.refund_id) for info in refunds if info.external_id not in known and info.refund_id.isdecimal()]
    unanswered = {str(row.pk): row for row in _refunds(pk__in=lost)} if lost else {}
    payments = _rows({info.intent_id for info in refunds if info.external_id not in known})
    for info in refunds:
        row = known.get(info.external_id) or unanswered.get(info.refund_id)
        payment = payments.get(info.intent_id)
        if row is not None and row.external_id in ("", info.external_id):
            _compare_refund(row, info, now)
        elif payment is not None:
            _refund_by_hand(payment, info, now)
    return [row.pk for row in known.values()]


def _refunds(**which: Any) -> QuerySet[Refund]:
    return Refund.objects.filter(**which).select_related("payment")


def listed_refunds(since: datetime, until: datetime) -> QuerySet[Refund]:
    """Our refunds sent in the window, which their list should show."""
    return _refunds(state__in=SENT, sent_at__gt=since, sent_at__lt=until,
                    payment__provider=gateways.gateway().name).exclude(external_id="").exclude(
                        external_id__startswith=BY_HAND)


def ask_refund(row: Refund, now: datetime) -> None:
    """One refund of ours that no list showed."""
    try:
        info = gateways.gateway().get_refund(row.external_id)
    except Refused as refusal:
        if refusal.code != "not_found":
            raise
        report(_unknown_refund(row, refusal), now)
        return
    _compare_refund(row, info, now)


def _unknown_refund(row: Refund, refusal: Refused) -> Finding:
    return _of_refund(row.external_id, row.payment.booking_id, row.state, refusal.code,
                      Money(row.amount_minor, row.currency))


def refund_difference(row: Refund | None, info: RefundInfo) -> tuple[str, str] | None:
    """Ours and theirs in words; None when they agree. Without a row: it was made elsewhere."""
    theirs = f"{info.state.value} {info.amount.currency} {info.amount.minor}"
    if row is None:
        return None if info.state is RefundState.FAILED else ("no refund of ours", theirs)
    ours = f"{row.state} {row.currency} {row.amount_minor}"
    return None if ours == theirs else (ours, theirs)


def _of_refund(external_id: str, booking_id: int | None, ours: str, theirs: str, money: Money) -> Finding:
    return Finding("ledgers_differ", subject_of(external_id), booking_id,
                   {"object": "refund", "ours": ours, "stripe": theirs}, money=money)


def _compare_refund(row: Refund, info: RefundInfo, now: datetime) -> None:
    found = refund_difference(row, info)
    if found is None:
        return
    finding = _of_refund(info.external_id, row.payment.booking_id, *found, info.amount)
    if (row.amount_minor, row.currency) != (info.amount.minor, info.amount.currency):
        report(finding, now)
        return
    look_then_report(finding, row.looked_at, lambda: news(row.payment.booking_id, now, refund_id=row.pk), now)


def _refund_by_hand(payment: Payment, info: RefundInfo, now: datetime) -> None:
    """Somebody gave money of ours back outside: the driver learns the sum, and a person learns of it."""
    found = refund_difference(None, info)
    if found is None or young(info.created_at, now):
        return
    finding = _of_refund(info.external_id, payment.booking_id, *found, info.amount)
    look_then_report(finding, payment.looked_at,
                     lambda: news(payment.booking_id, now, payment_id=payment.pk), now)


# --- one object again, for its open case --------------------------------------------------------------------------


def payment_finding(external_id: str) -> Finding | None:
    """What is wrong about this intent now; None when all agree. Raises Outside."""
    row = _rows([external_id]).get(external_id)
    try:
        intent = gateways.gateway().get(external_id)
    except Refused as refusal:
        if refusal.code != "not_found":
            raise
        if row is None or row.state == PaymentState.VOIDED:
            return None
        facts: dict[str, Any] | None = {"ours": row.state, "stripe": refusal.code}
        return Finding("ledgers_differ", subject_of(external_id), row.booking_id, facts or {},
                       money=Money(row.amount_minor, row.currency))
    if row is None:
        return Strangers([intent]).finding(intent)
    facts = difference(row, intent)
    if facts is None:
        return None
    return Finding("ledgers_differ", subject_of(external_id), row.booking_id, facts, money=intent.amount)


def charge_finding(external_id: str) -> Finding | None:
    """Whether this charge without an intent still keeps money. Raises Outside."""
    charge = gateways.gateway().get_charge(external_id)
    return _of_charge(charge) if charge_holds(charge) else None


def refund_finding(external_id: str) -> Finding | None:
    """What is wrong about this refund now; None when all agree. Raises Outside."""
    row = _refunds(external_id=external_id).first()
    try:
        info = gateways.gateway().get_refund(external_id)
    except Refused as refusal:
        if refusal.code != "not_found":
            raise
        return _unknown_refund(row, refusal) if row is not None else None
    payment = _rows([info.intent_id]).get(info.intent_id)
    found = refund_difference(row, info)
    booking_id = row.payment.booking_id if row else payment.booking_id if payment else None
    return _of_refund(external_id, booking_id, *found, info.amount) if found is not None else None
