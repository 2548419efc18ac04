"""One sandbox for the core's tests; adapters built against it. (Django is not set up while conftests are read.)"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.conftest import free_port
from tests.sandbox.process import Sandbox

if TYPE_CHECKING:
    from tests.world import World


@pytest.fixture(scope="session")
def running_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The process, without webhooks: the core must end right without them."""
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"), free_port(), "--fast")
    yield sandbox
    sandbox.stop()


@pytest.fixture
def world(running_sandbox: Sandbox, settings: Any, transactional_db: None) -> Iterator[World]:
    """An empty outside world and adapters that talk to it."""
    from payments import registry as payment_registry
    from payments.gateways.stripe import gateway as stripe_gateway
    from suppliers import registry as supplier_registry
    from suppliers.duffel import adapter as duffel_adapter
    from tests.world import World

    running_sandbox.http.post("/_reset")
    running_sandbox.http.post("/_webhooks", json={"deliver": False})
    settings.DUFFEL_API_BASE = f"{running_sandbox.url}/duffel"
    settings.STRIPE_API_BASE = f"{running_sandbox.url}/stripe"
    settings.BROKER_ENABLED = False
    with supplier_registry.replaced(duffel=duffel_adapter.from_settings()), payment_registry.replaced(
            stripe_gateway.from_settings()):
        yield World(running_sandbox)


@pytest.fixture
def reservations(world: World, settings: Any) -> Iterator[World]:
    """The same world, where Amadeus' offers are sold too."""
    from suppliers import registry as supplier_registry
    from suppliers.amadeus import adapter as amadeus_adapter

    settings.AMADEUS_API_BASE = f"{world.sandbox.url}/amadeus"
    settings.AMADEUS_CLIENT_ID, settings.AMADEUS_CLIENT_SECRET = "amadeus_sandbox", "amadeus_sandbox_secret"
    settings.AMADEUS_AGENCY_EMAIL, settings.AMADEUS_AGENCY_PHONE = "desk@fly2any.example", "2125550100"
    settings.AMADEUS_AGENCY_STREET, settings.AMADEUS_AGENCY_POSTCODE = "1 Sandbox Street", "10001"
    settings.AMADEUS_AGENCY_CITY = "New York"
    with supplier_registry.replaced(duffel=supplier_registry.get("duffel"), amadeus=amadeus_adapter.from_settings()):
        yield world
