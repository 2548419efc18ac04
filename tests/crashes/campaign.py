"""One scene played once without faults, and then each of its pieces again and again, with one, two or three of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from fly2any.kernel.errors import Problem
from suppliers.models import SupplierOrder
from tests.crashes import checking
from tests.crashes.copies import Copy
from tests.crashes.faults import FAULTS, Hit, fitting
from tests.crashes.journeys import Scene
from tests.crashes.stage import DRIVE, OUTSIDE, PRESS, Piece, Stage
from tests.crashes.victims import Died, Victim, send

BY = ("sweeper", "sweeper", "worker", "webhook")
ROUNDS = 60  # until a recovery counts as none: a lost create is looked for through hours
QUIET = 15  # rounds without any change, after which nothing more is expected of the machine
TOLD = frozenset({"parked", "unknown_outcome", "gave_up_unknown", "compensation_failed", "reservation_card_released",
                  "breaker_open", "no_progress", "refund_due", "ticketing_deadline", "ledgers_differ"})


@dataclass(frozen=True)
class Item:
    """One run: a fault in a piece of a scene, and perhaps more of them inside the recovery. `by`: who recovers."""

    scene: str
    piece: int
    hits: tuple[Hit, ...]
    by: str = "sweeper"

    @property
    def key(self) -> str:
        """The text that repeats it."""
        return "/".join([self.scene, str(self.piece), "+".join(f"{hit.point}:{hit.fault}" for hit in self.hits), self.by])

    @property
    def what(self) -> str:
        """The same without who recovers: what needs to be run once."""
        return self.key.rpartition("/")[0]

    @classmethod
    def read(cls, key: str) -> Item:
        """Read `key` back."""
        scene, piece, hits, by = key.split("/")
        pairs = [hit.rpartition(":") for hit in hits.split("+")]
        return cls(scene, int(piece), tuple(Hit(fault, point) for point, _, fault in pairs), by)


@dataclass
class Result:
    """What became of an item. `fired`: the faults that really happened, `points`: where."""

    key: str
    fired: list[str] = field(default_factory=list)
    points: list[str] = field(default_factory=list)
    rounds: int = 0
    seconds: float = 0.0
    same: bool = True  # it ended where the scene ends without faults
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Act:
    """A piece as it goes without faults: the world before it, the points it passes, what is true afterwards."""

    piece: Piece
    before: Copy
    points: list[str]
    after: list[dict[str, Any]]  # where it may end: at rest, and the sweeper may drive on what was only pressed


def singles(scene: str, passed: dict[str, list[str]], seed: int) -> Iterator[Item]:
    """Every fault that fits, at every point that is passed; `seed` says who recovers."""
    for number, points in passed.items():
        for point in points:
            for fault in fitting(point.partition("#")[0]):
                by = Random(f"{seed} {scene} {number} {point} {fault}").choice(BY)
                yield Item(scene, int(number), (Hit(fault, point),), by)


class Play:
    """A scene on its stage."""

    def __init__(self, stage: Stage, name: str, build: Scene) -> None:
        self.stage, self.name = stage, name
        self.pieces = build(stage)
        self.acts: dict[int, Act] = {}

    def rehearse(self, *, copies: bool = True) -> None:
        """Play it once. AssertionError when it does not even hold without faults."""
        for number, piece in enumerate(self.pieces):
            if piece.how == OUTSIDE:
                piece.work()
                continue
            before = Copy.take(self.stage.world.sandbox) if copies else Copy({}, 0, 0.0)
            victim = send(piece.work, self.stage.world.sandbox)
            act = self.acts[number] = Act(piece, before, victim.points, [])
            if self.stage.at_rest():
                now = self.stage.picture()
                for earlier, other in self.acts.items():
                    if earlier == number or not other.after or (earlier == number - 1 and piece.how == DRIVE):
                        other.after.append(now)
        if piece.how == PRESS:
            self.stage.round("sweeper")
            act.after.append(self.stage.picture())
        assert all(act.after for act in self.acts.values()), f"{self.name} does not come to rest without any fault"
        found = checking.broken(self.stage.world.sandbox, frozenset(self.stage.picture()["cases"]))
        assert not found, f"{self.name} without any fault: {found}\n{checking.told()}"

    def passed(self) -> dict[str, list[str]]:
        """The points that each piece passes, by its number."""
        return {str(number): act.points for number, act in self.acts.items()}

    # --- one run ------------------------------------------------------------------------------------------------------

    def run(self, item: Item) -> Result:
        """Bring the world back, let the faults happen, recover, and see what is true."""
        act, result, began = self.acts[item.piece], Result(item.key), time.monotonic()
        act.before.bring_back(self.stage.world.sandbox)
        try:
            self._strike(item, act, result)
            if result.fired:
                self._come_back(item, act, result)
        except (AssertionError, Died) as error:
            result.problems.append(f"{type(error).__name__}: {error}")
        except Exception as error:  # whatever breaks the recovery is what we look for
            result.problems.append(f"the recovery ended: {type(error).__name__}: {error}")
        if result.problems:
            result.problems.append(checking.told())
        result.seconds = round(time.monotonic() - began, 3)
        return result

    def _strike(self, item: Item, act: Act, result: Result) -> None:
        first, *more = item.hits
        others = partial(self._recover, item, act, result) if first.fault == "frozen" else partial(self.stage.round, "sweeper")
        victim = send(act.piece.work, self.stage.world.sandbox, first, meanwhile=others)
        if not victim.fired:
            return
        _note(first, victim, result)
        for hit in more:
            again = send(partial(self._recover, item, act, Result("")), self.stage.world.sandbox, hit,
                         meanwhile=partial(self.stage.round, "sweeper"))
            if again.fired:
                _note(hit, again, result)

    def _come_back(self, item: Item, act: Act, result: Result) -> None:
        gentle = not any(FAULTS[hit.fault].elsewhere for hit in item.hits)
        with self.stage.complaints.listening() as heard:
            self._recover(item, act, result)
            result.same = self._there(item, act)
            if not result.same:
                self._play_on(item)
        allowed = frozenset(act.after[-1]["cases"]) | (frozenset() if gentle and result.same else TOLD)
        result.problems += [f"logged: {line}" for line in heard if gentle]
        result.problems += checking.broken(self.stage.world.sandbox, allowed)
        if gentle and not result.same and not SupplierOrder.objects.exclude(refusal="").exists():  # a no, or what staff said
            result.problems.append(f"not where it should be: {_differ(act.after[-1], self.stage.picture())}")

    def _recover(self, item: Item, act: Act, result: Result) -> None:
        """Who pressed presses again; then sweeps come, as long as there is anything to do."""
        if act.piece.how == PRESS:
            self.stage.clock.pass_by(act.piece.wait)
            self._again(act.piece, item)
        seen = [self.stage.picture()]
        for _ in range(ROUNDS):
            self.stage.round(item.by)
            result.rounds += 1
            self._never_called_failed(result)
            if self._there(item, act) or self._waits_for_somebody(seen):
                return
            if not self.stage.to_the_next() and not self.stage.at_hand():
                return
        result.problems.append(f"still at work after {ROUNDS} rounds")

    def _waits_for_somebody(self, seen: list[dict[str, Any]]) -> bool:
        """Whether nothing is under way and for a long time nothing came of looking: a customer may have days to pay."""
        seen.append(self.stage.picture())
        return len(seen) > QUIET and all(then == seen[-1] for then in seen[-QUIET:]) and self.stage.at_rest()

    def _there(self, item: Item, act: Act) -> bool:
        """Whether everything is as it is without faults (messages aside, where we brought them ourselves)."""
        now, aside = self.stage.picture(), ("heard", "told") if item.by == "webhook" else ()
        return any(all(now[name] == wanted[name] for name in wanted if name not in aside) for wanted in act.after)

    def _again(self, piece: Piece, item: Item) -> None:
        """Press once more; a refusal is right where somebody else may have pressed and driven to the end meanwhile."""
        others = len(item.hits) > 1 or FAULTS[item.hits[0].fault].stops
        try:
            piece.work()
        except Problem:
            if not others and not any(FAULTS[hit.fault].elsewhere for hit in item.hits):
                raise

    def _never_called_failed(self, result: Result) -> None:
        result.problems += checking.called_failed(self.stage.world.sandbox)

    def _play_on(self, item: Item) -> None:
        """It stands elsewhere than without the fault, so the rest of the scene is played as far as it makes sense."""
        for piece in self.pieces[item.piece + 1:]:
            try:
                piece.work()
            except Problem:
                continue
        for _ in range(ROUNDS):
            self.stage.round(item.by)
            if not self.stage.to_the_next() and not self.stage.at_hand():
                break


def _note(hit: Hit, victim: Victim, result: Result) -> None:
    """What fired, and at which passage."""
    result.fired.append(hit.fault)
    result.points.append(victim.where)


def _differ(wanted: dict[str, Any], found: dict[str, Any]) -> str:
    return "; ".join(f"{name}: {wanted[name]} became {found[name]}" for name in wanted if wanted[name] != found[name])


__all__ = ["BY", "DRIVE", "Act", "Item", "Play", "Result", "singles"]
