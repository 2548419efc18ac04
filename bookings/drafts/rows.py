"""The draft's row under its lock, and new rows in one statement whose text is made once: the ORM spends more on it
than PostgreSQL does.

Measured on the way of POST /api/bookings, where a booking, its travellers and its flights are written.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.db import connection, models

from bookings import locks
from bookings.flow import Wish
from bookings.models import Booking
from fly2any.kernel.errors import Problem


@lru_cache(maxsize=64)
def _statement(model: type[models.Model], count: int) -> tuple[tuple[Any, ...], str]:
    """The columns (all but the key, which PostgreSQL gives) and the text for so many rows."""
    fields = tuple(field for field in model._meta.concrete_fields if not field.primary_key)
    columns = ", ".join(f'"{field.column}"' for field in fields)
    row = f"({', '.join(['%s'] * len(fields))})"
    return fields, (f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES {", ".join([row] * count)} '  # noqa: S608
                    "RETURNING id")


def draft_for_update(booking: Booking) -> Booking:
    """The draft, locked inside the caller's transaction. Raises Problem not_a_draft (409) once it has been booked."""
    fresh, _ = locks.booking_for_update(booking.pk)
    if fresh.wish != Wish.DRAFT:
        raise Problem("not_a_draft", "This draft has been booked already.", status=409, action="Open booking",
                      extra={"existing": fresh.reference})
    return fresh


def insert(rows: Sequence[models.Model]) -> None:
    """Insert unsaved rows of one model and give them their keys. Raises what the database raises."""
    if not rows:
        return
    fields, text = _statement(type(rows[0]), len(rows))
    values = [field.get_db_prep_save(field.pre_save(row, True), connection) for row in rows for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        for row, (key,) in zip(rows, cursor.fetchall(), strict=True):
            row.pk = key
            row._state.adding, row._state.db = False, connection.alias
