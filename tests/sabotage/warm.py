"""A process that has read the libraries, and nothing of ours, and forks one pytest after another: half the time of a bug.

It runs in the copied tree. A line of JSON [arguments of pytest, file for its output, seconds it may take] asks for a
run; the answer is one line with how it ended (negative: the signal).
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from contextlib import suppress

LIBRARIES = (
    "airportsdata amadeus anyio anyio.pytest_plugin celery celery.app.amqp cryptography.fernet dateutil.parser "
    "diff_match_patch django.core.management django.core.serializers.json django.db.backends.postgresql.base "
    "django.db.models django.forms django.http django.template.backends.django django.test django_otp duffel_api environ "
    "faker httpx hypothesis hypothesis.strategies icalendar jsonschema kombu.transport.redis moneyed phonenumbers "
    "playwright.sync_api prometheus_client psutil psycopg psycopg_pool pybreaker pytest pytest_django "
    "pytest_playwright redis requests rest_framework.serializers schemathesis schemathesis.pytest segno stripe "
    "structlog tablib tenacity valkey whitenoise").split()


def main() -> None:
    """Read the libraries, then do what is asked until nobody asks any more."""
    for name in LIBRARIES:
        with suppress(Exception):  # one that is not here, or wants settings first, is read by the test run itself
            importlib.import_module(name)
    for line in sys.stdin:
        arguments, log, seconds = json.loads(line)
        child = os.fork()
        if child == 0:
            sys.exit(_run(arguments, log, seconds))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(arguments: list[str], log: str, seconds: int) -> int:
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    from fly2any.stack import postgres
    from fly2any.stack.children import dies_with_parent

    if die := dies_with_parent(signal.SIGKILL):
        die()
    os.setsid()  # only now, for a session whose leader dies with its parent would be as nice as we, and hardly ever run
    postgres.stop = lambda data_dir: False  # the campaign's own, which the next bug needs again
    signal.alarm(seconds)
    import pytest

    return int(pytest.main(arguments))


if __name__ == "__main__":
    main()
