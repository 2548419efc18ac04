"""The guard that every call to the outside passes: never inside a transaction, only to hosts on the list."""

from typing import Any
from urllib.parse import urlsplit

import requests  # noqa: TID251
from django.conf import settings
from django.db import connection

CONNECT_SECONDS, READ_SECONDS = 3, 5
NEAR = ("127.0.0.1", "::1", "localhost")


class CalledInsideTransaction(RuntimeError):
    """A network call was about to be made while a database transaction was open (reliability.md 4.2)."""


class HostNotAllowed(RuntimeError):
    """A network call was about to go to a host that no setting names (reliability.md 13)."""


class NotDelivered(RuntimeError):
    """A message was not taken. The words name the kind of failure only: the address may hold a key."""


def guard(url: str) -> None:
    """Raise unless we may call `url` now. Each vendor client calls this first."""
    if connection.in_atomic_block:
        raise CalledInsideTransaction("no network inside a transaction")
    parts = urlsplit(url)
    if (parts.scheme, parts.netloc) not in _allowed():
        raise HostNotAllowed(f"{parts.scheme}://{parts.netloc} is not an address named in the settings")


def post_json(url: str, body: dict[str, Any]) -> None:
    """Post `body` as JSON to an address of the settings. Raises NotDelivered; no redirect is followed."""
    guard(url)
    try:
        with requests.Session() as session:
            session.trust_env = False  # no proxy and no .netrc of the machine comes in between
            answer = session.post(url, json=body, timeout=(CONNECT_SECONDS, READ_SECONDS), allow_redirects=False,
                                  stream=True)
            answer.close()  # what it says beyond its status is of no interest, however long
    except requests.RequestException as error:
        raise NotDelivered(type(error).__name__) from None
    if not 200 <= answer.status_code < 300:
        raise NotDelivered(f"HTTP {answer.status_code}")


def _allowed() -> set[tuple[str, str]]:
    """Scheme and host of each address in the settings: https, or a program on this machine."""
    named = (settings.DUFFEL_API_BASE, settings.STRIPE_API_BASE, settings.AMADEUS_API_BASE, settings.ALERT_WEBHOOK_URL)
    found = [urlsplit(address) for address in named if address]
    return {(one.scheme, one.netloc) for one in found
            if one.scheme == "https" or (one.scheme == "http" and one.hostname in NEAR)}
