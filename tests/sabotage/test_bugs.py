"""The sabotage campaign in short: every bug still fits the tree, and the command says no when it must (issue 6, 4)."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.sabotage import __main__ as command
from tests.sabotage import page, running
from tests.sabotage.bugs import BadBug, Bug, Patch, every, faults, read
from tests.sabotage.running import Run

TEST = "tests/core/test_decide.py::test_a_capture_that_was_refused_is_told_at_once"
BUG = Bug("one", "It breaks.", (Patch("bookings/flow.py", "MAX_DECLINES = 5\n", "MAX_DECLINES = 6\n"),), (TEST,), "d")


def test_every_bug_fits_exactly_once_and_names_tests_that_are_there() -> None:
    bugs = every()
    assert len(bugs) >= 30
    assert [f"{bug.name}: {fault}" for bug in bugs for fault in faults(bug)] == []
    assert len({bug.sentence for bug in bugs}) == len(bugs) == len({frozenset(bug.patches) for bug in bugs}), "two alike"


def test_the_page_tells_of_each_bug_which_test_noticed_it() -> None:
    told = page.PAGE.read_text(encoding="utf-8").splitlines()
    for bug in every():
        rows = [line for line in told if line.startswith(f"| {bug.name} | {bug.sentence} |")]
        assert len(rows) == 1 and "::test_" in rows[0], "run `python -m tests.sabotage`"


@pytest.mark.parametrize(("change", "said"), [
    ({"patches": (Patch("bookings/flow.py", "HOUR", "x"),)}, "times"),
    ({"patches": (Patch("bookings/none.py", "HOUR", "x"),)}, "not there any more"),
    ({"patches": (replace(BUG.patches[0], new=BUG.patches[0].old),)}, "nothing is changed"),
    ({"patches": (replace(BUG.patches[0], new="MAX_DECLINES =\n"),)}, "invalid syntax"),
    ({"patches": BUG.patches * 2}, "a file twice"),
    ({"tests": ("tests/core/test_decide.py::test_of_nobody",)}, "no such test"),
    ({"tests": ("tests/house/test_budgets.py::test_x",)}, "proves nothing"),
])
def test_a_bug_that_does_not_fit_or_proves_nothing_is_named(change: dict[str, Any], said: str) -> None:
    assert faults(BUG) == []
    found = faults(replace(BUG, **change))
    assert len(found) == 1 and said in found[0]


def test_a_bugs_file_is_read_and_what_has_no_place_refused(tmp_path: Path) -> None:
    text = "It breaks.\ntest: a.py::test_b\nfile: c.py\n--- old\n  x\n--- new\n--- end\n"
    file = tmp_path / "it.txt"
    file.write_text(text)
    bug = read(file)
    assert (bug.name, bug.sentence, bug.tests, bug.patches) == (
        "it", "It breaks.", ("a.py::test_b",), (Patch("c.py", "  x\n", ""),))
    for wrong in (text.replace("--- end", ""), text.replace("test:", "tset:"), "It breaks.\n"):
        file.write_text(wrong)
        with pytest.raises(BadBug):
            read(file)


class Acted:
    """A copy whose test runs end as told: unbroken, with the bug, and with the bug in the whole folder."""

    def __init__(self, *runs: Run) -> None:
        self.runs, self.asked = list(runs), []  # type: ignore[var-annotated]

    def broken_by(self, bug: Bug) -> AbstractContextManager[None]:
        return nullcontext()

    def run(self, tests: list[str], most: int = 1, seconds: int = 0) -> Run:
        self.asked.append(tests)
        return self.runs.pop(0)


GREEN, RED = Run(passed={TEST}), Run(failed=[TEST])
BROKEN = Run(failed=["tests/house/test_budgets.py::test_x"], broken=[TEST])


NAMED, FOLDER = [TEST], ["tests/core"]


@pytest.mark.parametrize(("runs", "asked", "status", "said"), [
    ([GREEN, RED], [NAMED, NAMED], 0, "1 of 1 noticed"),
    ([GREEN, GREEN], [NAMED, NAMED], 1, "SURVIVED one"),
    ([GREEN, GREEN, RED], [NAMED, NAMED, FOLDER], 1, "name the test that noticed one"),
    ([GREEN, GREEN, GREEN], [NAMED, NAMED, FOLDER], 1, "SURVIVED one"),
    ([GREEN, BROKEN, RED], [NAMED, NAMED, NAMED], 0, "1 of 1 noticed"),  # too slow, or a fixture: once more
    ([GREEN, BROKEN, BROKEN, BROKEN], [NAMED, NAMED, NAMED, FOLDER], 1, "SURVIVED one only fixtures"),
    ([RED], [NAMED], 1, "red before anything was broken"),
    ([Run()], [NAMED], 1, "red before anything was broken"),  # skipped, or not found
])
def test_the_command_ends_with_1_unless_an_exact_test_goes_red_that_was_green(
        runs: list[Run], asked: list[list[str]], status: int, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> None:
    acted = Acted(*runs)
    for module in (command, running):
        monkeypatch.setattr(module, "HOME", tmp_path)
    monkeypatch.setattr(page, "HOME", tmp_path)
    monkeypatch.setattr(page, "ROWS", tmp_path / "results.json")
    monkeypatch.setattr(page, "PAGE", tmp_path / "sabotage.md")
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(command, "Copy", lambda number: acted)
    monkeypatch.setattr(command, "fingerprint", lambda: "tree")
    monkeypatch.setattr(command, "commit", lambda: "abc")
    assert command.campaign([BUG], [BUG], 2, widen=FOLDER in asked) == status
    assert said in capsys.readouterr().out
    assert acted.asked == asked


def test_the_command_ends_with_1_when_a_patch_does_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    stray = replace(BUG, patches=(Patch("bookings/flow.py", "MAX_DECLINES = 99\n", ""),))
    assert command.campaign([stray], [stray], 1) == 1
    assert "occurs 0 times" in capsys.readouterr().out
