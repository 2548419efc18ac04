"""The dashboard's three pages: all figures, one figure step by step, and the rows behind one. They only read."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from bookings.console.dashboard import panels, rows, tiles
from bookings.console.dashboard.words import NOTHING
from bookings.console.dashboard.words import shown as shown_as
from bookings.figures.definitions import BY_NAME, GROUPS, Figure
from bookings.figures.reading import MONTH, PERIODS, Reading, Window, day_of, read, window
from fly2any.kernel import clock

EARLIEST = 730  # days back that may be chosen


@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    """All tiles and charts of a period that ends with a day."""
    _may_look(request)
    asked, now = _asked(request)
    reading = read(asked, now)
    shown = tiles.tiles(reading)
    return _drawn(request, "dashboard", "Dashboard", asked, now, {
        "reading": reading, "here": reverse("admin:dashboard"), "charts": panels.charts(reading),
        "groups": [(group, [(one, _address("dashboard_figure", asked, one.figure.name)) for one in shown
                            if one.figure.group == group]) for group in GROUPS],
        "money": panels.money_table(reading), "funnel": panels.funnel(reading.sums), "figures": BY_NAME.values()})


@require_safe
def figure(request: HttpRequest, name: str) -> HttpResponse:
    """One figure: what it means, its chart, each step in a table with the rows behind it."""
    _may_look(request)
    found = BY_NAME.get(name)
    if found is None:
        raise Http404
    asked, now = _asked(request)
    reading = read(asked, now)
    charts = [panels.figure_chart(found, reading)]
    if panels.is_money(found) and not found.is_level:
        charts = [panels.money_chart(reading, currency) for currency in panels.currencies(reading)] or charts
    if request.GET.get("format") == "csv":
        return _sheet(request, found, reading)
    sums = reading.levels if found.is_level else reading.sums
    return _drawn(request, "figure", found.title, asked, now, {
        "reading": reading, "figure": found, "tile": tiles.tile(found, reading), "charts": charts,
        "here": reverse("admin:dashboard_figure", args=[name]), "all": _address("dashboard", asked),
        "heads": [one.title for one in _lists(request, found)], "steps": _steps(request, found, reading),
        "parts": panels.breakdown(found, sums), "links": _links(request, found, asked, now),
        "sheet": f"{_address('dashboard_figure', asked, name)}&format=csv"
        if request.user.has_perm("bookings.do_export") else ""})


@require_safe
def listed(request: HttpRequest, name: str, which: str) -> HttpResponse:
    """The rows of a figure between two moments, newest first, 50 on a page."""
    _may_look(request)
    found, wanted = BY_NAME.get(name), rows.LISTS.get(which)
    if found is None or wanted is None or which not in found.rows:
        raise Http404
    if not request.user.has_perm(wanted.permission):
        raise PermissionDenied
    start, end = _moment(request, "from"), _moment(request, "to")
    if start is None or end is None or not timedelta(0) < end - start <= rows.LONGEST:
        raise Http404
    there, more = rows.page(wanted, start, end, _after(request))
    asked, now = _asked(request)
    following = ""
    if more:
        last = there[-1]
        following = _query(start, end, asked) + "&" + urlencode({
            "after": f"{getattr(last, wanted.time).isoformat()}~{last.pk}"})
    return _drawn(request, "rows", wanted.title, asked, now, {
        "figure": found, "list": wanted, "start": start, "end": end,
        "rows": [[one if isinstance(one, tuple) else (one, "") for one in wanted.cells(row)] for row in there],
        "next": following, "first": _query(start, end, asked) if request.GET.get("after") else "",
        "back": _address("dashboard_figure", asked, name), "all": _address("dashboard", asked)})


def _may_look(request: HttpRequest) -> None:
    """Everybody who may see cases may see the figures."""
    if not request.user.has_perm("bookings.view_case"):
        raise PermissionDenied


def _asked(request: HttpRequest) -> tuple[Window, datetime]:
    now = clock.now()
    period = request.GET.get("period", "today")
    day = max(day_of(request.GET.get("day", ""), now), (now - timedelta(days=EARLIEST)).date())
    return window(period if period in (*PERIODS, MONTH) else "today", day, now), now


def _address(name: str, asked: Window, *args: str) -> str:
    return f"{reverse(f'admin:{name}', args=args)}?{urlencode({'period': asked.period, 'day': asked.day.isoformat()})}"


def _lists(request: HttpRequest, found: Figure) -> list[rows.Rows]:
    """The lists behind a figure that this person may see."""
    return [rows.LISTS[name] for name in found.rows
            if name in rows.LISTS and request.user.has_perm(rows.LISTS[name].permission)]


def _links(request: HttpRequest, found: Figure, asked: Window, now: datetime) -> list[tuple[str, str]]:
    """The rows of the whole window, where that is no longer than a month, and the lists of how things stand now."""
    ended = min(asked.end, asked.full_end)
    whole = [(one.title, _rows_address(found, one, asked.start, ended, asked)) for one in _lists(request, found)
             if ended - asked.start <= rows.LONGEST]
    present = f"{asked.end:%Y-%m-%dT%H:%MZ}" if asked.over else f"{now:%Y-%m-%dT%H:%M:%SZ}"
    return whole + [(title, reverse(view) + query.format(now=present)) for title, view, query, permission in
                    (rows.NOW[name] for name in found.rows if name in rows.NOW) if request.user.has_perm(permission)]


def _rows_address(found: Figure, wanted: rows.Rows, start: datetime, end: datetime, asked: Window) -> str:
    return reverse("admin:dashboard_rows", args=[found.name, wanted.name]) + _query(start, end, asked)


def _query(start: datetime, end: datetime, asked: Window) -> str:
    return "?" + urlencode({"from": f"{start:%Y-%m-%dT%H:%MZ}", "to": f"{end:%Y-%m-%dT%H:%MZ}", "period": asked.period,
                            "day": asked.day.isoformat()})


def _steps(request: HttpRequest, found: Figure, reading: Reading) -> list[dict[str, Any]]:
    """Each step that has begun, newest first: its value, and its rows or (a month) its own days."""
    made = []
    for start, end in reading.window.steps():
        sums = reading.steps.get(start)
        if start >= reading.window.end:
            break
        made.append({
            "name": panels.step_name(start, reading.window.grain, full=True),
            "values": _values(found, sums) if sums is not None else [NOTHING],
            "inside": _inside(found, start, reading.window),
            "lists": [_rows_address(found, one, start, end, reading.window) for one in _lists(request, found)]
            if reading.window.grain != "m" and sums is not None else []})
    return made[::-1]


def _values(found: Figure, sums: Any) -> list[str]:
    if found.is_level:
        high = sums.highs.get(found.measure.metrics[0])
        return [f"highest {shown_as(float(high), found.measure.unit)}" if high is not None else NOTHING]
    return tiles.values_of(found, sums)


def _inside(found: Figure, start: datetime, asked: Window) -> str:
    """Where the steps of this step are told: the days of a month, the hours of a day."""
    inner = {"m": MONTH, "d": "today"}.get(asked.grain)
    return f"?{urlencode({'period': inner, 'day': start.date().isoformat()})}" if inner else ""


def _sheet(request: HttpRequest, found: Figure, reading: Reading) -> HttpResponse:
    """The table of steps as CSV: words and numbers as shown; nothing in it can begin a formula."""
    if not request.user.has_perm("bookings.do_export"):
        raise PermissionDenied
    window = reading.window
    answer = HttpResponse(content_type="text/csv; charset=utf-8", headers={
        "Content-Disposition": f'attachment; filename="{found.name}-{window.period}-{window.day}.csv"'})
    sheet = csv.writer(answer)
    sheet.writerow(["from (UTC)", "to (UTC)", found.title])
    for start, end in window.steps():
        sums = reading.steps.get(start)
        values = _values(found, sums) if sums is not None else [NOTHING]
        sheet.writerow([f"{start:%Y-%m-%d %H:%M}", f"{end:%Y-%m-%d %H:%M}", *map(_harmless, values)])
    return answer


def _harmless(value: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _moment(request: HttpRequest, name: str) -> datetime | None:
    return _time(request.GET.get(name, ""))


def _time(text: str) -> datetime | None:
    """A moment with its zone, within the centuries that can be shown; None for anything else."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo and 2000 <= found.year < 2100 else None


def _after(request: HttpRequest) -> tuple[datetime, int] | None:
    text, _, pk = request.GET.get("after", "").partition("~")
    at = _time(text)
    return (at, int(pk)) if at and pk.isascii() and pk.isdigit() and len(pk) < 19 else None


def _drawn(request: HttpRequest, template: str, title: str, asked: Window, now: datetime,
           context: dict[str, Any]) -> HttpResponse:
    """A page inside the console's frame, with the choice of period and day."""
    today = now.date()
    return TemplateResponse(request, f"admin/dashboard/{template}.html", {
        **admin.site.each_context(request), "title": title, "asked": asked, "now": now, "today": today,
        "periods": [(name, word, f"?{urlencode({'period': name, 'day': asked.day.isoformat()})}")
                    for name, word in PERIODS.items()], **context})
