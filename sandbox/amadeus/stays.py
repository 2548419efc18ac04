"""Hotels and activities: made up from the place asked about, the same at every asking, and some of them odd.

Nothing is kept: a hotel's id says its city and its number there (``XXLON007``). Every name is plainly invented. What is
odd on purpose stands in ``HOTELS`` and ``ACTIVITIES``: closed, gone (38420), told twice, without a price or a picture,
markup and script in texts, links that must not be followed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from sandbox.amadeus.errors import deviation, refuse
from sandbox.amadeus.money import RATES, amount
from sandbox.amadeus.operation import Operation
from sandbox.flights.airports import EARTH_KM, airports, cities, city_of, rank
from sandbox.frame import Answer, Call, World

Json = dict[str, Any]
KM_OF_DEGREE = 111.2
KM_A_MILE = 1.609
NEAR_KM = 90.0  # a point farther from every airport is nowhere
MOST_ASKED = 20
FARTHEST, LONGEST = timedelta(days=359), 99
CHAIN = "XX"
CURRENCIES = {"US": "USD", "GB": "GBP", "CA": "CAD", "AU": "AUD", "CH": "CHF", "JP": "JPY", "IN": "INR", "BR": "BRL",
              "MX": "MXN", "AE": "AED", "SE": "SEK", "NO": "NOK", "DK": "DKK", "PL": "PLN"}  # fmt: skip
SCRIPT = "<script>document.title='stolen'</script>"


@dataclass(frozen=True)
class Kind:
    """A hotel as it stands in every city: cents of dollars a night, and what is odd about it."""

    name: str
    night: int
    rules: str = "free"
    odd: str = ""


HOTELS = (
    Kind("HOTEL IMAGINARY {city}", 14900),
    Kind("The Pretend Grand Palace of {city}, Residences, Gardens & Make-Believe Conference Centre", 61250, "free"),
    Kind("Nowhere Inn {city}", 9900, odd="no price"),
    Kind("Hotel of Closed Doors {city}", 8800, odd="closed"),
    Kind("Paper Moon <b>Guest House</b> &amp; Garden {city}", 7450, "non-refundable"),
    Kind("Hotel Imaginary {city}", 13900, odd="twice"),
    Kind("The Vanished Hotel {city}", 10100, odd="gone"),
    Kind("Unreal Towers {city}", 18800, "penalty"),
    Kind("Fictional Suites {city}", 11700, "silent"),
    Kind("Hotel Lorem Ipsum {city}", 9300),
    Kind("Sample & Sons {city}", 12600),
    Kind("The Invented Arms {city}", 10900, "penalty"),
    Kind("Example Court Hotel {city}", 15400),
    Kind("Fable Hostel {city}", 3900, "non-refundable"),
)
ACTIVITIES: tuple[Json, ...] = (
    {"name": "Made-up walking tour of {city}", "shortDescription": "Two hours on foot with an invented guide.",
     "price": 2400},
    {"name": "Imaginary museum of {city}: skip the line", "price": None,
     "shortDescription": "Tickets for a museum that nobody has built. No price is told."},
    {"name": "Cooking the dishes of {city}", "price": 6900,
     "description": f"<p>Learn <b>five</b> dishes &amp; eat them.</p>{SCRIPT}<p onclick='go()'>Aprons are lent.</p>"},
    {"name": "Boat on the pretend river", "shortDescription": "Sold over a link without https.", "price": 3100,
     "bookingLink": "http://boats.example/{city}"},
    {"name": "Night photography for beginners", "shortDescription": "No picture of it, oddly.", "price": 4500,
     "pictures": []},
    {"name": "Bicycle day beyond {city}", "shortDescription": "Its amount carries a letter.", "price": "514.13A"},
    {"name": "Treasure hunt", "shortDescription": "Its link is no link.", "price": 1500,
     "bookingLink": "javascript:alert('{city}')"},
    {"name": "The complete, unhurried and thoroughly made-up four-day food, wine, art and architecture tour of {city}",
     "shortDescription": "A description that goes on. " * 14, "price": 189900},
    {"name": "Concert in the invented hall", "shortDescription": "Chamber music by composers who never lived.",
     "price": 5200},
)  # fmt: skip


def by_geocode(call: Call, world: World, asked: Json) -> Answer:
    """GET /v1/reference-data/locations/hotels/by-geocode."""
    here = (asked["latitude"], asked["longitude"])
    return _listed(call, _city_at(*here), here, asked)


def by_city(call: Call, world: World, asked: Json) -> Answer:
    """GET /v1/reference-data/locations/hotels/by-city."""
    code = asked["cityCode"].upper()
    members = cities().get(code, {}).get("airports") or ([code] if code in airports() else [])
    if not members:
        raise refuse(895, f"no city {code}")
    here = (_mean([airports()[one]["lat"] for one in members]), _mean([airports()[one]["lon"] for one in members]))
    return _listed(call, code, here, asked)


def hotel_offers(call: Call, world: World, asked: Json) -> Answer:
    """GET /v3/shopping/hotel-offers: the cheapest offer of each hotel that has a room."""
    ids = asked["hotelIds"]
    if not 1 <= len(ids) <= MOST_ASKED:
        raise deviation(477, f"1 to {MOST_ASKED} hotels", parameter="hotelIds")
    today = world.now().date()
    arrive = date.fromisoformat(asked.get("checkInDate", today.isoformat()))
    leave = date.fromisoformat(asked.get("checkOutDate", (arrive + timedelta(days=1)).isoformat()))
    _check_dates(today, arrive, leave)
    kinds = {one: _kind(one) for one in dict.fromkeys(ids)}
    if all(kind.odd == "gone" for kind in kinds.values()):
        raise refuse(38420)
    found = [
        _hotel_offers(call, one, kind, (arrive, leave), asked)
        for one, kind in kinds.items()
        if kind.odd != "gone" and (kind.odd != "closed" or asked.get("includeClosed", True))
    ]
    return Answer(200, {"data": found})


def activities(call: Call, world: World, asked: Json) -> Answer:
    """GET /v1/shopping/activities."""
    here, radius = (asked["latitude"], asked["longitude"]), asked.get("radius", 1)
    if not 0 <= radius <= 20:
        raise deviation(572, "0 to 20 km", parameter="radius")
    code = _city_at(*here)
    found = [_activity(call, number, code, here) for number in range(len(ACTIVITIES)) if 0.4 * number <= radius]
    return Answer(200, {"meta": _meta(call, len(found)), "data": found})


# --- places -----------------------------------------------------------------------------------------------------


def _city_at(latitude: float, longitude: float) -> str:
    """Return the code of the city around a point: the likeliest airport's, or its metropolitan area's."""
    around = [(rank(code) - km, code) for code, raw in airports().items()
              if abs(raw["lat"] - latitude) < 1 and (km := _km(latitude, longitude, raw["lat"], raw["lon"])) < NEAR_KM]
    if not around:
        raise refuse(895, "nothing around this point")
    code = max(around)[1]
    return city_of().get(code, code)


def _name_of(code: str) -> str:
    return str(cities()[code]["name"] if code in cities() else airports()[code]["city"] or airports()[code]["name"])


def _country_of(code: str) -> str:
    return str(cities()[code]["country"] if code in cities() else airports()[code]["country"])


def _km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Return the distance on a flat map, good enough within a city."""
    x = math.radians(lon2 - lon1) * math.cos(math.radians((lat1 + lat2) / 2))
    return EARTH_KM * math.hypot(x, math.radians(lat2 - lat1))


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _beside(here: tuple[float, float], number: int) -> Json:
    """Return a point that lies ``_away(number)`` km from ``here``, round and round with the number."""
    turn, degrees = number * 2.4, _away(number) / KM_OF_DEGREE
    east = degrees * math.sin(turn) / max(0.1, math.cos(math.radians(here[0])))
    return {"latitude": round(here[0] + degrees * math.cos(turn), 5), "longitude": round(here[1] + east, 5)}


