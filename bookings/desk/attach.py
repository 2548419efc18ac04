"""An order whose answer was lost: attach the one that staff found, or say that none was made.

By its id the worker fetches it and compares. Amadeus lists no orders, so staff look there by name and remark: by the
record locator alone (six letters and digits) an order cannot be fetched, and what staff type is believed.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote

from django import forms
from django.db import OperationalError
from django.db.models import Q

from bookings import cases
from bookings.desk.action import Action, By, Params, Plan, Situation
from bookings.desk.casework import closed, no_booking
from bookings.desk.money import RUNNING
from bookings.facts import Story, load
from bookings.flow import Route, Step, Wish
from bookings.models import Booking, Diary, ExternalCall
from bookings.steps.attach import LOCATOR_LIVES
from bookings.wake import wake
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from suppliers.models import SupplierOrder
from suppliers.types import BY_LOCATOR, LIVE, OrderState

MISSING = frozenset({OrderState.CREATING, OrderState.UNKNOWN, OrderState.NOT_CREATED})
# what an order is called: Duffel's id; at Amadeus an id (percent-encoded or not) or the record locator
NAMES = {"duffel": (re.compile(r"ord_[A-Za-z0-9]{8,40}"), "Duffel's order id begins with ord_"),
         "amadeus": (re.compile(r"(?i:[A-Z0-9]{6})|[A-Za-z0-9+/=%._-]{10,200}"),
                     "Amadeus' order id, or the record locator: six letters and digits")}
ELSEWHERE = (re.compile(r"[A-Za-z0-9_-]{5,40}"), "The airline's order id or record locator")
RECORD = re.compile(r"[A-Z0-9]{6}")
FARTHEST = timedelta(days=60)  # a ticketing deadline that is farther away is a typing mistake
_WHEN = "%Y-%m-%dT%H:%M"


def _orphan(situation: Situation) -> str:
    """The id of the order that the case is about, for a case of an order that no booking stands for; else ""."""
    case = situation.case
    return case.subject.partition(":")[2] if case is not None and case.kind == "orphaned_booking" else ""


def _nothing_missing(story: Story, situation: Situation) -> str:
    order = story.order
    if order is None or story.booking.wish == Wish.DRAFT:
        return "No order was ever asked for by this booking, so none can be its own."
    if order.state not in MISSING or order.external_id:
        return "This booking has its airline order."
    if order.attach_id:
        return f"The worker is fetching {order.attach_id} already."
    call = story.call(Step.CREATE_ORDER, f"order:{order.pk}")
    running = call is not None and call.state == ExternalCall.State.INTENDED and situation.now - call.asked_at < RUNNING
    return "The order is being asked for at this moment." if running else ""


def _cannot_attach(situation: Situation) -> str:
    why_not = closed(situation)
    if why_not:
        return why_not
    if situation.story is None:
        lost = situation.case is not None and situation.case.kind == "orphaned_booking"
        return "" if lost else no_booking(situation)
    return _nothing_missing(situation.story, situation)


class AttachForm(forms.Form):
    """Which order, and (for an order without a booking) whose."""

    supplier, asks_reference = "duffel", False

    order_id = forms.CharField(label="The airline's order", max_length=200, strip=True)
    ticket_by = forms.DateTimeField(
        label="Ticket by (UTC), for a record locator", required=False, input_formats=[_WHEN, "%Y-%m-%d %H:%M"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=_WHEN),
        help_text="The airline's ticketing deadline, as the reservation shows it. By an id the airline tells it.")
    reference = forms.CharField(label="Our reference", max_length=12, strip=True,
                                help_text="The booking that this order was made for, such as FLY2A-K7PM2X")

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.fields["order_id"].help_text = NAMES.get(self.supplier, ELSEWHERE)[1]
        if not self.asks_reference:
            del self.fields["reference"]
        if self.supplier != "amadeus":
            del self.fields["ticket_by"]

    def clean(self) -> dict[str, Any]:
        """The reference in capitals; the id in the supplier's own form."""
        found = dict(super().clean() or {})
        pattern, hint = NAMES.get(self.supplier, ELSEWHERE)
        if "order_id" in found and not pattern.fullmatch(found["order_id"]):
            self.add_error("order_id", f"{hint}, such as the one in the airline's or Duffel's own pages.")
        if "reference" in found:
            found["reference"] = found["reference"].upper()
        if "ticket_by" in self.fields:
            self._by_locator(found)
        return found

    def _by_locator(self, found: dict[str, Any]) -> None:
        """A record locator in capitals, with a deadline that can be; without one the airline tells it."""
        by, name = found.pop("ticket_by", None), str(found.get("order_id", "")).upper()
        found["ticket_by"] = ""
        if not RECORD.fullmatch(name):
            return
        found["order_id"], now = name, clock.now()
        if by is None and "ticket_by" not in self.errors:
            self.add_error("ticket_by", "By its record locator the order cannot be fetched: enter its ticketing "
                                        "deadline.")
        elif by is not None and not now < by.replace(tzinfo=UTC) <= now + FARTHEST:
            self.add_error("ticket_by", "Enter a time in the future, within 60 days.")
        elif by is not None:
            found["ticket_by"] = by.replace(tzinfo=UTC).isoformat()


