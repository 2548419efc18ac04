"""The HTTP side of misbehaving: a server protocol that lets the application reset or cut its connection."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

TRANSPORT = "sandbox.transport"


class SandboxProtocol(HttpToolsProtocol):
    """uvicorn's own protocol; the transport travels in the scope."""

    def on_message_begin(self) -> None:
        """Remember the transport for the request that begins."""
        super().on_message_begin()
        self.scope[TRANSPORT] = self.transport  # type: ignore[typeddict-unknown-key]


def reset(scope: dict[str, Any]) -> None:
    """Reset the connection: the client sees ECONNRESET, not an orderly end."""
    transport: asyncio.Transport = scope[TRANSPORT]
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def hang_up(scope: dict[str, Any]) -> None:
    """Close the connection after what was already written."""
    scope[TRANSPORT].close()