def _away(number: int) -> float:
    return round(0.3 + 0.45 * number, 2)


def _meta(call: Call, count: int) -> Json:
    itself = f"{call.base_url}/amadeus{call.path}?{urlencode(call.query)}"
    return {"count": count, "links": {"self": itself}}


# --- hotels -----------------------------------------------------------------------------------------------------


def _listed(call: Call, code: str, here: tuple[float, float], asked: Json) -> Answer:
    miles = asked.get("radiusUnit", "KM") == "MILE"
    unit, reach = ("MILE", KM_A_MILE) if miles else ("KM", 1.0)
    chains = asked.get("chainCodes", [CHAIN])
    found = [
        {
            "chainCode": CHAIN,
            "iataCode": code,
            "dupeId": _same(number),
            "name": kind.name.format(city=_name_of(code)),
            "hotelId": f"{CHAIN}{code}{number:03d}",
            "geoCode": _beside(here, number),
            "address": {"countryCode": _country_of(code)},
            "distance": {"value": round(_away(number) / reach, 2), "unit": unit},
        }
        for number, kind in enumerate(HOTELS)
        if CHAIN in chains and _away(number) <= asked.get("radius", 5) * reach
    ]
    if not found:
        raise refuse(895)
    return Answer(200, {"data": found, "meta": _meta(call, len(found))})


def _same(number: int) -> int:
    """Return the number of the physical hotel: one is told twice."""
    return 700000000 + (0 if HOTELS[number].odd == "twice" else number)


def _check_dates(today: date, arrive: date, leave: date) -> None:
    if not today - timedelta(days=1) <= arrive <= today + FARTHEST:
        raise refuse(381)
    if leave <= arrive:
        raise refuse(404, "check-out must be after check-in")
    if (leave - arrive).days > LONGEST:
        raise refuse(377)


def _kind(hotel: str) -> Kind:
    number = int(hotel[5:]) if hotel[5:].isdecimal() else -1
    code = hotel[2:5]
    if len(hotel) != 8 or hotel[:2] != CHAIN or not 0 <= number < len(HOTELS):
        raise refuse(392, f"no hotel {hotel}")
    if code not in cities() and code not in airports():
        raise refuse(392, f"no hotel {hotel}")
    return HOTELS[number]


