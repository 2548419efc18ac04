"""Runs the programs of the site side by side: prefixed output, restart when one dies, all gone when we go.

Every child is started from the main thread with a parent-death signal, so that nothing is left even after SIGKILL.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fly2any.stack.children import dies_with_parent

_COLOURS = (36, 32, 33, 35, 34)
_STEADY_SECONDS = 30.0  # alive for so long: the next death waits the shortest pause again
_LONGEST_PAUSE = 30.0
_GRACE_SECONDS = 3.0  # a killed process loses nothing here, so nobody waits long


@dataclass(frozen=True)
class Program:
    """One child: its name in the log, its command, what is added to the environment, the signal when we vanish."""

    name: str
    command: list[str]
    environ: Mapping[str, str] = field(default_factory=dict)
    orphan_signal: int = signal.SIGKILL


@dataclass
class _Child:
    program: Program
    colour: int
    process: subprocess.Popen[str] | None = None
    started: float = 0.0
    pause: float = 1.0
    again_at: float = 0.0


class Supervisor:
    """Starts programs, keeps them alive, stops them. Call everything from the main thread."""

    def __init__(self) -> None:
        self._children: list[_Child] = []
        self._print = threading.Lock()
        self._coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self._width = 7

    def say(self, text: str, name: str = "up", colour: int = 1) -> None:
        """Print one line under a name."""
        prefix = f"{name:<{self._width}} | "
        if self._coloured:
            prefix = f"\033[{colour}m{prefix}\033[0m"
        with self._print, contextlib.suppress(OSError, ValueError):
            print(prefix + text, flush=True)  # noqa: T201

    def start(self, program: Program) -> None:
        """Start a program and keep it alive from now on. Raises OSError when its file cannot be run."""
        child = _Child(program, _COLOURS[len(self._children) % len(_COLOURS)])
        self._children.append(child)
        self._spawn(child)

    def tick(self) -> None:
        """Look once at every child: announce a death, start it again after its pause."""
        now = time.monotonic()
        for child in self._children:
            if child.process is None:
                if now >= child.again_at:
                    self._spawn(child)
                continue
            status = child.process.poll()
            if status is None:
                continue
            if now - child.started > _STEADY_SECONDS:
                child.pause = 1.0
            how = signal.Signals(-status).name if status < 0 else f"status {status}"
            self.say(f"{child.program.name} ENDED ({how}); starting it again in {child.pause:.0f} s", colour=31)
            _end_group(child.process)  # what it left running would hold its port
            child.process = None
            child.again_at = now + child.pause
            child.pause = min(child.pause * 2, _LONGEST_PAUSE)

    def run(self, stop: threading.Event, also: Callable[[], None]) -> None:
        """Tick until `stop` is set; `also` runs about every two seconds."""
        next_look = 0.0
        while not stop.is_set():
            self.tick()
            if time.monotonic() >= next_look:
                also()
                next_look = time.monotonic() + 2.0
            stop.wait(0.2)

    def stop(self) -> None:
        """Ask all children to end, wait a moment, kill what is left with everything they started."""
        alive = [child.process for child in self._children if child.process is not None]
        for process in alive:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _GRACE_SECONDS
        for process in alive:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        for process in alive:
            _end_group(process)
            process.wait()

    def _spawn(self, child: _Child) -> None:
        program = child.program
        child.started = time.monotonic()
        child.process = subprocess.Popen(  # noqa: S603
            program.command,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **program.environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C reaches us alone; we pass it on in order
            preexec_fn=dies_with_parent(program.orphan_signal),
        )
        threading.Thread(target=self._pump, args=(child, child.process), daemon=True).start()

    def _pump(self, child: _Child, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            self.say(line.rstrip("\n"), child.program.name, child.colour)


def _end_group(process: subprocess.Popen[str]) -> None:
    """Kill whatever is left of a child and its own children: each child leads a group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
