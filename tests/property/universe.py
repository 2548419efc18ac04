"""One process's whole world for the property test: core, database, sandbox and clocks, and its beginning again."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import stripe
import tenacity
from django.core.cache import cache
from django.db import connection
from django.test import override_settings

from payments import registry as payment_registry
from payments.gateways.stripe import gateway as stripe_gateway
from suppliers import breaker
from suppliers import registry as supplier_registry
from suppliers.amadeus import adapter as amadeus_adapter
from suppliers.amadeus import client as amadeus_client
from suppliers.duffel import adapter as duffel_adapter
from suppliers.duffel import client as duffel_client
from tests.property.clockwork import Clockwork
from tests.property.inside import URL, Inside, plugged
from tests.property.quick import QuickCheck

SETTINGS: dict[str, Any] = {
    "DUFFEL_API_BASE": f"{URL}/duffel", "STRIPE_API_BASE": f"{URL}/stripe", "AMADEUS_API_BASE": f"{URL}/amadeus",
    "AMADEUS_CLIENT_ID": "amadeus_sandbox", "AMADEUS_CLIENT_SECRET": "amadeus_sandbox_secret",
    "AMADEUS_AGENCY_EMAIL": "desk@fly2any.example", "AMADEUS_AGENCY_PHONE": "2125550100",
    "AMADEUS_AGENCY_STREET": "1 Sandbox Street", "AMADEUS_AGENCY_POSTCODE": "10001", "AMADEUS_AGENCY_CITY": "New York",
    "ALLOWED_HOSTS": ["testserver"], "BROKER_ENABLED": False, "SECOND_PERSON_ABOVE": {"USD": 5_000, "GBP": 5_000, "EUR": 5_000},
    "CACHES": {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    "EMAIL_BACKEND": "django.core.mail.backends.locmem.EmailBackend"}
TRUNCATED_EVERY = 40  # beginnings; in between rows are deleted, which is cheaper and leaves files that grow


class Universe:
    """Empty again at each `begin`. Made while the database holds only what migrations left."""

    def __init__(self, inside: Inside, clock: Clockwork) -> None:
        self.inside, self.clock = inside, clock
        clock.then = inside.app.run_timers
        self.check = QuickCheck()
        self._begun = 0
        self._emptying, self._truncating = _statements()

    def begin(self) -> None:
        """Nobody has booked anything, here or outside, and it is the first moment."""
        self._begun += 1
        connection.close()  # it may have been lost in the last walk
        with connection.cursor() as cursor:
            cursor.execute(self._emptying if self._begun % TRUNCATED_EVERY else self._truncating)
        self.clock.restart()
        self.inside.reset()
        self.rebuild()

    def rebuild(self) -> None:
        """The process's memory is gone: what it learned of suppliers, its tokens and connections, its caches."""
        connection.close()
        breaker.reset()
        cache.clear()
        supplier_registry._built.update(duffel=duffel_adapter.from_settings(), amadeus=amadeus_adapter.from_settings())
        payment_registry._gateway = stripe_gateway.from_settings()


@contextmanager
def universe() -> Iterator[Universe]:
    """The world of this process; the database is the present connection's."""
    folder = Path(tempfile.mkdtemp(prefix="property-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    clock = Clockwork()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.enter_context(override_settings(**SETTINGS))
        for patch in _without_waiting(clock):
            stack.enter_context(patch)
        clock.install()
        stack.callback(clock.remove)
        inside = Inside(folder, lambda seconds: clock.pass_by(timedelta(seconds=seconds)))
        stack.callback(inside.stop)
        stack.enter_context(plugged(inside))
        stack.enter_context(supplier_registry.replaced(
            duffel=duffel_adapter.from_settings(), amadeus=amadeus_adapter.from_settings()))
        stack.enter_context(payment_registry.replaced(stripe_gateway.from_settings()))
        yield Universe(inside, clock)
        breaker.reset()


def _without_waiting(clock: Clockwork) -> list[Any]:
    """Vendors' libraries do not sleep between their own tries; what counts seconds counts those of the walk."""
    def at_once(*_: Any) -> float:
        return 0.0

    moved = SimpleNamespace(monotonic=lambda: clock.passed.total_seconds())
    return [mock.patch.object(stripe.HTTPClient, "_sleep_time_seconds", at_once),
            mock.patch.object(duffel_client, "BACKOFF", tenacity.wait_none()),
            mock.patch.object(amadeus_client, "BACKOFF", tenacity.wait_none()),
            mock.patch.object(breaker, "time", moved)]


def _statements() -> tuple[str, str]:
    """How the tables that are empty now become empty again, and their numbers begin again: by deleting, by truncating."""
    quote = connection.ops.quote_name
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"SELECT '{name}' WHERE NOT EXISTS (SELECT FROM {quote(name)})" for name in names))
        tables = sorted(name for (name,) in cursor.fetchall())
        cursor.execute("SELECT s.oid::regclass::text FROM pg_class s JOIN pg_depend d ON d.objid = s.oid JOIN pg_class t "
                       "ON t.oid = d.refobjid WHERE s.relkind = 'S' AND t.relname = ANY(%s)", [tables])
        numbers = "; ".join(f"SELECT setval('{name}', 1, false)" for (name,) in cursor.fetchall())
    deleting = "; ".join(f"DELETE FROM {quote(name)}" for name in tables)
    truncating = f"TRUNCATE {', '.join(map(quote, tables))}"
    around = "BEGIN; SET LOCAL session_replication_role = replica; {}; {}; COMMIT"
    return around.format(deleting, numbers), around.format(truncating, numbers)
