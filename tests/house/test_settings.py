"""What the environment decides, and the settings that are refused. By real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.core import checks

from fly2any.checks import live_keys

ROOT = Path(__file__).resolve().parents[2]
CLEAN = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
LIVE = {
    "SITE_URL": "https://fly.example",
    "DUFFEL_API_BASE": "https://api.duffel.com",
    "DUFFEL_ACCESS_TOKEN": "duffel_live_x",
    "DUFFEL_WEBHOOK_SECRET": "whsec_d",
    "STRIPE_API_BASE": "https://api.stripe.com",
    "STRIPE_SECRET_KEY": "sk_live_x",
    "STRIPE_PUBLISHABLE_KEY": "pk_live_x",
    "STRIPE_WEBHOOK_SECRET": "whsec_s",
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "FIELD_ENCRYPTION_KEYS": "4tPyIvRYc1pQ2FZzj5WJ7T9b0bL0n8yU7R3mJq3Vd1E=",
    "AMADEUS_API_BASE": "https://travel.api.amadeus.com",
    "AMADEUS_CLIENT_ID": "kFs2W8x",
    "AMADEUS_CLIENT_SECRET": "x",
    "AMADEUS_AGENCY_EMAIL": "desk@fly.example",
    "AMADEUS_AGENCY_PHONE": "2125550100",
    "AMADEUS_AGENCY_STREET": "1 Street",
    "AMADEUS_AGENCY_POSTCODE": "10001",
    "AMADEUS_AGENCY_CITY": "New York",
    "ALERT_EMAIL": "night@fly.example",
    "ALERT_WEBHOOK_URL": "https://chat.fly.example/hooks/x",
    "DATABASE_URL": "postgresql://u:p@db.internal:5433/site?sslmode=require",
}


def python(code: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    known = {**CLEAN, "DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "fly2any.settings", **environ}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=known, capture_output=True, text=True, check=False
    )


def values(folder: Path, *names: str, **environ: str) -> dict[str, object]:
    shown = f"{{n: getattr(s, n) for n in {names!r}}}"
    code = f"import json; from django.conf import settings as s; print(json.dumps({shown}))"
    done = python(code, folder, **environ)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


PROBLEMS = """
import importlib, json, os, django
django.setup()
from django.core import checks
from django.test import override_settings
from fly2any import settings as ours
told = []
for environ in json.loads(os.environ["CASES"]):
    os.environ.clear()
    os.environ.update(environ)
    importlib.reload(ours)
    with override_settings(**{name: getattr(ours, name) for name in dir(ours) if name.isupper()}):
        told.append([[p.id, p.msg + " " + p.hint] for p in checks.run_checks(tags=["fly2any"])])
print(json.dumps(told))
"""


def problems(folder: Path, *cases: dict[str, str]) -> list[list[tuple[str, str]]]:
    """What the site's own checks say of each of these environments; one process reads them one after another."""
    known = [{**CLEAN, "DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "fly2any.settings", **case} for case in cases]
    done = python(PROBLEMS, folder, **cases[0], CASES=json.dumps(known))
    assert done.returncode == 0, done.stderr
    return [[(number, text) for number, text in found] for found in json.loads(done.stdout)]


def test_with_nothing_set_the_site_is_the_sandbox(tmp_path: Path) -> None:
    names = (
        "SANDBOX",
        "DUFFEL_API_BASE",
        "STRIPE_API_BASE",
        "AMADEUS_API_BASE",
        "AMADEUS_CLIENT_ID",
        "STRIPE_JS_URL",
        "DEBUG",
        "ADMIN_NEEDS_OTP",
        "BROKER_ENABLED",
    )
    assert values(tmp_path, *names, SANDBOX_PORT="9001") == {
        "SANDBOX": True,
        "DUFFEL_API_BASE": "http://127.0.0.1:9001/duffel",
        "STRIPE_API_BASE": "http://127.0.0.1:9001/stripe",
        "AMADEUS_API_BASE": "http://127.0.0.1:9001/amadeus",
        "AMADEUS_CLIENT_ID": "amadeus_sandbox",
        "STRIPE_JS_URL": "http://127.0.0.1:9001/stripe-js/v3/",
        "DEBUG": False,
        "ADMIN_NEEDS_OTP": False,
        "BROKER_ENABLED": False,
    }
    assert problems(tmp_path, {}) == [[]]


def test_secrets_are_made_once_and_kept_private(tmp_path: Path) -> None:
    first = values(tmp_path, "SECRET_KEY", "FIELD_ENCRYPTION_KEYS")
    assert values(tmp_path, "SECRET_KEY", "FIELD_ENCRYPTION_KEYS") == first
    assert len(str(first["SECRET_KEY"])) >= 50
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "secrets").iterdir()} == {0o600}


