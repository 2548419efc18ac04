"""The steps that ask the airline."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from bookings import cases
from bookings.facts import Story
from bookings.flow import ASK_AGAIN, Route, Step, Wish
from bookings.forms.asked import ADDRESS, DOCUMENT_CITY, RESIDENCE
from bookings.models import Booking, Passenger
from bookings.selectors import cabin
from bookings.selectors.sold import meaning_of, on_offer
from bookings.steps import flights, lost
from bookings.steps.plan import OK, REFUSED, UNKNOWN, Answer, Asking, Moment
from bookings.twins import name_digest
from fly2any.kernel import keys, secretbox
from fly2any.kernel.errors import Outside
from fly2any.kernel.money import Money
from suppliers import breaker, registry
from suppliers.models import BY_STAFF, ORDER_MOVES, Offer, OfferClaim, SupplierOrder
from suppliers.port import Supplier
from suppliers.stored import to_json
from suppliers.types import OfferInfo, OrderInfo, OrderRequest, OrderState, Service, Traveller

UNPAID_LOOKS = 2  # looks 60 s apart that both show a hold unpaid before it may be paid again (reliability.md 4)


def order_of(story: Story) -> SupplierOrder:
    """The present order; steps about an order are only decided when there is one."""
    if story.order is None:
        raise LookupError("no order")
    return story.order


def subject_of(story: Story) -> str:
    """The name of the present order in calls and diary lines."""
    return f"order:{order_of(story).pk}"


# --- the offer --------------------------------------------------------------------------------------------------


def ask_reprice(moment: Moment, value: str) -> Asking:
    """What the offer costs now, with the chosen services; the seats are asked when seats were chosen."""
    booking = moment.story.booking
    supplier, asked = registry.get(booking.supplier), (booking.offer_external_id, _document(booking))
    seats = any(chosen.kind == "seat" for chosen in booking.selections.all())
    return Asking(Step.REPRICE, f"booking:{booking.pk}",
                  lambda: _with_seats(supplier, *asked) if seats else supplier.offer(*asked))


def _document(booking: Booking) -> str:
    """The stored text of the offer, which only a supplier of reservations wants back."""
    return booking.offer.document if booking.route == Route.MANUAL else ""


def _with_seats(supplier: Supplier, offer_id: str, document: str) -> OfferInfo:
    """The offer with the seats of its maps among its services; without them when they cannot be asked now."""
    info = supplier.offer(offer_id, document)
    try:
        maps = supplier.seat_maps(offer_id, document)
    except Outside:
        return info
    seats = tuple(
        Service(service, "seat", (passenger,), (seat_map.segment_id,), 1, price, {"designator": seat.designator})
        for seat_map in maps for seat, _, _ in cabin.seats(seat_map.cabins)
        for passenger, (service, price) in seat.services.items())
    return replace(info, services=(*(info.services or ()), *seats))


def merge_reprice(moment: Moment, answer: Answer) -> None:
    """Write the new price down; a definite no about the offer is a fact."""
    booking = moment.story.booking
    if answer.outcome == OK:
        info: OfferInfo = answer.value
        total = _total_now(moment, info)
        if total is None:
            booking.offer_gone = "services_unavailable"
            return
        if total != booking.priced_minor:
            moment.note("price.seen", before=str(booking.priced_minor or ""), after=str(total))
        booking.priced_minor, booking.priced_at, booking.offer_expires_at = total, moment.seen_at, info.expires_at
        if info.document and booking.route == Route.MANUAL:  # exactly this text is what the order is made of
            Offer.objects.filter(pk=booking.offer_id).update(document=info.document)
            booking.offer.document = info.document
    elif answer.outcome == REFUSED:
        booking.offer_gone = answer.code


def _total_now(moment: Moment, info: OfferInfo) -> int | None:
    """Fare and chosen services at today's prices, minor units; None when a chosen service is gone.

    A service is found again by what it is, as ids change with every fetch (ux.md 5); the id of today is what the order
    will name. An id that names something else today is not what was chosen.
    """
    booking = moment.story.booking
    if info.total.currency != booking.currency:
        return None
    known = on_offer(to_json(info))
    meant = {extra.meaning: extra for extra in known.values()}
    seats = any(extra.kind == "seat" for extra in known.values())
    total = info.total.minor
    for chosen in booking.selections.all():
        extra = known.get(chosen.service_external_id)
        if extra is None or extra.meaning != meaning_of(chosen):
            extra = meant.get(meaning_of(chosen))
        if extra is None and chosen.kind == "seat" and not seats:
            total += chosen.unit_minor * chosen.quantity  # the seat maps could not be asked; the airline will say
        elif extra is None or extra.currency != booking.currency or chosen.quantity > extra.max_quantity:
            return None
        else:
            total += extra.unit_minor * chosen.quantity
            if extra.external_id != chosen.service_external_id:
                chosen.service_external_id = extra.external_id
                chosen.save(update_fields=["service_external_id"])
    return total + booking.fee_minor


# --- create -----------------------------------------------------------------------------------------------------


def ask_create_order(moment: Moment, value: str) -> Asking:
    """Make the order's row, then hold or buy. Never sent again when its outcome is unknown."""
    story, booking = moment.story, moment.story.booking
    hold = booking.wish == Wish.HOLD or booking.route in (Route.HOLD_FIRST, Route.MANUAL)
    total = booking.priced_minor if booking.priced_minor is not None else booking.accepted_minor
    order = SupplierOrder.objects.create(
        booking=booking, supplier=booking.supplier, offer_external_id=booking.offer_external_id, hold=hold,
        state=OrderState.CREATING, total_minor=total - booking.fee_minor, currency=booking.currency,
        asked_at=moment.now,
        lapses_at=_lapses_at(moment.now) if booking.route == Route.MANUAL else None)
    story.orders.append(order)
    request = OrderRequest(
        offer_id=booking.offer_external_id, hold=hold, travellers=_travellers(booking),
        services=tuple((s.service_external_id, s.quantity) for s in booking.selections.all()),
        amount=None if hold and booking.route != Route.MANUAL else Money(order.total_minor, booking.currency),
        booking_id=str(booking.public_id),
        reference=booking.reference, document=_document(booking))
    supplier = registry.get(booking.supplier)
    moment.note("order.asked", f"order:{order.pk}", after="hold" if hold else "instant")
    return Asking(Step.CREATE_ORDER, f"order:{order.pk}", lambda: supplier.create_order(request),
                  key=keys.derive("order", order.pk), digest=keys.digest([request.offer_id, request.services, total]))


