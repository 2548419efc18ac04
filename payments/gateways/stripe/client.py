"""The one place that builds Stripe's client: explicit time-outs, no telemetry, no redirects, no proxies.

The library repeats a failed call up to twice with the same key. Whether *any* of these attempts may have reached
Stripe is remembered per thread, because only then is a refused connection at the end not a definite no.
"""

from __future__ import annotations

import threading
import time
from typing import Any
from urllib.parse import urlsplit

import requests  # noqa: TID251 (the vendor's own HTTP, see design.md 7)
import stripe
from requests.adapters import HTTPAdapter  # noqa: TID251
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from fly2any.kernel import exchanges
from payments.gateways.stripe.kept import ALLOWED, form

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
        started = time.monotonic()
        try:
            answer = super().request(*args, **kwargs)
        except requests.RequestException as error:
            _tell(args, kwargs, None, started)
            reason = getattr(error.args[0], "reason", None) if error.args else None
            if not isinstance(reason, NewConnectionError | ConnectTimeoutError):
                _attempts.sent = True
            raise
        if answer.status_code >= 500:
            _attempts.sent = True
        _tell(args, kwargs, answer, started)
        return answer


def _tell(args: tuple[Any, ...], asked: dict[str, Any], answer: requests.Response | None, started: float) -> None:
    """Let whoever listens know what was sent and what came back, without card, person or secret."""
    def made() -> dict[str, Any]:
        method, url = str(args[0]).upper(), urlsplit(str(args[1]))
        headers = {str(name).lower(): str(value) for name, value in (asked.get("headers") or {}).items()}
        return {
            "vendor": "stripe", "method": method, "path": url.path[max(url.path.find("/v1/"), 0):],
            "key": headers.get("idempotency-key", "")[:200] if method == "POST" else "",
            "status": answer.status_code if answer is not None else None,
            "request_id": answer.headers.get("request-id", "")[:100] if answer is not None else "",
            "sent": exchanges.kept(form(url.query, asked.get("data")), ALLOWED),
            "got": exchanges.kept(_body(answer), ALLOWED) if answer is not None else None}

    exchanges.told(made, started=started)


def _body(answer: requests.Response) -> Any:
    try:
        body = answer.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


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
