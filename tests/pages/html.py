"""Pages as tests read them: tags with their attributes, and the text that people see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

SILENT = {"script", "style", "head", "noscript"}


@dataclass
class Page(HTMLParser):
    """Parsed once: `tags` is every start tag in order, `text` what is read aloud."""

    source: str
    tags: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    silent: int = 0

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value if value is not None else "" for name, value in attrs}))
        self.silent += tag in SILENT

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in SILENT

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words)).strip()

    def all(self, tag: str, /, **attributes: str) -> Iterator[dict[str, Any]]:
        """The attributes of every such tag."""
        for name, found in self.tags:
            if name == tag and all(found.get(key) == value for key, value in attributes.items()):
                yield found

    def one(self, tag: str, /, **attributes: str) -> dict[str, Any]:
        """The attributes of the only such tag."""
        found = list(self.all(tag, **attributes))
        assert len(found) == 1, (tag, attributes, found)
        return found[0]


def alike(response: Any) -> str:
    """The whole answer without the number of its request, which is another each time."""
    return str(response.content.decode()).replace(response.headers["X-Request-Id"], "")


def read(response: Any) -> Page:
    """The page of a response of Django's test client."""
    return Page(response.content.decode())
