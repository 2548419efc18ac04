"""From facts to paper: the typesetter in a child process, with a time limit."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)
PRESS = Path(__file__).resolve().parent / "press.py"
SECONDS = 15  # many times what the longest paper takes (bench/papers.py)
# The letters of the shipped font (fonts/OFL.txt says where it comes from): Latin, Greek, Cyrillic, signs.
_SHIPPED = ((0x20, 0x24F), (0x259, 0x259), (0x2B0, 0x36F), (0x370, 0x3E1), (0x3F0, 0x52F), (0x1E00, 0x1EFF),
            (0x2010, 0x2027), (0x2030, 0x205E), (0x20A0, 0x20BF))


class NotPrinted(Exception):
    """The paper could not be made now. Nothing else is wrong with the booking."""


def pdf(facts: dict[str, Any]) -> bytes:
    """The paper of these facts (see `paper.facts_of`). The same facts give the same bytes. Raises NotPrinted."""
    given = json.dumps(printable(facts)).encode()
    try:
        done = subprocess.run([sys.executable, "-I", str(PRESS)], input=given, capture_output=True,  # noqa: S603
                              timeout=SECONDS, check=False, env={})
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotPrinted(type(error).__name__) from error
    if done.returncode or not done.stdout.startswith(b"%PDF-"):
        raise NotPrinted(f"the press stopped with {done.returncode}")
    return done.stdout


def printable(value: Any) -> Any:
    """The same facts with only letters that the font has: others become "?", control characters a space or nothing."""
    if isinstance(value, str):
        return "".join(map(_letter, unicodedata.normalize("NFC", value)))
    if isinstance(value, dict):
        return {name: printable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [printable(item) for item in value]
    return value


def _letter(letter: str) -> str:
    kind = unicodedata.category(letter)
    if kind in ("Cc", "Zl", "Zp"):
        return " "
    if kind == "Cf":  # among them the marks that turn the direction of writing
        return ""
    known = kind != "Cn" and any(first <= ord(letter) <= last for first, last in _SHIPPED)
    return letter if known else "?"
