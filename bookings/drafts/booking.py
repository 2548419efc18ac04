"""The draft: an offer with travellers, contact and extras, as rows; nothing half written."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import IntegrityError, connection, transaction

from bookings import forms, itinerary, pricing, selectors
from bookings.drafts import extras, travellers
from bookings.drafts.offers import priced, problem_of
from bookings.drafts.rows import draft_for_update, insert
from bookings.flow import Wish
from bookings.models import Booking, Passenger, Segment, Selection
from bookings.selectors.offers import brand, family, fee_minor, raw_of
from bookings.selectors.sold import meaning_of
from fly2any.kernel import faultpoints, references
from fly2any.kernel.errors import Problem, Refused
from fly2any.kernel.money import Money
from suppliers import places
from suppliers.models import Offer, OfferClaim

Raw = Mapping[str, Any]
User = AbstractBaseUser | AnonymousUser | None
faultpoints.register_commit("draft")
NEWS = 12  # sentences kept with a draft


def start(*, offer_id: uuid.UUID | str, principal: str, user: User, now: datetime) -> Booking:
    """A draft for the visitor's offer, freshly priced; the one that is open already is returned again.

    Its news say when the airline has moved the fare since the visitor saw it.
    Raises Problem not_found, offer_expired, supplier_*, already_booked (409; extra: existing), offer_taken.
    """
    offer = selectors.offer_for(principal=principal, offer_id=offer_id)
    seen = Money(offer.total_minor, offer.currency)
    offer = priced(offer, now)
    _check_claim(offer, principal)
    for _ in range(5):
        try:
            with transaction.atomic(durable=True):
                with connection.cursor() as cursor:  # two tabs make one draft
                    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{principal}|{offer.pk}"])
                found = Booking.objects.filter(principal=str(principal), offer=offer, wish=Wish.DRAFT).first()
                if found is None:
                    found = _new(offer, principal, user, now)
                    found.typed = travellers.carried_over(offer, principal, now)
                    _save_new(found, [], itinerary.rows(found, raw_of(offer)["slices"]), [])
                faultpoints.committing("draft")
        except IntegrityError as error:
            if "reference" not in str(error):
                raise
            continue
        booking = refresh(booking=found, now=now)[0]
        if offer.total_minor != seen.minor:
            booking.news = [_moved(seen, Money(offer.total_minor, offer.currency)), *booking.news][:NEWS]
            booking.save(update_fields=["news"])
        return booking
    raise RuntimeError("five references in a row were taken")


def customize(*, booking: Booking, choices: Sequence[Raw], now: datetime,
              keep: Callable[[Selection], bool] | None = None) -> Booking:
    """Put `choices` [{"serviceId" or "key", "quantity", "agreed"}] in the place of the draft's extras.

    `keep` names those that stay as they are (seats, while bags are chosen); None: nothing stays. Prices are the
    supplier's. What the pages told about lost extras counts as read. Raises Problem not_a_draft,
    services_unavailable (409), offer_expired (410), validation_failed (422), supplier_*.
    """
    if booking.offer.expires_at <= now:
        raise problem_of(Refused("offer_expired"))
    offer = extras.with_services(booking.offer, choices, now)
    chosen = extras.choose(offer, choices, people=booking.passengers.all(), now=now,
                           agreed_before=[meaning_of(item) for item in booking.selections.all() if item.agreed_at])
    with transaction.atomic(durable=True):
        fresh = draft_for_update(booking)
        kept = [item for item in fresh.selections.order_by("pk") if keep(item)] if keep else []
        _put_selections(fresh, extras.together(kept, chosen), offer, now, news=[])
        faultpoints.committing("draft")
    return fresh


def change_fare(*, booking: Booking, offer_id: uuid.UUID | str, choices: Sequence[Raw], user: User,
                now: datetime) -> Booking:
    """The draft of another fare of the same flights, with everything chosen so far that it sells too.

    `choices` are the bags and cover as `customize` takes them, of the present fare; seats stay as they were. What the
    other fare does not sell is named in the draft's news. The travellers' form goes along. Raises what `start`,
    `customize` do, and Problem not_found when the offer is none of the same flights.
    """
    target = selectors.offer_for(principal=booking.principal, offer_id=offer_id)
    if target.pk not in {other.pk for other in family(booking.offer)}:
        raise Problem("not_found", "We found no such fare of these flights.", status=404, action="Check the address")
    before = customize(booking=booking, choices=choices, now=now, keep=_is_seat)
    found = start(offer_id=target.pk, principal=booking.principal, user=user, now=now)
    wanted = list(before.selections.order_by("pk"))
    moved = extras.remap(found.offer, wanted, people=before.passengers.all(),
                         because=f"is not sold with {brand(raw_of(found.offer)) or 'this fare'} and was taken out")
    with transaction.atomic(durable=True):
        fresh = draft_for_update(found)
        if before.typed and fresh.typed != before.typed:
            fresh.typed = before.typed
            fresh.save(update_fields=["typed"])
        _put_selections(fresh, moved.kept, found.offer, now, news=[*found.news, *moved.news][:NEWS])
        faultpoints.committing("draft")
    return fresh


def _moved(old: Money, new: Money) -> str:
    verb = "raised" if new.minor > old.minor else "lowered"
    return f"The airline {verb} the fare from {old} to {new} since you saw it."


def _is_seat(item: Selection) -> bool:
    return item.kind == "seat"


def refresh(*, booking: Booking, now: datetime) -> tuple[Booking, list[str]]:
    """The draft at today's price, and in sentences which extras are no longer sold (taken out) or cost something else.

    Asks the supplier unless priced in the last 30 s. The sentences are kept with the draft until its extras are saved
    again. Raises Problem offer_expired (410), supplier_*, not_a_draft.
    """
    asked_before = booking.offer.priced_at
    offer = priced(booking.offer, now)
    kept = list(booking.selections.order_by("pk"))
    moved = extras.remap(offer, kept, people=booking.passengers.all(), fresh=offer.priced_at != asked_before)
    same = booking.fare_minor == offer.total_minor and booking.offer_expires_at == offer.expires_at
    if not kept and same:
        return booking, []
    with transaction.atomic(durable=True):
        fresh = draft_for_update(booking)
        _put_selections(fresh, moved.kept, offer, now, news=list(dict.fromkeys([*fresh.news, *moved.news]))[-NEWS:])
        faultpoints.committing("draft")
    return fresh, moved.news


def complete_draft(*, offer: Offer, principal: str, user: User, services: Sequence[Raw], passengers: Sequence[Raw],
                   contact: Raw, now: datetime) -> Callable[[], Booking]:
    """Everything of POST /api/bookings checked; the callable writes the draft inside the caller's transaction.

    The supplier is asked only when extras are wanted that were never fetched. Raises Problem validation_failed
    (422), services_unavailable (409), supplier_*.
    """
    offer = extras.with_services(offer, services, now)
    raw = raw_of(offer)
    party = forms.check(passengers, contact, travellers.trip_of(raw, {}), now.date())
    chosen = extras.choose(offer, services, people=party.people, now=now)

    def build() -> Booking:
        booking = _new(offer, principal, user, now)
        booking.services_minor = pricing.services_minor((item.unit_minor, item.quantity) for item in chosen)
        booking.contact_email, booking.contact_phone = party.email, party.phone
        booking.trip_digest = travellers.digest(party, raw)
        for item in chosen:
            item.pk, item.booking = None, booking
        people = travellers.people(booking, party, raw)
        _save_new(booking, people, itinerary.rows(booking, raw["slices"]), chosen)
        _know(booking, passengers=people, selections=chosen)
        return booking

    return build


# --- rows -------------------------------------------------------------------------------------------------------


def _check_claim(offer: Offer, principal: str) -> None:
    claim = (OfferClaim.objects.select_related("booking")
             .filter(supplier=offer.supplier, offer_key__in=[f"offer:{offer.external_id}",
                                                             f"request:{offer.request_id}"]).first())
    if claim is None:
        return
    if claim.booking.principal == principal:
        raise Problem("already_booked", "You have already booked this. Here it is.", status=409,
                      action="Open booking", extra={"existing": claim.booking.reference})
    raise Problem("offer_taken", "This offer is no longer available.", status=409, action="Search again",
                  tip="Fares are sold once; a fresh search shows what is left.")


def _put_selections(booking: Booking, chosen: list[Selection], offer: Offer, now: datetime, *,
                    news: list[str]) -> None:
    booking.selections.all().delete()
    for item in chosen:
        item.pk, item.booking = None, booking
        item._state.adding = True
    Selection.objects.bulk_create(chosen)
    booking.offer = offer
    booking.fare_minor, booking.offer_expires_at = offer.total_minor, offer.expires_at
    booking.fee_minor = fee_minor()
    booking.services_minor = pricing.services_minor((item.unit_minor, item.quantity) for item in chosen)
    booking.changed_at, booking.news = now, news
    booking.save(update_fields=["fare_minor", "offer_expires_at", "fee_minor", "services_minor", "changed_at", "news"])


def _new(offer: Offer, principal: str, user: User, now: datetime) -> Booking:
    """An unsaved draft with the offer's own price and times."""
    raw = raw_of(offer)
    flights = [flight for piece in raw["slices"] for flight in piece["segments"]]
    return Booking(
        reference=references.new_reference(), principal=str(principal),
        user_id=user.pk if user is not None and user.is_authenticated else None, supplier=offer.supplier, offer=offer,
        offer_external_id=offer.external_id, offer_expires_at=offer.expires_at, currency=offer.currency,
        fare_minor=raw["total"]["minor"], fee_minor=fee_minor(),
        departs_at=places.utc(flights[0]["departing_local"], flights[0]["origin"]),
        arrives_at=places.utc(flights[-1]["arriving_local"], flights[-1]["destination"]),
        created_at=now, changed_at=now)


def _save_new(booking: Booking, people: list[Passenger], flights: list[Segment], chosen: list[Selection]) -> None:
    """Four inserts at most. Raises IntegrityError when the reference is taken (the caller draws another)."""
    insert([booking])
    for rows in (people, flights, chosen):
        for row in rows:
            row.booking = booking
    insert(people)
    insert(flights)
    insert(chosen)


def _know(booking: Booking, **related: list[Any]) -> None:
    """Keep the rows just written as if they had been prefetched, so that nobody reads them again."""
    kept: dict[str, Any] = {}
    for name, rows in related.items():
        query = getattr(booking, name).all()
        query._result_cache, query._prefetch_done = rows, True
        kept[name] = query
    booking._prefetched_objects_cache = kept  # type: ignore[attr-defined]
