"""`python -m tests.property --sagas N --seed S --processes P [--resume FILE] [--out FILE]`: the long form.

Walks are done in lots of a hundred, each from a seed of its own (S, S + 1, …), in P processes with a database each. A
lot that broke a promise prints the seed, the shortest walk that breaks it and how to repeat it. After each lot
the sums are written to the file; with `--resume` a run that was interrupted goes on behind the last lot in it.
Ends with 1 after a violation, when an edge was never taken, or when fewer than 30 % of the steps met a fault.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[2]
SHARE = 30.0  # percent of the steps that must meet a fault that fired


@dataclass
class Campaign:
    """What is asked for, and what has been done so far."""

    sagas: int
    seed: int
    walks: int
    steps: int
    out: Path
    done: list[int] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)  # seed of the lot: what was printed
    sums: dict[str, Any] = field(default_factory=dict)
    took: float = 0.0  # seconds by the wall clock, over all its runs

    @property
    def next_lot(self) -> int:
        """The first seed that nobody has done."""
        return max([self.seed - 1, *self.done]) + 1

    @property
    def enough(self) -> bool:
        """Whether as many sagas as were asked for are done."""
        return bool(self.sums.get("sagas", 0) >= self.sagas)

    def keep(self) -> None:
        """Write everything down; a kill in the middle leaves the file as it was."""
        fresh = self.out.with_suffix(".new")
        fresh.write_text(json.dumps({
            "seed": self.seed, "walks": self.walks, "steps": self.steps, "done": sorted(self.done), "broken": self.broken,
            "took": round(self.took), "sums": self.sums}, indent=1), encoding="utf-8")
        fresh.replace(self.out)

    def go_on_from(self, file: Path) -> None:
        """Take up what an earlier run wrote; its lots are of the same size."""
        kept = json.loads(file.read_text(encoding="utf-8"))
        self.seed, self.walks, self.steps = kept["seed"], kept["walks"], kept["steps"]
        self.done, self.broken, self.sums, self.took = kept["done"], kept["broken"], kept["sums"], kept["took"]


@dataclass
class Lot:
    """One process at work on one seed."""

    seed: int
    process: subprocess.Popen[str]
    said: IO[str]


def begin(campaign: Campaign, seed: int, number: int, folder: Path) -> Lot:
    """Start the walks of a seed in a process with a database of its own."""
    said = (folder / f"lot-{number}.log").open("w+", encoding="utf-8")
    command = [sys.executable, "-m", "tests.property.lot", "--seed", str(seed), "--walks", str(campaign.walks), "--steps",
               str(campaign.steps), "--data", str(folder / f"data-{number}"), "--tally", str(folder / f"lot-{number}.json")]
    return Lot(seed, subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=subprocess.STDOUT, text=True), said)


def end(campaign: Campaign, lot: Lot, tally_file: Path) -> None:
    """Add up what a lot did. A lot that ended otherwise than with 0 or 1 did nothing and is not counted."""
    lot.said.seek(0)
    said = lot.said.read()
    lot.said.close()
    if lot.process.returncode not in (0, 1) or not tally_file.exists():
        raise SystemExit(f"lot {lot.seed} did not end well ({lot.process.returncode}):\n{said[-6000:]}")
    add(campaign.sums, json.loads(tally_file.read_text(encoding="utf-8")))
    tally_file.unlink()
    campaign.done.append(lot.seed)
    if lot.process.returncode:
        campaign.broken[str(lot.seed)] = said[-60_000:]
        print(f"\nseed {lot.seed} broke a promise; .venv/bin/python -m tests.property.lot --seed {lot.seed} --walks "
              f"{campaign.walks} --steps {campaign.steps} repeats it\n{said[-6000:]}", flush=True)


def add(sums: dict[str, Any], more: dict[str, Any]) -> None:
    """Numbers are added, counts by name."""
    for name, value in more.items():
        if isinstance(value, dict):
            known = sums.setdefault(name, {})
            for key, count in value.items():
                known[key] = known.get(key, 0) + count
        else:
            sums[name] = sums.get(name, 0) + value


def run(campaign: Campaign, processes: int, folder: Path) -> None:
    """Lot after lot until there are enough sagas; the file is as good as new after each."""
    running: dict[int, Lot] = {}
    try:
        _run(campaign, processes, folder, running)
    finally:
        for lot in running.values():
            lot.process.terminate()


def _run(campaign: Campaign, processes: int, folder: Path, running: dict[int, Lot]) -> None:
    seed, began = campaign.next_lot, time.monotonic()
    while running or not campaign.enough:
        for number in range(processes):
            if number not in running and not campaign.enough:
                running[number] = begin(campaign, seed, number, folder)
                seed += 1
        time.sleep(0.5)
        for number in [number for number, lot in running.items() if lot.process.poll() is not None]:
            end(campaign, running.pop(number), folder / f"lot-{number}.json")
            campaign.took, began = campaign.took + time.monotonic() - began, time.monotonic()
            campaign.keep()
            print(f"{campaign.sums['sagas']} sagas, {campaign.sums['steps']} steps, {campaign.took / 60:.0f} minutes", flush=True)


def main() -> int:
    """Run the campaign; says the sums at the end."""
    parser = argparse.ArgumentParser(prog="python -m tests.property", description=__doc__)
    parser.add_argument("--sagas", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--walks", type=int, default=100, help="of one lot")
    parser.add_argument("--steps", type=int, default=100, help="of one walk")
    parser.add_argument("--out", type=Path, default=ROOT / ".local" / "property" / "campaign.json")
    parser.add_argument("--resume", type=Path)
    asked = parser.parse_args()
    out = (asked.resume or asked.out).resolve()
    folder = out.parent / f"{out.stem}.work"
    folder.mkdir(parents=True, exist_ok=True)
    campaign = Campaign(asked.sagas, asked.seed, asked.walks, asked.steps, out)
    if asked.resume:
        campaign.go_on_from(out)
    run(campaign, asked.processes, folder)
    return judge(campaign)


def judge(campaign: Campaign) -> int:
    """Say the sums, keep them as text beside the file, and whether they are good enough: 0, or 1."""
    from tests.property.lot import counted

    tally = counted(campaign.sums)
    wrong = [*(f"seed {seed} broke a promise" for seed in campaign.broken), *(f"never taken: {edge}" for edge in tally.missing)]
    if tally.share < SHARE:
        wrong.append(f"only {tally.share:.1f} % of the steps met a fault")
    text = "\n".join([f"seeds {campaign.seed} to {max(campaign.done)}, {campaign.took / 60:.0f} minutes", tally.report(),
                      f"violations: {len(campaign.broken)}", *wrong])
    campaign.out.with_suffix(".txt").write_text(text + "\n", encoding="utf-8")
    print(text)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
