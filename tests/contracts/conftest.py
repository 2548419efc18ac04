"""Peers and adapters for the contract tests. No database: an adapter needs none."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tenacity

from payments.gateways.stripe import client as stripe_transport
from payments.gateways.stripe.gateway import StripeGateway
from suppliers.amadeus import client as amadeus_transport
from suppliers.amadeus.adapter import AmadeusSupplier
from suppliers.amadeus.client import AmadeusClient
from suppliers.amadeus.people import Agency
from suppliers.duffel import client as duffel_transport
from suppliers.duffel.adapter import DuffelSupplier
from suppliers.duffel.client import DuffelClient
from tests.contracts.scripted import Peer, unused_port
from tests.sandbox.process import Sandbox, Site

PAYLOADS = Path(__file__).resolve().parent.parent / "payloads"


def payload(name: str) -> Any:
    """A recorded answer, such as `duffel/offer.json`, read afresh."""
    return json.loads((PAYLOADS / name).read_text())


@pytest.fixture
def peer(settings: Any) -> Iterator[Peer]:
    """A scripted server that the settings name as Duffel and as Stripe."""
    server = Peer()
    settings.DUFFEL_API_BASE = settings.STRIPE_API_BASE = settings.AMADEUS_API_BASE = server.base
    yield server
    server.close()


CALLS = ("search", "offer", "read", "create", "pay", "quote", "cancel")


@pytest.fixture
def duffel(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> DuffelSupplier:
    """The adapter against the scripted server; repeats of reads follow at once."""
    monkeypatch.setattr(duffel_transport, "BACKOFF", tenacity.wait_none())
    client = DuffelClient(token="duffel_test_x", base=peer.base)
    return DuffelSupplier(client, webhook_secret="new_secret, a_secret", clock=lambda: 1641667496.0)


@pytest.fixture
def hasty_duffel(peer: Peer) -> DuffelSupplier:
    """The same with a quarter of a second of patience, for answers that never come."""
    return DuffelSupplier(DuffelClient(token="duffel_test_x", base=peer.base, seconds=dict.fromkeys(CALLS, 0.25)))


def amadeus_supplier(base: str, **more: Any) -> AmadeusSupplier:
    """The adapter against any address, with an agency of its own."""
    client = AmadeusClient(client_id="amadeus_sandbox", client_secret="amadeus_sandbox_secret", base=base, **more)
    return AmadeusSupplier(client, agency=AGENCY, currency="USD")


AGENCY = Agency("Fly2Any", "desk@fly2any.example", "1", "2125550100", "1 Sandbox Street", "10001", "New York", "US")


@pytest.fixture
def amadeus(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> AmadeusSupplier:
    """The adapter against the scripted server; repeats of reads follow at once."""
    monkeypatch.setattr(amadeus_transport, "BACKOFF", tenacity.wait_none())
    return amadeus_supplier(peer.base)


@pytest.fixture
def box_amadeus(world: Sandbox) -> AmadeusSupplier:
    """The adapter against the sandbox; writes wait one second."""
    return amadeus_supplier(f"{world.url}/amadeus", seconds=dict.fromkeys(("create", "cancel"), PATIENCE))


@pytest.fixture
def stripe_gateway(peer: Peer) -> StripeGateway:
    """The gateway against the scripted server, without repeats."""
    client = stripe_transport.build(key="sk_test_x", base=peer.base, retries=0)
    return StripeGateway(client, base=peer.base, webhook_secret="whsec_new,whsec_old")


@pytest.fixture
def hasty_stripe(peer: Peer) -> StripeGateway:
    """The same with a quarter of a second of patience."""
    client = stripe_transport.build(key="sk_test_x", base=peer.base, read_seconds=0.25, retries=0)
    return StripeGateway(client, base=peer.base)


# --- the sandbox ---------------------------------------------------------------------------------------------------
PATIENCE = 1.0  # seconds our side waits for an answer in these tests; the sandbox's `hang` takes longer


@pytest.fixture(scope="session")
def _sandbox_site() -> Iterator[Site]:
    site = Site()
    yield site
    site.stop()


@pytest.fixture(scope="session")
def _sandbox_process(tmp_path_factory: pytest.TempPathFactory, _sandbox_site: Site) -> Iterator[Sandbox]:
    """One sandbox for all contract tests, holding its Stripe to Stripe's schema in both directions."""
    os.environ["SANDBOX_VALIDATE"] = "1"
    try:
        running = Sandbox(tmp_path_factory.mktemp("world"), unused_port(), "--fast", site=_sandbox_site.url)
    finally:
        del os.environ["SANDBOX_VALIDATE"]
    yield running
    running.stop()


@pytest.fixture
def world(_sandbox_process: Sandbox, _sandbox_site: Site, settings: Any) -> Sandbox:
    """The sandbox with an empty memory, named by the settings as Duffel and as Stripe."""
    assert _sandbox_process.http.post("/_reset").status_code == 200
    _sandbox_site.got.clear()
    settings.DUFFEL_API_BASE = f"{_sandbox_process.url}/duffel"
    settings.STRIPE_API_BASE = f"{_sandbox_process.url}/stripe"
    settings.AMADEUS_API_BASE = f"{_sandbox_process.url}/amadeus"
    return _sandbox_process


@pytest.fixture
def messages(world: Sandbox, _sandbox_site: Site) -> Site:
    """What the sandbox sends to the site."""
    return _sandbox_site


@pytest.fixture
def box_duffel(world: Sandbox, settings: Any) -> DuffelSupplier:
    """The adapter against the sandbox; writes wait one second."""
    client = DuffelClient(token=settings.DUFFEL_ACCESS_TOKEN, base=settings.DUFFEL_API_BASE,
                          seconds=dict.fromkeys(("create", "pay", "cancel"), PATIENCE))
    return DuffelSupplier(client, webhook_secret="whsec_sandbox_duffel")


@pytest.fixture
def box_stripe(world: Sandbox, settings: Any) -> StripeGateway:
    """The gateway against the sandbox: one second of patience, no repeats."""
    client = stripe_transport.build(key=settings.STRIPE_SECRET_KEY, base=settings.STRIPE_API_BASE,
                                    read_seconds=PATIENCE, retries=0)
    return StripeGateway(client, base=settings.STRIPE_API_BASE, webhook_secret="whsec_sandbox_stripe")


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Nobody's rubbish is collected meanwhile: a finalizer that runs where the stack has ended fails for everybody."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
