#!/usr/bin/env python3
"""The two commands of Fly2Any, from a fresh clone with nothing but Python 3.11 or newer.

python3 run.py               start everything (database, broker, sandbox, site, worker, sweeper)
python3 run.py test          set up what the tests need and run all checks and tests
python3 run.py test -k word  the same set-up, then pytest alone with these arguments
python3 run.py manage …      any manage.py command
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
UV = "requirements-uv.txt"
HEADLESS = "chromium-headless-shell"  # Chromium without windows: a third of the work
CHROMIUM_PACKAGES = ["libatomic1", "fonts-dejavu-core"]
APT_PATIENCE = ["-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=20"]
CHROMIUM_NAMES = [HEADLESS, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
LANES = [  # folders of tests; one more lane, which begins after the checks, has the rest
    "crashes desk operations outages papers races reconcile rehearsal secrecy stays storm".split(),
    "access detectors figures gallery house journeys".split(),
    "api contracts core guard hostile sandbox trail".split(),
]
MAC_CHROMIUM = [f"/Applications/{name}.app/Contents/MacOS/{name}" for name in ("Google Chrome", "Chromium")]


def stop(text):
    """End with one clear line."""
    sys.exit(f"fly2any: {text}")


def run(*command, quiet=False, **extra):
    """Run a program in the project's folder; return its exit status, with the output kept back when quiet."""
    if not quiet:
        return subprocess.run(command, cwd=ROOT, **extra).returncode
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **extra)
    if done.returncode:
        print("\n".join(done.stdout.splitlines()[-15:]), file=sys.stderr)
    return done.returncode


def make_venv():
    """Make .venv unless a whole one is there (a run that was cut short leaves no mark)."""
    made = VENV / ".made"
    if made.exists() and PYTHON.exists():
        return
    print("fly2any: making .venv", flush=True)
    if run(sys.executable, "-m", "venv", "--clear", str(VENV), quiet=True):
        stop("cannot make a virtual environment; on Debian or Ubuntu: apt-get install python3-venv")
    made.touch()


def install(requirements):
    """Install the hashed requirements unless exactly these are there; uv first, pip if that fails."""
    wanted = (ROOT / requirements).read_bytes()
    mark = VENV / f".installed-{requirements}-{hashlib.sha256(wanted).hexdigest()[:16]}"
    if mark.exists():
        return
    print(f"fly2any: installing {requirements}", flush=True)
    for old in VENV.glob(".installed-*"):
        old.unlink()  # another set may change shared versions: look again at the next start
    words = ["--require-hashes", "-r", requirements]
    environ = {**os.environ, "UV_SYSTEM_CERTS": "1"}
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    uv = [str(PYTHON), "-m", "uv", "pip", "install", "--quiet", "--python", str(PYTHON)]
    has_uv = run(*pip, "--require-hashes", "-r", UV, quiet=True) == 0
    if not (has_uv and run(*uv, *words, quiet=True, env=environ) == 0) and run(*pip, *words, quiet=True):
        stop(f"cannot install {requirements}; the lines above say why (is the package index reachable?)")
    mark.touch()
    if requirements == "requirements-dev.txt":  # holds everything that requirements.txt holds
        digest = hashlib.sha256((ROOT / "requirements.txt").read_bytes()).hexdigest()[:16]
        (VENV / f".installed-requirements.txt-{digest}").touch()


def chromium():
    """The browser for the tests: CHROMIUM, one that is here, one from apt (as root), or Playwright's own.

    Where apt may be used and only the large Chromium is here, the headless shell is asked for once.
    """
    debian = platform.system() == "Linux" and shutil.which("apt-get")
    found, atomic = os.environ.get("CHROMIUM") or browser_here(), atomic_here(debian)
    small, asked = os.environ.get("CHROMIUM") or shutil.which(HEADLESS), VENV / ".asked-for-headless-shell"
    if debian and os.geteuid() == 0 and not (found and atomic and (small or asked.exists())):
        print("fly2any: installing Chromium with apt", flush=True)
        environ, apt = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, ["apt-get", "-qq", *APT_PATIENCE]
        run(*apt, "update", quiet=True, env=environ)
        wanted = ["-y", "install", "--no-install-recommends", *CHROMIUM_PACKAGES]
        if run(*apt, *wanted, HEADLESS, quiet=True, env=environ) and not (found and atomic):
            run(*apt, *wanted, "chromium", quiet=True, env=environ)
        asked.touch()
        found, atomic = os.environ.get("CHROMIUM") or browser_here(), atomic_here(debian)
    if found and atomic:
        return found
    if not atomic:
        stop("the browser tests need libatomic: sudo apt-get install " + " ".join(CHROMIUM_PACKAGES))
    if run(str(PYTHON), "-m", "playwright", "install", "chromium", quiet=True) == 0:
        return ""  # Playwright finds its own
    stop(f"the browser tests need Chromium: install {' '.join([HEADLESS, *CHROMIUM_PACKAGES])}, or set CHROMIUM")


def browser_here():
    """The path of a browser that is installed, the smallest first, or None."""
    installed = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    return installed or next((path for path in MAC_CHROMIUM if Path(path).exists()), None)


