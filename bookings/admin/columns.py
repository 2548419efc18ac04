"""Ours | Airline | Stripe: the three records of one booking side by side, as last seen, with what differs named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bookings.facts import Story
from bookings.models import Case, Passenger
from bookings.status import IN_FLIGHT, MONEY_OPEN, derive_status
from bookings.twins import name_digest
from bookings.undo import unreturned
from fly2any.kernel.readonly import amount
from payments.models import Payment, Refund
from payments.types import BY_HAND, DESK, METHODS
from payments.types import PaymentState as P
from payments.types import RefundState as R
from suppliers.types import BY_LOCATOR, LIVE
from suppliers.types import OrderState as O

AGREES, DIFFERS, UNKNOWN, SILENT = "agrees", "differs", "not known", "nothing to compare"
ICONS = {AGREES: "✓", DIFFERS: "≠", UNKNOWN: "?", SILENT: "–"}


@dataclass(frozen=True)
class Line:
    """One line of the comparison. `word` and its icon say how the three agree, `why` what differs."""

    label: str
    ours: str
    airline: str
    stripe: str
    word: str = SILENT
    why: str = ""

    @property
    def icon(self) -> str:
        """The sign for the word."""
        return ICONS[self.word]


def side_by_side(story: Story, people: Sequence[Passenger] = ()) -> list[Line]:
    """The lines of the comparison, from stored facts only. Times UTC. `people` are the booking's travellers."""
    lines = [line(story) for line in LINES]
    return [*lines[:-2], _people(story, people), *lines[-2:]] if people else lines


def outside(case: Case, age: str) -> list[Line]:
    """The same lines for an object that no booking of ours stands for: what its vendor said when we saw it.

    `age`: how long ago that was, in words.
    """
    vendor, _, external_id = case.subject.partition(":")
    seen: dict[str, Any] = case.facts if isinstance(case.facts, dict) else {}
    told = amount(case.money_minor, case.currency) if case.money_minor is not None else "–"
    back = seen.get("refunded_minor")
    values = {
        "Exists": "yes", "Id": external_id, "State": str(seen.get("state", "–")).replace("_", " "),
        "Amount": str(seen.get("amount") or seen.get("total") or told), "Currency": case.currency or "–",
        "References": str(seen.get("pnr") or seen.get("offer") or "–"), "Travellers": "–",
        "Refunds": amount(back, case.currency) if isinstance(back, int) else "–", "Last checked": age}
    return [Line(label, "no booking" if label == "Exists" else "–", value if vendor != "stripe" else "–",
                 value if vendor == "stripe" else "–", *((DIFFERS, "no booking of ours stands for it")
                                                         if label == "Exists" else (SILENT, "")))
            for label, value in values.items()]


def _exists(story: Story) -> Line:
    o, p = story.order, story.payment
    ours = f"yes, {story.booking.reference}"
    airline = "no order asked for" if o is None else _order_exists(O(o.state))
    stripe = "no payment asked for" if p is None else "yes" if p.external_id else "not known yet"
    stripe = "taken elsewhere" if p is not None and p.provider == DESK else stripe
    if o is not None and o.state in IN_FLIGHT:
        return Line("Exists", ours, airline, stripe, UNKNOWN, "the airline has not said whether the order exists")
    live, kept = o is not None and o.state in LIVE, _kept(story)
    if kept > 0 and not live and not _fee_agreed(story):
        return Line("Exists", ours, airline, stripe, DIFFERS, "charged, and no order is live")
    if o is not None and o.state == O.TICKETED and (p is None or p.state != P.CAPTURED):
        return Line("Exists", ours, airline, stripe, DIFFERS, "a ticket is issued, and nothing is charged")
    if o is not None and o.state == O.TICKETED and p is not None and kept == 0 and p.captured_minor:
        return Line("Exists", ours, airline, stripe, DIFFERS, "everything was refunded, and the order is live")
    return Line("Exists", ours, airline, stripe, AGREES if o or p else SILENT)


