"""`python -m tests.sabotage`: break the house on purpose, one bug at a time, and see whether a test notices.

    python -m tests.sabotage --list                  the bugs, and what each breaks
    python -m tests.sabotage                         all of them, in two copies at once; writes docs/sabotage.md
    python -m tests.sabotage --only NAME [NAME …]    these alone
    python -m tests.sabotage --widen                 run the whole folders of a bug's tests when these stay green
    python -m tests.sabotage --resume                after a kill: those that were not yet noticed in this very tree

Ends with 1 when a bug survives, is noticed only by a test that it does not name, a patch does not fit any more, or a
test was red before. Each result is kept as soon as it is there. Some 15 to 20 s for each bug.
"""

from __future__ import annotations

import argparse
import queue
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import date

from tests.sabotage import page
from tests.sabotage.bugs import ROOT, Bug, every, faults
from tests.sabotage.running import HOME, Copy, Result, attempt, commit, fingerprint, unbroken


def main() -> int:
    """Run what was asked for; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.sabotage", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--widen", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--processes", type=int, default=2)
    words = parser.parse_args()
    bugs = every()
    chosen = [bug for bug in bugs if not words.only or bug.name in words.only]
    if words.resume:
        chosen = page.unseen(chosen, fingerprint())
    if unknown := set(words.only) - {bug.name for bug in bugs}:
        print(f"no such bug: {', '.join(sorted(unknown))}")
        return 1
    if words.list:
        for bug in chosen:
            print(f"{bug.name:32} {bug.sentence}")
        return 0
    return campaign(bugs, chosen, words.processes, widen=words.widen)


def campaign(bugs: list[Bug], chosen: list[Bug], processes: int, *, widen: bool = False) -> int:
    """Apply each chosen bug and tell; 1 when one does not fit, survives, or has a test that was red before."""
    unfit = [f"{bug.name}: {fault}" for bug in chosen for fault in faults(bug)]
    if unfit:
        print("these do not fit the tree:", *unfit, sep="\n  ")
        return 1
    HOME.mkdir(parents=True, exist_ok=True)
    copies, tree = [Copy(number) for number in range(1, min(processes, len(chosen)) + 1)], fingerprint()
    print(f"{len(chosen)} bugs; first their tests without any", flush=True)
    if red := unbroken(copies, chosen, tree):
        print("red before anything was broken:", *red, sep="\n  ")
        return 1
    results = []
    for result in _all(copies, chosen, tree, widen):
        results.append(result)
        page.keep(result)
    survived = [result for result in results if not result.shown]
    if page.write(bugs, date.today()):
        print(f"written: {page.PAGE.relative_to(ROOT)}")
    print(f"{len(results) - len(survived)} of {len(results)} noticed", flush=True)
    for result in survived:
        print(f"name the test that noticed {result.name}" if result.noticed else f"SURVIVED {result.name} {result.trouble}")
    return 1 if survived else 0


def _all(copies: list[Copy], chosen: list[Bug], tree: str, widen: bool) -> Iterator[Result]:
    """Every bug once, each copy taking the next one as soon as it is free."""
    free: queue.SimpleQueue[Copy] = queue.SimpleQueue()
    for copy in copies:
        free.put(copy)
    at = commit()

    def one(bug: Bug) -> Result:
        copy = free.get()
        try:
            result = attempt(copy, bug, at, tree, widen)
        finally:
            free.put(copy)
        _tell(bug, result)
        return result

    with ThreadPoolExecutor(len(copies)) as pool:
        started = [pool.submit(one, bug) for bug in sorted(chosen, key=_changes_the_schema)]
        yield from (done.result() for done in as_completed(started))


def _changes_the_schema(bug: Bug) -> bool:
    """These come last: the next bug's database would have to be migrated anew."""
    return any("/migrations/" in patch.path for patch in bug.patches)


def _tell(bug: Bug, result: Result) -> None:
    word = "noticed" if result.noticed else "SURVIVED"
    print(f"{word:9} {bug.name:32} {result.seconds:6.1f} s  {bug.sentence}")
    for test in result.noticed:
        print(f"{'':10}{test}{'   (found by widening)' if result.widened else ''}")
    if result.said:
        print(f"{'':10}  {result.said[:120]}")
    if result.trouble:
        print(f"{'':10}{result.trouble}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
