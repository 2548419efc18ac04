"""A sandbox process per test module, wiped before each test."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.sandbox.process import Sandbox, Site


def free_port() -> int:
    """Return a port nobody uses now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A site that takes webhooks."""
    site = Site()
    yield site
    site.stop()


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, site: Site) -> Iterator[Sandbox]:
    """The process; a module may name its vendors in ``VENDORS``."""
    more = ["--vendors", *request.module.VENDORS] if hasattr(request.module, "VENDORS") else []
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"), free_port(), "--fast", *more, site=site.url)
    yield sandbox
    sandbox.stop()


@pytest.fixture
def sandbox(running: Sandbox, site: Site) -> Sandbox:
    """The process with an empty memory."""
    assert running.http.post("/_reset").status_code == 200
    site.got.clear()
    site.answer = 200
    return running