def _attach_form(situation: Situation) -> type[forms.Form] | None:
    orphan, story, case = _orphan(situation), situation.story, situation.case
    supplier = story.booking.supplier if story else case.subject.partition(":")[0] if case else "duffel"
    return type("AttachFormNow", (AttachForm,), {
        "supplier": supplier, "asks_reference": story is None,
        "order_id": forms.CharField(label="The airline's order", max_length=200, strip=True, initial=orphan or None,
                                    widget=forms.TextInput(attrs={"autocomplete": "off"}))})


def _story_named(situation: Situation, params: Params) -> Story:
    """The booking's records; for an order without a booking those of the booking that staff name, locked."""
    if situation.story is not None:
        return situation.story
    reference = str(params.get("reference", ""))
    try:  # the case is locked already, so this one is not waited for: no two can wait for each other
        booking = Booking.objects.select_for_update(nowait=True, no_key=True).filter(reference=reference).first()
    except OperationalError as error:
        raise Problem("busy", "The worker is at work on this booking.", status=409, action="Press again") from error
    if booking is None:
        raise Problem("no_such_booking", "No booking has this reference.", status=422, action="Check the reference",
                      field_errors={"reference": "No booking has this reference."})
    story = load(booking)
    why_not = _nothing_missing(story, situation)
    if why_not:
        raise Problem("unavailable", why_not, status=409, action="Look at that booking",
                      field_errors={"reference": why_not})
    return story


def _attach(situation: Situation, params: Params, by: By) -> str:
    story, wanted = _story_named(situation, params), str(params["order_id"])
    booking, order = story.booking, story.orders[-1]
    if _orphan(situation) and situation.story is None and wanted != _orphan(situation):
        raise Problem("other_order", "This case is about another order.", status=422, action="Check the id",
                      field_errors={"order_id": f"This case is about {_orphan(situation)}."})
    _of_nobody_else(order, wanted)
    if _is_locator(order.supplier, wanted):
        return _by_locator(story, situation, params, by)
    SupplierOrder.objects.filter(pk=order.pk).update(attach_id=wanted)
    ExternalCall.objects.filter(booking=booking, kind=Step.ATTACH_ORDER.value, subject=f"order:{order.pk}").delete()
    if situation.story is None:
        Diary.objects.create(booking=booking, at=situation.now, actor=by.actor, event="staff.attach_order",
                             subject=f"order:{order.pk}", cause=by.reason.strip()[:200])
    wake(booking.pk, situation.now)
    return f"The worker fetches {wanted} and attaches it if it is this booking's own."


def _is_locator(supplier: str, wanted: str) -> bool:
    return supplier == "amadeus" and RECORD.fullmatch(wanted) is not None


def _of_nobody_else(order: SupplierOrder, wanted: str) -> None:
    """Problem when another booking has this order, however its id is written."""
    written = {wanted, unquote(wanted), quote(unquote(wanted), safe="")}
    same = Q(external_id__in=written)
    if _is_locator(order.supplier, wanted):  # airlines use a locator again, some time after its trip
        same |= Q(pnr=wanted, state__in=sorted(LIVE), asked_at__gt=order.asked_at - LOCATOR_LIVES)
    taken = (SupplierOrder.objects.filter(same, supplier=order.supplier).exclude(pk=order.pk)
             .select_related("booking").first())
    if taken is not None:
        raise Problem("order_taken", f"This order belongs to {taken.booking.reference} already.", status=409,
                      action="Check the id", field_errors={"order_id": f"It belongs to {taken.booking.reference}."})


