"""After a restore: make the books safe to act on, take back what the vendors still know, and say what is lost.

`prepare` changes our tables alone, in one commit, before any driver may start:

- ids go on far above every id that was ever given away. Keys of calls and the metadata outside carry ids of ours
  (`pi:17`): an id given twice would replay another customer's answer, or find another customer's payment.
- everything that was on its way is looked at before it is done: it may be done already.
- what was on sale is not for sale any more: its offers may have been booked.
- sessions end: one that was ended since would live again.

`take_back` then reads the vendors' lists of the lost time. What belongs to a booking that we know gets its row, and the
driver believes what the vendor says; all else is a case at once. Nothing is asked to be done. Both may be run again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.db.models import F, Max, Q

from bookings import copies, reconcile
from bookings.flow import Route, Step, Wish
from bookings.locks import booking_for_update
from bookings.models import Booking, Case, Diary, ExternalCall, Heartbeat, Home, ReconcileRun
from bookings.reconcile import lost
from bookings.wake import wake
from fly2any.kernel import faultpoints
from fly2any.kernel.pages import Page
from payments import registry as gateways
from payments.models import ACTIVE, Payment, Refund
from payments.types import DESK, Intent, PaymentState, RefundState
from suppliers import pause
from suppliers import registry as airlines
from suppliers.models import IN_FLIGHT, Offer, SupplierOrder
from suppliers.types import LIVE, OrderInfo, OrderState

ACTOR = "restore"
MARGIN = timedelta(minutes=10)  # clocks of vendors, and answers that were on their way
LEAP = {"bigint": 1_000_000_000, "integer": 10_000_000, "smallint": 0}  # more ids than any lost time gave away
UNDER_WAY = (OrderState.CREATING, OrderState.UNKNOWN, OrderState.HELD, OrderState.PAYING, OrderState.RESERVED,
             OrderState.CANCELLING)
T = TypeVar("T")


def last_written() -> datetime | None:
    """When these books were last written, as far as they tell: the sweeper's beat or the newest line (UTC)."""
    beat = Heartbeat.objects.filter(name="sweeper").values_list("beat_at", flat=True).first()
    line = Diary.objects.exclude(actor=ACTOR).aggregate(last=Max("at"))["last"]  # ours is of a run that was cut off
    return max((moment for moment in (beat, line) if moment), default=None)


def prepare(now: datetime, reason: str) -> Counter[str]:
    """Our tables made safe, in one commit; returns how many rows of what were touched. `now`: database time (UTC)."""
    done: Counter[str] = Counter()
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")  # offers are many, and nobody waits
        pause.pause(supplier=pause.ALL, cause=pause.RESTORED, reason=reason, now=now)
        done["ids"] = _leap()
        done["sessions"] = Session.objects.all().delete()[0]
        done["offers"] = Offer.objects.filter(expires_at__gt=now).update(expires_at=now)
        Booking.objects.filter(wish=Wish.DRAFT, offer_expires_at__gt=now).update(offer_expires_at=now)
        done["refunds"] = _refunds(now)
        done["reservations"] = _reservations(now)
        done["orders"] = SupplierOrder.objects.filter(state__in=UNDER_WAY).update(news_at=now)
        busy = Q(booking__due_at__isnull=False) | Q(state__in=sorted(set(ACTIVE) - {PaymentState.CAPTURED}))
        done["payments"] = Payment.objects.filter(busy).exclude(provider=DESK).update(news_at=now)
        under_way = Q(orders__state__in=UNDER_WAY) | Q(payments__news_at=now) | Q(due_at__isnull=False)
        ids = Booking.objects.filter(under_way).values("pk")
        done["bookings"] = Booking.objects.filter(pk__in=ids).update(wakes=F("wakes") + 1, due_at=now)
        faultpoints.committing("restore")
    return done


