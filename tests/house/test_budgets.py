"""House rules that no tool knows: sizes (blank lines are free), names, doors that may not reach behind the services."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("fly2any", "bookings", "payments", "suppliers", "sandbox")
LONGEST_MODULE = 400
LONGEST_FUNCTION = 40
LONGEST_IN_SANDBOX = 50  # a vendor's document is one long dictionary, clearest in one piece
FORBIDDEN_NAMES = {"utils", "common", "misc", "base", "manager", "helpers"}
DOORS = ("bookings/checkout", "bookings/api", "bookings/admin")
BEHIND = ("bookings.advance", "bookings.steps", "payments.registry", "suppliers.registry")


def modules() -> Iterator[Path]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def written(source: str) -> int:
    return sum(1 for line in source.splitlines() if line.strip())


def test_modules_stay_short() -> None:
    long = {name(path): lines for path in modules() if (lines := written(path.read_text())) > LONGEST_MODULE}
    assert long == {}


def test_functions_stay_short() -> None:
    long = {}
    for path in modules():
        source = path.read_text()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = written("\n".join(source.splitlines()[node.lineno - 1 : node.end_lineno]))
                limit = LONGEST_IN_SANDBOX if name(path).startswith("sandbox/") else LONGEST_FUNCTION
                if lines > limit:
                    long[f"{name(path)}:{node.name}"] = lines
    assert long == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [name(path) for path in modules() if path.stem in FORBIDDEN_NAMES] == []


@pytest.mark.parametrize("door", DOORS)
def test_doors_call_services_and_never_reach_behind_them(door: str) -> None:
    files = [path for path in modules() if name(path).startswith((f"{door}/", f"{door}.py"))]
    wrong = [
        f"{name(path)} imports {found}"
        for path in files
        for found in imports(path)
        if any(found == module or found.startswith(f"{module}.") for module in BEHIND)
    ]
    assert wrong == []


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
