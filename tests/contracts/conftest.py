"""Peers and adapters for the contract tests. No database: an adapter needs none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from payments.gateways.stripe import client as stripe_transport
from payments.gateways.stripe.gateway import StripeGateway
from suppliers.duffel.adapter import DuffelSupplier
from suppliers.duffel.client import DuffelClient
from tests.contracts.scripted import Peer

PAYLOADS = Path(__file__).resolve().parent.parent / "payloads"


def payload(name: str) -> Any:
    """A recorded answer, such as `duffel/offer.json`, read afresh."""
    return json.loads((PAYLOADS / name).read_text())


@pytest.fixture
def peer(settings: Any) -> Iterator[Peer]:
    """A scripted server that the settings name as Duffel and as Stripe."""
    server = Peer()
    settings.DUFFEL_API_BASE = settings.STRIPE_API_BASE = server.base
    yield server
    server.close()


@pytest.fixture
def duffel(peer: Peer) -> DuffelSupplier:
    """The adapter against the scripted server, with half a second of patience."""
    names = ("search", "offer", "read", "create", "pay", "quote", "cancel")
    client = DuffelClient(token="duffel_test_x", base=peer.base, seconds=dict.fromkeys(names, 0.5))
    return DuffelSupplier(client, webhook_secret="new_secret, a_secret", clock=lambda: 1641667496.0)


@pytest.fixture
def stripe_gateway(peer: Peer) -> StripeGateway:
    """The gateway against the scripted server: half a second of patience, no repeats."""
    client = stripe_transport.build(key="sk_test_x", base=peer.base, read_seconds=0.5, retries=0)
    return StripeGateway(client, base=peer.base, webhook_secret="whsec_new,whsec_old")
