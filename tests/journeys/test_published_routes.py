"""Duffel's published test routes, each once through the site: the page and the words that its behaviour means."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.duffel.published import ROUTES
from tests.journeys.plain import Plain
from tests.ledgers import differences, sandbox_rows
from tests.stack import Stack

Journey = Callable[[Plain, list[str]], None]


@pytest.fixture
def plain(stack: Stack) -> Plain:
    stack.rows("DELETE FROM bookings_attempt")
    return Plain(stack)


def pay_now(plain: Plain, cards: list[str], *, holdable: bool | None = None) -> None:
    plain.choose(cards, holdable=holdable)
    plain.to_review("Ada" + "abcdefghijklmnopqrstuvwxyz"[list(ROUTES).index(plain.route)])
    plain.press()
    plain.pay()


def nothing_kept(plain: Plain) -> None:
    """Nothing is charged or reserved any more, and similar flights are a press away."""
    assert "You have not been charged." in plain.text
    assert "Similar flights" in plain.text
    (line,) = [line for line in plain.stack.ledger_export() if line["reference"] == plain.reference]
    assert (line["status"], line["retained_minor"]) == ("FAILED", 0)


def no_offers(plain: Plain, cards: list[str]) -> None:
    assert cards == []
    assert "No flights" in plain.text


def all_hold(plain: Plain, cards: list[str]) -> None:
    assert cards
    assert all("Hold now, pay later" in card for card in cards)
    plain.choose(cards)
    plain.to_review("Holdfast")
    plain.press("hold")
    plain.ended("Your seats are held")


def connecting(plain: Plain, cards: list[str]) -> None:
    assert all("1 stop" in card for card in cards)
    pay_now(plain, cards)
    plain.ended("Your trip is confirmed")
    assert "Change in" in plain.text


def no_baggage(plain: Plain, cards: list[str]) -> None:
    assert all("Bags: not stated by the airline" in card for card in cards)
    plain.choose(cards)
    assert "Carry-on bags Not stated by the airline Checked bags Not stated by the airline" in plain.text


def timeout(plain: Plain, cards: list[str]) -> None:
    assert cards == []
    assert "We can't reach the airlines now" in plain.text
    assert "You have not been charged." in plain.text


def stop(plain: Plain, cards: list[str]) -> None:
    assert all("1 stop" in card for card in cards)
    pay_now(plain, cards)
    plain.ended("Your trip is confirmed")


def no_services(plain: Plain, cards: list[str]) -> None:
    plain.choose(cards)
    assert plain.heading == "Choose your fare and extras"
    assert "No bag can be added here." in plain.text
    plain.to_review("Nobag")


def gone_on_get(plain: Plain, cards: list[str]) -> None:
    plain.choose(cards)
    assert plain.heading.startswith("This fare is no longer available.")
    assert "You have not been charged." in plain.text
    again = plain.link("Check price again")
    assert again.startswith("/flights?")
    assert "origin=LGW" in again, "the same search, asked afresh"


def price_changes(plain: Plain, cards: list[str]) -> None:
    seen = plain.shown(cards[0])
    plain.choose(cards)
    assert plain.total != seen
    assert f"The airline raised the fare from {seen} to {plain.total} since you saw it." in plain.text
    plain.to_review("Dearer")


@pytest.mark.slow
def test_a_price_that_never_settles_is_given_up(plain: Plain) -> None:
    """The same route to its end: the airline refuses its own price, again and again (20 s)."""
    plain.choose(plain.search("LHR", "STN"))
    plain.to_review("Dearest")
    plain.press("hold")
    plain.ended("Not booked")
    nothing_kept(plain)
    assert "The airline changed the price" in plain.text
    assert f"from {plain.accepted} to {plain.accepted}" not in plain.text


def creation_fails(plain: Plain, cards: list[str]) -> None:
    plain.choose(cards)
    plain.to_review("Refused")
    plain.press()
    plain.ended("Not booked")
    assert "The airline did not accept this booking." in plain.text
    nothing_kept(plain)


def insufficient_balance(plain: Plain, cards: list[str]) -> None:
    pay_now(plain, cards)
    plain.ended("Not booked")
    assert "We cannot issue tickets with this airline right now." in plain.text
    nothing_kept(plain)


def answers_200(plain: Plain, cards: list[str]) -> None:
    pay_now(plain, cards)
    plain.ended("Your trip is confirmed")


def answers_202(plain: Plain, cards: list[str]) -> None:
    checking(plain, cards, "hold")
    plain.ended("Your seats are held")


@pytest.mark.slow
def test_a_payment_that_the_airline_answers_late_ends_well(plain: Plain) -> None:
    """The same route paid at once: its payment, too, is answered 202, and the site's own looks find it (30 s)."""
    checking(plain, plain.search("SEN", "STN"))
    plain.pay()
    plain.until(lambda: "The amount is reserved on your card, not charged." in plain.text)
    plain.stack.sandbox.http.post("/_clock", json={"advance_seconds": 70})
    plain.ended("Your trip is confirmed")


def answers_202_then_fails(plain: Plain, cards: list[str]) -> None:
    checking(plain, cards)
    plain.ended("Not booked")
    nothing_kept(plain)


def checking(plain: Plain, cards: list[str], wish: str = "") -> None:
    """The airline has taken the request and not yet answered; a minute later it does."""
    plain.choose(cards)
    plain.to_review("Patience" + plain.route[0].lower() + "xy"[bool(wish)])
    plain.press(wish)
    plain.until(lambda: plain.heading == "We are checking with the airline")
    assert plain.path.endswith("/progress")
    assert "You have not been charged." in plain.text
    plain.stack.sandbox.http.post("/_clock", json={"advance_seconds": 70})


def airline_change(plain: Plain, cards: list[str]) -> None:
    """Before the ticket: nothing is booked. After it (with a paid bag it is issued at once): the customer decides."""
    pay_now(plain, cards)
    plain.ended("Not booked")
    assert "The airline changed the times or flights of this trip." in plain.text
    nothing_kept(plain)
    plain.choose(plain.search("LHR", "LTN"))
    plain.to_review("Moved", bags="1")
    plain.press()
    plain.pay()
    plain.until(lambda: "The airline changed your flights" in plain.text)
    assert plain.heading == "Your trip is confirmed"


def airline_credits(plain: Plain, cards: list[str]) -> None:
    pay_now(plain, [card for card in cards if "Refund: Not allowed" not in card] or cards)
    plain.ended("Your trip is confirmed")
    plain.get(f"/trips/{plain.reference}/cancel")
    plain.post(plain.path)
    plain.until(lambda: "credit" in plain.text, path=f"/trips/{plain.reference}/cancel")
    assert "As a credit with the airline" in plain.text


STORIES: dict[str, Journey] = {name: globals()[name] for name in ROUTES.values()}


@pytest.mark.parametrize("route", ROUTES)
def test_it_ends_where_its_behaviour_leads(plain: Plain, route: str) -> None:
    cards = plain.search(*route.split("-"))
    STORIES[ROUTES[route]](plain, cards)


def test_afterwards_all_books_agree(stack: Stack) -> None:
    stack.settled()
    assert differences(stack.ledger_export(), sandbox_rows(stack.sandbox.url)) == []
