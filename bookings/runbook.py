"""The runbook: docs/runbook.md, one section for each kind of case, found by its anchor."""

from __future__ import annotations

import re
from functools import cache

from django.conf import settings

_SECTION = re.compile(r'^## (?P<title>.+?)\s*<a id="(?P<kind>[a-z_]+)"></a>$', re.MULTILINE)


def runbook_url(kind: str) -> str:
    """The page of this kind of case in the console, as a whole address for mails and chats."""
    return f"{settings.SITE_URL}/admin/runbook/{kind}/"


@cache
def _whole() -> str:
    return (settings.BASE_DIR / "docs" / "runbook.md").read_text(encoding="utf-8")


def foreword() -> str:
    """What stands before the first section (Markdown)."""
    first = _SECTION.search(_whole())
    return _whole()[:first.start() if first else None].strip()


@cache
def sections() -> dict[str, tuple[str, str]]:
    """By kind: the title and the text (Markdown) of its section; in the file's order."""
    text = _whole()
    found = list(_SECTION.finditer(text))
    ends = [one.start() for one in found[1:]] + [len(text)]
    return {one["kind"]: (one["title"], text[one.end():end].strip()) for one, end in zip(found, ends, strict=True)}
