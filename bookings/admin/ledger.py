"""The money of one booking on one page, from stored facts: what came in, what went out, and whether it adds up.

    captured - refunded - refunds in flight - what the airline keeps = what we keep

What we should keep is our fee while an order stands, and after a cancellation what the customer agreed to leave,
less what the airline keeps of it. Presents of staff ("staff:…") are taken off what we should keep. Minor units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bookings.facts import Story
from bookings.undo import PRESENT
from fly2any.kernel.readonly import amount
from payments.models import Dispute
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
    """The amounts, minor units of the booking's currency. `due` is what we should keep, None when nobody knows."""

    reserved: int
    captured: int
    refunded: int
    flight: int
    cost: int | None
    cost_note: str
    presents: int
    due: int | None

    @property
    def kept(self) -> int | None:
        """What is left with us."""
        return None if self.cost is None else self.captured - self.refunded - self.flight - self.cost


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
        Sum("Captured", said(money.captured), "+"),
        Sum("Refunded", said(money.refunded), "−"),
        Sum("Refunds on their way", said(money.flight), "−"),
        Sum("The airline keeps", said(money.cost), "−", money.cost_note),
        Sum("We keep", said(money.kept), "=", f"our fee is {said(b.fee_minor)}"),
        *(Sum("Disputed", amount(d.amount_minor, d.currency), note=f"{d.status.replace('_', ' ')}, {d.reason}")
          for d in disputes),
    )
    wrong = _wrong(story, money)
    return Ledger(sums, balances=not wrong, verdict=wrong or _right(money))


def _money(story: Story) -> _Money:
    payments, refunds = story.payments, story.refunds
    captured = sum(p.captured_minor for p in payments)
    refunded = sum(p.refunded_minor for p in payments)
    done = sum(r.amount_minor for r in refunds if r.state == R.SUCCEEDED)
    in_flight = sum(r.amount_minor for r in refunds if r.state in FLIGHT)
    sent_and_seen = max(0, refunded - done)  # Stripe counts a refund as given back before it has arrived
    cost, note = _costs(story.orders)
    presents = sum(r.amount_minor for r in refunds if r.state != R.FAILED and r.cause.startswith(PRESENT))
    return _Money(
        reserved=sum(p.amount_minor for p in payments if p.state in RESERVED), captured=captured, refunded=refunded,
        flight=max(0, in_flight - sent_and_seen), cost=cost, cost_note=note, presents=presents,
        due=_due(story, captured, cost))


def _costs(orders: Sequence[SupplierOrder]) -> tuple[int | None, str]:
    """What the airline has or keeps of our balance over all orders; None while an outcome is unknown."""
    known, notes = 0, []
    for order in orders:
        minor, note = _cost(order)
        if minor is None:
            return None, note
        known += minor
        notes += [note] if note else []
    return known, "; ".join(notes)


def _cost(o: SupplierOrder) -> tuple[int | None, str]:
    state = O(o.state)
    if state in (O.CREATING, O.UNKNOWN, O.PAYING) and not (o.hold and state is not O.PAYING):
        return None, "the airline has not said whether it took the money"
    if state is O.TICKETED or (state is O.CANCELLING and _was_paid(o)):
        return o.total_minor, "a live ticket" if state is O.TICKETED else "a ticket that is being cancelled"
    if state is O.CANCELLED and _was_paid(o):
        if o.quote_refund_minor is None:
            return (0, "all of it came back") if o.quote_refund_to == "balance" else (
                None, "nobody has said what the airline gave back for the cancelled ticket")
        back = o.quote_refund_minor if o.quote_refund_to in ("", "balance") else 0
        return o.total_minor - back, f"{amount(back, o.currency)} of {amount(o.total_minor, o.currency)} came back"
    return 0, "held, not paid" if state is O.HELD else ""


def _was_paid(o: SupplierOrder) -> bool:
    return o.ticketed_at is not None or o.paid_at is not None


def _due(story: Story, captured: int, cost: int | None) -> int | None:
    """What we should keep: the fee while an order stands; what was agreed to be left, once it does not."""
    b, o = story.booking, story.order
    if cost is None:
        return None
    if any(order.state in LIVE and order.state != O.CANCELLING for order in story.orders):
        return b.fee_minor if captured or (o is not None and o.state == O.TICKETED) else 0
    if not captured:
        return -cost
    agreed = b.agreed_refund_minor if b.wish == "cancel" and not b.closing else None
    left = captured - agreed if agreed is not None else 0
    return left - cost


def _wrong(story: Story, money: _Money) -> str:
    """What does not add up, in words and by how much; "" when it does."""
    b, cur = story.booking, story.booking.currency
    sent = sum(r.amount_minor for r in story.refunds if r.state in (R.SENT, R.SUCCEEDED))
    if money.captured > b.accepted_minor:
        return f"{amount(money.captured - b.accepted_minor, cur)} more was captured than the customer agreed to."
    if money.refunded > sent:
        return (f"Stripe gave back {amount(money.refunded - sent, cur)} that no refund of ours stands for.")
    if any(r.state == R.SUCCEEDED for r in story.refunds) and money.refunded < sum(
            r.amount_minor for r in story.refunds if r.state == R.SUCCEEDED):
        return "A refund is marked as done, and Stripe has not counted it as given back."
    if money.kept is None or money.due is None:
        return "" if not money.captured else f"It cannot balance yet: {money.cost_note}."
    off = money.kept - (money.due - money.presents)
    if off == 0:
        return ""
    if money.captured == 0:
        return (f"The ticket costs {amount(money.cost, cur)} and nothing is captured"
                + (f"; {amount(money.reserved, cur)} is reserved and waits to be taken." if money.reserved else "."))
    if off > 0:
        return f"We hold {amount(off, cur)} more than we should: it is neither the airline's nor ours."
    return f"We are {amount(-off, cur)} short: more went out than came in and was agreed."


def _right(money: _Money) -> str:
    if money.kept is None:
        return "Balances so far: nothing is captured. " + (money.cost_note[:1].upper() + money.cost_note[1:] + ".")
    if money.presents:
        return "Balances, with what staff gave as a present."
    return "Balances." if money.captured else "Balances: no money has moved."
