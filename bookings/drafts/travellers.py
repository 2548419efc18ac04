"""The travellers of a draft: checked and stored, or kept as typed so that a closed browser loses nothing (ux.md 6)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from bookings import forms, twins
from bookings.drafts.rows import draft_for_update
from bookings.flow import Wish
from bookings.models import Booking, Passenger
from bookings.selectors import offers as selectors
from bookings.selectors.offers import raw_of
from bookings.status import Status
from fly2any.kernel import keys, secretbox
from suppliers.models import Offer

Raw = Mapping[str, Any]
MOST_TYPED, LONGEST_TYPED = 200, 100  # inputs of nine travellers; letters of one
CAME_TO_NOTHING = (Status.FAILED, Status.EXPIRED, Status.CANCELLING, Status.CANCELLED)
CARRIED = timedelta(days=1)  # a fare chosen again within a day need not ask for the names again


def set_passengers(*, booking: Booking, passengers: Sequence[Raw], contact: Raw, now: datetime,
                   typed: Mapping[str, str] | None = None) -> Booking:
    """Check and store all travellers and the contact (shapes: bookings.forms). All or nothing.

    `typed`: the same as a form carried it, kept beside them. Raises Problem validation_failed (422) naming every
    wrong field, not_a_draft (409).
    """
    raw = raw_of(booking.offer)
    party = forms.check(passengers, contact, trip_of(raw, stored(booking)), now.date())
    with transaction.atomic(durable=True):
        fresh = draft_for_update(booking)
        fresh.passengers.all().delete()
        Passenger.objects.bulk_create(people(fresh, party, raw))
        fresh.contact_email, fresh.contact_phone = party.email, party.phone
        fresh.trip_digest, fresh.changed_at, fresh.typed = digest(party, raw), now, _sealed(typed or {})
        fresh.save(update_fields=["contact_email", "contact_phone", "trip_digest", "changed_at", "typed"])
    return fresh


def check_passengers(*, booking: Booking, passengers: Sequence[Raw], contact: Raw, now: datetime) -> None:
    """Judge without storing. Raises Problem validation_failed (422) as `set_passengers` does."""
    forms.check(passengers, contact, trip_of(raw_of(booking.offer), stored(booking)), now.date())


def correct_email(*, booking: Booking, email: str, now: datetime) -> None:
    """The customer says that the address was a slip. Raises Problem not_a_draft (409)."""
    with transaction.atomic(durable=True):
        fresh = draft_for_update(booking)
        fresh.contact_email, fresh.changed_at = email, now
        fresh.typed = _sealed({**typed_in(fresh), "contact-email": email}) if fresh.typed else ""
        fresh.save(update_fields=["contact_email", "typed", "changed_at"])


def stored(booking: Booking) -> dict[int, forms.Kept]:
    """Documents and numbers stored before, in clear, by the traveller's position."""
    return {person.position: forms.Kept(_opened(person.document), _opened(person.numbers))
            for person in booking.passengers.all() if person.document or person.numbers}


def save_typed(*, booking: Booking, typed: Mapping[str, str], now: datetime) -> None:
    """Keep what stands in the travellers' form, finished or not, sealed with the draft. Nothing is judged.

    Secret numbers that were typed before and are empty now are kept. Raises Problem not_a_draft (409).
    """
    with transaction.atomic(durable=True):
        fresh = draft_for_update(booking)
        before = typed_in(fresh)
        kept = {name: value for name, value in before.items() if forms.is_secret(name) and not typed.get(name)}
        fresh.typed, fresh.changed_at = _sealed({**typed, **kept}), now
        fresh.save(update_fields=["typed", "changed_at"])


def typed_in(booking: Booking) -> dict[str, str]:
    """What was typed into the travellers' form of a draft; {} when nothing was, or when it is gone."""
    return _opened(booking.typed) or {}


def agree_again(*, booking: Booking) -> None:
    """The customer wants this trip although one of the travellers flies at the same time already. Stored.

    The answer holds for these travellers on these flights only. Raises Problem not_a_draft (409).
    """
    with transaction.atomic(durable=True):
        fresh = draft_for_update(booking)
        fresh.again_for = fresh.trip_digest
        fresh.save(update_fields=["again_for"])


