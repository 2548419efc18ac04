"""The money of one booking on one page, from stored facts: what came in, what went out, and whether it adds up.

    captured - refunded - refunds in flight - what the airline keeps = what we keep

Of the customer's money the ticket and our fee should stay while an order stands, and what they agreed to leave once it
does not. A present of staff (a refund for the cause "staff:…") is taken off that. Minor units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bookings.admin.columns import receipt_of
from bookings.facts import Story
from bookings.undo import PRESENT
from fly2any.kernel.readonly import amount
from payments.models import Dispute, Refund
from payments.types import DESK
from payments.types import PaymentState as P
from payments.types import RefundState as R
from suppliers.models import SupplierOrder
from suppliers.types import LIVE
from suppliers.types import OrderState as O

FLIGHT = (R.REQUESTED, R.SENT)
RESERVED = (P.AUTHORISED, P.CAPTURING, P.VOIDING)


@dataclass(frozen=True)
class Sum:
    """One line of the ledger; `sign` is how it counts in the balance ("" when it does not)."""

    label: str
    amount: str
    sign: str = ""
    note: str = ""


@dataclass(frozen=True)
class Ledger:
    """The lines, and one sentence: it balances, or by how much it does not and where to look."""

    sums: tuple[Sum, ...]
    balances: bool
    verdict: str

    @property
    def icon(self) -> str:
        """The sign beside the verdict."""
        return "✓" if self.balances else "≠"


@dataclass(frozen=True)
class _Money:
    """The amounts, minor units of the booking's currency. None: nobody knows yet."""

    reserved: int
    captured: int
    refunded: int
    flight: int
    presents: int
    cost: int | None
    cost_note: str
    stands: bool  # an order that is paid or is being paid
    ours: int | None  # what should stay of the customer's money once every refund has arrived

    @property
    def stays(self) -> int:
        """What does stay of it."""
        return self.captured - self.refunded - self.flight

    @property
    def kept(self) -> int | None:
        """What is left with us after the airline."""
        return None if self.cost is None else self.stays - self.cost


def ledger_of(story: Story, disputes: Sequence[Dispute] = ()) -> Ledger:
    """The ledger of a booking. Pure: what the rows say, nothing asked."""
    b = story.booking
    currencies = sorted({b.currency, *(p.currency for p in story.payments), *(o.currency for o in story.orders)})
    if len(currencies) > 1:
        return Ledger((), balances=False, verdict=f"{' and '.join(currencies)}: more than one currency, so nothing can "
                      "be added up. Compare the columns.")
    money = _money(story)

    def said(minor: int | None) -> str:
        return amount(minor, b.currency) if minor is not None else "not known"

    sums = (
        Sum("Agreed by the customer", said(b.accepted_minor)),
        Sum("Reserved on a card now", said(money.reserved)),
        Sum("Captured", said(money.captured), "+", "" if story.payment is None or story.payment.provider != DESK else
            f"taken elsewhere: {receipt_of(story.payment)}"),
        Sum("Refunded", said(money.refunded), "−"),
        Sum("Refunds on their way", said(money.flight), "−"),
        Sum("The airline keeps", said(money.cost), "−", money.cost_note),
        Sum("We keep", said(money.kept), "=", f"our fee is {said(b.fee_minor)}"),
        *(Sum("Disputed", amount(d.amount_minor, d.currency), note=f"{d.status}, {d.reason}".replace("_", " "))
          for d in disputes),
    )
    wrong = _wrong(story, money)
    return Ledger(sums, balances=not wrong, verdict=wrong or _right(story, money))


def _money(story: Story) -> _Money:
    payments, refunds = story.payments, story.refunds
    captured = sum(p.captured_minor for p in payments)
    refunded = sum(p.refunded_minor for p in payments)
    counted = max(0, refunded - _sum(refunds, R.SUCCEEDED))  # Stripe counts a refund before it has arrived
    presents = sum(r.amount_minor for r in refunds if r.state != R.FAILED and r.cause.startswith(PRESENT))
    cost, note = _costs(story.orders, captured)
    waiting = (O.HELD,) if captured else (O.HELD, O.RESERVED)  # seats that are kept without money
    stands = any(o.state in LIVE and o.state not in waiting for o in story.orders)
    return _Money(
        reserved=sum(p.amount_minor for p in payments if p.state in RESERVED), captured=captured, refunded=refunded,
        flight=max(0, _sum(refunds, *FLIGHT) - counted), presents=presents, cost=cost, cost_note=note, stands=stands,
        ours=_ours(story, captured, cost, stands, presents))