def _lapses_at(asked_at: datetime) -> datetime:
    """When a reservation that nobody tickets is gone for certain: what is agreed, and a day for the office's clock."""
    return asked_at + timedelta(days=int(settings.AMADEUS_TICKETING_DELAY.removesuffix("D")) + 1)


def _travellers(booking: Any) -> tuple[Traveller, ...]:
    people = list(Passenger.objects.filter(booking=booking).order_by("position"))
    ids = {p.position: p.external_id for p in people}
    numbers = {p.position: json.loads(secretbox.unseal(p.numbers)) if p.numbers else {} for p in people}
    return tuple(
        Traveller(
            external_id=p.external_id, title=p.title, gender=p.gender, given_name=p.given_name,
            family_name=p.family_name, born_on=p.born_on, email=booking.contact_email, phone=booking.contact_phone,
            infant_external_id=ids.get(p.infant_position, "") if p.infant_position is not None else "",
            document=json.loads(secretbox.unseal(p.document)) if p.document else None,
            known_traveller=numbers[p.position].get("knownTravellerNumber", ""),
            redress=numbers[p.position].get("redressNumber", ""), details=_details(numbers, p.position),
            loyalty=tuple((carrier, number) for carrier, number in p.loyalty))
        for p in people if p.born_on is not None)


def _details(numbers: dict[int, dict[str, str]], position: int) -> dict[str, str]:
    """What the airline asked for besides: the first traveller's address is everybody's."""
    address = {name: numbers[0][name] for name in ADDRESS if numbers.get(0, {}).get(name)}
    return address | {name: numbers[position][name] for name in (RESIDENCE, DOCUMENT_CITY) if name in numbers[position]}


def merge_create_order(moment: Moment, answer: Answer) -> None:
    """Held, ticketed, a definite no, or unknown. Only a definite no frees the offer."""
    order = order_of(moment.story)
    breaker.observe(order.supplier, "order", answer.error)
    if answer.outcome == OK:
        see_order(moment, answer.value)
    elif answer.outcome == UNKNOWN:
        move(moment, OrderState.UNKNOWN, answer.code)
        order.save()
    else:
        not_created(moment, answer.code, answer.error)
        if answer.code == "price_changed":
            moment.story.booking.priced_at = None


