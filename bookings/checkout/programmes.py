"""Frequent flyer programmes by the airline's IATA code: what members call them. An unknown one goes by its airline."""

from __future__ import annotations

from typing import Any

NAMES = {
    "A3": "Aegean Miles+Bonus", "AA": "American Airlines AAdvantage", "AC": "Air Canada Aeroplan",
    "AF": "Air France Flying Blue", "AI": "Air India Maharaja Club", "AM": "Aeromexico Rewards",
    "AR": "Aerolíneas Argentinas Aerolíneas Plus", "AS": "Alaska Airlines Atmos Rewards",
    "AT": "Royal Air Maroc Safar Flyer", "AV": "Avianca LifeMiles", "AY": "Finnair Plus", "AZ": "ITA Airways Volare",
    "B6": "JetBlue TrueBlue", "BA": "British Airways Club", "BR": "EVA Air Infinity MileageLands",
    "CA": "Air China PhoenixMiles", "CI": "China Airlines Dynasty Flyer", "CM": "Copa ConnectMiles", "CX": "Cathay",
    "CZ": "China Southern Sky Pearl Club", "DL": "Delta SkyMiles", "EI": "Aer Lingus AerClub",
    "EK": "Emirates Skywards", "ET": "Ethiopian ShebaMiles", "EW": "Eurowings Miles & More", "EY": "Etihad Guest",
    "F9": "Frontier Miles", "FI": "Icelandair Saga Club", "GA": "GarudaMiles",
    "HA": "Hawaiian Airlines Atmos Rewards", "IB": "Iberia Club", "JL": "Japan Airlines Mileage Bank",
    "KE": "Korean Air SKYPASS", "KL": "KLM Flying Blue", "KQ": "Kenya Airways Asante Rewards", "LA": "LATAM Pass",
    "LH": "Lufthansa Miles & More", "LO": "LOT Miles & More", "LX": "SWISS Miles & More", "LY": "EL AL Matmid",
    "MH": "Malaysia Airlines Enrich", "MS": "EgyptAir Plus", "MU": "China Eastern Eastern Miles",
    "NH": "All Nippon Airways Mileage Club", "NK": "Spirit Free Spirit", "NZ": "Air New Zealand Koru",
    "OS": "Austrian Miles & More", "OZ": "Asiana Club", "PR": "Philippine Airlines Mabuhay Miles",
    "QF": "Qantas Frequent Flyer", "QR": "Qatar Airways Privilege Club", "RJ": "Royal Jordanian Royal Club",
    "RO": "TAROM Flying Blue", "SA": "South African Airways Voyager", "SK": "SAS EuroBonus",
    "SN": "Brussels Miles & More", "SQ": "Singapore Airlines KrisFlyer", "SV": "Saudia Alfursan",
    "TG": "Thai Royal Orchid Plus", "TK": "Turkish Airlines Miles&Smiles", "TP": "TAP Miles&Go",
    "UA": "United MileagePlus", "UX": "Air Europa SUMA", "VA": "Virgin Australia Velocity",
    "VN": "Vietnam Airlines Lotusmiles", "VS": "Virgin Atlantic Flying Club", "VY": "Vueling Club",
    "WN": "Southwest Rapid Rewards", "WS": "WestJet Rewards",
}


def choices(view: dict[str, Any]) -> list[tuple[str, str]]:
    """The programmes that an offer or draft takes, with the names people know them by."""
    airlines = {flight["carrierCode"]: flight["carrierName"] for piece in view["slices"]
                for flight in piece["segments"]}
    airlines[view.get("ownerCode", "")] = view.get("ownerName", "")
    return [(code, NAMES.get(code) or f"{airlines.get(code) or code} frequent flyer programme")
            for code in view["loyaltyCarriers"]]
