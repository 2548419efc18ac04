"""Texts that the law wants shown, as data with the day they were last checked (dot-rules.md)."""

from __future__ import annotations

from typing import Any

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
