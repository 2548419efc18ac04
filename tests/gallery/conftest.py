"""The running site and the visitor of the journeys."""

from tests.journeys.conftest import stack, visitor

__all__ = ["stack", "visitor"]
