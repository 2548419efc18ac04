"""One adapter per process, made when first asked for, and exchangeable in tests."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from payments import registry as gateways
from suppliers import registry as suppliers


@pytest.fixture(autouse=True)
def _empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suppliers, "_built", {})
    monkeypatch.setattr(gateways, "_built", [])


def at_once(ask: Any) -> set[int]:
    """What 16 threads get that ask at the same moment, by identity."""
    start = threading.Barrier(16)

    def one(_: int) -> int:
        start.wait(5)
        return id(ask())

    with ThreadPoolExecutor(16) as pool:
        return set(pool.map(one, range(16)))


def test_all_threads_get_the_same_adapter() -> None:
    assert len(at_once(lambda: suppliers.get("duffel"))) == 1
    assert len(at_once(gateways.gateway)) == 1
    assert (suppliers.get("duffel").name, gateways.gateway().name) == ("duffel", "stripe")


def test_only_suppliers_with_a_token_are_there(settings: Any) -> None:
    assert suppliers.names() == ("duffel",)
    settings.DUFFEL_ACCESS_TOKEN = ""
    assert suppliers.names() == ()
    with pytest.raises(LookupError, match="nobody"):
        suppliers.get("nobody")


def test_a_test_may_put_others_in_their_place() -> None:
    real, fake = suppliers.get("duffel"), object()
    with suppliers.replaced(duffel=fake, other=fake):  # type: ignore[arg-type]
        assert suppliers.get("duffel") is suppliers.get("other") is fake
        assert suppliers.names() == ("duffel", "other")
    assert suppliers.get("duffel") is real and suppliers.names() == ("duffel",)
    before = gateways.gateway()
    with gateways.replaced(fake):  # type: ignore[arg-type]
        assert gateways.gateway() is fake
    assert gateways.gateway() is before
