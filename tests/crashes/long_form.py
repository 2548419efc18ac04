"""What each process of `python -m tests.crashes` runs: its share of the plan, one scene after another."""

from __future__ import annotations

import gc
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.crashes.campaign import Item
    from tests.crashes.stage import Stage


def test_share(stage: Stage) -> None:
    """Play the scenes once for the plan, then this process's share of it; each result is kept at once."""
    from tests.crashes import housework, journeys, planning, tally
    from tests.crashes.campaign import Item, Play

    assert housework
    asked: dict[str, Any] = json.loads(os.environ["CRASHES"])
    file, end = Path(asked["file"]), time.time() + 60 * asked["minutes"]
    names = [name for name in journeys.SCENES if not asked["only"] or name in asked["only"]]
    tally.mend(file)
    gc.freeze()  # what is here already is never collected: its pages stay shared with every victim

    def play_on(items: list[Item]) -> None:
        """Those of them that are mine and not done, scene by scene."""
        done = tally.done(file)
        mine = [item for item in items[asked["share"]::asked["processes"]] if item.what not in done]
        for name in names:
            todo = [item for item in mine if item.scene == name]
            if not todo or time.time() > end:
                continue
            stage.clear()
            play = Play(stage, name, journeys.SCENES[name])
            play.rehearse()
            for item in todo:
                if time.time() > end:
                    break
                tally.keep(file, play.run(item), asked["code"])

    if asked["key"]:
        play_on([Item.read(asked["key"])])
        return
    singles: dict[str, list[Item]] = {}
    passed: dict[str, dict[int, list[str]]] = {}
    for name in names:
        stage.clear()
        play = Play(stage, name, journeys.SCENES[name])
        play.rehearse(copies=False)
        singles[name] = list(play.singles(asked["seed"]))
        passed[name] = {number: act.points for number, act in play.acts.items()}
    if not asked["share"]:
        tally.plan_of(file).write_text(json.dumps(passed))
    for number, lot in enumerate(planning.lots(singles, faults=asked["faults"], seed=asked["seed"])):
        fired, killed = tally.so_far(file)
        if time.time() > end or (number > planning.SINGLES and fired >= asked["faults"] and killed >= asked["kills"]):
            return
        missing = number > planning.SINGLES and fired >= asked["faults"]
        play_on([planning.only_kills(item) for item in lot] if missing else lot)
