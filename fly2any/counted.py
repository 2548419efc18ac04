"""What the house itself counts for the dashboard: answers with 5xx, and errors of the database that somebody logged."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db import Error, IntegrityError
from django.http import HttpRequest, HttpResponse

from fly2any.kernel import counting

NOT_A_VISITOR = ("/readyz", "/healthz", "/metrics")  # probes ask again every second while something is wrong


class CountingMiddleware:
    """Counts every answer of 500 and above by its status; stands outside of everything that could answer so."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, and count an answer that says that we failed."""
        response = self.get_response(request)
        if response.status_code >= 500 and request.path_info not in NOT_A_VISITOR:
            counting.add("web.5xx", str(response.status_code))
        return response


class DatabaseErrors(logging.Handler):
    """Counts each database error once, wherever in a request, a drive or a job it was logged.

    A violated constraint is not one: uniqueness is how two presses are kept from doing one thing twice.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Look whether an error of the database stands behind this line."""
        error = record.exc_info[1] if record.exc_info else None
        while error is not None and not isinstance(error, Error):
            error = error.__cause__
        if error is None or isinstance(error, IntegrityError) or getattr(error, "counted_already", False):
            return
        vars(error)["counted_already"] = True
        counting.add("db.error", type(error).__name__)
