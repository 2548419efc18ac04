"""Security numbers on their way to the airline: one paper for each traveller, as Duffel names it, and it is taken."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from bookings import drafts, services
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from suppliers import registry
from suppliers.duffel import bodies
from suppliers.types import Traveller
from tests.doors.test_drafts import CONTACT, ME, find, person
from tests.sandbox.duffel_client import Duffel
from tests.world import TICKS, World

ADA = Traveller("pas_1", "ms", "f", "Ada", "Lovelace", date(1990, 12, 10), "ada@example.com", "+442080160508")
DOCUMENT = {"kind": "passport", "number": "X1234567", "country": "GB", "expires_on": "2031-05-20"}


def test_the_one_paper_is_named_as_duffel_names_it() -> None:
    def sent(**papers: Any) -> Any:
        return bodies._traveller(replace(ADA, **papers)).get("identity_documents")

    assert sent() is None
    assert sent(known_traveller="TT1234567") == [
        {"type": "known_traveler_number", "unique_identifier": "TT1234567", "issuing_country_code": "US"}]
    assert sent(redress="1234567") == [
        {"type": "passenger_redress_number", "unique_identifier": "1234567", "issuing_country_code": "US"}]
    assert sent(document=DOCUMENT)[0]["type"] == "passport"
    with pytest.raises(ValueError, match="one identity document"):
        sent(document=DOCUMENT, redress="1234567")


def test_a_known_traveller_number_reaches_the_airline(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    offer, now = find()[0], clock.now()
    booking = drafts.start(offer_id=offer.pk, principal=ME, user=None, now=now)
    booking = drafts.set_passengers(booking=booking, now=now, contact=CONTACT,
                                    passengers=[person(knownTravellerNumber="TT 1234567")])
    asked: list[Any] = []
    supplier = registry.get("duffel")
    real = supplier.create_order
    monkeypatch.setattr(supplier, "create_order", lambda request: asked.append(request) or real(request))
    services.book(booking=booking, hold=not offer.info.instant_only, accepted_minor=None, acknowledgements=TICKS,
                  again=False, now=now)
    booking.refresh_from_db()
    world.drive(booking)
    if offer.info.instant_only:
        world.pay(booking)
        world.drive(booking)
    assert [one.travellers[0].known_traveller for one in asked] == ["TT1234567"]
    assert booking.status in ("HOLD", "CONFIRMED"), (booking.status, booking.closing)


def test_the_sandbox_refuses_papers_that_duffel_would(world: World) -> None:
    duffel = Duffel(world.sandbox)
    paper = {"type": "known_traveler_number", "unique_identifier": "TT1234567", "issuing_country_code": "US"}
    for papers, code, pointer in (
            ([paper, {**paper, "type": "passenger_redress_number"}], "validation_length", "identity_documents"),
            ([{**paper, "type": "passport"}], "validation_inclusion", "identity_documents/0/type"),
            ([{**paper, "unique_identifier": "T 1"}], "validation_format", "identity_documents/0/unique_identifier")):
        offer = next(one for one in duffel.search(("JFK", "LAX", 40))["offers"]
                     if one["supported_passenger_identity_document_types"])
        order = duffel.order_body(offer, "instant")
        order["passengers"][0]["identity_documents"] = papers
        assert duffel.refused("POST", "/air/orders", order) == (422, code, f"/passengers/0/{pointer}")


def test_a_passport_is_no_paper_of_a_flight_at_home(world: World) -> None:
    offer, now = find()[0], clock.now()
    booking = drafts.start(offer_id=offer.pk, principal=ME, user=None, now=now)
    with pytest.raises(Problem) as told:
        drafts.set_passengers(booking=booking, passengers=[person(document={"number": "X1234567"})], contact=CONTACT,
                              now=now)
    assert "passengers.0.document.kind" in told.value.field_errors
