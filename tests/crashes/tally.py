"""What a campaign has done so far: one line of JSON for each run in a file, and the sums of it. Only what fired counts."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fly2any.kernel import faultpoints
from tests.crashes.campaign import Item, Result
from tests.crashes.faults import fitting

HOW = {1: "singles", 2: "pairs", 3: "triples"}
Plan = dict[str, dict[str, list[str]]]  # by scene and piece: the passages of its points
Matrix = dict[str, dict[str, dict[str, int]]]  # by point and fault: how often it is passed, was struck at, and fired


def keep(file: Path, result: Result, code: str = "") -> None:
    """Append one result of the commit `code`; whoever resumes passes over it."""
    with file.open("a") as lines:
        lines.write(json.dumps({**asdict(result), "code": code}) + "\n")


def mend(file: Path) -> None:
    """End the half line of a campaign that was killed while it wrote, so that nothing is written behind it."""
    if file.exists() and not file.read_text().endswith("\n"):
        with file.open("a") as lines:
            lines.write("\n")


def done(file: Path) -> set[str]:
    """What was run already, whoever recovered."""
    return {result["key"].rpartition("/")[0] for result in read(file)}


def struck(file: Path) -> set[str]:
    """The first fault of each run, and where."""
    return {what.partition("+")[0] for what in done(file)}


def so_far(file: Path) -> tuple[int, int]:
    """Faults that fired, and the kills among them."""
    fired = [fault for result in read(file) for fault in result["fired"]]
    return len(fired), fired.count("kill")


def plan(file: Path) -> Plan:
    """The points that each piece of each scene passes, as it was last rehearsed for this campaign."""
    kept = file.with_suffix(".plan.json")
    return json.loads(kept.read_text()) if kept.exists() else {}


def keep_plan(file: Path, scene: str, passed: dict[str, list[str]]) -> None:
    """Note what the scene passed; whole or not at all, however we die."""
    known, kept = plan(file), file.with_suffix(".plan.json")
    if known.get(scene) != passed:
        new = kept.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps({**known, scene: passed}))
        new.replace(kept)


def read(file: Path) -> list[dict[str, Any]]:
    """Every result so far, without the half line of a campaign that was killed."""
    if not file.exists():
        return []
    found = []
    for line in file.read_text().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def matrix(results: list[dict[str, Any]], plan: Plan) -> Matrix:
    """Each registered point by each fault that fits it: its passages in all scenes, how many were tried, what fired.

    A passage counts as tried once, however often; `fired` counts every time that the fault really happened there.
    """
    found: Matrix = {point: {fault: {"passages": 0, "tried": 0, "fired": 0} for fault in fitting(point)}
                     for point in faultpoints.registered()}
    for pieces in plan.values():
        for point in (passage.partition("#")[0] for passages in pieces.values() for passage in passages):
            for cell in found.get(point, {}).values():
                cell["passages"] += 1
    tried = {(item.scene, item.piece, item.hits[0]) for item in (Item.read(result["key"]) for result in results)
             if item.hits[0].point in plan.get(item.scene, {}).get(str(item.piece), ())}
    for _, _, hit in tried:
        if cell := found.get(hit.point.partition("#")[0], {}).get(hit.fault):
            cell["tried"] += 1
    for result in results:
        for fault, passage in zip(result["fired"], result["points"], strict=True):
            if cell := found.get(passage.partition("#")[0], {}).get(fault):
                cell["fired"] += 1
    return found


def sums(results: list[dict[str, Any]], plan: Plan | None = None) -> dict[str, Any]:
    """The report as values. `lost`: runs after which something was not as it must be."""
    cells = matrix(results, plan or {})
    flat = [(point, fault, cell) for point, faults in cells.items() for fault, cell in faults.items()]
    fired = [result for result in results if result["fired"]]
    lost = [result for result in fired if result["problems"]]
    broken = [result for result in results if result["problems"] and not result["fired"]]
    points = {point.partition("#")[0] for result in fired for point in result["points"]}
    registered = faultpoints.registered()
    slowest = max(fired, key=lambda result: result["rounds"], default=None)
    return {
        "runs": len(results), "not_fired": len(results) - len(fired),
        "faults_fired": sum(len(result["fired"]) for result in fired),
        "kills": sum(result["fired"].count("kill") for result in fired),
        "by_fault": dict(Counter(fault for result in fired for fault in result["fired"]).most_common()),
        "by_scene": dict(sorted(Counter(result["key"].partition("/")[0] for result in fired
                                        for _ in result["fired"]).items())),
        "by_recovery": dict(Counter(result["key"].rpartition("/")[2] for result in fired).most_common()),
        **{name: sum(len(result["fired"]) == number for result in fired) for number, name in HOW.items()},
        "points_hit": len(points & set(registered)), "points_registered": len(registered),
        "points_never_hit": sorted(set(registered) - points),
        "passages_x_faults": sum(cell["passages"] for *_, cell in flat),
        "passages_x_faults_tried": sum(cell["tried"] for *_, cell in flat),
        "points_x_faults": len(flat), "points_x_faults_fired": sum(cell["fired"] > 0 for *_, cell in flat),
        "points_x_faults_never_fired": [f"{point}:{fault}" for point, fault, cell in flat if not cell["fired"]],
        "matrix": cells,
        "recovered": len(fired) - len(lost), "lost": len(lost), "broken_runs": len(broken),
        "ended_as_without_faults": sum(result["same"] for result in fired),
        "slowest_recovery": {"rounds": slowest["rounds"], "key": slowest["key"]} if slowest else None,
        "seconds": round(sum(result["seconds"] for result in results), 1),
        "failures": [{"key": result["key"], "problems": result["problems"][:-1]} for result in [*lost, *broken]],
    }


def text(told: dict[str, Any]) -> str:
    """The same for a reader."""
    lines = [f"{name.replace('_', ' ')}: {value}" for name, value in told.items()
             if not isinstance(value, dict | list)]
    if told["points_x_faults_never_fired"] and told["passages_x_faults"]:
        lines.append("fits and never fired: " + ", ".join(told["points_x_faults_never_fired"]))
    for name in ("by_fault", "by_scene", "by_recovery"):
        lines.append(f"{name.replace('_', ' ')}: " + ", ".join(f"{key} {number}" for key, number in told[name].items()))
    if told["slowest_recovery"]:
        lines.append("slowest recovery: {rounds} rounds, {key}".format(**told["slowest_recovery"]))
    if told["points_never_hit"]:
        lines.append("never hit: " + ", ".join(told["points_never_hit"]))
    for failure in told["failures"]:
        lines += [f"LOST {failure['key']}", *(f"    {problem}" for problem in failure["problems"]),
                  f"    again: {again(failure['key'])}"]
    return "\n".join(lines)


def table(cells: Matrix) -> str:
    """Point by point: each fault that fits, how often it fired, and passages tried of those there are."""
    return "\n".join(f"{point}\n    " + ", ".join(
        f"{fault} {cell['fired']} ({cell['tried']}/{cell['passages']})" for fault, cell in faults.items())
        for point, faults in cells.items()) + "\n"


def again(key: str) -> str:
    """The command that repeats just this run."""
    return f".venv/bin/python -m tests.crashes --key '{key}'"


def passed(told: dict[str, Any], *, whole: bool) -> bool:
    """Whether nothing was lost and, in a campaign over all scenes, every registered point was hit."""
    return not told["lost"] and not told["broken_runs"] and not (whole and told["points_never_hit"])
