"""JSON log lines with the request's id. A line never holds a query string, an address of a person or a body.

What an exception says is left out, in lines and in error reports: `KeyError: 'Anna'`, "invalid input syntax" and a
mail server's refusal quote what they were given. Kind, trace and codes of an allow-list stay (reliability.md 10).
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any

import structlog
from django.http import HttpRequest
from django_structlog.middlewares import RequestMiddleware

_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]

# exceptions whose words are made of code: names of attributes, types, settings, modules
_OF_CODE = ("AttributeError", "ImportError", "ImproperlyConfigured", "ModuleNotFoundError", "NameError",
            "NotImplementedError", "RecursionError", "TypeError", "UnboundLocalError", "ZeroDivisionError")
_CODES = ("code", "sqlstate", "errno")  # what we, PostgreSQL and the system call the trouble
_REPORTED = ("event_id", "timestamp", "level", "platform", "logger", "release", "environment", "server_name", "sdk",
             "modules")

# libraries that tell of every call, some with identifiers in the address
_QUIET = ("django.server", "axes", "stripe", "httpx", "gunicorn", "celery.worker.strategy", "celery.app.trace")


def words(error: BaseException) -> str:
    """What may be told of an exception: kind, codes, the constraint it broke; its text when that is made of code."""
    codes = [str(getattr(error, name, None) or "") for name in _CODES]
    codes.append(str(getattr(getattr(error, "diag", None), "constraint_name", None) or ""))
    said = [code for code in codes if code and code.replace("_", "").replace(".", "").isalnum() and len(code) <= 63]
    kind = type(error).__name__
    return " ".join([f"{kind}: {error}" if kind in _OF_CODE else kind, *said])


def trace(exc_info: Any) -> str:
    """Render a traceback as Python does, causes first, with `words` in the place of what each exception says."""
    return "".join(_told(exc_info[1], set())) if exc_info and exc_info[1] else ""


def _told(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in seen:
        yield from _told(before, seen)
        yield "\nwhich led to\n\n"
    yield "".join(traceback.format_tb(error.__traceback__))
    yield words(error) + "\n"


def without_tasks(_: object, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Cut the exception and the arguments that Celery writes into its own lines about a failed task."""
    if str(line.get("logger", "")).startswith("celery.") and line.get("exc_info"):
        line.pop("data", None)
        line["event"] = str(line["event"]).partition(": ")[0]
    return line


def without_addresses(_: object, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Name the route where Django's own lines (broken request, CSRF) name the address, which may hold a token."""
    request = line.pop("request", None) if str(line.get("logger", "")).startswith("django.") else None
    if isinstance(request, HttpRequest):
        line["event"] = str(line["event"]).replace(request.path, RequestLogMiddleware.format_request(request))
    return line


def report_without_values(event: Any, hint: dict[str, Any]) -> Any:
    """What an error report (Sentry) may hold: kinds, traces, the route, the constant part of a log line. No more."""
    kept = {name: event[name] for name in _REPORTED if name in event}
    if event.get("transaction") and (event.get("transaction_info") or {}).get("source") != "url":
        kept["transaction"] = event["transaction"]
    if "exception" in event:
        kept["exception"] = {"values": [_reported(value) for value in event["exception"].get("values") or ()]}
    if "logentry" in event:
        kept["logentry"] = {"message": (event["logentry"] or {}).get("message", "")}
    return {**kept, "request": {"method": (event.get("request") or {}).get("method", "")}}


def _reported(value: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {name: value[name] for name in ("type", "module") if name in value}
    if value.get("type") in _OF_CODE:
        kept["value"] = value.get("value")
    if "stacktrace" in value:
        kept["stacktrace"] = {"frames": [{name: word for name, word in frame.items() if name != "vars"}
                                         for frame in value["stacktrace"].get("frames") or ()]}
    return kept


def request_id() -> str:
    """The number of the present request, as in its log lines; "" outside of one. No caller can choose it."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


class RequestLogMiddleware(RequestMiddleware):
    """One line per request: method, route (never the values in the path or the query), status."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        """Name the request by its route, because paths may hold references and access tokens."""
        match = getattr(request, "resolver_match", None)
        return f"{request.method} /{match.route}" if match is not None else f"{request.method}"


def config(level: str) -> dict[str, Any]:
    """Django's LOGGING: everything to stderr as JSON; also sets structlog up to go the same way."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    without_tasks,
                    structlog.processors.ExceptionRenderer(trace),
                    without_addresses,
                    structlog.processors.JSONRenderer(),
                ],
                "foreign_pre_chain": [*_SHARED, structlog.stdlib.ExtraAdder()],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"},
                     "counted": {"class": "fly2any.counted.DatabaseErrors", "level": "WARNING"}},
        "root": {"handlers": ["stderr", "counted"], "level": level},
        "loggers": {
            "django.request": {"level": "ERROR"},
            **{name: {"level": "WARNING"} for name in _QUIET},
        },
    }
