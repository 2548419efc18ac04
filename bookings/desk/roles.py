"""Who may do what in the console: the table of roles. A migration makes it true; a test compares the two."""

from __future__ import annotations

VIEWER, OPERATOR, FINANCE, MANAGER, ENGINEER = "viewer", "operator", "finance", "manager", "engineer"

# Every table of ours that the console shows. Nothing that holds a secret is in it: the sealed documents, the keys of
# second factors, links, sessions. What a list hides column by column is said by its `hidden`.
SHOWN = (
    "bookings.booking", "bookings.bundleexample", "bookings.bundlemodel", "bookings.case", "bookings.diary",
    "bookings.externalcall", "bookings.heartbeat", "bookings.outbox", "bookings.proposal", "bookings.staffaction",
    "payments.dispute", "payments.gatewayevent", "payments.payment", "payments.refund",
    "suppliers.supplierevent", "suppliers.supplierorder",
)
_LOOK = frozenset(f"{label.split('.')[0]}.view_{label.split('.')[1]}" for label in SHOWN)


def _may(*verbs: str) -> frozenset[str]:
    return frozenset(f"bookings.do_{verb}" for verb in verbs)


_OPERATOR = _may("look_again", "resume", "replay", "resend", "note", "handle", "contact", "pay_link", "tickets",
                 "attach", "cancel", "export", "record_cancellation")
_FINANCE = _may("look_again", "note", "handle", "capture", "void", "refund", "second", "export", "resend",
                "record_payment", "record_refund", "record_cancellation")
ROLES: dict[str, frozenset[str]] = {
    VIEWER: _LOOK,
    OPERATOR: _LOOK | _OPERATOR,
    FINANCE: _LOOK | _FINANCE,
    MANAGER: _LOOK | _OPERATOR | _FINANCE | _may("pause", "reveal", "people"),
    ENGINEER: _LOOK | _may("look_again", "resume", "replay", "note", "pause"),  # no money, no documents
}
EACH: dict[str, str] = {
    VIEWER: "sees everything that the console shows, changes nothing",
    OPERATOR: "works the queue: looks, writes to customers, enters tickets, cancels; moves no money by itself",
    FINANCE: "takes, releases and gives back money, writes down what was paid elsewhere, agrees to proposals",
    MANAGER: "everything of operator and finance, pauses sales, sees documents, helps colleagues sign in",
    ENGINEER: "sees all records, lets stuck work go on, pauses sales; no money, no documents",
}
