"""Where it happens: two of each program behind a small balancer, a durable PostgreSQL, Valkey, the sandbox."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

from fly2any.stack import postgres
from tests.stack import ROOT, Stack, free_port

STAFF = "robot"
# Both suppliers; the desk's robot is alone, so that no amount needs a second person
ENVIRON = {"AMADEUS_CLIENT_ID": "amadeus_sandbox", "SECOND_PERSON_ABOVE": "USD 90000, EUR 90000, GBP 90000"}
DURABLE = {"shared_buffers": "256MB", "log_min_duration_statement": "2000", "log_lock_waits": "on"}


class Balancer(threading.Thread):
    """One address for both web servers: connections go to each in turn, and to the other when one does not take them.

    Webhooks come in by it; the load has a list of its own and does the same, so that its measurements have nothing
    between.
    """

    def __init__(self) -> None:
        super().__init__(name="balancer", daemon=True)
        self.port, self.ports, self._turn = free_port(), list[int](), 0

    def run(self) -> None:
        """For ever."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        async with server:
            await server.serve_forever()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._turn += 1
        for at in range(len(self.ports)):
            with contextlib.suppress(OSError):
                inner, outer = await asyncio.open_connection("127.0.0.1", self.ports[(self._turn + at) % len(self.ports)])
                with contextlib.suppress(OSError):
                    await asyncio.gather(_pipe(reader, outer), _pipe(inner, writer))
                break
        writer.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


def ground(folder: Path, *, broker: bool, every: float, balancer: Balancer) -> Stack:
    """A fresh stack in `folder`; start it with `with`. `every`: seconds between two sweeps."""
    postgres.stop(folder / "pg")
    shutil.rmtree(folder, ignore_errors=True)
    return Stack(folder, webs=2, workers=2, threads=6, celeries=2, sweepers=2, broker=broker, every=every,
                 own_postgres=True, postgres_settings=DURABLE, fast=False, front=f"http://127.0.0.1:{balancer.port}",
                 environ=ENVIRON)


def staff_password(stack: Stack) -> str:
    """Make the member of staff whom the desk's robot signs in as."""
    return stack.manage("make_staff", STAFF, "--role", "manager").rpartition(": ")[2].strip()


def migrate(stack: Stack, to: str = "") -> subprocess.Popen[bytes]:
    """Begin to bring the tests' own migrations of the soak to `to` ("" the newest, "zero" none) beside the traffic."""
    environ = {**os.environ, **stack._environ("manage"), "DJANGO_SETTINGS_MODULE": "bench.soak.schema.settings",
               "DB_STATEMENT_TIMEOUT_MS": "120000"}
    with (stack.folder / "migrate.log").open("ab") as log:
        return subprocess.Popen([sys.executable, "manage.py", "migrate", "soak_schema", *([to] if to else [])],
                                cwd=ROOT, env=environ, stdout=log, stderr=log)
