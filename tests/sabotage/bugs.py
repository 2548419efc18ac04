"""The deliberate bugs: one small file each in `bugs/`, with what is broken, where, and the tests that should notice.

    The card is charged before the airline has the order.
    test: tests/core/test_decide.py::test_every_combination_of_facts_is_decided_and_breaks_no_rule
    file: bookings/decide.py
    --- old
    the lines as they are, which occur exactly once in that file
    --- new
    the lines as they must never be
    --- end

The file's name is the bug's name. There may be several `file:` parts; the tests that answer soonest stand first.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = Path(__file__).with_name("bugs")
# These read the source or count it: they may go red as well, and never show that a bug is noticed.
NOT_EXACT = ("tests/house/test_budgets.py", "tests/house/test_checklist.py",
             "tests/house/test_weight.py", "tests/failures/", "tests/sabotage/")


class BadBug(ValueError):
    """A bug that cannot be applied, or does not say what it must."""


@dataclass(frozen=True)
class Patch:
    """One change of one file, told as exact text."""

    path: str
    old: str
    new: str

    def applied(self, root: Path) -> str:
        """The file's text with the change. Raises BadBug unless the old text occurs exactly once."""
        try:
            text = (root / self.path).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise BadBug(f"{self.path} is not there any more") from None
        times = text.count(self.old)
        if times != 1:
            raise BadBug(f"{self.path}: the old text occurs {times} times: {self.old.strip().splitlines()[0]}")
        return text.replace(self.old, self.new)


@dataclass(frozen=True)
class Bug:
    """One deliberate bug."""

    name: str
    sentence: str
    patches: tuple[Patch, ...]
    tests: tuple[str, ...]
    digest: str  # of the bug's file: a result counts only for what was really run

    @property
    def folders(self) -> list[str]:
        """The folders of its tests, which are run whole before it counts as survived."""
        return list(dict.fromkeys(str(Path(test.partition("::")[0]).parent) for test in self.tests))


def every() -> list[Bug]:
    """All bugs, by name. Raises BadBug."""
    return [read(path) for path in sorted(FOLDER.glob("*.txt"))]


def read(path: Path) -> Bug:
    """One bug's file. Raises BadBug for a line that has no place."""
    text = path.read_text(encoding="utf-8")
    sentence, tests, patches = "", [], []
    lines = iter(text.splitlines(keepends=True))
    where = ""
    for line in lines:
        word, _, rest = line.partition(":")
        if not line.strip():
            continue
        if not sentence:
            sentence = line.strip()
        elif word == "test":
            tests.append(rest.strip())
        elif word == "file":
            where = rest.strip()
        elif line.strip() == "--- old" and where:
            old, new = _until(lines, "--- new", path), _until(lines, "--- end", path)
            patches.append(Patch(where, old, new))
        else:
            raise BadBug(f"{path.name}: what is this: {line.strip()}")
    if not (sentence and tests and patches):
        raise BadBug(f"{path.name}: a sentence, a test and a file are needed")
    return Bug(path.stem, sentence, tuple(patches), tuple(tests), hashlib.sha256(text.encode()).hexdigest()[:16])


def _until(lines: Iterator[str], end: str, path: Path) -> str:
    kept: list[str] = []
    for line in lines:
        if line.strip() == end:
            return "".join(kept)
        kept.append(line)
    raise BadBug(f"{path.name}: no {end}")


def faults(bug: Bug, root: Path = ROOT) -> list[str]:
    """What is wrong with the bug as it stands before this tree; empty when it can be applied and judged."""
    found = []
    for patch in bug.patches:
        try:
            text = patch.applied(root)
            if patch.path.endswith(".py"):
                ast.parse(text)
        except (BadBug, SyntaxError) as error:
            found.append(str(error))
        if patch.old == patch.new:
            found.append(f"{patch.path}: nothing is changed")
    if len({patch.path for patch in bug.patches}) != len(bug.patches):
        found.append("a file twice: make it one patch")
    for test in bug.tests:
        if test.startswith(NOT_EXACT):
            found.append(f"{test} proves nothing about behaviour")
        elif not _exists(root, test):
            found.append(f"no such test: {test}")
    return found


def _exists(root: Path, test: str) -> bool:
    path, _, name = test.partition("::")
    return name.partition("[")[0] in _tests_in(root / path)


@lru_cache(maxsize=256)
def _tests_in(file: Path) -> frozenset[str]:
    if not file.is_file():
        return frozenset()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
