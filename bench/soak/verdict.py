"""What must be true at the end, asked of the site's database, its mails, the sandbox's ledgers and the load's notes."""

from __future__ import annotations

import email
import re
from collections import Counter, defaultdict
from typing import Any

from bench.soak.chaos import Chaos
from bench.soak.watch import LEAST, WARM, Watch, grows, quarters, slope
from bench.stage import percentile
from tests.ledgers import differences, sandbox_rows
from tests.stack import Stack

LONGEST_WAIT = 30.0
REFUSED = ("refused", "broken", "502", "503", "504")  # a server that is going or coming: the same is sent again
# What may still move without anybody outside: nothing of it is left when everything that can end has ended. Bookings
# that wait for their customer or for a date wake now and then to look, and sleep again within seconds.
MOVING = """SELECT (SELECT count(*) FROM bookings_booking WHERE due_at <= now() - interval '20 s' AND parked_at IS NULL)
 + (SELECT count(*) FROM suppliers_supplierorder o JOIN bookings_booking b ON b.id = o.booking_id
    WHERE o.state IN ('creating', 'unknown', 'paying', 'cancelling')
    AND NOT EXISTS (SELECT 1 FROM bookings_case c WHERE c.booking_id = b.id AND c.closed_at IS NULL))
 + (SELECT count(*) FROM payments_payment WHERE state IN ('new', 'capturing', 'voiding'))
 + (SELECT count(*) FROM payments_payment p JOIN bookings_booking b ON b.id = p.booking_id
    WHERE p.state = 'authorised' AND b.status <> 'PENDING_TICKETING'
    AND NOT EXISTS (SELECT 1 FROM bookings_case c WHERE c.booking_id = b.id AND c.closed_at IS NULL))
 + (SELECT count(*) FROM payments_refund WHERE state IN ('requested', 'sent'))
 + (SELECT count(*) FROM bookings_outbox WHERE due_at <= now() - interval '20 s' AND sent_at IS NULL
    AND dropped = '')"""
_RECOVERED = """SELECT extract(epoch FROM min(seen.at) - %s::timestamptz) FROM bookings_booking b, LATERAL (
 SELECT at FROM bookings_diary WHERE booking_id = b.id UNION ALL SELECT at FROM bookings_callrecord WHERE booking_id = b.id
 UNION ALL SELECT asked_at FROM bookings_externalcall WHERE booking_id = b.id UNION ALL SELECT b.settled_at) seen (at)
WHERE b.id = %s AND seen.at > %s::timestamptz"""


def moving(stack: Stack) -> int:
    """How many things still move."""
    return int(stack.value(MOVING))


def disagreements(stack: Stack) -> list[str]:
    """What our books, the airlines' ledger and Stripe's ledger tell differently, to the cent and both ways."""
    return differences(stack.ledger_export(), sandbox_rows(stack.sandbox.url))


def invariants(stack: Stack) -> str:
    """What `manage.py invariants` says when a promise is broken; "" when all hold."""
    try:
        said = stack.manage("invariants")
    except AssertionError as broken:
        return str(broken)
    return "" if "invariants hold" in said else said


# --- mails ------------------------------------------------------------------------------------------------------------


