"""The rows behind a figure: exactly those it was counted from, newest first, page by page through an index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.db.models.functions import Coalesce
from django.urls import reverse

from bookings.console.dashboard.words import lasting, money
from bookings.figures.sources import IN_TIME
from bookings.models import Booking, CallRecord, Case, ExternalCall
from payments.models import GatewayEvent, Payment, Refund
from suppliers.models import SupplierEvent

PER_PAGE = 50
LONGEST = timedelta(days=31)  # a list of more than a month is for nobody to read
Cell = str | tuple[str, str]  # a text, or a text and where it leads


@dataclass(frozen=True)
class Rows:
    """One list: which rows, by which time, and what is shown of each."""

    name: str
    title: str
    model: type[Model]
    time: str  # the column by which a row belongs to a time
    where: Callable[[QuerySet[Any]], QuerySet[Any]]
    heads: tuple[str, ...]
    cells: Callable[[Any], list[Cell]]
    joined: tuple[str, ...] = ()

    @property
    def permission(self) -> str:
        """What one must be allowed to see; requests are seen by whoever sees the calls they belong to."""
        model = ExternalCall if self.model is CallRecord else self.model
        return f"{model._meta.app_label}.view_{model._meta.model_name}"

    def between(self, start: datetime, end: datetime) -> QuerySet[Any]:
        """The rows of a stretch of time, newest first."""
        found = self.model._default_manager.filter(**{f"{self.time}__gte": start, f"{self.time}__lt": end})
        return self.where(found).select_related(*self.joined).order_by(f"-{self.time}", "-pk")


def page(rows: Rows, start: datetime, end: datetime, after: tuple[datetime, int] | None) -> tuple[list[Any], bool]:
    """One page of the list and whether there are more; `after`: the last row of the page before."""
    wanted = rows.between(start, end)
    if after is not None:
        wanted = wanted.filter(Q(**{f"{rows.time}__lt": after[0]}) | Q(**{rows.time: after[0], "pk__lt": after[1]}),
                               **{f"{rows.time}__lte": after[0]})
    found = list(wanted[:PER_PAGE + 1])
    return found[:PER_PAGE], len(found) > PER_PAGE


def _tried(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(Q(authorised_at__isnull=False) | Q(declines__gt=0))


def _late(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Not heard in time: as bookings.figures.sources counts them."""
    made = Coalesce("made_at", "received_at")
    limit = made + timedelta(seconds=IN_TIME)
    heard = Q(fate="heard", at__gt=limit) | Q(fate="known", received_at__gt=limit)
    return rows.exclude(fate="ignored").annotate(at=Coalesce("tried_at", "received_at")).filter(
        heard | Q(fate__in=["unmatched", "given_up"]))


def _completed(rows: QuerySet[Any]) -> QuerySet[Any]:
    manual = Q(route="manual", orders__external_id__gt="")
    return rows.filter(manual | Q(payments__captured_at__isnull=False)).distinct()


def _link(app: str, obj: Model, text: str) -> Cell:
    return text, reverse(f"admin:{app}_{obj._meta.model_name}_change", args=[obj.pk])


def _booking(booking: Booking | None) -> Cell:
    return _link("bookings", booking, booking.reference) if booking is not None else "–"


