"""What customers do beside booking and paying: extras, fares, agreed prices, changed flights, requests, accounts."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

from django.contrib.auth.models import User

from bookings import accounts, afterwards, drafts, outbox, services
from bookings.models import Booking, Selection
from bookings.selectors.sold import on_offer
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from suppliers.models import SupplierOrder
from tests.world import TICKS, World

DUFFEL = {"authorization": "Bearer duffel_test_sandbox", "duffel-version": "v2"}
MOVED = (25, 95, 200, 400)  # minutes
WORN = ("gone", "dearer", "cheaper", "renumbered", "renumbered each time")


class Trips:
    """Deeds on one world, drawn with the walk's own dice; each answers what became of it in a few words."""

    def __init__(self, world: World, dice: Random) -> None:
        self.world, self.dice = world, dice

    def shop(self, draft: Booking) -> str:
        """The airline changes what it sells with the offer, or under which names."""
        what = self.dice.choice(WORN)
        body: dict[str, Any] = {"gone": {"gone": ["baggage"]}, "dearer": {"percent": "20"}, "cheaper": {"percent": "-20"},
                                "renumbered": {"renumber": "once"}, "renumbered each time": {"renumber": "each"}}[what]
        answer = self.world.sandbox.http.post(f"/_duffel/offers/{draft.offer_external_id}/services", json=body)
        return f"{what} {answer.status_code}"

    def choose(self, draft: Booking) -> str:
        """A bag, or none, as the page stores it; then the review's look at today's price."""
        sold = [extra for extra in on_offer(draft.offer.priced or {"services": (), "passengers": (), "slices": ()}).values()
                if extra.kind == "baggage"]
        chosen = self.dice.sample(sold, min(1, len(sold)))
        draft = drafts.customize(booking=draft, now=clock.now(), choices=[
            {"serviceId": extra.external_id, "quantity": 1} for extra in chosen])
        told = self.shop(draft) if self.dice.random() < 0.6 else "nothing happens"
        total = draft.fare_minor + draft.services_minor + draft.fee_minor
        if self.dice.random() < 0.7:
            type(draft.offer).objects.filter(pk=draft.offer_id).update(priced_at=clock.now() - timedelta(minutes=5))
            draft.refresh_from_db()
            draft, _ = drafts.refresh(booking=draft, now=clock.now())
        new = draft.fare_minor + draft.services_minor + draft.fee_minor
        if new > total:
            drafts.agree_to_price(booking=draft, old_minor=total, new_minor=new, now=clock.now())
        assert new == draft.fare_minor + draft.fee_minor + sum(
            item.unit_minor * item.quantity for item in Selection.objects.filter(booking=draft))
        return f"{len(chosen)} bags, {told}, {total} to {new}"

    def press(self, draft: Booking) -> Booking:
        """Book at the total that the draft shows."""
        total = draft.fare_minor + draft.services_minor + draft.fee_minor
        return services.book(booking=draft, hold=False, accepted_minor=total, acknowledgements=TICKS, again=False,
                             now=clock.now()).booking

    def correct(self, booking: Booking) -> Booking:
        """A refused detail is corrected: the same offer once more."""
        draft = drafts.start_again(booking=booking, principal=booking.principal, user=None, now=clock.now())
        return self.press(draft)

    def move(self, order: SupplierOrder) -> str:
        """The airline changes the flights, perhaps twice; perhaps its staff or ours take the change elsewhere."""
        http = self.world.sandbox.http
        for _ in range(self.dice.choice((1, 1, 2))):
            minutes = self.dice.choice(MOVED)
            http.post(f"/_duffel/orders/{order.external_id}/schedule_change", json={"minutes": minutes})
        if self.dice.random() < 0.2:
            changes = http.get("/_state", params={"kind": "airline_initiated_change"}).json()["docs"]
            last = [doc for doc in changes if doc["order_id"] == order.external_id][-1:]
            for doc in last:
                http.patch(f"/duffel/air/airline_initiated_changes/{doc['id']}", headers=DUFFEL, json={
                    "data": {"action_taken": self.dice.choice(("accepted", "changed", "cancelled"))}})
        SupplierOrder.objects.filter(pk=order.pk).update(news_at=clock.now())
        Booking.objects.filter(pk=order.booking_id).update(due_at=clock.now())
        return f"{order.booking.reference} moved by {minutes}"

    def answer(self, booking: Booking) -> str:
        """The customer answers changed flights, as pages do: the answer to what they were shown."""
        order = SupplierOrder.objects.filter(booking=booking).order_by("-pk").first()
        if order is None or not order.flight_change:
            return "no change"
        word = self.dice.choice(("accept", "accept", "refund"))
        afterwards.answer_change(booking=booking, change_id=order.flight_change["external_id"], answer=word,
                                 now=clock.now())
        return word

    def write(self, booking: Booking) -> str:
        """Words to us, another address, the mail once more, an account: nothing of it moves money."""
        deed = self.dice.choice(("contact", "again", "join"))
        if deed == "contact":
            services.change_contact(booking=booking, email=f"a{self.dice.randrange(99)}@example.com",
                                    phone="+442080160508", now=clock.now())
        elif deed == "again":
            outbox.again(booking, str(self.dice.randrange(3)), clock.now())
        else:
            user, _ = User.objects.get_or_create(username="ada@example.com", email="ada@example.com")
            accounts.join(user, booking.principal, clock.now())
        return deed

    def let_go(self, booking: Booking) -> str:
        """The unpaid booking is given up for a cheaper fare; pressed twice."""
        if booking.status != "PENDING_PAYMENT":
            raise Problem("nothing", "Nothing to let go.", status=409)
        for _ in range(2):
            services.cancel(booking=booking, refund_minor=None, now=clock.now())
        return "let go"
