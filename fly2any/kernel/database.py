"""What an error of the database means for whoever asked."""

from __future__ import annotations

from django.db import InterfaceError, OperationalError
from psycopg.errors import ReadOnlySqlTransaction


def is_away(error: BaseException | None) -> bool:
    """True when the database does not answer, is too busy, or takes no writes just now (a standby taking over).

    Then the same request may be sent again soon. Any other error of the database is a bug of ours.
    """
    return isinstance(error, OperationalError | InterfaceError) or (
        error is not None and isinstance(error.__cause__, ReadOnlySqlTransaction))