def test_the_real_world_is_clean_and_strict(tmp_path: Path) -> None:
    assert problems(tmp_path, LIVE) == [[]]
    found = values(
        tmp_path, "SANDBOX", "STRIPE_JS_URL", "SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "SESSION_COOKIE_SECURE",
        "SECURE_SSL_REDIRECT", "ADMIN_NEEDS_OTP", **LIVE,
    )  # fmt: skip
    assert found == {
        "SANDBOX": False,
        "STRIPE_JS_URL": "https://js.stripe.com/v3/",
        "SESSION_COOKIE_NAME": "__Host-sessionid",
        "CSRF_COOKIE_NAME": "__Host-csrftoken",
        "SESSION_COOKIE_SECURE": True,
        "SECURE_SSL_REDIRECT": True,
        "ADMIN_NEEDS_OTP": True,
    }


WRONG: list[tuple[dict[str, str], str, str]] = [
    ({"STRIPE_API_BASE": "http://127.0.0.1:8001/stripe"}, "fly2any.E001", "STRIPE_API_BASE"),
    ({"DUFFEL_API_BASE": "http://localhost:8001/duffel"}, "fly2any.E001", "DUFFEL_API_BASE"),
    ({"STRIPE_SECRET_KEY": ""}, "fly2any.E002", "STRIPE_SECRET_KEY"),
    ({"DUFFEL_ACCESS_TOKEN": ""}, "fly2any.E002", "DUFFEL_ACCESS_TOKEN"),
    ({"STRIPE_WEBHOOK_SECRET": ""}, "fly2any.E003", "STRIPE_WEBHOOK_SECRET"),
    ({"DUFFEL_WEBHOOK_SECRET": ""}, "fly2any.E003", "DUFFEL_WEBHOOK_SECRET"),
    ({"DEBUG": "on"}, "fly2any.E004", "DEBUG"),
    ({"CRASH_FILE": "/tmp/x"}, "fly2any.E005", "CRASH_FILE"),
    ({"SITE_URL": "http://fly.example"}, "fly2any.E006", "SITE_URL"),
    ({"ADMIN_NEEDS_OTP": "off"}, "fly2any.E008", "ADMIN_NEEDS_OTP"),
    ({"ALERT_WEBHOOK_URL": "http://chat.fly.example/x"}, "fly2any.E009", "ALERT_WEBHOOK_URL"),
    ({"ALERT_EMAIL": ""}, "fly2any.W001", "ALERT_EMAIL"),
    ({"ALERT_WEBHOOK_URL": ""}, "fly2any.W001", "ALERT_WEBHOOK_URL"),
    ({"SECRET_KEY": ""}, "fly2any.E007", "SECRET_KEY"),
    ({"DATABASE_URL": ""}, "fly2any.E007", "DATABASE_URL"),
]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[list[tuple[str, str]]]:
    """What is said of each wrong setting."""
    return problems(tmp_path_factory.mktemp("wrong"), *({**LIVE, **change} for change, _, _ in WRONG))


@pytest.mark.parametrize("at", range(len(WRONG)), ids=[f"{expected}-{named}" for _, expected, named in WRONG])
@pytest.mark.failure("O1")
def test_a_wrong_setting_is_named_with_its_remedy(told: list[list[tuple[str, str]]], at: int) -> None:
    _, expected, named = WRONG[at]
    assert {number for number, _ in told[at]} == {expected}
    assert any(named in text for _, text in told[at])


