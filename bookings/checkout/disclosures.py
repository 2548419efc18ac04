"""Texts that the law wants shown, as data with the day they were last checked (dot-rules.md)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bookings import letter, policy
from bookings.models import Booking
from bookings.policy import Kind
from bookings.selectors import offers
from fly2any.kernel.money import Money
from suppliers import places

TEXTS_VERSION = "2026-11-21"  # stored with each acknowledgement

# 49 CFR 1560.103(b). Written from memory of the rule: compare with the eCFR before launch (dot-rules.md 2.10).
WATCH_LIST_NOTICE = (
    "The Transportation Security Administration of the U.S. Department of Homeland Security requires us to collect "
    "information from you for purposes of watch list screening, under the authority of 49 U.S.C. section 114, and the "
    "Intelligence Reform and Terrorism Prevention Act of 2004. Providing this information is voluntary; however, if "
    "it is not provided, you may be subject to additional screening or denied transport or authorization to enter a "
    "sterile area. TSA may share information you provide with law enforcement or intelligence agencies or others "
    "under its published system of records notice. For more on TSA Privacy policies, or to view the system of records "
    "notice and the privacy impact assessment, please see TSA's Web site at www.tsa.gov.")
STATEMENT_NAME = "FLY2ANY"  # how we stand on the card statement
REFUNDS = (
    "If the airline cancels or significantly changes a flight to, from or within the United States and you do not "
    "accept the change, we send your money back to the card you paid with, within 7 business days.")
UNITED_STATES = frozenset({"US", "PR", "VI", "GU", "AS", "MP"})

# 49 U.S.C. 42303(b): DOT's list (transportation.gov, "Aircraft Disinsection Requirements"); compare before launch.
INSECTICIDE_CHECKED_ON = ""  # never yet compared with DOT's own list: do that before launch, and write the date here
INSECTICIDE_COUNTRIES = frozenset({"AU", "BB", "CK", "CU", "EC", "FJ", "GD", "IN", "JM", "KI", "MG", "NZ", "PA", "SC",
                                   "TT", "UY"})
INSECTICIDE_NOTICE = (
    "Your destination may require the airline to treat the cabin with insecticide before the flight, or while you are "
    "on board. The countries are listed by the US Department of Transportation: search for “Aircraft Disinsection "
    "Requirements” on transportation.gov.")


def countries(view: dict[str, Any]) -> set[str]:
    """The countries (ISO codes) a trip touches, from the airports of its flights."""
    codes = {segment[end]["code"] for piece in view["slices"] for segment in piece["segments"]
             for end in ("origin", "destination")}
    return {place.country for place in map(places.airport, codes) if place}


def watch_list(view: dict[str, Any]) -> str:
    """TSA's privacy notice when a flight goes to, from or within the United States."""
    return WATCH_LIST_NOTICE if countries(view) & UNITED_STATES else ""


def others(view: dict[str, Any]) -> list[str]:
    """Notices that apply to this trip only."""
    return [INSECTICIDE_NOTICE] if countries(view) & INSECTICIDE_COUNTRIES else []


def terms(booking: Booking) -> str:
    """Change and refund of the fare in one sentence (ux.md 7)."""
    raw = offers.raw_of(booking.offer)
    return f"{_change(raw['change'])}; {_refund(raw['refund'])}."


def _change(condition: dict[str, Any] | None) -> str:
    if not condition or condition.get("allowed") is None:
        return "The airline does not state whether this fare can be changed"
    if not condition["allowed"]:
        return "This fare cannot be changed"
    return f"You can change this fare {_for(condition)}, plus any difference in fare"


def _refund(condition: dict[str, Any] | None) -> str:
    if not condition or condition.get("allowed") is None:
        return "it does not state whether you get money back when you cancel"
    if not condition["allowed"]:
        return "it is not refundable"
    return f"you can cancel it {_for(condition)} and get the rest back"


def _for(condition: dict[str, Any]) -> str:
    """What it costs, in words."""
    fee = condition.get("fee")
    if fee is None:
        return "for a fee that the airline sets"
    return f"for {Money(fee['minor'], fee['currency'])}" if fee["minor"] else "free of charge"


def free_cancellation(booking: Booking, now: datetime, *, by_team: bool = False) -> str:
    """Until when cancelling would be free if one booked now, as `policy` sees it, on the clock of the first airport.

    `by_team`: our team issues the tickets, and a reservation without tickets costs nothing to give back.
    """
    text = _once_ticketed(booking, now)
    first = "Until our team has issued the tickets, you cancel free of charge. Once they are issued: "
    return f"{first if by_team else ''}{text}"


def _once_ticketed(booking: Booking, now: datetime) -> str:
    if booking.departs_at is None:
        return ""
    raw = offers.raw_of(booking.offer)
    refund = raw["refund"] or {}
    fee = refund.get("fee")
    found = policy.promise(booked_at=now, departs_at=booking.departs_at, allowed=refund.get("allowed"),
                           fee_minor=fee["minor"] if fee else None)
    start = raw["slices"][0]["origin"]
    known = places.airport(start["code"])
    ends = letter.deadline(found.until, start["time_zone"] or (known.time_zone if known else ""),
                           start["city"] or start["name"] or start["code"])
    ours = f" Our fee of {Money(booking.fee_minor, booking.currency)} is kept." if booking.fee_minor else ""
    costs = f"the airline's fee is {Money(fee['minor'], fee['currency'])}" if fee else "the airline sets the fee"
    return {
        Kind.ALWAYS_FREE: f"Free cancellation until {ends}.{ours}",
        Kind.OUR_DAY: f"If you book now and cancel before {ends}, we take no fee of ours, and you get everything back "
                      "if the airline still takes the booking back in full. You see the exact amount first.",
        Kind.FEE: f"This fare cannot be cancelled free of charge; {costs}.",
        Kind.NOTHING_BACK: "This fare cannot be cancelled free of charge; the airline gives nothing back.",
        Kind.NOT_STATED: "The airline does not state what a cancellation costs. You see the exact amount first.",
    }[found.kind]
