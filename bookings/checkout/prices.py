"""What the price has done since the customer last saw it: how much, and because of what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from bookings.checkout.pages import whole
from fly2any.kernel.money import Money

View = dict[str, Any]


def rise(before: View, after: View) -> str:
    """The query of the page that asks about a higher total; "" when the airline has not raised it."""
    old, new = before["price"], after["price"]
    if new["total"]["minor"] <= old["total"]["minor"]:
        return ""
    then = {line["label"]: line["amount"]["minor"] for line in old["services"]}
    dearer = [str(place) for place, line in enumerate(new["services"])
              if line["amount"]["minor"] > then.get(line["label"], line["amount"]["minor"])]
    return urlencode({"was": old["total"]["minor"], "fare": old["fare"]["minor"], "up": ",".join(dearer)})


def since(query: Mapping[str, str], view: View) -> View | None:
    """Old, new, difference and cause, from the query that `rise` made; None when the total is what it was."""
    price, old = view["price"], whole(query.get("was", ""))
    new, currency = price["total"]["minor"], price["total"]["currency"]
    if old <= 0 or old == new:
        return None
    before, after = Money(old, currency), Money(new, currency)
    if new < old:
        return {"rose": False, "notice": f"The price went down: you pay {after} instead of {before}."}
    return {"rose": True, "old": before, "new": price["total"], "difference": Money(new - old, currency),
            "was": old, "cause": _cause(query, price, new - old)}


def _cause(query: Mapping[str, str], price: View, more: int) -> str:
    """Fare or which extra, and by how much."""
    currency, fare = price["total"]["currency"], whole(query.get("fare", ""))
    by_fare = max(0, price["fare"]["minor"] - fare) if fare > 0 else 0
    places = [whole(place) for place in query.get("up", "").split(",")]
    names = [line["label"] for place, line in enumerate(price["services"]) if place in places]
    causes = [f"the fare by {Money(by_fare, currency)}"] if 0 < by_fare <= more else []
    if names and more > by_fare:
        causes.append(f"{', '.join(names)} by {Money(more - by_fare, currency)}")
    return f"The airline raised {' and '.join(causes)}." if causes else (
        "The total has changed since you saw it, here or in another window.")
