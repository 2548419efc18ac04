"""The property test's machine: everybody acts on one world in any order, in any weather; then it comes to rest."""

from __future__ import annotations

import logging
from datetime import timedelta
from random import Random

from django.core.cache import cache
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from bookings import detectors, mail, outages, reconcile, retention
from bookings.alerts import tell
from fly2any.kernel import clock
from tests.property.rare import Rare
from tests.property.steps import NUMBERS, deed
from tests.property.tally import Tally
from tests.property.universe import Universe
from tests.property.weather import STORMS

# seconds: while the sweeper works; the shorter ones likelier
SPANS = ((1, 90),) * 5 + ((120, 2400),) * 5 + ((3600, 43_200),) * 3 + ((86_400, 691_200),)


class Walk(Rare):
    """All rules: customers, others, staff, and the house with its time."""

    # --- the house ----------------------------------------------------------------------------------------------

    @deed(3)
    def work(self) -> str:
        """A worker takes a booking."""
        return self.driven(self.one())

    @deed(3)
    def sweep(self) -> str:
        """The sweeper takes everything that is due."""
        due = self.swept()
        reconcile.rematch(clock.now())
        outages.bring_forward(clock.now())
        return f"{due} due"

    @deed(1)
    def reconcile(self) -> str:
        """A light turn: all their lists are compared with ours; then whatever it woke."""
        reconcile.enlist(clock.now(), reconcile.AHEAD)
        reconcile.light(clock.now())
        return f"{self.swept()} woken"

    @deed(1)
    def chores(self) -> str:
        """What the sweeper does besides: look for mismatches, tell people, send mail, forget what is old."""
        now = clock.now()
        what = self.dice.choice(("detectors", "mail", "alerts", "retention"))
        if what == "detectors":
            detectors.run(now)
        elif what == "mail":
            mail.send_due(now, 100)
        elif what == "alerts":
            tell(now)
        else:
            retention.run(now)
        return what

    @deed(1)
    def restart(self) -> str:
        """All processes are started anew: whatever they held in memory is gone."""
        self.universe.rebuild()
        return f"{self.swept()} due"

    @deed(1)
    def flush(self) -> str:
        """Redis is emptied: caches and convenience limits."""
        cache.clear()
        return self.forward(self.one())

    @deed(1)
    def mend(self) -> str:
        """The weather clears up."""
        self.weather.calm()
        return self.forward(self.one())

    # --- time ---------------------------------------------------------------------------------------------------

    @deed(8)
    def time(self) -> str:
        """1 second to 8 days pass while the sweeper works."""
        seconds = self.dice.uniform(*self.dice.choice(SPANS))
        return f"{seconds:.0f} s, {self.live(timedelta(seconds=seconds), 4)} drives"


    @deed(2)
    def closed(self) -> str:
        """1 second to 8 days pass and nobody works."""
        seconds = self.dice.uniform(*self.dice.choice(SPANS))
        return f"{seconds:.0f} s, then {self.closed_for(timedelta(seconds=seconds))} due"

    # --- the rules ----------------------------------------------------------------------------------------------

    @initialize(n=NUMBERS, storm=STORMS)
    def begin(self, n: int, storm: int) -> None:
        """Three bookings."""
        for number in range(3):
            self.take("wish", n + number, storm if number == 2 else 0)

    @rule(what=st.deferred(lambda: st.sampled_from(DEEDS)), n=NUMBERS, storm=STORMS)
    def step(self, what: str, n: int, storm: int) -> None:
        """Somebody does something."""
        self.take(what, n, storm)

    # --- the end ------------------------------------------------------------------------------------------------

    def rest(self) -> None:
        """Faults end, days pass, sweeps and reconciliation come: everything comes to rest or has a case."""
        self.log.append("rest")
        self.dice = self.trips.dice = Random(0)
        self.weather.calm()
        self.http.post("/_duffel/balance", json={"amount": None})
        self.last_words()
        for days, drives in ((0.1, 6), (5, 2), (12, 2)):
            self.log[-1] = f"rest for {days} days"
            self.live(timedelta(days=days), drives)
            if days != 5:
                reconcile.enlist(clock.now(), reconcile.AHEAD)
                reconcile.light(clock.now())
                detectors.run(clock.now())
            for _ in range(2):
                self.clock.pass_by(timedelta(minutes=2))
                self.swept()
            self.check(self.promises.broken(clock.now()))
        self.check(self.promises.unrest())


# sampled as often as they weigh; the plainest first, for Hypothesis to shrink to
DEEDS = [name for name, doing in sorted(
    ((name, getattr(Walk, name)) for name in dir(Walk) if hasattr(getattr(Walk, name), "weight")),
    key=lambda one: (one[0] != "work", one[0])) for _ in range(doing.weight)]


def walk_of(universe: Universe, tally: Tally) -> type[Walk]:
    """The machine on this world, counted there."""
    logging.getLogger("django.request").setLevel(logging.CRITICAL)
    return type("Walk", (Walk,), {"universe": universe, "tally": tally})


