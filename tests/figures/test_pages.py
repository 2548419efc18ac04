"""The dashboard's pages: who may look, what is shown, that the rows are exactly those that were counted."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bookings import figures
from bookings.console.dashboard import rows as lists
from bookings.figures.definitions import BY_NAME, FIGURES
from bookings.models import CallRecord
from fly2any.kernel import clock
from tests.console import rows
from tests.figures import history
from tests.figures.history import DAY, HOUR, NOON, everything

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)
HOURS = f"?from={NOON:%Y-%m-%dT%H:%MZ}&to={NOON + HOUR:%Y-%m-%dT%H:%MZ}"


def signed_in(role: str) -> Client:
    user = User.objects.create_user(role or "nobody", is_staff=True)
    if role:
        user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def boss() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("boss", "boss@example.com", "x"))
    return client


def pages() -> list[str]:
    made = [reverse("admin:dashboard"), *(reverse("admin:dashboard_figure", args=[one.name]) for one in FIGURES)]
    return made + [reverse("admin:dashboard_rows", args=[one.name, name]) + HOURS for one in FIGURES for name in one.rows
                   if name in lists.LISTS]


def test_every_role_may_look_and_who_may_not_see_cases_may_not() -> None:
    viewer, nobody, stranger = signed_in("viewer"), signed_in(""), Client()
    for address in pages():
        assert viewer.get(address).status_code == 200, address
        assert nobody.get(address).status_code == 403, address
        assert stranger.get(address).status_code == 302, address
        assert viewer.post(address).status_code == 405, address


def test_a_look_changes_nothing_and_costs_the_same_however_much_there_is(boss: Client) -> None:
    for period in ("today", "7d", "30d", "12m", "month"):
        address = f"{reverse('admin:dashboard')}?period={period}"
        boss.get(address)
        with CaptureQueriesContext(connection) as empty:
            boss.get(address)
        now = clock.now()
        for number in range(3):
            history.payment(history.booking(now - number * HOUR), now - number * HOUR, ms=900, captured_at=now)
        figures.collect(now)
        before = everything()
        with CaptureQueriesContext(connection) as full:
            page = boss.get(address)
        assert everything() == before
        assert 5 < len(full) == len(empty) <= 16
        assert not [q for q in full if re.match(r"(INSERT|UPDATE|DELETE)", q["sql"]) and "bookings_" in q["sql"]]
        text = page.content.decode()
        assert "style=" not in text and "onclick" not in text
        for figure in FIGURES:
            assert figure.title in text


def test_the_rows_are_exactly_those_that_were_counted(boss: Client, django_user_model: Any) -> None:
    """For each list: as many rows in its hour as the figure counted there."""
    other = NOON + HOUR  # noise, an hour later
    for at in (NOON, NOON, other):
        history.payment(history.booking(at), at, ms=900, captured_at=at)
        history.payment(history.booking(at), at, ms=4000, secured=True, declines=1)
        history.payment(history.booking(at), at, declines=2)
        history.payment(history.booking(at), at)
        history.case(at - HOUR, at, by=django_user_model.objects.get(username="boss"))
        history.case(at - HOUR, at)
        history.gateway_event(at - 90 * SECOND, at)
        history.gateway_event(at, at, "heard", tried_at=at + 70 * SECOND)
        history.gateway_event(at, at)
        history.gateway_event(at - 90 * SECOND, at, "ignored")
        history.supplier_event(at, at, "given_up")
        history.supplier_event(None, at, "unmatched")
        made = history.booking(at)
        rows.call(made, "create_order", f"order:{made.pk}", outcome="refused", code="sold_out", asked_at=at)
        for status in (201, 500, None):
            CallRecord.objects.create(booking=made, step="look_order", subject="order:1", at=at, vendor="duffel", path="/",
                                      method="GET", status=status, milliseconds=5, outcome="ok")
    figures.collect(NOON + HOUR)
    n = {metric: n for (metric, dim), (n, _) in history.counted("h", NOON).items() if metric != "money.captured"}
    late = {dim: n for (metric, dim), (n, _) in history.counted("h", NOON).items() if metric == "webhook.late"}
    wanted = {
        "payments-tried": n["payment.tried"], "payments-failed": n["payment.tried"] - n["payment.authorised"],
        "payments-secured": n["payment.secured"], "payments-timed": n["payment.time"], "payments-declined": 4,
        "captured": 2, "refunded": 0, "started": n["booking.started"], "completed": n["booking.completed"],
        "cases-solved": n["case.closed"] - n["case.healed"], "cases-healed": n["case.healed"],
        "orders-failed": n["order.failed"], "calls": n["call.made"], "calls-failed": n["call.failed"],
        "stripe-late": late["stripe"], "duffel-late": late["duffel"], "stripe-lost": 0, "duffel-lost": 2}
    assert wanted["payments-tried"] == 6 and late == {"stripe": 4, "duffel": 4} and wanted["calls-failed"] == 4
    found = {name: len(lists.page(one, NOON, NOON + HOUR, None)[0]) for name, one in lists.LISTS.items()}
    assert found == wanted
    address = reverse("admin:dashboard_rows", args=["payment-success", "payments-tried"])
    text = boss.get(address + HOURS).content.decode()
    assert text.count("<tr>") == 1 + 6
    assert "Ångström" not in text and "@example.org" not in text


def test_rows_are_paged_by_their_place_and_not_by_number(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "PER_PAGE", 3)
    wanted = [history.booking(NOON).pk for _ in range(4)] + [history.booking(NOON + SECOND).pk]
    seen: list[str] = []
    address = reverse("admin:dashboard_rows", args=["abandonment", "started"]) + HOURS
    for _ in range(2):
        text = boss.get(address).content.decode()
        seen += re.findall(r'bookings/booking/(\d+)/change/"', text)
        more = re.search(r'<a href="([^"]+)">Older rows', text)
        address = address.split("?")[0] + more[1].replace("&amp;", "&") if more else ""
    assert [int(pk) for pk in seen] == [wanted[4], *wanted[3::-1]]
    assert address == ""


@pytest.mark.parametrize("asked", ["", "?from=x&to=y", f"?from={NOON:%Y-%m-%dT%H:%M}&to={NOON + HOUR:%Y-%m-%dT%H:%M}",
                                   "?from=2026-01-01T00:00Z&to=2026-03-01T00:00Z",
                                   "?from=2026-01-02T00:00Z&to=2026-01-01T00:00Z"])
def test_rows_of_no_time_or_too_long_a_time_are_no_page(boss: Client, asked: str) -> None:
    assert boss.get(reverse("admin:dashboard_rows", args=["abandonment", "started"]) + asked).status_code == 404
    assert boss.get(reverse("admin:dashboard_rows", args=["abandonment", "captured"]) + HOURS).status_code == 404


def test_a_day_that_is_none_is_today_and_none_lies_ahead(boss: Client) -> None:
    today = clock.now().date()
    for asked in ("x", "2999-01-01", ""):
        page = boss.get(reverse("admin:dashboard"), {"day": asked, "period": "nonsense"})
        assert (page.context["asked"].day, page.context["asked"].period) == (today, "today")


def test_an_export_needs_its_permission_and_holds_no_formula(boss: Client) -> None:
    now = clock.now()
    history.payment(history.booking(now), now, ms=900, captured_at=now)
    figures.collect(now)
    address = reverse("admin:dashboard_figure", args=["revenue"]) + "?period=7d&format=csv"
    assert signed_in("viewer").get(address).status_code == 403
    answer = boss.get(address)
    lines = answer.content.decode().splitlines()
    assert answer["Content-Type"] == "text/csv; charset=utf-8" and len(lines) == 8
    assert lines[-1].endswith("USD 500.00") and not [line for line in lines if line[:1] in "=+-@"]
    assert signed_in("finance").get(address).status_code == 200


def test_the_home_leads_to_it(boss: Client) -> None:
    assert f'href="{reverse("admin:dashboard")}"' in boss.get(reverse("admin:index")).content.decode()


def test_names_of_figures_are_places() -> None:
    assert len(BY_NAME) == len(FIGURES)
    for one in FIGURES:
        for name in one.rows:
            assert name in lists.LISTS or name in lists.NOW, name
    assert DAY > HOUR
