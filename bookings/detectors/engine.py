"""Findings become cases: each opened once, kept up to date while it stands, closed by itself when it is gone.

Safe twice at once and killed half-way: every step is one commit of its own that may be done again, and what is not
seen any more is closed only after everything that was found has been marked as seen.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, islice
from typing import Any

from django.db import connection, transaction

from bookings import cases
from bookings.detectors.finding import Detector, Finding
from bookings.detectors.severity import standing
from bookings.models import Booking, Case, Heartbeat
from fly2any.kernel import faultpoints

logger = logging.getLogger(__name__)
BATCH = 200
faultpoints.register_commit("case")
HEARTBEAT = "detectors.last"
DETECTORS: dict[str, Detector] = {}
Key = tuple[str, str]


@dataclass(frozen=True)
class Run:
    """What one run did. `failed`: the codes of detectors that ended in an error."""

    found: int = 0
    healed: int = 0
    failed: tuple[str, ...] = ()


def register(*detectors: Detector) -> None:
    """Add detectors. Two of one code become one: it finds what both find, and closes what both close."""
    for new in detectors:
        old = DETECTORS.get(new.code)
        DETECTORS[new.code] = new if old is None else _both(old, new)


def _both(old: Detector, new: Detector) -> Detector:
    return replace(old, rules={**old.rules, **new.rules}, subjects=tuple(dict.fromkeys((*old.subjects, *new.subjects))),
                   find=lambda now: chain(old.find(now), new.find(now)))


def rule_of(kind: str) -> str:
    """The sentence of the rule that opens cases of this kind; "" for kinds that no detector looks for."""
    detector = DETECTORS.get(cases.KINDS[kind].code) if kind in cases.KINDS else None
    return detector.rules.get(kind, "") if detector else ""


def run(now: datetime, codes: Iterable[str] | None = None) -> Run:
    """Every detector once (or those of `codes`) at `now`, database time, UTC. One that fails does not hold up others.

    A failing detector is itself a case, which closes when it works again.
    """
    found, healed, failed = 0, 0, []
    for detector in [DETECTORS[code] for code in codes] if codes else list(DETECTORS.values()):
        broken = Finding("detector_failed", f"detector:{detector.code}")
        try:
            found += _see_all(detector.find(now), now)
            healed += _heal(detector, now)
            healed += cases.heal(kind=broken.kind, subject=broken.subject, now=now, because="it works again")
        except Exception as error:  # a bug in one must not silence the others
            logger.exception("detector.failed", extra={"code": detector.code})
            if not connection.in_atomic_block and not connection.is_usable():
                connection.close()
            failed.append(detector.code)
            report(replace(broken, facts={"error": type(error).__name__}), now)
    if codes is None:
        Heartbeat.objects.update_or_create(name=HEARTBEAT, defaults={
            "beat_at": now, "note": {"found": found, "healed": healed, "failed": failed}})
    return Run(found, healed, tuple(failed))


def report(finding: Finding, now: datetime) -> None:
    """Open this finding's case, or bring its open case up to date; nothing when a person has handled just this."""
    _see([finding], now)


# --- seeing -----------------------------------------------------------------------------------------------------


def _see_all(findings: Iterable[Finding], now: datetime) -> int:
    stream, number = iter(findings), 0
    while batch := list(islice(stream, BATCH)):
        once = sorted(batch, key=lambda one: (one.kind, one.subject, str(one.facts)), reverse=True)
        _see(list({(one.kind, one.subject): one for one in once}.values()), now)  # always the same of several
        number += len(batch)
    return number


def _see(batch: list[Finding], now: datetime) -> None:
    """One batch in a fixed number of queries, and one commit for each case that is new or becomes another."""
    last = _last_cases(batch)
    same: list[int] = []
    for finding in batch:
        case = last.get((finding.kind, finding.subject))
        if case is None or (case.closed_at is not None and not _handled(case, finding, now)):
            _open(finding, now)
        elif case.closed_at is None and (case.seen_at is None or case.seen_at < now):
            changes = _changes(case, finding, now)
            if changes:
                _update(case, finding, changes, now)
            else:
                same.append(case.pk)
    if same:
        Case.objects.filter(pk__in=same, closed_at=None).update(seen_at=now)