def mails(stack: Stack) -> tuple[dict[str, Any], list[str]]:
    """Figures and breaches: every mail that was due went out, once; nothing went out that nobody wrote.

    A process that is killed between the sending and the line that says so leaves a twin with the same Message-ID,
    which mailboxes drop: counted as such, and only where the row was really tried twice.
    """
    sent: Counter[int] = Counter()
    rows = stack.rows("SELECT id, kind, sent_at IS NOT NULL, dropped, tries, due_at <= now() - interval '20 s'"
                      " FROM bookings_outbox WHERE channel = 'mail'")
    for path in (stack.folder / "mail").glob("*.eml"):
        number = re.search(r"outbox-(\d+)@", str(email.message_from_bytes(path.read_bytes())["Message-ID"]))
        sent[int(number.group(1)) if number else 0] += 1
    said = {number for number, in stack.rows("SELECT id FROM bookings_outbox WHERE sent_at IS NOT NULL")}
    wrong, dropped, twins, later = [], Counter[str](), 0, 0
    for number, kind, went, why, tries, due in rows:
        copies = sent.pop(number, 0)
        dropped[why] += bool(why)
        later += not went and not why and not due
        if went and not copies:
            wrong.append(f"mail {number} {kind} is said to have gone, and never did")
        elif not went and not why and due:
            wrong.append(f"mail {number} {kind} is due and has not gone out")
        elif copies > 1 and tries < copies:
            wrong.append(f"mail {number} {kind} went out {copies} times after {tries} tries")
        elif copies and not (went or why or number in said):  # one that went while the files were read is said by now
            wrong.append(f"mail {number} {kind} went out and is not said to have")
        twins += max(copies - 1, 0)
    wrong += [f"mail {number} went out, and nobody wrote it" for number in sent if number not in said]
    again = stack.rows("SELECT booking_id, kind, version, count(*) FROM bookings_outbox WHERE channel = 'mail' AND"
                       " booking_id IS NOT NULL AND case_id IS NULL GROUP BY 1, 2, 3 HAVING count(*) > 1")
    wrong += [f"booking {booking} has {many} rows of the mail {kind} {version}" for booking, kind, version, many in again]
    unsaid = stack.rows("SELECT b.reference FROM bookings_booking b WHERE b.status = 'CONFIRMED' AND NOT EXISTS (SELECT 1"
                        " FROM bookings_outbox o WHERE o.booking_id = b.id AND o.kind = 'confirmed'"
                        " AND o.sent_at IS NOT NULL)")
    wrong += [f"{reference} is confirmed, and its customer has no mail" for reference, in unsaid]
    return {"written": len(rows), "sent": sum(1 for row in rows if row[2]), "twins with the same Message-ID": twins,
            "due later": later, "not sent because": dict(dropped)}, wrong


# --- waiting ----------------------------------------------------------------------------------------------------------


