"""Which airline suppliers this installation has; each is built once per process, when first asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from django.conf import settings

from suppliers.port import Supplier

# name -> the function that builds the adapter from the settings, and the setting without which it is off
_KNOWN = {"duffel": ("suppliers.duffel.adapter", "DUFFEL_ACCESS_TOKEN"),
          "amadeus": ("suppliers.amadeus.adapter", "AMADEUS_CLIENT_ID")}
_built: dict[str, Supplier] = {}
_only: list[dict[str, Supplier]] = []  # what a test put in the place of all
_lock = threading.Lock()


def names() -> tuple[str, ...]:
    """The suppliers that are set up here (or put in by a test), in a fixed order."""
    there = [] if _only else [name for name, (_, setting) in _KNOWN.items() if getattr(settings, setting, "")]
    return tuple(dict.fromkeys([*there, *_built]))


def get(name: str) -> Supplier:
    """The supplier of that name, the same object for every thread. Raises LookupError for an unknown name."""
    found = _built.get(name)
    if found is not None:
        return found
    with _lock:
        if name not in _built:
            if name not in _KNOWN:
                raise LookupError(f"no supplier is called {name!r}")
            _built[name] = import_module(_KNOWN[name][0]).from_settings()
        return _built[name]


@contextmanager
def replaced(**suppliers: Supplier) -> Iterator[None]:
    """For tests: these suppliers, and no others that were built before or are set up, until the end of the block."""
    with _lock:
        _only.append(suppliers)
        before = dict(_built)
        _built.clear()
        _built.update(suppliers)
    try:
        yield
    finally:
        with _lock:
            _only.pop()
            _built.clear()
            _built.update(before)
