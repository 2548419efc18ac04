"""`python -m tests.operations.containerfile`: carry out docs/operations/Containerfile without a daemon or a registry.

The COPY and RUN lines of the building stage are done in a folder in place of /srv/fly2any (this machine's Python stands for
the base image); then CMD is started as user 10001 with an empty environment and asked what HEALTHCHECK asks. What cannot be
shown so is said: the base image itself, and the RUN line that makes the user.
"""

from __future__ import annotations

import http.client
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.stack import ROOT, free_port

FILE = ROOT / "docs" / "operations" / "Containerfile"
PLACE = "/srv/fly2any"
USER = 10001


def steps(text: str) -> list[tuple[str, str]]:
    """Instructions with their words, continuation lines joined."""
    joined = re.sub(r"\\\n", " ", text)
    lines = [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def main() -> int:
    """Build in a folder, start, ask, stop; 0 when all of it went well."""
    with tempfile.TemporaryDirectory(prefix="image-") as folder:
        Path(folder).chmod(0o755)
        found = steps(FILE.read_text())
        second = [n for n, (word, _) in enumerate(found) if word == "FROM"][1]
        for word, rest in found[:second]:
            _build(word, rest, Path(folder))
        return _run(dict(found[second:]), Path(folder))


def _build(word: str, rest: str, folder: Path) -> None:
    if word == "COPY":
        *names, goal = shlex.split(rest)
        for name in names:
            source, there = ROOT / name, folder / goal
            if source.is_dir():
                shutil.copytree(source, there, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, there if goal != "./" else folder)
    elif word == "RUN":
        print(f"RUN {rest[:100]}", flush=True)
        started = time.monotonic()
        command = rest.replace("python -m venv", f"{sys.executable} -m venv")
        subprocess.run(["sh", "-ec", command.replace(PLACE, str(folder))], cwd=folder, check=True, env={
            "PATH": "/usr/bin:/bin", "HOME": str(folder), **{name: value for name, value in os.environ.items()
                                                           if name.startswith("PIP_") or "CERT" in name}})
        print(f"    done in {time.monotonic() - started:.0f} s", flush=True)


def _run(final: dict[str, str], folder: Path) -> int:
    print("not carried out here: the base image, and the line that makes user 10001")
    assert final["USER"] == f"{USER}:{USER}"
    port = free_port()
    shell = re.findall(r'"((?:[^"\\]|\\.)*)"', final["CMD"])
    command = [shell[0], shell[1], shell[2].replace("0.0.0.0:8000", f"127.0.0.1:{port}")]  # noqa: S104
    data = Path(tempfile.mkdtemp(prefix="image-data-"))
    os.chown(data, USER, USER)
    environ = {"PATH": f"{folder}/.venv/bin:/usr/bin:/bin", "DATA_DIR": str(data), "WEB_WORKERS": "1", "WEB_THREADS": "2",
               "WEB_PORT": str(port), "PYTHONDONTWRITEBYTECODE": "1"}
    web = subprocess.Popen(command, cwd=folder, env=environ, user=USER, group=USER, extra_groups=[])
    try:
        answers = [_asked(port, path) for path in ("/healthz", "/readyz")]
        print(f"/healthz {answers[0]}, /readyz {answers[1]} (503: there is no database here)")
        return 0 if answers == [200, 503] else 1
    finally:
        web.terminate()
        print(f"SIGTERM: ended with {web.wait(60)}")
        shutil.rmtree(data, ignore_errors=True)


def _asked(port: int, path: str) -> int:
    """The status of an answer, waiting two minutes for the first."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("GET", path, headers={"Host": "localhost"})
            return connection.getresponse().status
        except OSError:
            time.sleep(0.2)
        finally:
            connection.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
