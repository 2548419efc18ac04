"""What every test stands on: a PostgreSQL of its own, no network but loopback, no data of the developer touched."""

from __future__ import annotations

import gc
import ipaddress
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import pytest

ROOT = Path(__file__).resolve().parent.parent
TEST_DATA = ROOT / ".local" / "test"

# Before Django reads its settings. A variable that is set wins, so that CI may bring its own database.
# (DJANGO_SETTINGS_MODULE stands here and not in pytest.ini, because from there it is loaded before this file.)
os.environ.setdefault("DATA_DIR", str(TEST_DATA))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fly2any.settings")
os.environ["DB_POOL"] = "0"
for _name in (
    "SITE_URL REDIS_URL EMAIL_URL ALERT_EMAIL ALERT_WEBHOOK_URL SENTRY_DSN DEBUG CRASH_FILE TRUSTED_PROXIES DUFFEL_ACCESS_TOKEN DUFFEL_API_BASE "
    "DUFFEL_WEBHOOK_SECRET STRIPE_SECRET_KEY STRIPE_PUBLISHABLE_KEY STRIPE_API_BASE STRIPE_JS_URL STRIPE_WEBHOOK_SECRET "
    "AMADEUS_CLIENT_ID AMADEUS_CLIENT_SECRET AMADEUS_API_BASE AMADEUS_GUEST_OFFICE_ID AMADEUS_CLIENT_REF_PREFIX AMADEUS_TICKETING_DELAY"
).split():
    os.environ[_name] = ""  # empty counts as unset: no key of the developer's shell or .env reaches a test
os.environ["AMADEUS_CLIENT_ID"] = "off"  # one supplier, unless a test asks for both: AMADEUS_CLIENT_ID=amadeus_sandbox


class OutsideNetwork(RuntimeError):
    """A test tried to reach another machine."""


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start the test PostgreSQL (kept until the session ends) unless DATABASE_URL names another."""
    if not os.environ.get("DATABASE_URL"):
        from fly2any.stack import postgres

        quick = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        postgres.ensure(Path(os.environ["DATA_DIR"]) / "pg", settings=quick, die_with_parent=True)
    django.setup()
    _close_network()
    from django.conf import settings

    from fly2any.kernel import counting
    from tests import flushing

    flushing.install()
    settings.PASSWORD_HASHERS[0] = "tests.hashing.QuickArgon2"

    counting._writing.append(os.getpid())  # programs started inside this process write no counts by themselves


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the test PostgreSQL."""
    if not os.environ.get("DATABASE_URL"):
        from fly2any.stack import postgres

        postgres.stop(Path(os.environ["DATA_DIR"]) / "pg")


def _close_network() -> None:
    """Refuse connections of this process to anything but loopback addresses and unix sockets."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def check(sock: socket.socket, address: Any) -> None:
        if sock.family == socket.AF_UNIX:
            return
        host = str(address[0])
        if host == "localhost":
            return
        try:
            near = ipaddress.ip_address(host.split("%")[0]).is_loopback
        except ValueError:
            near = False
        if not near:
            raise OutsideNetwork(f"tests may not reach {host}")

    def guarded_connect(self: socket.socket, address: Any) -> None:
        check(self, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        check(self, address)
        return connect_ex(self, address)

    socket.socket.connect = guarded_connect  # type: ignore[method-assign]
    socket.socket.connect_ex = guarded_connect_ex  # type: ignore[method-assign]


_BROWSER = {"page", "context", "browser", "new_context"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests run last: Playwright leaves an event loop in the main thread, which Django takes for async code.

    The journeys without a browser stay with the others, whose running site they share.
    """
    items.sort(key=lambda item: bool(_BROWSER & set(getattr(item, "fixturenames", ()))) or item.path.parent.name == "journeys")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What is loaded by now stays: looking through it again and again for garbage cost a tenth of the run."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """The test database is a copy of one that was migrated once for this set of migrations (not in CI's own database)."""
    if not os.environ.get("DATABASE_URL"):
        from django.db import connection

        from tests import stack

        connection.settings_dict["TEST"].update(TEMPLATE=stack.migrated(), MIGRATE=False)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The browser of this machine (`run.py test` finds or installs one) and, from now on, leave for its event loop."""
    from tests import chromium

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    path = chromium.path()
    arguments = [*browser_type_launch_args.get("args", []), "--disable-dev-shm-usage"]
    if os.getuid() == 0:
        arguments.append("--no-sandbox")  # Chromium's own sandbox cannot start as root
    yield {**browser_type_launch_args, "args": arguments, **({"executable_path": path} if path else {})}
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
