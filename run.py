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

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
UV = "uv==0.13.8"
CHROMIUM_PACKAGES = ["chromium", "libatomic1", "fonts-dejavu-core"]
CHROMIUM_NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
FIRST_LANE = "contracts crashes gallery journeys outages races rehearsal sandbox storm".split()
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
    with_uv = run(*pip, UV, quiet=True) == 0 and run(*uv, *words, quiet=True, env=environ) == 0
    if not with_uv and run(*pip, *words, quiet=True):
        stop(f"cannot install {requirements}; the lines above say why (is the package index reachable?)")
    mark.touch()
    if requirements == "requirements-dev.txt":  # holds everything that requirements.txt holds
        digest = hashlib.sha256((ROOT / "requirements.txt").read_bytes()).hexdigest()[:16]
        (VENV / f".installed-requirements.txt-{digest}").touch()


def chromium():
    """The browser for the tests: CHROMIUM, one that is here, one from apt (as root), or Playwright's own."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    found = found or next((path for path in MAC_CHROMIUM if Path(path).exists()), None)
    debian = platform.system() == "Linux" and shutil.which("apt-get")
    atomic = not debian or any(Path("/usr/lib").glob("*/libatomic.so.1"))  # Playwright's own node needs it
    if found and atomic:
        return found
    if debian and os.geteuid() == 0:
        print("fly2any: installing Chromium with apt", flush=True)
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "-qq", "update", quiet=True, env=environ)
        run("apt-get", "-qq", "-y", "install", "--no-install-recommends", *CHROMIUM_PACKAGES, quiet=True, env=environ)
        found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
        if found:
            return found
    if not atomic:
        stop("the browser tests need libatomic: sudo apt-get install " + " ".join(CHROMIUM_PACKAGES))
    if run(str(PYTHON), "-m", "playwright", "install", "chromium", quiet=True) == 0:
        return ""  # Playwright finds its own
    stop(f"the browser tests need Chromium: install {' '.join(CHROMIUM_PACKAGES)}, or set CHROMIUM to its path")


def lanes(environ):
    """All tests in two lanes at once, each with a database of its own; returns the exit status.

    One lane where DATABASE_URL names a database, which two could not share.
    """
    pytest = [str(PYTHON), "-m", "pytest"]
    if environ.get("DATABASE_URL"):
        return run(*pytest, env=environ)
    second = ROOT / ".local" / "test-2.log"
    second.parent.mkdir(parents=True, exist_ok=True)
    folders = [f"tests/{name}" for name in FIRST_LANE]
    rest = [f"--ignore={folder}" for folder in folders]
    with second.open("w", encoding="utf-8") as log:
        beside = subprocess.Popen(
            [*pytest, *rest], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT,
            env={**environ, "DATA_DIR": str(ROOT / ".local" / "test-2")},
        )  # fmt: skip
        try:
            status = run(*pytest, *folders, env=environ)
            print("fly2any: pytest, the second lane", flush=True)
            status = beside.wait() or status
        finally:
            beside.terminate()
            beside.wait()
    print(second.read_text(encoding="utf-8"), flush=True)
    return status


def test(arguments):
    """All checks, then pytest; with arguments pytest alone. Returns the exit status."""
    install("requirements-dev.txt")
    environ = {**os.environ, "CHROMIUM": chromium(), "PYTHONUNBUFFERED": "1"}
    if arguments:
        return run(str(PYTHON), "-m", "pytest", *arguments, env=environ)
    scripts = PYTHON.parent
    checks = [
        ["ruff", "check", "."],
        ["mypy"],
        ["lint-imports"],
        ["manage.py", "check", "--fail-level", "WARNING"],
        ["manage.py", "makemigrations", "--check", "--dry-run"],
    ]
    failed = []
    for words in checks:
        program = [str(PYTHON), *words] if words[0] == "manage.py" else [str(scripts / words[0]), *words[1:]]
        print(f"fly2any: {' '.join(words)}", flush=True)
        if run(*program, env=environ):
            failed.append(" ".join(words[:2]))
    print("fly2any: pytest, two lanes at once", flush=True)
    status = lanes(environ)
    if failed:
        print(f"fly2any: FAILED: {', '.join(failed)}", flush=True)
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
