"""What a campaign has done so far: one line of JSON for each run in a file, and the sums of it. Only what fired counts."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fly2any.kernel import faultpoints
from tests.crashes.campaign import Result

HOW = {1: "singles", 2: "pairs", 3: "triples"}


def keep(file: Path, result: Result) -> None:
    """Append one result; whoever resumes passes over it."""
    with file.open("a") as lines:
        lines.write(json.dumps(asdict(result)) + "\n")


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


def sums(results: list[dict[str, Any]]) -> dict[str, Any]:
    """The report as values. `lost`: runs after which something was not as it must be."""
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


def again(key: str) -> str:
    """The command that repeats just this run."""
    return f".venv/bin/python -m tests.crashes --key '{key}'"


def passed(told: dict[str, Any], *, whole: bool) -> bool:
    """Whether nothing was lost and, in a campaign over all scenes, every registered point was hit."""
    return not told["lost"] and not told["broken_runs"] and not (whole and told["points_never_hit"])
