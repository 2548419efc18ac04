"""What the page of a case and the page of a booking share: columns, ledger, timeline, links, people, flights."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from bookings.admin import elsewhere
from bookings.admin.buttons import Button, Buttons
from bookings.admin.columns import side_by_side
from bookings.admin.ledger import ledger_of
from bookings.admin.story import passenger_row
from bookings.admin.timeline import timeline_of
from bookings.admin.words import in_words
from bookings.desk.tickets import as_sent
from bookings.facts import Story
from bookings.flow import Route
from bookings.models import Booking, Case, StaffAction
from fly2any.kernel.readonly import amount
from payments.models import Dispute
from payments.types import DESK
from suppliers.models import SupplierOrder
from suppliers.types import OrderState

LOOKING = timedelta(seconds=20)  # how long the page waits for fresh answers by itself
SAID = timedelta(minutes=10)  # how long it says which of them is missing
NOTES = 3  # newest notes beside the records; the timeline has them all


def of_booking(request: HttpRequest, booking: Booking, story: Story, now: datetime) -> dict[str, Any]:
    """Everything that both pages show of a booking. A constant number of queries; nothing personal but who travels,
    with documents masked. Times UTC."""
    people = list(booking.passengers.order_by("position"))
    disputes = list(Dispute.objects.filter(payment__in=[p.pk for p in story.payments]).order_by("pk")
                    ) if story.payments else []
    waiting, missing = looking(request.GET.get("since", ""), story, now)
    return {
        "lines": side_by_side(story, people), "ledger": ledger_of(story, disputes),
        "links": elsewhere.links_of(story, disputes), "looking": waiting, "missing": missing,
        "timeline": timeline_of(request.GET, booking=booking), "people": [passenger_row(one) for one in people],
        "flights": list(booking.segments.order_by("position")), "quote": quote_of(story.order, now),
        "notes": notes(booking=booking), "earlier": [*story.orders[:-1], *story.payments[:-1]],
        "as_customer": reverse("admin:bookings_booking_as_customer", args=[booking.pk])
        if booking.wish != "draft" else "",
    }


def arranged(buttons: Buttons) -> dict[str, Any]:
    """The buttons in three places: the recommended one on top, looking again beside the records, the rest below."""
    look = next((one for group in buttons.groups for one in group.ready if one.action.name == "look_again"), None)
    groups = tuple(replace(group, ready=tuple(one for one in group.ready if one is not look))
                   for group in buttons.groups)
    return {"advised": replace(buttons, groups=()), "look": look,
            "buttons": replace(buttons, recommended=None, proposals=(),
                               groups=tuple(one for one in groups if one.ready or one.shut))}


def looking(since: str, story: Story, now: datetime) -> tuple[bool, str]:
    """Whether fresh answers are awaited after *look again* (`since`: its second), and whose is missing after that."""
    if not (since.isascii() and since.isdecimal() and len(since) < 12):
        return False, ""
    pressed = int(since)
    passed = now.timestamp() - pressed
    if not 0 <= passed + 1 <= SAID.total_seconds():
        return False, ""
    order, payment = story.order, story.payment
    asked: list[tuple[str, datetime | None]] = []
    if order is not None and _is_asked(story, order):
        asked.append(("the airline", order.looked_at))
    if payment is not None and payment.external_id and payment.provider != DESK:
        asked.append(("Stripe", payment.looked_at))
    late = [name for name, at in asked if at is None or at.timestamp() < pressed]
    waits = bool(late) and passed <= LOOKING.total_seconds()
    return waits, " and ".join(late) if late and not waits else ""


def _is_asked(story: Story, order: SupplierOrder) -> bool:
    """Whether the airline can be asked for it: at Amadeus only by its id, which staff may not know."""
    doubt = order.state in (OrderState.CREATING, OrderState.UNKNOWN) and story.booking.route != Route.MANUAL
    return doubt or bool(order.external_id) and not order.by_locator


def look_for(booking: Booking, order: SupplierOrder | None, buttons: Buttons) -> dict[str, Any] | None:
    """By what staff find a reservation whose answer was lost: names as sent, and our remark. None when none is lost."""
    lost = order is not None and booking.route == Route.MANUAL and (
        order.state in (OrderState.CREATING, OrderState.UNKNOWN) or order.refusal == "booking_failed_check")
    if order is None or not lost:
        return None
    names = [as_sent(one) for one in booking.passengers.order_by("position")]
    return {"names": [name for name in names if name], "buttons": answers(buttons),
            "remark": f"FLY2ANY {booking.reference}", "asked_at": order.asked_at, "lapses_at": order.lapses_at}


def answers(buttons: Buttons) -> list[Button]:
    """The two answers to a reservation that was lost: it was found, or nothing was made."""
    every = [*([buttons.recommended] if buttons.recommended else []),
             *(one for group in buttons.groups for one in (*group.ready, *group.shut))]
    return [one for name in ("attach_order", "not_made") for one in every if one.action.name == name]


def quote_of(order: SupplierOrder | None, now: datetime) -> str:
    """The airline's newest offer for a cancellation, in one sentence; "" when none was asked for."""
    if order is None or not order.quote_id:
        return ""
    back = amount(order.quote_refund_minor, order.currency)
    if order.quote_refund_minor is None:
        back = "an amount that the airline does not say"
    to = f", to {order.quote_refund_to.replace('_', ' ')}" if order.quote_refund_to else ""
    ends = f"; ends {in_words(order.quote_expires_at, now)}" if order.quote_expires_at else ""
    return f"Gives back {back}{to}{ends}."


def notes(*, booking: Booking | None = None, case: Case | None = None) -> list[StaffAction]:
    """The newest notes of staff about a booking, or about a case without one."""
    about = {"booking": booking} if booking is not None else {"case": case}
    return list(StaffAction.objects.filter(**about, verb="note").select_related("operator").order_by("-at")[:NOTES])