def _leap() -> int:
    """Move every sequence of ours far ahead. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT format('%I.%I', schemaname, sequencename), data_type::text, coalesce(last_value, 0)"
                       " FROM pg_sequences WHERE schemaname = current_schema()")
        found = cursor.fetchall()
        for name, kind, last in found:
            cursor.execute("SELECT setval(%s::regclass, %s)", [name, last + LEAP[kind] or 1])
    return len(found)


def _refunds(now: datetime) -> int:
    """Refunds that were to go out are taken for sent: the gateway's list says whether they are."""
    owed = list(Refund.objects.filter(state=RefundState.REQUESTED).exclude(payment__provider=DESK).select_related(
        "payment"))
    Booking.objects.filter(payments__refunds__in=owed).update(wakes=F("wakes") + 1, due_at=now)
    Diary.objects.bulk_create([_line(one.payment.booking_id, "refund.moved", f"refund:{one.pk}", now, RefundState.SENT)
                               for one in owed])
    return Refund.objects.filter(pk__in=[one.pk for one in owed]).update(state=RefundState.SENT, sent_at=now)


def _reservations(now: datetime) -> int:
    """Reservations that may have been made since: nobody lists them, so they are in doubt and staff look for them."""
    wanted = Booking.objects.filter(route=Route.MANUAL, wish__in=[Wish.BOOK, Wish.HOLD], closing="", orders=None)
    rows = [SupplierOrder(booking=one, supplier=one.supplier, offer_external_id=one.offer_external_id, hold=True,
                          state=OrderState.UNKNOWN, total_minor=one.accepted_minor - one.fee_minor,
                          currency=one.currency, asked_at=now, lapses_at=now + timedelta(days=4)) for one in wanted]
    made = SupplierOrder.objects.bulk_create(rows)
    Diary.objects.bulk_create([_line(row.booking_id, event, f"order:{row.pk}", now, OrderState.UNKNOWN)
                               for row in made for event in ("order.asked", "order.moved")])
    return len(made)


def _line(booking_id: int, event: str, subject: str, now: datetime, after: str) -> Diary:
    return Diary(booking_id=booking_id, at=now, actor=ACTOR, event=event, subject=subject, after=after,
                 cause="after a restore: it may have been done")


# --- what the vendors know --------------------------------------------------------------------------------------


def take_back(since: datetime, now: datetime) -> Counter[str]:
    """Read the lists of the lost time: rows for what is ours, cases for the rest. Raises Outside; run it again then.

    `since`: when the books were last written (UTC). Suppliers that list no orders are not asked.
    """
    done: Counter[str] = Counter()
    for name in airlines.names():
        if airlines.get(name).lists_orders:
            supplier = airlines.get(name)
            for orders in _pages(supplier.list_orders, since - MARGIN):
                done += lost.orders(name, orders, now, _take_order)
    gateway = gateways.gateway()
    for intents in _pages(gateway.list_intents, since - MARGIN):
        done += lost.intents(intents, now, _take_payment)
    for refunds in _pages(gateway.list_refunds, since - MARGIN):
        done += lost.refunds(refunds, now)
    return done


def _pages(page_of: Callable[[datetime, str], Page[T]], since: datetime) -> Iterator[tuple[T, ...]]:
    mark = ""
    while True:
        page = page_of(since, mark)
        faultpoints.passing("call.restore_page.answered")
        yield page.items
        if not page.after or page.after == mark:
            return
        mark = page.after


