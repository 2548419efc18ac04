"""Fares that our team tickets, written as rows: two sources in one list, the three steps, and how a reservation goes on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from bookings.checkout import search_form
from bookings.models import Booking
from bookings.selectors import lines
from fly2any.kernel import clock
from suppliers.models import Offer, Search
from suppliers.types import Leg, SearchQuery
from tests.doors.test_listing import picture
from tests.gallery.made import guest_of, rows_of
from tests.journeys.visitor import Visitor
from tests.pages.travel import make, of_our_team, reserved
from tests.trail import rows

LONG_RULES = [["Penalties", "\n".join(f"{at:02d}. CHANGES PERMITTED FOR USD 75.00 FOR EACH TRAVELLER BEFORE DEPARTURE."
                                      for at in range(1, 40))], ["Minimum stay", "NO MINIMUM STAY REQUIRED."]]


def team(visitor: Visitor) -> Iterator[str]:
    """What customers of a fare that our team tickets see, from the list to the end."""
    who, at = guest_of(visitor), visitor.stack.url
    with rows_of(visitor.stack):
        for name, outcome in (("team-results", {}), ("team-results-one-fails", {"state": "failed", "code": "supplier_timeout"}),
                              ("team-results-one-off", {"state": "failed", "code": "provider_off"})):
            visitor.page.goto(at + _found(who, outcome))
            yield name
        draft = make(who, offer=of_our_team(rules=LONG_RULES, requires=["address", "residence", "document_city"],
                                            documents_required=True, document_kinds=["passport"]),
                     wish="draft", status="DRAFT", wished_at=None, accepted_minor=0)
        for step in ("extras", "passengers", "review"):
            visitor.page.goto(f"{at}/checkout/{draft.public_id}/{step}")
            if step == "extras":
                visitor.page.locator(".rules summary").click()
            yield f"team-{step}"
        for name, booking, step in _after(who):
            visitor.page.goto(f"{at}/trips/{booking.reference}{step}")
            yield name


def _after(who: str) -> Iterator[tuple[str, Booking, str]]:
    doubt = {"order": {"state": "unknown", "external_id": "", "pnr": "", "locators": []}, "status": "PENDING",
             "progress": "checking", "pay_by": None}
    yield "team-checking", reserved(who, wished_at=clock.now() - timedelta(minutes=5), **doubt), "/progress"
    yield "team-reserved", reserved(who), ""
    link = reserved(who, status="PENDING_PAYMENT", progress="card", card_wanted=True)
    rows.payment(link, client_secret="pi_1_secret_2")
    yield "team-pay", link, "/pay"
    for name, money, state in (("authorised", "reserved", {"state": "authorised"}), ("released", "none", {"state": "voided"}),
                               ("paid", "charged", {"state": "captured", "captured_minor": 59999})):
        booking = reserved(who, money=money)
        more = {"order": booking.orders.get()} if name == "paid" else {}
        rows.payment(booking, authorised_at=clock.now(), **state, **more)
        yield f"team-{name}", booking, ""
    yield "team-cancel", booking, "/cancel"
    yield "team-unpaid-ticket", _ticketed(who), ""
    done = _ticketed(who, status="CONFIRMED", progress="done", money="charged")
    rows.payment(done, state="captured", captured_minor=59999, provider="desk", external_id=f"desk:{done.pk}",
                 order=done.orders.get())
    yield "team-confirmed", done, ""
    gone = {"order": {"state": "lapsed"}, "progress": "closed", "pay_by": None}
    yield "team-lapsed", reserved(who, status="EXPIRED", closing="reservation_lapsed", **gone), ""
    yield "team-refused", reserved(who, status="FAILED", closing="booking_failed_check", **gone), ""


def _ticketed(who: str, **state: Any) -> Booking:
    tickets = [{"kind": "ticket", "number": "075-2106312810", "passengers": ["pas_1"]}]
    return reserved(who, order={"state": "ticketed", "tickets": tickets}, pay_by=None, **state)


def _found(who: str, outcome: dict[str, Any]) -> str:
    """A search with three flights of one supplier and three of another, two of them the same fare."""
    query = SearchQuery((Leg("JFK", "LHR", clock.now().date() + timedelta(days=30)),))
    done = {"state": "done", "offers": 3, "code": ""}
    search = Search.objects.create(
        principal=who, complete=True, outcome={"duffel": done, "amadeus": {**done, **outcome}},
        query={"legs": [{"origin": leg.origin, "destination": leg.destination, "date": leg.date.isoformat()}
                        for leg in query.legs], "adults": 1, "child_ages": [], "infants": 0, "cabin": "economy"})
    sold = [("duffel", picture(number, total=50000 + 900 * number, brand="Economy Light")) for number in range(3)]
    if not outcome:
        sold += [("amadeus", picture(number, total=48000 + 2900 * number, brand="LIGHT", **of_our_team()))
                 for number in (0, 1, 4)]
    for at, (name, raw) in enumerate(sold):
        raw |= {"supplier": name, "external_id": f"{name}_{search.pk}_{at}"}
        Offer.objects.create(search=search, principal=who, supplier=name, external_id=raw["external_id"], request_id="",
                             total_minor=raw["total"]["minor"], currency="USD", searched=raw, brief=lines.brief(raw),
                             expires_at=clock.now() + timedelta(minutes=20))
    return search_form.address(query, s=search.pk)
