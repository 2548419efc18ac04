"""Rules of the outside: airlines, the consolidator, banks, our own people in the vendors' dashboards, and webhooks."""

from __future__ import annotations

import copy
import json
from typing import Any

from fly2any.kernel.errors import Refused
from payments import inbox as gateway_inbox
from payments.models import Payment
from sandbox.clock import real_now
from suppliers import inbox as supplier_inbox
from suppliers.models import Offer, SupplierOrder
from tests.property.customers import Customers
from tests.property.steps import deed
from tests.storm.trips import DUFFEL

STAFF_KEY = {"authorization": "Bearer sk_test_dashboard"}
# what others do to an old order or payment is told by their messages alone: nothing lists them any more
BY_OTHERS = {"order_cancellation.confirmed", "order.airline_initiated_change_detected", "charge.refunded",
             "refund.failed", "refund.updated", "charge.dispute.created", "payment_intent.canceled", "charge.expired"}
INBOXES = {"duffel": supplier_inbox, "stripe": gateway_inbox}
MADE_UP = {"duffel": ("order.created", "order.creation_failed", "order_cancellation.confirmed", "payment.created"),
           "stripe": ("payment_intent.succeeded", "payment_intent.canceled", "charge.refunded", "payment_intent.payment_failed")}


class Others(Customers):
    """Everybody who acts without asking us."""

    def __init__(self) -> None:
        super().__init__()
        self.heard, self.ended = set[str](), set[str]()

    # --- messages -----------------------------------------------------------------------------------------------

    def messages(self) -> list[tuple[str, dict[str, Any]]]:
        """Everything the vendors have to say, heard or not."""
        return [("duffel", raw) for raw in self.docs("webhook_event")] + [("stripe", raw) for raw in self.docs("stripe.event")]

    def deliver(self, chosen: list[tuple[str, dict[str, Any]]]) -> None:
        """Messages come to our door, signed as they are; what is no message to us is refused there."""
        for vendor, raw in chosen:
            self.heard.add(raw["id"])
            said = json.dumps(raw).encode()
            signer: Any = self.inside.world.vendors[vendor]
            headers = signer.sign(said, real_now())
            try:
                if vendor == "stripe":
                    gateway_inbox.receive(body=said, headers=headers)
                else:
                    supplier_inbox.receive(provider="duffel", body=said, headers=headers)
            except Refused as refused:
                self.check([f"a {vendor} message was refused: {refused.code}"])

    @deed(5)
    def webhooks(self) -> str:
        """Some messages arrive, in any order, some twice or more; the others are late, or lost for ever."""
        every = self.messages()
        fresh = [message for message in every if message[1]["id"] not in self.heard]
        chosen = self.dice.sample(fresh, min(len(fresh), self.dice.randrange(1, 6)))
        chosen += self.dice.choices(every, k=self.dice.randrange(3)) if every else []
        self.dice.shuffle(chosen)
        self.deliver(chosen)
        lost = [raw["id"] for vendor, raw in fresh if raw["type"] not in BY_OTHERS]
        if lost and self.dice.random() < 0.2:
            self.heard.add(self.dice.choice(lost))
        told = f"{' '.join(raw['type'] for _, raw in chosen)}"
        return f"{told}; {self.swept()} due" if self.dice.random() < 0.5 else told


    @deed(2)
    def lying_webhooks(self) -> str:
        """A well signed message says what is not so, of an object of ours or of nobody's; it changes no fact."""
        every = self.messages()
        if not every:
            return "nothing was ever said"
        vendor, true = self.dice.choice(every)
        false = copy.deepcopy(true)
        false |= {"id": f"{true['id']}{self.dice.randrange(10)}", "type": self.dice.choice(MADE_UP[vendor])}
        said = false["data"]["object"]
        for name, value in (("status", "succeeded"), ("amount_received", 1), ("amount", 1), ("captured", True),
                            ("refunded", True), ("cancelled_at", "2030-01-01T00:00:00Z")):
            if name in said:
                said[name] = value
        if self.dice.random() < 0.2 and "id" in said:
            said["id"] += "x"
        self.deliver([(vendor, false)])
        return f"{vendor} {false['type']}; {self.swept()} due"

    # --- airlines -----------------------------------------------------------------------------------------------

    @deed(4)
    def airline(self) -> str:
        """The airline does something to an order, known to us or not."""
        theirs = self.docs("order")
        if not theirs:
            return self.forward(self.one())
        doc = self.dice.choice(theirs[-4:])
        what, asked = self.dice.choice((("schedule_change", {}), ("cancel_by_airline", {}), ("expire_hold", {}),
                                        ("expire_hold", {}), ("reprice", {"percent": 7}), ("reprice", {"percent": -4})))
        waits = doc["payment_status"]["awaiting_payment"]
        if doc["cancelled_at"] or (what in ("expire_hold", "reprice") and not waits):
            return f"{what} is not possible"
        answer = self.http.post(f"/_duffel/orders/{doc['id']}/{what}", json=asked)
        return f"{what} {asked} {answer.status_code}; {self._perhaps_heard(doc['id'])}"


    def _perhaps_heard(self, order_id: str) -> str:
        """Their message comes at once, and the worker takes it; or later."""
        order = SupplierOrder.objects.filter(external_id=order_id).first()
        if order is None or self.dice.random() < 0.3:
            return "not heard yet"
        self.deliver([(vendor, raw) for vendor, raw in self.messages() if raw["id"] not in self.heard and vendor == "duffel"])
        return self.driven(order.booking)

    @deed(4)
    def flights(self) -> str:
        """The airline moves the flights of a ticket, and perhaps the customer answers."""
        order = SupplierOrder.objects.filter(state="ticketed", supplier="duffel").order_by("-pk").first()
        if order is None:
            return self.forward(self.one())
        told = f"{self.trips.move(order)} {self.driven(order.booking, 0.7)}"
        if self.dice.random() < 0.6:
            told += f" {self.trips.answer(order.booking)} {self.driven(order.booking, 0.6)}"
        return told

    @deed(1)
    def fare(self) -> str:
        """An offer gets dearer, cheaper, or ends."""
        offers = list(Offer.objects.filter(supplier="duffel").order_by("created_at", "pk"))
        if not offers:
            return "no offer"
        offer = self.dice.choice(offers[-3:])
        what, asked = self.dice.choice((("reprice", {"percent": 5}), ("reprice", {"percent": -3}), ("expire", {})))
        answer = self.http.post(f"/_duffel/offers/{offer.external_id}/{what}", json=asked)
        return f"{what} {asked} {answer.status_code}"

    @deed(1)
    def balance(self) -> str:
        """Our account at Duffel is empty, or filled again."""
        amount = self.dice.choice(("0.00", None, None))
        self.http.post("/_duffel/balance", json={"amount": amount})
        return str(amount)

    @deed(1)
    def paid_in_duffels_dashboard(self) -> str:
        """Our own people pay a hold there."""
        order = SupplierOrder.objects.filter(state="held").order_by("-pk").first()
        if order is None:
            return self.forward(self.one())
        return f"{self.pay_in_duffels_dashboard(order.external_id)}; {self._perhaps_heard(order.external_id)}"

    def pay_in_duffels_dashboard(self, order_id: str) -> int:
        """Whether we know the order or not."""
        doc = self.inside.world.get("order", order_id) or {}
        answer = self.http.post("/duffel/air/payments", headers=DUFFEL, json={"data": {"order_id": order_id, "payment": {
            "type": "balance", "amount": doc.get("total_amount"), "currency": doc.get("total_currency")}}})
        return answer.status_code

    # --- the consolidator ---------------------------------------------------------------------------------------

    @deed(4)
    def consolidator(self) -> str:
        """They issue tickets, void them, or the reservation ends there; known to us or not."""
        every = self.http.get("/_amadeus/orders").json()["orders"]
        live = [one for one in every if one["state"] == "live" and one["pnr"] not in self.ended]
        if not live:
            return self.forward(self.one())
        one = self.dice.choice(live[-3:])
        what = self.dice.choice(("ticket", "ticket", "ticket", "void_tickets", "expire", "cancel_by_airline"))
        if what == "cancel_by_airline":
            self.ended.add(one["pnr"])  # its record stays, and nobody tickets it any more
        answer = self.http.post(f"/_amadeus/orders/{one['pnr']}/{what}", json={})
        order = SupplierOrder.objects.filter(pnr=one["pnr"]).first()
        return f"{what} {answer.status_code} {self.driven(order.booking, 0.5) if order else 'unknown here'}"


    # --- banks --------------------------------------------------------------------------------------------------

    @deed(4)
    def bank(self) -> str:
        """The bank does something to a payment."""
        payments = list(Payment.objects.filter(external_id__startswith="pi").order_by("-pk")[:4])
        if not payments:
            return self.forward(self.one())
        payment, what = self.dice.choice(payments), self.dice.choice(("expire", "dispute", "fail_refund", "fail_refund", "capture_fails"))
        intent = payment.external_id
        charges = [doc for doc in self.docs("stripe.charge") if doc["payment_intent"] == intent]
        if what == "expire":
            answer = self.http.post(f"/_stripe/authorisations/{intent}/expire")
        elif what == "capture_fails":
            answer = self.http.post("/_stripe/capture_fails", json={"code": self.dice.choice(
                ("charge_expired_for_capture", "card_declined", "capture_charge_authorization_expired"))})
        elif what == "dispute":
            taken = [doc for doc in charges if doc["captured"] and not doc["disputed"]]
            if not taken:
                return "nothing to dispute"
            answer = self.http.post(f"/_stripe/charges/{taken[-1]['id']}/dispute", json={})
        else:
            refunds = [doc for doc in self.docs("stripe.refund") if doc["status"] in ("pending", "succeeded")]
            if not refunds:
                return "no refund to fail"
            answer = self.http.post(f"/_stripe/refunds/{refunds[-1]['id']}/fail", json={})
            self.deliver([m for m in self.messages() if m[1]["id"] not in self.heard and m[1]["type"] in BY_OTHERS])
        return f"{what} {answer.status_code} {self.driven(payment.booking, 0.5)}"


    @deed(2)
    def stripes_dashboard(self) -> str:
        """Our own people capture, cancel or refund there; faults strike them too."""
        intents = [doc["id"] for doc in self.docs("stripe.payment_intent")][-4:]
        if not intents:
            return self.forward(self.one())
        intent, verb = self.dice.choice(intents), self.dice.choice(("refund", "cancel", "capture"))
        path = "refunds" if verb == "refund" else f"payment_intents/{intent}/{verb}"
        if verb == "capture":
            self.promises.by_staff.add(intent)
        answer = self.http.post(f"/stripe/v1/{path}", data={"payment_intent": intent} if verb == "refund" else {},
                                headers=STAFF_KEY)
        payment = Payment.objects.filter(external_id=intent).first()
        return f"{verb} {answer.status_code} {self.driven(payment.booking, 0.4) if payment else 'unknown here'}"

    def last_words(self) -> None:
        """Before the end: whatever nothing lists any more is told at last."""
        self.deliver([(vendor, raw) for vendor, raw in self.messages() if raw["id"] not in self.heard and raw["type"] in BY_OTHERS])
