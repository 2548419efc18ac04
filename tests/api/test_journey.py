"""Through the whole API against the real sandbox: search, draft, book, pay, cancel. The worker is driven here."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection

from bookings import drafts, services
from bookings.advance import advance
from bookings.models import Booking
from suppliers.models import Offer, Search
from tests.api.shop import CONTACT, TICKS, Caller, person, refused
from tests.world import World

DAY = date.today() + timedelta(days=40)


def search(me: Caller, **more: Any) -> dict[str, Any]:
    asked = {"origin": "JFK", "destination": "LAX", "departureDate": DAY.isoformat(), **more}
    answer = me.get("/api/flights/search?" + "&".join(f"{name}={value}" for name, value in asked.items()))
    assert answer.status_code == 200, answer.content
    told: dict[str, Any] = answer.json()
    return told


def holdable(told: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(item for item in told["offers"] if item["canHold"])
    return found


def draft(me: Caller, **more: Any) -> dict[str, Any]:
    """A complete draft of the cheapest holdable fare."""
    chosen = holdable(search(me, **more))
    answer = me.post("/api/checkout", {"offerId": chosen["id"]})
    assert answer.status_code == 201, answer.content
    made = answer.json()["draft"]
    assert made["price"]["total"]["minor"] == Offer.objects.get(pk=chosen["id"]).total_minor
    answer = me.put(f"/api/checkout/{made['id']}/passengers", {"passengers": [person()], "contact": CONTACT})
    assert answer.status_code == 200, answer.content
    told: dict[str, Any] = answer.json()["draft"]
    return told


def press(made: dict[str, Any], **more: Any) -> dict[str, Any]:
    total = made["price"]["total"]
    return {"acceptedTotal": {"amount": total["amount"], "currency": total["currency"]}, "acknowledgements": TICKS,
            **more}


class Worker:
    """Drives bookings beside the web thread, as Celery would."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            while not self._stop.wait(0.05):
                for pk in Booking.objects.filter(due_at__isnull=False).values_list("pk", flat=True):
                    advance(pk)
        finally:
            connection.close()

    def __enter__(self) -> Worker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture
def me(world: World, settings: Any) -> Caller:
    settings.WEB_WAIT_SECONDS = 20
    return Caller()


def test_a_search_waits_for_its_suppliers_and_can_be_read_again(me: Caller) -> None:
    told = search(me)
    assert told["complete"] is True
    assert told["suppliers"][0]["state"] == "done"
    assert told["found"] == told["matching"] == told["suppliers"][0]["offers"] > 0
    prices = [item["total"]["minor"] for item in me.get(
        f"/api/flights/search/{told['searchId']}?sort=cheapest").json()["offers"]]
    assert prices == sorted(prices)
    nonstop = me.get(f"/api/flights/search/{told['searchId']}?maxStops=0&limit=200").json()
    assert nonstop["matching"] == sum(1 for item in search_all(me, told) if item["stops"] == 0)
    refused(Caller().get(f"/api/flights/search/{told['searchId']}"), 404, "not_found")


