"""The running site and the visitor of the journeys."""

from tests.journeys.conftest import arrive, stack, visitor

__all__ = ["arrive", "stack", "visitor"]
