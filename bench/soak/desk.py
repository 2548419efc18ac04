"""Our own staff, one person who never tires: tickets reservations and answers what was lost, through the console."""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections import Counter
from datetime import datetime
from typing import Any

from bench.soak.browser import Browser, Front, Turned, Unreachable
from tests.wire import Line, Request

PAUSE = 8.0  # seconds between two looks at the worklist
LINK_WAITS = 150.0  # seconds for which a customer may pay by the link, before it is taken back and cash recorded
SURE = 20.0  # seconds before a reservation that the terminal does not show is believed never to have been made
WORKLIST, UNKNOWN = "/admin/bookings/booking/ticketing/", "/admin/bookings/case/?kind=unknown_outcome"
_LINE = re.compile(r'<tr class="ticket-.*?</tr>', re.S)
_ACTION = re.compile(r'class="line-button" href="(/admin/bookings/booking/\d+/do/)(\w+)/')
_REFERENCE = re.compile(r"FLY2A-[0-9A-Z]{6}")
REASON = "The customer asked for it on the phone."


class Robot:
    """Signs in with a password, then works the list from the top, again and again."""

    def __init__(self, front: Front, asked: dict[str, Any]) -> None:
        self.browser, self.asked = Browser(front, 0xFFFFFE), asked
        self.dice, self.did = random.Random(asked["seed"] + 1), Counter[str]()
        self.troubles: list[str] = []
        self.linked: dict[str, float] = {}
        self.first_seen: dict[str, float] = {}

    async def work(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._sign_in()
                while True:
                    await self._tickets()
                    await self._lost()
                    await self.browser.think(PAUSE)
            except (Turned, Unreachable, KeyError, IndexError, ValueError, OSError, TimeoutError) as trouble:
                self.troubles = [*self.troubles[-40:], f"{type(trouble).__name__} {trouble}"]
                await asyncio.sleep(PAUSE)

    async def _sign_in(self) -> None:
        await self.browser.get("console, sign in", "/admin/login/?next=/admin/bookings/booking/ticketing/")
        if 'id="ticketing-title"' in self.browser.page:
            return
        await self.browser.post("console, sign in", "/admin/login/", {
            "username": self.asked["staff"], "password": self.asked["password"], "next": WORKLIST})

    async def _open(self, path: str) -> None:
        await self.browser.get("console", path)
        if "/admin/login" in self.browser.path:
            raise Turned("signed out")

    # --- reservations that wait for their tickets -------------------------------------------------------------------

    async def _tickets(self) -> None:
        await self._open(WORKLIST)
        for line in _LINE.findall(self.browser.page):
            reference, action = _REFERENCE.search(line), _ACTION.search(line)
            if reference and action:
                await self._guarded(self._line(reference.group(), action.group(1), action.group(2), line))

    async def _guarded(self, deed: Any) -> None:
        """One line that does not go well does not hold up the others."""
        try:
            await deed
        except (Turned, KeyError, IndexError) as trouble:
            self.troubles = [*self.troubles[-40:], f"{type(trouble).__name__} {trouble}"]

    async def _line(self, reference: str, place: str, action: str, line: str) -> None:
        if action == "send_pay_link":
            if self.dice.random() < 0.5:
                await self._press(f"{place}send_pay_link/")
                self.linked[reference] = time.time()
            else:
                await self._cash(place, reference)
        elif action == "enter_tickets" and "Link sent" in line:
            if time.time() - self.linked.setdefault(reference, time.time()) > LINK_WAITS:
                await self._press(f"{place}take_back_link/")
        elif action == "enter_tickets":
            await self._press(f"{place}enter_tickets/", **await self._issued(reference))
        else:
            await self._press(f"{place}{action}/")

    async def _cash(self, place: str, reference: str) -> None:
        await self._press(f"{place}record_payment/", method="cash", receipt=f"R {reference}")

    async def _issued(self, reference: str) -> dict[str, str]:
        """The consolidator issues the tickets; what is to be typed for each traveller."""
        order = (await self._terminal(reference))[0]
        if not all(one.get("documentNumber") for one in order.get("tickets") or [{}]):
            await self._outside("POST", f"/_amadeus/orders/{order['pnr']}/ticket", {})
        order = (await self._terminal(reference))[0]
        return {f"private_ticket_{at}": one["documentNumber"] for at, one in enumerate(order["tickets"])}

    # --- answers that were lost -------------------------------------------------------------------------------------

    async def _lost(self) -> None:
        await self._open(UNKNOWN)
        for case in dict.fromkeys(re.findall(r"/admin/bookings/case/(\d+)/change/", self.browser.page)):
            await self._guarded(self._case(f"/admin/bookings/case/{case}"))

    async def _case(self, place: str) -> None:
        await self._open(f"{place}/change/")
        found = _REFERENCE.search(self.browser.page)
        if found is None or f"{place}/do/attach_order/" not in self.browser.page:
            return
        reference = found.group()
        made = await self._terminal(reference)
        if made:
            deadline = datetime.fromisoformat(made[0]["deadline"]).strftime("%Y-%m-%dT%H:%M")
            await self._press(f"{place}/do/attach_order/", order_id=made[0]["pnr"], ticket_by=deadline)
        elif time.time() - self.first_seen.setdefault(place, time.time()) > SURE:
            await self._press(f"{place}/do/not_made/", by_name="on", by_remark="on")

    # --- pages and the terminal -------------------------------------------------------------------------------------

    async def _press(self, path: str, **typed: str) -> None:
        """Open the action's page, type, see what will happen, give a reason, press."""
        await self._open(path)
        if 'class="action-form"' not in self.browser.page:
            return
        if typed:
            await self.browser.post("console, show", path, {**self.browser.hidden, **typed, "show": "1"},
                                    good=(200, 409, 422))
        more = {"other_stock": "on"} if 'name="other_stock"' in self.browser.page else {}
        if more:
            await self.browser.post("console, show", path, {**self.browser.hidden, **typed, **more, "show": "1"},
                                    good=(200, 409, 422))
        await self.browser.post("console, press", path, {**self.browser.hidden, **typed, **more, "reason": REASON},
                                good=(200, 409, 422))
        name = path.rstrip("/").rpartition("/")[2]
        if self.browser.path.partition("?")[0] == path:
            said = re.search(r'class="action-problem.*?</div>', self.browser.page, re.S)
            words = " ".join(re.sub(r"<[^>]+>", " ", said.group()).split()) if said else ""
            raise Turned(f"{name} refused: {words[:200]}")
        self.did[name] += 1

    async def _terminal(self, reference: str) -> list[dict[str, Any]]:
        """The consolidator's reservations with our remark."""
        told = await self._outside("GET", f"/_amadeus/orders?remark=FLY2ANY%20{reference}", None)
        return list(told["orders"])

    async def _outside(self, method: str, path: str, body: Any) -> dict[str, Any]:
        line = Line(self.asked["sandbox"])
        try:
            answer = await asyncio.wait_for(line.ask(Request(method, path, body, {"Connection": "close"})), 30)
        finally:
            line.close()
        return dict(json.loads(answer.body))
