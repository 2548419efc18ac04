"""docs/security.md says what is so: its tests exist, each line of the floor has one, every chapter is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text()
FLOOR = ["Access matrix", "Reference guessing", "Throttles", "CSRF", "CSP", "Sessions and cookies", "Second factor and lock-out",
         "Outbound calls", "Mass assignment", "Bodies", "Injection", "Webhook forgery", "Webhook replay", "Personal data",
         "Documents at rest", "Erasure and retention", "Scripts of the payment page", "Errors", "Checks", "Dependencies"]
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def table(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading."""
    part = TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("| ")]
    assert len({len(row) for row in rows}) == 1, heading
    return rows[1:]


def test_every_test_that_is_named_exists() -> None:
    named = NAMED.findall(TEXT)
    assert len(named) > 60
    for file, name in named:
        path = ROOT / file
        assert path.is_file(), file
        assert not name or re.search(rf"^def {name}\(", path.read_text(), re.MULTILINE), f"{file}::{name}"


def test_every_line_of_the_floor_stands_there_with_a_test() -> None:
    rows = table("The floor")
    assert [row[0] for row in rows] == FLOOR
    for line, what, shown, _ in rows:
        assert len(what) > 40 and NAMED.search(shown), line


def test_every_chapter_of_asvs_stands_there_with_a_test() -> None:
    rows = table("OWASP ASVS 5.0, level 2")
    assert [row[0].partition(" ")[0] for row in rows] == [f"V{number}" for number in range(1, 18)]
    for chapter, what, shown, _ in rows:
        assert what and NAMED.search(shown), chapter


def test_every_requirement_of_saq_a_has_a_test_or_says_whose_work_it_is() -> None:
    for requirement, _, shown, missing in table("PCI DSS, SAQ A"):
        assert NAMED.search(shown) or missing, requirement


def test_every_command_that_is_named_exists() -> None:
    for name in re.findall(r"`manage\.py (\w+)", TEXT):
        assert name == "check" or list(ROOT.glob(f"*/management/commands/{name}.py")), name
