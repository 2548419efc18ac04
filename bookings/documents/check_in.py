"""Where passengers of an airline check in: its own website, for the airlines we know it of."""

from __future__ import annotations

# IATA code -> the airline's own site, which leads to its check-in. Never a deep link: those move.
_SITES = {
    "AA": "aa.com", "AC": "aircanada.com", "AF": "airfrance.com", "AI": "airindia.com", "AM": "aeromexico.com",
    "AS": "alaskaair.com", "AV": "avianca.com", "AY": "finnair.com", "AZ": "ita-airways.com", "B6": "jetblue.com",
    "BA": "britishairways.com", "CM": "copaair.com", "CX": "cathaypacific.com", "DL": "delta.com",
    "EI": "aerlingus.com", "EK": "emirates.com", "ET": "ethiopianairlines.com", "EW": "eurowings.com",
    "EY": "etihad.com", "F9": "flyfrontier.com", "FR": "ryanair.com", "HA": "hawaiianairlines.com", "IB": "iberia.com",
    "JL": "jal.com", "KE": "koreanair.com", "KL": "klm.com", "LA": "latamairlines.com", "LH": "lufthansa.com",
    "LO": "lot.com", "LX": "swiss.com", "NH": "ana.co.jp", "NK": "spirit.com", "NZ": "airnewzealand.com",
    "OS": "austrian.com", "QF": "qantas.com", "QR": "qatarairways.com", "SA": "flysaa.com", "SK": "flysas.com",
    "SN": "brusselsairlines.com", "SQ": "singaporeair.com", "TG": "thaiairways.com", "TK": "turkishairlines.com",
    "TP": "flytap.com", "U2": "easyjet.com", "UA": "united.com", "UX": "aireuropa.com", "VS": "virginatlantic.com",
    "VY": "vueling.com", "W6": "wizzair.com", "WN": "southwest.com", "WS": "westjet.com",
}


def site_of(carrier: str) -> str:
    """The website of an airline by its IATA code, such as "aa.com"; "" when we do not know it."""
    return _SITES.get(carrier, "")


def link_to(carrier: str) -> str:
    """The same as an address; "" when we do not know it."""
    return f"https://www.{site_of(carrier)}" if site_of(carrier) else ""
