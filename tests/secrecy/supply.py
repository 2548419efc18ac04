"""What we build from: the pins, their bill of materials, what is known against them, and what bandit says of our code.

    python -m tests.secrecy.supply bandit   our code against tests/secrecy/bandit.txt (every exception with its reason)
    python -m tests.secrecy.supply sbom     writes docs/sbom.json (CycloneDX) from requirements.txt, dated today
    python -m tests.secrecy.supply audit    known advisories, and pins that newer releases left behind

`audit` ends with 0 (clean), 1 (something is known or stale) or, when a service did not answer for each and every pin,
with 3 and the words NOT CHECKED: a tool that could not look has not found us clean. `run.py test` runs it and turns red
for 1 alone, so that a machine without a network says NOT CHECKED and goes on.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
BILL = ROOT / "docs" / "sbom.json"
EXCEPTIONS = Path(__file__).with_name("bandit.txt")
SCANNED = ["fly2any", "bookings", "payments", "suppliers", "manage.py", "run.py"]
MOST_DAYS = 180  # behind a release for longer, or looked at by nobody for longer: stale
CLEAN, KNOWN, NOT_CHECKED = 0, 1, 3
SERVICES = ("pypi", "osv")


@dataclass(frozen=True)
class Pin:
    """One line of a requirements file: `name==version ; marker` with its hashes, and who asks for it (`# via`)."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    via: tuple[str, ...]


def pins(text: str) -> list[Pin]:
    """Every pin of a requirements file as uv writes it. Raises ValueError for a line that is no `==` pin with hashes."""
    found: list[Pin] = []
    for block in re.split(r"\n(?=\S)", text.strip()):
        if block.startswith("#"):
            continue
        said, _, comment = block.partition("    # via")
        match = re.fullmatch(r"([A-Za-z0-9._-]+)(?:\[[\w,-]+\])?==([^\s;\\]+)(?: ; ([^\\]+?))?((?: \\\n    --hash=sha256:[0-9a-f]{64})+)\s*",
                             said)
        if match is None:
            raise ValueError(f"no pin with hashes: {block.splitlines()[0]!r}")
        via = [word.strip(" #") for word in comment.splitlines() if word.strip(" #")]
        found.append(Pin(canonicalize_name(match[1]), match[2], match[3] or "", tuple(re.findall(r"[0-9a-f]{64}", match[4])),
                         tuple(via)))
    return found


# --- bandit -----------------------------------------------------------------------------------------------------------


def allowed(text: str) -> Counter[tuple[str, str]]:
    """How often each bandit test may fire in each file. Raises ValueError for a line without a reason."""
    counted: Counter[tuple[str, str]] = Counter()
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("#"):
            continue
        path, rule, often, why = (part.strip() for part in line.split("|"))
        if len(why) < 10:
            raise ValueError(f"no reason: {line}")
        counted[path, rule] += int(often)
    return counted


def fired(report: dict[str, Any]) -> Counter[tuple[str, str]]:
    """How often each bandit test fired in each file. Raises ValueError when bandit could not read a file."""
    if report["errors"]:
        raise ValueError(f"bandit could not read {report['errors']}")
    if not report["metrics"]["_totals"]["loc"]:
        raise ValueError("bandit read nothing")
    return Counter((one["filename"].removeprefix("./"), one["test_id"]) for one in report["results"])


