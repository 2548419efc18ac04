"""The comparison of the three books is silent when they agree and names each way in which they can differ."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from tests.console import rows
from tests.ledgers import differences, export

Row = dict[str, Any]
REF = "FLY2A-7KQ2MX"


def ledger(*events: tuple[str, Row]) -> list[Row]:
    return [{"seq": n, "at": "2026-11-20T12:00:00Z", "event": event, **fields,
             "vendor": "duffel" if event.startswith("order.") else "stripe"}
            for n, (event, fields) in enumerate(events, 1)]


def created(order: str = "ord_1", offer: str = "off_1", amount: str = "500.00", **more: Any) -> tuple[str, Row]:
    return "order.created", {"order_id": order, "offer_id": offer, "type": "hold", "amount": amount, "currency": "USD",
                             "metadata": {"reference": REF}, **more}


def paid(order: str = "ord_1", amount: str = "500.00") -> tuple[str, Row]:
    return "order.paid", {"order_id": order, "amount": amount, "currency": "USD", "by": "pay_1"}


def intent(event: str, amount: int = 50_000, ident: str = "pi_1") -> tuple[str, Row]:
    return f"payment_intent.{event}", {"payment_intent": ident, "amount": amount, "currency": "usd"}


def back(event: str, amount: int, refund: str = "re_1") -> tuple[str, Row]:
    return f"refund.{event}", {"refund": refund, "payment_intent": "pi_1", "amount": amount, "currency": "usd"}


def line(status: str = "CONFIRMED", order: str = "ticketed", payment: str = "captured", captured: int = 50_000,
         refunded: int = 0, agreed: int = 50_000) -> Row:
    return {"reference": REF, "status": status, "case": None, "supplier": "duffel", "agreed_amount_minor": agreed,
            "retained_minor": captured - refunded, "orders": [{"id": "ord_1", "state": order}],
            "payments": [{"id": "pi_1", "state": payment, "captured_minor": captured, "refunded_minor": refunded}]}


def confirmed() -> list[tuple[str, Row]]:
    return [created(), intent("created"), intent("authorised"), paid(), intent("captured")]


def without_outside(status: str = "FAILED") -> Row:
    return {**line(status, captured=0), "orders": [{"id": "", "state": "not_created"}], "payments": []}


def test_books_that_agree_have_no_differences() -> None:
    assert differences([line()], ledger(*confirmed())) == []
    fee = {"order_id": "ord_1", "refund_amount": "300.00", "refund_to": "balance", "currency": "USD"}
    gone = [*confirmed(), ("order.cancelled", fee), back("created", 30_000)]
    assert differences([line("CANCELLED", "cancelled", refunded=30_000)], ledger(*gone)) == []
    assert differences([line("PENDING_PAYMENT", "held", "open", captured=0)],
                       ledger(created(), intent("created"))) == []
    assert differences([without_outside()], []) == []
    retried = [*confirmed(), back("created", 50_000, "re_0"), back("failed", 50_000, "re_0")]
    assert differences([line()], ledger(*retried)) == []


def change(target: Row, **fields: Any) -> Row:
    return {**deepcopy(target), **fields}


@pytest.mark.parametrize(("lines", "events", "said"), [
    ([], confirmed(), ["ord_1 exists outside (ticketed, USD 500.00) and nobody here knows it",
                       "pi_1 exists outside (captured, USD 500.00) and nobody here knows it"]),
    ([line()], [], ["our order ord_1 is ticketed, the airline has none",
                    "our payment pi_1 is captured, Stripe has none",
                    "we say 50000 are kept, Stripe keeps 0",
                    "confirmed, and the airline shows nothing live"]),
    ([line()], [*confirmed()[:-1], intent("captured", 49_999)],
     ["payment pi_1: 50000 captured here, 49999 at Stripe", "we say 50000 are kept, Stripe keeps 49999",
      "49999 captured for an order of 50000"]),
    ([line(captured=49_999)], [*confirmed()[:-1], intent("captured", 49_999)],
     ["49999 captured for an order of 50000"]),
    ([line()], [*confirmed(), back("created", 1)],
     ["payment pi_1: 0 refunded here, 1 at Stripe", "we say 50000 are kept, Stripe keeps 49999"]),
    ([line()], [*confirmed(), intent("captured", 0)], ["pi_1 was captured 2 times"]),
    ([line()], [*confirmed(), paid()], ["ord_1 was paid 2 times"]),
    ([line()], [intent("created"), intent("authorised"), intent("captured"), created(), paid()],
     ["payment pi_1 was captured before any order existed"]),
    ([line(agreed=40_000)], confirmed(), ["50000 captured, 40000 agreed"]),
    ([line()], [created(metadata={"reference": "FLY2A-OTHERS"}), *confirmed()[1:]],
     ["ord_1 was made for FLY2A-OTHERS"]),
    ([line("FAILED", "ticketed")], confirmed(), ["FAILED, and order ord_1 is ticketed", "FAILED, and 50000 are kept"]),
    ([line("EXPIRED", "lapsed", "open", captured=0)], [created(), ("order.lapsed", {"order_id": "ord_1"}),
                                                       intent("created")],
     ["EXPIRED, and a card is still open or reserved"]),
    ([line("CANCELLED", "cancelled", refunded=50_000)], [*confirmed(), back("created", 50_000)],
     ["order ord_1 is cancelled here and ticketed at the airline", "CANCELLED, and order ord_1 is ticketed"]),
    ([line("PENDING_PAYMENT", "held", "authorised", captured=0)], [created(), intent("created")],
     ["payment pi_1 is authorised here and open at Stripe"]),
    ([line()], [created(), intent("created"), intent("authorised"), paid(amount="499.00"), intent("captured")],
     ["order ord_1 costs USD 500.00, USD 499.00 were paid"]),
    ([line()], [created(currency="EUR"), *confirmed()[1:]],
     ["more than one currency", "order ord_1 costs EUR 500.00, USD 500.00 were paid"]),
])
def test_each_difference_is_named(lines: list[Row], events: list[tuple[str, Row]], said: list[str]) -> None:
    found = differences(lines, ledger(*events))
    assert [sentence.removeprefix(f"{REF}: ") for sentence in found] == said


def test_two_orders_of_one_booking_and_one_offer() -> None:
    books = change(line(), orders=[{"id": "ord_1", "state": "ticketed"}, {"id": "ord_2", "state": "held"}])
    found = differences([books], ledger(created(), created("ord_2"), *confirmed()[1:]))
    assert found == ["off_1 was booked 2 times: ord_1, ord_2", f"{REF}: 2 live orders: ord_1, ord_2",
                     f"{REF}: confirmed, and the airline shows ['ticketed', 'held']"]


def test_one_payment_in_two_of_our_rows() -> None:
    twin = change(without_outside(), reference="FLY2A-TWIN22", payments=line()["payments"], retained_minor=50_000)
    found = differences([line(), twin], ledger(*confirmed()))
    assert "pi_1 stands in 2 of our rows: FLY2A-7KQ2MX, FLY2A-TWIN22" in found


def reserved(*events: tuple[str, Row], amount: str = "500.00") -> list[Row]:
    """Amadeus' ledger and Stripe's: a reservation, then what happened."""
    known = {"id": "eJz%2fA%3D%3D", "pnr": "X7K2PQ"}
    made = ("order.created", {**known, "remarks": [f"FLY2ANY {REF}"], "amount": amount, "currency": "USD"})
    told = ledger(made, *((event, {**known, **fields} if event.startswith("order.") else fields)
                          for event, fields in events))
    return [{**row, "vendor": "amadeus"} if row["event"].startswith("order.") else row for row in told]


TICKETED = ("order.ticketed", {"complete": True})


def ours(order: str = "locator:X7K2PQ", payment: str = "pi_1", **more: Any) -> Row:
    """Our line for it: known by its id or by its locator, paid by card or elsewhere."""
    found = line(**more)
    return change(found, orders=[{**found["orders"][0], "id": order}],
                  payments=[{**found["payments"][0], "id": payment}])


def test_reservations_that_staff_ticket_are_compared_too() -> None:
    card = [intent("created"), intent("authorised"), TICKETED, intent("captured")]
    for order in ("locator:X7K2PQ", "eJz/A==", "eJz%2FA%3D%3D"):
        assert differences([ours(order)], reserved(*card)) == []
    assert differences([ours(payment="desk:K 77")], reserved(TICKETED)) == []
    early = [intent("created"), intent("captured"), TICKETED]
    assert differences([ours()], reserved(*early)) == [
        f"{REF}: payment pi_1 was captured before any ticket was issued"]
    assert differences([ours(payment="desk:K 77")], reserved(("order.ticketed", {"complete": False}))) == [
        f"{REF}: order eJz/A== is ticketed here and held at the airline",
        f"{REF}: confirmed, and the airline shows ['held']"]
    assert differences([ours(payment="desk:K 77")], reserved(TICKETED, amount="499.99")) == [
        f"{REF}: 50000 captured for an order of 49999"]
    twice = [*reserved(TICKETED), {**reserved()[0], "seq": 9, "id": "eJzB", "pnr": "OTHER2"}]
    assert differences([ours(payment="desk:K 77")], twice) == [
        "eJzB exists outside (held, USD 500.00) and nobody here knows it",
        f"{REF} at Amadeus was booked 2 times: eJz/A==, eJzB"]


@pytest.mark.django_db
def test_what_the_command_prints_is_what_is_compared() -> None:
    b = rows.confirmed(fee_minor=1_500)
    b.orders.update(total_minor=48_500)
    order, payment = b.orders.get().external_id, b.payments.get().external_id
    events = [created(order, amount="485.00", metadata={"reference": b.reference}), intent("created", ident=payment),
              intent("authorised", ident=payment), paid(order, "485.00"), intent("captured", ident=payment)]
    assert differences(export(), ledger(*events)) == []
    events[-1] = intent("captured", 49_999, payment)
    assert len(differences(export(), ledger(*events))) == 3
