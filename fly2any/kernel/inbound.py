"""What the doors for signed messages share: the raw bytes, and a count of what came and what was refused."""

from __future__ import annotations

from django.http import HttpRequest
from prometheus_client import Counter

from fly2any.kernel import counting
from fly2any.kernel.errors import Refused

MOST_BYTES = 256 * 1024
KEPT = Counter("webhook_kept_total", "Verified webhooks by sender and what became of them", ["sender", "fate"])
REFUSED = Counter("webhook_refused_total", "Webhooks answered with 400", ["sender", "reason"])
FAILED = Counter("webhook_failed_total", "Webhooks that could not be kept, answered with 500", ["sender"])


def refused(sender: str, code: str) -> None:
    """Count a message that was not believed: answered with 400, nothing kept."""
    REFUSED.labels(sender, code).inc()
    counting.add("webhook.refused", f"{sender}:{code}")


def failed(sender: str) -> None:
    """Count a message that could not be kept: answered with 500, they send it again."""
    FAILED.labels(sender).inc()
    counting.add("webhook.failed", sender)


def raw_body(request: HttpRequest) -> bytes:
    """The request's bytes, read from the stream: Django's own limit for bodies is smaller than a webhook may be.

    Raises Refused unreadable beyond 256 KiB; no more than that is ever held in memory.
    """
    chunks: list[bytes] = []
    left = MOST_BYTES + 1
    while left > 0:
        chunk = request.read(left)
        if not chunk:
            break
        chunks.append(chunk)
        left -= len(chunk)
    if left <= 0:
        raise Refused("unreadable", "the message is too large")
    return b"".join(chunks)
