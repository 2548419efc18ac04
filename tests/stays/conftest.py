"""The sandbox's Amadeus in this process, the adapter over it, and its threads worked by hand: no port, no waiting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from fly2any.kernel.errors import Refused
from sandbox.amadeus import table
from sandbox.amadeus.vendor import VENDOR
from sandbox.frame import Call, World
from suppliers.amadeus.stays import AmadeusStays
from tests.pages.conftest import complaints, guest, principal

if TYPE_CHECKING:
    from bookings.models import Booking
    from tests.stays.town import Hand, Known

__all__ = ["complaints", "guest", "principal"]
TOKEN = "grant_type=client_credentials&client_id=amadeus_sandbox&client_secret=amadeus_sandbox_secret"


class Shop:
    """Answers calls and keeps what was asked; what breaks a specification, asked or answered, is in `wrong`."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder, site="http://127.0.0.1:9", base_url="http://127.0.0.1:8601", fast=True)
        self.asked: list[tuple[str, dict[str, str]]] = []
        form = {"content-type": "application/x-www-form-urlencoded"}
        self.token = self._send("POST", "/v1/security/oauth2/token", [], form, TOKEN.encode()).body["access_token"]

    def ask(self, path: str, **params: Any) -> tuple[int, Any]:
        """Status and body of a GET."""
        self.asked.append((path, {name: str(value) for name, value in params.items()}))
        query = [(name, str(value)) for name, value in params.items()]
        answer = self._send("GET", path, query, {"authorization": f"Bearer {self.token}"}, b"")
        return answer.status, answer.body

    def get(self, call: Any, path: str, params: Mapping[str, Any]) -> Any:
        """As the client of the flights answers."""
        status, body = self.ask(path, **params)
        if status != 200:
            raise Refused("supplier_refused", vendor_code=str(body["errors"][0]["code"]))
        return SimpleNamespace(data=body["data"])

    @property
    def wrong(self) -> list[dict[str, Any]]:
        """What the contract check wrote down."""
        rows = self.world.read_ledger(vendor="amadeus")
        return [row for row in rows if row["event"].startswith("schema.")]

    def _send(self, method: str, path: str, query: list[tuple[str, str]], headers: dict[str, str], body: bytes) -> Any:
        call = Call("amadeus", method, path, query, headers, body, self.world.base_url)
        assert table.find(call) is not None
        with self.world.transaction():
            return VENDOR.handle(call, self.world)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    yield Shop(tmp_path)


@pytest.fixture
def stays(shop: Shop) -> AmadeusStays:
    return AmadeusStays(shop)  # type: ignore[arg-type]


# --- the page of a trip (imported late: the site is not set up when this file is read) --------------------------------


@pytest.fixture
def switched_on(settings: Any) -> Iterator[None]:
    from django.core.cache import cache

    from suppliers import breaker

    settings.STAYS, settings.AMADEUS_CLIENT_ID = True, "amadeus_sandbox"
    cache.clear()
    breaker.reset()
    yield
    cache.clear()
    breaker.reset()


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hand]:
    from tests.stays import town

    made = town.Hand()
    monkeypatch.setattr("suppliers.surroundings._executor", lambda: made)
    yield made
    made.work()


@pytest.fixture
def knows(monkeypatch: pytest.MonkeyPatch) -> Known:
    from tests.stays import town

    made = town.Known()
    monkeypatch.setattr("suppliers.surroundings._built", [made])
    return made


@pytest.fixture
def trip(principal: str) -> Booking:
    from tests.pages.everything import booked
    from tests.stays import town

    return town.moved(booked(principal, "confirmed"), 30)
