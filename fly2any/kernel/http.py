"""The guard that every call to the outside passes: never inside a transaction, only to hosts on the list."""

from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection


class CalledInsideTransaction(RuntimeError):
    """A network call was about to be made while a database transaction was open (reliability.md 4.2)."""


class HostNotAllowed(RuntimeError):
    """A network call was about to go to a host that no setting names (reliability.md 13)."""


def guard(url: str) -> None:
    """Raise unless we may call `url` now. Each vendor client calls this first."""
    if connection.in_atomic_block:
        raise CalledInsideTransaction("no network inside a transaction")
    parts = urlsplit(url)
    if (parts.scheme, parts.netloc) not in _allowed():
        raise HostNotAllowed(f"{parts.scheme}://{parts.netloc} is not an address named in the settings")


def _allowed() -> set[tuple[str, str]]:
    bases = (settings.DUFFEL_API_BASE, settings.STRIPE_API_BASE, settings.AMADEUS_API_BASE)
    return {(urlsplit(base).scheme, urlsplit(base).netloc) for base in bases if base}