def _hotel_offers(call: Call, hotel: str, kind: Kind, nights: tuple[date, date], asked: Json) -> Json:
    code = hotel[2:5]
    told: Json = {
        "type": "hotel-offers",
        "hotel": {
            "hotelId": hotel,
            "chainCode": CHAIN,
            "dupeId": str(_same(int(hotel[5:]))),
            "name": kind.name.format(city=_name_of(code)),
            "cityCode": code,
        },
        "available": kind.odd != "closed",
        "offers": [],
        "self": f"{call.base_url}/amadeus{call.path}?{urlencode([('hotelIds', hotel)])}",
    }
    if kind.odd != "closed":
        told["offers"] = [_offer(hotel, kind, nights, asked)]
    return told


def _offer(hotel: str, kind: Kind, nights: tuple[date, date], asked: Json) -> Json:
    """Return an offer; its price is a room's for the whole stay."""
    local = CURRENCIES.get(_country_of(hotel[2:5]), "EUR")
    currency = asked["currency"] if asked.get("currency") in RATES else local
    adults, days = asked.get("adults", 1), (nights[1] - nights[0]).days
    cents = kind.night * days * (100 + 25 * max(0, adults - 2)) // 100
    price: Json = {"currency": currency}
    if kind.odd != "no price":
        base, total = amount(cents * 88 // 100, currency), amount(cents, currency)
        price |= {"base": str(base), "total": str(total),
                  "taxes": [{"code": "VALUE_ADDED_TAX", "amount": str(total - base), "currency": currency,
                             "included": True}]}  # fmt: skip
    return {
        "id": f"{hotel}{nights[0]:%y%m%d}{days:02d}{adults}",
        "checkInDate": nights[0].isoformat(),
        "checkOutDate": nights[1].isoformat(),
        "roomQuantity": str(asked.get("roomQuantity", 1)),
        "rateCode": "RAC",
        "room": {"type": "A1D", "description": {"text": "Invented room, one <i>double</i> bed", "lang": "EN"}},
        "guests": {"adults": adults},
        "price": price,
        "policies": _policies(kind, nights[0], str(price.get("total", "0"))),
    }


def _policies(kind: Kind, arrive: date, total: str) -> Json:
    """Return the rules in one of the two shapes that are seen: a list, or a single ``cancellation``."""
    end = arrive - timedelta(days=2)
    match kind.rules:
        case "free":
            return {"paymentType": "GUARANTEE", "cancellations": [
                {"amount": total, "deadline": f"{end.isoformat()}T18:00:00+01:00"}]}  # fmt: skip
        case "penalty":
            words = f"One night is charged <br/>if you cancel.{SCRIPT}"
            return {"paymentType": "GUARANTEE", "cancellations": [
                {"numberOfNights": 1, "description": {"text": words, "lang": "EN"}}]}  # fmt: skip
        case "non-refundable":
            return {"paymentType": "deposit", "cancellation": {
                "description": {"text": "NON-REFUNDABLE RATE"}, "type": "FULL_STAY"}}  # fmt: skip
        case _:
            return {}


# --- activities -------------------------------------------------------------------------------------------------


def _activity(call: Call, number: int, code: str, here: tuple[float, float]) -> Json:
    kind, city = ACTIVITIES[number], _name_of(code)
    ident = f"{9000 + number}"
    words: Json = {name: kind[name] for name in ("shortDescription", "description") if name in kind}
    link = kind.get("bookingLink", "https://tickets.example/{city}/" + ident).format(city=city.replace(" ", "-"))
    currency, point = CURRENCIES.get(_country_of(code), "EUR"), _beside(here, number)
    asked = kind["price"]
    price = {"currencyCode": currency, "amount": asked if isinstance(asked, str) else str(amount(asked or 0, currency))}
    return {
        "type": "activity",
        "id": ident,
        "self": {"href": f"{call.base_url}/amadeus/v1/shopping/activities/{ident}", "methods": ["GET"]},
        "name": kind["name"].format(city=city),
        **words,
        "geoCode": {name: str(value) for name, value in point.items()} if number % 2 else point,
        "rating": "4.500000",
        "pictures": kind.get("pictures", [f"https://pictures.example/{ident}.jpeg?w=500"]),
        "bookingLink": link,
        **({} if asked is None else {"price": price}),
    }


LIST = "/v1/reference-data/locations/hotels"
OPERATIONS = (
    Operation("GET", f"{LIST}/by-geocode", "hotels_by_geocode", by_geocode, "HotelList_v1"),
    Operation("GET", f"{LIST}/by-city", "hotels_by_city", by_city, "HotelList_v1"),
    Operation("GET", "/v3/shopping/hotel-offers", "hotel_offers", hotel_offers, "HotelSearch_v3"),
    Operation("GET", "/v1/shopping/activities", "activities", activities, "ToursandActivities_v1"),
)