def not_created(moment: Moment, code: str, error: Outside | None) -> None:
    """The airline's definite no. The offer becomes free unless this booking may ask again, or a record may be left."""
    order = order_of(moment.story)
    order.refusal = code
    order.refusal_detail = {k: str(v)[:100] for k, v in (error.detail if error else {}).items()
                            if k in ("field", "position", "reason")}
    move(moment, OrderState.NOT_CREATED, code)
    order.save()
    if code == "insufficient_balance":
        cases.open_case(kind="supplier_balance", subject=f"supplier:{order.supplier}", now=moment.now)
    if code == "booking_failed_check":
        cases.open_case(kind=code, subject=f"booking:{order.booking_id}", booking=moment.story.booking, now=moment.now)
        moment.story.cases.add(code)
    if code in ASK_AGAIN or code == "booking_failed_check":
        return  # the same booking will ask again
    free_offer(moment, code)


def free_offer(moment: Moment, because: str) -> None:
    """Let others (and the same customer again) book this offer: nothing was made of it, for certain."""
    OfferClaim.objects.filter(booking=moment.story.booking).delete()
    moment.note("offer.freed", cause=because)


def move(moment: Moment, to: OrderState, cause: str = "") -> None:
    """Move the order if its machine allows it; an older picture is ignored (reliability.md 8.3)."""
    order = order_of(moment.story)
    here = OrderState(order.state)
    if to != here and to in ORDER_MOVES[here]:
        order.move(to)
        moment.note("order.moved", subject_of(moment.story), before=here, after=to, cause=cause)
        if "unknown_outcome" in moment.story.cases and to is not OrderState.UNKNOWN:
            cases.heal(kind="unknown_outcome", subject=f"booking:{order.booking_id}", now=moment.now,
                       because=f"the airline has answered: {to.value.replace('_', ' ')}")


def see_order(moment: Moment, info: OrderInfo) -> None:
    """Believe the airline's own picture of the order."""
    story, order, booking = moment.story, order_of(moment.story), moment.story.booking
    here, void = OrderState(order.state), _tickets_void(moment, info)
    kept = void and _paid(moment, info)
    order.external_id, order.pnr = info.external_id, info.pnr
    order.locators = [list(pair) for pair in info.locators] or order.locators
    order.pay_by, order.price_guaranteed_until = _pay_by(order, info), info.price_guaranteed_until
    order.void_until, order.paid_at, order.cancelled_at = info.void_until, info.paid_at, info.cancelled_at
    order.tickets, order.actions = _numbers(order, info, manual=booking.route == Route.MANUAL), list(info.actions)
    if info.itinerary:
        order.itinerary = [to_json(part) for part in info.itinerary]
    if here is OrderState.TICKETED and info.state is OrderState.CANCELLED:
        lost.cancelled(moment, info)
    order.travellers = [[key, name_digest(given, family)] for key, given, family in info.travellers] or order.travellers
    if info.total.currency != order.currency:
        cases.open_case(kind="ledgers_differ", subject=f"{order.supplier}:{info.external_id}", booking=booking,
                        now=moment.now, facts={"ours": order.currency, "airline": info.total.currency})
    elif info.total.minor != order.total_minor:
        moment.note("order.price_seen", subject_of(story), before=str(order.total_minor), after=str(info.total.minor))
        order.total_minor = info.total.minor
    behind = {OrderState.PAYING: OrderState.HELD, OrderState.TICKETED: OrderState.RESERVED}.get(here) is info.state
    if not kept and (void or not behind):
        move(moment, info.state, "the tickets are void" if void and info.state is OrderState.RESERVED else "")
    if here is OrderState.TICKETED and order.state == OrderState.RESERVED:
        order.ticketed_at, order.tickets = None, _shown(info)
    if order.state == OrderState.TICKETED and order.ticketed_at is None:
        order.ticketed_at = moment.now
    flights.see_change(moment, order, info.change)
    order.looked_at = moment.seen_at
    booking.pay_by = order.pay_by if order.state in (OrderState.HELD, OrderState.RESERVED) else None
    order.save()


def _pay_by(order: SupplierOrder, info: OrderInfo) -> datetime | None:
    """The deadline. A reservation's stays when none is named, and is not put off by a picture without its own date.

    Without the day of its making the airline's days of agreement cannot be counted; ours can.
    """
    if info.state is not OrderState.RESERVED or (info.pay_by and info.created_at):
        return info.pay_by
    agreed = order.lapses_at - timedelta(days=1) if order.lapses_at else None
    return min((limit for limit in (info.pay_by, order.pay_by, agreed) if limit), default=None)


def _numbers(order: SupplierOrder, info: OrderInfo, *, manual: bool) -> list[dict[str, Any]]:
    """The ticket numbers: those that staff entered stand until the airline shows its own of the same traveller."""
    if not (shown := _shown(info)):
        return list(order.tickets)
    named = {person for ticket in shown if ticket["kind"] == "ticket" for person in ticket["passengers"]}
    return [*shown, *(one for one in order.tickets if manual and one.get("by") == BY_STAFF
                      and not named.intersection(one["passengers"]))]