def atomic_here(debian):
    """Whether the library that Playwright's own node needs is there, where we know how to look."""
    return not debian or any(Path("/usr/lib").glob("*/libatomic.so.1"))


def lanes(environ, meanwhile):
    """All tests in lanes at once, each with a database of its own; `meanwhile()` goes on beside the background lanes.

    The last lane runs in the foreground. One lane alone where DATABASE_URL names a database, which two could not share.
    Returns the exit status; the last lines say how many tests of each lane passed and name those that failed.
    """
    pytest = [str(PYTHON), "-m", "pytest"]
    local = ROOT / ".local"
    local.mkdir(exist_ok=True)
    chosen = [] if environ.get("DATABASE_URL") else [[f"tests/{name}" for name in lane] for lane in LANES]
    reports = [local / f"lane-{number}.xml" for number in range(1, len(chosen) + 2)]
    for report in reports:
        report.unlink(missing_ok=True)
    running, logs = [], []
    try:
        for number, folders in enumerate(chosen, start=1):
            logs.append(local / f"lane-{number}.log")
            with logs[-1].open("wb") as log:
                running.append(subprocess.Popen(
                    [*pytest, f"--junitxml={reports[number - 1]}", *folders], cwd=ROOT, stdout=log,
                    stderr=subprocess.STDOUT, env={**environ, "DATA_DIR": str(local / f"test-{number}")},
                ))  # fmt: skip
        meanwhile()
        rest = [f"--ignore={folder}" for folders in chosen for folder in folders]
        print(f"fly2any: pytest, the last of {len(reports)} lanes at once", flush=True)
        status = run(*pytest, f"--junitxml={reports[-1]}", *rest, env=environ)
        for number, (lane, log) in enumerate(zip(running, logs, strict=True), start=1):
            status = lane.wait() or status
            print(f"fly2any: pytest, lane {number}", flush=True)
            sys.stdout.write(log.read_text(encoding="utf-8", errors="replace"))
    finally:
        for lane in running:
            lane.terminate()
            lane.wait()
    for number, report in enumerate(reports, start=1):
        print("\n".join(told(number, report)), flush=True)
    return status


def told(number, report):
    """Yield what came of a lane: one line with the numbers, and one for each test that failed."""
    if not report.exists():
        yield f"fly2any: lane {number} ended without a report"
        return
    suite = next(ElementTree.parse(report).getroot().iter("testsuite"))
    bad = [one for one in suite.iter("testcase") if one.find("failure") is not None or one.find("error") is not None]
    yield f"fly2any: lane {number}: {suite.get('tests')} tests, {len(bad)} failed, {float(suite.get('time')):.0f} s"
    for one in bad:
        yield f"fly2any: FAILED {one.get('classname')}::{one.get('name')}"


def check(environ):
    """Run the checks; returns the names of those that failed."""
    scripts = PYTHON.parent
    checks = [
        ["ruff", "check", "."],
        ["mypy"],
        ["lint-imports"],
        ["manage.py", "check", "--fail-level", "WARNING"],
        ["manage.py", "makemigrations", "--check", "--dry-run"],
        ["-m", "tests.secrecy.supply", "bandit"],
        ["-m", "tests.secrecy.supply", "audit"],  # 3: it could not look, and says so
    ]
    failed = []
    for words in checks:
        program = [str(PYTHON if words[0] in ("manage.py", "-m") else scripts / words[0])]
        program += words if words[0] in ("manage.py", "-m") else words[1:]
        print(f"fly2any: {' '.join(words)}", flush=True)
        if run(*program, env=environ) not in (0, 3 if words[-1] == "audit" else 0):
            failed.append(" ".join(words[:2]))
    return failed


def test(arguments):
    """All checks and tests; with arguments pytest alone. Returns the exit status."""
    install("requirements-dev.txt")
    environ = {**os.environ, "CHROMIUM": chromium(), "PYTHONUNBUFFERED": "1"}
    if arguments:
        return run(str(PYTHON), "-m", "pytest", *arguments, env=environ)
    failed = []
    status = lanes(environ, lambda: failed.extend(check(environ)))
    for name in failed:
        print(f"fly2any: FAILED {name}", flush=True)
    print(f"fly2any: {'FAILED' if status or failed else 'all is well'}", flush=True)
    return status or bool(failed)


def main():
    """Do what the command line says."""
    if sys.version_info < (3, 11):  # noqa: UP036  (older Pythons reach this line)
        stop(f"needs Python 3.11 or newer; this is {platform.python_version()} ({sys.executable})")
    if sys.argv[1:2] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    if sys.argv[1:2] not in ([], ["test"], ["manage"]):
        stop(f"unknown command {sys.argv[1]!r}; known: test, manage, or nothing to start the site")
    make_venv()
    if sys.argv[1:2] == ["test"]:
        return test(sys.argv[2:])
    install("requirements.txt")
    words = sys.argv[2:] or ["help"] if sys.argv[1:] else ["up"]
    command = [str(PYTHON), "manage.py", *words]
    os.chdir(ROOT)
    if os.name == "nt":
        return run(*command)
    os.execv(command[0], command)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
