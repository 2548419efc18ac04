"""The one place that builds Stripe's client: explicit time-outs, no telemetry, no redirects, no proxies.

The library repeats a failed call up to twice with the same key. Whether *any* of these attempts may have reached
Stripe is remembered per thread, because only then is a refused connection at the end not a definite no.
"""

from __future__ import annotations

import threading
from typing import Any

import requests  # noqa: TID251 (the vendor's own HTTP, see design.md 7)
import stripe
from requests.adapters import HTTPAdapter  # noqa: TID251
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

CONNECT_SECONDS = 3.0
READ_SECONDS = 20.0
RETRIES = 2
POOL_SIZE = 64
_attempts = threading.local()


class _Session(requests.Session):
    """A session that refuses redirects, ignores the machine's proxies and notes attempts without an answer."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        adapter = HTTPAdapter(pool_connections=4, pool_maxsize=POOL_SIZE, max_retries=0)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs["allow_redirects"] = False
        try:
            answer = super().request(*args, **kwargs)
        except requests.RequestException as error:
            reason = getattr(error.args[0], "reason", None) if error.args else None
            if not isinstance(reason, NewConnectionError | ConnectTimeoutError):
                _attempts.sent = True
            raise
        if answer.status_code >= 500:
            _attempts.sent = True
        return answer


def forget_attempts() -> None:
    """Call before each call: nothing of it has been sent yet."""
    _attempts.sent = False


def maybe_sent() -> bool:
    """Whether an attempt of this thread's last call may have been carried out without telling us."""
    return bool(getattr(_attempts, "sent", False))


def build(*, key: str, base: str, read_seconds: float = READ_SECONDS, retries: int = RETRIES) -> stripe.StripeClient:
    """One client for the whole process; its threads share the connections."""
    stripe.enable_telemetry = False
    http = stripe.RequestsClient(timeout=(CONNECT_SECONDS, read_seconds), session=_Session())
    return stripe.StripeClient(key, base_addresses={"api": base}, max_network_retries=retries, http_client=http)