def waiting(notes: list[list[Any]]) -> tuple[dict[str, Any], list[str]]:
    """Figures by kind of request, in seconds, and breaches."""
    by_kind: dict[str, list[float]] = defaultdict(list)
    ends: Counter[str] = Counter()
    wrong = []
    for kind, at, waited, how in notes:
        by_kind[kind].append(waited)
        ends[how] += 1
        if waited > LONGEST_WAIT:
            wrong.append(f"{kind} at {at:.0f} s waited {waited:.1f} s ({how})")
        if how.startswith("5") and how not in REFUSED:
            wrong.append(f"{kind} at {at:.0f} s was answered {how}")
    told = {kind: {"number": len(all_), "p50": round(percentile(all_, 0.5), 3), "p99": round(percentile(all_, 0.99), 3),
                   "max": round(max(all_), 3)} for kind, all_ in sorted(by_kind.items())}
    everything = [one for all_ in by_kind.values() for one in all_]
    told["all"] = {"number": len(everything), "p50": round(percentile(everything, 0.5), 3),
                   "p99": round(percentile(everything, 0.99), 3), "max": round(max(everything, default=0.0), 3)}
    longest: dict[int, float] = defaultdict(float)
    for _, at, waited, _ in notes:
        longest[int(at // 300) * 5] = max(longest[int(at // 300) * 5], round(waited, 1))
    return {"seconds": told, "answers": dict(ends.most_common()),
            "longest from minute": {f"{minute}": waited for minute, waited in sorted(longest.items())}}, wrong


def stories(ends: list[list[Any]]) -> list[str]:
    """Breaches that customers themselves met with: nobody there for as long as they tried, a promise broken."""
    return [f"{number} x {story}: {end}" for story, end, number in ends if end.startswith(("WRONG", "UNREACHABLE"))]


# --- flatness ---------------------------------------------------------------------------------------------------------


def memory(watch: Watch) -> tuple[dict[str, Any], list[str]]:
    """Each process that lived long enough: first quarter, last quarter, slope; breaches for the programs of ours."""
    told, wrong = {}, []
    for life in watch.lives.values():
        if not life.judged:
            continue
        first, last = quarters(life.judged)
        name = f"{life.name} ({life.pid})"
        told[name] = {"minutes": round((life.sizes[-1][0] - life.sizes[0][0]) / 60, 1), "MB first quarter": round(first, 1),
                      "MB last quarter": round(last, 1), "MB a minute": round(slope(life.judged), 3)}
        if grows(life.judged) and life.name.startswith(("web", "worker", "sweeper")):
            wrong.append(f"{name} grows: {told[name]}")
    largest: dict[str, float] = defaultdict(float)
    for life in watch.lives.values():
        largest[life.name] = max(largest[life.name], *(size for _, size in life.sizes))
    return {"judged": told, "largest MB": {name: round(size, 1) for name, size in sorted(largest.items())}}, wrong


def connections(watch: Watch, seconds: float) -> tuple[dict[str, Any], list[str]]:
    """Connections of each program in the first and the last quarter of the traffic; a program that takes ever more."""
    told, wrong = {}, []
    for name, seen in sorted(watch.connections.items()):
        counted = [(at, float(many)) for at, many in seen if WARM <= at <= seconds]
        if seconds < WARM + LEAST or len(counted) < 8:  # pools and threads are still filling up
            continue
        first, last = quarters(counted)
        told[name] = {"first quarter": first, "last quarter": last, "most": max(many for _, many in counted)}
        if last > first + max(4, 0.5 * first) and name.startswith(("web", "worker", "sweeper")):
            wrong.append(f"{name} holds ever more connections: {told[name]}")
    return told, wrong


# --- what happened ----------------------------------------------------------------------------------------------------


def recoveries(stack: Stack, chaos: Chaos) -> dict[str, Any]:
    """After each kill: how soon a web server served again, and how soon somebody went on with what was driven."""
    served, rolled, went_on = list[float](), list[float](), list[float]()
    for fallen in chaos.fallen:
        if fallen.served is not None:
            (rolled if "rolled" in fallen.name else served).append(fallen.served)
        for booking in fallen.drove:
            seconds = stack.value(_RECOVERED, fallen.at, booking, fallen.at)
            if seconds is not None:
                went_on.append(float(seconds))
    return {name: {"number": len(all_), "p50": round(percentile(all_, 0.5), 1), "max": round(max(all_, default=0.0), 1)}
            for name, all_ in (("a killed web server serves again, s", served),
                               ("one that was asked to end has finished and serves again, s", rolled),
                               ("a booking whose driver was killed is driven on, s", went_on))}


def states(stack: Stack) -> dict[str, Any]:
    """Bookings by end state, and what those that have not ended wait for."""
    rows = stack.rows("SELECT status, CASE WHEN status IN ('CONFIRMED', 'CANCELLED', 'EXPIRED', 'FAILED', 'DRAFT')"
                      " THEN '' ELSE progress END, closing, count(*) FROM bookings_booking GROUP BY 1, 2, 3 ORDER BY 4 DESC")
    return {" ".join(word for word in row[:3] if word): row[3] for row in rows}


def open_cases(stack: Stack) -> list[str]:
    """Each open case in one line: what it is and how its booking stands."""
    rows = stack.rows("SELECT c.kind, coalesce(b.reference, c.subject), coalesce(b.status, ''), coalesce(b.progress, ''),"
                      " (SELECT string_agg(o.state, ',') FROM suppliers_supplierorder o WHERE o.booking_id = b.id)"
                      " FROM bookings_case c LEFT JOIN bookings_booking b ON b.id = c.booking_id WHERE c.closed_at IS NULL"
                      " ORDER BY c.kind, c.id")
    return [f"{kind}: {about} {status} {progress}, order {order or 'none'}" for kind, about, status, progress, order in rows]


def totals(stack: Stack) -> dict[str, Any]:
    """How much went through."""
    rows = stack.rows("SELECT currency, count(*), sum(captured_minor), sum(refunded_minor) FROM payments_payment"
                      " WHERE captured_minor > 0 GROUP BY 1 ORDER BY 1")
    return {"bookings wished": stack.value("SELECT count(*) FROM bookings_booking WHERE wish <> 'draft'"),
            "cases opened": stack.value("SELECT count(*) FROM bookings_case"),
            "money": {currency: {"payments": many, "captured minor": int(taken), "refunded minor": int(back)}
                      for currency, many, taken, back in rows}}
