"""System checks of the settings: each names the variable and how to mend it. Errors stop every process."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from fly2any import env
from fly2any.stack import postgres

_LIVE = {
    "STRIPE_SECRET_KEY": ("sk_live_", "rk_live_"),
    "STRIPE_PUBLISHABLE_KEY": ("pk_live_",),
    "DUFFEL_ACCESS_TOKEN": ("duffel_live_",),
}
_SANDBOX = {
    "STRIPE_SECRET_KEY": "sk_test_sandbox",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_sandbox",
    "DUFFEL_ACCESS_TOKEN": "duffel_test_sandbox",
    "AMADEUS_CLIENT_ID": "amadeus_sandbox",
}
_ADDRESS = {
    "STRIPE_SECRET_KEY": "STRIPE_API_BASE",
    "STRIPE_PUBLISHABLE_KEY": "STRIPE_JS_URL",
    "DUFFEL_ACCESS_TOKEN": "DUFFEL_API_BASE",
    "AMADEUS_CLIENT_ID": "AMADEUS_API_BASE",
}
_AMADEUS_NEEDS = (
    "AMADEUS_API_BASE", "AMADEUS_CLIENT_SECRET", "AMADEUS_AGENCY_EMAIL", "AMADEUS_AGENCY_PHONE",
    "AMADEUS_AGENCY_STREET", "AMADEUS_AGENCY_POSTCODE", "AMADEUS_AGENCY_CITY",
)  # fmt: skip
_WEBHOOKS = {"STRIPE_WEBHOOK_SECRET": "STRIPE_API_BASE", "DUFFEL_WEBHOOK_SECRET": "DUFFEL_API_BASE"}


def live_keys() -> list[str]:
    """The names of the settings that hold a key with which real money or real tickets move."""
    found = [name for name, starts in _LIVE.items() if str(getattr(settings, name)).startswith(starts)]
    return [*found, "AMADEUS_CLIENT_ID"] if _amadeus_is_live() else found


def _amadeus_is_live() -> bool:
    """Amadeus' keys do not say what they are: one that is not the sandbox's is live unless it goes to the test host."""
    host = urlsplit(settings.AMADEUS_API_BASE).hostname or ""
    return settings.AMADEUS_CLIENT_ID not in ("", _SANDBOX["AMADEUS_CLIENT_ID"]) and not host.startswith("test.")


def production() -> bool:
    """Whether this installation serves the public: https, or any live key."""
    return bool(settings.HTTPS or live_keys())


@checks.register("fly2any")
def keys_match_addresses(**_: Any) -> list[checks.CheckMessage]:
    """Live keys never go to a sandbox; sandbox keys never go to the real service."""
    found: list[checks.CheckMessage] = []
    live = live_keys()
    for name, address_name in _ADDRESS.items():
        address = str(getattr(settings, address_name))
        if name in live and env.is_loopback(address):
            hint = f"Set {address_name} to the real service, or remove {name} to use the sandbox."
            found.append(
                checks.Error(f"{name} is a live key but {address_name} is a sandbox.", hint=hint, id="fly2any.E001")
            )
        if getattr(settings, name) == _SANDBOX[name] and not env.is_loopback(address):
            hint = f"Set {name} to a key of that service, or unset {address_name} to use the sandbox."
            found.append(
                checks.Error(
                    f"{address_name} is a real service but {name} is the sandbox's.", hint=hint, id="fly2any.E002"
                )
            )
    return found


@checks.register("fly2any")
def others_are_asked_over_https(**_: Any) -> list[checks.CheckMessage]:
    """Keys, names and documents go over the wire: in the clear to a program on this machine only."""
    names = ("DUFFEL_API_BASE", "STRIPE_API_BASE", "STRIPE_JS_URL", "AMADEUS_API_BASE")
    return [
        checks.Error(f"{name} is not https.", hint=f"Set {name} to the https:// address of the service.",
                     id="fly2any.E013")
        for name in names
        if (address := str(getattr(settings, name))) and not address.startswith("https://")
        and not env.is_loopback(address)
    ]


@checks.register("fly2any")
def webhook_secrets(**_: Any) -> list[checks.CheckMessage]:
    """A webhook without a secret could be written by anybody."""
    return [
        checks.Error(
            f"{name} is missing.",
            hint=f"Set {name} to the signing secret of the registered webhook (two, comma separated, during rotation).",
            id="fly2any.E003",
        )
        for name in _WEBHOOKS
        if not getattr(settings, name)
    ]


@checks.register("fly2any")
def production_is_strict(**_: Any) -> list[checks.CheckMessage]:
    """What is fine on a laptop is refused where customers are."""
    if not production():
        return []
    found: list[checks.CheckMessage] = []
    if settings.DEBUG:
        found.append(checks.Error("DEBUG is on in production.", hint="Unset DEBUG.", id="fly2any.E004"))
    if settings.CRASH_FILE:
        found.append(
            checks.Error(
                "CRASH_FILE is set in production.",
                hint="Unset CRASH_FILE: it kills processes on purpose.",
                id="fly2any.E005",
            )
        )
    if not settings.HTTPS:
        hint = "Set SITE_URL to the https:// address of the site."
        found.append(checks.Error("SITE_URL is not https in production.", hint=hint, id="fly2any.E006"))
    if not settings.ADMIN_NEEDS_OTP:
        hint = "Unset ADMIN_NEEDS_OTP: the console moves money, so a password alone must not open it."
        found.append(checks.Error("ADMIN_NEEDS_OTP is off in production.", hint=hint, id="fly2any.E008"))
    for name in ("SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "DATABASE_URL"):
        if not env.text(name):
            found.append(
                checks.Error(
                    f"{name} is not set in production.",
                    hint=f"Set {name}; the one made for development lives in {settings.DATA_DIR}.",
                    id="fly2any.E007",
                )
            )
    return found


@checks.register("fly2any")
def somebody_is_told(**_: Any) -> list[checks.CheckMessage]:
    """Where real money moves an alert must reach somebody who is not looking at the console."""
    found: list[checks.CheckMessage] = []
    chat = str(settings.ALERT_WEBHOOK_URL)
    if chat and not chat.startswith("https://") and not env.is_loopback(chat):
        hint = "Set ALERT_WEBHOOK_URL to the https:// address that the chat gave you."
        found.append(checks.Error("ALERT_WEBHOOK_URL is not https.", hint=hint, id="fly2any.E009"))
    if settings.SANDBOX:
        return found
    hints = {"ALERT_EMAIL": "Set ALERT_EMAIL to a mailbox that is read day and night.",
             "ALERT_WEBHOOK_URL": "Set ALERT_WEBHOOK_URL to the incoming webhook of the staff's chat."}
    found += [checks.Warning(f"{name} is not set: critical cases are told nobody there.", hint=hint, id="fly2any.W001")
              for name, hint in hints.items() if not getattr(settings, name)]
    return found


@checks.register("fly2any")
def amadeus_is_whole(**_: Any) -> list[checks.CheckMessage]:
    """A reservation names the agency that made it, and cancels itself after a time that Amadeus can read."""
    if not settings.AMADEUS_CLIENT_ID:
        return []
    found: list[checks.CheckMessage] = [
        checks.Error(
            f"{name} is missing.",
            hint=f"Set {name}, or AMADEUS_CLIENT_ID=off to sell without Amadeus.",
            id="fly2any.E010",
        )
        for name in _AMADEUS_NEEDS
        if not getattr(settings, name)
    ]
    if not re.fullmatch(r"[1-9]\d?D", settings.AMADEUS_TICKETING_DELAY):
        hint = "Set AMADEUS_TICKETING_DELAY to a number of days such as 2D."
        found.append(checks.Error("AMADEUS_TICKETING_DELAY is not a number of days.", hint=hint, id="fly2any.E011"))
    return found


@checks.register("fly2any")
def hotels_are_found(**_: Any) -> list[checks.CheckMessage]:
    """Travellers are sent to an https address only, one that is asked for the hotel."""
    link = str(settings.STAYS_HOTEL_LINK)
    host = urlsplit(link).hostname or ""
    if link.startswith("https://") and host and "{name}" in link and "{" not in host:
        return []
    hint = "Set STAYS_HOTEL_LINK to an https:// address with {name} (and {city}) in it, or unset it."
    return [checks.Error("STAYS_HOTEL_LINK leads to no hotel.", hint=hint, id="fly2any.E012")]


@checks.register(checks.Tags.database)
def the_database_log_is_silent(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Warn about a server that writes statements, and so travellers, into its log (`check --database default`)."""
    if not databases:
        return []
    wanted = {**postgres.QUIET, "log_statement": "none", "log_min_duration_statement": "-1"}
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(wanted)])
        loud = sorted(name for name, value in cursor.fetchall() if value != wanted[name])
    return [checks.Warning(f"PostgreSQL writes statements with travellers' data into its log: {', '.join(loud)}.",
                           hint=f"Set {', '.join(f'{name}={wanted[name]}' for name in loud)} in its configuration.",
                           id="fly2any.W002")] if loud else []


def refuse_wrong_settings() -> None:
    """Raise ImproperlyConfigured with every error of our checks; for entry points that run no system checks."""
    wrong = [problem for problem in checks.run_checks(tags=["fly2any"]) if problem.level >= checks.ERROR]
    if wrong:
        raise ImproperlyConfigured(" ".join(f"({problem.id}) {problem.msg} {problem.hint}" for problem in wrong))
