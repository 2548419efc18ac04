"""The mailbox of the sandbox: every mail the site has sent, as text, as HTML and with what is attached.

It exists only where no real customer and no mail server is; everywhere else its addresses are 404.
"""

from __future__ import annotations

import re
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

NEWEST, SEARCHED = 50, 500
_NAME = re.compile(r"[0-9]{10,20}-[0-9a-f]{8}")
# a mail brings its own styles and nothing else; it is shown in a frame that runs no script and has no origin
_MAIL_POLICY = {"default-src": ["'none'"], "script-src": ["'none'"], "style-src": ["'unsafe-inline'"],
                "frame-ancestors": ["'self'"], "img-src": ["data:"], "sandbox": ["allow-popups"]}


@require_safe
def mailbox(request: HttpRequest) -> HttpResponse:
    """Every mail the site has sent in the sandbox, newest first; `to` keeps those of one address."""
    folder, wanted = _folder(), request.GET.get("to", "").strip().lower()[:254]
    files = sorted(folder.glob("*.eml"), key=lambda file: file.name, reverse=True)
    mails = (_mail(file) for file in islice(files, SEARCHED if wanted else NEWEST))
    shown = [mail for mail in mails if wanted in mail["to"].lower()][:NEWEST]
    return render(request, "info/mailbox.html", {"mails": shown, "wanted": wanted})


@require_safe
def letter(request: HttpRequest, name: str) -> HttpResponse:
    """One mail: its head, both of its forms, its attachments."""
    return _with_policy(render(request, "info/letter.html", {"mail": _mail(_file(name))}), {"frame-src": ["'self'"]})


@require_safe
@xframe_options_sameorigin
def html(request: HttpRequest, name: str) -> HttpResponse:
    """The HTML form, for the frame: no script, no origin; links open in a window of their own."""
    body = _read(_file(name)).get_body(preferencelist=("html",))
    if body is None:
        raise Http404
    source = str(body.get_content())
    return _with_policy(HttpResponse(source.replace("<head>", '<head><base target="_blank">', 1)), _MAIL_POLICY)


@require_safe
def attachment(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """One attachment, to be saved and never shown as a page."""
    parts = list(_read(_file(name)).iter_attachments())
    if number >= len(parts):
        raise Http404
    kind, content = parts[number].get_content_type(), parts[number].get_payload(decode=True)
    saved = re.sub(r"[^\w.-]", "_", parts[number].get_filename() or f"attachment-{number + 1}")
    return HttpResponse(content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{saved}"'})


def _with_policy(response: HttpResponse, rules: dict[str, list[str]]) -> HttpResponse:
    """The response with these parts of the content security policy instead of the site's (django-csp reads it)."""
    vars(response)["_csp_replace"] = rules
    return response


def _folder() -> Path:
    if not settings.SANDBOX or settings.EMAIL_URL:
        raise Http404
    return Path(settings.MAIL_DIR)


def _file(name: str) -> Path:
    file = _folder() / f"{name}.eml"
    if not _NAME.fullmatch(name) or not file.is_file():
        raise Http404
    return file


def _read(file: Path) -> EmailMessage:
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(file.read_bytes())


def _mail(file: Path) -> dict[str, Any]:
    """What the mailbox shows of one message: its head, its text, what is attached."""
    message = _read(file)
    plain, rich = (message.get_body(preferencelist=(kind,)) for kind in ("plain", "html"))
    body = plain or rich
    attached = [part.get_filename() or part.get_content_type() for part in message.iter_attachments()]
    return {"name": file.stem, "to": str(message["To"]), "from": str(message["From"]), "subject": message["Subject"],
            "sent": parsedate_to_datetime(str(message["Date"])) if message["Date"] else None,
            "id": str(message["Message-ID"]), "attached": attached, "has_html": rich is not None,
            "text": str(body.get_content()) if body is not None else ""}
