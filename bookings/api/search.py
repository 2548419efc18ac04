"""Places, searches and offers."""

from __future__ import annotations

import uuid
import zlib
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from bookings import access, drafts, limits, selectors
from bookings.api import requests, shapes, waiting
from bookings.api.endpoint import Endpoint
from bookings.models import Seen
from bookings.selectors.results import Filters
from bookings.selectors.seats import seat_map_view
from fly2any.kernel import clock, counting
from suppliers import places
from suppliers.models import Search
from suppliers.search import leg_field
from suppliers.types import Leg, Place, SearchQuery

SHOWN = frozenset(shapes.SearchAnswer().fields)  # the rest of the results is for our own pages


class Places(Endpoint):
    """Airport and city suggestions."""

    makes_guests = False

    @extend_schema(operation_id="places", parameters=[requests.PlacesSerializer],
                   responses={200: shapes.PlacesAnswer, **shapes.refusals(400)}, tags=["search"])
    def get(self, request: Request) -> Response:
        """What somebody typing a few letters may mean, the likeliest first."""
        asked = self.read(requests.PlacesSerializer, request.query_params)
        tag = f'"{places.version()}-{zlib.crc32(repr((asked["q"], asked["limit"])).encode()):08x}"'
        answer = Response(status=304) if tag == request.headers.get("If-None-Match") else Response(
            {"success": True, "places": [_place(place) for place in places.suggest(asked["q"], asked["limit"])]})
        answer["ETag"] = tag
        answer["Cache-Control"] = "public, max-age=86400, stale-while-revalidate=604800"
        return answer


class FlightSearch(Endpoint):
    """A new search."""

    @extend_schema(operation_id="flights_search", parameters=[requests.SearchSerializer],
                   responses={200: shapes.SearchAnswer, **shapes.refusals(400, 422, 429, 503)}, tags=["search"])
    def get(self, request: Request) -> Response:
        """Ask all suppliers at once. Answers when they have answered, or after 20 s with `complete: false`.

        With `Prefer: respond-async` the answer comes at once; ask `GET /api/flights/search/{searchId}` for more.
        """
        asked = self.read(requests.SearchSerializer, request.query_params)
        now = clock.now()
        limits.search(access.address_of(request._request), now)
        search = drafts.search(query=query_of(asked), principal=self.principal, now=now)
        if not waiting.wants_async(request):
            with waiting.seat() as allowed:
                if allowed:
                    search = drafts.wait_for_search(search.pk, float(settings.WEB_WAIT_SECONDS))
        return results(search, Filters(limit=asked["limit"]))


class FlightResults(Endpoint):
    """A search that was made before."""

    @extend_schema(operation_id="flights_results", parameters=[requests.ResultsSerializer],
                   responses={200: shapes.SearchAnswer, **shapes.refusals(400, 404)}, tags=["search"])
    def get(self, request: Request, search_id: uuid.UUID) -> Response:
        """What has come in so far, sorted and filtered."""
        asked = self.read(requests.ResultsSerializer, request.query_params)
        search = selectors.search_for(principal=self.principal, search_id=search_id)
        return results(search, Filters(
            wanted=filters_of(asked), sort=asked["sort"], offset=asked["offset"], limit=asked["limit"],
            with_bag=asked["pricesWithBag"], one_per_journey=asked["oneFarePerTrip"]))


class OfferDetail(Endpoint):
    """One offer."""

    @extend_schema(operation_id="offer", responses={200: shapes.OfferAnswer,
                                                    **shapes.refusals(404, 410, 429, 503, 504)}, tags=["search"])
    def get(self, request: Request, offer_id: uuid.UUID) -> Response:
        """The offer as it costs now, with conditions, services, other fares of the same flights, documents needed."""
        offer = drafts.price_offer(offer_id=offer_id, principal=self.principal, now=clock.now())
        return Response({"success": True, "offer": selectors.offer_view(offer)})


class SeatMaps(Endpoint):
    """The seats of an offer."""

    @extend_schema(operation_id="seat_maps", responses={200: shapes.SeatMapsAnswer,
                                                        **shapes.refusals(404, 410, 429, 503, 504)}, tags=["search"])
    def get(self, request: Request, offer_id: uuid.UUID) -> Response:
        """One map per flight; none when the airline assigns the seats itself."""
        maps = drafts.seat_maps(offer_id=offer_id, principal=self.principal, now=clock.now())
        offer = selectors.offer_for(principal=self.principal, offer_id=offer_id)
        return Response({"success": True, "seatMaps": [seat_map_view(item, offer) for item in maps]})


def query_of(asked: dict[str, Any]) -> SearchQuery:
    """The search in the suppliers' words."""
    legs = [Leg(asked[leg_field("origin", number)].upper(), asked[leg_field("destination", number)].upper(),
                asked[leg_field("departureDate", number)]) for number in range(1, asked["flights"] + 1)]
    if asked["trip"] == "return":
        legs.append(Leg(legs[0].destination, legs[0].origin, asked["returnDate"]))
    return SearchQuery(tuple(legs), adults=asked["adults"], child_ages=asked["ages"], infants=asked["infants"],
                       cabin=asked["cabin"])


def filters_of(asked: dict[str, Any]) -> dict[str, Any]:
    """The filters in the words of `selectors.filters`."""
    codes = {name: frozenset(filter(None, asked[field].upper().split(","))) for name, field in requests.CODE_FILTERS
             if asked.get(field)}
    plain = {name: asked[field] for name, field in requests.NUMBER_FILTERS if asked.get(field) is not None}
    return codes | plain | {name: True for name, field in requests.FLAG_FILTERS if asked[field]}


def _place(place: Place) -> dict[str, Any]:
    return {"code": place.code, "text": places.label(place), "name": place.name, "city": place.city,
            "country": place.country, "countryName": places.country_name(place.country),
            "cityCode": _city_code(place), "kind": place.kind, "airports": list(place.airports)}


def _city_code(place: Place) -> str:
    """The metropolitan code an airport belongs to, or "" (a city's is its own)."""
    whole = places.metropolis(place.code) if place.kind == "airport" else place
    return whole.code if whole else ""


def results(search: Search, filters: Filters) -> Response:
    """A search as an answer."""
    view = selectors.results_view(search, filters, now=clock.now())
    if view["offers"]:
        counting.look(search.pk, Seen.Step.RESULTS)
    return Response({"success": True, **{name: value for name, value in view.items() if name in SHOWN}})
