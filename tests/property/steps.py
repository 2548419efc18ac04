"""One step of a walk: what is drawn for it, what may interrupt it, and the look at every promise after it."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any, ClassVar, TypeVar
from unittest import mock

import httpx
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.db.models import Min
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

import bookings.advance
from bookings import sweep
from bookings.advance import Drive, advance
from bookings.models import Booking, Case
from bookings.status import CLOSED
from fly2any.kernel import clock, faultpoints
from fly2any.kernel.errors import Outside, Problem
from tests.property.promises import Promises
from tests.property.story import story
from tests.property.tally import Tally
from tests.property.universe import Universe
from tests.property.weather import Died, Weather
from tests.storm.trips import Trips
from tests.world import World

Deed = TypeVar("Deed", bound=Callable[..., str])
NUMBERS = st.integers(0, 9999)  # the dice of one step
LONG = 60.0  # seconds of waiting for answers in one step
MOST_OFFERS = 14  # of one walk


def deed(weight: int) -> Callable[[Deed], Deed]:
    """What somebody may do in one step, answering in a few words what came of it; how likely it is."""

    def mark(doing: Deed) -> Deed:
        doing.weight = weight  # type: ignore[attr-defined]
        return doing

    return mark


class Complaints(logging.Handler):
    """What the core says in its log when something inside it went wrong."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard = list[str]()

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(("bookings", "payments", "suppliers")):
            self.heard.append(logging.Formatter().format(record))


