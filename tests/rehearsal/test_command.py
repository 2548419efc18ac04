"""manage.py rehearse: what it prints, what it refuses."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from bookings.cases import KINDS
from bookings.models import Case
from bookings.rehearsal import MORE, SCENES
from tests.world import World


def said(*words: str) -> str:
    out = StringIO()
    call_command("rehearse", *words, stdout=out)
    return out.getvalue()


def test_the_twenty_are_listed_and_nothing_is_staged(db: None) -> None:
    lines = said("--list").splitlines()
    assert [line.split()[0] for line in lines] == [f"M{number}" for number in range(1, 21)] + ["A1"] == [*SCENES, *MORE]
    assert not Case.objects.exists()


def test_a_scene_is_staged_and_its_case_is_named(world: World) -> None:
    told = said("m13")
    case = Case.objects.get(closed_at=None)
    assert f"/admin/bookings/case/{case.pk}/change/" in told
    assert case.booking is not None
    assert case.booking.reference in told
    assert "Send the link to pay" in told


def test_what_there_is_not_is_refused_by_name(db: None) -> None:
    with pytest.raises(CommandError, match="There is no M21"):
        said("M21")
    with pytest.raises(CommandError, match="Nobody outside"):
        said("--mend", "M1")


def test_real_keys_are_never_practised_with(db: None, settings: Any) -> None:
    settings.SANDBOX = False
    with pytest.raises(CommandError, match="M4"):
        said("M4")
    assert not Case.objects.exists()


def test_no_recommendation_harms_the_customers_own_trip_because_of_a_twin() -> None:
    for kind in ("duplicate_order", "duplicate_payment", "orphaned_booking", "orphaned_payment"):
        assert KINDS[kind].action not in ("cancel", "void", "refund", "capture"), kind
