"""Whose a booking is, is asked in one place: `access.visible_to`, by way of the selectors. No view looks for itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from django.conf import settings

ROOMS = ("bookings/checkout", "bookings/api", "bookings/documents", "bookings/drafts", "bookings/selectors")
OF_A_BOOKING = {"SupplierOrder", "Payment", "Refund", "Passenger", "Selection", "Share", "ChangeRequest", "Diary",
                "ExternalCall", "CallRecord", "AccessLink", "Outbox", "Case"}
BY_OTHER_MEANS = {  # who looks for bookings without asking whose they are, and why it may
    "bookings/checkout/returning.py:elsewhere": "a signed token of the payment page; a word, nothing private",
    "bookings/api/bookings.py:quoted": "the caller's own once more, by the key of the row that was found as theirs",
    "bookings/drafts/booking.py:start": "makes the visitor's own draft",
    "bookings/drafts/travellers.py:carried_over": "of exactly this principal, to whose next draft it carries names",
    "bookings/selectors/customers.py:known_customer": "of exactly this account",
}


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    for room in ROOMS:
        for path in sorted((settings.BASE_DIR / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.FunctionDef):
                    yield f"{path.relative_to(settings.BASE_DIR)}:{node.name}", node


def looked_for(function: ast.FunctionDef) -> set[str]:
    """Tables of which this function looks for rows (`Booking.objects…`, `get_object_or_404(Booking, …)`)."""
    found = {node.value.id for node in ast.walk(function) if isinstance(node, ast.Attribute)
             and node.attr in ("objects", "_default_manager", "_base_manager") and isinstance(node.value, ast.Name)}
    return found | {call.args[0].id for call in ast.walk(function) if isinstance(call, ast.Call)
                    and isinstance(call.func, ast.Name) and call.func.id.startswith("get_")
                    and call.args and isinstance(call.args[0], ast.Name)}


def words(function: ast.FunctionDef) -> set[str]:
    named = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    return named | {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute)} | {
        word.arg for node in ast.walk(function) if isinstance(node, ast.Call) for word in node.keywords if word.arg}


def test_who_looks_for_a_booking_asks_whose_it_is() -> None:
    looking = {name: words(function) for name, function in functions() if "Booking" in looked_for(function)}
    asking = {name for name, said in looking.items() if "visible_to" in said}
    assert {name.rpartition(":")[2] for name in asking} >= {"booking_for", "draft_for", "bookings_of", "open_drafts"}
    assert looking.keys() - asking == BY_OTHER_MEANS.keys()


def test_rows_of_a_booking_are_reached_through_the_booking() -> None:
    lost = [name for name, function in functions() if OF_A_BOOKING & looked_for(function)
            and not {"booking", "payment__booking", "booking_id"} & words(function)]
    assert lost == []
