"""One running site and one Chromium for all journeys; each journey has a browser of its own and an address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.journeys.visitor import Visitor
    from tests.stack import Stack


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The site as `manage.py up` starts it; the sweeper looks every second."""
    from tests.stack import Stack

    with Stack(tmp_path_factory.mktemp("journeys"), every=1.0, environ={"TRUSTED_PROXIES": "0"}) as running:
        yield running


@pytest.fixture
def visitor(stack: Stack, browser: Any) -> Iterator[Visitor]:
    """A new browser at the front door; what its console says is kept."""
    from tests.journeys.visitor import Visitor

    context = browser.new_context(locale="en-US", viewport={"width": 1200, "height": 900})
    stack.rows("DELETE FROM bookings_attempt")  # all journeys come from one address
    yield Visitor(stack, context.new_page())
    context.close()