def _last_cases(batch: list[Finding]) -> dict[Key, Case]:
    """The newest case of each finding: by the index of kind and subject."""
    rows = Case.objects.filter(
        kind__in={one.kind for one in batch}, subject__in={one.subject for one in batch},
    ).select_related("booking").order_by("kind", "subject", "-opened_at", "-pk").distinct("kind", "subject")
    return {(case.kind, case.subject): case for case in rows}


def _handled(case: Case, finding: Finding, now: datetime) -> bool:
    """Whether a person closed this very thing: with the same values as are seen now.

    One that was closed before a detector had seen it is compared with what is seen first.
    """
    if case.closed_by_id is None:
        return False
    if case.seen_at is None:
        Case.objects.filter(pk=case.pk, seen_at=None).update(seen_at=now, facts={**case.facts, **finding.facts})
        return True
    return all(case.facts.get(name) == value for name, value in finding.facts.items())


def _open(finding: Finding, now: datetime) -> None:
    booking = Booking.objects.filter(pk=finding.booking_id).first() if finding.booking_id else None
    severity, _ = _standing(finding, now, now)
    with transaction.atomic(durable=True):
        cases.open_case(
            kind=finding.kind, subject=finding.subject, booking=booking, now=now, deadline=finding.deadline,
            facts={**finding.also, **finding.facts}, severity=severity, money=finding.money, seen_at=now)
        faultpoints.committing("case")


def _standing(finding: Finding, opened_at: datetime, now: datetime) -> tuple[Case.Severity, int]:
    severity, step = standing(finding.kind, since=finding.since or opened_at, deadline=finding.deadline, now=now)
    return finding.severity or severity, step


def _changes(case: Case, finding: Finding, now: datetime) -> dict[str, Any]:
    """What of the open case is another now."""
    values: dict[str, Any] = {
        "severity": int(_standing(finding, case.opened_at, now)[0]),
        "facts": {**case.facts, **finding.also, **finding.facts}}
    if finding.deadline is not None:
        values["deadline"] = finding.deadline
    if finding.money is not None:
        values |= {"money_minor": finding.money.minor, "currency": finding.money.currency}
    if case.booking_id is None and finding.booking_id is not None:
        values["booking_id"] = finding.booking_id
    changes = {name: value for name, value in values.items() if getattr(case, name) != value}
    if _reached(case, finding, now):
        changes["severity"] = values["severity"]  # the next step of its ladder is told, also where both are the same
    return changes


def _reached(case: Case, finding: Finding, now: datetime) -> bool:
    """Whether the mismatch has climbed a step of its ladder since it was last seen."""
    before = _standing(finding, case.opened_at, case.seen_at or case.opened_at)
    return before[1] < _standing(finding, case.opened_at, now)[1]


def _update(case: Case, finding: Finding, changes: Mapping[str, Any], now: datetime) -> None:
    """Bring the case up to date and, when it became more urgent, tell it: two that do so at once tell it once."""
    severity = changes.get("severity", case.severity)
    critical = severity == cases.CRITICAL < case.severity
    louder = severity < case.severity or (severity == case.severity and _reached(case, finding, now))
    words: dict[str, Any] = {**changes, "seen_at": now}
    if critical and case.snoozed_until is not None:
        words |= {"snoozed_until": None, "snoozed_because": ""}  # it wakes
    tell = louder and (critical or case.snoozed_until is None or case.snoozed_until <= now)
    if tell:
        words["alerted_at"] = now
    with transaction.atomic(durable=True):
        if Case.objects.filter(pk=case.pk, closed_at=None, seen_at=case.seen_at).update(**words) and tell:
            for name, value in words.items():
                setattr(case, name, value)
            cases.alert(case, now, version=now.isoformat())
        faultpoints.committing("case")


# --- healing ----------------------------------------------------------------------------------------------------


def _heal(detector: Detector, now: datetime) -> int:
    """Close what this detector no longer finds."""
    if not detector.subjects:
        return 0
    return cases.heal_unseen(kinds=detector.kinds, subjects=detector.subjects, now=now, because=detector.healed)
