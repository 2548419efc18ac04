"""The step that fetches an order which staff found, and adopts it only if it is this booking's own."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q

from bookings import cases
from bookings.flow import Route, Step
from bookings.models import Booking, Case
from bookings.steps import orders
from bookings.steps.plan import OK, UNAVAILABLE, Answer, Asking, Moment
from bookings.twins import name_digest
from suppliers import registry
from suppliers.models import IN_FLIGHT, SupplierOrder
from suppliers.types import LIVE, FlightSlice, OrderInfo

LOCATOR_LIVES = timedelta(days=400)  # a trip is reserved a year ahead at most; later its locator is used for another
NOT_ATTACHED = "not attached"  # in the facts of a case: which order was refused, and why


def ask_attach_order(moment: Moment, value: str) -> Asking:
    """That order now. Changes nothing at the airline."""
    order = orders.order_of(moment.story)
    supplier, order_id = registry.get(order.supplier), order.attach_id
    return Asking(Step.ATTACH_ORDER, orders.subject_of(moment.story), lambda: supplier.order(order_id))


def merge_attach_order(moment: Moment, answer: Answer) -> None:
    """Adopt it, or tell the case what differs. An airline that cannot answer now is asked again."""
    order, booking = orders.order_of(moment.story), moment.story.booking
    if answer.outcome == UNAVAILABLE or not order.attach_id:
        return
    wanted, order.attach_id = order.attach_id, ""
    why_not = _differs(moment, answer.value) if answer.outcome == OK else "the airline does not know this order"
    subject = f"{order.supplier}:{wanted}"
    if why_not:
        order.save(update_fields=["attach_id"])
        moment.note("attach.refused", orders.subject_of(moment.story), cause=f"{wanted}: {why_not}")
        told = Q(booking=booking) | Q(kind="orphaned_booking", subject=subject)
        for case in Case.objects.filter(told, closed_at=None):
            case.facts = {**case.facts, NOT_ATTACHED: f"{wanted}: {why_not}"}
            case.save(update_fields=["facts"])
        return
    moment.note("attach.done", orders.subject_of(moment.story), cause=wanted)
    orders.see_order(moment, answer.value)
    moment.done(Step.CREATE_ORDER, orders.subject_of(moment.story))
    cases.heal(kind="orphaned_booking", subject=subject, now=moment.now, because=f"attached to {booking.reference}")
    for case in Case.objects.filter(booking=booking, closed_at=None, facts__has_key=NOT_ATTACHED):
        case.facts = {name: told for name, told in case.facts.items() if name != NOT_ATTACHED}
        case.save(update_fields=["facts"])


def _same_people(booking: Booking, info: OrderInfo) -> bool:
    """Whether it names exactly the travellers of the booking: a reservation may come without our reference."""
    ours = {name_digest(person.given_name, person.family_name) for person in booking.passengers.all()}
    return ours == {name_digest(given, family) for _, given, family in info.travellers}


def _another_trip(booking: Booking, order: SupplierOrder, info: OrderInfo) -> str:
    """What of a reservation, which names no offer, is not this booking's; "" when all is."""
    if not info.travellers or not _same_people(booking, info):
        return "it is for other travellers"
    ours, theirs = _flights(booking.offer.info.slices), _flights(info.itinerary)
    if theirs and ours != theirs:  # the same family may have reserved the same fare for another day
        return "it is for other flights"
    known = SupplierOrder.objects.filter(supplier=order.supplier, pnr=info.pnr, state__in=sorted(LIVE),
                                         asked_at__gt=order.asked_at - LOCATOR_LIVES).exclude(pk=order.pk)
    taken = known.exclude(pnr="").select_related("booking").first()
    return f"it belongs to {taken.booking.reference} already, by its record locator" if taken is not None else ""


def _flights(slices: tuple[FlightSlice, ...]) -> list[tuple[str, str, str]]:
    """Carrier, number and day of each flight: what stays when ids and minutes change."""
    return [(one.carrier_code, one.flight_number.lstrip("0"), one.departing_local[:10])
            for part in slices for one in part.segments]


def _differs(moment: Moment, info: OrderInfo) -> str:
    """Why this is not the order that the booking misses; "" when it is."""
    order, booking = orders.order_of(moment.story), moment.story.booking
    others = SupplierOrder.objects.filter(supplier=order.supplier).exclude(pk=order.pk)
    taken = others.filter(external_id=info.external_id).select_related("booking").first()
    if taken is not None:
        return f"it belongs to {taken.booking.reference} already"
    if info.booking_id and info.booking_id not in (str(booking.public_id), booking.reference):
        return "it carries another booking's reference"
    if booking.route == Route.MANUAL:
        why_not = _another_trip(booking, order, info)
        if why_not:
            return why_not
    elif not info.booking_id and info.offer_id != order.offer_external_id:
        return "it carries no reference of ours and was made from another offer"
    if info.total.currency != order.currency or info.total.minor != order.total_minor:
        return f"it costs {info.total}, ours {order.currency} {order.total_minor} in minor units"
    live = Q(booking=booking) | Q(offer_external_id=order.offer_external_id)
    if info.state in LIVE and others.filter(live, state__in=sorted([*LIVE, *IN_FLIGHT])).exists():
        return "another live order stands for this booking or its offer"
    return ""
