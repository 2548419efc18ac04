"""Checks of the servers we stand on: `manage.py check --deploy --database default` (and `migrate`) asks them.

Only where customers are: tests and laptops run without fsync on purpose. Warnings, with what to set and why.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import DatabaseError, connections

from fly2any.checks import production
from fly2any.stack import broker

POSTGRES = {
    "fsync": ("on", "a commit that we acted on would be gone after a power cut, and its order unknown"),
    "full_page_writes": ("on", "a torn page after a power cut cannot be mended"),
    "synchronous_commit": ("on", "an order would be asked for before its row is on disk (I2)"),
    "TimeZone": ("UTC", "every deadline is read in UTC"),
    "archive_mode": ("on", "without an archive of the log a whole day can be lost with the machine"),
    "server_encoding": ("UTF8", "names are written in every script"),
}
SAFE_TOO = {"synchronous_commit": ("remote_write", "remote_apply"), "archive_mode": ("always",)}
REDIS = {
    "maxmemory-policy": ("noeviction", "hints would be dropped to make room for caches"),
    "appendonly": ("yes", "hints would not survive a restart of the broker"),
}
SPARE = 20  # connections for a backup, a person and the monitoring


@checks.register(checks.Tags.database)
def postgres_is_set(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """What the live server says of itself, against what our promises need."""
    if not production() or not databases or "default" not in databases:
        return []
    try:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)",
                           [[*POSTGRES, "max_connections"]])
            found = dict(cursor.fetchall())
            cursor.execute("SELECT coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)")
            encrypted = bool(cursor.fetchone()[0])
    except DatabaseError:
        return []  # whoever asks for the database says so itself
    return [*_differences("PostgreSQL", POSTGRES, found, "fly2any.W010"), *_connections(int(found["max_connections"])),
            *_tls(encrypted)]


def _differences(server: str, wanted: dict[str, tuple[str, str]], found: dict[str, str],
                 code: str) -> Iterable[checks.CheckMessage]:
    for name, (value, why) in wanted.items():
        present = found.get(name, value)
        if present not in (value, *SAFE_TOO.get(name, ())):
            yield checks.Warning(f"{server}: {name} is {present}.", hint=f"Set it to {value}: {why}.", id=code)


def _connections(most: int) -> Iterable[checks.CheckMessage]:
    pool = int(settings.DATABASES["default"]["OPTIONS"].get("pool", {}).get("max_size", settings.WEB_THREADS + 4))
    needed = settings.WEB_WORKERS * pool + SPARE
    if most < needed:
        yield checks.Warning(f"PostgreSQL: max_connections is {most}.", id="fly2any.W011",
                             hint=f"The web processes of one host may take {needed - SPARE}: set it to {needed} or "
                                  "more; workers and the sweeper come on top (docs/operations.md, Connections).")


def _tls(encrypted: bool) -> Iterable[checks.CheckMessage]:
    host = str(settings.DATABASES["default"]["HOST"])
    if not encrypted and host and not host.startswith("/") and host not in ("localhost", "127.0.0.1", "::1"):
        yield checks.Warning("PostgreSQL: the connection is not encrypted.", id="fly2any.W012",
                             hint="Add ?sslmode=verify-full to DATABASE_URL.")


@checks.register(checks.Tags.database)
def broker_is_set(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """The same of the broker; silent when it is away or does not tell, for nothing depends on it."""
    if not production() or not databases or not settings.BROKER_ENABLED:
        return []
    try:
        from redis import Redis, RedisError
    except ImportError:
        return []
    try:
        with Redis.from_url(broker.cache_url(settings.REDIS_URL), socket_timeout=1, socket_connect_timeout=1) as server:
            found = {name: str(server.config_get(name).get(name, value)) for name, (value, _) in REDIS.items()}
    except RedisError:
        return []
    return list(_differences("Redis", REDIS, found, "fly2any.W013"))
