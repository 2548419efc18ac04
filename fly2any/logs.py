"""JSON log lines with the request's id. A line never holds a query string, an address of a person or a body."""

from __future__ import annotations

import re
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

# PostgreSQL's DETAIL quotes the row ("Failing row contains (...)"): names, addresses, documents
_DETAIL = re.compile(r"\nDETAIL:.*?(?=\n\nThe above exception|\n\nDuring handling|\Z)", re.DOTALL)

# libraries that tell of every call, some with identifiers in the address
_QUIET = ("django.server", "axes", "stripe", "httpx", "gunicorn", "celery.worker.strategy", "celery.app.trace")


def without_rows(_: object, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Cut the rows that database errors quote out of tracebacks and messages."""
    for name in ("exception", "event"):
        if isinstance(line.get(name), str):
            line[name] = _DETAIL.sub("", line[name])
    return line


def without_addresses(_: object, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Name the route where Django's own lines (broken request, CSRF) name the address, which may hold a token."""
    request = line.pop("request", None) if str(line.get("logger", "")).startswith("django.") else None
    if isinstance(request, HttpRequest):
        line["event"] = str(line["event"]).replace(request.path, RequestLogMiddleware.format_request(request))
    return line


def report_without_values(event: Any, hint: dict[str, Any]) -> Any:
    """What an error report (Sentry) may hold: the trace and the route, no address, header, cookie or log line."""
    request = event.pop("request", None) or {}
    kept = {name: value for name, value in event.items() if name not in ("breadcrumbs", "extra", "user", "logentry")}
    if "logentry" in event:
        kept["logentry"] = {"message": (event["logentry"] or {}).get("message", "")}
    return {**kept, "request": {"method": request.get("method", "")}}


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
                    structlog.processors.format_exc_info,
                    without_rows,
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