def _shown(info: OrderInfo) -> list[dict[str, Any]]:
    return [{"kind": t.kind, "number": t.number, "passengers": list(t.passenger_ids)} for t in info.tickets]


def _tickets_void(moment: Moment, info: OrderInfo) -> bool:
    """Whether tickets that staff issued are void. One traveller's that the airline has shown and shows no more counts.

    A reservation without tickets is no such sign where only staff have told us of them.
    """
    order, left = order_of(moment.story), {ticket.number for ticket in info.tickets}
    lost = any(one["kind"] == "ticket" and one.get("by") != BY_STAFF and one["number"] not in left
               for one in order.tickets)
    void = info.state in (OrderState.CANCELLED, OrderState.LAPSED) or (info.state is OrderState.RESERVED and lost)
    return moment.story.booking.route == Route.MANUAL and order.state == OrderState.TICKETED and void


def _paid(moment: Moment, info: OrderInfo) -> bool:
    """Whether the void tickets are paid for: then nothing ends before staff say what comes back (case TICKETS VOID)."""
    booking, payment = moment.story.booking, moment.story.payment
    if payment is None or payment.state not in ("capturing", "captured"):
        return False
    if "tickets_void" not in moment.story.cases:
        cases.open_case(kind="tickets_void", subject=f"booking:{booking.pk}", booking=booking, now=moment.now,
                        facts={"order": info.external_id, "airline": info.state.value})
        moment.story.cases.add("tickets_void")
    return True


# --- look -------------------------------------------------------------------------------------------------------


def ask_find_order(moment: Moment, value: str) -> Asking:
    """Which orders were made from our offer."""
    order = order_of(moment.story)
    supplier, offer_id = registry.get(order.supplier), order.offer_external_id
    return Asking(Step.FIND_ORDER, subject_of(moment.story), lambda: supplier.find_orders(offer_id))


def merge_find_order(moment: Moment, answer: Answer) -> None:
    """Adopt the order that carries our booking's id; an empty list proves nothing."""
    order, booking = order_of(moment.story), moment.story.booking
    if answer.outcome != OK:
        _look_failed(moment, answer)
        return
    moment.done(Step.LOOK_ORDER, subject_of(moment.story))
    found = [info for info in answer.value if info.booking_id in ("", str(booking.public_id))]
    if len(found) > 1:
        cases.open_case(kind="duplicate_order", subject=f"booking:{booking.pk}", booking=booking, now=moment.now,
                        facts={"orders": [info.external_id for info in found]})
        moment.story.cases.add("duplicate_order")
    if found:
        if order.state == OrderState.NOT_CREATED:
            moment.note("order.appeared_late", subject_of(moment.story))
        see_order(moment, found[0])
        moment.done(Step.CREATE_ORDER, subject_of(moment.story))
        return
    move(moment, OrderState.UNKNOWN, "not listed")
    order.looked_at = moment.seen_at
    order.save()


def _look_failed(moment: Moment, answer: Answer) -> None:
    """A look that did not work waits in the row of looks, so that it is not repeated at once."""
    failed = Asking(Step.LOOK_ORDER, answer.asking.subject, answer.asking.run)
    if answer.asking.step is not Step.LOOK_ORDER:
        moment.answered(Answer(failed, answer.outcome, error=answer.error, milliseconds=answer.milliseconds))
    order = order_of(moment.story)
    if order.state == OrderState.CREATING:
        move(moment, OrderState.UNKNOWN, "could not look")
        order.save()


def ask_look_order(moment: Moment, value: str) -> Asking:
    """The order now (after a rescue: by the id that was saved)."""
    order = order_of(moment.story)
    supplier, order_id = registry.get(order.supplier), order.external_id
    return Asking(Step.LOOK_ORDER, subject_of(moment.story), lambda: supplier.order(order_id))


def merge_look_order(moment: Moment, answer: Answer) -> None:
    """Believe what we see; a cancellation that is not visible was not done."""
    order, subject = order_of(moment.story), subject_of(moment.story)
    if answer.outcome == REFUSED and answer.code == "not_found":
        cases.open_case(kind="ledgers_differ", subject=f"{order.supplier}:{order.external_id}",
                        booking=moment.story.booking, now=moment.now, facts={"airline": "does not know the order"})
    if answer.outcome != OK:
        return
    cancelling = order.state == OrderState.CANCELLING
    see_order(moment, answer.value)
    if cancelling and order.state in (OrderState.CANCELLED, OrderState.LAPSED):
        moment.done(Step.CONFIRM_CANCEL, subject)
    elif cancelling:
        moment.not_done(Step.CONFIRM_CANCEL, subject)
        order.quote_id = ""
        order.save(update_fields=["quote_id"])