def test_a_real_site_without_amadeus_has_no_sandbox_in_its_place(tmp_path: Path) -> None:
    plain = {name: value for name, value in LIVE.items() if not name.startswith("AMADEUS_")}
    assert values(tmp_path, "AMADEUS_API_BASE", "AMADEUS_CLIENT_ID", **plain) == {
        "AMADEUS_API_BASE": "",
        "AMADEUS_CLIENT_ID": "",
    }


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"AMADEUS_CLIENT_ID": "kFs2W8x"}, ["fly2any.E001"]),
        ({"AMADEUS_API_BASE": "https://travel.api.amadeus.com"}, ["fly2any.E002"]),
        ({"AMADEUS_API_BASE": ""}, ["fly2any.E002", "fly2any.E010"]),
        ({"AMADEUS_CLIENT_ID": "", "AMADEUS_API_BASE": "", "AMADEUS_AGENCY_EMAIL": ""}, []),
        ({"AMADEUS_AGENCY_PHONE": ""}, ["fly2any.E010"]),
        ({"AMADEUS_TICKETING_DELAY": "2 days"}, ["fly2any.E011"]),
    ],
)
def test_half_an_amadeus_is_refused(settings: Any, change: dict[str, str], expected: list[str]) -> None:
    for name, value in {"AMADEUS_CLIENT_ID": "amadeus_sandbox", **change}.items():
        setattr(settings, name, value)
    found = {problem.id for problem in checks.run_checks(tags=["fly2any"]) if "AMADEUS" in problem.msg}
    assert sorted(found) == expected


def test_an_amadeus_key_for_the_test_host_moves_no_money(settings: Any) -> None:
    settings.AMADEUS_CLIENT_ID = "kFs2W8x"
    settings.AMADEUS_API_BASE = "https://test.travel.api.amadeus.com"
    assert live_keys() == []
    settings.AMADEUS_API_BASE = "https://travel.api.amadeus.com"
    assert live_keys() == ["AMADEUS_CLIENT_ID"]


def test_the_web_process_refuses_live_keys_with_a_sandbox_address(tmp_path: Path) -> None:
    done = python("import fly2any.wsgi", tmp_path, STRIPE_SECRET_KEY="sk_live_x")
    assert done.returncode == 1
    assert "(fly2any.E001) STRIPE_SECRET_KEY is a live key but STRIPE_API_BASE is a sandbox." in done.stderr
    assert "sk_live_x" not in done.stderr


def test_deployment_check_is_clean_at_warning_level(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT, env={**CLEAN, "DATA_DIR": str(tmp_path), **LIVE}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "System check identified no issues (0 silenced)."), done.stderr


def test_web_uses_the_pool_and_short_limits_and_a_worker_connects_directly(tmp_path: Path) -> None:
    shown = "; from django.conf import settings as s; print(s.DATABASES['default']['OPTIONS'])"
    web = python("import fly2any.wsgi" + shown, tmp_path).stdout
    worker = python("import fly2any.celery" + shown, tmp_path).stdout
    assert "'pool': {'min_size': 1" in web
    assert "statement_timeout=5000 -c lock_timeout=3000 -c idle_in_transaction_session_timeout=15000" in web
    assert "pool" not in worker
    assert "statement_timeout=30000" in worker


def test_a_database_url_with_a_password_and_options_is_understood(tmp_path: Path) -> None:
    found = values(
        tmp_path, "DATABASES", **{**LIVE, "DATABASE_URL": "postgresql://me:p%40ss@db:5433/site?sslmode=require"}
    )
    entry = found["DATABASES"]["default"]  # type: ignore[index]
    assert [entry[name] for name in ("USER", "PASSWORD", "HOST", "PORT", "NAME")] == [
        "me",
        "p@ss",
        "db",
        "5433",
        "site",
    ]
    assert entry["OPTIONS"]["sslmode"] == "require"


def test_a_number_that_is_none_is_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT, env={**CLEAN, "DATA_DIR": str(tmp_path), "WEB_PORT": "eighty"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "fly2any: WEB_PORT must be a whole number, not 'eighty'\n")


def test_a_pool_never_pauses_longer_than_a_request_waits_for_it() -> None:
    """psycopg doubles its pauses for five minutes: after an outage of a minute nobody would be served for another."""
    from psycopg_pool.base import AttemptWithBackoff

    from fly2any import env

    wanted = env.database("postgresql:///x", pool=True, pool_size=4, statement_timeout_ms=1)["OPTIONS"]["pool"]
    attempt, at = AttemptWithBackoff(timeout=wanted["reconnect_timeout"]), time.monotonic()
    pauses = []
    while not attempt.time_to_give_up(at):
        attempt.update_delay(at)
        pauses.append(attempt.delay)
        at += attempt.delay
    assert 1 < len(pauses) < 9
    assert max(pauses) < wanted["timeout"]
