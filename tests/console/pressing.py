"""Pressing a button of the console as a browser does: what the page carries hidden goes back with what was typed."""

from __future__ import annotations

import html
import re
from typing import Any

from django.test import Client


def hidden(page: str) -> dict[str, str]:
    """What a page of an action carries hidden: the key of the press, what it showed, hidden fields."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in found if name != "csrfmiddlewaretoken"}


def press(client: Client, address: str, **typed: Any) -> Any:
    """Open the page of an action, type, and press its button."""
    page = client.get(address).content.decode()
    return client.post(address, {**hidden(page), **typed})
