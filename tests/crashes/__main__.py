"""`python -m tests.crashes`: the long form of the crash campaign; every random run is repeated by its seed.

    --faults N      faults that must really fire (default 10000)
    --kills N       real SIGKILLs among them (default 2000)
    --processes P   at once, each with a PostgreSQL and a sandbox of its own (default 2)
    --only SCENE    this scene alone (may be given several times)
    --key KEY       this one run alone, as a failure prints it
    --resume FILE   where the results are kept; what stands there already is not run again
    --minutes M     stop after so long; the report tells what was done, --resume goes on

Exit 1 when one fault was not recovered or, over all scenes, a registered point was never hit.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fly2any.stack.children import dies_with_parent

ROOT = Path(__file__).resolve().parents[2]
TOLD_EVERY_SECONDS = 60.0


def asked() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.crashes", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--key", default="")
    parser.add_argument("--resume", type=Path)
    parser.add_argument("--minutes", type=float, default=24 * 60.0)
    return parser.parse_args()


def home_of(chosen: argparse.Namespace, share: int) -> Path:
    """Where one process keeps its database and what it prints; a run that is repeated disturbs no campaign."""
    return ROOT / ".local" / "crashes" / ("again" if chosen.key else str(share))


def start(chosen: argparse.Namespace, file: Path, share: int) -> subprocess.Popen[bytes]:
    """One process with its share of the plan."""
    words = {"file": str(file), "share": share, "processes": chosen.processes, "faults": chosen.faults,
             "kills": chosen.kills, "seed": chosen.seed, "only": chosen.only, "key": chosen.key,
             "minutes": chosen.minutes, "code": commit()}
    home = home_of(chosen, share)
    home.mkdir(parents=True, exist_ok=True)
    environ = {**os.environ, "CRASHES": json.dumps(words), "DATA_DIR": str(home),
               "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # each victim is a fork: what it does not need costs pages
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-x", "--tb=short", "--no-header", "-p", "no:logging",
         "-p", "no:cacheprovider", "-p", "pytest_django.plugin", "-o", "faulthandler_timeout=0", str(Path(__file__).with_name("long_form.py"))], cwd=ROOT, env=environ,
        stdout=(home / "out.txt").open("wb"), stderr=subprocess.STDOUT,
        preexec_fn=dies_with_parent(signal.SIGKILL))


def commit() -> str:
    """Which commit is tried, marked when files differ from it."""
    asked = ["git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]
    return subprocess.run(asked, cwd=ROOT, capture_output=True, text=True).stdout.strip()


def main() -> int:
    """Run, tell how far it is now and then, and report. Returns the exit code."""
    chosen = asked()
    if chosen.key:
        chosen.processes = 1
    file = (chosen.resume or Path(tempfile.mkdtemp(prefix="crashes")) / "results.jsonl").resolve()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # our processes end with us, however we end
    running = [start(chosen, file, share) for share in range(chosen.processes)]
    try:
        told = time.monotonic()
        while any(process.poll() is None for process in running):
            time.sleep(0.5)
            if time.monotonic() - told > TOLD_EVERY_SECONDS:
                told = time.monotonic()
                print(f"{time.strftime('%H:%M:%S')} {len(file.read_text().splitlines()) if file.exists() else 0} runs", flush=True)
    finally:
        for process in running:
            process.terminate()
    return report(chosen, file, [process.wait() for process in running])


def report(chosen: argparse.Namespace, file: Path, ends: list[int]) -> int:
    """Print the sums and keep them beside the results as JSON."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fly2any.settings")
    django.setup()
    from tests.crashes import housework, tally

    assert housework
    told = tally.sums(tally.read(file), tally.plan(file))
    print(f"seed {chosen.seed}, results in {file}\n{tally.text(told)}")
    file.with_suffix(".report.json").write_text(json.dumps(told, indent=1))
    file.with_suffix(".table.txt").write_text(tally.table(told["matrix"]))
    for share, end in enumerate(ends):
        if end:
            print(f"process {share} ended with {end}:\n" + (home_of(chosen, share) / "out.txt").read_text()[-3000:])
    whole = not (chosen.only or chosen.key)
    return 0 if tally.passed(told, whole=whole) and not any(ends) else 1


if __name__ == "__main__":
    sys.exit(main())
