"""Start the real sandbox process for a test and talk to it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from fly2any.stack.children import dies_with_parent

ROOT = Path(__file__).resolve().parents[2]


def wait_until(true: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Return the first truthy result; fails the test when none comes in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


class Sandbox:
    """One sandbox process on a port of its own choosing."""

    def __init__(self, folder: Path, port: int, *more: str, site: str = "http://127.0.0.1:9") -> None:
        self.port, self.folder = port, folder
        self._command = [
            sys.executable,
            "-m",
            "sandbox",
            "--port",
            str(port),
            "--data",
            str(folder),
            "--site",
            site,
            *more,
        ]
        self.url = f"http://127.0.0.1:{port}"
        self.http = httpx.Client(base_url=self.url, timeout=10.0, trust_env=False)
        self.start()

    def start(self) -> None:
        """Start the process and wait until it answers."""
        self.process = subprocess.Popen(self._command, cwd=ROOT, start_new_session=True,
                                        preexec_fn=dies_with_parent(signal.SIGKILL))
        wait_until(self._answers, 60.0)

    def kill(self) -> None:
        """Kill the process as the kernel would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.wait(10)
        self.http.close()

    def fault(self, operation: str, kind: str, **more: Any) -> Any:
        """Arm a fault."""
        answer = self.http.post("/_faults", json={"operation": operation, "kind": kind, **more})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def ledger(self, **asked: Any) -> list[dict[str, Any]]:
        """Return ledger rows."""
        rows: list[dict[str, Any]] = self.http.get("/_ledger", params=asked).json()["rows"]
        return rows

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock."""
        self.http.post("/_clock", json={"advance_seconds": seconds})

    def _answers(self) -> bool:
        assert self.process.poll() is None, "the sandbox ended by itself"
        try:
            return httpx.get(f"{self.url}/_healthz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False


class Site:
    """A tiny site that keeps the webhooks it gets; ``answer`` is the status it gives."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answer = 200
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                site.got.append(({"path": self.path, **{k.lower(): v for k, v in self.headers.items()}}, body))
                self.send_response(site.answer)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()
