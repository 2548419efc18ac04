"""The runbook inside the console: one page per kind of case, drawn from docs/runbook.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe

from bookings import cases, runbook
from bookings.models import Case

_INLINE = (
    (re.compile(r"`\[([^\]]+)\]`|\[([^\]]+)\]"), lambda m: f'<span class="press">{m[1] or m[2]}</span>'),
    (re.compile(r"`([^`]+)`"), r"<code>\1</code>"),
    (re.compile(r"\*\*([^*]+)\*\*"), r"<strong>\1</strong>"),
)
_ITEM = re.compile(r"(?:\d+\.|-) (.*)")


@require_safe
def page(request: HttpRequest, kind: str) -> HttpResponse:
    """What to do about this kind of case. 404 for a kind that has no section."""
    if kind not in runbook.sections():
        raise Http404
    title, text = runbook.sections()[kind]
    known = cases.KINDS.get(kind)
    context = {**admin.site.each_context(request), "title": title, "text": drawn(text),
               "severity": Case.Severity(known.severity).label if known else "",
               "open": Case.objects.filter(kind=kind, closed_at=None)[:100].count(), "kind": kind}
    return render(request, "admin/people/runbook.html", context)


@require_safe
def contents(request: HttpRequest) -> HttpResponse:
    """Every section, and the rules for all of them."""
    found = [(kind, title) for kind, (title, _) in runbook.sections().items()]
    context = {**admin.site.each_context(request), "title": "Runbook", "text": drawn(runbook.foreword()),
               "sections": found}
    return render(request, "admin/people/runbook.html", context)


def drawn(text: str) -> SafeString:
    """Our own Markdown as HTML: paragraphs, lists, tables of two columns, bold, code, buttons. All else is escaped."""
    return mark_safe("\n".join(_blocks(text)))  # noqa: S308 (every line went through escape)


def _blocks(text: str) -> Iterator[str]:
    for block in re.split(r"\n\s*\n", text.strip()):
        for kind, group in groupby(block.splitlines(), key=_kind):
            lines = list(group)
            if kind in ("ol", "ul"):
                items = "".join(f"<li>{_inline(_item(line))}</li>" for line in lines)
                yield f'<{kind} class="explains">{items}</{kind}>'
            elif kind == "table":
                yield _table([[cell.strip() for cell in line.strip("|").split("|")] for line in lines])
            elif kind == "p":
                yield f"<p>{_inline(' '.join(lines))}</p>"


def _kind(line: str) -> str:
    if line.startswith("#"):
        return "heading"
    if line.startswith("|"):
        return "table"
    return ("ul" if line.startswith("-") else "ol") if _ITEM.match(line) else "p"


def _item(line: str) -> str:
    found = _ITEM.match(line)
    return found[1] if found else line


def _table(rows: list[list[str]]) -> str:
    head, *body = [row for row in rows if set("".join(row)) - set("-: ")]
    first = "".join(f'<th scope="col">{_inline(cell)}</th>' for cell in head)
    rest = "".join("<tr>" + "".join(f"<td>{_inline(cell)}</td>" for cell in row) + "</tr>" for row in body)
    return f"<table><thead><tr>{first}</tr></thead><tbody>{rest}</tbody></table>"


def _inline(text: str) -> str:
    safe = str(escape(text))
    for pattern, by in _INLINE:
        safe = pattern.sub(by, safe)
    return safe
