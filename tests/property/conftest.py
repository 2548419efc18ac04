"""The world of the property test, once for each test that asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.property.universe import Universe


@pytest.fixture
def world_of_one_process(transactional_db: None) -> Iterator[Universe]:
    """A universe on the test database, empty."""
    from tests.property.universe import universe

    with universe() as made:
        made.begin()
        yield made

