"""Whole customers: each searches, chooses, types, books and pays (or not) over HTTP, as a page or as an API client.

A story ends with one word for how it ended for the customer. Whatever happens meanwhile, money and order must agree
afterwards: that is not judged here.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from string import ascii_lowercase
from typing import Any

from bench.soak.browser import Browser, Front, Turned, Unreachable
from tests.wire import Line, Request

# From six offers to forty, for two cores have to carry all of it
PAIRS = [("SFO", "SEA"), ("OMA", "ABQ"), ("BUF", "RDU"), ("SDF", "PIT"), ("BHM", "TPA"), ("TUL", "BNA")]
GOOD, CHALLENGE, DECLINED = "4242424242424242", "4000000000003220", "4000000000000002"
TICKS = [{"code": "dangerous_goods", "version": "1"}, {"code": "names_and_terms", "version": "1"}]
ENDS = frozenset({"CONFIRMED", "CANCELLED", "EXPIRED", "FAILED"})
LEAVES = 150.0  # seconds in which a customer watches the progress page before they go away and wait for the mail
SEARCH_LEAVES = 30.0
TABS = 3
AT_THE_DESK = 240.0  # seconds in which a customer looks whether our team has sent the link to pay


class Left(Exception):
    """The customer would not wait any longer, or never meant to go on."""


class Customer:
    """One customer with one booking at most."""

    def __init__(self, front: Front, sandbox_port: int, number: int, dice: random.Random) -> None:
        self.browser, self.dice, self.sandbox_port = Browser(front, number), dice, sandbox_port
        self.given = "Ada" + "".join(dice.choice(ascii_lowercase) for _ in range(9))
        self.mail = f"c{number}@example.com"
        self.reference = ""

    # --- what both kinds do -----------------------------------------------------------------------------------------

    async def at_the_bank(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Something the customer does at Stripe or their bank; its answer. Again while the bank is away."""
        for _ in range(40):
            line = Line(self.sandbox_port)
            try:
                answer = await asyncio.wait_for(line.ask(Request("POST", path, body, {"Connection": "close"})), 30)
                if answer.status:
                    return dict(answer.json())
            except (OSError, TimeoutError):
                pass
            finally:
                line.close()
            await asyncio.sleep(1)
        raise Left("the bank is away")

    async def status(self) -> dict[str, Any]:
        """One look of the progress page's script."""
        return await self.browser.api("status", "GET", f"/api/payments/status/{self.reference}")

    async def until(self, *wanted: str, seconds: float = LEAVES) -> str:
        """Look again and again, as often as the answer asks for, until the status is one of `wanted` or an end."""
        began = time.time()
        while True:
            told = await self.status()
            if told["status"] in wanted or told["status"] in ENDS:
                return str(told["status"])
            if told.get("step") == "consent":
                raise Left("the price rose")
            if time.time() - began > seconds:
                raise Left(f"waited in {told['status']}")
            await self.browser.think(max(1.0, told["_pause"]))

    async def intent(self) -> str:
        """The payment to be confirmed at the bank; the booking is payable, or becomes so."""
        for _ in range(20):
            told = await self.browser.api("create-intent", "POST", "/api/payments/create-intent",
                                          {"bookingReference": self.reference}, Idempotency_Key=uuid.uuid4().hex)
            if told.get("clientSecret"):
                return str(told["clientSecret"]).partition("_secret_")[0]
            await self.browser.think(13.0)  # five calls a minute and address
        raise Left("never payable")

    async def pay(self, how: str = "") -> str:
        """At the bank with a card that is good, refused first, challenged, or given up; then back, until the end."""
        how = how or self.dice.choices(("good", "refused", "challenge", "given up", "challenge given up", "not back"),
                                       (56, 12, 14, 6, 4, 8))[0]
        if how == "given up":
            raise Left("did not pay")
        intent = await self.intent()
        confirm = f"/_stripe/payment_intents/{intent}/authorise"
        if how == "refused":
            await self.at_the_bank(confirm, {"card": DECLINED})
            await self.look()
            if self.dice.random() < 0.3:
                raise Left("card refused")
            await self.browser.think(self.dice.uniform(6, 12))
        if how.startswith("challenge"):
            await self.at_the_bank(confirm, {"card": CHALLENGE})
            await self.browser.think(self.dice.uniform(1, 5))
            if how == "challenge given up":
                raise Left("3-D Secure given up")
            await self.at_the_bank(f"/_stripe/payment_intents/{intent}/complete_3ds", {})
        else:
            await self.at_the_bank(confirm, {"card": GOOD})
        if how == "not back":
            raise Left("paid and closed the window")
        await self.look()
        return await self.until("PENDING_TICKETING")

    async def look(self) -> None:
        """Back from the bank: please look now."""
        await self.browser.api("confirm", "POST", "/api/payments/confirm", {"bookingReference": self.reference})

    # --- the API ----------------------------------------------------------------------------------------------------

    async def search(self, **wanted: Any) -> dict[str, Any]:
        """One of the cheaper offers that fit, from a fresh search."""
        return (await self.search_many(1, **wanted))[0]

    async def search_many(self, number: int, **wanted: Any) -> list[dict[str, Any]]:
        """So many of the cheaper offers that fit, or as many as there are."""
        origin, destination = self.dice.choice(PAIRS)
        day = date.today() + timedelta(days=self.dice.randrange(30, 300))
        asked = f"origin={origin}&destination={destination}&departureDate={day}&limit=20"
        waits = {} if self.dice.random() < 0.5 else {"Prefer": "respond-async"}
        told = await self.browser.api("search", "GET", f"/api/flights/search?{asked}", **waits)
        began = time.time()
        while not told["complete"] and time.time() - began < SEARCH_LEAVES:
            await self.browser.think(1.5)
            told = await self.browser.api("results", "GET", f"/api/flights/search/{told['searchId']}?limit=20")
        if wanted.get("ticketing") == "manual" or not any(_fits(one, wanted) for one in told["offers"]):
            ticketing = wanted.get("ticketing", "instant")
            told = await self.browser.api(
                "results", "GET", f"/api/flights/search/{told['searchId']}?limit=60&ticketing={ticketing}")
        fitting = [one for one in told["offers"] if _fits(one, wanted)][:4 + number]
        if not fitting:
            raise Left("no such flight")
        await self.browser.think(self.dice.uniform(0.5, 3))
        return self.dice.sample(fitting, min(number, len(fitting)))

    def people(self) -> dict[str, Any]:
        """Who flies, and who is told."""
        return {"passengers": [{"title": "ms", "givenName": self.given, "familyName": "Lovelace", "gender": "f",
                                "bornOn": "1990-12-10"}],
                "contact": {"email": self.mail, "phone": "+442080160508"}}

    async def draft(self, offer: dict[str, Any], *, extras: bool) -> dict[str, Any]:
        """Three steps up to the press: the offer, extras or none, the travellers."""
        made = (await self.browser.api("checkout", "POST", "/api/checkout", {"offerId": offer["id"]},
                                       Idempotency_Key=uuid.uuid4().hex))["draft"]
        place, bags = f"/api/checkout/{made['id']}", []
        if extras:
            told = await self.browser.api("offer", "GET", f"/api/flights/offers/{offer['id']}")
            bags = [{"serviceId": one["id"], "quantity": 1} for one in told["offer"].get("services", [])
                    if one["kind"] == "baggage"][:1]
        await self.browser.think(self.dice.uniform(0.5, 3))
        await self.browser.api("customize", "PUT", f"{place}/customize", {"services": bags})
        await self.browser.think(self.dice.uniform(1, 4))
        return dict((await self.browser.api("passengers", "PUT", f"{place}/passengers", self.people()))["draft"])

    async def press(self, made: dict[str, Any], *, hold: bool = False) -> None:
        """The last press, now and then twice at once, or again later: one booking comes of it."""
        total = made["price"]["total"]
        body = {"acceptedTotal": {"amount": total["amount"], "currency": total["currency"]}, "acknowledgements": TICKS,
                "isHold": hold}
        key = uuid.uuid4().hex

        def once(key: str) -> Awaitable[dict[str, Any]]:
            return self.browser.api("book", "POST", f"/api/checkout/{made['id']}/book", body, Prefer="respond-async",
                                    Idempotency_Key=key)

        keys = self.dice.choices(([key], [key, key], [key, uuid.uuid4().hex]), (80, 10, 10))[0]
        answers = await asyncio.gather(*(once(one) for one in keys))
        references = {answer["booking"]["bookingReference"] for answer in answers}
        if self.dice.random() < 0.1:
            references.add((await once(key))["booking"]["bookingReference"])
        if len(references) > 1:
            raise AssertionError(f"one press made {references}")
        self.reference = references.pop()

    async def book(self, offer: dict[str, Any], *, hold: bool = False) -> None:
        """By an integrator's one call, or one time in four by the three steps."""
        if self.dice.random() < 0.75:
            await self.at_once(offer, hold=hold)
        else:
            await self.press(await self.draft(offer, extras=False), hold=hold)

    async def at_once(self, offer: dict[str, Any], *, hold: bool = False) -> str:
        """The three steps in one call, by an integrator who also repeats it under another key; the reference."""
        total = offer["total"]
        body = {"offerId": offer["id"], "isHold": hold, "services": [], **self.people(), "acknowledgements": TICKS,
                "acceptedTotal": {"amount": total["amount"], "currency": total["currency"]}}
        headers = {"Prefer": "respond-async"}
        told = await self.browser.api("book at once", "POST", "/api/bookings", body, Idempotency_Key=uuid.uuid4().hex,
                                      **headers)
        self.reference = str(told["booking"]["bookingReference"])
        if self.dice.random() < 0.2:
            again = await self.browser.api("book at once", "POST", "/api/bookings", body,
                                           Idempotency_Key=uuid.uuid4().hex, **headers)
            assert again["booking"]["bookingReference"] == self.reference, "the same body again made another booking"
        return self.reference

    async def cancel(self) -> str:
        """Ask what comes back, agree, and wait for the end."""
        where = f"/api/bookings/{self.reference}"
        await self.browser.api("cancellation quote", "POST", f"{where}/cancellation", Idempotency_Key=uuid.uuid4().hex)
        for _ in range(40):
            quote = (await self.browser.api("booking", "GET", where))["booking"].get("quote")
            if quote:
                break
            await self.browser.think(2.0)
        else:
            raise Left("no answer to what a cancellation gives back")
        refund = {name: quote["refund"][name] for name in ("amount", "currency")}
        await self.browser.api("cancel", "POST", f"{where}/cancellation/confirm", {"acceptedRefund": refund},
                               Prefer="respond-async", Idempotency_Key=uuid.uuid4().hex)
        return await self.until("CANCELLED")


