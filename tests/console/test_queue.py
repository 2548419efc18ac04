"""The queue: its order, its tabs, its places, what is saved of it, what is exported, and many lines at once."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bookings.admin.queue import export, lines, reading
from bookings.admin.queue.asked import SHOWN, Asked
from bookings.cases import KINDS
from bookings.models import Booking, Case, SavedFilter, StaffAction
from fly2any.kernel import clock
from tests.console import rows

pytestmark = pytest.mark.django_db
QUEUE, HOME = "admin:bookings_case_changelist", "admin:index"
VIEW = ("view_case", "view_booking")
OPERATOR = (*VIEW, "do_look_again", "do_resume", "do_replay", "do_resend", "do_note", "do_handle", "do_contact",
            "do_pay_link", "do_tickets", "do_attach", "do_cancel", "do_export")
Make = Callable[..., Any]


@pytest.fixture
def people(django_user_model: Any) -> Make:
    """Makes a member of staff with permissions of ours."""
    def make(name: str, *permissions: str) -> Any:
        user = django_user_model.objects.create_user(name, password="x", is_staff=True)
        user.user_permissions.set(
            Permission.objects.filter(codename__in=permissions, content_type__app_label="bookings"))
        return user
    return make


@pytest.fixture
def me(client: Client, people: Make) -> Any:
    user = people("ops", *OPERATOR)
    client.force_login(user)
    return user


def case(subject: str, kind: str = "unknown_outcome", **changes: Any) -> Case:
    return rows.case(None, kind, subject=f"subject:{subject}", **changes)


def seen(client: Client, address: str = QUEUE, **query: Any) -> list[str]:
    """The subjects of the lines, in order."""
    html = client.get(reverse(address), query).content.decode()
    return re.findall(r'line-reference">subject:(\w+)<', html)


def counts(client: Client) -> dict[str, str]:
    html = client.get(reverse(HOME)).content.decode()
    return dict(re.findall(r'class="tab-(\w+)[^"]*">[^<]*<span class="tab-count">([^<]+)<', html))


# --- lines ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [HOME, QUEUE])
def test_the_worst_first_then_the_nearest_deadline_then_the_oldest(client: Client, me: Any, address: str) -> None:
    now = clock.now()
    for subject, kind, deadline, minutes in (
            ("c", "unknown_outcome", None, 0), ("b", "unknown_outcome", now + timedelta(hours=2), 1),
            ("a", "charged_without_order", None, 2), ("d", "unknown_outcome", None, 3), ("e", "webhook_backlog", None, -9)):
        case(subject, kind, deadline=deadline, opened_at=now + timedelta(minutes=minutes))
    case("closed", "dispute", closed_at=now, closed_because="won")
    assert seen(client, address, tab="open") == ["a", "b", "c", "d", "e"]


def test_a_line_says_all_that_one_must_know(client: Client, me: Any) -> None:
    b, now = rows.confirmed(), clock.now()
    late = rows.case(b, "ticketed_unpaid", opened_at=now - timedelta(hours=5, minutes=20),
                     deadline=now - timedelta(minutes=30, seconds=5), taken_by=me)
    html = client.get(reverse(HOME)).content.decode()
    line = html[html.index("data-line"):html.index("</tbody>")]
    for told in ("TICKETED UNPAID", "critical", "▲", late.verdict, "USD 500.00", b.reference, "5 h 20 min", "30 min ago",
                 "<strong>me</strong>"):
        assert told in line, told
    assert b.contact_email not in line
    assert "traveller" not in line.lower()


def test_what_is_recommended_leads_to_its_page_for_those_who_may(client: Client, people: Make,
                                                                 django_user_model: Any) -> None:
    b = rows.confirmed()
    made = {kind: rows.case(b if n % 2 else None, kind, subject=f"subject:{kind}") for n, kind in enumerate(KINDS)}
    client.force_login(django_user_model.objects.create_superuser("boss", password="x"))
    html, rest = client.get(reverse(HOME)).content.decode(), "next"
    while rest := "".join(re.findall(r'rel="next" href="([^"]+)"', html if rest == "next" else rest)).replace("&amp;", "&"):
        html += (rest := client.get(reverse(HOME) + rest).content.decode())
    for kind, one in made.items():
        action = reading.action_of(kind)
        address = reverse("admin:bookings_case_verb", args=[one.pk, action]) if action else reverse(
            "admin:bookings_case_change", args=[one.pk])
        assert f'href="{address}"' in html, kind
        assert client.get(address).status_code == 200, kind
    client.force_login(people("viewer", *VIEW))
    html = client.get(reverse(HOME)).content.decode()
    assert "/do/" not in html
    assert "Look again<span" in html


# --- tabs -------------------------------------------------------------------------------------------------------


def test_each_tab_shows_its_own(client: Client, me: Any, people: Make) -> None:
    now, other = clock.now(), people("other")
    case("mine", taken_by=me)
    case("free")
    case("theirs", taken_by=other)
    case("critical", "orphaned_booking", taken_by=other)
    case("tickets", "ticketing_deadline", taken_by=other)
    case("refund", "refund_due", taken_by=other)
    case("change", "change_unanswered", taken_by=other)
    case("hook", "webhook_backlog", taken_by=other)
    case("asleep", snoozed_until=now + timedelta(hours=1), snoozed_because="The airline calls back.", taken_by=me)
    case("awake", snoozed_until=now - timedelta(seconds=1), snoozed_because="It called.", taken_by=other)
    case("today", closed_at=now, closed_because="done")
    case("long_ago", closed_at=now - timedelta(days=2), closed_because="done")
    wanted = {
        "need": {"mine", "free"}, "critical": {"critical"}, "ticket": {"tickets"}, "refunds": {"refund"},
        "changes": {"change"}, "webhooks": {"hook"}, "snoozed": {"asleep"}, "closed_today": {"today"},
        "open": {"mine", "free", "theirs", "critical", "tickets", "refund", "change", "hook", "awake"}}
    assert {name: set(seen(client, tab=name)) for name in SHOWN} == wanted
    assert counts(client) == {name: str(len(subjects)) for name, subjects in wanted.items()}
    assert seen(client, tab="closed") == ["today", "long_ago"]
    assert seen(client, HOME) == seen(client) == seen(client, tab="need") == seen(client, tab="rubbish")
    assert "The airline calls back." in client.get(reverse(QUEUE), {"tab": "snoozed"}).content.decode()


def test_need_me_holds_of_the_unowned_only_what_i_may_act_on(client: Client, people: Make) -> None:
    client.force_login(people("looks", *VIEW, "do_look_again"))
    case("mine", "unknown_outcome")
    case("not_mine", "refund_due")
    assert seen(client, tab="need") == ["mine"]
    assert counts(client)["need"] == "1"
    client.force_login(people("viewer", *VIEW))
    assert counts(client)["need"] == "0"
    assert set(seen(client, HOME)) == {"mine", "not_mine"}  # who only looks begins with everything


def test_a_tab_counts_up_to_a_limit(client: Client, me: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "COUNTED", 5)
    for n in range(7):
        case(f"n{n}")
    case("x", "webhook_backlog")
    assert (counts(client)["open"], counts(client)["webhooks"]) == ("4+", "1")


@pytest.mark.parametrize(("query", "wanted"), [
    ({"severity": "1"}, {"a"}), ({"kind": "refund_due"}, {"b"}), ({"owner": "me"}, {"b"}), ({"owner": "nobody"}, {"a", "c"}),
    ({"supplier": "duffel"}, {"c"}), ({"older": "24"}, {"a"}), ({"severity": "1", "older": "24"}, {"a"}),
    ({"severity": "9", "kind": "DROP", "owner": "-1", "older": "x", "supplier": "y"}, {"a", "b", "c"})])
def test_the_list_is_narrowed_by_choices_that_mean_something(client: Client, me: Any, query: dict[str, str],
                                                             wanted: set[str]) -> None:
    now = clock.now()
    case("a", "orphaned_booking", opened_at=now - timedelta(days=2))
    case("b", "refund_due", taken_by=me, opened_at=now)
    rows.case(rows.confirmed(), "dispute", subject="subject:c", opened_at=now)
    html = client.get(reverse(QUEUE), {"tab": "open", **query}).content.decode()
    shown = set(re.findall(r'value="(\d+)" aria-label', html))
    by_subject = {str(one.pk): one.subject.removeprefix("subject:") for one in Case.objects.all()}
    assert {by_subject[pk] for pk in shown} == wanted
    assert ("Clear all" in html) == (query.get("severity") != "9")


def test_an_empty_queue_is_calm_and_tells_of_the_day(client: Client, me: Any) -> None:
    now = clock.now()
    case("a", closed_at=now, closed_because="agrees")
    case("b", opened_at=now - timedelta(hours=2), closed_at=now, closed_because="done", closed_by=me)
    rows.booking(created_at=now)
    html = client.get(reverse(HOME)).content.decode()
    assert "Nothing needs you now." in html
    figures = {name: count for count, name in re.findall(r"<dd>([^<]+)</dd><dt>([^<]+)</dt>", html)}
    assert figures == {"cases opened": "1", "healed by themselves": "1", "closed by one of us": "1", "bookings made": "1"}


# --- places -----------------------------------------------------------------------------------------------------


def walk(client: Client, monkeypatch: pytest.MonkeyPatch, link: str, **query: str) -> tuple[list[str], str]:
    html = client.get(reverse(QUEUE), query).content.decode()
    found = re.search(rf'rel="{link}" href="\?([^"]+)"', html)
    return re.findall(r'line-reference">subject:(\w+)<', html), found[1].replace("&amp;", "&") if found else ""


@pytest.mark.parametrize("tab", ["open", "need", "ticket", "refunds", "snoozed", "closed_today", "closed"])
def test_pages_show_every_line_once_there_and_back(client: Client, me: Any, tab: str,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading.page, "__defaults__", (3,))
    now, closed = clock.now(), {"closed_at": clock.now(), "closed_because": "x"} if tab.startswith("closed") else {}
    kinds = {"ticket": ["ticketing_deadline"], "refunds": ["refund_due", "refund_failed"]}.get(
        tab, ["unknown_outcome", "orphaned_booking", "webhook_backlog"])
    for n in range(10):
        case(f"n{n}", kinds[n % len(kinds)], deadline=None if n % 4 else now + timedelta(hours=n),
             opened_at=now - timedelta(seconds=n // 3), taken_by=me if n % 2 else None,
             snoozed_until=now + timedelta(hours=9) if tab == "snoozed" else None, **closed)
    user_sees = reading.keys(Asked(tab=tab), me, now, 100)
    whole = [Case.objects.get(pk=pk).subject.removeprefix("subject:") for pk in user_sees]
    assert len(set(whole)) == 10
    forth, query, last = [], f"tab={tab}", ""
    while query:
        last = query
        lines, query = walk(client, monkeypatch, "next", **dict(part.split("=") for part in query.split("&")))
        assert len(lines) <= 3
        forth += lines
    assert forth == whole
    back: list[str] = []
    query = last
    while query:
        lines, query = walk(client, monkeypatch, "prev", **dict(part.split("=") for part in query.split("&")))
        back = lines + back
    assert back == whole


def test_a_place_stays_when_lines_come_and_go(client: Client, me: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading.page, "__defaults__", (2,))
    now = clock.now()
    made = [case(f"n{n}", opened_at=now + timedelta(seconds=n)) for n in range(6)]
    first, query = walk(client, monkeypatch, "next", tab="open")
    assert first == ["n0", "n1"]
    Case.objects.filter(pk__in=[made[0].pk, made[1].pk]).update(closed_at=now, closed_because="done")
    case("worse", "orphaned_booking")
    lines, _ = walk(client, monkeypatch, "next", **dict(part.split("=") for part in query.split("&")))
    assert lines == ["n2", "n3"]


@pytest.mark.parametrize("place", ["1.2", "9.9.9.9.9", "a.b.c.d", "1.99999999999999999.1.1", "1.-5.1.1", "'", "1.2.3.4.5"])
def test_a_place_that_is_none_is_the_beginning(client: Client, me: Any, place: str) -> None:
    case("a")
    assert seen(client, tab="open", after=place) == ["a"]


# --- what is asked of the database -------------------------------------------------------------------------------


def test_as_many_queries_for_one_line_as_for_many(client: Client, me: Any) -> None:
    now, of = clock.now(), rows.booking()

    def more(subject: str) -> None:
        for kind in ("unknown_outcome", "ticketing_deadline", "orphaned_payment", "refund_due", "change_unanswered", "webhook_backlog"):
            for taken_by in (me, None):
                rows.case(of, kind, subject=f"{subject}:{kind}:{taken_by}", taken_by=taken_by)
            rows.case(of, kind, subject=f"{subject}:z:{kind}", snoozed_until=now + timedelta(hours=1))
            rows.case(of, kind, subject=f"{subject}:c:{kind}", closed_at=now, closed_because="x", closed_by=me)

    def asked() -> dict[str, list[str]]:
        found = {}
        for tab in (*SHOWN, "closed"):
            with CaptureQueriesContext(connection) as queries:
                assert b"data-line" in client.get(reverse(HOME), {"tab": tab}).content
            found[tab] = [query["sql"] for query in queries]
        return found

    more("a")
    client.get(reverse(HOME))  # the first page of a session also writes the session down
    few = asked()
    more("b")
    many = asked()
    assert {tab: len(queries) for tab, queries in few.items()} == {tab: len(queries) for tab, queries in many.items()}
    assert max(len(queries) for queries in many.values()) <= 15, "\n".join(sql[:150] for sql in many["need"])
    counting = [sql for queries in many.values() for sql in queries if "COUNT(" in sql]
    assert all(sql.count("COUNT(*)") <= sql.count("LIMIT 1000)") for sql in counting)


def test_a_page_holds_a_page_and_its_lines_ask_django_for_no_address(client: Client, me: Any,
                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(30):
        case(f"n{n}", "webhook_backlog")
    assert len(seen(client, tab="webhooks")) == 25
    monkeypatch.setattr(lines, "reverse", None)  # worked out once, above: an address for each line cost a third of a page
    assert len(seen(client, tab="webhooks")) == 25
    assert len(walk(client, monkeypatch, "next", tab="webhooks")[0]) == 25


def test_what_one_may_list_is_worked_out_once_at_home_and_nowhere_else(client: Client, me: Any,
                                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    asked, whole = [], AdminSite._build_app_dict
    monkeypatch.setattr(AdminSite, "_build_app_dict", lambda *args: asked.append(1) or whole(*args))
    assert "All records" in client.get(reverse(HOME)).content.decode()
    assert len(asked) == 1
    client.get(reverse(QUEUE))
    assert len(asked) == 1


# --- saved filters ----------------------------------------------------------------------------------------------


def save(client: Client, name: str, query: str, **more: str) -> Any:
    return client.post(reverse("admin:bookings_filter_save"), {"name": name, "query": query, **more})


def test_a_filter_is_kept_for_oneself_or_for_everybody(client: Client, me: Any, people: Make) -> None:
    answer = save(client, "Old ones", "tab=open&severity=1&older=24&evil=1&after=1.2.3.4")
    assert (answer.status_code, answer["Location"]) == (302, f"{reverse(QUEUE)}?tab=open&severity=1&older=24")
    save(client, "For all", "tab=refunds", shared="yes")
    assert dict(SavedFilter.objects.values_list("name", "query")) == {
        "Old ones": "tab=open&severity=1&older=24", "For all": "tab=refunds"}
    save(client, "For all", "tab=webhooks", shared="yes")
    assert SavedFilter.objects.get(name="For all").query == "tab=webhooks"
    mine = client.get(reverse(HOME)).content.decode()
    assert "Old ones" in mine
    assert "?tab=open&amp;severity=1&amp;older=24" in mine
    client.force_login(people("other", *VIEW))
    theirs = client.get(reverse(HOME)).content.decode()
    assert "Old ones" not in theirs
    assert "For all" in theirs
    for row in SavedFilter.objects.all():
        assert client.post(reverse("admin:bookings_filter_delete", args=[row.pk])).status_code == 404
    client.force_login(me)
    row = SavedFilter.objects.get(name="Old ones")
    assert client.get(reverse("admin:bookings_filter_delete", args=[row.pk])).status_code == 405
    assert client.post(reverse("admin:bookings_filter_delete", args=[row.pk])).status_code == 302
    assert list(SavedFilter.objects.values_list("name", flat=True)) == ["For all"]


@pytest.mark.parametrize("name", ["", "   ", "x" * 61])
def test_a_filter_needs_a_name(client: Client, me: Any, name: str) -> None:
    assert save(client, name, "tab=open").status_code == 302
    assert not SavedFilter.objects.exists()


# --- export -----------------------------------------------------------------------------------------------------


def exported(client: Client, format: str = "csv", **query: Any) -> list[list[str]]:
    address = reverse("admin:bookings_queue_export")
    answer = client.post(address + "?" + "&".join(f"{name}={value}" for name, value in query.items()),
                         {"format": format, "key": "k"})
    assert answer.status_code == 200
    data = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    if format == "csv":
        return list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    page = ElementTree.fromstring(zipfile.ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml"))
    space = {"s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    assert not page.findall(".//s:f", space)
    return [["".join(cell.itertext()) for cell in row.findall("s:c", space)] for row in page.findall(".//s:row", space)]


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_the_file_holds_what_is_shown_in_its_order(client: Client, me: Any, format: str,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "CHUNK", 2)
    now = clock.now()
    for n in range(5):
        case(f"n{n}", "refund_due" if n % 2 else "orphaned_booking", opened_at=now + timedelta(seconds=n))
    case("other", "webhook_backlog")
    head, *lines = exported(client, format, tab="open", owner="nobody", kind="refund_due")
    assert head == list(export.HEAD)
    assert [line[1].removeprefix("subject:") for line in lines] == seen(client, tab="open", kind="refund_due") == ["n1", "n3"]
    *_, row = StaffAction.objects.filter(verb="export")
    assert (row.operator, row.params) == (me, {
        "format": format, "lines": 2, "choices": "tab=open&kind=refund_due&owner=nobody", "cases": []})
    assert [line[1].removeprefix("subject:") for line in exported(client, format, tab="open")[1:]] == seen(client, tab="open")


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_no_cell_is_a_formula(client: Client, me: Any, sign: str, format: str) -> None:
    evil = f"{sign}HYPERLINK(\"http://evil\")"
    rows.case(None, subject=evil, verdict=evil, closed_at=clock.now(), closed_because=evil)
    _, line = exported(client, format, tab="closed")
    assert not [cell for cell in line if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert sum("HYPERLINK" in cell for cell in line) == 3


def test_a_file_has_an_end_and_says_so(client: Client, me: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "MOST", 3)
    for n in range(5):
        case(f"n{n}")
    address = reverse("admin:bookings_queue_export")
    assert "only its first 3 lines are in it" in client.get(address, {"tab": "open"}).content.decode()
    assert not StaffAction.objects.exists()  # GET changes nothing
    assert len(exported(client, tab="open")) == 1 + 3
    picked = [str(one.pk) for one in Case.objects.order_by("pk")[:2]]
    answer = client.get(reverse("admin:bookings_queue_bulk"), {"action": "export", "id": picked})
    assert answer["Location"] == f"{address}?id={picked[0]}&id={picked[1]}"
    html = client.get(answer["Location"]).content.decode()
    assert "the 2 ticked lines" in html


# --- many lines at once -----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_each_ticked_line_is_done_once_and_tells_its_result(client: Client, me: Any) -> None:
    first, second = rows.case(rows.confirmed()), rows.case(rows.confirmed())
    lost = case("lost", "orphaned_booking")
    ids = [str(one.pk) for one in (first, second, lost)]
    address = reverse("admin:bookings_queue_bulk")
    html = client.get(address, {"action": "look_again", "id": ids}).content.decode()
    assert "The worker fetches the airline" in html
    assert not StaffAction.objects.exists()  # GET changes nothing
    press = {"action": "look_again", "id": ids, "key": "one-press"}
    answer = client.post(address, press)
    told = answer.content.decode()
    assert answer.status_code == 200
    assert "<strong>2 of 3</strong> lines done" in told
    assert "No booking of ours stands behind this case." in told
    assert Booking.objects.filter(wakes=1).count() == 2
    client.post(address, press)
    assert sorted(StaffAction.objects.values_list("case", flat=True)) == sorted([first.pk, second.pk])
    assert Booking.objects.filter(wakes=1).count() == 2


@pytest.mark.parametrize("action", ["mark_handled", "refund", "capture", "void", "cancel", "nothing", ""])
def test_nothing_that_closes_or_moves_money_is_done_to_many(client: Client, django_user_model: Any, action: str) -> None:
    client.force_login(django_user_model.objects.create_superuser("boss", password="x"))
    one = case("a")
    for ask in (client.get, client.post):
        assert ask(reverse("admin:bookings_queue_bulk"), {"action": action, "id": [one.pk]}).status_code == 404
    assert not StaffAction.objects.exists()


def test_a_viewer_sees_and_cannot_tick(client: Client, people: Make) -> None:
    client.force_login(people("viewer", *VIEW))
    one = case("a")
    html = client.get(reverse(HOME)).content.decode()
    assert "subject:a" in html
    assert 'type="checkbox" name="id"' not in html
    assert "Export" not in html
    for ask in (client.get, client.post):
        assert ask(reverse("admin:bookings_queue_bulk"), {"action": "look_again", "id": [one.pk]}).status_code == 403
        assert ask(reverse("admin:bookings_queue_export")).status_code == 403
    assert client.post(reverse(QUEUE)).status_code == 405
    assert not StaffAction.objects.exists()


def test_strangers_and_those_who_may_not_see_cases_are_kept_out(client: Client, people: Make, django_user_model: Any) -> None:
    names = ("bookings_case_changelist", "bookings_find", "bookings_queue_export", "bookings_queue_bulk")
    client.force_login(people("nobody"))
    for name in names:
        assert client.get(reverse(f"admin:{name}"), {"q": "x"}).status_code == 403, name
    assert save(client, "x", "tab=open").status_code == 403
    assert "queue" not in client.get(reverse(HOME)).content.decode().replace("console-queue.js", "").replace("queue.css", "")
    client.force_login(django_user_model.objects.create_user("customer"))
    for name in names:
        assert client.get(reverse(f"admin:{name}"))["Location"].startswith("/admin/login/")
