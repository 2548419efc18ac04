"""What goes wrong is told without what it went wrong with: log lines, error reports, PostgreSQL's own log."""

from __future__ import annotations

import json
import logging
import smtplib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sentry_sdk
from django.core import checks
from django.db import DatabaseError, connection, transaction
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.transport import Transport

from bookings.models import Booking
from fly2any import logs
from fly2any.kernel.errors import Problem, Refused
from fly2any.stack import postgres
from tests.trail import rows

MARK = "zqx" + "mark"  # never as one word in a line of code that a trace quotes
PERSON = {"given_name": MARK, "email": f"{MARK}@example.com"}


def of_python() -> None:
    PERSON[MARK]


def of_a_number() -> None:
    int(MARK)


def of_a_mail_server() -> None:
    raise smtplib.SMTPRecipientsRefused({f"{MARK}@example.com": (550, f"no such user {MARK}".encode())})


def of_bytes() -> None:
    json.loads("{" + MARK)


def of_letters() -> None:
    f"{MARK}é".encode("ascii")


def of_a_cause() -> None:
    try:
        PERSON[MARK]
    except KeyError as error:
        raise RuntimeError(f"nobody is called {MARK}") from error


def of_a_context() -> None:
    try:
        PERSON[MARK]
    except KeyError:
        int(MARK)


def of_a_vendor() -> None:
    raise Refused("bad_name", f"the name {MARK} is refused")


def of_a_refusal() -> None:
    raise Problem("not_finished", f"{MARK} is not finished")


def of_a_constraint() -> None:
    with transaction.atomic():
        booking = rows.booking()
        Booking.objects.filter(pk=booking.pk).update(contact_email=f"{MARK}@example.com", accepted_minor=-1)


def of_a_wrong_value() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT %s::date", [MARK])


def of_a_long_value() -> None:
    with transaction.atomic():
        Booking.objects.create(reference=MARK * 20, contact_email=MARK)


TROUBLES = [of_python, of_a_number, of_a_mail_server, of_bytes, of_letters, of_a_cause, of_a_context, of_a_vendor, of_a_refusal,
            of_a_constraint, of_a_wrong_value, of_a_long_value]


def caught(trouble: Callable[[], None]) -> Any:
    try:
        trouble()
    except Exception:
        return sys.exc_info()
    raise AssertionError("nothing was raised")


def formatter() -> logging.Formatter:
    made = logs.config("INFO")["formatters"]["json"]
    return made.pop("()")(**made)


@pytest.mark.django_db
@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_line_tells_kind_and_trace_of_an_exception_and_nothing_it_says(trouble: Callable[[], None]) -> None:
    info = caught(trouble)
    record = logging.LogRecord("somewhere", logging.ERROR, __file__, 1, "drive.failed", (), info)
    line = formatter().format(record)
    told = json.loads(line)["exception"]
    assert MARK not in line
    assert type(info[1]).__name__ in told and f"in {trouble.__name__}" in told and __file__ in told


@pytest.mark.django_db
def test_codes_constraints_causes_and_words_made_of_code_stay() -> None:
    def told(trouble: Callable[[], None]) -> str:
        return logs.trace(caught(trouble))

    assert "IntegrityError" in told(of_a_constraint) and "CheckViolation 23514 " in told(of_a_constraint)
    assert "InvalidDatetimeFormat 22007" in told(of_a_wrong_value)
    assert told(of_a_vendor).endswith("Refused bad_name\n") and told(of_a_refusal).endswith("Problem not_finished\n")
    assert told(of_a_cause).index("KeyError\n") < told(of_a_cause).index("which led to") < told(of_a_cause).index("RuntimeError\n")
    assert "AttributeError: 'dict' object has no attribute 'x'" in told(lambda: PERSON.x)  # type: ignore[attr-defined]
    assert told(lambda: Path("/nowhere").read_text()).endswith("FileNotFoundError 2\n")