def scan(paths: Iterable[str], folder: Path = ROOT) -> dict[str, Any]:
    """Bandit's report on these paths."""
    done = subprocess.run([sys.executable, "-m", "bandit", "-q", "-r", *paths, "-f", "json", "-x", "*/migrations/*"],
                          cwd=folder, capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        raise ValueError(f"bandit said nothing: {done.stderr[-500:]}")
    return dict(json.loads(done.stdout))


def differences(found: Counter[tuple[str, str]], may: Counter[tuple[str, str]]) -> list[str]:
    """One line for each rule that fires more often, or less, than its exceptions say."""
    return [f"{path}: {rule} fires {found[path, rule]} times, {may[path, rule]} explained"
            for path, rule in sorted(found | may) if found[path, rule] != may[path, rule]]


# --- bill of materials ------------------------------------------------------------------------------------------------


def bill(at: datetime, *, validate: bool = False) -> str:
    """The CycloneDX bill of requirements.txt as cyclonedx-py writes it, dated `at` (UTC) and without its prose."""
    stamp = {"SOURCE_DATE_EPOCH": str(int(at.timestamp()))}
    done = subprocess.run([str(Path(sys.executable).with_name("cyclonedx-py")), "requirements", "requirements.txt",
                           "--output-reproducible", "--of", "JSON", "--validate" if validate else "--no-validate"], cwd=ROOT, capture_output=True, text=True,
                          env={**os.environ, **stamp}, check=True)
    made = json.loads(done.stdout)
    for one in made["components"]:
        del one["description"]  # the line of the file again
    return json.dumps(made, indent=1, sort_keys=True) + "\n"


def dated(text: str) -> datetime:
    """When the bill was made (UTC): the day on which somebody last looked at the pins."""
    return datetime.fromisoformat(json.loads(text)["metadata"]["timestamp"])


# --- what is known against the pins -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """What an audit came to: CLEAN, KNOWN or NOT_CHECKED, and a line for each thing to say."""

    state: int
    lines: tuple[str, ...]


def judged(report: str, wanted: set[str]) -> Found:
    """Read pip-audit's JSON. Clean only when it names every wanted package, none of them skipped, none vulnerable."""
    try:
        rows = {canonicalize_name(row["name"]): row for row in json.loads(report)["dependencies"]}
    except (ValueError, KeyError, TypeError):
        return Found(NOT_CHECKED, ("the audit gave no report",))
    known = tuple(f"{name} {row['version']}: {flaw['id']}, mended in {', '.join(flaw['fix_versions']) or 'nothing yet'}"
                  for name, row in sorted(rows.items()) for flaw in row.get("vulns", ()))
    blind = sorted(name for name in wanted if "vulns" not in rows.get(name, {}))
    if known:
        return Found(KNOWN, known)
    if blind:
        return Found(NOT_CHECKED, (f"{len(blind)} of {len(wanted)} packages were not looked up ({', '.join(blind[:3])} …)",))
    return Found(CLEAN, (f"{len(wanted)} packages, nothing known against them",))


def advisories(wanted: list[Pin], ask: Callable[[str, list[Pin]], str]) -> Found:
    """Ask each service in turn until one has looked at every pin; one pin is tried first, to give up quickly."""
    blind: list[str] = []
    for service in SERVICES:
        tried = judged(ask(service, wanted[:1]), {wanted[0].name})
        told = judged(ask(service, wanted), {pin.name for pin in wanted}) if tried.state == CLEAN else tried
        if told.state != NOT_CHECKED:
            return told
        blind += [f"{service}: {line}" for line in told.lines]
    return Found(NOT_CHECKED, tuple(blind))


def pip_audit(service: str, wanted: list[Pin]) -> str:
    """What pip-audit reports on these pins; anything at all when the service cannot be reached."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as lines:
        lines.write("".join(f"{pin.name}=={pin.version}{' ; ' + pin.marker if pin.marker else ''}"
                            f"{''.join(f' --hash=sha256:{one}' for one in pin.hashes)}\n" for pin in wanted))
        lines.flush()
        done = subprocess.run([sys.executable, "-m", "pip_audit", "-r", lines.name, "--require-hashes", "--disable-pip",
                               "-s", service, "-f", "json", "--progress-spinner", "off"], capture_output=True, text=True,
                              check=False)
    return done.stdout


def left_behind(ours: list[Pin], then: dict[str, str]) -> list[str]:
    """Pins older than what could be had `MOST_DAYS` ago already (`then`: name → version)."""
    newest = {pin.name: max(Version(one.version) for one in ours if one.name == pin.name) for pin in ours}
    return [f"{name} {newest[name]}: {version} has been out for more than {MOST_DAYS} days"
            for name, version in sorted(then.items()) if name in newest and newest[name] < Version(version)]


def resolved(day: date, resolve: Callable[[date, str], subprocess.CompletedProcess[str]]) -> dict[str, str] | None:
    """What requirements.in came to on that day, without its own pins; None when the index did not answer.

    A package whose first release is younger than the day cannot be behind one: it is left out.
    """
    wanted = re.sub(r"==\S+", "", (ROOT / "requirements.in").read_text())
    for _ in range(10):
        done = resolve(day, wanted)
        if done.returncode == 0:
            return {canonicalize_name(name.partition("[")[0]): version
                    for name, version in re.findall(r"^([\w.\[\],-]+)==([^\s;]+)", done.stdout, re.MULTILINE)}
        young = re.search(r"`([\w.-]+)` was filtered by `exclude-newer`", done.stderr)
        if young is None or (fewer := re.sub(rf"^{re.escape(young[1])}\b.*\n", "", wanted, flags=re.MULTILINE)) == wanted:
            return None
        wanted = fewer
    return None


def uv(day: date, wanted: str) -> subprocess.CompletedProcess[str]:
    """Resolve these lines as of that day."""
    return subprocess.run([sys.executable, "-m", "uv", "pip", "compile", "-q", "--universal", "--python-version", "3.11",
                           "--no-header", "--no-annotate", "--no-emit-index-url", "--exclude-newer", str(day), "-"],
                          input=wanted, capture_output=True, text=True, check=False,
                          env={**os.environ, "UV_SYSTEM_CERTS": "1"})


def freshness(ours: list[Pin], today: date, resolve: Callable[[date, str], subprocess.CompletedProcess[str]] = uv) -> Found:
    """Whether a pin is behind a release that has been out for more than MOST_DAYS."""
    then = resolved(today - timedelta(days=MOST_DAYS), resolve)
    if not then:
        return Found(NOT_CHECKED, ("the index did not answer",))
    stale = left_behind(ours, then)
    return Found(KNOWN, tuple(stale)) if stale else Found(CLEAN, (f"no pin of {len(ours)} is behind",))


# --- commands ---------------------------------------------------------------------------------------------------------

WORDS = {CLEAN: "clean", KNOWN: "FOUND", NOT_CHECKED: "NOT CHECKED"}


def audit() -> int:
    """Say what is known against our pins; the worst of the two answers is the exit status."""
    ours = pins((ROOT / "requirements.txt").read_text())
    states = []
    for what, found in (("advisories", advisories(ours, pip_audit)), ("freshness", freshness(ours, datetime.now(UTC).date()))):
        states.append(found.state)
        for line in found.lines:
            print(f"{what}: {WORDS[found.state]}: {line}")
    return KNOWN if KNOWN in states else max(states)


def main(words: list[str]) -> int:
    """Run one command."""
    if words == ["bandit"]:
        wrong = differences(fired(scan(SCANNED)), allowed(EXCEPTIONS.read_text()))
        print("\n".join(wrong) or "bandit: clean")
        return int(bool(wrong))
    if words == ["sbom"]:
        BILL.write_text(bill(datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0), validate=True))
        return CLEAN
    if words == ["audit"]:
        return audit()
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
