"""How the console says a severity, a length of time and a deadline."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.html import format_html
from django.utils.safestring import SafeString

from bookings.models import Case

SIGNS = {Case.Severity.CRITICAL: "▲", Case.Severity.HIGH: "◆", Case.Severity.MEDIUM: "●", Case.Severity.LOW: "○"}


def severity_badge(case: Case) -> SafeString:
    """The severity as sign and word."""
    word = Case.Severity(case.severity).label
    return format_html('<span class="severity severity-{}"><span aria-hidden="true">{}</span> {}</span>', word,
                       SIGNS[Case.Severity(case.severity)], word)


def span(length: timedelta) -> str:
    """A length of time for a reader: 40 s, 12 min, 5 h 20 min, 3 d 4 h."""
    seconds = max(0, int(length.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 60:
        return f"{minutes} min"
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{days} d {hours % 24} h"


def in_words(deadline: datetime | None, now: datetime) -> str:
    """A deadline for a reader."""
    if deadline is None:
        return "–"
    left = deadline - now
    return f"in {span(left)}" if left > timedelta(0) else f"{span(-left)} ago"
