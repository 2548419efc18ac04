"""The report of a run: `report.json` with everything, `report.txt` to be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SHOWN = 12  # breaches of one kind that are printed


def write(out: Path, found: dict[str, Any], breaches: dict[str, list[str]]) -> int:
    """Write both, print the text; 1 when there is a breach, else 0."""
    status = 1 if not found or any(breaches.values()) else 0
    (out / "report.json").write_text(json.dumps({**found, "breaches": breaches, "status": status}, indent=1, default=str))
    text = "\n".join(lines(found, breaches))
    (out / "report.txt").write_text(text + "\n", encoding="utf-8")
    print(text)
    return status


def lines(found: dict[str, Any], breaches: dict[str, list[str]]) -> list[str]:
    """The report in words."""
    if not found:
        return ["the run did not come to its end"]
    told = [f"Soak of {found['date']}, commit {found['commit']}, {found['cores']} cores, seed {found['asked']['seed']}",
            f"{found['seconds of traffic'] / 60:.1f} minutes, {found['customers']} customers "
            f"({found['customers a second']} a second), {found['totals']['bookings wished']} bookings "
            f"({found['bookings a second']} a second), generator late at most {found['generator late at most, s']} s",
            f"quiet: {found['quiet']}", "", "Judged"]
    for question, wrong in breaches.items():
        told.append(f"  {'BREACH' if wrong else 'holds '}  {question}")
        told += [f"            {line}" for line in wrong[:SHOWN]]
        if len(wrong) > SHOWN:
            told.append(f"            … {len(wrong) - SHOWN} more")
    told += ["", "Waiting, seconds                              number      p50      p99      max"]
    for kind, one in found["waiting"]["seconds"].items():
        told.append(f"  {kind:<42} {one['number']:>8} {one['p50']:>8.3f} {one['p99']:>8.3f} {one['max']:>8.3f}")
    told += [f"  longest from minute: {found['waiting']['longest from minute']}"]
    for title in ("totals", "bookings by end", "happened", "faults that fired", "recovery", "mails", "connections",
                  "memory", "desk"):
        told += ["", title.capitalize(), *(_rows(found[title]))]
    told += ["", "Answers", *_rows(found["waiting"]["answers"]), "", f"Missed deeds: {len(found['missed'])}",
             *(f"  {one}" for one in found["missed"]), "", f"Open cases: {len(found['open cases'])}",
             *(f"  {one}" for one in found["open cases"][:60]), "", "Stories"]
    return told + [f"  {number:>6}  {story}: {end}" for story, end, number in found["stories"]] + [
        "", *(f"desk: {one}" for one in found["desk troubles"])]


def _rows(found: dict[str, Any], depth: int = 1) -> list[str]:
    told = []
    for name, value in found.items():
        if isinstance(value, dict) and any(isinstance(one, dict) for one in value.values()):
            told += [f"{'  ' * depth}{name}", *_rows(value, depth + 1)]
        else:
            told.append(f"{'  ' * depth}{name}: {value}")
    return told
