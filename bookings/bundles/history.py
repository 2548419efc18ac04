"""What was shown and what was bought, kept for learning: classes of trips without any link to a booking or person.

The page writes down what it showed beside the draft. Minutes after the booking is confirmed the sweeper turns that
row into an example, in one commit, and the link to the booking is gone. None of this is on the way of a booking.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import DatabaseError, transaction
from django.db.models import Q

from bookings.bundles import features, kinds
from bookings.bundles.making import Shelf
from bookings.flow import Wish
from bookings.models import Booking, BundleExample, BundleShown, Selection
from bookings.status import CLOSED, Status

logger = logging.getLogger(__name__)
BATCH = 200
UNBOOKED = timedelta(days=7)  # what a draft was shown that nobody booked
KEPT = timedelta(days=730)  # examples: two years of seasons
_PART = {"seat": kinds.SEAT, "cancel_for_any_reason": kinds.FLEX}


def remember(booking: Booking, shelf: Shelf, now: datetime) -> None:
    """Keep what this draft's page shows, the last showing only. Never fails: a page is worth more than an example."""
    if not shelf.bundles:
        return
    told = {"features": shelf.features, "features_version": features.VERSION, "ranker": shelf.ranked.ranker,
            "offered": [{"kind": bundle.kind, "buys": list(bundle.buys)} for bundle in shelf.bundles], "shown_at": now}
    try:
        with transaction.atomic():
            if not BundleShown.objects.filter(booking=booking).exclude(took_fare=True).update(**told):
                BundleShown.objects.bulk_create([BundleShown(booking=booking, **told)], ignore_conflicts=True)
    except DatabaseError:
        logger.exception("bundles.not_remembered")


def fare_taken(old: Booking, new: Booking) -> None:
    """A bundle led from one draft to the draft of the flexible fare: what was shown goes along. Never fails."""
    if old.pk == new.pk:
        return
    try:
        with transaction.atomic():
            BundleShown.objects.filter(booking=new).delete()
            BundleShown.objects.filter(booking=old).update(booking=new, took_fare=True)
    except DatabaseError:
        logger.exception("bundles.not_remembered")


def collect(now: datetime) -> dict[str, int]:
    """Turn what confirmed bookings were shown into examples, forget the rest in time. Safe to repeat or kill."""
    made = last = 0
    while ids := list(BundleShown.objects.filter(booking__status=Status.CONFIRMED, pk__gt=last).order_by(
            "pk").values_list("pk", flat=True)[:BATCH]):
        made += sum(_example(pk, now) for pk in ids)
        last = ids[-1]
    shown = BundleShown.objects.filter(Q(booking__wish=Wish.DRAFT, shown_at__lt=now - UNBOOKED)
                                       | Q(booking__status__in=list(CLOSED)))
    return {"examples": made, "shown": shown.delete()[0],
            "forgotten": BundleExample.objects.filter(day__lt=(now - KEPT).date()).delete()[0]}


def _example(pk: int, now: datetime) -> int:
    """One example in one commit: written and unlinked together, so that a booking counts once."""
    with transaction.atomic():
        shown = BundleShown.objects.select_for_update().select_related("booking").filter(pk=pk).first()
        if shown is None:
            return 0
        order = [item["kind"] for item in shown.offered]
        bought = _bought(list(shown.booking.selections.all()), took_fare=shown.took_fare)
        chosen = kinds.kind_bought(bought, [(item["kind"], item["buys"]) for item in shown.offered])
        BundleExample.objects.create(
            source=BundleExample.Source.REAL, day=now.date(), features=shown.features,
            features_version=shown.features_version, offered=order, ranker=shown.ranker, chosen=chosen,
            position=order.index(chosen) if chosen else None)
        shown.delete()
    return 1


def _bought(selections: Sequence[Selection], *, took_fare: bool) -> set[str]:
    """The kinds of parts that were really bought; a carry-on bag is none of them but makes it no bundle."""
    found = {kinds.FLEX} if took_fare else set()
    for item in selections:
        checked = item.kind == "baggage" and item.detail.startswith("checked")
        found.add(kinds.BAG if checked else _PART.get(item.kind, item.kind))
    return found