# --- pay --------------------------------------------------------------------------------------------------------


def ask_pay_order(moment: Moment, value: str) -> Asking:
    """Pay the held order from our balance with its present total, then look at it."""
    order = order_of(moment.story)
    move(moment, OrderState.PAYING)
    order.save()
    supplier, order_id, amount = registry.get(order.supplier), order.external_id, Money(order.total_minor,
                                                                                         order.currency)

    def run() -> OrderInfo | None:
        supplier.pay_order(order_id, amount)
        return _picture(supplier, order_id)

    subject = subject_of(moment.story)
    return Asking(Step.PAY_ORDER, subject, run, key=keys.derive("pay", order.pk),
                  digest=keys.digest([order_id, amount.minor, amount.currency]))


def _picture(supplier: Any, order_id: str) -> OrderInfo | None:
    """The order after a deed that worked; its absence changes nothing."""
    try:
        info: OrderInfo = supplier.order(order_id)
    except Outside:
        return None
    return info


def _ticketed(moment: Moment, info: OrderInfo | None) -> None:
    order = order_of(moment.story)
    if info is not None:
        see_order(moment, info)
    if order.state != OrderState.TICKETED:  # paid, and the airline's picture is late or missing
        move(moment, OrderState.TICKETED, "paid")
        order.ticketed_at = order.ticketed_at or moment.now
        order.save()
    moment.story.booking.pay_by = None


def merge_pay_order(moment: Moment, answer: Answer) -> None:
    """Paid, a definite no (back to held), or unknown (then we look)."""
    order = order_of(moment.story)
    if answer.outcome == OK:
        _ticketed(moment, answer.value)
    elif answer.outcome == UNKNOWN or answer.code == "already_paid":
        call = moment.call(Step.PAY_ORDER, subject_of(moment.story))
        if call:
            call.retry_at = None  # look at once
            call.save(update_fields=["retry_at"])
    else:
        if answer.code == "insufficient_balance":
            cases.open_case(kind="supplier_balance", subject=f"supplier:{order.supplier}", now=moment.now)
        order.changed = order.changed or answer.code == "schedule_changed"
        order.looked_at = None
        move(moment, OrderState.HELD, answer.code)
        order.save()


def ask_look_paid(moment: Moment, value: str) -> Asking:
    """Whether the payment of the held order went through."""
    order = order_of(moment.story)
    supplier, order_id = registry.get(order.supplier), order.external_id

    def run() -> tuple[bool | None, OrderInfo | None]:
        paid = supplier.paid(order_id)
        info = _picture(supplier, order_id)
        return (True if info and info.state is OrderState.TICKETED else paid), info

    return Asking(Step.LOOK_PAID, subject_of(moment.story), run)


def merge_look_paid(moment: Moment, answer: Answer) -> None:
    """Unpaid in two looks 60 s apart means that it may be paid again (reliability.md 4)."""
    order, subject = order_of(moment.story), subject_of(moment.story)
    call = moment.call(Step.PAY_ORDER, subject)
    if answer.outcome != OK:
        if call:
            call.retry_at = moment.now + timedelta(seconds=10)
            call.save(update_fields=["retry_at"])
        return
    paid, info = answer.value
    if paid:
        _ticketed(moment, info)
        moment.done(Step.PAY_ORDER, subject)
        return
    if info is not None and info.state in (OrderState.LAPSED, OrderState.CANCELLED):
        see_order(moment, info)
        moment.not_done(Step.PAY_ORDER, subject)
        return
    if call is None:
        return
    unpaid = int(call.detail.get("unpaid_looks", 0)) + (paid is False)
    call.detail = {**call.detail, "unpaid_looks": 0 if unpaid >= UNPAID_LOOKS else unpaid}
    if unpaid >= UNPAID_LOOKS:
        moment.not_done(Step.PAY_ORDER, subject, wait=timedelta(0))
        order.looked_at = None
        move(moment, OrderState.HELD, "not paid in two looks")
        order.save()
        return
    call.first_failed_at = call.first_failed_at or moment.now
    pending = min(max((moment.now - call.first_failed_at) / 4, timedelta(seconds=30)), timedelta(hours=1))
    call.retry_at = moment.now + (timedelta(seconds=60) if paid is False else pending)  # nobody looks before that
    call.save()
