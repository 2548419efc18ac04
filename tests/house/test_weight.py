"""What a page makes its reader load, computed from the templates: styles and own scripts, packed (ux.md 1)."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES, STATIC = ROOT / "templates", ROOT / "static"
ALL_STYLES, SCRIPTS_OF_A_PAGE = 30 * 1024, 50 * 1024  # bytes, gzip
ASKED = re.compile(r"{%\s*static\s+['\"](?P<file>[^'\"]+\.(?:css|js))['\"]\s*%}")
ABOVE = re.compile(r"{%\s*(?:extends|include)\s+['\"]([^'\"]+)['\"]")
PAGES = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html")
               if path.relative_to(TEMPLATES).parts[0] not in ("parts", "mail", "admin") and "<html" not in path.read_text()
               and "{% extends" in path.read_text())


def asked_for(template: str, seen: set[str] | None = None) -> set[str]:
    """The files under static/ that a template loads, with all that it extends and includes."""
    seen = set() if seen is None else seen
    if template in seen or not (TEMPLATES / template).exists():
        return set()
    seen.add(template)
    source = (TEMPLATES / template).read_text()
    return {found["file"] for found in ASKED.finditer(source)}.union(
        *(asked_for(other, seen) for other in ABOVE.findall(source)))


def packed(files: set[str]) -> int:
    """Bytes on the wire: each file is packed by itself."""
    return sum(len(gzip.compress((STATIC / file).read_bytes(), 6)) for file in sorted(files))


def test_all_styles_together_are_small() -> None:
    styles = {str(path.relative_to(STATIC)) for path in (STATIC / "css").glob("*.css")}
    assert packed(styles) <= ALL_STYLES
    assert styles == {file for page in PAGES for file in asked_for(page) if file.endswith(".css")}, "a style nobody loads"


@pytest.mark.parametrize("page", PAGES)
def test_own_scripts_of_a_page_are_small(page: str) -> None:
    files = asked_for(page)
    assert {file for file in files if not (STATIC / file).exists()} == set()
    assert "css/tokens.css" in files
    assert packed({file for file in files if file.endswith(".js")}) <= SCRIPTS_OF_A_PAGE
