"""The ways before a booking that are seldom walked: slow and empty searches, seats, many people, fares that move."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta

from django.template.loader import render_to_string
from playwright.sync_api import expect

from tests.following import follow
from tests.journeys.visitor import Visitor

Steps = Iterator[str]


def flights(visitor: Visitor, *ways: str, days: int = 60, **more: str) -> str:
    """The address of a search: "JFK-LAX" one way, several make a multi-city trip."""
    legs = []
    for number, way in enumerate(ways, start=1):
        mark, (start, end) = "" if number == 1 else str(number), way.split("-")
        day = date.today() + timedelta(days=days + 7 * number)
        legs.append(f"origin{mark}={start}&destination{mark}={end}&departureDate{mark}={day}")
    words = {"trip": "multi" if len(ways) > 1 else "oneway", "adults": "1", **more}
    return f"{visitor.stack.url}/flights?{'&'.join(legs)}&{'&'.join(f'{key}={value}' for key, value in words.items())}"


def found(visitor: Visitor, *ways: str, **more: str) -> None:
    """Search by address and wait for all answers."""
    visitor.page.goto(flights(visitor, *ways, **more))
    expect(visitor.page.locator("#results[data-complete=yes] article").first).to_be_visible()


def searching(visitor: Visitor) -> Steps:
    """The search form's states, and results that are late, filtered, partial or none."""
    page, stack = visitor.page, visitor.stack
    page.goto(stack.url)
    page.get_by_role("combobox", name="From", exact=True).press_sequentially("london")
    expect(page.get_by_role("option").first).to_be_visible()
    yield "home-airports"
    page.goto(stack.url)
    page.get_by_label("Multi-city").check()
    yield "home-multi-city"
    stack.sandbox.http.post("/_faults", json={"operation": "duffel.create_offer_request", "kind": "latency", "seconds": 25})
    page.goto(flights(visitor, "SEA-SFO", days=70))
    expect(page.get_by_text("Still asking")).to_be_visible()
    yield "results-asking"
    found(visitor, "JFK-LHR", days=80, adults="2")
    yield "results-two-adults"
    here = page.url
    page.goto(f"{here}&pricesWith=bag")
    yield "results-with-bag"
    page.goto(f"{here}#filters")
    yield "results-filters"
    page.goto(f"{here}&stops=0&hours=1&changeable=yes&refundable=yes&bags=yes")
    yield "results-filtered"
    stack.rows("""UPDATE suppliers_search SET outcome = outcome || '{"amadeus": {"state": "failed", "offers": 0}}'""")
    page.goto(here)
    yield "results-one-failed"
    stack.rows("UPDATE suppliers_offer SET search_id = NULL")
    page.goto(here)
    yield "results-none"
    found(visitor, "LHR-FCO", "FCO-JFK", "JFK-LAX", days=90)
    yield "results-multi-city"


def extras(visitor: Visitor) -> Steps:
    """Fares, bundles and bags of a large airline, seats in both kinds of plane, and what gets lost."""
    page, stack = visitor.page, visitor.stack
    found(visitor, "ATL-JFK", days=40)
    page.locator("article.offer").filter(has_text="fares from").first.get_by_role("button", name="Choose").click()
    expect(page.get_by_role("button", name="Continue to travellers")).to_be_visible()
    yield "extras-fares"
    for name, way in (("narrow", "BOS-MIA"), ("wide", "JFK-LHR")):
        found(visitor, way, days=50, adults="2")
        page.locator("article.offer").filter(has_text="Duffel Airways").first.get_by_role("button", name="Choose").click()
        page.get_by_role("button", name=re.compile("Choose seats")).first.click()
        expect(page.locator("table.cabin").first).to_be_visible()
        page.locator("button.seat").nth(30).click()
        expect(page.locator("td .seat.mine, td .seat.theirs, #ask").first).to_be_visible()
        yield f"seats-{name}"
    page.goto(f"{page.url.partition('?')[0]}?view=list")
    yield "seats-list"
    page.get_by_role("link", name="Back to extras").click()
    expect(page.get_by_role("button", name="Continue to travellers")).to_be_visible()
    yield "extras-bundles"
    ((offer,),) = stack.rows("SELECT offer_external_id FROM bookings_booking ORDER BY id DESC LIMIT 1")
    stack.sandbox.http.post(f"/_duffel/offers/{offer}/services", json={"gone": ["seat"], "percent": "10"})
    stack.rows("UPDATE suppliers_offer SET priced_at = now() - interval '1 hour' WHERE external_id = %s", offer)
    page.reload()
    yield "extras-lost"
    stack.sandbox.http.post(f"/_duffel/offers/{offer}/expire")
    stack.rows("UPDATE suppliers_offer SET priced_at = now() - interval '1 hour' WHERE external_id = %s", offer)
    follow(page.get_by_role("button", name="Continue to travellers"))
    yield "fare-gone"


