"""Running the tests in a copy of the tree, unbroken and with one bug applied."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from xml.etree import ElementTree

from fly2any.stack import postgres
from fly2any.stack.children import dies_with_parent
from tests.sabotage.bugs import NOT_EXACT, ROOT, Bug
from tests.stack import QUICK

HOME = ROOT / ".local" / "sabotage"
PATIENCE = 600  # seconds after which a run of tests counts as hanging
# how a test ends that was only too slow, on a machine with too much to do: that shows nothing
STARVED = ("terminating connection", "canceling statement", "timed out", "Timeout", "too many clients")
IGNORED = ("tests/sabotage/", "docs/")  # what no run depends on


class Hanging(RuntimeError):
    """The tests did not come to an end."""


def paths() -> list[str]:
    """Every file of the tree as it lies here, committed or not, that belongs to it."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
                            cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return sorted(path for path in set(listed.split("\0")) if path and (ROOT / path).is_file())


def fingerprint() -> str:
    """Which tree this is: a hash of all that a test may depend on."""
    total = hashlib.sha256()
    for path in paths():
        if not path.startswith(IGNORED):
            total.update(path.encode() + b"\0" + hashlib.sha256((ROOT / path).read_bytes()).digest())
    return total.hexdigest()[:16]


def commit() -> str:
    """The commit of the tree, short, with a plus when something is changed since."""
    words = ["git", "describe", "--always", "--abbrev=9", "--exclude=*", "--dirty=+"]
    return subprocess.run(words, cwd=ROOT, capture_output=True, check=True, text=True).stdout.strip()


@dataclass
class Run:
    """What one run of pytest said: the tests by how they ended. `broken`: in a fixture, while being read, starved."""

    passed: set[str] = field(default_factory=set)
    failed: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)  # the first line of each failure

    @property
    def exact(self) -> list[str]:
        """The tests that failed by what they say about behaviour."""
        return [test for test in self.failed if not test.startswith(NOT_EXACT)]


class Copy:
    """A copy of the tree with a database of its own, for one test run at a time. The database's folder is kept."""

    def __init__(self, number: int) -> None:
        home = HOME / f"lane-{number}"
        self.root, self.data, self.report = home / "tree", home / "data", home / "report.xml"
        shutil.rmtree(self.root, ignore_errors=True)
        for path in paths():
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, target)
        self.data.mkdir(parents=True, exist_ok=True)
        postgres.ensure(self.data / "pg", settings=QUICK, die_with_parent=True)
        environ = {**os.environ, "DATA_DIR": str(self.data)}
        environ.pop("DATABASE_URL", None)
        self._warm = subprocess.Popen([sys.executable, "-m", "tests.sabotage.warm"], cwd=self.root, env=environ, text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      preexec_fn=dies_with_parent(signal.SIGKILL))

    @contextlib.contextmanager
    def broken_by(self, bug: Bug) -> Iterator[None]:
        """The copy with the bug in it. Raises BadBug when it does not fit."""
        texts = {patch.path: patch.applied(self.root) for patch in bug.patches}
        before = {path: (self.root / path).read_bytes() for path in texts}
        try:
            for path, text in texts.items():
                (self.root / path).write_text(text, encoding="utf-8")
            yield
        finally:
            for path, content in before.items():
                (self.root / path).write_bytes(content)

    def run(self, tests: list[str], most: int = 1, seconds: int = PATIENCE) -> Run:
        """Run these tests (or folders) and stop after `most` have failed. Raises Hanging."""
        self.report.unlink(missing_ok=True)
        words = ["-q", "-p", "no:cacheprovider", f"--maxfail={most}", "-o", "junit_family=xunit1",
                 f"--junitxml={self.report}", *tests]
        assert self._warm.stdin and self._warm.stdout
        print(json.dumps([words, str(self.report.parent / "pytest.log"), seconds]), file=self._warm.stdin, flush=True)
        if self._warm.stdout.readline().strip() == str(-signal.SIGALRM):
            raise Hanging(f"no end after {seconds} s")
        return self._read()

    def _read(self) -> Run:
        done = Run()
        if not self.report.exists():
            done.broken.append("pytest itself; see " + str(self.report.parent / "pytest.log"))
            return done
        for case in ElementTree.parse(self.report).iter("testcase"):  # noqa: S314 our own report
            name = f"{case.get('file')}::{case.get('name')}"
            ends = {child.tag: child.get("message", "") for child in case}
            starved = any(word in ends.get("failure", "") for word in STARVED)
            if "failure" in ends and not starved:
                done.failed.append(name)
                done.said[name] = next(iter(ends["failure"].splitlines()), "")[:200]
            elif starved or "error" in ends:
                done.broken.append(name)
            elif "skipped" not in ends:
                done.passed.add(name)
        return done


def covers(named: str, ran: str) -> bool:
    """Whether the test that ran is the named one: itself, or one of its parameters."""
    return ran == named or ran.startswith(f"{named}[")


def missing(wanted: list[str], run: Run) -> list[str]:
    """The named tests that did not pass in the unbroken tree: failed, skipped, or not even found."""
    bad = [*run.failed, *run.broken]
    return [test for test in wanted
            if any(covers(test, name) for name in bad) or not any(covers(test, name) for name in run.passed)]


def unbroken(copies: Sequence[Copy], bugs: list[Bug], mark: str) -> list[str]:
    """The named tests that are not green without any bug. What is green in this very tree is remembered."""
    memory = HOME / f"green-{mark}.json"
    known = set(json.loads(memory.read_text())) if memory.exists() else set()
    wanted = sorted({test for bug in bugs for test in bug.tests} - known)
    shares = [(copy, share) for number, copy in enumerate(copies) if (share := wanted[number::len(copies)])]
    with ThreadPoolExecutor(len(copies)) as pool:
        found = pool.map(lambda one: missing(one[1], one[0].run(one[1], most=100_000, seconds=6 * PATIENCE)), shares)
        red = sorted(test for share in found for test in share)
    memory.write_text(json.dumps(sorted(known | (set(wanted) - set(red)))))
    return red


@dataclass
class Result:
    """What came of one bug. `noticed`: exact tests that went red, in the order they ran."""

    name: str
    digest: str
    commit: str
    seconds: float
    noticed: list[str]
    widened: bool = False
    trouble: str = ""
    said: str = ""  # how the first of them failed
    tree: str = ""  # what it ran on, see fingerprint

    @property
    def shown(self) -> bool:
        """Whether a test that the bug names noticed it; one that was found by widening has to be named first."""
        return bool(self.noticed) and not self.widened


def attempt(copy: Copy, bug: Bug, at: str, tree: str, widen: bool) -> Result:
    """Apply the bug and run its tests; if all stay green and `widen`, their folders. Raises BadBug when it does not fit."""
    began, widened, trouble = time.monotonic(), False, ""
    run = Run()
    with copy.broken_by(bug):
        try:
            run = copy.run(list(bug.tests))
            if run.broken and not run.exact:
                run = copy.run(list(bug.tests))
            if widen and not run.exact:
                widened = True
                run = copy.run(bug.folders)
        except Hanging as error:
            trouble = str(error)
    if not run.exact and run.broken:
        trouble = f"only fixtures and imports broke: {run.broken[0]}"
    return Result(bug.name, bug.digest, at, round(time.monotonic() - began, 1), run.exact, widened, trouble,
                  run.said.get(run.exact[0], "") if run.exact else "", tree)
