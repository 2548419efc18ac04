"""Searching: captured fares on any date, generated fares on any route, parties, pages, refusals."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from tests.sandbox.duffel_client import HEADERS, Duffel, later
from tests.sandbox.process import Sandbox


@pytest.fixture
def duffel(sandbox: Sandbox) -> Duffel:
    return Duffel(sandbox)


@pytest.mark.parametrize(
    ("legs", "owner", "count", "cheapest", "number"),
    [
        ((("JFK", "LAX", 41), ("LAX", "JFK", 55)), "ZZ", 1, ("326.32", "GBP"), None),
        ((("ATL", "FLL", 9), ("FLL", "ATL", 12)), "NK", 9, ("171.98", "USD"), "0207"),
        ((("ATL", "JFK", 77),), "AA", 13, ("171.10", "USD"), None),
        ((("FCO", "ORY", 20),), "TO", 1, ("29.59", "GBP"), None),
        ((("LYS", "ARN", 20), ("ARN", "LYS", 30)), "OS", 1, ("177.70", "GBP"), None),
        ((("SFO", "BLR", 20), ("BLR", "SFO", 30)), "JL", 1, ("1233.46", "USD"), None),
        ((("ASU", "PTY", 20), ("PTY", "ASU", 30)), "ZZ", 3, ("343.77", "GBP"), None),
    ],
)
def test_captured_offers_move_to_the_date_asked_for(duffel: Duffel, legs, owner, count, cheapest, number) -> None:
    offers = duffel.search(*legs)["offers"]
    captured = [o for o in offers if o["owner"]["iata_code"] == owner][:count]
    assert len(captured) == count
    best = min(captured, key=lambda o: Decimal(o["total_amount"]))
    assert (best["total_amount"], best["total_currency"]) == cheapest
    assert Decimal(best["base_amount"]) + Decimal(best["tax_amount"]) == Decimal(best["total_amount"])
    for (_, _, days), leg in zip(legs, best["slices"], strict=True):
        assert leg["segments"][0]["departing_at"][:10] == later(days)
    if number:
        assert best["slices"][0]["segments"][0]["marketing_carrier_flight_number"] == number
    lives = datetime.fromisoformat(best["expires_at"]) - datetime.fromisoformat(best["created_at"])
    assert lives == timedelta(minutes=30)
    assert len({o["id"] for o in offers}) == len(offers)


def test_captured_fare_families_keep_one_key_per_itinerary(duffel: Duffel) -> None:
    offers = [o for o in duffel.search(("ATL", "JFK", 30))["offers"] if o["owner"]["iata_code"] == "AA"][:13]
    families: dict[str, set[str]] = {}
    for offer in offers:
        families.setdefault(offer["slices"][0]["comparison_key"], set()).add(offer["slices"][0]["fare_brand_name"])
    assert sorted(len(names) for names in families.values()) == [6, 7]


@pytest.mark.parametrize("route", [("BOM", "SFO"), ("CPT", "AKL"), ("KEF", "GOH"), ("GDN", "LIS"), ("MDW", "BUR")])
def test_generated_offers_fit_together_on_any_route(duffel: Duffel, route: tuple[str, str]) -> None:
    offers = duffel.search((*route, 30))["offers"]
    assert len(offers) >= 6
    for offer in offers:
        leg = offer["slices"][0]
        assert (leg["origin"]["iata_code"], leg["destination"]["iata_code"]) == route
        assert Decimal(offer["base_amount"]) + Decimal(offer["tax_amount"]) == Decimal(offer["total_amount"])
        assert Decimal(offer["total_amount"]) > 20
        ends = []
        for segment in leg["segments"]:
            for at, where in (("departing_at", "origin"), ("arriving_at", "destination")):
                zone = ZoneInfo(segment[where]["time_zone"])
                ends.append(datetime.fromisoformat(segment[at]).replace(tzinfo=zone))
        assert ends == sorted(ends)
        minutes = int((ends[-1] - ends[0]).total_seconds() // 60)
        assert leg["duration"] == _iso(minutes)


def test_brands_of_one_flight_share_a_key_and_cost_more_upwards(duffel: Duffel) -> None:
    offers = duffel.search(("LHR", "SIN", 60))["offers"]
    families: dict[str, list[Decimal]] = {}
    for offer in offers:
        families.setdefault(offer["slices"][0]["comparison_key"], []).append(Decimal(offer["total_amount"]))
    assert all(len(prices) in (2, 3) and prices == sorted(prices) for prices in families.values())
    assert any(o["payment_requirements"]["requires_instant_payment"] for o in offers) or len(families) > 3


def test_the_same_search_gives_the_same_fares_under_new_ids(duffel: Duffel) -> None:
    first, second = duffel.search(("LHR", "MAD", 30)), duffel.search(("LHR", "MAD", 30))
    assert [o["total_amount"] for o in first["offers"]] == [o["total_amount"] for o in second["offers"]]
    assert not {o["id"] for o in first["offers"]} & {o["id"] for o in second["offers"]}
    duffel.sandbox.advance(3600)
    moved = duffel.search(("LHR", "MAD", 30))["offers"]
    assert [o["total_amount"] for o in first["offers"]] != [o["total_amount"] for o in moved]


def test_party_of_adults_children_and_an_infant(duffel: Duffel) -> None:
    passengers = [{"type": "adult"}, {"age": 34}, {"age": 7}, {"age": 0}]
    alone = duffel.offer(("LHR", "MAD", 30))
    offer = duffel.offer(("LHR", "MAD", 30), passengers=passengers)
    shown = [(p["type"], p["age"]) for p in offer["passengers"]]
    assert shown == [("adult", None), ("adult", 34), ("child", 7), ("infant_without_seat", 0)]
    one = Decimal(alone["total_amount"])
    assert 2.5 * float(one) < float(offer["total_amount"]) < 3.2 * float(one)
    order = duffel.order(offer)
    assert order["passengers"][0]["infant_passenger_id"] == offer["passengers"][3]["id"]


def test_cities_cabins_and_connections(duffel: Duffel) -> None:
    offers = duffel.search(("NYC", "LON", 30), cabin_class="business", max_connections=0)["offers"]
    starts = {o["slices"][0]["origin"]["iata_code"] for o in offers}
    assert starts == {"JFK", "EWR"}
    classes = {p["cabin_class"] for o in offers for s in o["slices"][0]["segments"] for p in s["passengers"]}
    assert classes == {"business"}
    assert {len(o["slices"][0]["segments"]) for o in offers} == {1}
    heads = duffel.search(("NYC", "LON", 30))["slices"][0]
    assert (heads["origin_type"], heads["origin"]["iata_code"]) == ("city", "NYC")


def test_offers_are_listed_sorted_and_paged(duffel: Duffel) -> None:
    request = duffel.search(("LHR", "MAD", 30))
    ids, after = [], None
    while True:
        params = {
            "offer_request_id": request["id"],
            "sort": "total_amount",
            "limit": 7,
            **({"after": after} if after else {}),
        }
        answer = duffel.call("GET", "/air/offers", **params).json()
        ids += [o["id"] for o in answer["data"]]
        after = answer["meta"]["after"]
        if after is None:
            break
    by_price = sorted(request["offers"], key=lambda o: Decimal(o["total_amount"]))
    assert len(ids) == len(set(ids)) == len(by_price)
    assert (
        duffel.get("/air/offers", offer_request_id=request["id"], limit=1)[0]["total_amount"]
        == by_price[0]["total_amount"]
    )
    assert duffel.get(f"/air/offer_requests/{request['id']}")["offers"] == request["offers"]


def test_search_without_offers_and_in_batches(duffel: Duffel) -> None:
    answer = duffel.sandbox.http.post(
        "/duffel/air/offer_requests?return_offers=false", headers=HEADERS, json={"data": _asked("LHR", "MAD")}
    ).json()["data"]
    assert "offers" not in answer
    batch = duffel.post("/air/batch_offer_requests", _asked("LHR", "MAD"))
    assert (batch["total_batches"], batch["remaining_batches"]) == (2, 2)
    got = [duffel.get(f"/air/batch_offer_requests/{batch['id']}") for _ in range(2)]
    assert [len(g["offers"]) > 0 for g in got] == [True, True]
    assert got[1]["remaining_batches"] == 0


def test_a_slow_supplier_is_left_out_at_the_supplier_timeout(duffel: Duffel) -> None:
    duffel.sandbox.fault("duffel.create_offer_request", "slow_supplier", seconds=9, carriers=["BA"])
    answer = duffel.sandbox.http.post(
        "/duffel/air/offer_requests?supplier_timeout=2000", headers=HEADERS, json={"data": _asked("LHR", "MAD")}
    ).json()["data"]
    assert "BA" not in {o["owner"]["iata_code"] for o in answer["offers"]}
    assert "BA" in {o["owner"]["iata_code"] for o in duffel.search(("LHR", "MAD", 30))["offers"]}


def test_names_given_later_show_on_the_offer(duffel: Duffel) -> None:
    offer = duffel.offer(("LHR", "MAD", 30))
    person = offer["passengers"][0]["id"]
    patch = {"given_name": "Amelia", "family_name": "Earhart", "loyalty_programme_accounts": []}
    assert duffel.call("PATCH", f"/air/offers/{offer['id']}/passengers/{person}", patch).status_code == 200
    assert duffel.get(f"/air/offers/{offer['id']}")["passengers"][0]["given_name"] == "Amelia"


def leg(destination: str, day: str) -> dict:
    return {"slices": [{"origin": "LHR", "destination": destination, "departure_date": day}]}


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"slices": []}, "validation_required", "/slices"),
        ({"passengers": []}, "validation_required", "/passengers"),
        ({"passengers": [{"type": "adult"}] * 10}, "validation_length", "/passengers"),
        ({"passengers": [{"type": "adult"}, {"age": 1}, {"age": 0}]}, "validation_inclusion", "/passengers"),
        ({"passengers": [{}]}, "validation_required", "/passengers/0/type"),
        ({"cabin_class": "steerage"}, "validation_inclusion", "/cabin_class"),
        ({"max_connections": 3}, "validation_inclusion", "/max_connections"),
        (leg("LHR", later(9)), "validation_inclusion", "/slices/0/destination"),
        (leg("QQQ", later(9)), "validation_inclusion", "/slices/0/destination"),
        (leg("MAD", later(-2)), "validation_inclusion", "/slices/0/departure_date"),
        (leg("MAD", "soon"), "validation_format", "/slices/0/departure_date"),
    ],
)  # fmt: skip
def test_refused_searches(duffel: Duffel, change: dict, code: str, pointer: str) -> None:
    assert duffel.refused("POST", "/air/offer_requests", {**_asked("LHR", "MAD"), **change}) == (422, code, pointer)


def test_places(duffel: Duffel) -> None:
    found = duffel.get("/places/suggestions", query="lon")
    assert (found[0]["type"], found[0]["iata_code"]) == ("city", "LON")
    assert "LHR" in [a["iata_code"] for a in found[0]["airports"]]
    assert duffel.get("/places/suggestions", name="bengal")[0]["iata_code"] == "BLR"
    assert duffel.get("/places/suggestions", query="JFK")[0]["iata_code"] == "JFK"
    assert duffel.get("/places/suggestions", query="zurich")[0]["iata_code"] == "ZRH"
    near = duffel.get("/places/suggestions", lat="51.5", lng="-0.12", rad="40000")
    assert {"LHR", "LCY"} <= {p["iata_code"] for p in near}


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"duffel-version": "v2"}, 401, "missing_authorization_header"),
        ({**HEADERS, "authorization": "Bearer duffel_live_x"}, 401, "access_token_not_found"),
        ({"authorization": HEADERS["authorization"]}, 400, "missing_version_header"),
        ({**HEADERS, "duffel-version": "v1"}, 400, "unsupported_version"),
        ({**HEADERS, "duffel-version": "banana"}, 400, "invalid_version_header"),
    ],
)
def test_token_and_version(sandbox: Sandbox, headers: dict[str, str], status: int, code: str) -> None:
    answer = sandbox.http.get("/duffel/air/airlines", headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)
    assert answer.json()["meta"]["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["ratelimit-reset"].endswith("GMT")


def _asked(origin: str, destination: str) -> dict:
    slices = [{"origin": origin, "destination": destination, "departure_date": later(30)}]
    return {"slices": slices, "passengers": [{"type": "adult"}]}


def _iso(minutes: int) -> str:
    days, rest = divmod(minutes, 1440)
    clock = (f"{rest // 60}H" if rest // 60 else "") + (f"{rest % 60}M" if rest % 60 else "")
    return "P" + (f"{days}D" if days else "") + (f"T{clock}" if clock else "")
