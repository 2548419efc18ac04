"""Which airlines plausibly fly where: home countries, hubs, manners. Rough on purpose; names and ids are Duffel's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Carrier:
    """One airline. ``homes`` are ISO countries it flies from freely, ``hubs`` airports it connects at."""

    code: str
    homes: tuple[str, ...]
    hubs: tuple[str, ...]
    kind: str  # "us", "legacy", "gulf", "low"
    factor: float
    holds: bool
    seat_maps: bool = True
    ticket_stock: str | None = None  # three-digit accounting code; None: ticketless

    @property
    def low_cost(self) -> bool:
        """Whether it sells point to point and without frills."""
        return self.kind == "low"


REGIONS = {
    "north america": "US CA MX PR VI BM BS",
    "central america": "PA CR GT SV HN NI BZ DO JM CU HT TT BB AW CW KY LC AG GD SX TC GP MQ",
    "south america": "BR AR CL PE CO EC UY PY BO VE GY SR",
    "europe": "GB IE FR DE NL BE LU CH AT IT ES PT DK SE NO FI IS PL CZ SK HU RO BG GR HR SI RS BA ME MK AL EE LV LT MT"
    " CY UA MD TR FO GI JE GG IM XK",
    "middle east": "AE QA SA BH KW OM JO LB IL IQ IR YE SY",
    "africa": "EG MA TN DZ LY ZA KE ET NG GH SN CI TZ UG RW ZM ZW MZ AO NA BW MU SC MG RE CM GA CD CG SD DJ ER ML BF NE"
    " TD GM SL LR GN BJ TG CV MW LS SZ",
    "south asia": "IN PK BD LK NP BT MV AF",
    "east asia": "CN JP KR TW HK MO MN",
    "south-east asia": "SG MY TH ID PH VN KH LA MM BN TL",
    "oceania": "AU NZ FJ PG NC PF WS TO VU SB GU",
    "central asia": "KZ UZ KG TJ TM AZ GE AM RU BY",
}
REGION_OF = {country: region for region, countries in REGIONS.items() for country in countries.split()}


def _c(
    code: str,
    homes: str,
    hubs: str,
    kind: str,
    factor: float,
    holds: bool = False,
    stock: str | None = None,
    seats: bool = True,
) -> Carrier:
    return Carrier(code, tuple(homes.split()), tuple(hubs.split()), kind, factor, holds, seats, stock)


CARRIERS = (
    _c("AA", "US", "DFW CLT MIA ORD PHX JFK PHL DCA LAX", "us", 1.02, True, "001"),
    _c("DL", "US", "ATL DTW MSP SLC JFK SEA BOS LAX", "us", 1.08, True, "006"),
    _c("UA", "US", "ORD DEN IAH EWR SFO IAD LAX", "us", 1.05, True, "016"),
    _c("B6", "US", "JFK BOS FLL MCO", "us", 0.88, False, "279"),
    _c("AS", "US", "SEA PDX SFO ANC", "us", 0.98, True, "027"),
    _c("NK", "US", "FLL LAS MCO", "low", 0.62, False, None),
    _c("F9", "US", "DEN LAS MCO PHL", "low", 0.64, False, None),
    _c("HA", "US", "HNL OGG", "us", 0.97, False, "173"),
    _c("AC", "CA", "YYZ YVR YUL", "legacy", 1.0, True, "014"),
    _c("WS", "CA", "YYC YVR YYZ", "legacy", 0.86, False, "838"),
    _c("AM", "MX", "MEX MTY", "legacy", 0.9, True, "139"),
    _c("Y4", "MX", "MEX GDL CUN TIJ", "low", 0.6, False, None),
    _c("CM", "PA", "PTY", "legacy", 0.95, True, "230"),
    _c("AV", "CO SV EC", "BOG SAL", "legacy", 0.9, True, "134"),
    _c("LA", "CL PE BR EC CO", "SCL LIM GRU", "legacy", 0.93, True, "045"),
    _c("AD", "BR", "VCP CNF", "legacy", 0.82, False, "577"),
    _c("AR", "AR", "EZE AEP", "legacy", 0.85, True, "044"),
    _c("BA", "GB", "LHR LGW", "legacy", 1.06, True, "125"),
    _c("EI", "IE", "DUB", "legacy", 0.9, False, "053"),
    _c("LH", "DE", "FRA MUC", "legacy", 1.04, True, "220"),
    _c("AF", "FR", "CDG ORY", "legacy", 1.03, True, "057"),
    _c("KL", "NL", "AMS", "legacy", 1.01, True, "074"),
    _c("IB", "ES", "MAD", "legacy", 0.95, True, "075"),
    _c("LX", "CH", "ZRH GVA", "legacy", 1.09, True, "724"),
    _c("OS", "AT", "VIE", "legacy", 0.97, True, "257"),
    _c("SN", "BE", "BRU", "legacy", 0.95, True, "082"),
    _c("SK", "DK SE NO", "CPH ARN OSL", "legacy", 0.95, True, "117"),
    _c("AY", "FI", "HEL", "legacy", 0.97, True, "105"),
    _c("TP", "PT", "LIS OPO", "legacy", 0.9, True, "047"),
    _c("LO", "PL", "WAW", "legacy", 0.88, True, "080"),
    _c("A3", "GR", "ATH", "legacy", 0.9, False, "390"),
    _c("FI", "IS", "KEF", "legacy", 0.92, False, "108"),
    _c("FR", "IE GB IT ES PL DE FR PT BE", "DUB STN BGY BCN CRL", "low", 0.48, False, None),
    _c("U2", "GB FR IT CH NL PT ES DE", "LGW LTN MXP GVA CDG", "low", 0.55, False, None),
    _c("VY", "ES FR IT", "BCN ORY FCO", "low", 0.56, False, None),
    _c("W6", "HU PL RO BG", "BUD WAW OTP", "low", 0.5, False, None),
    _c("TK", "TR", "IST", "legacy", 0.92, True, "235"),
    _c("EK", "AE", "DXB", "gulf", 1.06, True, "176"),
    _c("EY", "AE", "AUH", "gulf", 1.0, True, "607"),
    _c("QR", "QA", "DOH", "gulf", 1.07, True, "157"),
    _c("SV", "SA", "JED RUH", "legacy", 0.9, True, "065"),
    _c("RJ", "JO", "AMM", "legacy", 0.9, True, "512"),
    _c("MS", "EG", "CAI", "legacy", 0.82, True, "077"),
    _c("AT", "MA", "CMN", "legacy", 0.83, True, "147"),
    _c("ET", "ET", "ADD", "legacy", 0.84, True, "071"),
    _c("KQ", "KE", "NBO", "legacy", 0.9, True, "706"),
    _c("SA", "ZA", "JNB CPT", "legacy", 0.88, True, "083"),
    _c("AI", "IN", "DEL BOM BLR", "legacy", 0.9, True, "098"),
    _c("6E", "IN", "DEL BOM BLR HYD MAA CCU", "low", 0.58, False, "312"),
    _c("SG", "IN", "DEL BOM HYD", "low", 0.55, False, None),
    _c("UL", "LK", "CMB", "legacy", 0.85, True, "603"),
    _c("PK", "PK", "KHI LHE ISB", "legacy", 0.8, False, "214"),
    _c("SQ", "SG", "SIN", "legacy", 1.12, True, "618"),
    _c("MH", "MY", "KUL", "legacy", 0.88, True, "232"),
    _c("AK", "MY", "KUL BKI PEN", "low", 0.5, False, None),
    _c("TG", "TH", "BKK", "legacy", 0.92, True, "217"),
    _c("GA", "ID", "CGK DPS", "legacy", 0.9, True, "126"),
    _c("VN", "VN", "SGN HAN", "legacy", 0.83, True, "738"),
    _c("PR", "PH", "MNL", "legacy", 0.85, True, "079"),
    _c("CX", "HK", "HKG", "legacy", 1.04, True, "160"),
    _c("JL", "JP", "HND NRT KIX", "legacy", 1.1, True, "131"),
    _c("NH", "JP", "HND NRT", "legacy", 1.1, True, "205"),
    _c("KE", "KR", "ICN GMP", "legacy", 1.03, True, "180"),
    _c("OZ", "KR", "ICN GMP", "legacy", 0.97, True, "988"),
    _c("CA", "CN", "PEK CTU", "legacy", 0.82, True, "999"),
    _c("MU", "CN", "PVG SHA KMG", "legacy", 0.78, True, "781"),
    _c("CZ", "CN", "CAN SZX PKX", "legacy", 0.78, True, "784"),
    _c("BR", "TW", "TPE", "legacy", 0.95, True, "695"),
    _c("CI", "TW", "TPE KHH", "legacy", 0.92, True, "297"),
    _c("QF", "AU", "SYD MEL BNE PER", "legacy", 1.08, True, "081"),
    _c("VA", "AU", "SYD MEL BNE", "legacy", 0.85, False, "795"),
    _c("JQ", "AU NZ", "MEL SYD AKL", "low", 0.6, False, None),
    _c("NZ", "NZ", "AKL CHC WLG", "legacy", 1.0, True, "086"),
)
# Duffel Airways: flies everywhere in test mode, holdable with a price guarantee, has everything.
ZZ = _c("ZZ", "", "", "zz", 0.8, True, "zz")
BY_CODE = {carrier.code: carrier for carrier in (*CARRIERS, ZZ)}
HUBS = frozenset(hub for carrier in CARRIERS for hub in carrier.hubs)
# Big airports that are nobody's hub above; they count for ranking and for long direct flights.
_OTHER_MAJOR = """
    LAS SAN TPA BNA AUS MSY RDU STL BWI MCI SJC OAK SMF PIT CLE CMH IND MDW LGA DUB MAN EDI GLA BHX BRS NCE
    LYS MRS TLS HAM BER DUS STR CGN VCE NAP BLQ CTA AGP PMI ALC VLC SVQ BIO FAO BUD PRG OTP SOF BEG ZAG ATH
    SKG KRK GDN RIX VNO TLL GOT BGO LTN STN LCY TLV KWI BAH MCT RUH KBP ALG TUN LOS ABV ACC DAR EBB KGL LAD
    MRU CMB MLE KTM DAC COK AMD GOI TRV PNQ JAI LKO GIG BSB SSA REC CUN GDL MTY SJO GUA PUJ SDQ HAV KIN NAS
    MVD ASU LPB VVI UIO GYE CCS ADL CBR OOL CNS NAN PPT DPS SUB HKT CNX DAD CEB PNH RGN FUK CTS OKA NGO PUS
    CJU SHA TAO XIY WUH HGH NKG URC ALA TAS TBS EVN GYD
"""
MAJOR = HUBS | frozenset(_OTHER_MAJOR.split())