def search_all(me: Caller, told: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = me.get(f"/api/flights/search/{told['searchId']}?limit=200").json()["offers"]
    return found


def test_a_search_that_need_not_wait_answers_at_once(me: Caller) -> None:
    answer = me.get(f"/api/flights/search?origin=JFK&destination=LAX&departureDate={DAY}", Prefer="respond-async")
    assert answer.json()["searchId"]
    assert drafts.wait_for_search(Search.objects.get().pk, 20).complete


@pytest.mark.parametrize(("asked", "status", "fields"), [
    ("origin=JFK", 400, {"destination", "departureDate"}),
    ("origin=JFKX&destination=LAX&departureDate=soon", 400, {"origin", "departureDate"}),
    ("origin=JFK&destination=LAX&departureDate=2020-01-01", 422, {"departureDate"}),
    ("origin=XXX&destination=LAX&departureDate={day}", 422, {"origin"}),
    ("origin=JFK&destination=LAX&departureDate={day}&infants=2", 422, {"infants"}),
    ("origin=JFK&destination=LAX&departureDate={day}&children=2&childAges=4", 400, {"childAges"}),
    ("origin=JFK&destination=LAX&departureDate={day}&children=1&childAges=1", 422, {"children"}),
    ("origin=JFK&destination=LAX&departureDate={day}&cabin=roof", 400, {"cabin"})])
def test_a_search_that_cannot_be_asked(db: None, asked: str, status: int, fields: set[str]) -> None:
    answer = Caller().get("/api/flights/search?" + asked.format(day=DAY))
    told = refused(answer, status, "invalid_request" if status == 400 else "validation_failed")
    assert set(told["fieldErrors"]) == fields
    assert Search.objects.count() == 0


def test_three_steps_to_a_payable_booking(me: Caller) -> None:
    made = draft(me)
    assert made["actions"] == ["customize", "passengers", "book"]
    with Worker():
        answer = me.post(f"/api/checkout/{made['id']}/book", press(made))
    told = answer.json()
    assert answer.status_code == 201, told
    booking = told["booking"]
    assert (booking["status"], booking["progress"]) == ("PENDING_PAYMENT", "card")
    assert booking["pnr"]
    assert booking["clientSecret"].startswith("pi_")
    assert booking["expiresAt"]
    intent = me.post("/api/payments/create-intent", {"bookingReference": booking["reference"],
                                                     "amount": press(made)["acceptedTotal"]}).json()
    assert intent["clientSecret"] == booking["clientSecret"]
    assert intent["amountMinor"] == made["price"]["total"]["minor"]
    refused(me.post("/api/payments/create-intent", {
        "bookingReference": booking["reference"], "amount": {"amount": "0.01", "currency": intent["currency"]}}),
        409, "price_changed")


def test_hold_then_pay_then_cancel(me: Caller, world: World) -> None:
    made = draft(me)
    with Worker():
        answer = me.post(f"/api/checkout/{made['id']}/book", press(made, isHold=True))
        assert (answer.status_code, answer.json()["booking"]["status"]) == (201, "HOLD")
        reference = answer.json()["booking"]["reference"]
        assert "pay" in answer.json()["booking"]["actions"]
        intent = me.post("/api/payments/create-intent", {"bookingReference": reference})
        assert intent.status_code == 200, intent.content
        booking = Booking.objects.get()
        world.pay(booking)
        told = me.post("/api/payments/confirm", {"bookingReference": reference})
        assert told.status_code == 200
        done = services.wait_for(booking_id=booking.pk, seconds=20, until=lambda b: b.status == "CONFIRMED")
        assert done.status == "CONFIRMED"
        assert me.get(f"/api/payments/status/{reference}").json()["bookingCreated"] is True
        refused(me.post("/api/payments/create-intent", {"bookingReference": reference}), 409, "nothing_to_pay")
        view = me.get(f"/api/bookings/{reference}").json()["booking"]
        assert view["money"]["sentence"] == f"Your payment of {view['price']['total']['text']} is safe."
        assert view["clientSecret"] is None
        assert view["order"]["tickets"]
        quote = me.post(f"/api/bookings/{reference}/cancellation")
        assert "cancel" in view["actions"]
        assert quote.status_code == 200, quote.content
        url = f"/api/bookings/{reference}/cancellation/confirm"
        refused(me.post(url), 400, "invalid_request")
        refund = quote.json()["quote"]["refund"]
        wrong = {"amount": str(float(refund["amount"]) + 1), "currency": refund["currency"]}
        refused(me.post(url, {"acceptedRefund": wrong}), 409, "refund_changed")
        ended = me.post(url, {"acceptedRefund": {"amount": refund["amount"], "currency": refund["currency"]}})
        assert ended.status_code in (200, 202), ended.content
        done = services.wait_for(booking_id=booking.pk, seconds=20, until=lambda b: b.status == "CANCELLED")
        assert done.status == "CANCELLED"


def test_contact_is_all_that_can_be_changed(me: Caller) -> None:
    made = draft(me)
    me.post(f"/api/checkout/{made['id']}/book", press(made), Prefer="respond-async")
    url = f"/api/bookings/{Booking.objects.get().reference}"
    answer = me.send("patch", url, {"contact": {"email": "grace@example.com"}})
    assert answer.json()["booking"]["contact"] == {"email": "grace@example.com", "phone": "+442080160508",
                                                "address": None}
    refused(me.send("patch", url, {"contact": {"email": "nonsense"}}), 422, "validation_failed")
    refused(me.send("patch", url, {"status": "CONFIRMED"}), 400, "invalid_request")
    refused(me.send("patch", url, {"contact": {"email": "a@example.com"}, "price": 1}), 400, "invalid_request")
    assert Booking.objects.get().contact_email == "grace@example.com"


def test_seats_are_sold_from_the_map(me: Caller) -> None:
    for item in search(me)["offers"]:
        maps = me.get(f"/api/flights/offers/{item['id']}/seat-maps").json()["seatMaps"]
        free = [service for one in maps for cabin in one["cabins"] for row in cabin["rows"] for section in row
                for seat in section for service in seat["services"] if service["price"]["minor"]]
        if len(free) > 1:
            break
    else:
        pytest.fail("the sandbox sells no seats")
    made = me.post("/api/checkout", {"offerId": item["id"]}).json()["draft"]
    url = f"/api/checkout/{made['id']}/customize"
    told = me.put(url, {"services": [{"serviceId": free[0]["serviceId"], "quantity": 1}]}).json()["draft"]
    assert told["price"]["total"]["minor"] == made["price"]["total"]["minor"] + free[0]["price"]["minor"]
    assert told["hasSeats"] is True
    refused(me.put(url, {"services": [{"serviceId": one["serviceId"], "quantity": 1} for one in free[:2]]}), 422,
            "validation_failed")
    refused(me.put(url, {"services": [{"serviceId": "ase_unknown", "quantity": 1}]}), 409, "services_unavailable")
    assert me.put(url, {"services": []}).json()["draft"]["price"]["total"] == made["price"]["total"]


@pytest.mark.parametrize("born", [DAY - timedelta(days=100), DAY - timedelta(days=500)])
def test_a_baby_of_any_age_flies_on_a_lap(me: Caller, born: date) -> None:
    chosen = holdable(search(me, infants=1))
    people = [person(), person(givenName="Bea", bornOn=born.isoformat())]
    body = {"offerId": chosen["id"], "passengers": people, "contact": CONTACT, "acknowledgements": TICKS,
            "isHold": True, "acceptedTotal": {name: chosen["total"][name] for name in ("amount", "currency")}}
    with Worker():
        answer = me.post("/api/bookings", body)
    assert (answer.status_code, answer.json()["booking"]["status"]) == (201, "HOLD")
