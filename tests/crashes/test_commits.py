"""A new call or commit of the driver, the desk, messages, mail, comparisons, keys or what is forgotten has a fault point."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from bookings.flow import ASKING
from fly2any.kernel import faultpoints

ROOT = Path(__file__).resolve().parents[2]
WATCHED = ("bookings/advance.py", "bookings/services.py", "bookings/afterwards.py", "bookings/mail.py", "bookings/chat.py",
           "bookings/alerts.py", "bookings/retention.py", "bookings/desk/doing.py", "bookings/detectors/engine.py",
           "bookings/drafts/booking.py", "payments/inbox.py", "suppliers/inbox.py",
           *(f"bookings/reconcile/{name}.py" for name in ("differences", "notices", "orders", "runs", "money", "turns")))
SAYING = {"committing", "passing"}


def blind(text: str) -> Iterator[int]:
    """The lines of transactions that pass no fault point, themselves or in a function of the same module."""
    tree = ast.parse(text)
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.With) and "transaction.atomic" in " ".join(map(ast.unparse, node.items)) and not _says(
                node, functions, set()):
            yield node.lineno


def _says(node: ast.AST, functions: dict[str, ast.FunctionDef], seen: set[str]) -> bool:
    for call in (found for found in ast.walk(node) if isinstance(found, ast.Call)):
        if isinstance(call.func, ast.Attribute) and call.func.attr in SAYING:
            return True
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if name in functions and name not in seen and _says(functions[name], functions, seen | {name}):
            return True
    return False


def test_every_commit_of_the_watched_modules_passes_a_point() -> None:
    found = [f"{path}:{line}" for path in WATCHED for line in blind((ROOT / path).read_text())]
    assert not found, "no fault point, so no crash test: " + ", ".join(found)


def test_a_commit_without_a_point_is_noticed() -> None:
    assert list(blind("with transaction.atomic(durable=True):\n    row.save()\n")) == [1]
    assert not list(blind("def f():\n    faultpoints.committing('x')\nwith transaction.atomic():\n    f()\n"))


def test_every_step_that_asks_outside_is_registered() -> None:
    points = {point.split(".")[1] for point in faultpoints.registered() if point.startswith("call.")}
    assert {step.value for step in ASKING} <= points