def carried_over(offer: Offer, principal: str, now: datetime) -> str:
    """What is known from this visitor's last try (sealed): the contact, and who has the same place in line.

    The last try is a draft, or a booking that came to nothing: a fare that ended at the last press costs no typing.
    """
    draft = Q(wish=Wish.DRAFT) & ~Q(typed="")
    nothing = Q(status__in=CAME_TO_NOTHING) & ~Q(payments__captured_minor__gt=0)
    last = (Booking.objects.filter(draft | nothing, principal=str(principal), created_at__gte=now - CARRIED)
            .select_related("offer").order_by("-created_at", "-pk").first())
    if last is None:
        return ""
    theirs, ours = raw_of(last.offer)["passengers"], raw_of(offer)["passengers"]
    same = tuple(f"passengers-{at}-" for at, (old, new) in enumerate(zip(theirs, ours, strict=False))
                 if old["kind"] == new["kind"])
    known = typed_in(last) if last.wish == Wish.DRAFT else _told(last)
    return _sealed({name: value for name, value in known.items() if name.startswith(("contact-", *same))})


def _told(booking: Booking) -> dict[str, str]:
    """A booking's travellers and contact as their form has them; passports and other numbers are asked again."""
    known = {"contact-email": booking.contact_email, "contact-phone": booking.contact_phone}
    for person in booking.passengers.all():
        born = person.born_on
        told = {"givenName": person.given_name, "familyName": person.family_name, "title": person.title,
                "gender": person.gender}
        if born:
            told |= {f"bornOn-{part}": str(getattr(born, part)) for part in ("day", "month", "year")}
        known |= {f"passengers-{person.position}-{name}": value for name, value in told.items()}
    return known


def _sealed(typed: Mapping[str, str]) -> str:
    short = {name[:60]: value[:LONGEST_TYPED] for name, value in list(typed.items())[:MOST_TYPED] if value}
    return secretbox.seal(json.dumps(short)) if short else ""


def _opened(sealed: str) -> Any:
    return json.loads(secretbox.unseal(sealed)) if sealed else None


# --- rows -------------------------------------------------------------------------------------------------------


def people(booking: Booking, party: forms.Party, raw: Raw) -> list[Passenger]:
    """Unsaved rows of a checked party."""
    return [
        Passenger(
            booking=booking, position=person.position, external_id=raw["passengers"][person.position]["external_id"],
            kind=person.kind, age=person.age, title=person.title, gender=person.gender, given_name=person.given_name,
            family_name=person.family_name, born_on=person.born_on, infant_position=person.infant_position,
            document=secretbox.seal(json.dumps(person.document)) if person.document else "",
            numbers=secretbox.seal(json.dumps(person.numbers)) if person.numbers else "", loyalty=person.loyalty,
            digest=twins.person_digest(person.given_name, person.family_name, person.born_on))
        for person in party.people
    ]


def trip_of(raw: Raw, kept: Mapping[int, forms.Kept]) -> forms.Trip:
    """What a stored offer asks of its travellers. Ages count on the day the last direction starts (duffel.md 3.1)."""
    first, last = raw["slices"][-1]["segments"][0], raw["slices"][-1]["segments"][-1]
    return forms.Trip(
        seats=tuple(forms.Seat(item["kind"], item["age"]) for item in raw["passengers"]),
        last_flight=date.fromisoformat(first["departing_local"][:10]),
        last_day=date.fromisoformat(last["arriving_local"][:10]), documents_required=raw["documents_required"],
        document_kinds=selectors.document_kinds(raw), requires=tuple(raw.get("requires", ())),
        loyalty_carriers=tuple(raw["loyalty_carriers"]), kept=kept,
        airline=raw["owner_name"])


def digest(party: forms.Party, raw: Raw) -> str:
    """A keyed hash of who flies on what: the same people on the same flights give the same (reliability.md 5)."""
    who = sorted([person.given_name.casefold(), person.family_name.casefold(), person.born_on.isoformat()]
                 for person in party.people)
    flights = [[flight["carrier_code"], flight["flight_number"], flight["departing_local"][:10]]
               for piece in raw["slices"] for flight in piece["segments"]]
    return keys.keyed_digest(settings.SECRET_KEY, [who, flights])
