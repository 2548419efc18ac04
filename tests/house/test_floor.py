"""The security floor as far as settings make it: policy of the payment page, cookies, sizes, logs."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from csp.middleware import CSPMiddleware
from django.core.exceptions import RequestDataTooBig
from django.core.mail import EmailMessage
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from fly2any import csp, logs
from fly2any.mailbox import FolderBackend


def policy(view: Any) -> dict[str, str]:
    answer = CSPMiddleware(view)(RequestFactory().get("/"))
    return dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))


def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"<script nonce={request.csp_nonce}>" if hasattr(request, "csp_nonce") else "")


def test_scripts_run_with_this_answers_nonce_only() -> None:
    first, second = policy(plain)["script-src"], policy(plain)["script-src"]
    assert first.startswith("'self' 'nonce-")
    assert first != second


def test_the_payment_page_adds_the_sandboxs_origin_and_nothing_else(settings: Any) -> None:
    settings.STRIPE_JS_URL = "http://127.0.0.1:8001/stripe-js/v3/"
    found, usual = policy(csp.payment_page(plain)), policy(plain)
    assert found["script-src"].split()[0] == "'self'"
    assert found["script-src"].split()[-1] == found["frame-src"] == "http://127.0.0.1:8001"
    assert found["connect-src"] == "'self' http://127.0.0.1:8001"
    changed = {"script-src", "frame-src", "connect-src"}
    assert {k: v for k, v in found.items() if k not in changed} == {k: v for k, v in usual.items() if k not in changed}


def test_with_real_stripe_exactly_its_published_hosts_are_allowed(settings: Any) -> None:
    settings.STRIPE_JS_URL = "https://js.stripe.com/v3/"
    found = policy(csp.payment_page(plain))
    hosts = {word for words in found.values() for word in words.split() if "stripe" in word}
    assert hosts == {
        "https://js.stripe.com", "https://*.js.stripe.com", "https://hooks.stripe.com", "https://api.stripe.com",
    }  # fmt: skip
    assert found["connect-src"] == "'self' https://api.stripe.com"
    assert "unsafe" not in str(found)


@pytest.mark.django_db
def test_security_headers_on_every_answer(client: Client) -> None:
    headers = client.get("/readyz").headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.django_db
def test_the_csrf_cookie_is_out_of_reach_of_scripts(client: Client) -> None:
    cookie = client.get("/admin/login/").cookies["csrftoken"]
    assert (cookie["httponly"], cookie["samesite"], cookie["domain"]) == (True, "Lax", "")


def test_a_body_over_64_kib_is_refused_before_it_is_read() -> None:
    request = RequestFactory().post("/", b"x" * (64 * 1024 + 1), content_type="application/json")
    with pytest.raises(RequestDataTooBig):
        _ = request.body


def test_the_request_line_names_the_route_and_no_value(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="django_structlog.middlewares.request"):
        client.get("/healthz?email=anna@example.com")
    lines = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    finished = [line for line in lines if line["event"] == "request_finished"]
    assert [line["request"] for line in finished] == ["GET /healthz"]
    assert finished[0]["request_id"]
    assert "anna" not in caplog.text


def test_log_lines_are_json() -> None:
    formatter = logs.config("INFO")["formatters"]["json"]
    made = formatter.pop("()")(**formatter)
    record = logging.LogRecord("somewhere", logging.WARNING, __file__, 1, "lost %s", ("touch",), None)
    line = json.loads(made.format(record))
    assert (line["event"], line["level"], line["logger"]) == ("lost touch", "warning", "somewhere")


def test_the_development_mailbox_keeps_one_file_per_mail(settings: Any, tmp_path: Any) -> None:
    settings.MAIL_DIR = tmp_path / "mail"
    mails = [EmailMessage("Größe", "body", "a@example.com", ["b@example.com"]) for _ in range(3)]
    assert FolderBackend().send_messages(mails) == 3
    assert len(list(settings.MAIL_DIR.glob("*.eml"))) == 3
    assert list(settings.MAIL_DIR.glob(".*")) == []
