"""A visitor with a guest cookie, as in tests/pages."""

from tests.pages.conftest import guest, principal

__all__ = ["guest", "principal"]
