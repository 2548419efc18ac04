"""Every outcome has words, and the money sentence is what the rows say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bookings import decide, messages
from bookings.models import Booking
from bookings.status import MoneyWord, Status
from payments.gateways.stripe.mapping import DECLINES
from payments.models import Payment, Refund
from suppliers import port
from suppliers.duffel import errors


def codes_of_suppliers() -> set[str]:
    """Our codes in Duffel's tables, and those the port promises for every adapter."""
    promised = re.search(r"Codes used by every adapter: (.+?)\.", port.__doc__ or "", re.DOTALL)
    assert promised
    words = set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", re.sub(r"\(.*?\)", "", promised.group(1), flags=re.DOTALL)))
    return words | {code for _, code in errors.CODES.values()} | {call.gone for call in errors.CALLS}


def codes_of_decide() -> set[str]:
    """Reasons that `decide` itself gives for closing or keeping a booking."""
    source = Path(decide.__file__).read_text()
    found: set[str] = set()
    for line in source.splitlines():
        if "Step.CLOSE" in line or "KEEP_BOOKED" in line:
            found |= set(re.findall(r'"([a-z_]+)"', line))
    return found


def test_no_code_is_without_words() -> None:
    wanted = codes_of_suppliers() | codes_of_decide() | set(DECLINES.values()) | {"card_declined", "creation_failed",
                                                                                    "airline_no_answer"}
    assert len(wanted) > 30
    not_for_customers = {"bad_signature", "held"}  # a webhook's, and why `decide` waits
    assert wanted - not_for_customers - set(messages.CATALOGUE) == set()


def test_every_message_can_be_said_without_knowing_anything() -> None:
    for code in messages.CATALOGUE:
        said = messages.say(code)
        assert said.text
        assert "{" not in said.text + said.action
        assert said.action


def test_an_unknown_code_is_told_as_ours() -> None:
    assert "code brand_new" in messages.say("brand_new").text


@pytest.mark.parametrize(("word", "sentence"), [
    (MoneyWord.NONE, "You have not been charged."),
    (MoneyWord.RESERVED, "The amount is reserved on your card, not charged."),
    (MoneyWord.CHARGED, "Your payment of USD 599.99 is safe."),
    (MoneyWord.REFUNDING, "USD 500.00 is on its way back to Visa ending 4242."),
    (MoneyWord.REFUNDED, "USD 500.00 has been sent back to Visa ending 4242."),
])
def test_the_money_sentence(word: MoneyWord, sentence: str) -> None:
    booking = Booking(money=word, accepted_minor=59999, currency="USD")
    payment = Payment(captured_minor=59999, currency="USD", card_brand="visa", card_last4="4242")
    refund = Refund(amount_minor=50000, currency="USD", payment=payment)
    assert messages.money_sentence(booking, payment, refund) == sentence


def test_a_closed_booking_says_why_and_what_became_of_the_money() -> None:
    booking = Booking(reference="FLY2A-7KQ2MX", status=Status.FAILED, progress="closed", closing="passenger_rejected",
                      closing_detail={"field": "given_name", "position": "1", "reason": "it is too long"},
                      currency="USD", accepted_minor=1)
    said = messages.message_for(booking)
    assert said is not None
    assert said.text == ("The airline did not accept the given names for traveller 2: it is too long. "
                         "You have not been charged.")


def test_never_failed_while_the_outcome_is_unknown() -> None:
    booking = Booking(status=Status.PENDING, progress="checking", currency="USD", accepted_minor=1)
    said = messages.message_for(booking)
    assert said is not None
    assert "not answered yet" in said.text
    assert "Please don't book again" in said.text


def test_a_declined_card_is_told_in_the_banks_word() -> None:
    booking = Booking(status=Status.PENDING_PAYMENT, progress="card", currency="USD", accepted_minor=59999)
    payment = Payment(declines=1, decline_kind="insufficient_funds")
    said = messages.message_for(booking, payment)
    assert said is not None
    assert said.text == "Your bank says the balance is too low for USD 599.99."