def _order_exists(state: O) -> str:
    if state in LIVE:
        return "yes"
    return "not known" if state in IN_FLIGHT else "no" if state is O.NOT_CREATED else f"no longer ({state.value})"


def _ids(story: Story) -> Line:
    o, p = story.order, story.payment
    stripe = "–" if p is None else receipt_of(p) if p.provider == DESK else p.external_id or "–"
    return Line("Id", str(story.booking.public_id), order_id(o.external_id) if o else "–", stripe)


def order_id(external_id: str) -> str:
    """The airline's id of an order; of one that staff attached by its locator alone, that there is none."""
    if not external_id.startswith(BY_LOCATOR):
        return external_id or "–"
    return f"not known, record locator {external_id.removeprefix(BY_LOCATOR).partition('~')[0]}"


def receipt_of(row: Payment | Refund) -> str:
    """How money was taken or given back elsewhere, and the receipt that proves it."""
    return f"{METHODS.get(row.method, 'by hand')}, receipt {row.external_id.removeprefix(BY_HAND)}"


def _state(story: Story) -> Line:
    o, p, b = story.order, story.payment, story.booking
    follows = derive_status(story.picture())
    airline, stripe = o.state.replace("_", " ") if o else "–", p.state if p else "–"
    if follows != b.status:
        return Line("State", b.status, airline, stripe, DIFFERS, f"from these facts it should be {follows.value}")
    return Line("State", b.status, airline, stripe, AGREES)


def _amounts(story: Story) -> Line:
    o, p, b = story.order, story.payment, story.booking
    ours = f"{amount(b.accepted_minor, b.currency)} agreed"
    due = o.total_minor + b.fee_minor if o is not None and o.state in LIVE else None
    airline = amount(o.total_minor, o.currency) if o else "–"
    if due is not None and b.fee_minor:
        airline += f" + our fee {amount(b.fee_minor, b.currency)}"
    if p is None:
        return Line("Amount", ours, airline, "–", *_dearer(b.accepted_minor, due))
    taken = p.captured_minor if p.state == P.CAPTURED else p.amount_minor
    words = {P.CAPTURED: "captured", P.AUTHORISED: "reserved", P.CAPTURING: "being captured",
             P.VOIDED: "asked for, released"}
    word = "paid elsewhere" if p.provider == DESK else words.get(P(p.state), "asked for")
    stripe = f"{amount(taken, p.currency)} {word}"
    if taken > b.accepted_minor:
        return Line("Amount", ours, airline, stripe, DIFFERS, "the card stands for more than was agreed")
    if due is not None and due != taken and p.state != P.VOIDED:
        return Line("Amount", ours, airline, stripe, DIFFERS,
                    f"the order needs {amount(due, b.currency)}, the card stands for {amount(taken, p.currency)}")
    return Line("Amount", ours, airline, stripe, AGREES)


def _dearer(agreed: int, due: int | None) -> tuple[str, str]:
    if due is None:
        return SILENT, ""
    return (DIFFERS, "the order costs more than was agreed") if due > agreed else (AGREES, "")


def _currencies(story: Story) -> Line:
    o, p, b = story.order, story.payment, story.booking
    seen = [b.currency, *([o.currency] if o else []), *([p.currency] if p else [])]
    word, why = (AGREES, "") if len(set(seen)) == 1 else (DIFFERS, "more than one currency")
    return Line("Currency", b.currency, o.currency if o else "–", p.currency if p else "–",
                word if len(seen) > 1 else SILENT, why)


def _references(story: Story) -> Line:
    o, p = story.order, story.payment
    card = f"{p.card_brand} •••• {p.card_last4}" if p and p.card_last4 else "–"
    locators = [f"{row[0]}: {row[1]}" for row in o.locators if isinstance(row, list) and len(row) > 1
                and row[1] != o.pnr] if o else []
    return Line("References", story.booking.reference, ", ".join([o.pnr, *locators]) or "–" if o else "–", card)


