"""The catalogue of failure modes and the tests that carry their numbers; `python -m tests.failures.catalogue` writes the page.

A row of `catalogue.txt` says what fails, what is left behind, what recovers it and what the customer sees. A test
carries the row's number as `@pytest.mark.failure("D1")`. The page is made of both and is never written by hand.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = Path(__file__).with_name("catalogue.txt")
PAGE = ROOT / "docs" / "failure-modes.md"
HEAD = """# Failure modes

What can break, what it leaves behind, what recovers it, what the customer sees, and the tests that carry the number.
This page is made by `python -m tests.failures.catalogue` from `tests/failures/catalogue.txt` and the marks on the
tests; `tests/failures/test_catalogue.py` refuses a row without a test, a number without a row and an old page.
"""


@dataclass(frozen=True)
class Row:
    """One failure mode of one part of the house."""

    part: str
    number: str
    fails: str
    left: str
    recovers: str
    sees: str


def rows() -> list[Row]:
    """Every row in the order of the file. Raises ValueError for a line that is none."""
    found, part = [], ""
    for line in SOURCE.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("="):
            part = line.partition("|")[2].strip()
            continue
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) != 5 or not all(cells) or not part:
            raise ValueError(f"not a row: {line}")
        found.append(Row(part, *cells))
    return found


def tests() -> dict[str, list[str]]:
    """Number -> the tests that carry it, as `folder/file.py::name`."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if "mark.failure(" not in text:
            continue
        for name, number in _marks(ast.parse(text)):
            found[number].append(f"{path.relative_to(ROOT / 'tests')}::{name}")
    return found


def _marks(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.failure":
                    yield from ((node.name, str(ast.literal_eval(number))) for number in mark.args)


def page() -> str:
    """The whole page."""
    carried, lines, part = tests(), [HEAD], ""
    for row in rows():
        if row.part != part:
            part = row.part
            lines += [f"\n## {part}\n", "| | What fails | Left behind | What recovers it | The customer sees | Shown by |",
                      "|---|---|---|---|---|---|"]
        shown = "<br>".join(f"`{name}`" for name in carried.get(row.number, ()))
        lines.append(f"| {row.number} | {row.fails} | {row.left} | {row.recovers} | {row.sees} | {shown} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
