"""Start the sandbox: ``python -m sandbox --port 8001 --data DIR --site http://127.0.0.1:8000``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import importlib
import importlib.util
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import uvicorn

from sandbox import control
from sandbox.app import SandboxApp
from sandbox.frame import Vendor, World
from sandbox.protocol import SandboxProtocol

VENDOR_MODULES = ("sandbox.duffel.vendor", "sandbox.stripe.vendor", "sandbox.amadeus.vendor")


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="The outside world, told to misbehave.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--data", type=Path, required=True, help="folder of the state; survives restarts")
    parser.add_argument("--site", default="http://127.0.0.1:8000", help="where webhooks go")
    parser.add_argument("--duffel-secret", default="whsec_sandbox_duffel")
    parser.add_argument("--stripe-secret", default="whsec_sandbox_stripe")
    parser.add_argument("--fast", action="store_true", help="no artificial latency at all")
    parser.add_argument("--vendors", nargs="*", default=VENDOR_MODULES, help="modules that define VENDOR")
    return parser.parse_args()


def vendors(modules: Sequence[str]) -> list[Vendor]:
    """Return the vendors that are installed."""
    found = []
    for name in modules:
        if importlib.util.find_spec(name.rpartition(".")[0]) and importlib.util.find_spec(name):
            found.append(importlib.import_module(name).VENDOR)
    return found


def build(chosen: argparse.Namespace) -> SandboxApp:
    """Open the state and put the application together."""
    world = World(chosen.data, site=chosen.site, base_url=f"http://{chosen.host}:{chosen.port}", fast=chosen.fast)
    present: list[Any] = vendors(chosen.vendors)
    for vendor in present:
        world.vendors[vendor.name] = vendor
        if secret := getattr(chosen, f"{vendor.name}_secret", None):
            vendor.secret = secret
    control.start(world, present)
    return SandboxApp(world, present)


async def timers(app: SandboxApp) -> None:
    """Fire timers when the sandbox's own time comes, until cancelled."""
    while True:
        pause = app.run_timers()
        app.world.timers_changed = False
        while pause > 0 and not app.world.timers_changed:
            step = min(pause, 0.05)
            await asyncio.sleep(step)
            pause -= step


def listen(host: str, port: int) -> socket.socket:
    """Take the port, or end with one clear line."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as problem:
        raise SystemExit(f"sandbox: cannot listen on {host}:{port}: {problem}") from None
    return listener


def only_one(folder: Path) -> TextIO:
    """Hold the folder's lock while the process lives; two sandboxes on one memory would contradict each other."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise SystemExit(f"sandbox: another sandbox is using {folder}") from None
    return lock


async def serve(chosen: argparse.Namespace) -> None:
    """Run until told to stop."""
    listener = listen(chosen.host, chosen.port)
    lock = only_one(chosen.data)
    app = build(chosen)
    app.pages.state.run_timers = app.run_timers
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=SandboxProtocol,  # type: ignore[arg-type]
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
        backlog=2048,
        timeout_keep_alive=75,
    )
    jobs = [asyncio.create_task(timers(app)), asyncio.create_task(app.world.outbox.run())]
    print(
        f"sandbox: listening on {app.world.base_url}, vendors {', '.join(sorted(app.world.vendors)) or 'none'}",
        flush=True,
    )
    try:
        await uvicorn.Server(config).serve(sockets=[listener])
    finally:
        for job in jobs:
            job.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*jobs, return_exceptions=True)
        lock.close()


def main() -> None:
    """Start the server on uvloop."""
    import uvloop

    uvloop.run(serve(options()))


if __name__ == "__main__":
    main()
