"""Hotels and activities as Amadeus tells them: search only (amadeus.md 7 and 8).

Nothing is booked here: a hotel would want the guest's card number, and an activity has a link instead. Whatever one
entry lacks or gets wrong costs that entry, or that part of it, and no other. Texts come as HTML from strangers: what
leaves here is plain text, and only https links leave at all. Pictures are left behind: our pages load none of others.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date, datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from fly2any.kernel.money import Money, MoneyError
from suppliers.amadeus.adapter import client_from_settings
from suppliers.amadeus.client import AmadeusClient
from suppliers.amadeus.errors import Call
from suppliers.stays import LONGEST_STAY, Activity, HotelOffer, rooms_for

# Decoration: short times, asked once.
LIST = Call("hotel_list", 3, retried=False)
OFFERS = Call("hotel_offers", 6, retried=False)
ACTIVITIES = Call("activities", 5, retried=False)
HOTELS_KM, ACTIVITIES_KM = 10, 15
MOST_ASKED = 20  # hotels in one question (the specification's limit)
MOST = 6  # of each that are shown
NAME_LETTERS, TEXT_LETTERS, NOTE_LETTERS, LINK_LETTERS = 90, 180, 110, 2000
_KM = {"KM": 1.0, "KILOMETERS": 1.0, "MILE": 1.609, "MILES": 1.609}
_SILENT = frozenset({"script", "style", "template", "noscript", "iframe", "svg", "title"})
Raw = Mapping[str, Any]


class AmadeusStays:
    """The port `suppliers.stays.Stays` over Amadeus."""

    def __init__(self, client: AmadeusClient) -> None:
        self._client = client

    def hotels_near(self, latitude: float, longitude: float, check_in: date, check_out: date,
                    adults: int) -> list[HotelOffer]:
        """Two questions: who is there, and which of the nearest have a room. [] as well when the dates cannot be."""
        if not 0 < (check_out - check_in).days <= LONGEST_STAY or not 0 < adults <= 9:
            return []
        near = self._rows(LIST, "/v1/reference-data/locations/hotels/by-geocode", {
            **_point(latitude, longitude), "radius": HOTELS_KM, "radiusUnit": "KM"})
        away = {str(row["hotelId"]): _distance(row) for row in near if _is_id(row.get("hotelId"))}
        asked = sorted(away, key=lambda one: (away[one] is None, away[one] or 0.0))[:MOST_ASKED]
        if not asked:
            return []
        rooms = rooms_for(adults)
        offered = self._rows(OFFERS, "/v3/shopping/hotel-offers", {
            "hotelIds": ",".join(asked), "adults": -(-adults // rooms), "roomQuantity": rooms,
            "checkInDate": check_in.isoformat(), "checkOutDate": check_out.isoformat(), "bestRateOnly": "true"})
        return _best(offered, away, rooms)[:MOST]

    def activities_near(self, latitude: float, longitude: float) -> list[Activity]:
        """Those with a name and a link that may be followed, in the order they came."""
        found = self._rows(ACTIVITIES, "/v1/shopping/activities", {
            **_point(latitude, longitude), "radius": ACTIVITIES_KM})
        return [one for one in map(_activity, found) if one is not None][:MOST]

    def _rows(self, call: Call, path: str, params: Mapping[str, Any]) -> list[Raw]:
        return _rows(self._client.get(call, path, params).data)


def from_settings() -> AmadeusStays:
    """As the settings say, over a client of its own: what happens here holds up no flight."""
    return AmadeusStays(client_from_settings())


def _rows(data: Any) -> list[Raw]:
    return [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []


def _point(latitude: float, longitude: float) -> dict[str, str]:
    """No nearer than ten metres: a place, nobody's address."""
    return {"latitude": f"{latitude:.4f}", "longitude": f"{longitude:.4f}"}


# --- hotels -----------------------------------------------------------------------------------------------------


def _is_id(value: Any) -> bool:
    """Eight capital letters and digits: what may stand in a comma separated list."""
    return isinstance(value, str) and len(value) == 8 and value.isascii() and value.isalnum() and value == value.upper()


def _distance(row: Raw) -> float | None:
    """Kilometres; None for what is none."""
    told = row.get("distance")
    unit = _KM.get(str(told.get("unit", "KM")).upper()) if isinstance(told, dict) else None
    with suppress(TypeError, ValueError):
        value = round(float(told.get("value")) * unit, 1) if told and unit else -1.0
        return value if 0 <= value < 1000 else None
    return None


def _best(rows: list[Raw], away: Mapping[str, float | None], rooms: int) -> list[HotelOffer]:
    """One offer of each hotel that has a room, the nearest first; a hotel told twice (`dupeId`) once, the cheaper."""
    found: dict[str, HotelOffer] = {}
    for row in rows:
        hotel, offers = row.get("hotel"), _rows(row.get("offers"))
        if not isinstance(hotel, dict) or row.get("available") is False or not offers:
            continue
        identity, name = str(hotel.get("hotelId")), _named(hotel.get("name"))
        if identity not in away or not name:
            continue
        made = min((_offer(name, away[identity], offer, rooms) for offer in offers), key=_cost)
        same = str(hotel.get("dupeId") or identity)
        found[same] = min(found.get(same, made), made, key=_cost)
    return sorted(found.values(), key=lambda one: (one.distance_km is None, one.distance_km or 0.0, one.name))


