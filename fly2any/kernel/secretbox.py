"""Encryption at rest for travel documents, with rotating keys."""

from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class NoKeyFits(InvalidToken):
    """No key of FIELD_ENCRYPTION_KEYS opens this: one was taken out before `rotate_field_keys` had finished."""


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def _current() -> MultiFernet:
    return _box(tuple(settings.FIELD_ENCRYPTION_KEYS))


def seal(text: str) -> str:
    """Encrypt with the newest key; empty stays empty."""
    return _current().encrypt(text.encode()).decode() if text else ""


def unseal(token: str) -> str:
    """Decrypt with any known key. Raises NoKeyFits when none does; nothing is lost, the right key opens it again."""
    try:
        return _current().decrypt(token.encode()).decode() if token else ""
    except InvalidToken as error:
        raise NoKeyFits from error


def is_newest(token: str) -> bool:
    """Whether the newest key alone opens this (empty counts as opened)."""
    try:
        return not token or bool(_box((settings.FIELD_ENCRYPTION_KEYS[0],)).decrypt(token.encode()))
    except InvalidToken:
        return False


def reseal(token: str) -> str:
    """Re-encrypt under the newest key (the rotation command)."""
    return _current().rotate(token.encode()).decode() if token else ""