class Steps(RuleBasedStateMachine):
    """A walk through one world that begins empty. `rest` is the end of each."""

    universe: ClassVar[Universe]
    tally: ClassVar[Tally]

    def __init__(self) -> None:
        super().__init__()
        self.universe.begin()
        self.inside, self.clock, self.http = self.universe.inside, self.universe.clock, self.universe.inside.http
        self.weather = Weather(self.inside.world.store)
        self.inside.world.faults = self.weather
        self.world, self.dice = World(self.inside), Random(0)  # type: ignore[arg-type]
        self.trips, self.promises, self.complaints = Trips(self.world, self.dice), Promises(self.universe), Complaints()
        self.people = [User.objects.create(username=f"walker-{n}", is_staff=True, is_superuser=True) for n in range(2)]
        self.log, self.broke = list[str](), False
        self._patches = [mock.patch.object(faultpoints, "passing", self.weather.passing),
                         mock.patch.object(bookings.advance, "decide", self.tally.listening(bookings.advance.decide))]
        for patch in self._patches:
            patch.start()
        logging.getLogger().addHandler(self.complaints)

    def teardown(self) -> None:
        """Everything comes to rest; then the world may end."""
        try:
            if not self.broke:
                self.rest()
                self.tally.end_of_walk(self.weather.happened)
        finally:
            for patch in self._patches:
                patch.stop()
            logging.getLogger().removeHandler(self.complaints)

    def rest(self) -> None:
        """Said by the whole machine."""
        raise NotImplementedError

    # --- one step -----------------------------------------------------------------------------------------------

    def take(self, name: str, n: int, storm: int) -> None:
        """Do it in this weather, a second after the last step; then every promise is looked at."""
        before, waited, lost = self.weather.happened.total(), self.inside.waited, self.weather.happened["lost"]
        self.dice = self.trips.dice = Random(n)
        self.weather.expect(storm)
        self.log.append(name)
        self.clock.pass_by(timedelta(seconds=1))
        try:
            told = self._done(getattr(self, name))
        except Problem as problem:
            told = f"refused: {problem.code}"
        except (Outside, httpx.TransportError) as error:
            told = f"not answered: {type(error).__name__}"
        except OperationalError:
            connection.close()
            if self.weather.happened["lost"] == lost:
                self.check([f"the database failed: {traceback.format_exc()}"])
            self.complaints.heard.clear()  # the log may say so
            told = "lost its connection"
        except Died as where:
            self.universe.rebuild()
            told = f"the process died at {where}"
        if self.inside.waited - waited > LONG:  # in life other drivers worked meanwhile; here their bookings waited too
            self.promises.nobody_worked(clock.now(), timedelta(minutes=5))
        happened = self.weather.happened.total() - before
        self.log[-1] = f"{name}: {told}{' (a fault fired)' * bool(happened)}"
        self.tally.rules[name] += 1
        self.tally.steps += 1
        self.tally.stormy += bool(happened)
        self.check(self.promises.broken(clock.now()))

    def _done(self, doing: Callable[[], str]) -> str:
        """The deed; where it asked nobody anything, time goes on until somebody has something to ask."""
        asked = self.weather.calls
        told = doing()
        if self.weather.calls > asked or self.dice.random() < 0.2:
            return told
        return f"{told}; then {self.next_due()}"

    def check(self, found: list[str]) -> None:
        """Raises AssertionError with the whole story when something is broken."""
        problems = [*self.complaints.heard, *found]
        if not problems:
            return
        self.broke, type(self).tally = True, Tally()  # what Hypothesis does from here on, to find the shortest, counts for nothing
        references = {line.partition(":")[0] for line in found}
        stories = [story(b) for b in Booking.objects.exclude(wish="draft").order_by("pk")
                   if b.reference in references or not found]
        steps = "\n".join(f"{n:3} {line}" for n, line in enumerate(self.log))
        raise AssertionError("\n".join([f"after step {len(self.log) - 1}", *problems, "", steps, "", *stories]))

    # --- words that rules share ---------------------------------------------------------------------------------

    def drive(self, booking_id: int) -> str:
        """The worker takes a booking. A lost connection ends a drive; nothing else may."""
        end = advance(booking_id)
        if end is Drive.LOST and self.weather.happened["lost"]:
            return "lost its connection"
        if end is not Drive.SLEEPS:
            self.check([f"{Booking.objects.get(pk=booking_id).reference}: the drive ended {end}"])
        return end.value

    def one(self) -> Booking:
        """One of the bookings that are wished, the younger the likelier."""
        wished = Booking.objects.exclude(wish="draft").order_by("-pk")
        every = list(wished.exclude(status__in=CLOSED) if self.dice.random() < 0.8 else wished) or list(wished)
        if not every:
            raise Problem("nobody", "No booking yet.", status=404)
        return every[min(int(self.dice.expovariate(0.7)), len(every) - 1)]

    def said(self, booking: Booking) -> str:
        """How it stands with a booking."""
        booking.refresh_from_db()
        return f"{booking.reference} {booking.status} {booking.closing}".strip()

    def driven(self, booking: Booking, likely: float = 1.0) -> str:
        """Its drive, perhaps, and how it stands then."""
        drive = self.drive(booking.pk) if self.dice.random() < likely else "later"
        return f"{drive} {self.said(booking)}"

    def docs(self, kind: str) -> list[dict[str, Any]]:
        """What the outside holds of one kind, oldest first."""
        return self.inside.world.find(kind)

    def live(self, span: timedelta, most: int) -> int:
        """Pass time from one due booking to the next, as a sweeper that never sleeps would see it; at most so many drives."""
        end, drives = clock.now() + span, 0
        while (now := clock.now()) < end:
            due = Booking.objects.filter(due_at__isnull=False, parked_at=None).aggregate(at=Min("due_at"))["at"]
            if due is None or due > now:
                self.clock.pass_by(end - now if due is None else min(due - now, end - now))
            elif drives >= most:
                return drives + self.closed_for(end - now)
            else:
                for booking_id in sweep.due_bookings(now, 50):
                    self.drive(booking_id)
                    drives += 1
        return drives

    def next_due(self) -> str:
        """To the next moment at which anything is due, at most half a day; then a sweep."""
        due = Booking.objects.filter(due_at__isnull=False, parked_at=None).aggregate(at=Min("due_at"))["at"]
        now = clock.now()
        if due is None or due > now + timedelta(hours=12):
            return "nothing is due"
        self.clock.pass_by(due - now)
        return f"{max(0.0, (due - now).total_seconds()):.0f} s later {self.swept()} due"

    def closed_for(self, span: timedelta) -> int:
        """Nobody works for a time: no worker, no sweeper; then a sweep."""
        self.clock.pass_by(span)
        self.promises.nobody_worked(clock.now(), timedelta(minutes=35))
        return self.swept()

    def swept(self) -> int:
        """Everything that is due, as the sweeper does it. Returns how many bookings were."""
        due = sweep.due_bookings(clock.now(), 50)
        for booking_id in due:
            self.drive(booking_id)
        return len(due)

    def told_of(self) -> Case | None:
        """One of the newest open cases."""
        every = list(Case.objects.filter(closed_at=None).order_by("-pk")[:6])
        return self.dice.choice(every) if every else None
