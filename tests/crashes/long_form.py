"""What each process of `python -m tests.crashes` runs: its share of the plan, one scene after another."""

from __future__ import annotations

import gc
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.crashes.campaign import Item, Play
    from tests.crashes.stage import Stage


class Share:
    """One process's part of a campaign. The plan is what the scenes passed when each was last rehearsed."""

    def __init__(self, stage: Stage, asked: dict[str, Any]) -> None:
        from tests.crashes import journeys

        self.stage, self.asked, self.file = stage, asked, Path(asked["file"])
        self.end = time.time() + 60 * asked["minutes"]
        self.names = [name for name in journeys.SCENES if not asked["only"] or name in asked["only"]]

    def rehearsed(self, name: str, *, copies: bool = True) -> Play:
        """The scene, played once; what it passed is kept for the plan."""
        from tests.crashes import journeys, tally
        from tests.crashes.campaign import Play

        self.stage.clear()
        play = Play(self.stage, name, journeys.SCENES[name])
        play.rehearse(copies=copies)
        tally.keep_plan(self.file, name, play.passed())
        return play

    def plan(self) -> dict[str, list[Item]]:
        """The single faults of every scene; a scene that no campaign on this file has rehearsed yet is played for it."""
        from tests.crashes import tally
        from tests.crashes.campaign import singles

        for name in self.names:
            if name not in tally.plan(self.file):
                self.rehearsed(name, copies=False)
        passed = tally.plan(self.file)
        return {name: list(singles(name, passed[name], self.asked["seed"])) for name in self.names}

    def play_on(self, items: list[Item], *, firsts: bool = False) -> None:
        """Those of them that are ours and not done, scene by scene; each result is kept at once.

        `firsts`: done is also what stood as the first fault of another run.
        """
        from tests.crashes import tally

        done, struck = tally.done(self.file), tally.struck(self.file) if firsts else set()
        mine = [item for item in items[self.asked["share"]::self.asked["processes"]]
                if item.what not in done and item.what.partition("+")[0] not in struck]
        for name in self.names:
            todo = [item for item in mine if item.scene == name]
            if not todo or time.time() > self.end:
                continue
            play = self.rehearsed(name)
            for item in (one for one in todo if one.piece in play.acts):  # a scene may have changed since it was planned
                if time.time() > self.end:
                    break
                tally.keep(self.file, play.run(item), self.asked["code"])


def test_share(stage: Stage) -> None:
    """Lot after lot until enough has fired or the time is over."""
    from tests.crashes import housework, planning, tally
    from tests.crashes.campaign import Item

    assert housework
    share = Share(stage, json.loads(os.environ["CRASHES"]))
    asked = share.asked
    tally.mend(share.file)
    gc.freeze()  # what is here already is never collected: its pages stay shared with every victim
    if asked["key"]:
        share.play_on([Item.read(asked["key"])])
        return
    for number, lot in enumerate(planning.lots(share.plan(), faults=asked["faults"], seed=asked["seed"])):
        fired, killed = tally.so_far(share.file)
        enough = number > planning.SINGLES and fired >= asked["faults"]
        if time.time() > share.end or (enough and killed >= asked["kills"]):
            return
        share.play_on([planning.only_kills(item) for item in lot] if enough else lot,
                      firsts=1 < number <= planning.SINGLES)