def _cost(offer: HotelOffer) -> tuple[bool, int]:
    """Cheaper first, without a price last. Of one hotel, so of one currency."""
    return offer.price is None, offer.price.minor if offer.price else 0


def _offer(name: str, distance: float | None, offer: Raw, rooms: int) -> HotelOffer:
    price, rules = offer.get("price"), offer.get("policies")
    until, words, final = _cancelling(rules if isinstance(rules, dict) else {})
    each = _stay_price(price) if isinstance(price, dict) else None
    return HotelOffer(name=name, distance_km=distance, price=each * rooms if each else None, rooms=rooms,
                      free_until=until, cancellation=words, final=final)


def _stay_price(price: Raw) -> Money | None:
    """What a room costs for the whole stay, taxes in it; a price without its taxes is none."""
    return _money(price.get("sellingTotal") or price.get("total"), price.get("currency"))


def _money(amount: Any, currency: Any) -> Money | None:
    """None for nothing, for zero, and for what cannot be money ("514.13A")."""
    if not isinstance(amount, str) or not isinstance(currency, str):
        return None
    with suppress(MoneyError):
        found = Money.parse(amount.strip(), currency)
        return found if 0 < found.minor < 10**12 else None
    return None


def _cancelling(rules: Raw) -> tuple[datetime | None, str, bool]:
    """Until when cancelling is free (the hotel's time), its own words, and whether it costs the whole stay.

    Written both as `cancellations` (a list) and as `cancellation` (amadeus.md 9.2, 7). A rule without an end binds from
    the start; of several ends the first one counts.
    """
    one = rules.get("cancellation")
    told = _rows(rules.get("cancellations")) + ([one] if isinstance(one, dict) else [])
    ends = [_local(rule.get("deadline")) for rule in told]
    known = [end for end in ends if end is not None]
    described = (rule.get("description") for rule in told)
    words = next((text for text in (_text(
        said.get("text"), NOTE_LETTERS) for said in described if isinstance(said, dict)) if text), "")
    whole = any(rule.get("type") == "FULL_STAY" and end is None for rule, end in zip(told, ends, strict=True))
    return min(known) if told and len(known) == len(told) else None, words, whole


def _local(value: Any) -> datetime | None:
    """The hotel's own time as it wrote it, its zone left off."""
    with suppress(TypeError, ValueError):
        return datetime.fromisoformat(value).replace(tzinfo=None)
    return None


# --- activities -------------------------------------------------------------------------------------------------


def _activity(row: Raw) -> Activity | None:
    name, link = _text(row.get("name"), NAME_LETTERS), row.get("bookingLink")
    host = followed(link)
    if not name or not host:
        return None
    price = row.get("price")
    text = _text(row.get("shortDescription"), TEXT_LETTERS) or _text(row.get("description"), TEXT_LETTERS)
    return Activity(name=name, text=text, link=str(link), host=host,
                    price=_money(price.get("amount"), price.get("currencyCode")) if isinstance(price, dict) else None)


def followed(link: Any) -> str:
    """The host of a link that may be shown; "" for every other: https only, a plain host, nothing hidden in it."""
    if not isinstance(link, str) or len(link) > LINK_LETTERS or not link.isascii() or not link.isprintable():
        return ""
    if any(letter in link for letter in " \\<>\"'`"):
        return ""
    with suppress(ValueError):
        parts = urlsplit(link)
        host = parts.hostname or ""
        plain = parts.netloc.lower() == host and "." in host and not host.replace(".", "").isdigit()
        return host if parts.scheme == "https" and plain and _is_host(host) else ""
    return ""


def _is_host(host: str) -> bool:
    return all(part and set(part) <= set(string.ascii_lowercase + string.digits + "-") for part in host.split("."))


# --- texts of strangers -----------------------------------------------------------------------------------------


class _Reader(HTMLParser):
    """Collects what a reader would see."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag parts words; what stands in a script or a style is not seen."""
        self.seen.append(" ")
        if tag in _SILENT:
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """The end of what is not seen."""
        self.seen.append(" ")
        if tag in self._inside:
            del self._inside[self._inside.index(tag):]

    def handle_data(self, data: str) -> None:
        """Text."""
        if not self._inside:
            self.seen.append(data)


def _text(html: Any, most: int) -> str:
    """Plain text of at most `most` letters, cut at a word; "" for what is no text."""
    if not isinstance(html, str):
        return ""
    once = _seen(html[:20_000])
    words = "".join(letter if _printed(letter) else " " for letter in _seen(once)).split()  # "&lt;b&gt;" hid a tag
    text = " ".join(words)
    return text if len(text) <= most else _cut(words, most)


def _cut(words: Iterable[str], most: int) -> str:
    kept = ""
    for word in words:
        if len(kept) + len(word) + 2 > most:
            break
        kept = f"{kept} {word}" if kept else word
    return f"{kept} …" if kept else ""


def _seen(html: str) -> str:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return "".join(reader.seen)


def _printed(letter: str) -> bool:
    """Not control characters, nor those that turn the direction of what follows."""
    return unicodedata.category(letter)[0] != "C"


def _named(value: Any) -> str:
    """A hotel's name; written in capitals throughout it is set as names are."""
    name = _text(value, NAME_LETTERS)
    return string.capwords(name) if name.isupper() else name


