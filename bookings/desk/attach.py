"""Attach an airline order that staff found to the booking that misses it. The worker fetches it and compares."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.db import OperationalError

from bookings.desk.action import Action, By, Params, Plan, Situation
from bookings.desk.casework import closed, no_booking
from bookings.desk.money import RUNNING
from bookings.facts import Story, load
from bookings.flow import Step, Wish
from bookings.models import Booking, Diary, ExternalCall
from bookings.wake import wake
from fly2any.kernel.errors import Problem
from suppliers.models import SupplierOrder
from suppliers.types import OrderState

MISSING = frozenset({OrderState.CREATING, OrderState.UNKNOWN, OrderState.NOT_CREATED})
# what an order is called: Duffel's id; elsewhere an id or the record locator
NAMES = {"duffel": (re.compile(r"ord_[A-Za-z0-9]{8,40}"), "Duffel's order id begins with ord_")}
ELSEWHERE = (re.compile(r"[A-Za-z0-9_-]{5,40}"), "The airline's order id or record locator")


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

    order_id = forms.CharField(label="The airline's order", max_length=60, strip=True)
    reference = forms.CharField(label="Our reference", max_length=12, strip=True,
                                help_text="The booking that this order was made for, such as FLY2A-K7PM2X")

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.fields["order_id"].help_text = NAMES.get(self.supplier, ELSEWHERE)[1]
        if not self.asks_reference:
            del self.fields["reference"]

    def clean(self) -> dict[str, Any]:
        """The reference in capitals; the id in the supplier's own form."""
        found = dict(super().clean() or {})
        pattern, hint = NAMES.get(self.supplier, ELSEWHERE)
        if "order_id" in found and not pattern.fullmatch(found["order_id"]):
            self.add_error("order_id", f"{hint}, such as the one in the airline's or Duffel's own pages.")
        if "reference" in found:
            found["reference"] = found["reference"].upper()
        return found


def _attach_form(situation: Situation) -> type[forms.Form] | None:
    orphan, story, case = _orphan(situation), situation.story, situation.case
    supplier = story.booking.supplier if story else case.subject.partition(":")[0] if case else "duffel"
    return type("AttachFormNow", (AttachForm,), {
        "supplier": supplier, "asks_reference": story is None,
        "order_id": forms.CharField(label="The airline's order", max_length=60, strip=True, initial=orphan or None,
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
    taken = SupplierOrder.objects.filter(supplier=order.supplier, external_id=wanted).select_related("booking").first()
    if taken is not None:
        raise Problem("order_taken", f"This order belongs to {taken.booking.reference} already.", status=409,
                      action="Check the id", field_errors={"order_id": f"It belongs to {taken.booking.reference}."})
    SupplierOrder.objects.filter(pk=order.pk).update(attach_id=wanted)
    ExternalCall.objects.filter(booking=booking, kind=Step.ATTACH_ORDER.value, subject=f"order:{order.pk}").delete()
    if situation.story is None:
        Diary.objects.create(booking=booking, at=situation.now, actor=by.actor, event="staff.attach_order",
                             subject=f"order:{order.pk}", cause=by.reason.strip()[:200])
    wake(booking.pk, situation.now)
    return f"The worker fetches {wanted} and attaches it if it is this booking's own."


def _attach_plan(situation: Situation, params: Params) -> Plan:
    gone = situation.story is not None and situation.story.order is not None and (
        situation.story.order.state == OrderState.NOT_CREATED)
    return Plan(
        will=("The worker fetches exactly this order from the airline. It never asks for a new one.",
              "It is attached only if it carries our reference (or was made from our offer), costs the same in the "
              "same currency, and belongs to no other booking.",
              "If anything differs, nothing is changed, and the case says what differed.",
              "This booking failed already: the worker then cancels the order, or tells you if that costs money."
              if gone else "The booking then goes on by itself: the ticket is paid for and the customer is told."),
        calls=("Airline: get this one order",))


ATTACH_ORDER = Action("attach_order", "Attach an airline order", "order", "bookings.do_attach", plan=_attach_plan,
                      perform=_attach, unavailable=_cannot_attach, form=_attach_form, danger=True)
