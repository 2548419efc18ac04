"""Each mismatch class by itself: one case, once, whose severity moves with time, and which closes by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bookings import cases, desk, detectors
from bookings.detectors import severity
from bookings.models import Case
from tests.console import rows
from tests.console.rows import NOW
from tests.detectors import broken
from tests.detectors.broken import CLASSES, M, Maker, open_cases

pytestmark = pytest.mark.django_db
NAMED = [pytest.param(*one, id=f"{one[0]}-{one[2].__name__}") for one in CLASSES]
WITH_OTHER_VALUES = (broken.charged_without_order, broken.ticketed_unpaid, broken.ledgers_differ, broken.dispute,
                     broken.ticketing_deadline, broken.webhook_backlog, broken.void_refused, broken.reserved_too_long)
CHANGING = [one for one in NAMED if one.values[2] in WITH_OTHER_VALUES]


def mine(code: str) -> list[Case]:
    """The open cases of this code: another detector may rightly see the same rows."""
    return [case for case in open_cases() if cases.KINDS[case.kind].code == code]


@pytest.mark.parametrize(("code", "kind", "make"), NAMED)
def test_a_mismatch_is_one_case_that_moves_with_time_and_heals(code: str, kind: str, make: Maker) -> None:
    found = make()
    assert detectors.run(NOW, [code]).failed == ()
    (case,) = mine(code)
    assert (case.kind, case.subject, case.booking) == (kind, found.subject, found.booking)
    assert (case.severity, case.deadline) == (found.severity, found.deadline)
    assert case.verdict == cases.KINDS[kind].verdict and detectors.rule_of(kind)
    detectors.run(NOW + M / 2, [code])
    assert [again.pk for again in mine(code)] == [case.pk]
    assert mine(code)[0].seen_at == NOW + M / 2
    for later, urgency in found.climbs:
        detectors.run(NOW + later, [code])
        assert [(one.pk, one.severity) for one in mine(code)] == [(case.pk, urgency)], later
    found.mend()
    detectors.run(NOW + M + (found.climbs[-1][0] if found.climbs else 0 * M), [code])
    case.refresh_from_db()
    assert mine(code) == []
    assert (case.closed_by, case.closed_because) == (None, detectors.DETECTORS[code].healed)


@pytest.mark.parametrize(("code", "kind", "make"), CHANGING)
@pytest.mark.failure("U8")
def test_what_a_person_handled_comes_back_only_with_other_values(code: str, kind: str, make: Maker,
                                                                 django_user_model: Any) -> None:
    found = make()
    detectors.run(NOW, [code])
    (case,) = mine(code)
    cases.close(case, operator=django_user_model.objects.create_user("ops"), because="known", now=NOW)
    detectors.run(NOW + M / 2, [code])
    assert mine(code) == []
    assert found.change is not None
    found.change()
    detectors.run(NOW + M, [code])
    assert [again.kind for again in mine(code)] == [kind]


def test_records_that_agree_are_no_case() -> None:
    rows.confirmed()
    paid = rows.confirmed(status="PENDING_TICKETING", due_at=NOW + 3 * 60 * M)  # and not driven since
    paid.orders.update(ticketed_at=NOW - 60 * M)
    rows.cancelled(given_back=30_000, agreed=30_000)
    rows.cancelled()
    rows.booking(wish="draft", status="DRAFT", wished_at=None, due_at=None)
    held = rows.booking(wish="hold", chose_hold=True, status="HOLD", due_at=NOW + 3 * 60 * M)
    rows.order(held, "held", pay_by=NOW + 3 * 60 * M, ticketed_at=None)
    run = detectors.run(NOW + M)
    assert (run.found, run.failed, open_cases()) == (0, (), [])


def test_all_twenty_classes_are_registered_each_with_its_kinds_rules_and_actions() -> None:
    assert sorted(detectors.DETECTORS, key=lambda code: int(code[1:])) == [f"M{number}" for number in range(1, 21)]
    coded = {kind: known.code for kind, known in cases.KINDS.items() if known.code}
    assert coded == {kind: code for code, one in detectors.DETECTORS.items() for kind in one.kinds}
    assert {kind for kind in cases.KINDS if detectors.rule_of(kind)} == set(coded)
    assert {known.action for known in cases.KINDS.values()} <= set(desk.ACTIONS)
    assert set(severity.LADDERS) <= set(coded)


def test_the_page_of_mismatches_names_every_kind_and_every_test() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "mismatches.md").read_text()
    rows_of_it = [line for line in page.splitlines() if line.startswith("| M")]
    told = {(line.split("|")[1].strip(), line.split("|")[2].split()[0].strip(",")) for line in rows_of_it}
    assert {(known.code, kind) for kind, known in cases.KINDS.items() if known.code} - told <= {
        ("M8", "duplicate_payment")}
    assert [make.__name__ for _, _, make in CLASSES if make.__name__ not in page] == []
