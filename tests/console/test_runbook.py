"""The runbook has a section for every kind of case, tells what it must, and is one press away from every alert."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from bookings import cases, desk, runbook
from bookings.console import runbook_page

SECTIONS = runbook.sections()
PARTS = ("**What happened.**", "**How to see it.**", "**Never.**", "**Heals by itself**", "**Call**")


def test_every_kind_of_case_and_every_mismatch_has_its_section() -> None:
    assert set(SECTIONS) == set(cases.KINDS)
    titles = " ".join(title for title, _ in SECTIONS.values())
    assert {f"M{n}" for n in range(1, 21)} == set(re.findall(r"\bM\d+\b", titles))
    for kind, known in cases.KINDS.items():
        code = getattr(known, "code", "")
        assert SECTIONS[kind][0].startswith(known.title), kind
        assert not code or f"({code})" in SECTIONS[kind][0], kind


@pytest.mark.parametrize("kind", SECTIONS)
def test_a_section_says_what_happened_what_to_do_and_what_never(kind: str) -> None:
    text = SECTIONS[kind][1]
    assert [part for part in PARTS if part not in text] == []
    assert re.search(r"^1\. ", text, re.MULTILINE)


def test_every_button_that_the_runbook_names_is_there() -> None:
    labels = {action.label for action in desk.ACTIONS.values()}
    named = set(re.findall(r"(?<!`)\[([^\]]+)\](?!\()", (runbook._whole())))
    assert named - labels <= {"Attach an airline order"}


@pytest.mark.django_db
def test_the_pages_open_for_staff_and_for_nobody_else(client: Client) -> None:
    assert client.get("/admin/runbook/dispute/").status_code == 302
    viewer = User.objects.create_user("viewer", is_staff=True)
    client.force_login(viewer)
    for kind in SECTIONS:
        assert client.get(f"/admin/runbook/{kind}/").status_code == 200
    page = client.get("/admin/runbook/charged_without_order/").content.decode()
    assert '<span class="press">Give money back</span>' in page and "<ol" in page and "none open now" in page
    contents = client.get("/admin/runbook/").content.decode()
    assert contents.count('href="/admin/runbook/') >= len(SECTIONS)
    assert client.get("/admin/runbook/nothing/").status_code == 404


def test_what_stands_in_the_file_is_escaped() -> None:
    drawn = runbook_page.drawn("**a <script>alert(1)</script>** [B & <i>]\n\n| x | y |\n|---|---|\n| <b> | `c<d` |")
    assert "<script>" not in drawn and "<i>" not in drawn and "<b>" not in drawn
    assert "<strong>a &lt;script&gt;" in drawn and "<code>c&lt;d</code>" in drawn


def test_mails_and_chats_lead_to_it(settings: Any) -> None:
    settings.SITE_URL = "https://fly.example"
    assert runbook.runbook_url("dispute") == "https://fly.example/admin/runbook/dispute/"
