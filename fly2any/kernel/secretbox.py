"""Encryption at rest for travel documents, with rotating keys."""

from functools import lru_cache

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def _current() -> MultiFernet:
    return _box(tuple(settings.FIELD_ENCRYPTION_KEYS))


def seal(text: str) -> str:
    """Encrypt with the newest key; empty stays empty."""
    return _current().encrypt(text.encode()).decode() if text else ""


def unseal(token: str) -> str:
    """Decrypt with any known key. Raises cryptography.fernet.InvalidToken when none fits."""
    return _current().decrypt(token.encode()).decode() if token else ""


def reseal(token: str) -> str:
    """Re-encrypt under the newest key (the rotation command)."""
    return _current().rotate(token.encode()).decode() if token else ""
