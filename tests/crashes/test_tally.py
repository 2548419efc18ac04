"""What a campaign has done survives its own death, and only what fired is counted, point by point."""

from __future__ import annotations

import json
from pathlib import Path

from tests.crashes import housework, planning, tally
from tests.crashes.campaign import Result, singles
from tests.crashes.faults import fitting

PLAN = {"hold": {"0": ["commit.wish.before#1", "commit.wish.after#1"], "1": ["commit.wish.after#1", "commit.wish.after#2"]}}
assert housework


def test_a_campaign_that_was_killed_while_it_wrote_goes_on_behind_its_half_line(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    tally.mend(file)
    tally.keep(file, Result("hold/0/commit.wish.before#1:kill/worker", ["kill"], ["commit.wish.before#1"]), "abc")
    with file.open("a") as lines:
        lines.write('{"key": "hold/0/commit.wi')
    tally.mend(file)
    tally.keep(file, Result("hold/1/commit.wish.after#2:cut/sweeper"))
    assert [result["code"] for result in tally.read(file)] == ["abc", ""]
    assert tally.done(file) == {"hold/0/commit.wish.before#1:kill", "hold/1/commit.wish.after#2:cut"}
    tally.keep(file, Result("hold/1/commit.wish.after#1:raise+any#2:kill/sweeper", ["raise"], ["commit.wish.after#1"]))
    assert "hold/1/commit.wish.after#1:raise" in tally.struck(file) - tally.done(file)
    assert tally.so_far(file) == (2, 1)
    tally.keep_plan(file, "hold", {"0": ["commit.wish.after#1"]})
    tally.keep_plan(file, "instant", {"1": []})
    assert tally.plan(file) == {"hold": {"0": ["commit.wish.after#1"]}, "instant": {"1": []}}


def test_the_report_names_what_fits_and_did_not_fire() -> None:
    results = [{"key": key, "fired": fired, "points": points} for key, fired, points in (
        ("hold/0/commit.wish.after#1:kill+any#2:cut/worker", ["kill", "cut"], ["commit.wish.after#1", "commit.wish.before#1"]),
        ("hold/1/commit.wish.after#2:kill/worker", ["kill"], ["commit.wish.after#2"]),
        ("hold/1/commit.wish.after#2:raise/worker", [], []))]
    cells = tally.matrix(results, PLAN)
    assert cells["commit.wish.after"]["kill"] == {"passages": 3, "tried": 2, "fired": 2}
    assert cells["commit.wish.after"]["raise"] == {"passages": 3, "tried": 1, "fired": 0}
    assert cells["commit.wish.before"]["cut"] == {"passages": 1, "tried": 0, "fired": 1}
    assert "kill 2 (2/3)" in tally.table(cells)
    full = [{**json.loads(json.dumps(result)), "rounds": 0, "seconds": 0, "same": True, "problems": []} for result in results]
    told = tally.sums(full, PLAN)
    assert (told["faults_fired"], told["kills"], told["not_fired"]) == (3, 2, 1)
    assert told["passages_x_faults"] == sum(len(fitting(point.partition("#")[0])) for pieces in PLAN.values()
                                            for points in pieces.values() for point in points)
    assert "commit.wish.after:raise" in told["points_x_faults_never_fired"]


def test_every_fault_at_every_passage_is_planned_before_pairs_are_repeated() -> None:
    every = list(singles("hold", PLAN["hold"], seed=1))
    lots = planning.lots({"hold": every}, faults=10_000, seed=1)
    once, pairs, first, others = (next(lots) for _ in range(4))
    assert {item.what.partition("+")[0] for item in [*once, *first, *others]} == {item.what for item in every}
    assert len(once) + len(first) + len(others) == len(every)
    assert {item.what for item in once} >= {f"hold/0/commit.wish.{when}#1:kill" for when in ("before", "after")}
    assert "hold/1/commit.wish.after#2:kill" in {item.what.partition("+")[0] for item in others}, "a second passage comes later"
    assert {item.hits[1].fault for item in [*first, *others]} == {"kill"}
    assert all(len(item.hits) in (2, 3) for item in pairs)
    assert {hit.fault for item in pairs for hit in planning.only_kills(item).hits} == {"kill"}
