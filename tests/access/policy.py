"""What every answer of the house must carry in its headers, whoever asked and whatever came of it."""

from __future__ import annotations

import re
from typing import Any

STRICT = {"object-src": "'none'", "base-uri": "'none'", "frame-ancestors": "'none'", "form-action": "'self'",
          "style-src": "'self'", "default-src": "'self'", "font-src": "'self'", "img-src": "'self' data:",
          "connect-src": "'self'", "frame-src": "'none'"}
SCRIPTS = re.compile(r"'self'( 'nonce-[\w+/=-]{22,}')?")
HEADERS = {"X-Content-Type-Options": {"nosniff"}, "X-Frame-Options": {"DENY"},
           "Referrer-Policy": {"same-origin", "no-referrer"}, "Cross-Origin-Opener-Policy": {"same-origin"},
           "Cross-Origin-Resource-Policy": {"same-origin"}}
UNUSED = {"camera", "microphone", "geolocation", "usb", "display-capture"}


def rules(answer: Any) -> dict[str, str]:
    """The content security policy by directive."""
    header = answer.headers.get("Content-Security-Policy", "")
    return dict(part.strip().partition(" ")[::2] for part in header.split(";") if part.strip())


def lacking(answer: Any, *, open_to_all: bool = False, **weaker: str) -> list[str]:
    """What is missing or weak. `open_to_all`: may be kept by caches; `weaker`: directives (with _) that differ here."""
    found = rules(answer)
    wanted = {**STRICT, **{name.replace("_", "-"): value for name, value in weaker.items()}}
    wrong = [f"{name} {found.get(name)}" for name, value in wanted.items() if found.get(name) != value]
    if "script-src" not in wanted and not SCRIPTS.fullmatch(found.get("script-src", "")):
        wrong.append(f"script-src {found.get('script-src')}")
    wrong += [f"{name} {answer.headers.get(name)}" for name, values in HEADERS.items()
              if answer.headers.get(name) not in values]
    shut = {part.strip().removesuffix("=()") for part in answer.headers.get("Permissions-Policy", "").split(",")
            if part.strip().endswith("=()")}
    wrong += [f"permission {name}" for name in sorted(UNUSED - shut)]
    wrong += [name for name in answer.headers if name.lower().startswith("access-control-") or name == "Server"]
    if not re.fullmatch(r"[0-9a-f-]{36}", answer.headers.get("X-Request-Id", "")):
        wrong.append("X-Request-Id")
    if not open_to_all and "no-store" not in answer.headers.get("Cache-Control", ""):
        wrong.append(f"Cache-Control {answer.headers.get('Cache-Control')}")
    return wrong
