"""Which card gateway this installation uses; built once per process, when first asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from payments.port import Gateway

_MODULE = "payments.gateways.stripe.gateway"
_built: list[Gateway] = []
_lock = threading.Lock()


def gateway() -> Gateway:
    """The card gateway, the same object for every thread."""
    if _built:
        return _built[-1]
    with _lock:
        if not _built:
            _built.append(import_module(_MODULE).from_settings())
        return _built[-1]


@contextmanager
def replaced(other: Gateway) -> Iterator[None]:
    """For tests: this gateway until the end of the block."""
    with _lock:
        before = list(_built)
        _built[:] = [other]
    try:
        yield
    finally:
        with _lock:
            _built[:] = before