def _stamp(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else "–"


def _payment(row: Payment) -> list[Cell]:
    took = (row.authorised_at - row.asked_at).total_seconds() * 1000 if row.authorised_at else None
    return [_stamp(row.asked_at), _booking(row.booking), _link("payments", row, row.external_id or "not opened"),
            money(row.amount_minor, row.currency), row.state, f"{row.declines} {row.decline_kind}".strip(),
            "yes" if row.secured else "no", lasting(took) if took is not None else "–"]


def _captured(row: Payment) -> list[Cell]:
    return [_stamp(row.captured_at), _booking(row.booking), _link("payments", row, row.external_id),
            money(row.captured_minor, row.currency), money(row.refunded_minor, row.currency)]


def _refund(row: Refund) -> list[Cell]:
    return [_stamp(row.sent_at or row.requested_at), _booking(row.payment.booking),
            _link("payments", row, row.external_id or f"refund {row.pk}"), money(row.amount_minor, row.currency),
            row.cause.replace("_", " "), row.state]


def _of_booking(row: Booking) -> list[Cell]:
    return [_stamp(row.created_at), _booking(row), row.status, money(row.accepted_minor, row.currency), row.supplier]


def _asked(row: ExternalCall) -> list[Cell]:
    return [_stamp(row.asked_at), _booking(row.booking), _link("bookings", row, row.kind.replace("_", " ")),
            row.booking.supplier, row.outcome, row.code, f"{row.attempts}",
            lasting(row.milliseconds) if row.milliseconds is not None else "–"]


def _call(row: CallRecord) -> list[Cell]:
    return [_stamp(row.at), _booking(row.booking), row.step.replace("_", " "), row.vendor, f"{row.method} {row.path}",
            f"{row.status}" if row.status else "no answer", row.outcome, lasting(row.milliseconds)]


def _event(app: str) -> Callable[[Any], list[Cell]]:
    def cells(row: Any) -> list[Cell]:
        heard = {"heard": row.tried_at or row.received_at, "known": row.received_at}.get(row.fate)
        return [_stamp(row.received_at), _link(app, row, row.event_id), row.raw_kind, row.get_fate_display(),
                _booking(row.booking), _stamp(row.made_at), _stamp(heard)]
    return cells


def _case(row: Case) -> list[Cell]:
    took = lasting((row.closed_at - row.opened_at).total_seconds() * 1000) if row.closed_at else "open"
    return [_stamp(row.closed_at or row.opened_at), _link("bookings", row, row.kind.replace("_", " ")),
            _booking(row.booking), row.verdict, took, row.closed_because]


_PAYMENT = ("Asked (UTC)", "Booking", "Payment", "Amount", "State", "Declined", "3-D Secure", "Authorised after")
_EVENT = ("Came (UTC)", "Message", "About", "What became of it", "Booking", "Made", "Heard")
_CASE = ("Closed (UTC)", "Case", "Booking", "Verdict", "Took", "Reason")
_ASKED = ("Asked (UTC)", "Booking", "Step", "Supplier", "Outcome", "Cause", "Tries", "Took")
_CALL = ("Asked (UTC)", "Booking", "Step", "Whom", "Request", "Status", "Outcome", "Took")
_OF_BOOKING = ("Begun (UTC)", "Booking", "Status", "Agreed", "Supplier")


def _payments(name: str, title: str, where: Callable[[QuerySet[Any]], QuerySet[Any]]) -> Rows:
    return Rows(name, title, Payment, "asked_at", lambda rows: where(_tried(rows)), _PAYMENT, _payment, ("booking",))


def _cases(name: str, title: str, **where: Any) -> Rows:
    return Rows(name, title, Case, "closed_at", lambda rows: rows.filter(**where), _CASE, _case, ("booking",))


def _lost(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(fate="given_up")


LISTS = {one.name: one for one in (
    _payments("payments-tried", "Payments that were tried", lambda rows: rows),
    _payments("payments-failed", "Payments that no bank authorised", lambda rows: rows.filter(authorised_at=None)),
    _payments("payments-declined", "Payments with a declined attempt", lambda rows: rows.filter(declines__gt=0)),
    _payments("payments-secured", "Payments with 3-D Secure", lambda rows: rows.filter(secured=True)),
    _payments("payments-timed", "Payments that were timed", lambda rows: rows.filter(
        authorised_at__isnull=False, declines=0, secured=False)),
    Rows("captured", "Captured payments", Payment, "captured_at", lambda rows: rows,
         ("Captured (UTC)", "Booking", "Payment", "Captured", "Given back since"), _captured, ("booking",)),
    Rows("refunded", "Refunds sent", Refund, "sent_at", lambda rows: rows.filter(state__in=["sent", "succeeded"]),
         ("Sent (UTC)", "Booking", "Refund", "Amount", "Cause", "State"), _refund, ("payment__booking",)),
    Rows("started", "Bookings begun", Booking, "created_at", lambda rows: rows, _OF_BOOKING, _of_booking),
    Rows("completed", "Bookings completed", Booking, "created_at", _completed, _OF_BOOKING, _of_booking),
    _cases("cases-solved", "Cases that a person closed", closed_by__isnull=False),
    _cases("cases-healed", "Cases that closed themselves", closed_by=None),
    Rows("orders-failed", "Orders that were not made", ExternalCall, "asked_at", lambda rows: rows.filter(
        kind="create_order").exclude(outcome__in=["", "ok"]), _ASKED, _asked, ("booking",)),
    Rows("calls", "Requests of bookings", CallRecord, "at", lambda rows: rows, _CALL, _call, ("booking",)),
    Rows("calls-failed", "Requests that failed", CallRecord, "at", lambda rows: rows.filter(
        Q(status=None) | Q(status__gte=500) | Q(status=429)), _CALL, _call, ("booking",)),
    Rows("stripe-late", "Late messages of Stripe", GatewayEvent, "received_at", _late, _EVENT, _event("payments"),
         ("booking",)),
    Rows("duffel-late", "Late messages of suppliers", SupplierEvent, "received_at", _late, _EVENT, _event("suppliers"),
         ("booking",)),
    Rows("stripe-lost", "Messages of Stripe that nobody recognised", GatewayEvent, "received_at", _lost, _EVENT,
         _event("payments"), ("booking",)),
    Rows("duffel-lost", "Messages of suppliers that nobody recognised", SupplierEvent, "received_at", _lost, _EVENT,
         _event("suppliers"), ("booking",)),
)}

# how things stand now has no time: its rows are the console's own lists
NOW = {
    "cases-open": ("Open cases", "admin:bookings_case_changelist", "", "bookings.view_case"),
    "refunds-due": ("Refunds not sent yet", "admin:payments_refund_changelist", "?state__exact=requested",
                    "payments.view_refund"),
    "due": ("Bookings that are due", "admin:bookings_booking_changelist", "?due_at__lte={now}&parked_at__isnull=True",
            "bookings.view_booking"),
}
