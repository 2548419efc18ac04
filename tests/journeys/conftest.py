"""One running site and one Chromium for all journeys; each journey has a browser of its own and an address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

pytest.register_assert_rewrite("tests.journeys.visitor", "tests.journeys.plain")

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
def arrive(stack: Stack, browser: Any) -> Iterator[Callable[..., Visitor]]:
    """Makes new browsers at the front door (`arrive(has_touch=True)`: options of Playwright's context)."""
    from tests.journeys.visitor import Visitor

    contexts: list[Any] = []

    def one(**options: Any) -> Visitor:
        contexts.append(browser.new_context(**{
            "locale": "en-US", "viewport": {"width": 1200, "height": 900}, **options}))
        return Visitor(stack, contexts[-1].new_page())

    stack.rows("DELETE FROM bookings_attempt")  # all journeys come from one address
    yield one
    for context in contexts:
        context.close()


@pytest.fixture
def visitor(arrive: Callable[..., Visitor]) -> Visitor:
    """A new browser at the front door; what its console says is kept."""
    return arrive()
