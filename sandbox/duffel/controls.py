"""What a tester may make Duffel or an airline do: control endpoints under ``/_duffel``."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from starlette.routing import Route

from sandbox.doors import Deed, doors
from sandbox.duffel import airline_changes, balance, cancellations, offers, orders
from sandbox.duffel.requests import now_text
from sandbox.frame import World


def schedule_change(world: World, id: str, wanted: dict[str, Any]) -> Any:
    """Let the airline move the first slice by ``minutes``."""
    return airline_changes.detect(world, id, int(wanted.get("minutes", 95)))


def cancel_by_airline(world: World, id: str, wanted: dict[str, Any]) -> Any:
    """Let the airline cancel the order and give everything back."""
    order = orders.find(world, id)
    paid = orders.state(order) == "paid"
    quote = {
        "id": world.new_id("ore"),
        "order_id": id,
        "live_mode": False,
        "created_at": now_text(world),
        "confirmed_at": None,
        "expires_at": None,
        "refund_amount": order["total_amount"] if paid else "0.00",
        "refund_currency": order["total_currency"],
        "refund_to": "balance" if paid else "awaiting_payment",
        "airline_credits": [],
    }
    cancellations.cancel(order, quote, world)
    return order


def expire_hold(world: World, id: str, wanted: dict[str, Any]) -> Any:
    """Let the airline release an unpaid hold now."""
    order = orders.find(world, id)
    order["payment_status"]["payment_required_by"] = now_text(world)
    orders.save(world, order)
    orders.lapse(world, id)
    return order


def reprice_order(world: World, id: str, wanted: dict[str, Any]) -> Any:
    """Move an unpaid order's price by ``percent``."""
    order = orders.find(world, id)
    orders.reprice(world, order, Decimal(str(wanted.get("percent", "5"))))
    return order


def reprice_offer(world: World, id: str, wanted: dict[str, Any]) -> Any:
    """Move an offer's base fare by ``percent``."""
    _, request = offers.any_age(world, id)
    offers.reprice(world, request, id, str(wanted.get("percent", offers.PRICE_RISE_PERCENT)))
    return offers.any_age(world, id)[0]


def shop(world: World, id: str, wanted: dict[str, Any]) -> Any:
    """Change what is sold with an offer: ``gone`` kinds, ``seats_gone`` designators, ``percent`` on every price,
    ``renumber`` "once" or "each" (new service ids now, or at every look at the offer)."""
    _, request = offers.any_age(world, id)
    known = {**offers.shop_of(request, id)}
    known |= {name: wanted[name] for name in ("gone", "seats_gone") if name in wanted}
    known["percent"] = str(wanted.get("percent", known["percent"]))
    known["edition"] += 1 if wanted.get("renumber") else 0
    known["each"] = wanted.get("renumber", "each" if known["each"] else "") == "each"
    offers.keep_shop(world, request, id, known)
    return known


def expire_offer(world: World, id: str, wanted: dict[str, Any]) -> Any:
    """Let an offer expire now."""
    _, request = offers.any_age(world, id)
    offers.age_out(world, request, id)
    return offers.any_age(world, id)[0]


def set_balance(world: World, id: str, wanted: dict[str, Any]) -> Any:
    """Set the agency's balance; null means unlimited."""
    balance.put(world, wanted.get("amount"))
    return {"amount": wanted.get("amount")}


def routes() -> list[Route]:
    """Return the control routes."""
    deeds: dict[str, Deed] = {
        "/_duffel/orders/{id}/schedule_change": schedule_change,
        "/_duffel/orders/{id}/cancel_by_airline": cancel_by_airline,
        "/_duffel/orders/{id}/expire_hold": expire_hold,
        "/_duffel/orders/{id}/reprice": reprice_order,
        "/_duffel/offers/{id}/reprice": reprice_offer,
        "/_duffel/offers/{id}/expire": expire_offer,
        "/_duffel/offers/{id}/services": shop,
        "/_duffel/balance": set_balance,
    }
    return doors(deeds)
