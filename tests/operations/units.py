"""The programs as the systemd units start them, for a stack of real processes; and nginx as docs/operations configures it."""

from __future__ import annotations

import contextlib
import re
import shlex
import socket
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

from fly2any.stack.children import dies_with_parent
from fly2any.stack.supervisor import Program
from tests.sandbox.process import wait_until
from tests.stack import ROOT, Stack

UNITS = ROOT / "docs" / "operations" / "systemd"
HOME = "/srv/fly2any/current"


def command(unit: str, **settings: str) -> list[str]:
    """The ExecStart of a unit, with this checkout in place of the release and these settings."""
    text = (UNITS / unit).read_text().replace("\\\n", " ")
    line = re.search(r"^ExecStart=(.*)$", text, re.MULTILINE)
    assert line is not None
    told = line.group(1).replace(HOME, str(ROOT))
    for name, value in settings.items():
        told = told.replace(f"${{{name}}}", value)
    assert "${" not in told, told
    return shlex.split(told)


class Deployed(Stack):
    """A stack whose web, worker (prefork) and sweeper are started by the units' own commands."""

    def _read_programs(self, sandbox_port: int) -> dict[str, Program]:
        found = super()._read_programs(sandbox_port)
        for name, program in found.items():
            if name == "web":
                words = command("fly2any-web.service", WEB_WORKERS="1", WEB_THREADS="8",
                                WEB_BIND=f"127.0.0.1:{self.ports[0]}")
            elif name == "worker":
                words = command("fly2any-worker.service", WORKER_PROCESSES="2")
            else:
                words = [*command("fly2any-sweeper.service"), "--every", str(self._every)]
            found[name] = replace(program, command=words)
        return found

    def terminate(self, name: str) -> int:
        """SIGTERM as systemd sends it (to the main process alone); returns the exit status once it has ended."""
        process = self._running.pop(name)
        process.terminate()
        return process.wait(60)


class Nginx:
    """nginx with our configuration in front of a stack, on free ports, with a certificate made for it."""

    def __init__(self, folder: Path, port: int, plain: int, upstream: int, host: str,
                 other: dict[str, str] | None = None) -> None:
        self.folder, self.port, self.host = folder, port, host
        tls = folder / "tls"
        tls.mkdir(parents=True)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={host}",
                        "-addext", f"subjectAltName=DNS:{host}", "-keyout", str(tls / "privkey.pem"), "-out",
                        str(tls / "fullchain.pem")], check=True, capture_output=True)
        text = (ROOT / "docs" / "operations" / "nginx.conf").read_text()
        changes: dict[str, Any] = {
            "/etc/nginx/tls": tls, "/var/log/nginx": folder, "/run/nginx.pid": folder / "nginx.pid",
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl", "listen 80 ": f"listen 127.0.0.1:{plain} ",
            "127.0.0.1:8000": f"127.0.0.1:{upstream}", "fly2any.example": host, HOME: ROOT,
            "worker_processes auto;": "worker_processes 1; daemon off;", **(other or {})}
        for old, new in changes.items():
            assert old in text, old
            text = text.replace(old, str(new))
        self.file = folder / "nginx.conf"
        self.file.write_text(text)
        self.certificate = tls / "fullchain.pem"

    def __enter__(self) -> Nginx:
        words = ["nginx", "-p", str(self.folder), "-c", str(self.file)]
        checked = subprocess.run([*words, "-t"], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        self._process = subprocess.Popen(words, preexec_fn=dies_with_parent(15))
        wait_until(self._listens)
        return self

    def _listens(self) -> bool:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", self.port), timeout=5):
            return True
        return False

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)
