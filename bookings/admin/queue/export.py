"""The queue as a file: the same lines in the same order, safe to open in a spreadsheet, written down as done."""

from __future__ import annotations

import csv
import secrets
from collections.abc import Iterator
from datetime import datetime

from django.contrib.auth.models import User
from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_http_methods

from bookings.admin.actions import by_of
from bookings.admin.queue import sheet
from bookings.admin.queue.asked import Asked
from bookings.admin.queue.board import asked_of
from bookings.admin.queue.doors import drawn, staff
from bookings.admin.queue.lines import Line, line_of
from bookings.admin.queue.reading import cases_of, keys, ticked
from bookings.models import StaffAction
from fly2any.kernel import clock

MOST, CHUNK = 10_000, 500  # lines of a file, lines read at once
HEAD = ("Case", "Reference", "What happened", "Verdict", "Severity", "Opened (UTC)", "Age", "Deadline (UTC)", "Due",
        "Amount at risk", "Suggested action", "Owner", "Snoozed until (UTC)", "Closed (UTC)", "Closed because")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # what makes a spreadsheet calculate


@require_http_methods(["GET", "POST"])
def export_view(request: HttpRequest) -> HttpResponseBase:
    """GET says what the file will hold, POST makes it and writes an audit line with the number of lines."""
    user = staff(request, "bookings.do_export")
    asked, picked, now = asked_of(request, user), ticked(request.GET.getlist("id")), clock.now()
    ids = picked or keys(asked, user, now, MOST + 1)
    if request.method != "POST":
        return drawn(request, "export.html", "Export the queue", {
            "asked": asked, "picked": picked, "most": MOST,
            "count": min(len(ids), MOST), "cut": len(ids) > MOST})
    ids = ids[:MOST]
    kind = "xlsx" if request.POST.get("format") == "xlsx" else "csv"
    written_down(request, user, asked, kind, len(ids), picked)
    rows = rows_of(ids, user, now)
    name = f"fly2any-cases-{now:%Y%m%d-%H%M%S}.{kind}"
    if kind == "xlsx":
        return FileResponse(sheet.written(rows), as_attachment=True, filename=name, content_type=sheet.TYPE)
    answer = StreamingHttpResponse(_csv(rows), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def rows_of(ids: list[int], user: User, now: datetime) -> Iterator[tuple[str, ...]]:
    """The head and a row for each case, every cell safe; the cases are read some at a time."""
    yield HEAD
    for start in range(0, len(ids), CHUNK):
        for case in cases_of(ids[start:start + CHUNK]):
            yield tuple(safe(cell) for cell in _cells(line_of(case, user, now)))


def _cells(line: Line) -> tuple[str, ...]:
    case = line.case
    return (str(case.pk), line.reference, line.title, case.verdict, line.severity, _time(case.opened_at), line.age,
            _time(case.deadline), line.deadline, line.amount, line.action, line.owner, _time(case.snoozed_until),
            _time(case.closed_at), case.closed_because)


def safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""


class _Echo:
    """A file that gives back what is written."""

    def write(self, text: str) -> str:
        return text


def _csv(rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield "\ufeff"  # so that a spreadsheet reads UTF-8
    for row in rows:
        yield writer.writerow(row)


def written_down(request: HttpRequest, user: User, asked: Asked, kind: str, lines: int, picked: list[int]) -> None:
    """The audit line of an export."""
    by = by_of(request, user, "", f"export:{secrets.token_urlsafe(24)}")
    StaffAction.objects.create(
        key=by.key, verb="export", operator=user, subject="queue", at=clock.now(), address=by.address[:64],
        request_id=by.request_id[:120],
        params={"format": kind, "lines": lines, "choices": "" if picked else asked.choices, "cases": picked},
        said=f"{lines} lines of the queue as {kind}.")
