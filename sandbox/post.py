"""One cheap HTTP POST on the running loop: webhooks are many and small, and go to the loopback."""

from __future__ import annotations

import asyncio
import contextlib
from urllib.parse import urlsplit

LONGEST_WAIT = 30.0


async def post(url: str, body: bytes, headers: dict[str, str]) -> int | None:
    """Return the status of the answer, or None when there was none; never raises for a receiver's fault."""
    try:
        async with asyncio.timeout(LONGEST_WAIT):
            return await _post(url, body, headers)
    except (OSError, TimeoutError, ValueError, EOFError):
        return None


async def _post(url: str, body: bytes, headers: dict[str, str]) -> int:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    reader, writer = await asyncio.open_connection(
        parts.hostname, parts.port or (443 if secure else 80), ssl=secure or None
    )
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [f"POST {path} HTTP/1.1", f"host: {parts.netloc}", "connection: close", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in {"content-type": "application/json", **headers}.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        status = (await reader.readline()).split(b" ", 2)
        if len(status) < 2:
            raise EOFError("no answer")
        # Take the answer in before closing, or the receiver may see a reset.
        await reader.read()
        return int(status[1])
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
