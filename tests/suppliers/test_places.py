"""The must-hit list of ux.md 3, and what a code stands for."""

from __future__ import annotations

import pytest

from suppliers import places


def codes(q: str, limit: int = 10) -> list[str]:
    return [place.code for place in places.suggest(q, limit)]


@pytest.mark.parametrize(("typed", "first"), [line.split(" -> ") for line in """
NYC -> NYC
LON -> LON
london -> LON
zürich -> ZRH
zurich -> ZRH
paris -> PAR
new york -> NYC
heathrow -> LHR
wash -> WAS
dallas -> DFW
münchen -> MUC
munich -> MUC
wien -> VIE
mailand -> MIL
firenze -> FLR
florence -> FLR
florenz -> FLR
venedig -> VCE
neapel -> NAP
lissabon -> LIS
kopenhagen -> CPH
københavn -> CPH
göteborg -> GOT
warschau -> WAW
praha -> PRG
londres -> LON
parigi -> PAR
monaco di baviera -> MUC
genève -> GVA
ginebra -> GVA
sao paulo -> SAO
st petersburg -> LED
saint petersburg -> LED
moskau -> MOW
peking -> BJS
saigon -> SGN
kiev -> KBP
tokio -> TYO
schiphol -> AMS
cdg -> CDG
o'hare -> ORD
ohare -> ORD
kennedy -> JFK
la guardia -> LGA
laguardia -> LGA
fiumicino -> FCO
vegas -> LAS
dc -> WAS
la -> LAX
sf -> SFO
joburg -> JNB
new york jfk -> JFK
tokyo narita -> NRT
london city -> LCY
milan malpensa -> MXP
paris orly -> ORY
germany -> FRA
deutschland -> FRA
usa dallas -> DFW
iceland -> REK
new zealand -> AKL
japan -> TYO
uk -> LON
bang -> BKK
bangk -> BKK
istanb -> IST
barc -> BCN
lodnon -> LON
barcelnoa -> BCN
frankfrut -> FRA
amstredam -> AMS
new yrok -> NYC
copenhagn -> CPH
toronto -> YTO
vancouver -> YVR
montréal -> YMQ
kraków -> KRK
reykjavík -> REK
bali -> DPS
hawaii -> HNL
mallorca -> PMI
kreta -> HER
chicago -> CHI
stockholm -> STO
rio -> RIO
buenos aires -> BUE
seoul -> SEL
osaka -> OSA
""".strip().splitlines()])
def test_what_people_type_finds_what_they_mean(typed: str, first: str) -> None:
    assert codes(typed)[0] == first


@pytest.mark.parametrize(("typed", "first"), [
    ("NYC", "NYC"), ("nyc", "NYC"), ("new york", "NYC"), ("LON", "LON"), ("london", "LON"), ("zürich", "ZRH"),
    ("zurich", "ZRH"), ("ZUERICH", "ZRH"), ("paris", "PAR"), ("heathrow", "LHR"), ("wash", "WAS"), ("JFK", "JFK"),
    ("tokyo", "TYO"), ("münchen", "MUC"), ("roma", "ROM"), ("são paulo", "SAO"), ("bombay", "BOM"), ("o'hare", "ORD"),
    ("london heathrow", "LHR"), ("  Paris,  ", "PAR"), ("frankfurt", "FRA"), ("sydney", "SYD"), ("milano", "MIL"),
])
def test_the_first_suggestion_is_what_was_meant(typed: str, first: str) -> None:
    assert codes(typed)[0] == first


def test_cities_come_with_their_airports() -> None:
    assert set(places.suggest("NYC")[0].airports) == {"JFK", "LGA", "EWR"}
    assert codes("london")[:2] == ["LON", "LHR"]
    assert {"JFK", "EWR", "LGA"} <= set(codes("nyc"))


def test_several_matches_are_ranked_by_traffic() -> None:
    assert "DFW" in codes("dallas")[:2]
    assert {"SAN", "SFO"} <= set(codes("san")[:3])
    assert codes("japan")[:3] == ["TYO", "HND", "NRT"]
    assert codes("texas")[0] == "DFW"


def test_an_airfields_code_does_not_hide_a_city() -> None:
    found = codes("new")  # NEW is an airfield near New Orleans
    assert found.index("NYC") < found.index("NEW") < 8


