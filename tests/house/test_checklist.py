"""The checklist of the checkout names tests that exist, so that it cannot promise what nobody checks."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`(\w+/test_\w+)(?:::(\w+)(?:…(\w*))?)?")


def test_every_test_that_the_checklist_names_exists() -> None:
    text = (ROOT / "docs" / "checklist-checkout.md").read_text()
    assert len(text.splitlines()) <= 200
    missing = []
    named = NAMED.findall(text)
    for file, start, end in named:
        path = ROOT / "tests" / f"{file}.py"
        source = path.read_text() if path.exists() else ""
        if not re.search(rf"def test_{start}\w*{end}\w*\(", source):
            missing.append(f"{file}::{start}")
    assert missing == []
    assert len(named) > 80
