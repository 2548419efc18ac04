"""Every outcome has words, and the money sentence is what the rows say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bookings import decide, messages
from bookings.models import Booking
from bookings.status import MoneyWord, Status
from payments.gateways.stripe import codes
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
    wanted = codes_of_suppliers() | codes_of_decide() | set(codes.KINDS.values()) | {"card_declined", "creation_failed",
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
    assert said.text == "Your bank says the balance is too low for USD 599.99. You have not been charged."


# Stripe's published decline codes (docs.stripe.com/declines/codes); all of them, by name
STRIPE_DECLINES = """
    approve_with_id authentication_not_handled authentication_required call_issuer card_not_supported
    card_velocity_exceeded currency_not_supported do_not_honor do_not_try_again duplicate_transaction expired_card
    fraudulent generic_decline highest_risk_level incorrect_address incorrect_cvc incorrect_number incorrect_pin
    incorrect_zip insufficient_funds invalid_account invalid_amount invalid_cvc invalid_expiry_month
    invalid_expiry_year invalid_number invalid_pin issuer_not_available lost_card merchant_blacklist
    mobile_device_authentication_required new_account_information_available no_action_taken not_permitted
    offline_pin_required online_or_offline_pin_required pickup_card pin_try_exceeded processing_error
    reenter_transaction restricted_card revocation_of_all_authorizations revocation_of_authorization
    security_violation service_not_allowed stolen_card stop_payment_order testmode_decline transaction_not_allowed
    try_again_later withdrawal_count_limit_exceeded""".split()
# Duffel's codes (duffel.md 6), whatever we know of them
DUFFEL_CODES = """
    offer_no_longer_available offer_expired price_changed offer_request_already_booked order_creation_already_attempted
    duplicate_booking order_not_created internal_server_error airline_unknown airline_internal insufficient_balance
    payment_amount_does_not_match_order_amount payment_currency_does_not_match_order_currency
    ancillary_service_not_available validation_required validation_format validation_length validation_inclusion
    validation_type validation_unique invalid_phone_number invalid_email_address invalid_passenger_name
    invalid_passenger_title duplicate_passenger_name invalid_loyalty_card order_passengers_incompatible_with_offer
    invalid_order_create_type schedule_changed past_payment_required_by_date already_paid already_cancelled
    order_type_not_eligible_for_payment order_cancellation_stale order_not_cancellable order_not_changeable
    stale_airline_initiated_change_accept rate_limit_exceeded missing_version_header invalid_version_header
    unsupported_version access_token_not_found expired_access_token insufficient_permissions not_found""".split()


def official_error_codes() -> list[str]:
    """The enum of `last_payment_error.code` in Stripe's own description of its API."""
    described = json.loads(Path("sandbox/data/stripe/openapi-subset.json").read_text())
    enum = described["components"]["schemas"]["PaymentIntent.LastPaymentError"]["properties"]["code"]["enum"]
    return [code for code in enum if code]


def test_every_code_of_stripe_has_a_place_of_its_own_and_words() -> None:
    official = [*STRIPE_DECLINES, *official_error_codes()]
    assert len(official) > 240
    assert [code for code in official if code not in codes.KINDS] == []
    assert set(codes.KINDS.values()) <= set(messages.CATALOGUE)


def test_the_bank_is_never_quoted_on_lost_stolen_or_suspected_cards() -> None:
    for code in ("lost_card", "stolen_card", "fraudulent", "merchant_blacklist", "pickup_card", "highest_risk_level",
                 "security_violation", "a_code_of_next_year"):
        assert codes.kind(code, "card_declined") == "card_declined", code
    assert codes.kind("", "") == ""
    assert codes.kind("", "an_error_of_next_year") == "payment_refused", "not the bank's word"


@pytest.mark.parametrize("code", DUFFEL_CODES)
def test_every_code_of_duffel_has_words_on_every_call(code: str) -> None:
    for call in errors.CALLS:
        for status in (400, 422, 500):
            told = errors.from_answer(call, status, {"errors": [{"type": "t", "code": code, "source": {}}]})
            assert told.code in messages.CATALOGUE, (code, call.name, told.code)


@pytest.mark.parametrize("status", [202, 400, 401, 403, 404, 406, 422, 429, 500, 502, 503, 504])
def test_every_status_without_a_code_has_words_too(status: int) -> None:
    for call in errors.CALLS:
        assert errors.from_answer(call, status, None).code in messages.CATALOGUE, (status, call.name)


def test_from_the_payment_step_on_each_message_ends_with_the_money() -> None:
    without = {code for code, (text, _, _) in messages.CATALOGUE.items() if "{money}" not in text}
    assert without == {"offer_taken", "already_booked", "throttled"}  # said where there is no payment yet