def _take_order(booking_id: int, info: OrderInfo, now: datetime) -> bool:
    """A row for a lost order of a booking that wanted one and has none. False: it is not that booking's."""
    with transaction.atomic(durable=True):
        booking, _ = booking_for_update(booking_id)
        there = SupplierOrder.objects.filter(booking=booking, state__in=sorted({*LIVE, *IN_FLIGHT})).exists()
        if booking.wish == Wish.DRAFT or there or info.state not in LIVE or info.total.currency != booking.currency:
            return False
        row = SupplierOrder.objects.create(
            booking=booking, supplier=booking.supplier, external_id=info.external_id, offer_external_id=info.offer_id,
            hold=info.state is OrderState.HELD, state=OrderState.CREATING, total_minor=info.total.minor,
            currency=info.total.currency, asked_at=info.created_at or now, news_at=now)
        _taken(booking, Step.CREATE_ORDER, f"order:{row.pk}", info.external_id, now)
        Diary.objects.create(booking=booking, at=now, actor=ACTOR, event="order.asked", subject=f"order:{row.pk}")
        faultpoints.committing("row_taken_back")
    return True


def _take_payment(booking_id: int, intent: Intent, now: datetime) -> bool:
    """A row for a lost payment of a booking that wanted to be paid and has none under way."""
    with transaction.atomic(durable=True):
        booking, _ = booking_for_update(booking_id)
        there = Payment.objects.filter(booking=booking, state__in=sorted(ACTIVE)).exists()
        agreed = (intent.amount.currency == booking.currency
                  and booking.accepted_minor >= intent.amount.minor)  # I6
        if booking.wish == Wish.DRAFT or there or not agreed or intent.state is PaymentState.VOIDED:
            return False
        paid_for = SupplierOrder.objects.filter(booking=booking, state__in=UNDER_WAY + (OrderState.TICKETED,)).exclude(
            external_id="").order_by("-pk").first()
        row = Payment.objects.create(
            booking=booking, order=paid_for, provider=gateways.gateway().name, external_id=intent.external_id,
            state=PaymentState.OPEN, amount_minor=intent.amount.minor, currency=intent.amount.currency,
            asked_at=intent.created_at or now, news_at=now)
        _taken(booking, Step.OPEN_PAYMENT, f"payment:{row.pk}", intent.external_id, now)
        for event, after in (("payment.asked", str(row.amount_minor)), ("payment.moved", row.state)):
            Diary.objects.create(booking=booking, at=now, actor=ACTOR, event=event, subject=f"payment:{row.pk}",
                                 after=after)
        faultpoints.committing("row_taken_back")
    return True


def _taken(booking: Booking, step: Step, subject: str, external_id: str, now: datetime) -> None:
    """The deed that the lost books had inked and seen answered, and that its row was found at the vendor."""
    ExternalCall.objects.create(booking=booking, kind=step, subject=subject, key="lost", external_id=external_id,
                                state=ExternalCall.State.MERGED, outcome="ok", asked_at=now, answered_at=now)
    Diary.objects.create(booking=booking, at=now, actor=ACTOR, event="row.taken_back", subject=subject,
                         cause="found at the vendor after a restore")
    wake(booking.pk, now)


# --- opening again ----------------------------------------------------------------------------------------------


def unready(now: datetime) -> list[str]:
    """Why sales may not begin again yet, one sentence each; empty when they may. `now`: database time (UTC)."""
    copies.check()
    home = Home.objects.get(pk=1)
    if home.lost_from is None or home.lost_until is None:
        return []
    whole = ReconcileRun.objects.filter(started_at__gte=home.lost_until, since__lte=home.lost_from).exclude(
        finished_at=None)
    compared = set(whole.values_list("part", flat=True))
    found = [f"the list {name} was not compared to its end since the restore: manage.py reconcile --full"
             for name in reconcile.part_names() if name not in compared]
    due = Booking.objects.filter(due_at__lte=now - timedelta(minutes=1), parked_at=None).count()
    if due:
        found.append(f"{due} bookings are due: start the sweeper, or wait for it")
    cases: dict[str, Any] = {"closed_at": None, "taken_by": None, "severity": Case.Severity.CRITICAL,
                             "opened_at__gte": home.lost_until - timedelta(minutes=1)}
    untaken = Case.objects.filter(**cases).count()
    if untaken:
        found.append(f"{untaken} critical cases since the restore are nobody's: take each of them in the console")
    return found
