"""One running site for all races: two web servers, a worker with broker, a sweeper every second."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.customer import Market
    from tests.stack import Stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The processes; a module's tests share them and each uses offers of its own."""
    from tests.stack import Stack

    with Stack(tmp_path_factory.mktemp("races"), webs=2, every=1.0) as running:
        yield running


@pytest.fixture(scope="module")
def market(stack: Stack) -> Market:
    """Fresh offers from the sandbox."""
    from tests.customer import Market

    return Market(stack)