def _fits(offer: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return all(offer.get(name) == value for name, value in wanted.items())


# --- the stories ------------------------------------------------------------------------------------------------------


async def steps_by_api(c: Customer) -> str:
    """Any fare, with or without a bag, paid at once."""
    await c.press(await c.draft(await c.search(ticketing="instant"), extras=c.dice.random() < 0.4))
    await c.until("PENDING_PAYMENT")
    return await c.pay()


async def one_call(c: Customer) -> str:
    """An integrator's single call."""
    await c.at_once(await c.search(ticketing="instant"))
    await c.until("PENDING_PAYMENT")
    return await c.pay()


async def three_tabs(c: Customer) -> str:
    """Three fares of one search in three tabs, booked at the same time: an airline sells one of a search, and so do we."""
    offers = await c.search_many(TABS, ticketing="instant")
    references = set(await asyncio.gather(*(c.at_once(offer) for offer in offers)))
    if len(references) > 1:
        raise AssertionError(f"one search made {references}")
    await c.until("PENDING_PAYMENT")
    return await c.pay()


async def hold(c: Customer) -> str:
    """Held, and paid a little later or left alone."""
    await c.book(await c.search(canHold=True, ticketing="instant"), hold=True)
    if await c.until("HOLD") != "HOLD":
        raise Left("not held")
    if c.dice.random() < 0.3:
        raise Left("held, not paid")
    await c.browser.think(c.dice.uniform(5, 30))
    await c.intent()
    return await c.pay("good")


async def cancels(c: Customer) -> str:
    """Paid, and cancelled with a refund where the fare allows it."""
    await c.book(await c.search(canHold=True, ticketing="instant"))
    await c.until("PENDING_PAYMENT")
    if await c.pay("good") != "CONFIRMED":
        raise Left("not confirmed")
    await c.browser.think(c.dice.uniform(3, 20))
    return await c.cancel()


async def by_our_team(c: Customer) -> str:
    """A reservation that our team tickets; paid by the link when one comes."""
    await c.book(await c.search(ticketing="manual"))
    await c.until("PENDING_TICKETING")
    if await c.until("PENDING_PAYMENT", seconds=AT_THE_DESK) == "PENDING_PAYMENT":
        await c.pay("good")
        return await c.until(seconds=AT_THE_DESK)
    return "CONFIRMED"


async def by_pages(c: Customer) -> str:
    """A browser without scripts, from the results to the ticket; the last button now and then pressed twice."""
    await _to_the_review(c)
    b, fields = c.browser, {"dangerous_goods": "yes", "names_and_terms": "yes"}
    pressed = {**b.hidden, **fields}
    times = 2 if c.dice.random() < 0.15 else 1
    await asyncio.gather(*(b.post("book", b.path, pressed) for _ in range(times)))
    found = re.search(r"/trips/(FLY2A-[0-9A-Z]{6})", b.path)
    if found is None:
        raise Turned(f"page book: {b.heading}")
    c.reference = found.group(1)
    await _page_until(c, lambda: b.path.endswith("/pay"))
    if c.dice.random() < 0.12:
        raise Left("did not pay")
    intent = await c.intent()
    await c.at_the_bank(f"/_stripe/payment_intents/{intent}/authorise", {"card": GOOD})
    await b.post("look", f"/trips/{c.reference}/look", {})
    await _page_until(c, lambda: re.search(r"/trips/FLY2A-[0-9A-Z]{6}$", b.path) is not None)
    return (await c.status())["status"]


async def _to_the_review(c: Customer) -> None:
    b, (origin, destination) = c.browser, c.dice.choice(PAIRS)
    day = date.today() + timedelta(days=c.dice.randrange(30, 300))
    asked = (f"trip=oneway&origin={origin}&destination={destination}&departureDate={day}&adults=1&children=0&infants=0"
             "&cabin=economy")
    await b.get("results", f"/flights?{asked}")
    began = time.time()
    while 'data-complete="yes"' not in b.page:
        if time.time() - began > SEARCH_LEAVES:
            raise Left("the search did not end")
        await b.think(1.5)
        await b.get("results", b.path)
    cards = [card for card in b.page.split("<article")[1:] if "our team issues the ticket" not in card]
    offers = [found.group(1) for card in cards[:6] if (found := re.search(r'name="offerId" value="([^"]+)"', card))]
    if not offers:
        raise Left("no such flight")
    await b.think(c.dice.uniform(1, 4))
    await b.post("choose", "/checkout/start", {"offerId": c.dice.choice(offers)})
    step = b.path.partition("?")[0].rpartition("/")[0]
    await b.think(c.dice.uniform(0.5, 2))
    await b.post("extras", f"{step}/extras", {"then": "go"})
    await b.think(c.dice.uniform(1, 4))
    person = {"title": "ms", "gender": "f", "givenName": c.given, "familyName": "Lovelace", "bornOn-day": "10",
              "bornOn-month": "12", "bornOn-year": "1990"}
    await b.post("travellers", f"{step}/passengers", {
        **{f"passengers-0-{name}": value for name, value in person.items()}, "contact-email": c.mail,
        "contact-phone": "+44 20 8016 0508"})
    if not b.path.partition("?")[0].endswith("/review"):
        raise Turned(f"travellers: {b.heading}")
    await b.think(c.dice.uniform(1, 3))


async def _page_until(c: Customer, there: Callable[[], bool]) -> None:
    """Reload the trip, as the page without scripts does by itself, until it leads where it should."""
    began = time.time()
    while True:
        await c.browser.get("trip", f"/trips/{c.reference}")
        if there():
            return
        if time.time() - began > LEAVES:
            raise Left(f"waited on {c.browser.heading}")
        await c.browser.think(3.0)


# More integrators than browsers, for two cores have to carry all of it (docs/soak.md)
STORIES: dict[Callable[[Customer], Awaitable[str]], int] = {
    steps_by_api: 12, one_call: 48, three_tabs: 4, hold: 10, cancels: 10, by_our_team: 6, by_pages: 10}


async def live(customer: Customer) -> tuple[str, str]:
    """A story chosen by the customer's dice: its name and how it ended. Nothing escapes but a promise that broke."""
    story = customer.dice.choices(list(STORIES), list(STORIES.values()))[0]
    try:
        return story.__name__, await story(customer)
    except Left as left:
        return story.__name__, f"left: {left}"
    except Turned as turned:
        return story.__name__, f"told: {turned}"
    except Unreachable as gone:
        return story.__name__, f"UNREACHABLE: {gone}"
    except (AssertionError, KeyError, ValueError, TypeError, IndexError) as wrong:
        return story.__name__, f"WRONG: {type(wrong).__name__} {wrong}"