def travellers(visitor: Visitor) -> Steps:
    """Nine people, slips that are asked about, and the mistakes of the review."""
    page = visitor.page
    found(visitor, "SFO-SEA", adults="6", children="2", childAges="4,9", infants="1")
    page.get_by_role("button", name="Choose").first.click()
    page.get_by_role("button", name="Continue to travellers").click()
    expect(page.get_by_role("heading", name="Who is travelling?")).to_be_visible()
    yield "travellers-nine"
    visitor.search("JFK", "LAX", ("John F Kennedy", "Los Angeles"))
    visitor.choose(holdable=True)
    visitor.type_traveller("Annie", "Easley", "annie@gmial.com")
    page.get_by_role("button", name="Continue to review").click()
    expect(page.get_by_role("heading", name="Is your e-mail address right?")).to_be_visible()
    yield "check-email"
    page.get_by_role("button", name="Everything is right, continue").click()
    expect(page.get_by_role("heading", name="Review and pay")).to_be_visible()
    page.get_by_role("button", name="Hold now, pay later").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    yield "review-errors"
    yield from moving(visitor)


def moving(visitor: Visitor) -> Steps:
    """The fare of the review moves: dearer, cheaper, near its end, gone."""
    page, stack = visitor.page, visitor.stack
    ((offer,),) = stack.rows("SELECT offer_external_id FROM bookings_booking ORDER BY id DESC LIMIT 1")
    here = page.url.partition("?")[0]
    for name, percent in (("review-dearer", "12"), ("review-cheaper", "-9")):
        stack.sandbox.http.post(f"/_duffel/offers/{offer}/reprice", json={"percent": percent})
        stack.rows("UPDATE suppliers_offer SET priced_at = now() - interval '1 hour' WHERE external_id = %s", offer)
        page.goto(here)
        yield name
    stack.rows("UPDATE bookings_booking SET offer_expires_at = now() + interval '13 minutes' WHERE offer_external_id = %s",
               offer)
    stack.rows("UPDATE suppliers_offer SET expires_at = now() + interval '13 minutes' WHERE external_id = %s", offer)
    page.goto(here)
    yield "review-deadline"
    stack.sandbox.http.post(f"/_duffel/offers/{offer}/expire")
    stack.rows("UPDATE suppliers_offer SET priced_at = now() - interval '1 hour' WHERE external_id = %s", offer)
    page.goto(here)
    yield "review-gone"


def refusals(visitor: Visitor) -> Steps:
    """Pages that nobody wants to see."""
    page, url = visitor.page, visitor.stack.url
    page.goto(f"{url}/trips/find")
    follow(page.get_by_role("button", name=re.compile("Find")).first)
    yield "find-errors"
    page.goto(f"{url}/account/sign-in")
    follow(page.get_by_role("button", name="Sign in"))
    yield "sign-in-errors"
    page.goto(f"{url}/account/forgot")
    yield "forgot"
    page.goto(f"{url}/account/verify/nonsense/")
    yield "link-ended"
    page.goto(f"{url}/trips/find")
    page.context.clear_cookies()
    page.evaluate("document.querySelector('[name=csrfmiddlewaretoken]').value = 'x'")
    follow(page.get_by_role("button", name=re.compile("Find")).first)
    yield "form-too-old"
    page.goto(f"{url}/trips/FLY2A-000000")
    yield "not-yours"
    yield from locked_out(visitor)
    for name in ("400", "500"):
        page.goto(f"{url}/help")  # nothing of the site breaks by itself: its own pages are put there
        page.set_content(render_to_string(f"{name}.html"), wait_until="load")
        yield f"error-{name}"


def locked_out(visitor: Visitor) -> Steps:
    """Too many wrong passwords, and too many look-ups."""
    page, url = visitor.page, visitor.stack.url
    for _ in range(6):
        page.goto(f"{url}/account/sign-in")
        page.get_by_label("E-mail address").fill("nobody@example.com")
        page.get_by_label("Password").fill("not the right one")
        follow(page.get_by_role("button", name="Sign in"))
    yield "sign-in-locked"
    for _ in range(12):
        page.goto(f"{url}/trips/find")
        page.locator("#reference").fill("FLY2A-7KQ2MX")
        page.locator("#email").fill("nobody@example.com")
        follow(page.get_by_role("button", name="Find booking"))
        if page.get_by_role("heading", name="Please wait").count():
            break
    yield "throttled"


WAYS: tuple[Callable[[Visitor], Steps], ...] = (searching, extras, travellers, refusals)
