"""What each process of `python -m tests.crashes` runs: its share of the plan, one scene after another."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from random import Random
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
    done = {result["key"] for result in tally.read(file)}
    dice = Random(asked["seed"])
    names = [name for name in journeys.SCENES if not asked["only"] or name in asked["only"]]
    if asked["key"]:
        items = [Item.read(asked["key"])]
    else:
        singles: dict[str, list[Item]] = {}
        for name in names:
            stage.clear()
            play = Play(stage, name, journeys.SCENES[name])
            play.rehearse(copies=False)
            singles[name] = list(play.singles(dice))
        items = planning.plan(singles, faults=asked["faults"], kills=asked["kills"], seed=asked["seed"])
    mine = [item for item in items[asked["share"]::asked["processes"]] if item.key not in done]
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
            tally.keep(file, play.run(item))
