"""Typed readers of the environment and of the secrets an installation keeps for itself. Used by settings only."""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import environ

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
environ.Env.read_env(str(BASE_DIR / ".env"))


def text(name: str, default: str = "") -> str:
    """The variable as text without surrounding blanks; an empty variable counts as unset."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, *, default: bool) -> bool:
    """The variable as yes or no (`1`, `on`, `true`, `yes` are yes)."""
    return text(name, "on" if default else "off").lower() in {"1", "on", "true", "yes"}


def number(name: str, default: int) -> int:
    """The variable as a whole number; raises ImproperlyConfigured with its name when it is something else."""
    from django.core.exceptions import ImproperlyConfigured

    found = text(name)
    try:
        return int(found) if found else default
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {found!r}") from None


def words(name: str, default: str = "") -> list[str]:
    """The variable as a list, split at commas."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def amounts(name: str, default: str) -> dict[str, int]:
    """The variable as amounts by currency in minor units: "USD 500, JPY 70000". Raises ImproperlyConfigured."""
    from django.core.exceptions import ImproperlyConfigured

    from fly2any.kernel.money import Money, MoneyError

    found: dict[str, int] = {}
    for part in words(name, default):
        currency, _, value = part.partition(" ")
        try:
            found[currency] = Money.parse(value.strip(), currency).minor
        except MoneyError:
            raise ImproperlyConfigured(f"{name} must read like \"{default}\", not {part!r}") from None
    return found


def kept_secret(folder: Path, name: str, make: str = "token") -> str:
    """A secret made once per installation and kept in `folder` (0600). Raises OSError when it cannot be kept.

    `make` is "token" (URL-safe text) or "fernet" (a key for cryptography.fernet).
    """
    path = folder / name
    with contextlib.suppress(FileNotFoundError):
        return path.read_text(encoding="ascii").strip()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    value = base64.urlsafe_b64encode(os.urandom(32)).decode() if make == "fernet" else secrets.token_urlsafe(48)
    draft = folder / f".{name}.{os.getpid()}"
    draft.write_text(value, encoding="ascii")
    draft.chmod(0o600)
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)  # atomic: of two first starts, both read the same winner
    draft.unlink()
    return path.read_text(encoding="ascii").strip()


def is_loopback(address: str) -> bool:
    """Whether this http(s) address points at this machine itself."""
    host = urlsplit(address).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def origin(address: str) -> str:
    """Scheme, host and port of an address, as a Content-Security-Policy names them."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def database(address: str, *, pool: bool, pool_size: int, statement_timeout_ms: int) -> dict[str, Any]:
    """Django's DATABASES entry for a `postgresql://` address, with our time-outs and, if asked, psycopg's pool.

    A `host=/folder` query names a unix socket. Other queries (`sslmode=…`) go to libpq as they are.
    """
    parts = urlsplit(address)
    query = dict(parse_qsl(parts.query))
    times = {
        "statement_timeout": statement_timeout_ms,
        "lock_timeout": 3000,
        "idle_in_transaction_session_timeout": 15000,
    }
    options: dict[str, Any] = {
        "connect_timeout": 3,
        "keepalives": 1,
        "keepalives_idle": 20,
        "keepalives_interval": 10,
        "keepalives_count": 3,  # a vanished host is noticed within a minute
        "options": " ".join(f"-c {name}={value}" for name, value in times.items()),
    }
    if pool:
        # reconnect_timeout: psycopg doubles its pauses; after an outage the next request tries anew instead
        options["pool"] = {"min_size": 1, "max_size": pool_size, "timeout": 5, "max_idle": 300, "reconnect_timeout": 4}
    entry = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": query.pop("user", unquote(parts.username or "")),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", parts.hostname or ""),
        "PORT": query.pop("port", str(parts.port or "")),
        "CONN_MAX_AGE": 0 if pool else None,  # worker and sweeper threads keep their direct connections
        "CONN_HEALTH_CHECKS": True,
    }
    return {**entry, "OPTIONS": {**options, **query}}
