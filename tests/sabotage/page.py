"""What the campaign found, kept as rows and told in docs/sabotage.md."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from datetime import date

from tests.sabotage.bugs import ROOT, Bug
from tests.sabotage.running import HOME, Result

PAGE = ROOT / "docs" / "sabotage.md"
ROWS = HOME / "results.json"
HEAD = """# Sabotage: deliberate bugs and the tests that notice them

A suite that stays green proves something only if it would have gone red. `python -m tests.sabotage` puts one deliberate
bug at a time into a copy of the tree and runs the tests that should notice; a bug counts as noticed when a test that it
names and that asserts behaviour fails (a lint, type, budget or source check does not count, nor does a broken fixture).
The tests are run without any bug first. The command ends with 1 when a bug survives, when a patch does not fit any more,
or when a test was red before. The bugs are the files in `tests/sabotage/bugs`; this page is written by the command when
every bug was noticed as it is now, and says at which commit (`--resume` goes on after a kill, with what was not noticed in
the very tree that lies here).

"""


def keep(result: Result) -> None:
    """Remember this as the last result of its bug."""
    HOME.mkdir(parents=True, exist_ok=True)
    ROWS.write_text(json.dumps([asdict(row) for row in (kept() | {result.name: result}).values()], indent=1))


def kept() -> dict[str, Result]:
    """The last result of each bug, by name."""
    if not ROWS.exists():
        return {}
    return {row["name"]: Result(**row) for row in json.loads(ROWS.read_text())}


def unseen(bugs: list[Bug], tree: str) -> list[Bug]:
    """Those of the bugs that were not noticed, as they are now, in this tree (see running.fingerprint)."""
    known = kept()
    return [bug for bug in bugs if bug.name not in known or not known[bug.name].shown
            or (known[bug.name].digest, known[bug.name].tree) != (bug.digest, tree)]


def write(bugs: list[Bug], today: date) -> bool:
    """Write the page when every bug, as it is now, was noticed by a test that it names; returns whether it was."""
    known = kept()
    rows = [known[bug.name] for bug in bugs
            if bug.name in known and known[bug.name].digest == bug.digest and known[bug.name].shown]
    if len(rows) != len(bugs):
        return False
    PAGE.write_text(text(bugs, rows, today), encoding="utf-8")
    return True


def text(bugs: list[Bug], rows: list[Result], today: date) -> str:
    """The page for these bugs and their results, in the same order."""
    runs = "; ".join(f"{count} at commit {commit}" for commit, count in Counter(row.commit for row in rows).most_common())
    lines = [HEAD + f"{today:%d %B %Y}: **{sum(row.shown for row in rows)} of {len(rows)} noticed** ({runs}), "
             f"{sum(row.seconds for row in rows) / max(len(rows), 1):.0f} s for each in the mean.\n",
             "| Bug | What is broken | Where | What noticed it |", "|---|---|---|---|"]
    for bug, row in zip(bugs, rows, strict=True):
        shown = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in row.noticed[:2]) or "**nothing**"
        where = "<br>".join(f"`{patch.path}`" for patch in bug.patches)
        lines.append(f"| {bug.name} | {bug.sentence} | {where} | {shown.replace('|', '¦')} |")
    return "\n".join(lines) + "\n"