def _by_locator(story: Story, situation: Situation, params: Params, by: By) -> str:
    """Reserved by its record locator: nobody can fetch it, so what staff found is what we know."""
    order, locator, now = story.orders[-1], str(params["order_id"]), situation.now
    if story.booking.closing or story.booking.wish != Wish.BOOK:
        raise Problem("booking_ended", "This booking has failed already, and a reservation known by its locator alone "
                      "cannot be cancelled by the worker. Have it cancelled by hand, then mark the case handled.",
                      status=409, action="Cancel it by hand")
    before = OrderState(order.state)
    order.move(OrderState.RESERVED)
    name = f"{BY_LOCATOR}{locator}"
    used = SupplierOrder.objects.filter(supplier=order.supplier, external_id=name).exists()  # by a trip that has ended
    order.external_id, order.pnr = (f"{name}~{order.pk}" if used else name), locator
    order.locators = [["GDS", locator]]
    order.pay_by, order.looked_at = datetime.fromisoformat(str(params["ticket_by"])), now
    order.lapses_at = max(order.lapses_at or order.pay_by, order.pay_by + timedelta(days=1))  # not gone before that
    order.save(update_fields=["state", "external_id", "pnr", "locators", "pay_by", "looked_at", "lapses_at"])
    story.booking.calls.filter(kind=Step.CREATE_ORDER.value, subject=f"order:{order.pk}").update(
        outcome="ok", code="", retry_at=None, first_failed_at=None)
    Diary.objects.create(booking=story.booking, at=now, actor=by.actor, event="order.moved",
                         subject=f"order:{order.pk}", before=before.value, after=OrderState.RESERVED.value,
                         cause=f"record locator {locator}")
    cases.heal(kind="unknown_outcome", subject=f"booking:{story.booking.pk}", now=now, because="staff found the order")
    wake(story.booking.pk, now)
    return f"{locator} is attached. It waits for its tickets; nobody can fetch it, so look after it by hand."


def _attach_plan(situation: Situation, params: Params) -> Plan:
    if situation.story is not None and _is_locator(situation.story.booking.supplier, str(params.get("order_id", ""))):
        return Plan(
            will=("The reservation is attached by its record locator, and waits for its tickets until the deadline.",
                  "Nobody compares it, because it cannot be fetched: be sure that names, flights and price are those "
                  "of this booking.",
                  "The customer is told that the seats are reserved. If it is to be cancelled one day, that is done by "
                  "hand, and recorded here."))
    gone = situation.story is not None and situation.story.order is not None and (
        situation.story.order.state == OrderState.NOT_CREATED)
    return Plan(
        will=("The worker fetches exactly this order from the airline. It never asks for a new one.",
              "It is attached only if it carries our reference (or was made from our offer), costs the same in the "
              "same currency, is for the same travellers where the airline names them, and belongs to no other "
              "booking.",
              "If anything differs, nothing is changed, and the case says what differed.",
              "This booking failed already: the worker then cancels the order, or tells you if that costs money."
              if gone else "The booking then goes on by itself: the ticket is paid for and the customer is told."),
        calls=("Airline: get this one order",))


ATTACH_ORDER = Action("attach_order", "Attach an airline order", "order", "bookings.do_attach", plan=_attach_plan,
                      perform=_attach, unavailable=_cannot_attach, form=_attach_form, danger=True)


# --- nothing was made -------------------------------------------------------------------------------------------


class NotMadeForm(forms.Form):
    """Where one has looked."""

    by_name = forms.BooleanField(label="I looked by the travellers' names, and found no reservation of this trip",
                                 error_messages={"required": "Look by name first."})
    by_remark = forms.BooleanField(label="I looked by the remark, and found nothing",
                                   error_messages={"required": "Look by the remark first."})


def _cannot_say(situation: Situation) -> str:
    why_not = closed(situation) or no_booking(situation)
    story = situation.story
    if why_not or story is None:
        return why_not
    order = story.order
    if story.booking.route != Route.MANUAL:
        return "The airline itself says what became of this order: the worker looks for it."
    if order is None or order.state not in (OrderState.CREATING, OrderState.UNKNOWN):
        return "What became of the order is known."
    if order.failed_notice_at:
        return "Somebody has said so already: the worker ends the booking."
    return _nothing_missing(story, situation)


def _not_made(situation: Situation, _: Params, by: By) -> str:
    story = situation.story
    if story is None:
        raise Problem("unavailable", no_booking(situation), status=409)
    order = story.orders[-1]
    SupplierOrder.objects.filter(pk=order.pk).update(failed_notice_at=situation.now)
    Diary.objects.create(booking=story.booking, at=situation.now, actor=by.actor, event="order.not_found",
                         subject=f"order:{order.pk}", cause="staff looked by name and by remark")
    wake(story.booking.pk, situation.now)
    return "The worker ends the booking: no reservation was made."


NOT_MADE = Action(
    "not_made", "It was not made", "order", "bookings.do_attach",
    plan=lambda _, __: Plan(
        will=("The booking ends as not booked, and the customer is told so. Nothing was charged.",
              "The airline is not asked again: no order is ever sent twice.",
              "If a reservation does appear, nobody tickets it, and it cancels itself at the end of its agreement.")),
    perform=_not_made, unavailable=_cannot_say, form=lambda _: NotMadeForm, danger=True)

ACTIONS = (ATTACH_ORDER, NOT_MADE)
