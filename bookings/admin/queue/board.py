"""The queue as it is drawn, on the console's home and at its own address: tabs, choices, lines."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from bookings.admin.queue.asked import AGES, SHOWN, SUPPLIERS, TABS, Asked
from bookings.admin.queue.lines import line_of
from bookings.admin.queue.reading import COUNTED, counts, kinds_for, page
from bookings.cases import KINDS, title_of
from bookings.desk import ACTIONS
from bookings.models import Booking, Case, SavedFilter
from fly2any.kernel import clock

OWNERS, FILTERS = 200, 40  # names in a select, saved filters in the bar
Options = tuple[tuple[str, str], ...]  # of a select: value, word


def asked_of(request: HttpRequest, user: User) -> Asked:
    """What this address shows; without a tab: what needs this person, and everything open to those who only look."""
    return Asked.read(request.GET, usual="open" if kinds_for(user) == [] else "need")


def board_of(request: HttpRequest, user: User) -> dict[str, Any]:
    """Everything the queue's page shows, in a fixed number of queries. It changes nothing."""
    now, asked = clock.now(), asked_of(request, user)
    seen, numbers = page(asked, user, now), counts(user, now)
    bulk = bulk_of(user)
    return {
        "asked": asked, "now": now, "lines": [vars(line_of(case, user, now)) for case in seen.cases],
        "tabs": [{"label": TABS[name].label, "count": numbers[name], "address": f"?tab={name}",
                  "here": asked.tab == name, "name": name} for name in SHOWN],
        "heading": asked.shows.label, "next": seen.after and asked.address(after=seen.after),
        "previous": seen.before and asked.address(before=seen.before), "first": asked.address(),
        "empty": _empty(asked, now) if not seen.cases else None, "choices": _choices(asked, user),
        "bulk": bulk if not asked.shows.closed else [], "may_export": (export := user.has_perm("bookings.do_export")),
        "tickable": export or (bulk and not asked.shows.closed), "snoozed": asked.tab == "snoozed",
        "saved": _saved(asked, user), "clear": Asked(tab=asked.tab).address(),
        "all_closed": Asked(tab="closed").address(),
    }


def bulk_of(user: User) -> list[dict[str, str]]:
    """What this person may do to many lines at once: never anything that moves money or ends an order."""
    return [{"name": action.name, "label": action.label} for action in ACTIONS.values()
            if action.bulk and not action.danger and user.has_perm(action.permission)]


def _choices(asked: Asked, user: User) -> list[dict[str, Any]]:
    staff = User.objects.filter(is_staff=True, is_active=True).exclude(pk=user.pk).order_by("username")
    people = [(str(pk), name) for pk, name in staff.values_list("pk", "username")[:OWNERS]]
    wanted: list[tuple[str, str, Options]] = [
        ("kind", "Kind", _kinds()),
        ("severity", "Severity", tuple((str(one.value), one.label) for one in Case.Severity)),
        ("owner", "Owner", (("me", "me"), ("nobody", "nobody"), *people)),
        ("supplier", "Supplier", tuple((one, one) for one in SUPPLIERS)),
        ("older", "Older than", tuple(AGES.items())),
    ]
    return [{"name": name, "label": label, "options": _drawn(options, getattr(asked, name))}
            for name, label, options in wanted]


@cache
def _kinds() -> Options:
    """Every kind by its title; two of one title are told apart by their names."""
    titles = sorted((title_of(kind), kind) for kind in KINDS)
    twice = {title for title, _ in titles if sum(title == one for one, _ in titles) > 1}
    return tuple((kind, f"{title} ({kind.replace('_', ' ')})" if title in twice else title) for title, kind in titles)


@lru_cache(maxsize=128)
def _drawn(options: Options, chosen: str) -> SafeString:
    """The options of a select. Kept: fifty of them are the same on page after page."""
    return format_html_join("", '<option value="{}"{}>{}</option>', (
        (value, mark_safe(" selected") if value == chosen else "", word)
        for value, word in options))


def _saved(asked: Asked, user: User) -> list[dict[str, Any]]:
    rows = SavedFilter.objects.filter(Q(owner=user) | Q(shared=True)).select_related("owner").only(
        "name", "query", "shared", "owner__username").order_by("name", "pk")
    return [{"row": row, "mine": row.owner_id == user.pk, "address": f"?{row.query}",
             "here": row.query == asked.choices} for row in rows[:FILTERS]]


def _empty(asked: Asked, now: datetime) -> dict[str, Any]:
    """What to say where no line is, with what happened in the last 24 hours."""
    since = now - timedelta(hours=24)
    closed = Case.objects.filter(closed_at__gte=since)
    figures = [("cases opened", Case.objects.filter(opened_at__gte=since)),
               ("healed by themselves", closed.filter(closed_by=None)),
               ("closed by one of us", closed.exclude(closed_by=None)),
               ("bookings made", Booking.objects.filter(created_at__gte=since, wished_at__isnull=False))]
    if asked.after:
        words = "No line is left behind this place."
    else:
        words = "No line fits these choices." if asked.narrowed else asked.shows.empty
    return {"words": words, "figures": [
        {"name": name, "count": _bounded(rows.order_by().values("pk")[:COUNTED].count())} for name, rows in figures]}


def _bounded(count: int) -> str:
    return f"{COUNTED - 1}+" if count >= COUNTED else str(count)
