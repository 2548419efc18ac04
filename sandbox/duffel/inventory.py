"""All offers of a search: kept as one text per search shape, with the family's core and the times left blank."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sandbox.duffel import captured, extras, generated, ids
from sandbox.duffel.currency import in_currency
from sandbox.duffel.generated import Numbers, Search
from sandbox.flights import fares
from sandbox.store import dumps

Doc = dict[str, Any]
STAMP = re.compile(r"@T\+(\d+)@")
SHAPES_KEPT = 64


class Template:
    """The offers of one search shape as text, and the services of each."""

    def __init__(self, found: list[tuple[Doc, list[Doc]]]) -> None:
        self.texts = [dumps(offer) for offer, _ in found]
        self.services = [dumps(services) for _, services in found]
        self.owners = [offer["owner"]["iata_code"] for offer, _ in found]
        self.text = ",".join(self.texts)
        self.offsets = sorted({int(seconds) for seconds in STAMP.findall(self.text)})

    def offers_text(self, core: str, made: datetime, without: frozenset[str] = frozenset()) -> str:
        """Return all offers as comma-separated JSON objects, leaving out those of some carriers."""
        text = (
            self.text
            if not without
            else ",".join(text for text, owner in zip(self.texts, self.owners, strict=True) if owner not in without)
        )
        return self.fill(text, core, made)

    def fill(self, text: str, core: str, made: datetime) -> str:
        """Put the core and the times in."""
        text = text.replace(ids.BLANK, core)
        for seconds in self.offsets:
            text = text.replace(f"@T+{seconds}@", at(made + timedelta(seconds=seconds)))
        return text

    def offer(self, number: int, core: str, made: datetime) -> Doc | None:
        """Return one offer by its number within the family, or None."""
        index = number - ids.OFFERS
        if not 0 <= index < len(self.texts):
            return None
        offer: Doc = json.loads(self.fill(self.texts[index], core, made))
        return offer

    def services_of(self, number: int, core: str) -> list[Doc]:
        """Return the services of one offer, with ids."""
        found: list[Doc] = json.loads(self.services[number - ids.OFFERS].replace(ids.BLANK, core))
        return found


def at(moment: datetime) -> str:
    """Render a UTC time as Duffel does."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@lru_cache(maxsize=SHAPES_KEPT)
def template(search: Search) -> Template:
    """Return the offers of a search; the same search in the same hour gives the same offers."""
    if search.manner in ("no_offers", "timeout"):
        return Template([])
    numbers = Numbers()
    found = list(captured.offers(search, numbers))
    billed = found[0][0]["total_currency"] if found else fares.CURRENCY  # one search is priced in one currency
    for in_dollars in generated.offers(search, numbers):
        offer = in_currency(in_dollars, billed)
        services = [] if search.manner == "no_services" else extras.generated_services(offer)
        found.append((offer, services))
        if len(found) >= ids.MOST_OFFERS:
            break
    for offer, services in found:
        extras.number_services(services, ids.number_of(offer["id"]))
    return Template(found)