@pytest.mark.parametrize("typed", ["", "   ", "!?", "xyzq", "東京", "a" * 5000, "' OR 1=1 --"])
def test_nonsense_finds_nothing(typed: str) -> None:
    assert places.suggest(typed) == []


def test_the_limit_holds() -> None:
    assert len(places.suggest("a", 3)) == 3
    assert places.suggest("a", 0) == []


@pytest.mark.parametrize(("code", "airports"), [
    ("NYC", "JFK EWR LGA"), ("LON", "LHR LGW STN LTN LCY SEN"), ("PAR", "CDG ORY BVA"), ("WAS", "IAD DCA BWI"),
    ("TYO", "HND NRT"), ("MIL", "MXP BGY LIN"), ("CHI", "ORD MDW"), ("MOW", "SVO DME VKO ZIA"),
    ("STO", "ARN BMA NYO VST"), ("RIO", "GIG SDU"), ("SAO", "GRU CGH VCP"), ("BUE", "EZE AEP"), ("SEL", "ICN GMP"),
    ("BJS", "PEK PKX"), ("OSA", "KIX ITM UKB"), ("ROM", "FCO CIA")])
def test_metropolitan_codes_stand_for_all_their_airports(code: str, airports: str) -> None:
    assert places.expand(code) == tuple(airports.split())
    first = places.suggest(code)[0]
    assert (first.kind, first.airports) == ("city", tuple(airports.split()))
    assert {places.metropolis(airport).code for airport in first.airports} == {code}  # type: ignore[union-attr]


@pytest.mark.parametrize("code", ["IST", "SHA", "HOU", "BKK", "MEX", "BRU", "DXB", "DFW"])
def test_a_code_that_is_an_airports_own_is_that_airport(code: str) -> None:
    assert places.expand(code) == (code,)
    assert codes(code)[0] == code


def test_a_citys_airports_stand_right_behind_it() -> None:
    for typed in ("london", "united kingdom", "new"):
        found = places.suggest(typed, 12)
        for at, city in enumerate(found):
            if city.kind == "city":
                own = [place.code for place in found if place.code in city.airports]
                assert [place.code for place in found[at + 1:at + 1 + len(own)]] == own, typed


def test_a_slip_finds_the_nearest_cities_only_when_nothing_is_called_so() -> None:
    assert places.suggest("lodnon", typos=False) == []
    assert places.nearest("lodnon")[0].code == "LON"
    assert not {"LHR", "LGW"} & {place.code for place in places.nearest("lodnon")}
    assert places.nearest("qqqqqq") == []
    assert codes("nice")[0] == "NCE"  # not Venice


@pytest.mark.parametrize(("code", "text"), [
    ("LON", "London, all airports (LON)"), ("LHR", "London Heathrow (LHR)"), ("LPB", "La Paz, El Alto (LPB)"),
    ("EWR", "Newark Liberty (EWR)"), ("YYZ", "Toronto Pearson (YYZ)")])
def test_a_label_ends_with_its_code(code: str, text: str) -> None:
    place = places.city(code) or places.airport(code)
    assert place is not None
    assert places.label(place) == text


def test_codes_stand_for_airports() -> None:
    assert places.expand("nyc") == ("JFK", "EWR", "LGA")
    assert places.expand("JFK") == ("JFK",)
    assert places.expand("QQQ") == places.expand("") == ()
    found = places.airport("zrh")
    assert found is not None
    assert (found.city, found.country, found.time_zone) == ("Zurich", "CH", "Europe/Zurich")
    assert places.airport("NYC") is None
    city = places.city("NYC")
    assert city is not None and city.kind == "city"


def test_every_shipped_code_exists() -> None:
    ranked = places._codes()
    assert len(ranked) == len(set(ranked)) >= 300
    assert [code for code in ranked if places.airport(code) is None] == []
    cities, spellings = places._cities()
    assert [code for place in cities for code in place.airports if places.airport(code) is None] == []
    assert [place.code for place in cities if places.airport(place.code)] == []  # an airport's own code wins
    assert [code for code in spellings if not places.expand(code)] == []
    assert [code for code in places._served() if places.airport(code) is None] == []