def _people(story: Story, people: Sequence[Passenger]) -> Line:
    """How many travel, and whether the airline has the same names; names are compared as keyed hashes."""
    o, ours = story.order, _count(len(people))
    if o is None or not o.travellers:
        return Line("Travellers", ours, "not told" if o and o.external_id else "–", "–")
    mine = sorted(name_digest(one.given_name, one.family_name) for one in people)
    theirs = sorted(str(row[1]) for row in o.travellers if isinstance(row, list) and len(row) > 1)
    if len(theirs) != len(mine):
        return Line("Travellers", ours, _count(len(theirs)), "–", DIFFERS, "not the same number of people")
    if mine != theirs:
        return Line("Travellers", ours, f"{_count(len(theirs))}, other names", "–", DIFFERS,
                    "the airline has another name")
    return Line("Travellers", ours, f"{_count(len(theirs))}, same names", "–", AGREES)


def _count(number: int) -> str:
    return "1 traveller" if number == 1 else f"{number} travellers"


def _refunds(story: Story) -> Line:
    o, p, b = story.order, story.payment, story.booking
    ours = ", ".join(f"{amount(r.amount_minor, r.currency)} {r.state}{f' ({receipt_of(r)})' if r.method else ''}"
                     for r in story.refunds) or "none"
    if b.agreed_refund_minor is not None:
        ours = f"{amount(b.agreed_refund_minor, b.currency)} agreed; {ours}"
    quoted = o is not None and o.quote_refund_minor is not None
    airline = f"{amount(o.quote_refund_minor, o.currency)} quoted" if o is not None and quoted else "–"
    if p is None:
        return Line("Refunds", ours, airline, "–")
    by_hand = " by hand" if p.provider == DESK else ""
    stripe = f"{amount(p.refunded_minor, p.currency)}{by_hand}" if p.refunded_minor else "none"
    sent = sum(r.amount_minor for r in story.refunds if r.state in (R.SENT, R.SUCCEEDED))
    if any(r.state == R.REQUESTED for r in story.refunds) and p.provider == DESK:
        return Line("Refunds", ours, airline, stripe, DIFFERS, "a refund waits to be given back by hand")
    if any(r.id for r in unreturned(story.picture().refunds)):
        return Line("Refunds", ours, airline, stripe, DIFFERS, "a refund failed")
    if sent != p.refunded_minor:
        why = f"we sent {amount(sent, p.currency)}, Stripe gave back {amount(p.refunded_minor, p.currency)}"
        return Line("Refunds", ours, airline, stripe, DIFFERS, why)
    return Line("Refunds", ours, airline, stripe, AGREES if p.captured_minor else SILENT)


def _checked(story: Story) -> Line:
    o, p, b = story.order, story.payment, story.booking
    desk, unread = p is not None and p.provider == DESK, o is not None and o.by_locator
    return Line("Last checked", _time(b.settled_at),
                "cannot be fetched: look by hand" if unread else _time(o.looked_at if o else None),
                f"recorded {_time(p.captured_at)}" if p and desk else _time(p.looked_at if p else None))


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "never"


def _kept(story: Story) -> int:
    """What is still held for us, at Stripe or elsewhere, in minor units."""
    return sum(p.captured_minor - p.refunded_minor for p in story.payments)


def _fee_agreed(story: Story) -> bool:
    """The customer cancelled and agreed to get back less, and no more than that is kept."""
    b = story.booking
    return (b.wish == "cancel" and not b.closing and b.agreed_refund_minor is not None and
            _kept(story) <= sum(p.captured_minor for p in story.payments) - b.agreed_refund_minor)


def money_at_risk(story: Story) -> str:
    """What is reserved or kept on cards now, for a reader."""
    reserved = sum(p.amount_minor for p in story.payments if p.state in MONEY_OPEN and p.authorised_at)
    return amount(reserved + _kept(story), story.booking.currency)


LINES: tuple[Callable[[Story], Line], ...] = (_exists, _ids, _state, _amounts, _currencies, _references, _refunds,
                                              _checked)
