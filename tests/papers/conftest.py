"""The visitor of the pages' tests."""

from tests.pages.conftest import guest, principal

__all__ = ["guest", "principal"]
