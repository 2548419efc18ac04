"""One entry of the timeline, as plain values: what each table's row says to a reader. No queries."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bookings import desk, telling
from bookings.admin.values import differences
from bookings.models import CallRecord, Diary, Outbox, StaffAction
from payments.models import GatewayEvent
from suppliers.models import SupplierEvent


@dataclass(frozen=True)
class Kind:
    """What sort of entry it is: sign and word, never colour alone."""

    icon: str
    word: str
    plural: str


KINDS: dict[str, Kind] = {
    "call": Kind("⇄", "Call", "Calls"),
    "webhook": Kind("⇣", "Message", "Messages"),
    "mail": Kind("✉", "Mail", "Mails"),
    "staff": Kind("⚑", "Staff", "Staff"),
    "note": Kind("✎", "Note", "Notes"),
    "diary": Kind("≡", "Diary", "Diary"),
}


@dataclass(frozen=True)
class Entry:
    """One thing that happened. `folded` are long texts under a summary; `bad` says that it did not work."""

    code: str
    kind: str
    at: datetime
    title: str
    what: str = ""
    who: str = ""
    bad: bool = False
    pairs: tuple[tuple[str, str], ...] = ()
    folded: tuple[tuple[str, str], ...] = ()
    changes: tuple[tuple[str, str, str], ...] = ()  # label, before, after

    @property
    def sort(self) -> Kind:
        """Its sign and word."""
        return KINDS[self.kind]


def of_call(row: CallRecord, code: str) -> Entry:
    """A request that went over the wire, and its answer."""
    answered = f"HTTP {row.status}" if row.status is not None else "no answer"
    return Entry(
        code, "call", row.at, f"{row.method} {row.path}", bad=row.status is None or row.status >= 400,
        what=f"{row.vendor.capitalize()}: {answered} after {row.milliseconds} ms",
        pairs=_said(("For", f"{_plain(row.step)} of {_plain(row.subject)}, try {row.attempt}"),
                    ("Came out as", f"{row.outcome}{f' ({_plain(row.code)})' if row.code else ''}"),
                    ("Key", row.key), ("Request id", row.request_id)),
        folded=_said(("What we sent", _json(row.sent)), ("What came back", _json(row.got))))


def of_gateway_event(row: GatewayEvent, code: str) -> Entry:
    """A message from Stripe, however often it came."""
    return _event(row, code, "Stripe", (("Payment", row.intent_id), ("Object", row.object_id)))


def of_supplier_event(row: SupplierEvent, code: str) -> Entry:
    """A message from the airline's supplier, however often it came."""
    return _event(row, code, row.provider.capitalize(), (("Order", row.order_id), ("Offer", row.offer_id)))


def _event(row: GatewayEvent | SupplierEvent, code: str, sender: str, about: tuple[tuple[str, str], ...]) -> Entry:
    again = f"; came {row.deliveries} times, last {_time(row.last_at)}" if row.deliveries > 1 and row.last_at else ""
    fetched = "; we fetched it ourselves" if row.deliveries == 0 else ""
    return Entry(code, "webhook", row.received_at, row.raw_kind or row.kind, who=sender,
                 what=f"{row.get_fate_display()}{again}{fetched}", bad=row.fate in ("unmatched", "given_up"),
                 pairs=_said(("Event", row.event_id), *about))


def of_mail(row: Outbox, code: str) -> Entry:
    """A mail: sent, waiting or dropped, with its words as they went out."""
    waits = f"waits until {_time(row.due_at)}, tried {row.tries} times"
    what = "sent" if row.sent_at else f"not sent: {row.dropped}" if row.dropped else waits
    about = "to a colleague" if row.kind in telling.OF_STAFF else "to another address" if row.to else "to the contact"
    text = (("Read the mail", f"{row.subject}\n\n{row.text}"),) if row.text else ()
    return Entry(code, "mail", row.sent_at or row.created_at, row.subject or _plain(row.kind).capitalize(),
                 what=f"{what}, {about}" if row.sent_at else what, bad=bool(row.dropped), folded=text,
                 pairs=(("Mail", row.kind),))


def of_action(row: StaffAction, code: str) -> Entry:
    """What a person of ours did, why, and what stood before and after."""
    action = desk.ACTIONS.get(row.verb)
    who = row.operator.get_username()
    changes = tuple(differences(row.before, row.after, row.booking.currency if row.booking else ""))
    pairs = _said(("Told", row.said), ("Proposed by", row.second.get_username() if row.second else ""))
    return Entry(code, "note" if row.verb == "note" else "staff", row.at,
                 action.label if action else _plain(row.verb).capitalize(), what=row.reason, who=who, pairs=pairs,
                 changes=changes, folded=_said(("With", _json(row.params) if row.params else "")))


def of_diary(row: Diary, code: str) -> Entry:
    """A line of the diary, word for word."""
    moved = f"{row.before} → {row.after}" if row.before else row.after
    return Entry(code, "diary", row.at, row.event, what=" ".join(part for part in (row.subject, moved) if part),
                 who=row.actor, pairs=_said(("Because", row.cause), ("Request id", row.request_id)))


def _said(*pairs: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in pairs if pair[1])


def _plain(code: str) -> str:
    return code.replace("_", " ").replace(":", " ")


def _json(body: Any) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False) if body is not None else ""


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