def _sum(refunds: Sequence[Refund], *states: R) -> int:
    return sum(r.amount_minor for r in refunds if r.state in states)


def _costs(orders: Sequence[SupplierOrder], captured: int) -> tuple[int | None, str]:
    """What the airline has or keeps of our balance over all orders; None while nobody knows."""
    known, notes = 0, list[str]()
    for order in orders:
        minor, note = _cost(order, captured)
        if minor is None:
            return None, note
        known += minor
        notes += [note] if note else []
    return known, "; ".join(notes)


def _cost(o: SupplierOrder, captured: int) -> tuple[int | None, str]:
    state, paid = O(o.state), o.ticketed_at is not None or o.paid_at is not None
    if state is O.RESERVED and captured:
        return o.total_minor, "a ticket that is to be issued"
    if state is O.PAYING or (state in (O.CREATING, O.UNKNOWN) and not o.hold and o.lapses_at is None):
        return None, "the airline has not said whether it took the money"
    if state is O.TICKETED or (state is O.CANCELLING and paid):
        return o.total_minor, "a live ticket" if state is O.TICKETED else "a ticket that is being cancelled"
    if state is O.CANCELLED and paid:
        if o.quote_refund_minor is None:
            return None, "nobody has said what the airline gives back for the cancelled ticket"
        back = o.quote_refund_minor if o.quote_refund_to in ("", "balance") else 0
        return o.total_minor - back, f"{amount(back, o.currency)} of {amount(o.total_minor, o.currency)} came back"
    return 0, "held, not paid" if state is O.HELD else ""


def _ours(story: Story, captured: int, cost: int | None, stands: bool, presents: int) -> int | None:
    """What should stay: the ticket and our fee while an order stands, else what the customer agreed to leave."""
    b = story.booking
    if stands or cost is None and any(o.state in (O.CREATING, O.UNKNOWN, O.PAYING) for o in story.orders):
        return None if cost is None else cost + b.fee_minor - presents
    agreed = b.agreed_refund_minor if b.wish == "cancel" and not b.closing else None
    return max(0, captured - agreed - presents) if agreed is not None else 0


def _wrong(story: Story, money: _Money) -> str:
    """What does not add up, in words and by how much; "" when it does."""
    b, cur = story.booking, story.booking.currency
    done, sent = _sum(story.refunds, R.SUCCEEDED), _sum(story.refunds, R.SUCCEEDED, R.SENT)
    if money.captured > b.accepted_minor:
        return f"{amount(money.captured - b.accepted_minor, cur)} more was captured than the customer agreed to."
    if money.refunded > sent:
        return f"{amount(money.refunded - sent, cur)} was given back that no refund of ours stands for."
    if money.refunded < done:
        return f"{amount(done - money.refunded, cur)} is marked as given back, and the payment does not count it."
    if money.ours is None:
        return f"It cannot balance yet: {money.cost_note}." if money.captured else ""
    off = money.stays - money.ours
    if off == 0:
        return ""
    if money.stands and not money.captured:
        waits = f" {amount(money.reserved, cur)} is reserved and waits to be taken." if money.reserved else ""
        return f"The ticket costs {amount(money.cost, cur)}, and nothing is captured.{waits}"
    if off > 0 and not money.stands:
        return f"We hold {amount(off, cur)} that the customer gets back: no order stands for it."
    if off > 0:
        return f"We hold {amount(off, cur)} more than the ticket and our fee."
    return f"We are {amount(-off, cur)} short: more went back than was agreed" + (
        ", and the ticket is live." if money.stands else ".")


def _right(story: Story, money: _Money) -> str:
    if not money.captured:
        if money.reserved:
            return f"Balances so far: {amount(money.reserved, story.booking.currency)} is reserved, nothing is taken."
        return "Balances: no money has moved."
    if money.cost is None:
        return f"Balances with the customer; {money.cost_note}."
    if money.kept is not None and money.kept < 0:
        return f"Balances with the customer; the rest, {amount(-money.kept, story.booking.currency)}, is our loss."
    return "Balances, with what staff gave as a present." if money.presents else "Balances."
