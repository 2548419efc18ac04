"""Where scenes are played: one world, its clock, a desk, and the words in which a scene is told.

A scene is a list of pieces. A `drive` is the machine's own work, which the sweeper takes up again; a `press` is somebody
(or a job whose turn comes again) who does the same thing once more; what lies `outside` meets no fault.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from bookings import tasks
from bookings.advance import advance
from bookings.models import Booking, ExternalCall
from bookings.status import FINAL
from bookings.sweep import due_bookings
from fly2any.kernel import clock
from payments.models import Payment, Refund
from suppliers import breaker
from suppliers.models import SupplierOrder
from tests.crashes import checking, picture
from tests.crashes.copies import empty
from tests.crashes.hearing import deliver
from tests.desk.pressing import Desk
from tests.sandbox.process import Site
from tests.storm.clockwork import Clockwork
from tests.world import World

Work = Callable[[], object]
DRIVE, PRESS, OUTSIDE = "drive", "press", "outside"
BY_HAND = "found by hand "
FAR = timedelta(days=2)  # a deadline of the airline: staff have looked long before, and no recovery waits for it
SOON = timedelta(minutes=20)  # what has ended is watched for days, for an order that shows up late


@dataclass(frozen=True)
class Piece:
    """A piece of a scene. `wait`: how long until it is done again by whoever does it again."""

    work: Work
    how: str
    wait: timedelta = timedelta()


def drive(work: Work) -> Piece:
    """The machine works; if it dies the sweeper goes on."""
    return Piece(work, DRIVE)


def press(work: Work, wait: timedelta = timedelta()) -> Piece:
    """A person presses, or a job takes its turn; after a fault the same is done once more."""
    return Piece(work, PRESS, wait)


def outside(work: Work) -> Piece:
    """Something happens that is not ours to lose."""
    return Piece(work, OUTSIDE)


class Complaints(logging.Handler):
    """What the product says in its log when something inside it went wrong."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard = list[str]()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep errors; alerts of cases are no errors of ours."""
        if record.name.startswith(("bookings", "payments", "suppliers")) and not hasattr(record, "alert"):
            self.heard.append(logging.Formatter().format(record))

    @contextmanager
    def listening(self) -> Iterator[list[str]]:
        """Hear what is said meanwhile."""
        self.heard = []
        logging.getLogger().addHandler(self)
        try:
            yield self.heard
        finally:
            logging.getLogger().removeHandler(self)


class Stage:
    """One world with its clock and staff."""

    def __init__(self, world: World, clockwork: Clockwork, site: Site, patches: pytest.MonkeyPatch) -> None:
        self.world, self.clock, self.site, self.patches = world, clockwork, site, patches
        self.complaints = Complaints()
        self.probe: Callable[[], Any] = lambda: None
        self.manager = Desk()

    def clear(self) -> None:
        """An empty world for the next scene: no rows, nothing outside, the usual settings, real time."""
        empty()
        checking.violations()
        self.world.sandbox.http.post("/_reset")
        self.world.sandbox.http.post("/_webhooks", json={"deliver": False})
        self.patches.undo()
        self.probe, self.manager = lambda: None, Desk()
        settings.SECOND_PERSON_ABOVE = {"USD": 10**9, "EUR": 10**9, "GBP": 10**9}
        settings.ALERT_EMAIL = settings.ALERT_WEBHOOK_URL = ""
        breaker.reset()

    def pass_by(self, **time: float) -> None:
        """Let time pass everywhere."""
        self.clock.pass_by(timedelta(**time))

    def round(self, by: str) -> None:
        """What a new process does after the fault: whatever is due is driven, by whom the test wants."""
        if by == "webhook":
            deliver(self.world.sandbox)
        for booking_id in due_bookings(clock.now(), 50):
            if by == "worker":
                tasks.advance_booking(booking_id=booking_id)
            else:
                advance(booking_id, actor="sweeper")

    def to_the_next(self) -> bool:
        """Let time pass until something is due. False when nothing is, within days."""
        now = clock.now()
        rows = Booking.objects.filter(parked_at=None, due_at__lt=now + FAR).order_by("due_at").values_list("due_at", "status")
        for due, status in rows:
            if status not in FINAL or due < now + SOON:
                self.clock.pass_by(max(due - now, timedelta()) + timedelta(milliseconds=5))
                return True
        return False

    def at_hand(self) -> bool:
        """Staff look for a reservation whose answer was lost: the only one that no machine can find. True if there was."""
        lost = [b for b in Booking.objects.filter(supplier="amadeus") if (order := self.world.order(b)) and order.state == "unknown"]
        for booking in lost:
            assert booking.status == "PENDING", "never failed while it is unknown"
            self.pass_by(minutes=10)  # the desk lets a request that may be under way come to its end
            found = self.world.at_the_consolidator(booking)
            if found:
                self.manager.press("attach_order", booking=booking, key=f"{BY_HAND}{booking.pk}", order_id=found[0]["id"])
            else:
                self.manager.press("not_made", booking=booking, key=f"{BY_HAND}{booking.pk}", by_name=True, by_remark=True)
        return bool(lost)

    def at_rest(self) -> bool:
        """Whether nothing is under way: no call without an answer, nothing that may or may not exist."""
        return not (
            ExternalCall.objects.filter(state__in=["intended", "answered"]).exists()
            or SupplierOrder.objects.filter(state__in=["creating", "unknown", "paying", "cancelling"]).exists()
            or Payment.objects.filter(state__in=["new", "capturing", "voiding"]).exists()
            or Refund.objects.filter(state__in=["requested", "sent"], external_id="").exists())

    def picture(self) -> dict[str, Any]:
        """What must be the same whether a fault happened or not: facts and deeds, without times and ids."""
        return {**picture.taken(clock.now(), BY_HAND), "probe": self.probe()}
