"""What becomes of Amadeus' hotels and activities on their way to a page: plain text, exact money, links one may follow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from fly2any.kernel.errors import Refused
from fly2any.kernel.money import Money
from suppliers.amadeus.stays import AmadeusStays, _text, followed
from tests.stays.conftest import Shop

PARIS = (48.856, 2.352)
ARRIVES = datetime.now(UTC).date() + timedelta(days=30)
LEAVES = ARRIVES + timedelta(days=5)


class Told:
    """A client that answers what a test says, by the end of the path."""

    def __init__(self, **answers: Any) -> None:
        self.answers, self.asked = answers, []

    def get(self, call: Any, path: str, params: Any) -> Any:
        self.asked.append((path, dict(params), call))
        return SimpleNamespace(data=self.answers[path.rpartition("/")[2].replace("-", "_")])


def hotel(number: int = 1, **offer: Any) -> dict[str, Any]:
    return {"hotel": {"hotelId": f"XXPAR00{number}", "name": f"Hotel {number}"}, "available": True,
            "offers": [{"id": "A1", "price": {"currency": "EUR", "total": "100.00"}, **offer}]}


def hotels(*rows: Any, adults: int = 2, listed: Any = None) -> list[Any]:
    near = [{"hotelId": f"XXPAR00{number}", "distance": {"value": number, "unit": "KM"}} for number in range(1, 9)]
    client = Told(by_geocode=near if listed is None else listed, hotel_offers=list(rows))
    return AmadeusStays(client).hotels_near(*PARIS, ARRIVES, LEAVES, adults)  # type: ignore[arg-type]


def test_the_sandboxes_hotels_come_nearest_first_priced_for_all_rooms_and_free_of_markup(
        stays: AmadeusStays, shop: Shop) -> None:
    found = stays.hotels_near(*PARIS, ARRIVES, LEAVES, 3)
    assert [(one.name, one.distance_km) for one in found] == [
        ("The Pretend Grand Palace of Paris, Residences, Gardens & Make-Believe Conference Centre", 0.8),
        ("Nowhere Inn Paris", 1.2), ("Paper Moon Guest House & Garden Paris", 2.1),
        ("Hotel Imaginary Paris", 2.5),  # told twice: the cheaper one stays
        ("Unreal Towers Paris", 3.5), ("Fictional Suites Paris", 3.9)]
    assert [one.price for one in found] == [
        Money(2 * 281750, "EUR"), None, Money(2 * 34270, "EUR"), Money(2 * 63940, "EUR"), Money(2 * 86480, "EUR"),
        Money(2 * 53820, "EUR")]
    assert {one.rooms for one in found} == {2}
    palace, _, moon, _, towers, suites = found
    assert palace.free_until == datetime(ARRIVES.year, ARRIVES.month, ARRIVES.day, 18) - timedelta(days=2)
    assert (moon.final, moon.cancellation, moon.free_until) == (True, "NON-REFUNDABLE RATE", None)
    assert (towers.final, towers.cancellation) == (False, "One night is charged if you cancel.")
    assert (suites.final, suites.cancellation, suites.free_until) == (False, "", None)
    assert shop.wrong == []


def test_nothing_of_a_person_and_no_exact_address_is_asked_with(stays: AmadeusStays, shop: Shop) -> None:
    stays.hotels_near(48.8561234567, 2.3521234567, ARRIVES, LEAVES, 3)
    stays.activities_near(48.8561234567, 2.3521234567)
    (_, near), (_, offers), (_, todo) = shop.asked
    here = {"latitude": "48.8561", "longitude": "2.3521"}
    assert near == {**here, "radius": "10", "radiusUnit": "KM"}
    assert todo == {**here, "radius": "15"}
    assert set(offers) == {"hotelIds", "adults", "roomQuantity", "checkInDate", "checkOutDate", "bestRateOnly"}
    assert (offers["adults"], offers["roomQuantity"]) == ("2", "2")
    assert shop.wrong == []


def test_the_sandboxes_activities_lose_what_may_not_be_followed_and_keep_the_rest(stays: AmadeusStays) -> None:
    found = stays.activities_near(*PARIS)
    assert [one.name for one in found] == [
        "Made-up walking tour of Paris", "Imaginary museum of Paris: skip the line", "Cooking the dishes of Paris",
        "Night photography for beginners", "Bicycle day beyond Paris",
        "The complete, unhurried and thoroughly made-up four-day food, wine, art and architecture …"]
    assert found[2].text == "Learn five dishes & eat them. Aprons are lent."
    assert [one.price for one in found[:2]] == [Money(2208, "EUR"), None]
    assert found[4].price is None  # "514.13A" is no money
    assert {one.host for one in found} == {"tickets.example"}


@pytest.mark.parametrize(("link", "host"), [
    ("https://b2c.mla.cloud/c/QCejqyor?c=2WxbgL36", "b2c.mla.cloud"), ("HTTPS://Tickets.Example/a", "tickets.example"),
    ("http://tickets.example/a", ""), ("javascript:alert(1)", ""), ("https://ok.example@evil.example/", ""),
    ("https://evil.example:8443/", ""), ("https://10.0.0.1/", ""), ("https://localhost/", ""), ("//evil.example/", ""),
    ("https://evil.example\\@ok.example/", ""), ("https://ok.example/a\nb", ""), ("https://ökay.example/", ""),
    ("https://ok.example/\" onclick=\"x", ""), ("https://[::1]/", ""), ("https://ok.example/" + "a" * 2000, ""),
    (None, ""), (7, "")])
def test_only_a_plain_https_link_is_followed(link: Any, host: str) -> None:
    assert followed(link) == host


@pytest.mark.parametrize(("html", "text"), [
    ("<p>One</p><p>two</p>", "One two"), ("a &amp; b &lt;script&gt;alert(1)&lt;/script&gt; c", "a & b c"),
    ("<script>x</script>after<style>p{}</style>", "after"), ("<script>never closed", ""), ("a < b and c > d", "a < b and c > d"),
    ("<img src=x onerror=alert(1)>Hi", "Hi"), ("one\u202etwo\x00three", "one two three"), (None, ""), (["x"], ""),
    ("word " * 100, "word " * 35 + "word …")])
def test_texts_of_strangers_become_plain(html: Any, text: str) -> None:
    assert _text(html, 180) == text


def test_a_hotel_without_a_room_or_a_name_or_out_of_the_list_is_left_out() -> None:
    closed = {**hotel(1), "available": False}
    empty, nameless = {**hotel(2), "offers": []}, {**hotel(3), "hotel": {"hotelId": "XXPAR003"}}
    stranger, fine = {**hotel(4), "hotel": {"hotelId": "YYPAR004", "name": "Elsewhere"}}, hotel(5)
    assert [one.name for one in hotels(closed, empty, nameless, stranger, None, "x", {"hotel": 7}, fine)] == ["Hotel 5"]


@pytest.mark.parametrize(("price", "money"), [
    ({"currency": "EUR", "total": "100.00", "sellingTotal": "108.00"}, Money(10800, "EUR")),
    ({"currency": "JPY", "total": "9000.00"}, Money(9000, "JPY")), ({"currency": "EUR", "base": "90.00"}, None),
    ({"currency": "EUR", "total": "0.00"}, None), ({"currency": "EUR", "total": "-5.00"}, None),
    ({"currency": "XYZ", "total": "1.00"}, None), ({"total": "1.00"}, None), ({"currency": "EUR", "total": 5.0}, None),
    ({"currency": "EUR", "total": "NaN"}, None), ({"currency": "EUR", "total": "1.005"}, None), (None, None)])
def test_a_price_is_money_with_its_taxes_or_nothing(price: Any, money: Money | None) -> None:
    (found,) = hotels(hotel(price=price))
    assert found.price == money


@pytest.mark.parametrize(("rules", "until", "final"), [
    ({"cancellations": [{"deadline": "2027-01-09T18:00:00+05:30"}]}, datetime(2027, 1, 9, 18), False),
    ({"cancellations": [{"deadline": "2027-01-09T18:00"}, {"deadline": "2027-01-05T12:00"}]},
     datetime(2027, 1, 5, 12), False),
    ({"cancellations": [{"deadline": "2027-01-09T18:00"}, {"percentage": "50"}]}, None, False),  # half, from the start
    ({"cancellations": [{"type": "FULL_STAY", "deadline": "2027-01-09T18:00"}]}, datetime(2027, 1, 9, 18), False),
    ({"cancellation": {"type": "FULL_STAY"}}, None, True), ({"cancellations": [{"deadline": "soon"}]}, None, False),
    ({}, None, False), (None, None, False), ({"cancellations": "none"}, None, False)])
def test_cancelling_is_called_free_only_when_every_rule_says_until_when(rules: Any, until: Any, final: bool) -> None:
    (found,) = hotels(hotel(policies=rules))
    assert (found.free_until, found.final) == (until, final)


def test_only_hotels_that_can_stand_in_a_list_are_asked_for_and_at_most_twenty() -> None:
    listed = [{"hotelId": f"XXPAR{n:03d}", "distance": {"value": 40 - n, "unit": "MILE"}} for n in range(30)]
    listed += [{"hotelId": "A,B"}, {"hotelId": None}, {}, "x"]
    client = Told(by_geocode=listed, hotel_offers=[])
    AmadeusStays(client).hotels_near(*PARIS, ARRIVES, LEAVES, 1)  # type: ignore[arg-type]
    asked = client.asked[1][1]["hotelIds"].split(",")
    assert asked == [f"XXPAR{n:03d}" for n in range(29, 9, -1)]


def test_no_hotel_around_means_no_second_question_and_a_refusal_is_told() -> None:
    client = Told(by_geocode=None)
    assert AmadeusStays(client).hotels_near(*PARIS, ARRIVES, LEAVES, 1) == []  # type: ignore[arg-type]
    assert len(client.asked) == 1
    assert AmadeusStays(client).hotels_near(*PARIS, LEAVES, ARRIVES, 1) == []  # type: ignore[arg-type]
    assert len(client.asked) == 1


def test_the_sandboxes_refusals_come_through(stays: AmadeusStays) -> None:
    with pytest.raises(Refused) as refused:
        stays.hotels_near(0.0, -140.0, ARRIVES, LEAVES, 1)
    assert refused.value.vendor_code == "895"


def test_decoration_waits_for_nobody_and_asks_once() -> None:
    client = Told(by_geocode=[{"hotelId": "XXPAR001"}], hotel_offers=[], activities=[])
    stays = AmadeusStays(client)  # type: ignore[arg-type]
    stays.hotels_near(*PARIS, ARRIVES, LEAVES, 1)
    stays.activities_near(*PARIS)
    calls = [call for _, _, call in client.asked]
    assert [call.retried or call.changes for call in calls] == [False] * 3
    assert sum(call.seconds for call in calls[:2]) <= 10 and calls[2].seconds <= 5