def test_celerys_own_line_about_a_failed_task_names_the_task_alone() -> None:
    data = {"id": "1", "args": f"('{MARK}',)", "exc": f"KeyError('{MARK}')", "traceback": MARK, "name": "bookings.advance"}
    record = logging.LogRecord("celery.app.trace", logging.ERROR, __file__, 1,
                               "Task %(name)s[%(id)s] raised unexpected: %(exc)s\n%(traceback)s", (data,), caught(of_python))
    record.data = data
    line = formatter().format(record)
    assert MARK not in line
    assert json.loads(line)["event"] == "Task bookings.advance[1] raised unexpected"


class Kept(Transport):
    """Keeps what would have gone to Sentry."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []

    def capture_envelope(self, envelope: Any) -> None:
        self.sent.append(envelope.serialize().decode())


@pytest.mark.django_db
@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_report_to_sentry_tells_kind_and_trace_and_nothing_of_a_person(trouble: Callable[[], None]) -> None:
    """The real client with our settings, asked for by a logger and directly, amid everything a report may take along."""
    transport = Kept()
    client = sentry_sdk.Client(
        dsn="https://key@sentry.invalid/1", transport=transport, before_send=logs.report_without_values, send_default_pii=False,
        max_request_body_size="never", include_local_variables=False, integrations=[LoggingIntegration()])
    with sentry_sdk.isolation_scope() as scope:
        scope.set_client(client)
        scope.set_user({"email": PERSON["email"]})
        scope.set_tag("name", MARK)
        scope.set_extra("name", MARK)
        scope.set_context("person", PERSON)
        scope.add_breadcrumb(message=MARK)
        scope.set_transaction_name(f"/manage/link/{MARK}/", source="url")
        try:
            trouble()
        except Exception as error:
            sentry_sdk.capture_exception(error)
        logging.getLogger("tests.secrecy").error("trouble with %s", MARK, extra={"name_": MARK})  # an exception is told once
    raised, logged = transport.sent
    assert MARK not in raised and f'"function":"{trouble.__name__}"' in raised
    assert MARK not in logged and "trouble with %s" in logged


def test_a_route_is_told_to_sentry_and_a_raw_path_is_not() -> None:
    event = {"transaction": "/manage/link/{token}/", "transaction_info": {"source": "route"}}
    assert logs.report_without_values(dict(event), {})["transaction"] == "/manage/link/{token}/"
    assert "transaction" not in logs.report_without_values(event | {"transaction_info": {"source": "url"}}, {})


def test_the_site_tells_sentry_through_the_same_filter() -> None:
    text = (Path(logs.__file__).parent / "settings.py").read_text()
    for words in ("before_send=logs.report_without_values", "send_default_pii=False", 'max_request_body_size="never"',
                  "include_local_variables=False"):
        assert words in text
    # spans would hold statements; with 0 a caller's own `sentry-trace: …-1` header still samples, without it nothing does
    assert "traces_sample_rate=" not in text and "profiles_sample_rate=" not in text


# --- PostgreSQL ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_postgresql_writes_no_statement_and_no_row_into_its_own_log() -> None:
    import os

    with pytest.raises(DatabaseError):
        of_a_constraint()
    with pytest.raises(DatabaseError):
        of_a_wrong_value()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 1")
        cursor.execute("SELECT pg_sleep(1), %s", [MARK])
    log = Path(os.environ["DATA_DIR"]) / "pg" / "server.log"
    if os.environ.get("DATABASE_URL"):
        pytest.skip("not our server")
    assert MARK.encode() not in log.read_bytes()


@pytest.mark.django_db
def test_a_server_that_does_is_named_by_a_check() -> None:
    from fly2any.checks import the_database_log_is_silent

    assert the_database_log_is_silent(None) == []
    assert the_database_log_is_silent in checks.registry.registry.registered_checks
    with connection.cursor() as cursor:
        for name, value in postgres.QUIET.items():
            cursor.execute("SELECT set_config(%s, %s, true)", [name, value])
        assert the_database_log_is_silent(["default"]) == []
        cursor.execute("SELECT set_config('log_min_error_statement', 'error', true)")
        cursor.execute("SELECT set_config('log_statement', 'mod', true)")
    (found,) = the_database_log_is_silent(["default"])
    assert "log_min_error_statement, log_statement" in found.msg and "log_statement=none" in (found.hint or "")
